package pages

import (
	"fmt"
	"time"
)

// A Chart shows counts by day, as bars one on another, with a table beside them.
type Chart struct {
	ID     string // unique on the page
	Title  string
	Days   []time.Time
	Series []Series
}

// A Series is one count on each day of a chart.
type Series struct {
	Name   string
	Tone   string // a class of the style: "one", "two" …
	Counts []int64
}

const (
	chartHeight = 100.0
	chartWidth  = 600.0
)

// A Bar is one rectangle, in the units of the chart's view box.
type Bar struct {
	X, Y, Width, Height string
	Tone                string
}

// Most is the highest sum of a day.
func (c *Chart) Most() int64 {
	var most int64
	for i := range c.Days {
		most = max(most, c.sum(i))
	}
	return most
}

// Empty reports that there is nothing to draw.
func (c *Chart) Empty() bool { return c.Most() == 0 }

func (c *Chart) sum(day int) int64 {
	var sum int64
	for _, s := range c.Series {
		sum += s.Counts[day]
	}
	return sum
}

// Total is all of a series.
func (s Series) Total() int64 {
	var sum int64
	for _, n := range s.Counts {
		sum += n
	}
	return sum
}

// Bars are the rectangles of all days.
func (c *Chart) Bars() []Bar {
	most := c.Most()
	if most == 0 {
		return nil
	}
	var bars []Bar
	step := chartWidth / float64(len(c.Days))
	for day := range c.Days {
		foot := chartHeight
		for _, s := range c.Series {
			height := float64(s.Counts[day]) / float64(most) * chartHeight
			if s.Counts[day] == 0 {
				continue
			}
			height = max(height, 1)
			foot -= height
			bars = append(bars, Bar{
				X: unit(float64(day)*step + step*0.12), Y: unit(max(foot, 0)), Width: unit(step * 0.76), Height: unit(height), Tone: s.Tone,
			})
		}
	}
	return bars
}

func unit(f float64) string { return fmt.Sprintf("%.2f", f) }

// A Row is a day of the chart's table.
type Row struct {
	Day    time.Time
	Counts []int64
}

// Rows are the days of the chart, the latest first.
func (c *Chart) Rows() []Row {
	var rows []Row
	for day := len(c.Days) - 1; day >= 0; day-- {
		row := Row{Day: c.Days[day]}
		for _, s := range c.Series {
			row.Counts = append(row.Counts, s.Counts[day])
		}
		rows = append(rows, row)
	}
	return rows
}

// First and Last are the days at the ends.
func (c *Chart) First() time.Time { return c.Days[0] }

// Last is the latest day.
func (c *Chart) Last() time.Time { return c.Days[len(c.Days)-1] }

// A Share is a line of a list of bars: what part of the highest it is.
type Share struct {
	Name, URL string
	Count     int64
	Part      string // of 100
	Note      string
}

// SetParts sets the part of each line.
func SetParts(list []Share) []Share {
	var most int64 = 1
	for _, s := range list {
		most = max(most, s.Count)
	}
	for i := range list {
		list[i].Part = unit(float64(list[i].Count) / float64(most) * 100)
	}
	return list
}
