package cli

import (
	"log/slog"

	"github.com/durin-go/durin/cmd/durin/internal/output"
)

// log is the program's log, on standard error: text for people who watch, JSON
// for programs that collect.
func (r *run) log() *slog.Logger {
	options := &slog.HandlerOptions{Level: r.config.LogLevel}
	if r.config.LogFormat == "text" || r.config.LogFormat == "auto" && output.IsTerminal(r.Err) {
		return slog.New(slog.NewTextHandler(r.Err, options))
	}
	return slog.New(slog.NewJSONHandler(r.Err, options))
}
