package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/dns"
	"github.com/prestop/prestop/internal/dryrun"
	"github.com/prestop/prestop/internal/hook"
	"github.com/prestop/prestop/internal/secret"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/testmanifest"
	"github.com/prestop/prestop/internal/verbs"
	"github.com/prestop/prestop/prestop"
)

// What docs/*.md, README.md and the other pages beside it show is tried, so that they say what the program does. docs/lint has a test of its own.
//
// A ```console block is one session of a shell. Its commands are run with the real program, beside an app that listens on port 8080
// (a free port of four digits in truth), as the pod web-0, in no cluster. The page must show all that they print:
//
//   - a line that is … alone stands for any lines, or none; … within a line for any text;
//   - what a clock says may differ: @timestamp, elapsed, remaining, began, took, at_most, for, and how long a connection took; so
//     may what localhost resolves to;
//   - `helm template … | kubectl prestop lint -` is the plugin's, whose own test runs it;
//   - of `kubectl exec … -- /prestop …` what is behind -- is run; any other kubectl command is one of a list, is not run, and
//     shows nothing; so are those of other programs; make has the target.
//
// A ```yaml block is YAML, and a hook in it is a plan without mistakes and warnings. A ```json block is JSON; ```text is for drawings. Steps, settings and
// flags in `backquotes` are such. Links lead somewhere.

const repository = "../.."

// A document is a page, its name from the repository's root.
type document struct{ name, text string }

func documents(t *testing.T) []document {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(repository, "docs", "*.md"))
	if err != nil || len(names) < 9 {
		t.Fatalf("%d pages in docs, which is less than there are: %v", len(names), err)
	}
	var all []document
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "RELEASING.md", "CHANGELOG.md"} {
		names = append(names, filepath.Join(repository, name))
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		name, _ = filepath.Rel(repository, name)
		all = append(all, document{name, string(text)})
	}
	return all
}

func pageOf(t *testing.T, name string) document {
	t.Helper()
	all := documents(t)
	n := slices.IndexFunc(all, func(d document) bool { return d.name == name })
	if n < 0 {
		t.Fatalf("there is no %s", name)
	}
	return all[n]
}

// A block is what stands between two lines of ```.
type block struct {
	language, text string
	line           int // of the first line of its text
}

// parts are a page's blocks, and its text without them.
func (d document) parts() (blocks []block, prose string) {
	var b strings.Builder
	for n, line := range strings.Split(d.text, "\n") {
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		open := len(blocks) > 0 && blocks[len(blocks)-1].line < 0
		switch last := len(blocks) - 1; {
		case isFence && !open:
			blocks = append(blocks, block{language: fence, line: -(n + 2)})
		case isFence:
			blocks[last].line = -blocks[last].line
		case open:
			blocks[last].text += line + "\n"
		default:
			b.WriteString(line + "\n")
		}
	}
	return blocks, b.String()
}

func eachBlock(t *testing.T, language string, do func(*testing.T, document, block)) {
	t.Helper()
	for _, d := range documents(t) {
		blocks, _ := d.parts()
		for _, b := range blocks {
			if b.language == language {
				t.Run(fmt.Sprintf("%s:%d", d.name, b.line), func(t *testing.T) { t.Parallel(); do(t, d, b) })
			}
		}
	}
}

func TestDocsBlocksAreTried(t *testing.T) {
	t.Parallel()
	commands := 0
	for _, d := range documents(t) {
		blocks, _ := d.parts()
		for _, b := range blocks {
			if b.line < 0 || !slices.Contains([]string{"console", "yaml", "json", "text"}, b.language) {
				t.Errorf("%s:%d: expected a closed block of console, yaml, json or text, got %q", d.name, max(b.line, -b.line), b.language)
			}
			commands += strings.Count(b.text, "\n$ prestop") + strings.Count(b.text, "-- /prestop")
			if strings.HasPrefix(b.text, "$ prestop") {
				commands++
			}
		}
	}
	if commands < 10 {
		t.Errorf("%d commands, which is less than the pages have: the test looks at the wrong place", commands)
	}
}

func TestDocsConsole(t *testing.T) {
	t.Parallel()
	eachBlock(t, "console", func(t *testing.T, d document, b block) {
		s := newSession(t)
		for _, problem := range s.check(b.text) {
			t.Errorf("%s:%d: %s", d.name, b.line, problem)
		}
	})
}

