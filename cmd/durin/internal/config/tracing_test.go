package config

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestTracingEndpoint(t *testing.T) {
	for _, test := range []struct {
		environ []string
		want    string
		fault   string
	}{
		{nil, "", ""},
		{[]string{"DURIN_OTLP_ENDPOINT=http://a:4318", "OTEL_EXPORTER_OTLP_ENDPOINT=http://b:4318"}, "http://a:4318", ""},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://b:4318"}, "http://b:4318", ""},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://b:4318", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://c/v1/traces"}, "https://c/v1/traces", ""},
		{[]string{"DURIN_OTLP_ENDPOINT=http://a:4318", "OTEL_SDK_DISABLED=true"}, "", ""},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://b:4318", "OTEL_TRACES_EXPORTER=none"}, "", ""},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=b:4318"}, "", "OTEL_EXPORTER_OTLP_ENDPOINT: not a plain URL"},
		{[]string{"DURIN_OTLP_ENDPOINT=http://ada:open-sesame@a:4318"}, "", "DURIN_OTLP_ENDPOINT: not a plain URL"},
	} {
		flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
		Bind(flags, Common)
		Bind(flags, Serving)
		c, _, err := Load(Sources{Flags: flags, Environ: test.environ})
		if test.fault != "" {
			if err == nil || !strings.Contains(err.Error(), test.fault) || strings.Contains(err.Error(), "sesame") {
				t.Errorf("%v: %v, want %s", test.environ, err, test.fault)
			}
			continue
		}
		if err != nil || c.OTLPEndpoint != test.want {
			t.Errorf("%v: %q, %v; want %q", test.environ, c.OTLPEndpoint, err, test.want)
		}
	}
}
