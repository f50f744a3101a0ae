package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// libraries are those whose login routes can be served, and where those lie
// behind the mount unless they are put elsewhere.
var libraries = map[string]string{"knox": "/knox", "drf": "/api-token-auth", "multitoken": "/multitoken"}

func compatSettings() []setting {
	return []setting{
		{"compat", Serving, "LIST", "serve the login routes of other libraries: knox, drf, multitoken; knox=NAME names the client (default: the library's)", "", setCompat},
		{"compat-path", Serving, "LIST", "where those lie: knox=/api/auth,drf=/api-token-auth (default: under the mount)", "", setCompatPath},
	}
}

// pairs reads a list of NAME=VALUE of libraries.
func pairs(list string) (map[string]string, error) {
	all := map[string]string{}
	var faults []error
	for _, item := range items(list) {
		name, value, _ := strings.Cut(item, "=")
		_, known := libraries[name]
		_, twice := all[name]
		switch {
		case !known:
			faults = append(faults, fmt.Errorf("%q is not one of %s", name, strings.Join(slices.Sorted(maps.Keys(libraries)), ", ")))
		case twice:
			faults = append(faults, fmt.Errorf("%q is there twice", name))
		}
		all[name] = value
	}
	return all, errors.Join(faults...)
}

func setCompat(c *Config, t string) (err error) {
	c.Compat, err = pairs(t)
	for name, client := range c.Compat {
		if client == "" {
			c.Compat[name] = name
		}
	}
	return err
}

func setCompatPath(c *Config, t string) (err error) {
	c.CompatPaths, err = pairs(t)
	for name, path := range c.CompatPaths {
		var plain Config
		if fault := setMount(&plain, path); fault != nil || plain.Mount == "" {
			err = errors.Join(err, fmt.Errorf("%s: %q is not a plain path: write it like /api/auth", name, path))
		}
		c.CompatPaths[name] = plain.Mount
	}
	return err
}

// compatTogether puts the routes under the mount that are put nowhere else.
func (c *Config) compatTogether() error {
	for name := range c.CompatPaths {
		if c.Compat[name] == "" {
			return fmt.Errorf("compat-path names %s, which compat does not", name)
		}
	}
	for name := range c.Compat {
		if c.CompatPaths[name] == "" {
			c.CompatPaths[name] = c.Mount + libraries[name]
		}
	}
	return nil
}
