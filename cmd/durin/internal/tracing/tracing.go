// Package tracing sends spans of what the program does to a collector, by OTLP
// over HTTP, when that is switched on. When it is off there is nothing of it on
// any path.
//
// A span bears no part of a request but its method: no path, no query, no header,
// no user and no token.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Options say where spans go.
type Options struct {
	// Endpoint is the collector's URL, http://localhost:4318; /v1/traces is
	// added to it.
	Endpoint string
	// Version is the program's.
	Version string
	Log     *slog.Logger
}

const (
	tracesPath  = "/v1/traces"
	sendTimeout = 10 * time.Second
	// closeTimeout bounds the sending of what is left at the end.
	closeTimeout = 3 * time.Second
)

// A Tracer makes spans. A nil *Tracer makes none.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	traffic  propagation.TraceContext
}

// New returns a Tracer that sends to o.Endpoint. No collector has to be there:
// spans that it does not take in time are dropped, and nothing waits for it. The
// standard's other variables hold: OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES,
// OTEL_TRACES_SAMPLER, OTEL_BSP_… and OTEL_EXPORTER_OTLP_HEADERS.
func New(ctx context.Context, o Options) (*Tracer, error) {
	at, err := url.Parse(o.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("otlp-endpoint: %w", err)
	}
	if !strings.HasSuffix(at.Path, tracesPath) {
		at = at.JoinPath(tracesPath)
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(at.String()), otlptracehttp.WithTimeout(sendTimeout))
	if err != nil {
		return nil, fmt.Errorf("otlp-endpoint: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "durin"), attribute.String("service.version", o.Version)),
		resource.WithTelemetrySDK(), resource.WithHost(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("the attributes of traces: %w", err)
	}
	otel.SetErrorHandler(&grumble{log: o.Log})
	p := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	return &Tracer{provider: p, tracer: p.Tracer("github.com/durin-go/durin")}, nil
}

// Close sends what is left.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

// Request begins the span of a request to a route, as part of the caller's trace
// if the request tells one. end is called with the status of the answer.
func (t *Tracer) Request(r *http.Request, route string) (_ *http.Request, end func(status int)) {
	ctx := t.traffic.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	method := method(r.Method)
	ctx, span := t.tracer.Start(ctx, method+" "+route, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route)))
	return r.WithContext(ctx), func(status int) {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= 500 {
			span.SetStatus(codes.Error, http.StatusText(status))
		}
		span.End()
	}
}

// method is one of those that everybody knows.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "_OTHER"
}

// Observe begins the span of a call of a part, "database" or another, within the
// one of ctx. Where there is none, as in work that is done at intervals, there is
// nothing to see.
func (t *Tracer) Observe(ctx context.Context, part, call string) (context.Context, func(failed bool)) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ctx, func(bool) {}
	}
	ctx, span := t.tracer.Start(ctx, part+": "+call, trace.WithSpanKind(trace.SpanKindClient))
	return ctx, func(failed bool) {
		if failed { // what a driver says may have data in it: it is in the log
			span.SetStatus(codes.Error, "failed")
		}
		span.End()
	}
}

// ID is the number of the trace that ctx belongs to, or empty.
func ID(ctx context.Context) string {
	if c := trace.SpanContextFromContext(ctx); c.IsValid() {
		return c.TraceID().String()
	}
	return ""
}

// grumble logs that spans cannot be sent, at intervals.
type grumble struct {
	log  *slog.Logger
	last atomic.Int64 // Unix seconds
}

const grumbleEvery = 60

// Handle implements otel.ErrorHandler.
func (g *grumble) Handle(err error) {
	now, last := time.Now().Unix(), g.last.Load()
	if now-last >= grumbleEvery && g.last.CompareAndSwap(last, now) {
		g.log.Warn("traces cannot be sent; they are dropped", "error", err)
	}
}
