package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/prestop/prestop/internal/lint"
	"github.com/prestop/prestop/internal/testterminal"
	"github.com/prestop/prestop/internal/timeline"
)

// The test binary is the program as well.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"kubectl-prestop": main})
}

// The scripts in testdata/script are the specification of the command line, one subject a file. Beside the usual commands they have
//
//	exits N program [args…]   runs it; it must end with exactly this status
//	serve NAME [word…]        a cluster with the objects of the script's folder NAME, and a context of that name for it; the words
//	                          are what may not be read, as "list services shop", or hang, page, refuse: what the server does instead
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			env.Setenv("KUBECONFIG", filepath.Join(env.WorkDir, "kubeconfig"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "serve": serve},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("expected exits N program, without !")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		ended, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Check(err)
		}
		got = ended.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// A hook that has one finding, in its last line.
const wrongHook = "kind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: app, lifecycle: {preStop: {sleep: {seconds: 30}}}}]}\n"

// What a manifest holds is not what commands a terminal, nor a line of lint's.
func TestPrintsNoControls(t *testing.T) {
	t.Parallel()
	text := strings.Replace(wrongHook, "name: app", `name: "a\e[31m\r\nweb.yaml:1: error\x9b"`, 1)
	files := []lint.File{{Name: "web.yaml", Content: []byte(text)}}
	for _, page := range []timeline.Page{{}, {Colours: true}} {
		var out bytes.Buffer
		lintCommand{page: page}.writeText(&out, nil, lint.Check(files))
		printed := strings.ReplaceAll(out.String(), "\x1b[31merror\x1b[0m", "error")
		if strings.ContainsAny(printed, "\x1b\r\u009b") || strings.Contains(printed, "\nweb.yaml:1") {
			t.Errorf("printed %q", printed)
		}
		if !strings.Contains(printed, `container a\x1b[31m\r?web.yaml:1: error`) {
			t.Errorf("the name is gone: %q", printed)
		}
	}
}

// On a terminal the severities have colours, and the plan. Nowhere else, not where they are not wanted, and never what a manifest holds.
func TestColours(t *testing.T) {
	t.Parallel()
	const text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  terminationGracePeriodSeconds: 60\n  containers:\n" +
		"  - name: \"web\\e[35m\"\n    image: example/web:1\n    lifecycle: {preStop: {exec: {command: [/prestop, \"wait 9s\", \"wiat \\e[36m9s\"]}}}\n"
	type output struct{ args, setting string }
	plain := printed(t, false, text, "")
	for _, word := range []string{": error: ", ": warning: ", "wait 9s "} {
		if !strings.Contains(plain, word) {
			t.Fatalf("expected %q in %s", word, plain)
		}
	}
	for _, o := range []output{{"", ""}, {"", "TERM=dumb"}, {"", "NO_COLOR=1"}, {"--output=json", ""}, {"--output=sarif", ""}, {"--output=github", ""}} {
		got := printed(t, true, text, o.setting, strings.Fields(o.args)...)
		unwanted := o != output{}
		if unwanted == strings.Contains(got, "\x1b") {
			t.Errorf("%+v: printed %q", o, got)
		}
		if unwanted {
			continue
		}
		for _, word := range []string{"\x1b[31merror\x1b[0m: ", "\x1b[33mwarning\x1b[0m: "} {
			if !strings.Contains(got, word) {
				t.Errorf("expected %q in %q", word, got)
			}
		}
		if bare := regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(got, ""); bare != plain || strings.Contains(got, "\x1b[35m") || strings.Contains(got, "\x1b[36m") {
			t.Errorf("in colour it is\n%q\nand without\n%q", got, plain)
		}
	}
	if got := printed(t, false, text, "TERM=xterm"); got != plain {
		t.Errorf("through a pipe it is %q", got)
	}
}

// printed is what lint prints about a manifest, on a terminal or through a pipe.
func printed(t *testing.T, onTerminal bool, text, setting string, args ...string) string {
	t.Helper()
	p := exec.Command("kubectl-prestop", append([]string{"lint", "-"}, args...)...)
	p.Stdin = strings.NewReader(text)
	p.Env = []string{"PATH=" + os.Getenv("PATH"), "TERM=xterm", setting}
	var out bytes.Buffer
	if !onTerminal {
		p.Stdout = &out
		_ = p.Run() // with the status of what it found
		return out.String()
	}
	screen, terminal := testterminal.New(t)
	p.Stdout = terminal
	err := p.Start()
	terminal.Close()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = out.ReadFrom(screen) // which ends with an error when nobody has the terminal any more
	_ = p.Wait()
	return strings.ReplaceAll(out.String(), "\r\n", "\n")
}

// A part of a manifest must not be taken for the whole.
func TestOutputThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	const manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: a, ports: [{containerPort: 80}]}]}\n"
	for _, args := range [][]string{{"inject", "--image=prestop/prestop:1", "-"}, {"inject", "--image=prestop/prestop:1", "--diff", "-"},
		{"lint", "-"}, {"lint", "-o", "json", "-"}, {"lint", "-o", "sarif", "-"}, {"lint", "--list"}, {"completion", "bash"}, {"version"}, {"help"}, {"help", "lint"}} {
		var stderr bytes.Buffer
		status := run(invocation{args: args, stdin: strings.NewReader(manifest), stdout: fullDisk{}, stderr: &stderr})
		if status != exitMistake || !strings.Contains(stderr.String(), "the output cannot be written: no space left") {
			t.Errorf("%q: exit %d, %s", args, status, &stderr)
		}
	}
}

// Nobody types manifests. A post-renderer gets them from a pipe.
func TestInjectDoesNotWaitForATerminal(t *testing.T) {
	t.Parallel()
	_, keyboard := testterminal.New(t)
	var stdout, stderr strings.Builder
	status := run(invocation{args: []string{"inject", "--image=prestop/prestop:1"}, stdin: keyboard, stdout: &stdout, stderr: &stderr})
	if want := "expected -f with a file, a directory, or - for standard input"; status != exitMistake || !strings.Contains(stderr.String(), want) {
		t.Errorf("exit status %d, stderr %q, want %d and %q", status, stderr.String(), exitMistake, want)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }
