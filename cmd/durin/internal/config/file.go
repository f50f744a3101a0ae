package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/pflag"
)

// readFile reads the configuration file, if one is named, into texts by the
// settings' names.
func (c *Config) readFile(flags *pflag.FlagSet, env map[string]string) (map[string]string, error) {
	c.File = env[fileVar]
	if f := flags.Lookup(fileFlag); f != nil && f.Changed {
		c.File = f.Value.String()
	}
	if c.File == "" {
		return nil, nil
	}
	data, err := os.ReadFile(c.File)
	if err != nil {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	var content map[string]any
	if err := toml.Unmarshal(data, &content); err != nil {
		return nil, fmt.Errorf("configuration file %s: %w", c.File, worded(err))
	}
	return c.texts(content)
}

// worded tells the place of a fault of form, without the text around it: it may
// be a secret.
func worded(err error) error {
	var at *toml.DecodeError
	if errors.As(err, &at) {
		line, column := at.Position()
		return fmt.Errorf("line %d, column %d: %w", line, column, err)
	}
	return err
}

func (c *Config) texts(content map[string]any) (map[string]string, error) {
	var known []string
	for _, s := range settings() {
		known = append(known, s.name)
	}
	texts := map[string]string{}
	var faults []error
	for name, value := range content {
		if !slices.Contains(known, name) {
			faults = append(faults, fmt.Errorf("configuration file %s: %q is no setting%s", c.File, name, suggest(name, known)))
			continue
		}
		t, ok := textOf(value)
		if !ok {
			faults = append(faults, fmt.Errorf("configuration file %s: %s: write a text, a number, true or false, or a list of texts", c.File, name))
			continue
		}
		texts[name] = t
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return texts, errors.Join(faults...)
}

// textOf is a value of the file as a flag would have it.
func textOf(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case []any:
		texts := make([]string, len(v))
		for i, item := range v {
			t, ok := item.(string)
			if !ok || strings.Contains(t, ",") {
				return "", false
			}
			texts[i] = t
		}
		return strings.Join(texts, ","), true
	}
	return "", false
}

// suggest asks whether the nearest of the known names was meant.
func suggest(name string, known []string) string {
	best, least := "", 1+len(name)/3
	for _, k := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d <= least {
			best, least = k, d-1
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %s?", best)
}

// distance is Levenshtein's: how many bytes to change, add or leave out.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
