package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/help"
	"github.com/prestop/prestop/internal/verbs"
)

// reference is the page that has all steps, settings, commands and exit statuses.
func reference(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "reference.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Nobody reads a first page that is long.
func TestReadmeIsShort(t *testing.T) {
	t.Parallel()
	const most = 900
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if words := len(strings.Fields(string(text))); words > most {
		t.Errorf("README.md has %d words, expected %d at most: what is for reference belongs into docs", words, most)
	}
}

func helpText() string {
	var b strings.Builder
	help.Write(&b)
	return b.String()
}

// section is what stands below a heading, up to the next one.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("the page has no section %q", heading)
	}
	body, _, _ := strings.Cut(rest, "\n## ")
	return body
}

// table is the cells of a section's first table, without the two lines of its head and without backquotes.
func table(section string) [][]string {
	var rows [][]string
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			if len(rows) > 0 {
				break
			}
			continue
		}
		line = strings.ReplaceAll(line, `\|`, "\x00")
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.TrimSpace(strings.NewReplacer("`", "", "\x00", "|").Replace(cell)))
		}
		rows = append(rows, cells)
	}
	return rows[min(2, len(rows)):]
}

// documentedStatuses are the exit statuses that the reference and --help name.
func documentedStatuses(t *testing.T) map[string][]string {
	t.Helper()
	var inReference, inHelp []string
	for _, row := range table(section(t, reference(t), "Exit status")) {
		inReference = append(inReference, row[0])
	}
	_, text, _ := strings.Cut(helpText(), "Exit status\n")
	for line := range strings.Lines(text) {
		inHelp = append(inHelp, strings.Fields(line)[0])
	}
	slices.Sort(inReference)
	slices.Sort(inHelp)
	return map[string][]string{"docs/reference.md": inReference, "--help": inHelp}
}

func TestReferenceHasTheSettings(t *testing.T) {
	documented := make(map[string][]string)
	for _, cells := range table(section(t, reference(t), "Settings")) {
		documented[cells[0]] = cells
	}
	for _, row := range config.Table() {
		cells := documented[row.Env]
		delete(documented, row.Env)
		if len(cells) != 4 {
			t.Errorf("%s: the reference has no row of four cells for it: %q", row.Env, cells)
			continue
		}
		flag := "--" + row.Flag
		if row.Flag == "" {
			flag = "arguments"
		}
		if cells[1] != flag {
			t.Errorf("%s: the reference has the flag %q, want %q", row.Env, cells[1], flag)
		}
		want := row.Default()
		if cells[2] != want {
			t.Errorf("%s: the reference has the default %q, want %q", row.Env, cells[2], want)
		}
		if cells[3] == "" {
			t.Errorf("%s: the reference does not say what it means", row.Env)
		}
		words := strings.Split(row.Kind(), "|")
		for _, word := range words {
			if len(words) > 1 && row.Kind() != "true|false" && word != "file" && !strings.Contains(cells[3], word) {
				t.Errorf("%s: the reference does not name %s", row.Env, word)
			}
		}
	}
	for env := range documented {
		t.Errorf("the reference has a row for %s, which is no setting", env)
	}
}

func TestReferenceHasTheSteps(t *testing.T) {
	steps := section(t, reference(t), "Steps")
	for _, v := range verbs.All() {
		if !strings.Contains(steps, "`"+v.Name+"`") && !strings.Contains(steps, "`"+v.Name+" ") {
			t.Errorf("the reference does not name the verb %s", v.Name)
		}
		for _, option := range v.Options {
			if !strings.Contains(steps, option+"=") {
				t.Errorf("the reference does not name %s's option %s=", v.Name, option)
			}
		}
	}
	if !strings.Contains(steps, "`once`") {
		t.Error("the reference does not name the word once")
	}
}

func TestReferenceHasTheSubcommands(t *testing.T) {
	for _, name := range subcommandNames() {
		if name != "help" && !strings.Contains(reference(t), "prestop "+name) && !strings.Contains(reference(t), `"/prestop", "`+name+`"`) {
			t.Errorf("the reference does not name prestop %s", name)
		}
	}
	for _, flag := range []string{"--dry-run", "--help", "--exit-zero"} {
		if !strings.Contains(reference(t), flag) {
			t.Errorf("the reference does not name %s", flag)
		}
	}
}

func TestHelpHasTheSubcommands(t *testing.T) {
	text := helpText()
	for _, name := range subcommandNames() {
		if name != "help" && name != "lint" && !strings.Contains(text, "prestop "+name) {
			t.Errorf("--help lacks prestop %s", name)
		}
	}
}
