package policy

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// What a release fills in is the version, and for each archive its checksum.
func TestKrewHasPlaceholders(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(deploy, "krew", "prestop.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`\{\{[^}]*\}\}`).FindAllString(string(text), -1)
	slices.Sort(found)
	want := []string{"{{SHA256_LINUX_AMD64}}", "{{SHA256_LINUX_ARM64}}", "{{VERSION}}"}
	if got := slices.Compact(found); !slices.Equal(got, want) {
		t.Errorf("it has %q", got)
	}
	archives := regexp.MustCompile(`kubectl-prestop-(\w+)-(\w+)\.tar\.gz`).FindAllString(string(text), -1)
	if len(archives) != len(want)-1 {
		t.Errorf("%d archives", len(archives))
	}
}
