package lint

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

const composeFile = "../container/compose.yaml"

// project is read as `docker compose config` does, by the schema.
func project(t *testing.T) *types.Project {
	t.Helper()
	file, err := filepath.Abs(composeFile)
	if err != nil {
		t.Fatal(err)
	}
	details := types.ConfigDetails{WorkingDir: filepath.Dir(file), ConfigFiles: []types.ConfigFile{{Filename: file}}}
	p, err := loader.LoadWithContext(t.Context(), details, func(o *loader.Options) { o.SetProjectName("durin", true) })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCompose(t *testing.T) {
	p := project(t)
	for name, s := range p.Services {
		if s.Privileged {
			t.Errorf("%s is privileged", name)
		}
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeBind && !exists(v.Source) {
				t.Errorf("%s mounts %s, which is not there", name, v.Source)
			}
		}
		for variable := range s.Environment {
			if strings.HasPrefix(variable, "DURIN_") && !isSetting(t, variable) {
				t.Errorf("%s: %s is no setting", name, variable)
			}
		}
	}
	durin, err := p.GetService("durin")
	if err != nil {
		t.Fatal(err)
	}
	if !durin.ReadOnly || durin.User != "65532:65532" || strings.Join(durin.CapDrop, "") != "ALL" {
		t.Error("durin may do more than it needs")
	}
	if !exists(filepath.Join(durin.Build.Context, durin.Build.Dockerfile)) {
		t.Errorf("there is no %s in %s", durin.Build.Dockerfile, durin.Build.Context)
	}
	for _, secret := range durin.Secrets {
		name := strings.ToUpper(strings.ReplaceAll(secret.Source, ".", "_"))
		if !isSetting(t, name) {
			t.Errorf("the secret %s stands for no setting", secret.Source)
		}
	}
	if strings.Contains(read(t, composeFile), "PASSWORD:") {
		t.Error("a password stands in the file")
	}
}
