package password

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/phc"
)

func TestFrames(t *testing.T) {
	for _, j := range []job{
		{}, {pw: "correct horse", encoded: "md5$salt$00", derive: true},
		{pw: durin.Secret(strings.Repeat("p", MaxBytes)), encoded: strings.Repeat("e", phc.MaxEncoded)},
	} {
		frame, err := readFrame(bytes.NewReader(appendRequest(nil, 7, j)), maxRequest)
		if err != nil {
			t.Fatal(err)
		}
		if id, got, err := parseRequest(frame); err != nil || id != 7 || got != j {
			t.Errorf("%d %v", id, err)
		}
	}
	for _, o := range []outcome{{}, {ok: true, took: time.Second}, {sum: []byte("checksum"), took: 1}, {fault: "unknown"}} {
		frame, err := readFrame(bytes.NewReader(appendAnswer(nil, 7, o)), maxAnswer)
		if err != nil {
			t.Fatal(err)
		}
		if id, got, err := parseAnswer(frame); err != nil || id != 7 || !reflect.DeepEqual(got, o) {
			t.Errorf("%d %+v %v, want %+v", id, got, err, o)
		}
	}
	long := appendAnswer(nil, 7, outcome{fault: strings.Repeat("f", 10_000)})
	if _, err := readFrame(bytes.NewReader(long), maxAnswer); err != nil {
		t.Error("a long fault:", err)
	}
}

// What is not of the form ends the process that reads it, having said why.
func TestServeRefusesNonsense(t *testing.T) {
	good := appendRequest(nil, 1, job{pw: "x", encoded: "md5$salt$00"})
	for name, in := range map[string]string{
		"too long": "\xff\xff\xff\xff", "too short": "\x00\x00\x00\x01x", "cut off": string(good[:len(good)-1]),
		"neither": "\x00\x00\x00\x07\x00\x00\x00\x01\x02\x00\x00", "longer than itself": "\x00\x00\x00\x07\x00\x00\x00\x01\x00\x00\x01",
	} {
		if err := serve(strings.NewReader(in), io.Discard); !errors.Is(err, errFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var out bytes.Buffer
	if err := serve(bytes.NewReader(good), &out); err != nil {
		t.Fatal(err)
	}
	frame, err := readFrame(&out, maxAnswer)
	if err != nil {
		t.Fatal(err)
	}
	if id, o, err := parseAnswer(frame); err != nil || id != 1 || o.fault == "" {
		t.Errorf("%d %+v %v", id, o, err)
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(appendRequest(nil, 1, job{pw: "correct horse", encoded: "md5$salt$00000000000000000000000000000000", derive: true}))
	f.Add(appendRequest(nil, 1<<31, job{encoded: "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA"}))
	f.Add(appendAnswer(nil, 2, outcome{sum: []byte("checksum"), took: time.Millisecond}))
	f.Add(appendAnswer(nil, 3, outcome{ok: true}))
	f.Add(appendAnswer(nil, 4, outcome{fault: "unknown form of password hash"}))
	f.Fuzz(func(t *testing.T, in []byte) {
		if b, err := readFrame(bytes.NewReader(in), maxRequest); err == nil {
			if id, j, err := parseRequest(b); err == nil && !bytes.HasPrefix(in, appendRequest(nil, id, j)) {
				t.Error("a request is read as another")
			}
		}
		if b, err := readFrame(bytes.NewReader(in), maxAnswer); err == nil {
			if id, o, err := parseAnswer(b); err == nil && !bytes.HasPrefix(in, appendAnswer(nil, id, o)) {
				t.Error("an answer is read as another")
			}
		}
	})
}
