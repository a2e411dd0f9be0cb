package packaging

import (
	"regexp"
	"strings"
	"testing"
)

// buildFlags are the settings that decide the bytes of a release, as the Makefile and the
// Dockerfile each spell them; VERSION stands for the version.
type buildFlags struct {
	cgo, arm, goflags, ldflags string
}

func (f buildFlags) env() []string {
	return []string{"CGO_ENABLED=" + f.cgo, "GOARM=" + f.arm, "GOFLAGS=" + f.goflags}
}

// readBuildFlags finds each setting in a file that must give it exactly once: a second spelling
// could disagree with the first.
func readBuildFlags(t *testing.T, name string) buildFlags {
	t.Helper()
	text := strings.NewReplacer("$(VERSION)", "VERSION", "$VERSION", "VERSION").Replace(readTree(t, name))
	one := func(pattern string) string {
		found := regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1)
		if len(found) != 1 {
			t.Fatalf("%s: %d matches of %s, expected 1", name, len(found), pattern)
		}
		return found[0][1]
	}
	return buildFlags{
		cgo:     one(`CGO_ENABLED=(\S+) GOARM`),
		arm:     one(`GOARM=(\S+)`),
		goflags: one(`GOFLAGS="([^"]*)"`),
		ldflags: one(`-ldflags="([^"]*)"`),
	}
}

func TestDockerfileBuildsAsTheMakefileDoes(t *testing.T) {
	t.Parallel()
	made, inImage := readBuildFlags(t, "Makefile"), readBuildFlags(t, "Dockerfile")
	if made != inImage {
		t.Errorf("Makefile %+v\nDockerfile %+v", made, inImage)
	}
	want := buildFlags{
		cgo:     "0",
		arm:     "6", // runs on every ARM with floating point, and does not depend on who builds
		goflags: "-buildvcs=false -trimpath -tags=nethttpomithttp2",
		ldflags: "-s -w -X main.version=VERSION",
	}
	if made != want {
		t.Errorf("Makefile %+v\n    want %+v", made, want)
	}
}

// Who installs it by Go's own command gets a static program with the same code in it.
func TestReadmeInstallsWhatTheMakefileBuilds(t *testing.T) {
	t.Parallel()
	made, readme := readBuildFlags(t, "Makefile"), readTree(t, "README.md")
	found := regexp.MustCompile("`CGO_ENABLED=(\\S+) go install (\\S+) " + regexp.QuoteMeta(module) + "/cmd/prestop@latest`").FindStringSubmatch(readme)
	if found == nil || found[1] != made.cgo || !strings.HasSuffix(made.goflags, found[2]) {
		t.Errorf("README.md says %q, the Makefile %+v", found, made)
	}
}

func TestDockerfileUsesTheModulesGo(t *testing.T) {
	t.Parallel()
	wanted := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(readTree(t, "go.mod"))
	used := regexp.MustCompile(`(?m)^FROM .*golang:(\S+) AS build$`).FindStringSubmatch(readTree(t, "Dockerfile"))
	if wanted == nil || used == nil || wanted[1] != used[1] {
		t.Errorf("go.mod says %q, the Dockerfile %q", wanted, used)
	}
}
