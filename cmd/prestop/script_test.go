package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts in testdata/script are the specification of the command line, one subject a file. Beside the usual
// commands and prestop they have these:
//
//	exec ordinary program [args…]   runs it as a user who is not root
//	exits N program [args…]         runs it; it must end with exactly this status
//	took MIN MAX                    bounds how long the last exits lasted
//	term [INT|HUP]                  sends TERM, or the other, to what runs in the background
//	exited N                        after wait: the status of what term was sent to
//	await FILE REGEXP               waits until the file has it
//	server NAME STATUS [FILE]       starts an HTTP server that answers so; $NAME is its URL, $NAME_ADDRESS and $NAME_PORT are its parts
//	received NAME                   prints what it was sent, a request a line
//	arrived NAME N MIN              its Nth request came this long after the last exits began, or later
//	fill NAME FILE                  sets a variable to a file's content, in which variables are expanded as ${NAME}
//	mode FILE PERM                  checks permissions, as 0755
//	static                          lets prestop be the binary that is shipped from here on, which the test's own is not
//	apiserver NAME                  starts an API server and makes the script run in a pod of it; see there
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUpScene,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    inScene(2, (*scene).exits),
			"took":     inScene(2, (*scene).took),
			"term":     inScene(0, (*scene).term),
			"exited":   inScene(1, (*scene).exited),
			"await":    inScene(2, (*scene).await),
			"server":   inScene(2, (*scene).server),
			"received": inScene(1, (*scene).received),
			"arrived":  inScene(3, (*scene).arrived),
			"fill":     inScene(2, (*scene).fill),
			"mode":     inScene(2, (*scene).mode),

			"apiserver": inScene(1, (*scene).apiserver),
			"static":    inScene(0, (*scene).static),
		},
	})
}

// scene is what the commands of one script know of each other.
type scene struct {
	*testscript.TestScript
	began   time.Time // the last exits
	lasted  time.Duration
	termed  []*exec.Cmd
	servers map[string]*witness
}

type sceneKey struct{}

func setUpScene(env *testscript.Env) error {
	env.Values[sceneKey{}] = &scene{servers: make(map[string]*witness)}
	program, err := exec.LookPath("prestop")
	if err != nil {
		return err
	}
	env.Vars = append(env.Vars, instrumented()...)
	env.Setenv("PRESTOP", program)
	bin := filepath.Dir(program)
	for _, path := range []string{filepath.Dir(env.WorkDir), filepath.Dir(bin), bin, program} { // for ordinary
		if err := os.Chmod(path, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// inScene makes a command of a method that takes at least so many arguments.
func inScene(least int, do func(*scene, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < least {
			ts.Fatalf("expected no ! and at least %d arguments", least)
		}
		s := ts.Value(sceneKey{}).(*scene)
		s.TestScript = ts
		do(s, args)
	}
}

func (s *scene) static([]string) {
	s.Check(releaseBuilt())
	s.Setenv("PATH", release.dir+string(os.PathListSeparator)+s.Getenv("PATH"))
}

func (s *scene) exits(args []string) {
	s.began = time.Now()
	err := s.Exec(args[1], args[2:]...)
	s.lasted = time.Since(s.began)
	got := 0
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		got = ended.ExitCode()
	} else {
		s.Check(err)
	}
	if got != s.number(args[0]) {
		s.Fatalf("exit status %d, want %s", got, args[0])
	}
}

func (s *scene) number(text string) int {
	n, err := strconv.Atoi(text)
	s.Check(err)
	return n
}

func (s *scene) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	s.Check(err)
	return d
}

func (s *scene) took(args []string) {
	if s.lasted < s.duration(args[0]) || s.lasted > s.duration(args[1]) {
		s.Fatalf("it took %s, want %s to %s", s.lasted, args[0], args[1])
	}
}

func (s *scene) term(args []string) {
	signal, ok := map[string]syscall.Signal{"": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP, "QUIT": syscall.SIGQUIT, "ABRT": syscall.SIGABRT, "SEGV": syscall.SIGSEGV, "SYS": syscall.SIGSYS}[strings.Join(args, "")]
	if !ok {
		s.Fatalf("expected INT, HUP, QUIT, ABRT, SEGV, SYS or nothing, got %q", args)
	}
	s.termed = s.BackgroundCmds()
	for _, cmd := range s.termed {
		s.Check(cmd.Process.Signal(signal))
	}
}

func (s *scene) exited(args []string) {
	for _, cmd := range s.termed {
		if got := cmd.ProcessState.ExitCode(); got != s.number(args[0]) {
			s.Fatalf("exit status %d, want %s", got, args[0])
		}
	}
}

func (s *scene) await(args []string) {
	pattern, err := regexp.Compile(args[1])
	s.Check(err)
	every := time.Tick(5 * time.Millisecond)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-every {
		if text, err := os.ReadFile(s.MkAbs(args[0])); err == nil && pattern.Match(text) {
			return
		}
	}
	s.Fatalf("%s never had %s", args[0], args[1])
}

func (s *scene) server(args []string) {
	var body string
	if len(args) > 2 {
		body = s.ReadFile(args[2])
	}
	w := startWitness(answer(s.number(args[1]), "text/plain", body))
	s.Defer(w.Close)
	s.servers[args[0]] = w
	address := w.Listener.Addr().(*net.TCPAddr)
	s.Setenv(args[0], w.URL)
	s.Setenv(args[0]+"_ADDRESS", address.String())
	s.Setenv(args[0]+"_PORT", strconv.Itoa(address.Port))
}

func (s *scene) requests(name string) []sentRequest {
	w, ok := s.servers[name]
	if !ok {
		s.Fatalf("there is no server %s", name)
	}
	return w.requests()
}

func (s *scene) received(args []string) {
	out := s.Stdout()
	for _, r := range s.requests(args[0]) {
		fmt.Fprintf(out, "%s %s", r.Method, r.RequestURI)
		for _, name := range []string{"Authorization", "Content-Type", "X-Test"} {
			if value := r.Header.Get(name); value != "" {
				fmt.Fprintf(out, " %s=%s", name, value)
			}
		}
		if r.body != "" {
			fmt.Fprintf(out, " body=%s", r.body)
		}
		fmt.Fprintln(out)
	}
}

func (s *scene) arrived(args []string) {
	all, n := s.requests(args[0]), s.number(args[1])
	if n < 1 || n > len(all) {
		s.Fatalf("%d requests arrived, not %d", len(all), n)
	}
	if after := all[n-1].at.Sub(s.began); after < s.duration(args[2]) {
		s.Fatalf("it arrived after %s, want %s or later", after, args[2])
	}
}

func (s *scene) fill(args []string) {
	s.Setenv(args[0], os.Expand(s.ReadFile(args[1]), s.Getenv))
}

func (s *scene) mode(args []string) {
	info, err := os.Stat(s.MkAbs(args[0]))
	s.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[1] {
		s.Fatalf("%s has mode %s, want %s", args[0], got, args[1])
	}
}