// What a page gets wrong is found.
func TestDocsConsoleFindsMistakes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, block, problem string }{
		{"right", "$ prestop version\nprestop dev\n", ""},
		{"another output", "$ prestop version\nprestop 1\n", "prestop dev"},
		{"output left out", "$ prestop version\n", "prestop dev"},
		{"output that does not come", "$ prestop version\nprestop dev\nmore\n", "more"},
		{"any lines", "$ prestop --help\n…\nExit status\n…\n", ""},
		{"lines that are not among them", "$ prestop --help\n…\nExit statuses\n…\n", "Exit statuses"},
		{"any text", "$ prestop version\nprestop …v\n", ""},
		{"the status of the command before", "$ prestop wait soon\n…\n$ echo $?\n2\n", ""},
		{"another status", "$ prestop wait soon\n…\n$ echo $?\n0\n", "2\n"},
		{"several lines", "$ prestop \\\n    version\nprestop dev\n", ""},
		{"the app's port", "$ prestop --dry-run 'post http://localhost:8080/x'\n…\n  connected to 127.0.0.1:8080 in 1s\n…\n", ""},
		{"a clock", "$ prestop --log-format=text 'wait 1ms'\n…\n00:00:00 +9.9s info  step done  step=\"wait 1ms\" took=9s\n…\n", ""},
		{"a duration that is none of a clock's", "$ prestop --log-format=text --grace-period=60 'wait 1ms'\n00:00:00 +9.9s info  prestop begins … reserve=11s …\n…\n", "reserve=10s"},
		{"kubectl exec", "$ kubectl exec web-0 -c web -- /prestop version\nprestop dev\n", ""},
		{"kubectl exec, another output", "$ kubectl exec web-0 -- /prestop version\nprestop 2\n", "prestop dev"},
		{"kubectl", "$ kubectl describe pod web-0\n", ""},
		{"kubectl with an output", "$ kubectl get pods\nNAME\n", "is not run"},
		{"kubectl of another kind", "$ kubectl deplete pod web-0\n", "deplete"},
		{"the plugin", "$ helm template ./web | kubectl prestop lint -\nanything\n", ""},
		{"make", "$ make test   # all\n", ""},
		{"no target", "$ make coffee\n", "coffee"},
		{"another program", "$ rm -r /\n", "rm"},
		{"another program behind", "$ prestop version; rm -r /\n", "one command"},
		{"no command", "prestop dev\n", "before the first command"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(newSession(t).check(test.block), "\n")
			if (got == "") != (test.problem == "") || !strings.Contains(got, test.problem) {
				t.Errorf("found %q, expected %q", got, test.problem)
			}
		})
	}
}

// A session is a shell beside an app.
type session struct {
	t   *testing.T
	app string // the port of the app
	dir string
}

const shownPort = "8080"

func newSession(t *testing.T) *session {
	t.Helper()
	listener := listenOnFourDigits(t)
	start := func(h http.Handler) *httptest.Server {
		s := &httptest.Server{Listener: listener, Config: &http.Server{Handler: h}}
		s.Start()
		return s
	}
	w := startWitnessBy(start, func(w http.ResponseWriter, r sentRequest) {
		if r.Method != http.MethodGet {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		io.WriteString(w, `{"status": "drained", "connections": 0}`)
	})
	t.Cleanup(w.Close)
	return &session{t, strconv.Itoa(listener.Addr().(*net.TCPAddr).Port), t.TempDir()}
}

// listenOnFourDigits keeps the columns of what is printed where they are for 8080.
func listenOnFourDigits(t *testing.T) net.Listener {
	t.Helper()
	for port := 8081; port < 10000; port++ {
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return l
		}
	}
	t.Fatal("no port of four digits is free")
	return nil
}

// An exchange is a command and what the page says that it prints.
type exchange struct{ command, shown string }

func exchanges(text string) (all []exchange, problem string) {
	more := false
	for line := range strings.Lines(text) {
		command, isCommand := strings.CutPrefix(line, "$ ")
		last := len(all) - 1
		switch {
		case more:
			all[last].command += line
		case isCommand:
			all = append(all, exchange{command: command})
		case last < 0:
			return nil, "a line before the first command"
		default:
			all[last].shown += line
		}
		more = (more || isCommand) && strings.HasSuffix(line, "\\\n")
	}
	return all, ""
}

var (
	helm        = regexp.MustCompile(`^helm template \S+ \| kubectl prestop lint -$`)
	comment     = regexp.MustCompile(`\s+# .*`)
	assignments = regexp.MustCompile(`^([A-Z_]+=\S* +)*`)
	inPodOf     = regexp.MustCompile(`^kubectl exec [^'"$]*? -- /prestop( |$)`)
	quoted      = regexp.MustCompile(`'[^']*'|"[^"]*"`)
	makeTarget  = regexp.MustCompile(`(?m)^([a-z0-9]+):.* ## `)
)

