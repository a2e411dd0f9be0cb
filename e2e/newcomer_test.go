package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/prestop/prestop/internal/testpaste"
)

// A newcomer has README.md alone: each command is the page's, word for word, and the hook is the page's as well. What the page cannot
// know is named here: the image that the nodes have, the pod to delete, and the mistakes that newcomers make.
type newcomer struct {
	*tcase
	page string
	dir  string // which the clone, the manifest and a kubeconfig are in
}

// It runs alone: the demo measures times, and the tests would be slow beside other cases.
func TestNewcomer(t *testing.T) {
	c := begin(t, "00 newcomer", "README.md's commands in a clone: demo, test, build, lint, mend, apply, delete, log, undo")
	if lab.cluster == nil {
		c.skip("images are not ours")
	}
	page, err := os.ReadFile("../README.md")
	c.must(err)
	n := newcomer{tcase: c, page: string(page), dir: t.TempDir()}
	n.clone()
	n.build()
	n.prepareManifest()
	rounds, fixed := n.mend()
	stop := n.quickStart()
	c.saw("lint found %s, gone after %d fixes as printed; %s", strings.Join(fixed, ", "), rounds, stop)
}

// section is what stands below a heading of the page, up to the next one.
func (n *newcomer) section(heading string) string {
	n.Helper()
	_, rest, found := strings.Cut(n.page, "\n## "+heading+"\n")
	if !found {
		n.must(fmt.Errorf("README.md has no section %q", heading))
	}
	body, _, _ := strings.Cut(rest, "\n## ")
	return body
}

func (n *newcomer) clonePath() string { return filepath.Join(n.dir, "prestop") }

// clone clones HEAD and runs the two commands. All tests take a quarter of an hour and are the last stage of CI itself. Here only the tests
// of one package run.
func (n *newcomer) clone() {
	n.Helper()
	commands := consoleCommands(n.section("Two commands"))
	n.want(len(commands) == 4, "git clone, cd, make demo, make test; got %q", commands)
	out := n.shell(n.dir, strings.Join(commands, "\n"))
	n.want(strings.Contains(out, "\nTake "), "the demo to end with what to take")
	n.want(strings.Contains(out, "\nok  \tgithub.com/prestop/prestop/cmd/kubectl-prestop\t"), "the package's tests to pass")
	n.saw("%s", strings.Join(commandNames(commands), ", "))
}

// commandNames are commands without the comments behind them.
func commandNames(commands []string) (names []string) {
	for _, command := range commands {
		name, _, _ := strings.Cut(command, " #")
		names = append(names, strings.TrimSpace(name))
	}
	return names
}

// build builds both programs, and looks at a plan as the page's first lines do.
func (n *newcomer) build() {
	n.Helper()
	const makes = "make build"
	export := "export PATH=$PWD/bin:$PATH"
	for _, text := range []string{makes, export} {
		n.want(strings.Contains(n.section("Install"), "`"+text+"`"), "%q among the ways to install", text)
	}
	_, first, _ := strings.Cut(n.page, "```console\n$ ")
	plan, _, _ := strings.Cut(first, "\n")
	out := n.shell(n.clonePath(), makes+"\n"+export+"\n"+plan+" || test $? = 1") // nothing listens here, so that its steps would fail
	n.want(strings.Contains(out, "grace period 1m0s"), "a plan")
}

