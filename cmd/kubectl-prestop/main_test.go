package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/lint"
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
	var out bytes.Buffer
	lintCommand{}.writeText(&out, nil, lint.Check(files))
	if strings.ContainsAny(out.String(), "\x1b\r\u009b") || strings.Contains(out.String(), "\nweb.yaml:1") {
		t.Errorf("printed %q", out.String())
	}
	if !strings.Contains(out.String(), `container a\x1b[31m\r?web.yaml:1: error`) {
		t.Errorf("the name is gone: %q", out.String())
	}
}

// Somebody who forgot the pipe before "kubectl prestop lint -" gets away with one Ctrl-C.
func TestEndsBySignal(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	p := exec.Command("kubectl-prestop", "lint", "-")
	p.Stdin = read
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
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