// notRun are the commands of other programs that pages may show. They are not run.
var notRun = map[string][]string{
	"kubectl":   {"annotate", "apply", "create", "delete", "describe", "events", "exec", "get", "label", "logs", "prestop inject", "prestop lint", "rollout"},
	"cd":        {"prestop"},
	"cmp":       {"dist/release/SHA256SUMS"},
	"cosign":    {"verify", "verify-blob-attestation"},
	"docker":    {"buildx imagetools inspect", "compose stop", "compose up"},
	"gh":        {"attestation verify"},
	"git":       {"clone"},
	"go":        {"install github.com/prestop/prestop/cmd/"},
	"jq":        {"--raw-output"},
	"sha256sum": {"--check"},
	"tar":       {"--extract"},
}

// check runs what can be run and says what is otherwise than shown.
func (s *session) check(text string) (problems []string) {
	all, problem := exchanges(text)
	if problem != "" {
		return []string{problem}
	}
	var script strings.Builder
	script.WriteString("mark() { status=$?; printf '\\001'; return $status; }\n")
	ran := make([]bool, len(all))
	for n, x := range all {
		command := strings.TrimSpace(comment.ReplaceAllString(x.command, ""))
		command = inPodOf.ReplaceAllString(command, "prestop$1")
		if helm.MatchString(command) {
			continue
		}
		if strings.ContainsAny(quoted.ReplaceAllString(command, ""), ";|&<>`()") {
			problems = append(problems, command+": expected one command a line")
			continue
		}
		words := strings.Fields(assignments.ReplaceAllString(command, ""))
		switch words[0] {
		case "prestop", "echo":
			ran[n] = true
			script.WriteString(command)
			script.WriteString("\n")
		case "make":
			problems = append(problems, s.makes(words[1:])...)
		default:
			problems = append(problems, mayShow(words)...)
		}
		if !ran[n] && x.shown != "" {
			problems = append(problems, command+" is not run: expected that nothing is shown for it")
		}
		script.WriteString("mark\n")
	}
	if len(problems) > 0 || !slices.Contains(ran, true) {
		return problems
	}
	printed := strings.Split(s.run(script.String()), "\x01")
	for n, x := range all {
		if got := s.asShown(printed[n]); ran[n] && !shownAs(x.shown).MatchString(steady(got)) {
			problems = append(problems, fmt.Sprintf("$ %sprints\n%s\nbut the page has\n%s", x.command, got, x.shown))
		}
	}
	return problems
}

// mayShow finds a command that pages may not show.
func mayShow(words []string) (problems []string) {
	begins, known := notRun[words[0]]
	rest := strings.Join(words[1:], " ")
	switch {
	case !known:
		return []string{words[0] + ": expected prestop, make, echo or " + strings.Join(slices.Sorted(maps.Keys(notRun)), ", ")}
	case !slices.ContainsFunc(begins, func(b string) bool { return strings.HasPrefix(rest, b) }):
		return []string{words[0] + " " + rest + ": expected " + words[0] + " " + strings.Join(begins, ", ")}
	}
	return nil
}

func (s *session) makes(targets []string) (problems []string) {
	text, err := os.ReadFile(filepath.Join(repository, "Makefile"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, target := range targets {
		if strings.Contains(target, "=") { // a variable
			continue
		}
		if !slices.ContainsFunc(makeTarget.FindAllSubmatch(text, -1), func(m [][]byte) bool { return string(m[1]) == target }) {
			problems = append(problems, "make "+target+": the Makefile has no such target")
		}
	}
	return problems
}

// run runs a script, and returns what it prints on both outputs. A status is no failure.
func (s *session) run(script string) string {
	s.t.Helper()
	shell := exec.CommandContext(s.t.Context(), "sh", "-c", strings.ReplaceAll(script, shownPort, s.app))
	shell.Dir = s.dir
	shell.Env = append(instrumented(), "PATH="+os.Getenv("PATH"), "TMPDIR="+s.dir, "POD_NAME=web-0", "POD_IP=127.0.0.1")
	var out bytes.Buffer
	shell.Stdout, shell.Stderr = &out, &out
	err := shell.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		s.t.Fatal(err)
	}
	return out.String()
}

func (s *session) asShown(printed string) string {
	return strings.NewReplacer(s.app, shownPort, s.dir, "/tmp").Replace(printed)
}

var clocks = []*regexp.Regexp{
	regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d \+[0-9.]+s`),
	regexp.MustCompile(`"@timestamp":"[^"]*"`),
	regexp.MustCompile(`"(elapsed|remaining|began|took|at_most|for)":[0-9.]+`),
	regexp.MustCompile(`\b(elapsed|took|at_most|for)=[0-9.]+m?s\b`),
	regexp.MustCompile(`\b(elapsed)=[0-9.]+\b`),
	regexp.MustCompile(`(?m)\bin [0-9.]+(µ|m)?s$`),
	regexp.MustCompile(`(?m)^  resolved to .*`), // which is the machine's affair
}

