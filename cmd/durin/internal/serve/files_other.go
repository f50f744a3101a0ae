//go:build !unix

package serve

import "log/slog"

func underFileLimit(limit int, _ *slog.Logger) int { return limit }
