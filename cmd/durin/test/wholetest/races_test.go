package wholetest

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/durin-go/durin/cmd/durin/test/programtest"
)

// parallelCallers is how many do the same thing at once.
const parallelCallers = 8

// fast makes the commands of this test run the program as users do, without the
// race detector: it hashes hundreds of passwords.
func fast(t *testing.T) {
	t.Helper()
	t.Setenv("PATH", filepath.Dir(programtest.Build(t, "../../../.."))+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

// atOnce does something from several sides and returns the answers.
func (s *server) atOnce(n int, do func(i int) (answer, error)) []answer {
	s.T.Helper()
	answers := make([]answer, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-begin
			answers[i], errs[i] = do(i)
		})
	}
	close(begin)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			s.T.Fatal(err)
		}
	}
	return answers
}

// live counts the tokens that open a route.
func (s *server) live(tokens map[string]bool) int {
	n := 0
	for token := range tokens {
		if s.Do("GET", "/api/auth/sessions/", token, nil).StatusCode == http.StatusOK {
			n++
		}
	}
	return n
}

func TestParallelFirstLogins(t *testing.T) {
	fast(t)
	rounds := 100
	if testing.Short() {
		rounds = 10
	}
	s := start(t, prepared(t))
	for range rounds {
		tokens := map[string]bool{}
		for _, a := range s.atOnce(parallelCallers, func(int) (answer, error) { return s.TryLogin("web") }) {
			a.Want(t, "a first login", 200)
			tokens[a.Token()] = true
		}
		if len(tokens) != 1 || s.live(tokens) != 1 {
			t.Fatalf("%d tokens, want the same one for all", len(tokens))
		}
		for token := range tokens {
			s.Do("POST", "/api/auth/logout/", token, nil).Want(t, "log out", 204)
		}
	}
}

func TestParallelLoginsAtTheMaximum(t *testing.T) {
	fast(t)
	dir := prepared(t)
	const maximum = 3
	for policy, args := range map[string][]string{
		"replace": nil,
		"evict":   {"--max-tokens", strconv.Itoa(maximum)},
		"reject":  {"--max-tokens", strconv.Itoa(maximum)},
	} {
		run(t, dir, "", append([]string{"client", "create", policy, "--policy", policy}, args...)...)
	}
	s := start(t, dir)
	for policy, want := range map[string]struct{ live, refused int }{"replace": {1, 0}, "evict": {maximum, 0}, "reject": {maximum, parallelCallers - maximum}} {
		for range 5 {
			tokens, refused := map[string]bool{}, 0
			for _, a := range s.atOnce(parallelCallers, func(int) (answer, error) { return s.TryLogin(policy) }) {
				if a.StatusCode == http.StatusBadRequest {
					refused++
					continue
				}
				a.Want(t, policy, 200)
				tokens[a.Token()] = true
			}
			if refused != want.refused || len(tokens) != parallelCallers-refused || s.live(tokens) != want.live {
				t.Fatalf("%s: %d refused, %d tokens, %d of them live; want %+v", policy, refused, len(tokens), s.live(tokens), want)
			}
			run(t, dir, "", "token", "revoke", "--user", userName, "--client", policy, "--yes")
			s.Eventually("the revocation is felt", func() bool { return s.live(tokens) == 0 })
		}
	}
}

func TestParallelKeysAndRenewals(t *testing.T) {
	fast(t)
	dir := prepared(t)
	run(t, dir, "", "client", "create", "key", "--ttl", "365d")
	s := start(t, dir, "--api-access-client", "key")
	token := s.Login("web")
	for range 100 {
		count := map[int]int{}
		for _, a := range s.atOnce(parallelCallers, func(int) (answer, error) { return s.Try("POST", "/api/auth/apiaccess/", token, nil) }) {
			count[a.StatusCode]++
		}
		if count[http.StatusCreated] != 1 || count[http.StatusBadRequest] != parallelCallers-1 {
			t.Fatalf("keys: %v", count)
		}
		s.Do("DELETE", "/api/auth/apiaccess/", token, nil).Want(t, "delete the key", 204)
	}
	for range 40 {
		token := s.Login("web")
		ended := 0
		for i, a := range s.atOnce(parallelCallers, func(i int) (answer, error) {
			if i%2 == 0 {
				return s.Try("POST", "/api/auth/refresh/", token, nil)
			}
			return s.Try("POST", "/api/auth/logout/", token, nil)
		}) {
			switch {
			case i%2 == 0 && (a.StatusCode == 200 || a.StatusCode == 401):
			case i%2 == 1 && (a.StatusCode == 204 || a.StatusCode == 401):
				if a.StatusCode == 204 {
					ended++
				}
			default:
				t.Fatalf("refresh beside log-out: %s: %s", a.Status, a.Text)
			}
		}
		if ended != 1 {
			t.Fatalf("%d log-outs succeeded", ended)
		}
		s.Do("GET", "/api/auth/sessions/", token, nil).Want(t, "after the log-out", 401)
	}
}
