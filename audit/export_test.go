package audit

import "context"

// PruneNow is what a Log does now and then.
func PruneNow(ctx context.Context, l *Log) error { return l.prune(ctx) }
