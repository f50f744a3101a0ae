package watchtest

import (
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// A receiver takes traces as a collector does.
type receiver struct {
	mu    sync.Mutex
	spans []*tracev1.Span
	text  string // all that was sent, to search in
	about map[string]string
}

func (c *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unpacked
	}
	raw, err := io.ReadAll(body)
	var request collector.ExportTraceServiceRequest
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(raw, &request) != nil {
		http.Error(w, "no traces", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text += string(raw)
	c.about = map[string]string{}
	for _, resource := range request.GetResourceSpans() {
		for _, a := range resource.GetResource().GetAttributes() {
			c.about[a.GetKey()] = a.GetValue().GetStringValue()
		}
		for _, scope := range resource.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// named are the spans of a trace by their name.
func (c *receiver) named(trace string) map[string]*tracev1.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := map[string]*tracev1.Span{}
	for _, s := range c.spans {
		if trace == "" || hex.EncodeToString(s.GetTraceId()) == trace {
			found[s.GetName()] = s
		}
	}
	return found
}

// TestTraces: a request's spans arrive at a collector as part of the caller's
// trace, with nothing in them that a caller has sent.
func TestTraces(t *testing.T) {
	t.Parallel()
	at := &receiver{}
	server := httptest.NewServer(at)
	defer server.Close()
	n := newNode(t, filepath.Join(t.TempDir(), "durin.db"), "OTEL_BSP_SCHEDULE_DELAY=100", "OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=test")
	n.serve("--otlp-endpoint", server.URL, "--access-log", "--cache-ttl", "0")
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	traced := []string{"Traceparent", "00-" + trace + "-" + parent + "-01", "User-Agent", "agent-of-the-caller"}
	token := n.Login("web")
	if status, body := n.Ask("POST", "/api/auth/login/?x=open-sesame", "", credentials(userName, password), traced...); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	n.Ask("GET", "/api/auth/sessions/?x=open-sesame", token, nil, traced...)
	n.Ask("GET", "/no/such/path/open-sesame", "", nil, traced...)
	n.Ask("BREW", "/healthz", "", nil, traced...)
	want := []string{
		"POST login", "password: checking a password", "database: reading a user", "database: issuing a token",
		"GET sessions", "database: looking up a token", "GET other", "_OTHER healthz",
	}
	defer func() {
		if len(want) > 0 {
			t.Errorf("%q did not arrive", want)
		}
	}()
	n.Eventually("all spans arrive", func() bool {
		found := at.named(trace)
		want = slices.DeleteFunc(want, func(name string) bool { return found[name] != nil })
		return len(want) == 0
	})
	spans := at.named(trace)
	login, check := spans["POST login"], spans["password: checking a password"]
	if got := hex.EncodeToString(login.GetParentSpanId()); got != parent {
		t.Errorf("the login's span is within %s, not the caller's", got)
	}
	if string(check.GetParentSpanId()) != string(login.GetSpanId()) || string(spans["database: reading a user"].GetParentSpanId()) != string(check.GetSpanId()) {
		t.Error("spans do not lie within each other")
	}
	if got := attributes(login.GetAttributes()); got != "http.request.method=POST http.response.status_code=200 http.route=login" {
		t.Errorf("the login's span has %s", got)
	}
	if at.about["service.name"] != "durin" || at.about["deployment.environment.name"] != "test" {
		t.Errorf("the traces are of %v", at.about)
	}
	at.mu.Lock()
	defer at.mu.Unlock()
	for _, secret := range []string{token, password, userName, "sesame", "such", "agent-of", "BREW", "127.0.0.1"} {
		if strings.Contains(at.text, secret) {
			t.Errorf("%s is in the traces", secret)
		}
	}
	if !strings.Contains(n.Log(), `"trace_id":"`+trace+`"`) || !strings.Contains(n.Log(), `"request_id"`) {
		t.Error("the log does not tell the trace of its lines")
	}
	for _, secret := range []string{token, password, "sesame=", "x=open"} {
		if strings.Contains(n.Log(), secret) {
			t.Errorf("%s is in the log", secret)
		}
	}
}

func attributes(all []*common.KeyValue) string {
	var texts []string
	for _, a := range all {
		value := a.GetValue().GetStringValue()
		if value == "" {
			value = fmt.Sprint(a.GetValue().GetIntValue())
		}
		texts = append(texts, a.GetKey()+"="+value)
	}
	slices.Sort(texts)
	return strings.Join(texts, " ")
}

// TestTracesWithoutACollector: nobody waits for one that is away, or that takes
// what it is sent and never answers; the log says so, and the end comes soon.
func TestTracesWithoutACollector(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer silent.Close()
	defer close(hang)
	for name, endpoint := range map[string]string{"away": "http://127.0.0.1:1", "silent": silent.URL} {
		n := newNode(t, filepath.Join(t.TempDir(), "durin.db"), "OTEL_BSP_SCHEDULE_DELAY=50", "OTEL_EXPORTER_OTLP_ENDPOINT="+endpoint)
		n.serve()
		token := n.Login("web")
		for range 50 {
			if status := n.check(token); status != 200 {
				t.Errorf("%s: %d", name, status)
			}
		}
		n.Stop()
		if !strings.Contains(n.Log(), "traces") {
			t.Errorf("%s: the log says nothing:\n%s", name, n.Log())
		}
		if !strings.Contains(n.Log(), `"stopped"`) {
			t.Errorf("%s: it did not end in its usual way", name)
		}
	}
}
