package config

import (
	"errors"
	"time"
)

// auditSettings are about the audit log.
func auditSettings() []setting {
	return []setting{
		{"audit", Serving, "on|off", "record every change, by whom and from where", "on", func(c *Config, t string) (err error) {
			c.Audit, err = parseSwitch(t)
			return err
		}},
		{"audit-keep", Serving, "SPAN", "how long the audit log is kept: 365d, never", "365d", positive(func(c *Config) *time.Duration { return &c.AuditKeep })},
		{"audit-chain", Serving, "NAME", "the chain of the audit log that this process writes (default: the host's name)", "", func(c *Config, t string) error {
			if len(t) > 64 || t == CommandChain {
				return errors.New("a name has at most 64 bytes, and " + CommandChain + " is the commands' own")
			}
			c.AuditChain = t
			return nil
		}},
		{"audit-queue", Serving, "N", "rows of the audit log that wait in memory while the database is away", "10000", count(func(c *Config) *int { return &c.AuditQueue })},
	}
}

// CommandChain is the chain that all commands write.
const CommandChain = "commands"
