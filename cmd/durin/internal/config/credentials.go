package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// credentialsVar names the folder in which systemd (systemd.exec, LoadCredential)
// lays a service's secrets, and other platforms can.
const credentialsVar = "CREDENTIALS_DIRECTORY"

// addCredentials reads the files of that folder that are called after a setting:
// durin.db stands for the variable DURIN_DB, durin.key for DURIN_KEY. The
// variables themselves go before.
func addCredentials(env map[string]string, environ []string) error {
	folder := ""
	for _, entry := range environ {
		if text, ok := strings.CutPrefix(entry, credentialsVar+"="); ok {
			folder = text
		}
	}
	if folder == "" {
		return nil
	}
	names := []string{"key"}
	for _, s := range settings() {
		names = append(names, s.name)
	}
	var faults []error
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(folder, "durin."+name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			faults = append(faults, fmt.Errorf("credential: %w", err))
		case env[variable(name)] == "":
			env[variable(name)] = strings.TrimRight(string(text), "\r\n")
		}
	}
	return errors.Join(faults...)
}
