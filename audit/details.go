package audit

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Detail is a detail of a Row, for people.
type Detail struct {
	Name, Before, Value string
	Changed             bool // from Before to Value
}

// ReadDetails takes the Details of a Row apart, by name.
func ReadDetails(text string) []Detail {
	if text == "" {
		return nil
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		return []Detail{{Name: "details", Value: text}}
	}
	var all []Detail
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		d := Detail{Name: name}
		switch v := fields[name].(type) {
		case []any:
			if len(v) == 2 && name != "heads" {
				d.Before, d.Value, d.Changed = fmt.Sprint(v[0]), fmt.Sprint(v[1]), true
			} else {
				d.Value = list(v)
			}
		case float64:
			d.Value = fmt.Sprintf("%.0f", v)
		default:
			d.Value = fmt.Sprint(v)
		}
		all = append(all, d)
	}
	return all
}

func list(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprint(v)
	}
	return strings.Join(texts, " ")
}

// DetailsText is the Details of a Row in one line.
func DetailsText(text string) string {
	var parts []string
	for _, d := range ReadDetails(text) {
		if d.Changed {
			parts = append(parts, fmt.Sprintf("%s: %s → %s", d.Name, orEmpty(d.Before), orEmpty(d.Value)))
		} else {
			parts = append(parts, d.Name+": "+d.Value)
		}
	}
	return strings.Join(parts, ", ")
}

func orEmpty(s string) string {
	if s == "" {
		return `""`
	}
	return s
}
