package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fleetDocs runs each console command of docs/fleet.md, in order, with kubectl and the plugin. The images are those that the nodes have. If
// the cluster needs the other files of deploy/policy, the commands name those, as the page says.
func fleetDocs(t *testing.T, p policy) {
	c := begin(t, fleet, "each console command of docs/fleet.md")
	dir := p.dir
	c.must(os.CopyFS(filepath.Join(dir, "manifests"), os.DirFS("testdata/charts")))
	web, err := os.ReadFile("testdata/charts/web.yaml")
	c.must(err)
	c.must(os.WriteFile(filepath.Join(dir, "web.yaml"), web, 0o600))
	here, err := filepath.Abs("../bin")
	c.must(err)

	edit := strings.NewReplacer("policy/v1/", "policy/"+p.version+"/", "image-volume.yaml", p.form+".yaml", "--image=nginx:1", "--image=e2e.test/nginx:1")
	commands := consoleCommands(readDoc(c))
	c.want(len(commands) >= 20, "20 commands on the page, got %d", len(commands))
	for _, command := range commands {
		line := edit.Replace(command)
		run := func() (string, error) { return lab.cluster.Shell(c.Context(), dir, here, line) }
		if strings.Contains(line, "create deployment") {
			c.awaitPolicy("try-prestop") // the seconds that the page speaks of
		}
		if strings.Contains(line, "rollout restart") {
			pause(c.Context(), 1100*time.Millisecond) // kubectl notes the second of a restart, and refuses two restarts in the same second
		}
		var out string
		switch {
		case strings.Contains(line, "--diff"):
			out, err = run()
			exit, differs := errors.AsType[*exec.ExitError](err)
			c.want(differs && exit.ExitCode() == 1 && strings.Contains(out, injected), "1 and a diff that has the hook of %s, got %v and %s", line, err, out)
		default:
			out, err = run()
			c.must(err)
		}
		c.Logf("$ %s\n%s", line, out)
		if expected := shows(line); expected != "" {
			c.want(strings.Contains(out, expected), "%q in what %s prints", expected, line)
		}
	}
	c.saw("%s: %d commands", p, len(commands))
}

// shows is what a command of the page must print; empty: anything.
func shows(line string) string {
	switch {
	case strings.HasSuffix(line, "lifecycle}'"):
		return injected
	case strings.HasSuffix(line, "env}'"):
		return "PRE_STOP_GRACE_PERIOD_SECONDS"
	case strings.Contains(line, "--dry-run"):
		return "grace period 30s"
	case strings.Contains(line, "kubectl prestop inject"):
		return injected
	}
	return ""
}

func readDoc(c *tcase) string {
	c.Helper()
	text, err := os.ReadFile("../docs/fleet.md")
	c.must(err)
	return string(text)
}

// consoleCommands are the commands in the console blocks of a page.
func consoleCommands(page string) (all []string) {
	inside := false
	for line := range strings.Lines(page) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "```") {
			inside = line == "```console"
			continue
		}
		if command, ok := strings.CutPrefix(line, "$ "); ok && inside {
			all = append(all, command)
		}
	}
	return all
}
