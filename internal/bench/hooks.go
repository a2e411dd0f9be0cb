package main

import (
	"context"
	_ "embed"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

//go:embed hook.sh
var script string

// A hook is how a hook is run. Both hooks take the same variables.
type hook struct {
	name string
	argv []string
}

// shellHook is the hook of bash and curl.
func shellHook(dir string) (hook, error) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		return hook{}, errors.New("bash is missing")
	}
	if _, err := exec.LookPath("curl"); err != nil {
		return hook{}, errors.New("curl is missing")
	}
	path := filepath.Join(dir, "hook.sh")
	return hook{"bash + curl", []string{bash, path}}, os.WriteFile(path, []byte(script), 0o600)
}

// A task is what a hook is told to do, and where.
type task struct {
	place
	wait, grace, reserve time.Duration // whole seconds
}

var (
	// usual is a rolling restart of a small cluster.
	usual = task{place: place{nodes: 3}, wait: time.Second, grace: 30 * time.Second, reserve: 5 * time.Second}
	// brief is usual without the wait: a wait takes no memory.
	brief = task{place: usual.place, grace: usual.grace, reserve: usual.reserve}
	// hanging has a wait, and calls, that would last far beyond the deadline.
	hanging = task{place: place{nodes: 3, hangs: true}, wait: time.Minute, grace: 3 * time.Second, reserve: time.Second}
)

func (t task) budget() time.Duration { return t.grace - t.reserve }

// env is the environment of a run. The log goes to stdout: there it costs as much as in a pod.
func (t task) env(s *surroundings, files secrets, stateDir string) []string {
	seconds := func(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"KUBERNETES_SERVICE_HOST=127.0.0.1",
		"POD_NAME=" + podName,
		"PRE_STOP_APP_URL=" + s.appURL,
		"PRE_STOP_ELASTICSEARCH_URL=" + s.elasticsearchURL,
		"PRE_STOP_ELASTICSEARCH_USERNAME=" + user,
		"PRE_STOP_ELASTICSEARCH_PASSWORD_FILE=" + files.passwordFile,
		"PRE_STOP_ELASTICSEARCH_CA_FILE=" + files.caFile,
		"PRE_STOP_ADDITIONAL_WAIT_SECONDS=" + seconds(t.wait),
		"PRE_STOP_GRACE_PERIOD_SECONDS=" + seconds(t.grace),
		"PRE_STOP_RESERVE_SECONDS=" + seconds(t.reserve),
		"PRE_STOP_LOG_TO=stdout",
		"PRE_STOP_STATE_DIR=" + stateDir,
	}
}

// command is the hook's process, not yet started. If it still runs long after it should have ended, it is killed.
func (h hook) command(ctx context.Context, env []string, group *cgroup) *exec.Cmd {
	argv := h.argv
	if group != nil {
		argv = append(group.enter(), argv...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = env
	return cmd
}