// steady is a text without what clocks said.
func steady(text string) string {
	for _, c := range clocks {
		text = c.ReplaceAllString(text, "(clock)")
	}
	return text
}

// shownAs is what a page shows, as a pattern of what may be printed.
func shownAs(text string) *regexp.Regexp {
	var pattern strings.Builder
	pattern.WriteString(`\A`)
	for line := range strings.Lines(steady(text)) {
		if strings.TrimSpace(line) == "…" {
			pattern.WriteString(`(?:.*\n)*?`)
			continue
		}
		pattern.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*"))
	}
	return regexp.MustCompile(pattern.String() + `\z`)
}

func TestDocsJSON(t *testing.T) {
	t.Parallel()
	eachBlock(t, "json", func(t *testing.T, d document, b block) {
		if !json.Valid([]byte(b.text)) {
			t.Errorf("%s:%d: no JSON", d.name, b.line)
		}
	})
}

func TestDocsYAML(t *testing.T) {
	t.Parallel()
	eachBlock(t, "yaml", func(t *testing.T, d document, b block) {
		for _, problem := range checkYAML(t, b.text) {
			t.Errorf("%s:%d: %s", d.name, b.line, problem)
		}
	})
}

func TestDocsYAMLFindsMistakes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, block, problem string }{
		{"no YAML", "a: [", "yaml"},
		{"a hook", "lifecycle: {preStop: {exec: {command: [/prestop, wait 20s]}}}", ""},
		{"a wrong step", "command: [/prestop, wiat 20s]", "step 1 (wiat 20s)"},
		{"a step that does not fit", "terminationGracePeriodSeconds: 20\ncommand: [/prestop, wait 20s]", "shortened"},
		{"a wrong flag", "command: [/prestop, --nope, wait 20s]", "--nope"},
		{"a wrong variable", "env: [{name: PRE_STOP_STEP, value: wait 1s}]\ncommand: [/prestop]", "PRE_STOP_STEP"},
		{"an unset variable", "command: [/opt/prestop, get http://$(POD_IP)/]", "POD_IP"},
		{"a set one", "env: [{name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]\ncommand: [/opt/prestop, get http://$(POD_IP)/]", ""},
		{"two graces", "terminationGracePeriodSeconds: 90\nenv: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: '60'}]\ncommand: [/prestop]", "90"},
		{"a wrong word after a subcommand", "exec: {command: [/prestop, elasticsearch-clear, now]}", "now"},
		{"a subcommand", "exec: {command: [/prestop, elasticsearch-clear, --exit-zero]}", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(checkYAML(t, test.block), "\n")
			if (got == "") != (test.problem == "") || !strings.Contains(got, test.problem) {
				t.Errorf("found %q, expected %q", got, test.problem)
			}
		})
	}
}

func checkYAML(t *testing.T, text string) (problems []string) {
	t.Helper()
	all, err := testmanifest.Values(text)
	if err != nil {
		return []string{err.Error()}
	}
	for _, content := range all {
		problems = append(problems, scope{env: map[string]string{}}.check(t, content)...)
	}
	return problems
}

// A scope is what a part of a manifest has from around it.
type scope struct {
	env   map[string]string
	grace string
}

func (s scope) check(t *testing.T, content any) (problems []string) {
	switch content := content.(type) {
	case []any:
		for _, item := range content {
			problems = append(problems, s.check(t, item)...)
		}
	case map[string]any:
		s = s.within(content)
		if command, ok := content["command"].([]any); ok && len(command) > 0 && filepath.Base(fmt.Sprint(command[0])) == "prestop" {
			var args []string
			for _, word := range command[1:] {
				args = append(args, fmt.Sprint(word))
			}
			problems = append(problems, s.checkHook(t, args)...)
		}
		for _, item := range content {
			problems = append(problems, s.check(t, item)...)
		}
	}
	return problems
}

