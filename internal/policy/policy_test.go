package policy

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// Each page says from which version it goes, how to try it, how to see what it did, and how to take it away.
func TestPagesAnswer(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(filepath.Join(deploy, "*", "README.md"))
	if err != nil || len(pages) < 4 {
		t.Fatal(pages, err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		rest := string(text)
		for _, heading := range []string{"From which version", "Try it on one namespace", "See what it did", "Take it away"} {
			var found bool
			if _, rest, found = strings.Cut(rest, "\n## "+heading+"\n"); !found {
				t.Errorf("%s has no %q, or not in this order", page, heading)
			}
		}
	}
}
