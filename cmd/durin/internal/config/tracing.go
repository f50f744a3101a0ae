package config

import (
	"errors"
	"net/url"
	"strings"
)

// tracingSettings are about where traces go.
func tracingSettings() []setting {
	return []setting{
		{"otlp-endpoint", Serving, "URL", "collector of OpenTelemetry traces, http://host:4318 (default: OTEL_EXPORTER_OTLP_ENDPOINT; none: no traces)", "", setOTLPEndpoint},
	}
}

var errOTLP = errors.New("not a plain URL: write it like http://localhost:4318; what a collector asks for to let one in goes into OTEL_EXPORTER_OTLP_HEADERS")

func setOTLPEndpoint(c *Config, t string) error {
	c.OTLPEndpoint = t
	if t == "" {
		return nil
	}
	u, err := url.Parse(t)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errOTLP
	}
	return nil
}

// standardTracing takes the endpoint from OpenTelemetry's own variables, where the
// setting says nothing.
func (c *Config) standardTracing(environ []string) error {
	env := map[string]string{}
	for _, entry := range environ {
		if name, value, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "OTEL_") {
			env[name] = value
		}
	}
	if strings.EqualFold(env["OTEL_SDK_DISABLED"], "true") || strings.EqualFold(env["OTEL_TRACES_EXPORTER"], "none") {
		c.OTLPEndpoint = ""
		return nil
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"} {
		if c.OTLPEndpoint != "" || env[name] == "" {
			continue
		}
		if err := setOTLPEndpoint(c, env[name]); err != nil {
			return fault(name, err)
		}
	}
	return nil
}
