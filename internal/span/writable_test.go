package span

import (
	"encoding/json"
	"testing"
	"time"
)

func TestWritable(t *testing.T) {
	east, west := time.FixedZone("east", 14*3600), time.FixedZone("west", -12*3600)
	last := time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)
	for _, c := range []struct {
		at   time.Time
		loc  *time.Location
		want string
	}{
		{last, time.UTC, "9999-12-31T23:59:59.999999Z"},
		{last, east, "9999-12-31T23:59:59.999999+14:00"},
		{last, west, "9999-12-31T11:59:59.999999-12:00"},
		{last.Add(12 * time.Hour), time.UTC, "9999-12-31T23:59:59.999999Z"},
		{time.UnixMicro(1<<63 - 1), time.UTC, "9999-12-31T23:59:59.999999Z"},
		{time.Date(1, 1, 1, 3, 0, 0, 0, time.UTC), west, "0001-01-01T00:00:00.000001-12:00"},
		{time.Date(0, 12, 31, 3, 0, 0, 0, time.UTC), time.UTC, "0001-01-01T00:00:00.000001Z"},
		{time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), east, "0001-01-01T00:00:00.000001+14:00"},
		{time.UnixMicro(-1 << 63), time.UTC, "0001-01-01T00:00:00.000001Z"},
		{time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC), east, "2026-05-06T21:08:09+14:00"},
	} {
		got := Writable(c.at, c.loc)
		if text := got.Format(time.RFC3339Nano); text != c.want {
			t.Errorf("Writable(%v, %v) = %s, want %s", c.at, c.loc, text, c.want)
		}
		if _, err := json.Marshal(got); err != nil || got.IsZero() {
			t.Errorf("%v: %v", c.at, err)
		}
	}
	if !Writable(time.Time{}, west).IsZero() {
		t.Error("the zero Time changes")
	}
}
