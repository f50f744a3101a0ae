package password

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"testing"
)

// As another process this program computes hashes, or goes wrong in its way.
const (
	asHelper = "hash-passwords"
	asMute   = "take-jobs-and-do-nothing"
	asLiar   = "answer-nonsense"
	asParent = "hash-until-killed"
)

func TestMain(m *testing.M) {
	if len(os.Args) != 2 {
		os.Exit(tests(m))
	}
	switch os.Args[1] {
	case asHelper:
		if err := Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case asMute:
		_, _ = os.Stdin.Read(make([]byte, 1))
		select {}
	case asLiar:
		_, _ = os.Stdin.Read(make([]byte, 1))
		fmt.Print("\xff\xff\xff\xffnonsense")
		select {}
	case asParent:
		parent()
	default:
		os.Exit(tests(m))
	}
}

// tests runs them, and fails when they have left goroutines that follow another
// process.
func tests(m *testing.M) int {
	code := m.Run()
	text := make([]byte, 1<<20)
	text = text[:runtime.Stack(text, true)]
	if code == 0 && bytes.Contains(text, []byte("password.(*helper)")) {
		fmt.Printf("FAIL: goroutines are left:\n%s\n", text)
		code = 1
	}
	return code
}