// within adds the variables of a container and the grace period of a pod.
func (s scope) within(content map[string]any) scope {
	if grace, ok := content["terminationGracePeriodSeconds"].(float64); ok {
		s.grace = fmt.Sprint(grace)
	}
	list, _ := content["env"].([]any)
	s.env = maps.Clone(s.env)
	if s.env == nil {
		s.env = make(map[string]string)
	}
	for _, item := range list {
		one, _ := item.(map[string]any)
		value, set := one["value"].(string)
		if !set {
			value = "192.0.2.7" // whatever the cluster says, and an address too
		}
		s.env[fmt.Sprint(one["name"])] = value
	}
	return s
}

func (s scope) checkHook(t *testing.T, args []string) (problems []string) {
	if s.grace == "" {
		s.grace = "60"
	}
	if s.env[graceEnv] == "" {
		s.env = maps.Clone(s.env)
		if s.env == nil {
			s.env = make(map[string]string)
		}
		s.env[graceEnv] = s.grace
	}
	if len(args) > 0 && subcommands()[args[0]] != nil {
		read := config.Read
		if args[0] == "elasticsearch-clear" {
			read = config.ReadClear
		}
		c, err := read(args[1:], s.env, t.TempDir())
		if err != nil || len(c.Problems) > 0 || len(c.Arguments) > 0 && args[0] != "install" {
			return []string{fmt.Sprintf("%q: %v", args, err)}
		}
		return nil
	}
	p := planOf(t, s.env, args...)
	for _, wrong := range p.Problems {
		problems = append(problems, wrong.Error())
	}
	if got := s.env[graceEnv]; s.grace != "60" && got != s.grace {
		problems = append(problems, fmt.Sprintf("%s is %s, and terminationGracePeriodSeconds %s", graceEnv, got, s.grace))
	}
	if len(p.Entries) == 0 && p.Floor == 0 {
		problems = append(problems, "the plan is empty")
	}
	for _, w := range p.Warnings {
		problems = append(problems, w.Text)
	}
	return problems
}

const graceEnv = "PRE_STOP_GRACE_PERIOD_SECONDS"

