package watchtest

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/test/programtest"
)

func TestMain(m *testing.M) { programtest.Main(m) }

const (
	root     = "../../../.."
	userName = programtest.User
	password = programtest.Password
)

// A node is the program in a folder of its own.
type node struct {
	*programtest.Server
	ops string // a URL
}

// newNode has a database with a user and the client web.
func newNode(t *testing.T, db string, environ ...string) *node {
	t.Helper()
	dir := t.TempDir()
	n := &node{Server: &programtest.Server{T: t, Program: programtest.Itself(t), Dir: dir}}
	n.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "DURIN_DB=" + db}, environ...)
	n.Prepare()
	return n
}

var opsAddr = regexp.MustCompile(`"ops_addr":"([^"]+)"`)

// serve starts the server.
func (n *node) serve(args ...string) *node {
	n.T.Helper()
	n.Args = append([]string{"--ops-addr", "127.0.0.1:0", "--log-format", "json"}, args...)
	before := len(opsAddr.FindAllString(n.Log(), -1))
	n.Start()
	n.Eventually("the log tells the other address", func() bool {
		all := opsAddr.FindAllStringSubmatch(n.Log(), -1)
		if len(all) == before {
			return false
		}
		n.ops = "http://" + all[before][1]
		return true
	})
	return n
}

func credentials(name, pw string) url.Values { return programtest.Credentials(name, pw, "web") }

// check asks whether a token is good.
func (n *node) check(token string) int {
	status, _ := n.Ask("GET", "/api/auth/verify", token, nil)
	return status
}

// A scrape is what Prometheus gets.
type scrape struct {
	samples []sample
	types   map[string]string
	help    map[string]string
}

type sample struct {
	name   string
	labels map[string]string
	value  float64
}

var (
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$`)
	labelPair  = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"`)
)

func (n *node) scrape() scrape {
	n.T.Helper()
	res, err := n.HTTP.Get(n.ops + "/metrics")
	if err != nil {
		n.T.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		n.T.Fatalf("metrics: %s, %v", res.Status, err)
	}
	return parse(n.T, string(text))
}

func parse(t testing.TB, text string) scrape {
	t.Helper()
	s := scrape{types: map[string]string{}, help: map[string]string{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if about, ok := strings.CutPrefix(line, "# "); ok {
			kind, rest, _ := strings.Cut(about, " ")
			name, rest, _ := strings.Cut(rest, " ")
			if kind == "TYPE" {
				s.types[name] = rest
			} else {
				s.help[name] = rest
			}
			continue
		}
		m := sampleLine.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("no sample: %s", line)
		}
		value, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			t.Fatal(err)
		}
		one := sample{name: m[1], labels: map[string]string{}, value: value}
		for _, pair := range labelPair.FindAllStringSubmatch(m[2], -1) {
			one.labels[pair[1]] = pair[2]
		}
		s.samples = append(s.samples, one)
	}
	return s
}

// sum adds up the samples of a metric that have the labels: "result", "ok".
func (s scrape) sum(name string, labels ...string) (sum float64, there bool) {
	for _, one := range s.samples {
		fits := one.name == name
		for i := 0; i+1 < len(labels); i += 2 {
			fits = fits && one.labels[labels[i]] == labels[i+1]
		}
		if fits {
			sum, there = sum+one.value, true
		}
	}
	return sum, there
}

// becomes waits until the value of a metric is what is wanted.
func (n *node) becomes(want func(float64) bool, name string, labels ...string) {
	n.T.Helper()
	n.Eventually(fmt.Sprintf("%s%v moves", name, labels), func() bool {
		time.Sleep(100 * time.Millisecond) // a scrape is some work
		v, there := n.scrape().sum(name, labels...)
		return there && want(v)
	})
}

func above(bound float64) func(float64) bool { return func(v float64) bool { return v > bound } }

func is(value float64) func(float64) bool { return func(v float64) bool { return v == value } }
