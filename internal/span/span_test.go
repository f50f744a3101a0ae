package span

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	const s, m, h = time.Second, time.Minute, time.Hour
	for text, want := range map[string]time.Duration{
		// Go's, with days and weeks.
		"90m": 90 * m, "14d": 14 * day, "2w": 2 * week, "30d12h": 30*day + 12*h,
		"1d12h30m": day + 12*h + 30*m, "1.5h": 90 * m, ".5d": 12 * h, "1.w": week,
		"100ms": 100 * time.Millisecond, "5us": 5 * time.Microsecond, "5µs": 5 * time.Microsecond,
		"7ns": 7, "-2h": -2 * h, "+2h": 2 * h, "0s": 0, " 5m\n": 5 * m,
		"0.000000000000000000001w": 0, "0.3333333333333333333333s": 333333333,
		"never": Never, "Never": Never,
		// Django's.
		"3600": h, "0": 0, "1.5": 1500 * time.Millisecond, "1,5": 1500 * time.Millisecond, "1:2": m + 2*s,
		"01:30:00": 90 * m, "14 00:00": 14 * day, "14 00:00:00": 14 * day, "14 5": 14*day + 5*s,
		"1 00:00:00": day, "3 days 04:05:06": 3*day + 4*h + 5*m + 6*s, "1 day, 1:00:00": 25 * h,
		"2 days, 1:00:00": 49 * h, "2 days": 2 * day, "1 day": day, "-2 days": -2 * day,
		"-1 00:00:00": -day, "-1 01:00:00": -23 * h, "-01:00:00": -h, "1 -01:00:00": 23 * h, "1 days +01:00:00": 25 * h,
		"25:00:00": 25 * h, "90 03:00:00.000005": 90*day + 3*h + 5*time.Microsecond,
		"0.1234567": 123456 * time.Microsecond, "00:00:00.5": 500 * time.Millisecond,
		// ISO 8601.
		"P3DT2H": 3*day + 2*h, "PT36H": 36 * h, "P1D": day, "-PT1H": -h, "+PT1M1.5S": m + 1500*time.Millisecond, "P1,5D": 36 * h,
		// The edges.
		"9223372036854775806ns":  math.MaxInt64 - 1,
		"-9223372036854775808ns": math.MinInt64,
		"106751d":                106751 * day,
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("Parse(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", " ", "x", "d", "1x", "1d 12h", "1h-5m", "--1h", "1 2 3", "1:2:3:4", "P", "PT", "P1H", "1e3", "0x10",
		"days", "2 months", "nevermore", "1.2.3", ".s", "1..5s", "1 days,", "٣", "1\x00", "1d,", "14 00:00:00 UTC",
		strings.Repeat("1d", 1000),
	} {
		if got, err := Parse(text); err == nil || errors.Is(err, ErrTooLong) || !strings.Contains(err.Error(), "14d") {
			t.Errorf("Parse(%q) = %v, %v, want an error that tells the forms", text, got, err)
		}
	}
	for _, text := range []string{
		"106752d", "9223372036854775807ns", "9223372036854775808ns", "-9223372036854775809ns", "99999999999999999999",
		"999999999 00:00:00", "-999999999 00:00:00", "106751 23:59:59", "-106751 -23:59:59", "15250w9999w", "P99999999999D",
		"2562047h47m16.854775807s", "18446744073709551616s", "0:0:18446744073709551615",
	} {
		if got, err := Parse(text); !errors.Is(err, ErrTooLong) {
			t.Errorf("Parse(%q) = %v, %v, want ErrTooLong", text, got, err)
		}
	}
}

func TestFormat(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", 1500 * time.Millisecond: "1.5s", time.Minute: "1m", 90 * time.Minute: "1h30m",
		12 * time.Hour: "12h", day: "1d", 2 * week: "14d", 36*time.Hour + 30*time.Minute: "1d12h30m", Never: "never",
		-day: "-1d", 3: "3ns", 5 * time.Microsecond: "5us", 1500 * time.Microsecond: "1.5ms", day + 1: "1d0.000000001s",
		math.MaxInt64 - 1: "106751d23h47m16.854775806s", math.MinInt64: "-106751d23h47m16.854775808s",
	} {
		if got := Format(d); got != want {
			t.Errorf("Format(%d) = %q, want %q", d, got, want)
		}
		if back, err := Parse(want); err != nil || back != d {
			t.Errorf("Parse(%q) = %d, %v, want %d", want, back, err, d)
		}
	}
}

// The words of the reference, measured.
func TestWordsOfTheReference(t *testing.T) {
	raw, err := os.ReadFile("testdata/lifespans.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Seconds float64
		Text    string
	}
	if err := json.Unmarshal(raw, &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) < 100 {
		t.Fatalf("only %d rows", len(rows))
	}
	from := time.Date(2024, 2, 29, 23, 59, 59, 900_000_000, time.UTC)
	for _, row := range rows {
		whole, fraction := math.Modf(row.Seconds)
		micros := time.Duration(math.Round(fraction*1e6)) * time.Microsecond
		if got := Between(from, time.Unix(from.Unix()+int64(whole), int64(from.Nanosecond())).Add(micros)); got != row.Text {
			t.Errorf("Between of %v s: %q, want %q", row.Seconds, got, row.Text)
		}
		if math.Abs(row.Seconds) > Never.Seconds() {
			continue
		}
		if got := Words(time.Duration(whole)*time.Second + micros); got != row.Text {
			t.Errorf("Words of %v s: %q, want %q", row.Seconds, got, row.Text)
		}
	}
}

func TestWordsOfExtremes(t *testing.T) {
	if got := Words(Never); got != "never" {
		t.Errorf("Words(Never) = %q", got)
	}
	if got := Words(math.MinInt64); got != "292 years" {
		t.Errorf("Words(MinInt64) = %q", got)
	}
	if got := Words(-1); got != "a day" {
		t.Errorf("Words(-1ns) = %q", got)
	}
	if got := Between(time.Unix(0, 0), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)); got != "8,035 years" {
		t.Errorf("Between 1970 and 9999 = %q", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"90m", "14d", "2w1.5s", "never", "14 00:00:00", "2 days, 1:00:00", "-1 1:2:3.4", "P3DT2H", "9223372036854775807ns", "1,5"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse(text)
		if err != nil {
			return
		}
		if back, err := Parse(Format(d)); err != nil || back != d {
			t.Fatalf("Parse(%q) = %d, written as %q, read back as %d, %v", text, d, Format(d), back, err)
		}
		if Words(d) == "" {
			t.Fatalf("no words for %d", d)
		}
	})
}