// shell runs commands on this machine, in one session of bash, as somebody who has set nothing for them. git takes this repository when the
// commands name the address of the public one.
func (n *newcomer) shell(dir, commands string) string {
	n.Helper()
	cmd := exec.CommandContext(n.Context(), "bash", "-o", "errexit", "-o", "pipefail", "-c", commands)
	cmd.Dir = dir
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if !slices.Contains([]string{"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "GOFLAGS", "E2EFLAGS"}, name) {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	cmd.Env = append(cmd.Env, "PACKAGES=./cmd/kubectl-prestop", "GIT_CONFIG_COUNT=1",
		"GIT_CONFIG_KEY_0=url."+n.repository()+".insteadOf", "GIT_CONFIG_VALUE_0=https://github.com/prestop/prestop")
	out, err := cmd.CombinedOutput()
	n.Logf("%s\n%s", commands, out)
	if err != nil {
		n.must(fmt.Errorf("%s: %w", strings.Join(commandNames(strings.Split(commands, "\n")), ", "), err))
	}
	return string(out)
}

// repository is the path of this repository. An archive of the sources has no repository, and git does not read one that belongs to
// somebody else: then one is made.
func (n *newcomer) repository() string {
	n.Helper()
	if out, err := exec.CommandContext(n.Context(), "git", "rev-parse", "--show-toplevel").Output(); err == nil {
		return strings.TrimSpace(string(out))
	}
	made := filepath.Join(n.dir, "origin.git")
	for _, args := range [][]string{
		{"init", "--quiet", "--bare", made},
		{"--git-dir=" + made, "--work-tree=..", "add", "--all"},
		{"--git-dir=" + made, "--work-tree=..", "-c", "user.name=newcomer", "-c", "user.email=newcomer@example.com", "commit", "--quiet", "--message=sources"},
	} {
		out, err := exec.CommandContext(n.Context(), "git", args...).CombinedOutput()
		n.Logf("git %s: %s", args, out)
		n.must(err)
	}
	return made
}

// kubectl runs a command in the cluster, with the plugin of the clone.
func (n *newcomer) kubectl(line string) (string, error) {
	out, err := lab.cluster.Shell(n.Context(), n.dir, filepath.Join(n.clonePath(), "bin"), "export KUBECONFIG=kubeconfig\n"+line)
	n.Logf("$ %s\n%s", line, out)
	return out, err
}

func (n *newcomer) mustKubectl(line string) string {
	n.Helper()
	out, err := n.kubectl(line)
	n.must(err)
	return out
}

// around is the rest of a manifest that has the page's three lines.
const around = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
`

const manifest = "web.yaml"

// prepareManifest makes the manifest of an app that serves without a hook, and then gives it the page's three lines with four mistakes:
// no grace period, a number without quotes, a mistyped step, and a probe that looks like traffic.
func (n *newcomer) prepareManifest() {
	n.Helper()
	_, err := lab.cluster.Shell(n.Context(), n.dir, n.dir, `cp "$KUBECONFIG" kubeconfig && KUBECONFIG=kubeconfig kubectl config set-context --current --namespace=`+n.ns)
	n.must(err)
	_, block, found := strings.Cut(n.section("Quick start"), "```yaml\n")
	n.want(found, "a manifest in the quick start")
	block, _, _ = strings.Cut(block, "```")

	const image, grace = "    image: example/web:1\n", "  terminationGracePeriodSeconds: 60\n"
	block = n.replaced(block, image, "    image: "+lab.app+"\n    args: [serve]\n    ports: [{containerPort: 8080}]\n    readinessProbe: {httpGet: {path: /ready, port: 8081}, periodSeconds: 1}\n")
	var plain strings.Builder
	for line := range strings.Lines(block) {
		if line != grace && !strings.Contains(line, "PRE_STOP_GRACE_PERIOD_SECONDS") && !strings.Contains(line, "preStop") {
			plain.WriteString(line)
		}
	}
	n.want(strings.Count(plain.String(), "\n") == strings.Count(block, "\n")-3, "three lines of prestop in\n%s", block)
	n.write(around + indented(plain.String()))
	n.mustKubectl("kubectl apply --filename=" + manifest + "\nkubectl rollout status deployment/web")

	for _, mistake := range [][2]string{{grace, ""}, {`value: "60"`, "value: 60"}, {"until quiet", "until quite"}} {
		block = n.replaced(block, mistake[0], mistake[1])
	}
	n.write(around + indented(block))
}

func (n *newcomer) replaced(text, before, after string) string {
	n.Helper()
	if strings.Count(text, before) != 1 {
		n.must(fmt.Errorf("expected %q once in\n%s", before, text))
	}
	return strings.Replace(text, before, after, 1)
}

func indented(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString("    " + line)
	}
	return out.String()
}

func (n *newcomer) write(text string) {
	n.Helper()
	n.must(os.WriteFile(filepath.Join(n.dir, manifest), []byte(text), 0o600))
}

// quickStartCommands are the page's, in order.
func (n *newcomer) quickStartCommands() []string {
	n.Helper()
	commands := consoleCommands(n.section("Quick start"))
	n.want(len(commands) == 6, "lint, apply, rollout status, delete, logs, undo; got %q", commands)
	return commands
}

// A linted is what lint says in JSON.
type linted struct {
	Findings []struct {
		ID, Container, Fix string
		Line, Column       int
	}
}

