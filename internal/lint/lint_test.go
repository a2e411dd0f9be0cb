package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// pages are docs/lint: a page for each rule.
var pages = filepath.Join("..", "..", "docs", "lint")

// linted is what lint finds in a text, as "12 error some-rule".
func linted(t *testing.T, text string) []string {
	t.Helper()
	return lintedWith(t, Options{}, text)
}

func lintedWith(t *testing.T, options Options, text string) []string {
	t.Helper()
	result := options.Check([]File{{Name: "web.yaml", Content: []byte(text)}})
	checkFixes(t, options, text, result)
	return shownFindings(t, result)
}

func shownFindings(t *testing.T, result Result) []string {
	t.Helper()
	var all []string
	for _, f := range result.Findings {
		all = append(all, fmt.Sprintf("%d %s %s", f.Line, f.Severity, f.ID))
		if f.Message == "" || f.Fix == "" || f.Column < 1 || f.Object == "" {
			t.Errorf("a finding lacks something: %+v", f)
		}
	}
	for _, u := range result.Unreadable {
		all = append(all, fmt.Sprintf("%d unreadable %s", u.Line, u.Text))
	}
	return all
}

// A linting is a text, and what lint finds in it.
type linting struct {
	text string
	want []string
}

func checkAll(t *testing.T, all map[string]linting) {
	t.Helper()
	for name, one := range all {
		one.check(t, name)
	}
}

func (l linting) check(t *testing.T, name string) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		if got := linted(t, l.text); !slices.Equal(got, l.want) {
			t.Errorf("found %q, expected %q in\n%s", got, l.want, l.text)
		}
	})
}

// Each page shows what is wrong, with a mark where the finding is, and what is right.
func TestPages(t *testing.T) {
	t.Parallel()
	for _, rule := range Rules() {
		t.Run(rule.ID, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join(pages, rule.ID+".md"))
			if err != nil {
				t.Fatal(err)
			}
			if head := fmt.Sprintf("# %s\n\n%s: %s\n\n", rule.ID, rule.Severity, rule.Summary); !strings.HasPrefix(string(text), head) {
				t.Errorf("the page does not begin with\n%s", head)
			}
			blocks := strings.Split(string(text), "```")
			if len(blocks) != 5 {
				t.Fatalf("expected two blocks of code, got %d", len(blocks)/2)
			}
			wrong, right := strings.TrimPrefix(blocks[1], "yaml\n"), strings.TrimPrefix(blocks[3], "yaml\n")
			before, _, marked := strings.Cut(wrong, "# <-")
			want := []string{fmt.Sprintf("%d %s %s", strings.Count(before, "\n")+1, rule.Severity, rule.ID)}
			var options Options
			if rule.ID == "exec-readiness-stops" {
				options.Kubernetes = "1.36.3"
			}
			linted := func(t *testing.T, text string) []string {
				return lintedWith(t, options, text)
			}
			if f := options.Check([]File{{Name: "web.yaml", Content: []byte(wrong)}}).Findings; len(f) > 0 {
				if _, ok := pasted(wrong, f[0]); ok == (choices[rule.ID] != "") {
					t.Errorf("the fix is to paste: %t; %q\n%s", ok, choices[rule.ID], f[0].Fix)
				}
			}
			if got := linted(t, wrong); !marked || !slices.Equal(got, want) {
				t.Errorf("found %q, expected %q", got, want)
			}
			if got := linted(t, right); len(got) > 0 {
				t.Errorf("what is right has %q", got)
			}
		})
	}
}

func TestPagesAreThoseOfTheRules(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(pages, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile(filepath.Join(pages, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	known := []string{"README.md"}
	for _, r := range Rules() {
		known = append(known, r.ID+".md")
		if row := fmt.Sprintf("| [%s](%s.md) | %s | %s |\n", r.ID, r.ID, r.Severity, r.Summary); !strings.Contains(string(index), row) {
			t.Errorf("the index lacks %s", row)
		}
	}
	for _, f := range files {
		if !slices.Contains(known, filepath.Base(f)) {
			t.Errorf("%s is the page of no rule", f)
		}
	}
	slices.Sort(known)
	if twice := slices.Compact(slices.Clone(known)); len(twice) != len(known) || strings.Count(string(index), "\n| [") != len(known)-1 {
		t.Error("a rule is there twice, or the index has rows of none")
	}
}

// The manifests that people are to copy have nothing wrong with them, nor has what charts commonly have.
func TestExamples(t *testing.T) {
	t.Parallel()
	charts, err := txtar.ParseFile("testdata/charts.txtar")
	if err != nil || len(charts.Files) == 0 {
		t.Fatal("no charts: ", err)
	}
	all := map[string]string{}
	for _, f := range charts.Files {
		all[f.Name] = string(f.Data)
	}
	own, errOwn := filepath.Glob(filepath.Join("..", "..", "examples", "*.yaml"))
	recipes, errRecipes := filepath.Glob(filepath.Join("..", "..", "examples", "recipes", "*.yaml"))
	files := append(own, recipes...)
	if errOwn != nil || errRecipes != nil || len(files) < 20 {
		t.Fatal("no examples", errOwn, errRecipes, files)
	}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(content)
	}
	for name, text := range all {
		result := Check([]File{{Name: name, Content: []byte(text)}})
		if got := shownFindings(t, result); len(got) > 0 {
			t.Errorf("%s: %q", name, got)
		}
		if len(result.Hooks) == 0 && strings.Contains(text, "preStop:") {
			t.Errorf("%s: no hook was found", name)
		}
	}
}

// What the reference shows of quoting is read as it is meant.
func TestQuotingOfTheReference(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "reference.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "### Quoting\n")
	section, _, _ = strings.Cut(section, "\n### ")
	blocks := strings.Split(section, "```yaml\n")[1:]
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of YAML", len(blocks))
	}
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		text := "kind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: web\n    image: example/web:1\n    " + strings.ReplaceAll(strings.TrimSpace(block), "\n", "\n    ") + "\n"
		result := Check([]File{{Name: "web.yaml", Content: []byte(text)}})
		if got := shownFindings(t, result); len(got) > 0 || len(result.Hooks) != 1 || len(result.Hooks[0].Plan.Steps) != 3 {
			t.Errorf("found %q in\n%s", got, text)
			continue
		}
		for _, s := range result.Hooks[0].Plan.Steps {
			if s.Err != nil {
				t.Error(s.Err)
			}
		}
		if used := result.Hooks[0].Plan.Steps[1].Variables; !slices.Equal(used, []string{"POD_NAME"}) {
			t.Errorf("the second step uses %q", used)
		}
	}
}
