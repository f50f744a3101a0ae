package servers

import (
	"context"
	"errors"
	"sync"
)

// drops are the databases that go while other tests run: the servers flush their
// disks for it, which takes longer than most tests do.
var drops = dropping{slots: make(chan struct{}, 4)}

type dropping struct {
	all   sync.WaitGroup
	slots chan struct{} // one for each that goes at the moment

	mu   sync.Mutex
	errs []error
}

// later runs a statement soon.
func (d *dropping) later(driver, server, statement string) {
	d.all.Go(func() {
		d.slots <- struct{}{}
		defer func() { <-d.slots }()
		ctx, cancel := context.WithTimeout(context.Background(), startTime)
		defer cancel()
		if err := do(ctx, driver, server, statement); err != nil {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.errs = append(d.errs, err)
		}
	})
}

// wait returns when all is done.
func (d *dropping) wait() error {
	d.all.Wait()
	return errors.Join(d.errs...)
}