// mend runs lint, pastes the first fix that it prints, and so on until there is no finding.
func (n *newcomer) mend() (rounds int, found []string) {
	n.Helper()
	lint := n.quickStartCommands()[0]
	n.want(strings.HasPrefix(lint, "kubectl prestop lint ") && strings.HasSuffix(lint, manifest), "lint of %s first, got %s", manifest, lint)
	for ; rounds <= 10; rounds++ {
		text, err := n.kubectl(lint)
		if rounds == 0 {
			exit, ended := errors.AsType[*exec.ExitError](err)
			n.want(ended && exit.ExitCode() == 1, "1 for what is broken, got %v", err)
		}
		out, _ := n.kubectl(lint + " --output=json")
		var said linted
		n.must(json.Unmarshal([]byte(out), &said))
		if len(said.Findings) == 0 {
			n.must(err)
			n.want(strings.HasSuffix(text, "0 errors and 0 warnings in 1 hook\n"), "no finding, got %s", text)
			return rounds, found
		}
		for _, f := range said.Findings {
			n.want(strings.Contains(text, "\n  fix: "+strings.ReplaceAll(f.Fix, "\n", "\n       ")+"\n"), "the fix %q in\n%s", f.Fix, text)
			if !slices.Contains(found, f.ID) {
				found = append(found, f.ID)
			}
		}
		first := said.Findings[0]
		n.paste(testpaste.Fix{Text: first.Fix, Line: first.Line, Column: first.Column, Container: first.Container})
	}
	n.must(fmt.Errorf("findings are left after %d fixes", rounds))
	return rounds, found
}

func (n *newcomer) paste(fix testpaste.Fix) {
	n.Helper()
	before, err := os.ReadFile(filepath.Join(n.dir, manifest))
	n.must(err)
	var doc yaml.Node
	n.must(yaml.Unmarshal(before, &doc))
	after, ok := fix.Into([]*yaml.Node{&doc})
	n.want(ok, "a fix to paste, got %q", fix.Text)
	n.Logf("with %q it is\n%s", fix.Text, after)
	n.write(after)
}

// quickStart applies what is mended, deletes a pod of it, reads its hook's log while it ends, and takes the hook out again.
func (n *newcomer) quickStart() string {
	n.Helper()
	commands := n.quickStartCommands()[1:]
	n.mustKubectl(commands[0])
	n.mustKubectl(commands[1])
	before := n.deployed()
	n.want(before.hook() == "/prestop" && before.Spec.TerminationGracePeriodSeconds == 60 && before.env("PRE_STOP_GRACE_PERIOD_SECONDS") == "60", "the page's three lines, got %+v", before.Spec)

	pod := n.newPod()
	plan, _, _ := strings.Cut(strings.TrimPrefix(n.section("Quick start")[strings.Index(n.section("Quick start"), "`kubectl exec "):], "`"), "`")
	steps := before.Spec.Containers[0].Lifecycle.PreStop.Exec.Command[1:]
	out := n.mustKubectl(strings.ReplaceAll(plan, "WEB-POD", pod) + ` "` + strings.Join(steps, `" "`) + `"`)
	n.want(strings.HasPrefix(out, "grace period 1m0s"), "a plan, got %s", out)

	n.mustKubectl(strings.ReplaceAll(commands[2], "WEB-POD", pod))
	log := n.mustKubectl(strings.ReplaceAll(commands[3], "WEB-POD", pod))
	hook, last := 0, line{}
	for text := range strings.Lines(log) {
		if strings.Contains(text, `"event.dataset":"prestop"`) {
			hook++
			last = line{text: text}
			n.must(json.Unmarshal([]byte(text), &last.hook))
		}
	}
	n.want(hook >= 2, "the hook's lines in\n%s", log)
	n.want(last.field("message") == "prestop ends" && strings.Contains(last.text, steps[0]) && last.hook["exit"] == 0.0, "what came of %q in the hook's last line, got %s", steps, last.text)
	n.want(strings.Contains(log[strings.Index(log, last.text):], "app: SIGTERM"), "SIGTERM after the hook in\n%s", log)
	n.want(n.hookFailures(pod, "web", 0) == 0, "no FailedPreStopHook")

	n.mustKubectl(commands[4])
	after := n.deployed()
	n.want(after.hook() == "" && after.env("PRE_STOP_GRACE_PERIOD_SECONDS") == "", "no hook after the undo, got %+v", after.Spec)
	return fmt.Sprintf("hook %s, %d of its lines in kubectl logs, %q", short(last.elapsed()), hook, steps)
}

// deployed is the pod that the Deployment makes.
func (n *newcomer) deployed() shape {
	n.Helper()
	var d struct{ Spec struct{ Template shape } }
	n.must(lab.api.Get(n.Context(), n.path("deployments/web"), &d))
	return d.Spec.Template
}

// newPod is a pod that has the hook and does not end.
func (n *newcomer) newPod() string {
	n.Helper()
	var pods struct{ Items []podObject }
	n.must(lab.api.Get(n.Context(), n.path("pods"), &pods))
	for _, p := range pods.Items {
		if p.Metadata.DeletionTimestamp == nil && p.ready() {
			return p.Metadata.Name
		}
	}
	n.must(errors.New("no pod is ready after the rollout"))
	return ""
}