// planOf is the plan of a hook in a pod with these variables.
func planOf(t *testing.T, env map[string]string, args ...string) *hook.Plan {
	t.Helper()
	c, err := config.Read(args, env, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return hook.Read(c, &secret.Set{}).Plan(hook.World{Start: time.Now(), InPod: true, ContainerID: func() string { return "" }})
}

var (
	flagSpan    = regexp.MustCompile(`^(--[a-z][a-z-]*)(=\S*| \S+)?$`)
	placeholder = regexp.MustCompile(`\b[A-Z]{3,}\b|…`)
	variable    = regexp.MustCompile(`PRE_STOP_[A-Z_]+`)
)

// Steps, settings and flags that pages name are there.
func TestDocsNames(t *testing.T) {
	t.Parallel()
	var known []string
	for _, row := range config.Table() {
		known = append(known, row.Env, "--"+row.Flag)
	}
	known = append(known, "--dry-run", "--output", "--help", "--exit-zero", "PRE_STOP_PORT", "PRE_STOP_SERVICE_")
	known = append(known, "--version", "--diff", "--recursive")
	known = append(known, "--fail", "--max-time", "--sync-rate-limit", "--metrics", "--shutdown-timeout", "--graceful-timeout", "--timeout-graceful-shutdown", "--min") // other programs'
	env := map[string]string{"KUBERNETES_SERVICE_HOST": "10.96.0.1", "POD_IP": "192.0.2.7", "POD_NAME": "web-0", "NODE_ID": "3", "VAULT_TOKEN": "token", "PRE_STOP_ELASTICSEARCH_URL": "https://es:9200"}
	steps := 0
	for _, d := range documents(t) {
		_, prose := d.parts()
		for _, name := range variable.FindAllString(prose, -1) {
			if !slices.Contains(known, name) && !slices.ContainsFunc(known, func(k string) bool { return strings.HasSuffix(name, "_") && strings.HasPrefix(k, name) }) {
				t.Errorf("%s: %s is no setting", d.name, name)
			}
		}
		for _, found := range span.FindAllStringSubmatch(prose, -1) {
			text := strings.ReplaceAll(found[1], `\|`, "|")
			if m := flagSpan.FindStringSubmatch(text); m != nil && !slices.Contains(known, m[1]) {
				t.Errorf("%s: %s is no flag", d.name, text)
			}
			if isStep(text) {
				steps++
				with := maps.Clone(env)
				if strings.Contains(text, "into=NODE_ID") { // which gives it
					delete(with, "NODE_ID")
				}
				for _, wrong := range planOf(t, with, text).Problems {
					t.Errorf("%s: %s: %v", d.name, text, wrong)
				}
			}
		}
	}
	if steps < 40 {
		t.Errorf("%d steps, which is less than the pages have", steps)
	}
}

// isStep tells what is written to be taken as it is from a verb's name and its description.
func isStep(text string) bool {
	known := strings.NewReplacer("QUIT", "", "TERM", "", "USR1", "", "USR2", "", "$(NODE_ID)", "", "$(POD_NAME)", "", "$(VAULT_TOKEN)", "", "SHUTTING_DOWN", "")
	isVerb := func(v *step.Verb) bool { return text == v.Name }
	begins := func(v *step.Verb) bool { return strings.HasPrefix(text, v.Name+" ") }
	return slices.ContainsFunc(verbs.All(), begins) && !slices.ContainsFunc(verbs.All(), isVerb) && !placeholder.MatchString(known.Replace(text))
}

var (
	linkOut = regexp.MustCompile(`\]\(([^)]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notWord = regexp.MustCompile(`[^a-z0-9 _-]`)
)

func anchors(text string) []string {
	var all []string
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		all = append(all, strings.ReplaceAll(notWord.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-"))
	}
	return all
}

// Each page begins with who it is for.
func TestDocsSayWhoTheyAreFor(t *testing.T) {
	t.Parallel()
	for _, d := range documents(t) {
		_, rest, _ := strings.Cut(d.text, "\n\n")
		if !strings.HasPrefix(rest, "For ") && d.name != "README.md" {
			t.Errorf("%s: expected a page that begins with who it is for, got %.50q", d.name, rest)
		}
	}
}

func TestDocsLinks(t *testing.T) {
	t.Parallel()
	index := pageOf(t, "docs/README.md").text
	for _, d := range documents(t) {
		if dir, base := filepath.Split(d.name); dir == "docs/" && base != "README.md" && !strings.Contains(index, "]("+base+")") {
			t.Errorf("docs/README.md has no link to %s", base)
		}
		for _, found := range linkOut.FindAllStringSubmatch(d.text, -1) {
			target, anchor, _ := strings.Cut(found[1], "#")
			if strings.HasPrefix(target, "https://") {
				continue
			}
			at := filepath.Join(repository, filepath.Dir(d.name), target)
			if target == "" {
				at = filepath.Join(repository, d.name)
			}
			info, err := os.Stat(at)
			if err != nil {
				t.Errorf("%s: a dead link: %v", d.name, err)
				continue
			}
			if anchor == "" {
				continue
			}
			if text, _ := os.ReadFile(at); info.IsDir() || !slices.Contains(anchors(string(text)), anchor) {
				t.Errorf("%s: %s has no heading for #%s", d.name, target, anchor)
			}
		}
	}
}

// declarations calls do for all that the program's source declares. room is the folder's name.
func declarations(t *testing.T, do func(room string, d ast.Decl)) {
	t.Helper()
	for _, room := range []string{"cmd/prestop", "prestop", "shutdown", "drain", "internal"} {
		err := filepath.WalkDir(filepath.Join(repository, room), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if slices.Contains([]string{"bench", "fakees", "packaging", "testserver", "testdata"}, entry.Name()) {
				return fs.SkipDir
			}
			if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			for _, d := range file.Decls {
				do(filepath.Base(filepath.Dir(path)), d)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// literals are the texts in the program's source.
func literals(t *testing.T) (all []string) {
	t.Helper()
	declarations(t, func(_ string, d ast.Decl) {
		ast.Inspect(d, func(n ast.Node) bool {
			if text, ok := literal(n); ok {
				all = append(all, text)
			}
			return true
		})
	})
	return all
}

// eventCodes are the identifiers of what the program logs: of warnings about a plan, and of warnings and errors of a run.
// Each call of Warn, and of Error with a text, must name one.
func eventCodes(t *testing.T) (plan, run []string) {
	t.Helper()
	declarations(t, func(room string, d ast.Decl) {
		ast.Inspect(d, func(n ast.Node) bool {
			var values []ast.Expr
			switch n := n.(type) {
			case *ast.CallExpr:
				values = n.Args
				called, isMethod := n.Fun.(*ast.SelectorExpr)
				name, isName := n.Fun.(*ast.Ident)
				if room == "hook" && (isName && name.Name == "warn" || isMethod && called.Sel.Name == "warn") {
					if id, ok := literal(n.Args[0]); ok {
						plan = append(plan, id)
					}
				}
				if !isMethod || len(values) == 0 {
					break
				}
				_, isText := literal(values[0])
				if !(called.Sel.Name == "Warn" || called.Sel.Name == "Error" && isText) {
					break
				}
				if key, _ := literal(values[min(1, len(values)-1)]); key != eventCode {
					t.Errorf("%s: a call of %s with %d arguments, and no %s behind the message", room, called.Sel.Name, len(values), eventCode)
				}
			case *ast.CompositeLit:
				values = n.Elts
			}
			for at, value := range values {
				if key, _ := literal(value); key == eventCode && at+1 < len(values) {
					if id, ok := literal(values[at+1]); ok {
						run = append(run, id)
					}
				}
			}
			return true
		})
	})
	return plan, run
}

const eventCode = "event.code"

func literal(n ast.Node) (string, bool) {
	l, ok := n.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(l.Value)
	return text, err == nil
}

var formatted = regexp.MustCompile(`%[-+#0-9.]*[a-zA-Z]`)

// The messages of troubleshooting.md are the program's, word for word but for ….
func TestDocsMessages(t *testing.T) {
	t.Parallel()
	page := pageOf(t, "docs/troubleshooting.md")
	all := literals(t)
	for _, made := range []dns.Error{{Host: "%s", Outcome: dns.NotFound, Servers: []string{"%s"}}, {Host: "%s", Outcome: dns.GivenUp, Failures: 3}} {
		all = append(all, strings.ReplaceAll(made.Error(), "3", "%d"))
	}
	source := formatted.ReplaceAllString(strings.Join(all, "\x00"), "\x00")
	messages := shownMessages(page.text)
	if len(messages) < 30 {
		t.Fatalf("%d messages: the test looks at the wrong place", len(messages))
	}
	for _, message := range messages {
		longest := ""
		for piece := range strings.SplitSeq(message, "…") {
			if piece = strings.TrimSpace(piece); len(piece) > len(longest) {
				longest = piece
			}
			if !strings.Contains(source, piece) {
				t.Errorf("%s: the program has no text with %q", page.name, piece)
			}
		}
		if len(longest) < 7 {
			t.Errorf("%s: %q says too little to be found", page.name, message)
		}
	}
}

// Each warning and each error of the log has an identifier, and troubleshooting.md has a row for it. A warning about the plan may
// have a page among lint's findings instead. No row has an identifier that is nowhere in the source.
func TestDocsEventCodes(t *testing.T) {
	t.Parallel()
	plan, run := eventCodes(t)
	var rows []string
	for line := range strings.Lines(pageOf(t, "docs/troubleshooting.md").text) {
		cells := strings.Split(strings.ReplaceAll(line, `\|`, ""), "|")
		if len(cells) != 6 { // four, and what is before and after the first and the last bar
			continue
		}
		if id := strings.Trim(cells[4], " `-"); id != "" && id != eventCode {
			rows = append(rows, id)
		}
	}
	if len(plan) < 10 || len(run) < 25 || len(rows) < 30 {
		t.Fatalf("%d identifiers of plans, %d of runs, %d rows: the test looks at the wrong place", len(plan), len(run), len(rows))
	}
	for _, id := range run {
		if !slices.Contains(rows, id) {
			t.Errorf("expected a row of troubleshooting.md for %s", id)
		}
	}
	for _, id := range plan {
		if _, err := os.Stat(filepath.Join(repository, "docs", "lint", id+".md")); err != nil && !slices.Contains(rows, id) {
			t.Errorf("expected a row of troubleshooting.md, or a page in docs/lint, for %s", id)
		}
	}
	for _, id := range rows {
		if !slices.Contains(plan, id) && !slices.Contains(run, id) {
			t.Errorf("troubleshooting.md has %s, and nothing is logged with it", id)
		}
	}
}

// shownMessages are what stands in backquotes in the first cell of a row.
func shownMessages(text string) (all []string) {
	for line := range strings.Lines(text) {
		if cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), " | "); strings.HasPrefix(line, "| `") {
			for _, found := range span.FindAllStringSubmatch(cells[0], -1) {
				all = append(all, strings.ReplaceAll(found[1], "\x00", "|"))
			}
		}
	}
	return all
}

// The reference names each variable that is read outside of the table of settings.
func TestDocsVariables(t *testing.T) {
	t.Parallel()
	page, read := pageOf(t, "docs/reference.md").text, 0
	declarations(t, func(room string, d ast.Decl) {
		ast.Inspect(d, func(n ast.Node) bool {
			index, ok := n.(*ast.IndexExpr)
			if !ok || room == "lint" {
				return true
			}
			of := index.X
			if field, ok := of.(*ast.SelectorExpr); ok {
				of = field.Sel
			}
			name, isText := literal(index.Index)
			if env, ok := of.(*ast.Ident); !ok || !isText || env.Name != "env" {
				return true
			}
			if read++; !strings.Contains(page, "`"+name+"`") && !strings.Contains(page, "$"+name) {
				t.Errorf("%s reads the variable %s, and the reference does not name it", room, name)
			}
			return true
		})
	})
	if read < 8 {
		t.Errorf("%d variables, which is less than are read", read)
	}
}

// The reserves that settings.md has are those of the schedule.
func TestDocsReserves(t *testing.T) {
	t.Parallel()
	rows := table(section(t, pageOf(t, "docs/settings.md").text, "The grace period comes first"))
	for _, row := range rows {
		p := planOf(t, map[string]string{graceEnv: row[0]})
		reserve, reserveErr := time.ParseDuration(row[1])
		left, leftErr := time.ParseDuration(row[2])
		if len(p.Problems) > 0 || reserveErr != nil || leftErr != nil || p.Reserve.Round(100*time.Millisecond) != reserve || p.Budget().Round(100*time.Millisecond) != left {
			t.Errorf("%q: the reserve is %s, and %s are left; %v", row, p.Reserve, p.Budget(), p.Problems)
		}
	}
	if len(rows) < 5 {
		t.Errorf("%d rows, which is less than the page has", len(rows))
	}
}

// The hooks that settings.md has by kind of workload fit into the grace period beside them.
func TestDocsWorkloadsFit(t *testing.T) {
	t.Parallel()
	fit := 0
	for _, row := range table(section(t, pageOf(t, "docs/settings.md").text, "By kind of workload")) {
		grace, _, _ := strings.Cut(row[2], ",")
		p := planOf(t, map[string]string{graceEnv: grace, "POD_IP": "192.0.2.1"}, strings.Split(row[1], "<br>")...)
		if len(p.Problems) > 0 { // no steps, or no number
			continue
		}
		fit++
		for _, w := range p.Warnings {
			t.Errorf("%s: %s", row[0], w.Text)
		}
	}
	if fit < 12 {
		t.Errorf("%d rows, which is less than the page has", fit)
	}
}

// The log's fields that monitoring.md has in its tables are those of a real log.
func TestDocsFields(t *testing.T) {
	t.Parallel()
	log := newSession(t).run("prestop --grace-period=3 'post http://127.0.0.1:1/' 'wait 10ms'\n")
	all := literals(t)
	text, fields := pageOf(t, "docs/monitoring.md").text, 0
	for _, name := range []string{"Every line", "Single lines", "The outcome"} {
		for _, row := range table(section(t, text, name)) {
			fields++
			name := row[0][strings.LastIndex(row[0], " ")+1:]
			if !strings.Contains(log, `"`+name+`":`) && !slices.Contains(all, name) && !slices.Contains(fieldsOf(prestop.Report{}, prestop.StepReport{}), name) {
				t.Errorf("no log has the field %s", name)
			}
		}
	}
	if fields < 20 {
		t.Errorf("%d fields, which is less than the page has", fields)
	}
	var statuses []string
	for _, row := range table(section(t, text, "Exit status")) {
		statuses = append(statuses, row[0])
	}
	slices.Sort(statuses)
	if want := documentedStatuses(t)["docs/reference.md"]; !slices.Equal(statuses, want) {
		t.Errorf("the exit statuses are %q, and the reference's %q", statuses, want)
	}
}

// What design.md promises of JSON is what there is.
func TestDocsPromises(t *testing.T) {
	t.Parallel()
	promises := section(t, pageOf(t, "docs/design.md").text, "What is stable")
	for _, name := range fieldsOf(prestop.Report{}, prestop.StepReport{}, dryrun.Forecast{}, dryrun.Step{}, dryrun.Place{}) {
		if !strings.Contains(promises, "`"+name+"`") {
			t.Errorf("docs/design.md promises nothing of the field %s", name)
		}
	}
	for _, outcome := range []prestop.Outcome{prestop.Running, prestop.Done, prestop.Failed, prestop.Cut, prestop.Left, prestop.Skipped, prestop.Unmet} {
		if !strings.Contains(promises, "`"+string(outcome)+"`") {
			t.Errorf("docs/design.md promises nothing of the outcome %s", outcome)
		}
	}
}

// fieldsOf are the names of structs in JSON.
func fieldsOf(values ...any) (names []string) {
	for _, v := range values {
		for n := range reflect.TypeOf(v).NumField() {
			if name, _, _ := strings.Cut(reflect.TypeOf(v).Field(n).Tag.Get("json"), ","); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}
