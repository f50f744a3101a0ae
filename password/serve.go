package password

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
)

const (
	// niceness is what is added to that of the process, up to 19, unless
	// niceVar says otherwise: about a tenth of a core's time goes to it where
	// all cores are wanted.
	niceness = 10
	niceVar  = "DURIN_HASHING_NICE"
	// shareVar, set to anything, has the process not step aside.
	shareVar = "DURIN_HASHING_SHARE"
	// garbage is how much of what is in use may be waste before it is
	// collected, in per cent. There is next to nothing to look through but
	// the memory of hashes, so collecting costs nearly nothing.
	garbage = 25
)

// Serve computes the hashes of a Hasher whose Options.Command started this
// process, until in ends, which it does when the Hasher's process ends. in and out
// are standard input and output; nothing else may be written there.
//
// The process becomes one for this alone: it gives way as Options.Nice says,
// signals that ask to stop do not end it before the Hasher does, and memory is
// collected early.
func Serve(in io.Reader, out io.Writer) error {
	giveWay()
	signal.Ignore(stopping...)
	debug.SetGCPercent(garbage)
	return serve(in, out)
}

// ownNiceness is what the Hasher's process has told this one.
func ownNiceness() int {
	if n, err := strconv.Atoi(os.Getenv(niceVar)); err == nil && n >= 0 {
		return n
	}
	return niceness
}

// serve is Serve without what concerns the process.
func serve(in io.Reader, out io.Writer) error {
	places := make(chan struct{}, runtime.GOMAXPROCS(0))
	var writing sync.Mutex
	var under sync.WaitGroup
	defer under.Wait()
	for r := bufio.NewReader(in); ; {
		frame, err := readFrame(r, maxRequest)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		id, j, err := parseRequest(frame)
		if err != nil {
			return err
		}
		places <- struct{}{}
		under.Go(func() {
			answer := appendAnswer(nil, id, j.run())
			<-places
			writing.Lock()
			defer writing.Unlock()
			_, _ = out.Write(answer) // who does not read it any more has ended, and in ends too
		})
	}
}
