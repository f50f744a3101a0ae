package outbox

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/durin-go/durin/nodes"
)

// lateOutbox is a table whose numbers can appear after higher ones.
type lateOutbox struct{ rows []nodes.Ending }

func (l *lateOutbox) add(seqs ...int64) {
	for _, s := range seqs {
		l.rows = append(l.rows, nodes.Ending{Seq: s, ClientID: s})
	}
	slices.SortFunc(l.rows, func(a, b nodes.Ending) int { return int(a.Seq - b.Seq) })
}

func (l *lateOutbox) Endings(_ context.Context, after int64, limit int) ([]nodes.Ending, error) {
	i, _ := slices.BinarySearchFunc(l.rows, after+1, func(e nodes.Ending, s int64) int { return int(e.Seq - s) })
	return slices.Clone(l.rows[i:min(i+limit, len(l.rows))]), nil
}

func (l *lateOutbox) LastEnding(context.Context) (int64, error) {
	if len(l.rows) == 0 {
		return 0, nil
	}
	return l.rows[len(l.rows)-1].Seq, nil
}

func pollSeqs(t *testing.T, o *Reader, now time.Time) []int64 {
	t.Helper()
	fresh, err := o.Poll(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	var seqs []int64
	for _, e := range fresh {
		seqs = append(seqs, e.Seq)
	}
	return seqs
}

func TestOutboxReaderWaitsForMissingNumbers(t *testing.T) {
	box := &lateOutbox{}
	box.add(5, 6, 8)
	now := time.Unix(0, 0)
	o := &Reader{outbox: box}
	if err := o.Start(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		add  []int64
		wait time.Duration
		want []int64
	}{
		{nil, 0, nil},                 // what was there at the start is known
		{[]int64{9}, 0, []int64{9}},   // the next one
		{[]int64{7}, 0, []int64{7}},   // committed after 8, begun before
		{[]int64{12}, 0, []int64{12}}, // 10 and 11 are missing
		{[]int64{11}, 0, []int64{11}}, // one of them
		{[]int64{11}[:0], 0, nil},     // no number twice
		{[]int64{14}, 0, []int64{14}},
		{nil, 20 * time.Second, nil},
		{[]int64{13}, sweepEvery, []int64{13}}, // of a long transaction
		{[]int64{10}, longestTransaction, nil}, // longer than any transaction: given up
		{[]int64{15}, 0, []int64{15}},
	} {
		box.add(step.add...)
		now = now.Add(step.wait)
		if got := pollSeqs(t, o, now); !slices.Equal(got, step.want) {
			t.Errorf("after adding %v: %v, want %v", step.add, got, step.want)
		}
	}
	if len(o.missing) != 0 {
		t.Errorf("still waits for %v", o.missing)
	}
}

func TestOutboxReaderSeesEveryNumberOnce(t *testing.T) {
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		box := &lateOutbox{}
		now := time.Unix(0, 0)
		o := &Reader{outbox: box}
		next, open := int64(1), []int64{} // numbers given, not committed
		if err := o.Start(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		got := map[int64]int{}
		committed := 0
		for range 400 {
			switch rnd.IntN(4) {
			case 0, 1:
				open = append(open, next)
				next++
			case 2:
				if len(open) > 0 {
					i := rnd.IntN(len(open))
					box.add(open[i])
					committed++
					open = slices.Delete(open, i, i+1)
				}
			default:
				now = now.Add(10 * time.Millisecond)
				for _, s := range pollSeqs(t, o, now) {
					got[s]++
				}
			}
		}
		for _, s := range pollSeqs(t, o, now) {
			got[s]++
		}
		if len(got) != committed {
			t.Fatalf("seed %d: %d of %d heard", seed, len(got), committed)
		}
		for s, n := range got {
			if n != 1 {
				t.Fatalf("seed %d: number %d heard %d times", seed, s, n)
			}
		}
	}
}

func TestOutboxReaderReadsPages(t *testing.T) {
	box := &lateOutbox{}
	o := &Reader{outbox: box}
	if err := o.Start(t.Context(), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	var all []int64
	for s := range int64(2*page + 7) {
		all = append(all, s+1)
	}
	box.add(all...)
	if got := pollSeqs(t, o, time.Unix(0, 0)); !slices.Equal(got, all) {
		t.Errorf("%d of %d", len(got), len(all))
	}
}
