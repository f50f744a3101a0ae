package load

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestRun(t *testing.T) {
	var paths [2]atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/1" {
			paths[1].Add(1)
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		paths[0].Add(1)
		if r.Header.Get("Authorization") != "Token x" {
			t.Error(r.Header)
		}
		_, _ = w.Write([]byte("ok"))
	}))
	defer srv.Close()
	for _, rate := range []float64{0, 500} {
		r, err := Run(t.Context(), Plan{Addr: strings.TrimPrefix(srv.URL, "http://"), Requests: [][]byte{Get("/0", "Authorization: Token x"), Get("/1", "")}, Conns: 3, For: 100 * time.Millisecond, Rate: rate})
		if err != nil {
			t.Fatal(err)
		}
		if int64(r.Good()) != paths[0].Swap(0) || int64(r.Status[401]) != paths[1].Swap(0) || r.Good() == 0 {
			t.Errorf("rate %v: %v", rate, r.Status)
		}
		if len(r.Latencies) != r.Good()+r.Status[401] || r.Percentile(0.99) < r.Percentile(0.5) || r.Percentile(1) > 10*time.Second {
			t.Error(len(r.Latencies), r.Percentile(0.5), r.Percentile(0.99))
		}
	}
}

func TestRunSendsEachOnce(t *testing.T) {
	var seen [101]atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Path[1:])
		seen[n].Add(1)
		_, _ = w.Write([]byte("ok"))
	}))
	defer srv.Close()
	var all [][]byte
	for i := range seen {
		all = append(all, Get("/"+strconv.Itoa(i), ""))
	}
	if _, err := Run(t.Context(), Plan{Addr: strings.TrimPrefix(srv.URL, "http://"), Requests: all, Conns: 8}); err != nil {
		t.Fatal(err)
	}
	for i := range seen {
		if n := seen[i].Load(); n != 1 {
			t.Errorf("request %d was sent %d times", i, n)
		}
	}
}

func TestRunTellsOfFailure(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	addr := strings.TrimPrefix(srv.URL, "http://")
	srv.Close()
	if _, err := Run(t.Context(), Plan{Addr: addr, Requests: [][]byte{Get("/", "")}, Conns: 1, For: time.Second}); err == nil {
		t.Error("no server, no error")
	}
}
