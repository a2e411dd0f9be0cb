package policy

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write deploy/ anew")

const deploy = "../../deploy"

// What a cluster is given is what the templates say.
func TestFilesAreWritten(t *testing.T) {
	t.Parallel()
	var written []string
	for _, f := range Files() {
		path := filepath.Join(deploy, filepath.FromSlash(f.Path))
		written = append(written, path)
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(f.Text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != f.Text {
			t.Errorf("%s is not what internal/policy writes; go test ./internal/policy -update", path)
		}
	}
	for _, dir := range []string{"policy", "kyverno", "validate"} {
		err := filepath.WalkDir(filepath.Join(deploy, dir), func(path string, _ fs.DirEntry, err error) error {
			if err == nil && filepath.Ext(path) == ".yaml" && !slices.Contains(written, path) {
				t.Errorf("%s: nothing writes it", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
