package cli

import (
	"context"
	"log/slog"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/internal/output"
	"github.com/durin-go/durin/cmd/durin/internal/tracing"
)

// log is the program's log, on standard error: text for people who watch, JSON
// for programs that collect.
func (r *run) log() *slog.Logger {
	options := &slog.HandlerOptions{Level: r.config.LogLevel}
	if r.logsJSON() {
		return slog.New(inRequest{slog.NewJSONHandler(output.CleanJSON(r.Err), options)})
	}
	return slog.New(inRequest{slog.NewTextHandler(r.Err, options)})
}

// logsJSON reports whether the log is JSON.
func (r *run) logsJSON() bool {
	return r.config.LogFormat != "text" && (r.config.LogFormat != "auto" || !output.IsTerminal(r.Err))
}

// inRequest adds the id of the request that a record belongs to, and of its trace.
type inRequest struct{ slog.Handler }

func (h inRequest) Handle(ctx context.Context, record slog.Record) error {
	if id := durin.OriginFrom(ctx).RequestID; id != "" {
		record.AddAttrs(slog.String("request_id", id))
	}
	if id := tracing.ID(ctx); id != "" {
		record.AddAttrs(slog.String("trace_id", id))
	}
	return h.Handler.Handle(ctx, record)
}

func (h inRequest) WithAttrs(attrs []slog.Attr) slog.Handler {
	return inRequest{h.Handler.WithAttrs(attrs)}
}

func (h inRequest) WithGroup(name string) slog.Handler { return inRequest{h.Handler.WithGroup(name)} }
