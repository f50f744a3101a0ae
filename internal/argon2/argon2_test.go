package argon2

import (
	"bytes"
	"fmt"
	"testing"

	original "golang.org/x/crypto/argon2"
)

// One space serves hashes of every size and kind in turn: nothing of one is left
// in the next.
func TestLikeTheOriginal(t *testing.T) {
	type params struct {
		time, memory uint32
		threads      uint8
		length       uint32
	}
	all := []params{{1, 64, 1, 32}, {3, 256, 4, 64}, {2, 19 << 10, 1, 32}, {1, 8, 1, 4}, {2, 1031, 3, 100}, {4, 64, 8, 16}, {1, 0, 2, 24}}
	both := []*Space{{}, {OneThread: true}}
	for round := range 2 {
		for _, p := range all {
			for _, space := range both {
				t.Run(fmt.Sprint(p, space.OneThread, round), func(t *testing.T) {
					pw, salt := fmt.Appendf(nil, "password %d", round), []byte("somesaltsomesalt")
					if got, want := space.IDKey(pw, salt, p.time, p.memory, p.threads, p.length), original.IDKey(pw, salt, p.time, p.memory, p.threads, p.length); !bytes.Equal(got, want) {
						t.Errorf("Argon2id is %x, want %x", got, want)
					}
					if got, want := space.Key(pw, salt, p.time, p.memory, p.threads, p.length), original.Key(pw, salt, p.time, p.memory, p.threads, p.length); !bytes.Equal(got, want) {
						t.Errorf("Argon2i is %x, want %x", got, want)
					}
				})
			}
		}
	}
	if n := both[0].Bytes(); n != 19<<20 {
		t.Errorf("the space has %d bytes, want those of the largest hash", n)
	}
}

func TestASpaceIsUsedAgain(t *testing.T) {
	s := &Space{OneThread: true}
	hash := func() { s.IDKey([]byte("password"), []byte("somesaltsomesalt"), 1, 1024, 1, 32) }
	hash()
	before := &s.blocks[0]
	hash()
	if before != &s.blocks[0] {
		t.Error("a second hash took other memory")
	}
}

func FuzzLikeTheOriginal(f *testing.F) {
	f.Add([]byte("password"), []byte("somesalt"), uint8(1), uint16(64), uint8(1))
	f.Add([]byte(""), []byte(""), uint8(3), uint16(100), uint8(4))
	space := &Space{OneThread: true}
	f.Fuzz(func(t *testing.T, pw, salt []byte, time uint8, memory uint16, threads uint8) {
		time, memory, threads = time%4+1, memory%2048, threads%8+1
		got := space.IDKey(pw, salt, uint32(time), uint32(memory), threads, 32)
		if want := original.IDKey(pw, salt, uint32(time), uint32(memory), threads, 32); !bytes.Equal(got, want) {
			t.Errorf("%x, want %x", got, want)
		}
	})
}

// The portable code gives what the fast one gives.
func TestPortable(t *testing.T) {
	var in1, in2, a, b block
	for i := range in1 {
		in1[i], in2[i] = uint64(i)*0x9e3779b97f4a7c15, uint64(i)^0xdeadbeef
		a[i], b[i] = uint64(i), uint64(i)
	}
	processBlock(&a, &in1, &in2)
	processBlockGeneric(&b, &in1, &in2, false)
	if a != b {
		t.Error("they differ")
	}
	processBlockXOR(&a, &in2, &in1)
	processBlockGeneric(&b, &in2, &in1, true)
	if a != b {
		t.Error("they differ where they add up")
	}
}
