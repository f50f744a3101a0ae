package cli

import (
	"context"

	"github.com/durin-go/durin/cmd/durin/internal/metrics"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/cmd/durin/internal/tracing"
)

// watched are the options of a node whose work can be looked at: by metrics, and
// by traces where they are on. The function ends the traces, after the node.
func (r *run) watched(o node.Options) (node.Options, func(context.Context), error) {
	version := buildVersion().Version
	o.Metrics = metrics.New(version, r.config.Redis != "")
	if r.config.OTLPEndpoint == "" {
		return o, func(context.Context) {}, nil
	}
	var err error
	o.Trace, err = tracing.New(r.ctx, tracing.Options{Endpoint: r.config.OTLPEndpoint, Version: version, Log: o.Log})
	return o, func(ctx context.Context) {
		if err := o.Trace.Close(ctx); err != nil {
			o.Log.Warn("the last traces could not be sent", "error", err)
		}
	}, err
}
