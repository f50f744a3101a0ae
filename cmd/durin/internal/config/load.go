package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/account"
	"github.com/spf13/pflag"
)

// The names that are not settings.
const (
	prefix   = "DURIN_"
	fileFlag = "config"
	fileVar  = "DURIN_CONFIG"
	keyVar   = "DURIN_KEY"
)

// rawFlag holds a flag's text until all sources are known.
type rawFlag struct {
	text string
	arg  string
}

func (f *rawFlag) String() string     { return f.text }
func (f *rawFlag) Set(t string) error { f.text = t; return nil }
func (f *rawFlag) Type() string       { return f.arg }

// Bind adds the flags of the settings of scope to flags; those of Common come
// with --config.
func Bind(flags *pflag.FlagSet, scope Scope) {
	if scope == Common {
		flags.VarPF(&rawFlag{arg: "PATH"}, fileFlag, "", "configuration file, TOML: a key for each setting")
	}
	for _, s := range settings() {
		if s.scope != scope {
			continue
		}
		value := &rawFlag{text: s.text, arg: s.arg}
		flag := flags.VarPF(value, s.name, "", s.usage)
		if s.isSwitch() {
			flag.NoOptDefVal = "true"
			value.arg = "bool"
		}
	}
}

// BindOne adds the flag of one setting to flags, with a usage of the command's own.
func BindOne(flags *pflag.FlagSet, name, usage string) {
	for _, s := range settings() {
		if s.name == name {
			flags.VarPF(&rawFlag{arg: s.arg}, s.name, "", usage)
		}
	}
}

// Sources are where Load looks.
type Sources struct {
	// Flags were parsed; they need not hold all settings.
	Flags *pflag.FlagSet
	// Environ is the environment, in the form of os.Environ. A variable that
	// is there and empty counts as not set.
	Environ []string
}

// Load reads all sources. Its error joins every fault that there is; the
// warnings are sentences about what is no fault but hardly meant.
func Load(from Sources) (*Config, []string, error) {
	env := environment(from.Environ)
	faults := []error{addCredentials(env, from.Environ)}
	c := &Config{Key: durin.Secret(env[keyVar]), Given: map[string]string{}, Named: map[string]bool{}}
	file, err := c.readFile(from.Flags, env)
	faults = append(faults, err)
	for _, s := range settings() {
		text, source := s.text, ""
		if t, ok := file[s.name]; ok {
			text, source = t, "key "+s.name+" in "+c.File
		}
		if t := env[variable(s.name)]; t != "" {
			text, source = t, variable(s.name)
		}
		if f := from.Flags.Lookup(s.name); f != nil && f.Changed && isRaw(f) {
			text, source = f.Value.String(), "--"+s.name
		}
		c.Named[s.name] = source != ""
		if text != s.text {
			c.Given[s.name] = text
			if strings.HasPrefix(source, "key ") {
				c.fromFile = append(c.fromFile, s.name)
			}
		}
		if err := s.set(c, text); err != nil {
			faults = append(faults, fault(source, err))
		}
	}
	faults = append(faults, c.standardTracing(from.Environ), c.together())
	return c, strange(env), errors.Join(faults...)
}

// isRaw tells a setting's flag from another command's own of the same name.
func isRaw(f *pflag.Flag) bool {
	_, ok := f.Value.(*rawFlag)
	return ok
}

// fault says in each line of err where it comes from.
func fault(source string, err error) error {
	lines := strings.Split(err.Error(), "\n")
	for i := range lines {
		lines[i] = source + ": " + lines[i]
	}
	return errors.New(strings.Join(lines, "\n"))
}

// together checks what no setting can tell by itself.
func (c *Config) together() error {
	var faults []error
	if (c.TLSCert == "") != (c.TLSKey == "") {
		faults = append(faults, errors.New("tls-cert and tls-key belong together: set both or none"))
	}
	if c.APIAccessClient == "" && (c.APIAccessHideSession || c.APIAccessShowToken || c.APIAccessPassword) {
		faults = append(faults, errors.New("api-access-hide-session, api-access-show-token and api-access-password do nothing without api-access-client"))
	}
	if c.CORSCredentials && len(c.CORSOrigins) == 0 {
		faults = append(faults, errors.New("cors-credentials does nothing without cors-origin"))
	}
	if c.OpsAddr != "" && c.OpsAddr == c.Addr && !strings.HasSuffix(c.Addr, ":0") {
		faults = append(faults, errors.New("ops-addr is the same as addr: leave it out, or give it a port of its own"))
	}
	if at := c.VerifyAddr; at != "" && !strings.HasSuffix(at, ":0") && (at == c.Addr || at == c.OpsAddr) {
		faults = append(faults, errors.New("verify-addr is the same as addr or ops-addr: give it a port of its own, or a socket, that only the proxy reaches"))
	}
	faults = append(faults, c.compatTogether(), c.besidePages())
	return errors.Join(faults...)
}

// besidePages refuses clients that are the pages' own, and paths that the pages are
// at: nobody would reach what is there.
func (c *Config) besidePages() error {
	var faults []error
	client := func(setting, name string) {
		if name == durin.AdminClient || name == account.DefaultClient {
			faults = append(faults, fmt.Errorf("%s: %s is the client of the pages: name another", setting, name))
		}
	}
	path := func(setting, path string) {
		for _, taken := range []string{"/admin/", "/account/"} {
			if strings.HasPrefix(path+"/", taken) {
				faults = append(faults, fmt.Errorf("%s: the pages are at %s: choose a path elsewhere", setting, taken))
			}
		}
	}
	client("api-access-client", c.APIAccessClient)
	path("mount", c.Mount)
	for library, name := range c.Compat {
		if name == durin.AdminClient {
			client("compat", name)
		}
		path("compat-path", c.CompatPaths[library])
	}
	return errors.Join(faults...)
}

// variable is the name of a setting in the environment.
func variable(name string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

func environment(environ []string) map[string]string {
	env := map[string]string{}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok && strings.HasPrefix(name, prefix) {
			env[name] = value
		}
	}
	return env
}

// strange names variables that look like ours and are not. They are no fault:
// container platforms make such names up, DURIN_SERVICE_HOST and DURIN_PORT for
// a service called durin.
func strange(env map[string]string) []string {
	known := []string{fileVar, keyVar}
	for _, s := range settings() {
		known = append(known, variable(s.name))
	}
	var warnings []string
	for name, value := range env {
		if value != "" && !slices.Contains(known, name) && !strings.HasPrefix(name, "DURIN_PORT") && !strings.HasPrefix(name, "DURIN_SERVICE_") {
			warnings = append(warnings, fmt.Sprintf("the variable %s is no setting%s", name, suggest(name, known)))
		}
	}
	slices.Sort(warnings)
	return warnings
}

// Environ is the process's environment.
func Environ() []string { return os.Environ() }
