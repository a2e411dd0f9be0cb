package packaging

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var (
	action = regexp.MustCompile(`(?m)uses: *(\S+)@(\S+)(.*)$`)
	pin    = regexp.MustCompile(`^[0-9a-f]{40}$`)
	named  = regexp.MustCompile(`^ # v\d+\.\d+\.\d+$`)
)

func workflows(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*"))
	if err != nil || len(paths) < 4 {
		t.Fatalf("%d workflows, %v: the test looks at the wrong place", len(paths), err)
	}
	all := map[string]string{}
	for _, path := range paths {
		all[filepath.Base(path)] = readTree(t, filepath.Join(".github", "workflows", filepath.Base(path)))
	}
	return all
}

// A tag of somebody else's action can move; a commit cannot. The version beside it is for people and dependabot.
func TestActionsArePinned(t *testing.T) {
	t.Parallel()
	pins, seen := map[string]string{}, 0
	for name, text := range workflows(t) {
		for _, found := range action.FindAllStringSubmatch(text, -1) {
			seen++
			if !pin.MatchString(found[2]) || !named.MatchString(found[3]) {
				t.Errorf("%s: %s, expected a commit and its version", name, found[0])
			}
			owner := strings.Join(strings.Split(found[1], "/")[:2], "/")
			if other, ok := pins[owner]; ok && other != found[2]+found[3] {
				t.Errorf("%s: %s is another version elsewhere: %s", name, found[0], other)
			}
			pins[owner] = found[2] + found[3]
		}
	}
	if seen < 8 {
		t.Errorf("%d actions seen: the test looks at the wrong place", seen)
	}
}

// A workflow may read the sources. What more a job needs, the job says.
func TestWorkflowsMayReadAlone(t *testing.T) {
	t.Parallel()
	for name, text := range workflows(t) {
		var workflow struct {
			Permissions any
			Jobs        map[string]struct {
				Timeout int `yaml:"timeout-minutes"`
			}
		}
		if err := yaml.Unmarshal([]byte(text), &workflow); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		granted, _ := workflow.Permissions.(map[string]any)
		if len(granted) != 1 || granted["contents"] != "read" {
			t.Errorf("%s: permissions are %v, expected contents: read", name, workflow.Permissions)
		}
		for job, has := range workflow.Jobs {
			if has.Timeout == 0 {
				t.Errorf("%s: the job %s has no timeout-minutes", name, job)
			}
		}
	}
}

// The release's identity is the workflow's path: docs/verify.md and the workflow must agree.
func TestVerifyNamesTheReleaseWorkflow(t *testing.T) {
	t.Parallel()
	found := regexp.MustCompile(`\.github/workflows/([\w.]+)`).FindAllStringSubmatch(readTree(t, "docs/verify.md"), -1)
	if len(found) < 3 {
		t.Fatalf("%d places: the test looks at the wrong one", len(found))
	}
	all := workflows(t)
	for _, workflow := range found {
		if !strings.Contains(all[workflow[1]], "make release VERSION=") {
			t.Errorf("%s makes no release", workflow[0])
		}
	}
}

func TestDependabotLooksAtEachModule(t *testing.T) {
	t.Parallel()
	var settings struct {
		Updates []struct {
			Ecosystem   string `yaml:"package-ecosystem"`
			Directories []string
		}
	}
	if err := yaml.Unmarshal([]byte(readTree(t, ".github/dependabot.yml")), &settings); err != nil {
		t.Fatal(err)
	}
	var want []string
	eachText(t, func(name, _ string) {
		if filepath.Base(name) == "go.mod" && !strings.Contains(name, "testdata") {
			want = append(want, strings.TrimSuffix("/"+filepath.ToSlash(filepath.Dir(name)), "/."))
		}
	})
	for i, dir := range want {
		if dir == "" {
			want[i] = "/"
		}
	}
	slices.Sort(want)
	for _, update := range settings.Updates {
		if update.Ecosystem != "gomod" {
			continue
		}
		slices.Sort(update.Directories)
		if !slices.Equal(update.Directories, want) {
			t.Errorf("it looks at %q, modules are in %q", update.Directories, want)
		}
		return
	}
	t.Error("it looks at no module")
}
