package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/lint"
)

// pages are docs/lint: a page for each rule.
var pages = filepath.Join("..", "..", "docs", "lint")

// linted is what lint finds in a text, as "12 error some-rule".
func linted(t *testing.T, text string) []string {
	t.Helper()
	return shownFindings(t, lint.Check([]lint.File{{Name: "web.yaml", Content: []byte(text)}}, readHook))
}

func shownFindings(t *testing.T, result lint.Result) []string {
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

// Each page shows what is wrong, with a mark where the finding is, and what is right.
func TestLintPages(t *testing.T) {
	t.Parallel()
	for _, rule := range lint.Rules() {
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
			if got := linted(t, wrong); !marked || !slices.Equal(got, want) {
				t.Errorf("found %q, expected %q", got, want)
			}
			if got := linted(t, right); len(got) > 0 {
				t.Errorf("what is right has %q", got)
			}
		})
	}
}

func TestLintPagesAreThoseOfTheRules(t *testing.T) {
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
	for _, r := range lint.Rules() {
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

// The manifests that people are to copy have nothing wrong with them.
func TestLintExamples(t *testing.T) {
	t.Parallel()
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
		result := lint.Check([]lint.File{{Name: name, Content: content}}, readHook)
		if got := shownFindings(t, result); len(got) > 0 {
			t.Errorf("%s: %q", name, got)
		}
		if len(result.Hooks) == 0 && strings.Contains(string(content), "preStop:") {
			t.Errorf("%s: no hook was found", name)
		}
	}
}

// Somebody who forgot the pipe before "prestop lint -" gets away with one Ctrl-C.
func TestLintEndsBySignal(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	p := prepare(t, nil, "lint", "-")
	p.Stdin = read
	p.begin()
	if _, err := write.WriteString("kind: Pod\n"); err != nil {
		t.Fatal(err)
	}
	every := time.NewTicker(5 * time.Millisecond)
	defer every.Stop()
	for unread := 1; unread > 0; <-every.C {
		if unread, err = unix.IoctlGetInt(int(read.Fd()), unix.TIOCINQ); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Wait() }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		p.Process.Kill()
		<-ended
		t.Error("it still reads 10 s after SIGINT")
	}
}
