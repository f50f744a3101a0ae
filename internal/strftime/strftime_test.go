package strftime

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
	"unicode/utf8"
)

// The table holds what Python 3.11 on Linux writes.
func TestFormatAsPython(t *testing.T) {
	raw, err := os.ReadFile("testdata/python.json")
	if err != nil {
		t.Fatal(err)
	}
	var groups []struct {
		Instant time.Time
		Zone    string
		Formats map[string]string
	}
	if err := json.Unmarshal(raw, &groups); err != nil {
		t.Fatal(err)
	}
	for _, group := range groups {
		zone, err := time.LoadLocation(group.Zone)
		if err != nil {
			t.Fatal(err)
		}
		if len(group.Formats) < 40 {
			t.Errorf("only %d patterns for %v", len(group.Formats), group.Instant)
		}
		at := group.Instant.In(zone)
		for pattern, want := range group.Formats {
			if got := Format(at, pattern); got != want {
				t.Errorf("Format(%v, %q) = %q, want %q", at, pattern, got, want)
			}
		}
	}
}

// What is no directive stays as it is, the minus sign too.
func TestNoDirective(t *testing.T) {
	at := time.Date(2024, 1, 2, 3, 4, 5, 6000, time.UTC)
	for pattern, want := range map[string]string{
		"": "", "%": "%", "100%": "100%", "%-": "%-", "%é": "%é", "%Q %10d %Ey %_d": "%Q %10d %Ey %_d", "%%d": "%d", "%-A %-z": "Tuesday +0000", "%-e/%-m": "2/1", "%s": "1704164645",
	} {
		if got := Format(at, pattern); got != want {
			t.Errorf("Format(%q) = %q, want %q", pattern, got, want)
		}
	}
}

func FuzzFormat(f *testing.F) {
	for _, pattern := range []string{"%Y-%m-%dT%H:%M:%S.%f%z", "%-_0^#12Ed", "%", "%%", "100% é", "%é"} {
		f.Add(pattern, int64(4070908800))
	}
	f.Fuzz(func(t *testing.T, pattern string, seconds int64) {
		at := time.Unix(seconds%(1<<40), 0).UTC()
		got := Format(at, pattern)
		if utf8.ValidString(pattern) && !utf8.ValidString(got) {
			t.Fatalf("Format(%q) = %q", pattern, got)
		}
		if !strings.Contains(pattern, "%") && got != pattern {
			t.Fatalf("Format(%q) = %q", pattern, got)
		}
	})
}
