package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

const (
	manifestCount = 1000
	mostManifests = 2 * time.Second
)

// fleetCommands are the plugin's commands for a folder of manifests. All manifests are right: there is no finding.
var fleetCommands = [...][]string{{"lint"}, {"inject", "--image=prestop/prestop:1"}}

const aDeployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web-%[1]d, labels: {app: web-%[1]d}}
spec:
  selector: {matchLabels: {app: web-%[1]d}}
  template:
    metadata: {labels: {app: web-%[1]d}}
    spec:
      terminationGracePeriodSeconds: 60
      containers:
      - name: app
        image: example.org/web:1.0.%[1]d
        ports: [{containerPort: 8080}]
        readinessProbe: {httpGet: {path: /ready, port: 8080}}
        resources: {limits: {memory: 64Mi}}
`

// ofManifests times the plugin on a thousand manifests. The best of three runs counts, so that other work of the machine does not.
func (r *results) ofManifests(ctx context.Context) error {
	if _, err := r.build(ctx, "kubectl-prestop", runtime.GOARCH, "./cmd/kubectl-prestop"); err != nil {
		return err
	}
	dir := filepath.Join(r.dir, "manifests")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for n := range manifestCount {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("web-%d.yaml", n)), fmt.Appendf(nil, aDeployment, n), 0o600); err != nil {
			return err
		}
	}
	for i, command := range fleetCommands {
		r.manifests[i] = time.Hour
		for range 3 {
			cmd := exec.CommandContext(ctx, filepath.Join(r.dir, "kubectl-prestop"), append(command, "-f", dir)...)
			began := time.Now()
			text, err := cmd.CombinedOutput()
			took := time.Since(began)
			if _, found := errors.AsType[*exec.ExitError](err); err != nil && !(found && cmd.ProcessState.ExitCode() == 1) {
				return fmt.Errorf("kubectl prestop %s: %w\n%.2000s", command[0], err, text)
			}
			r.manifests[i] = min(r.manifests[i], took)
		}
	}
	return nil
}

func (r *results) fleet() table {
	t := table{header: []string{"kubectl prestop, 1,000 manifests", "measured", "allowed", "ratio", "goal", ""}}
	for i, command := range fleetCommands {
		t.add(append([]string{command[0], inMilliseconds(r.manifests[i]), inMilliseconds(mostManifests)}, judge(float64(r.manifests[i]), float64(mostManifests), 1)...)...)
	}
	return t
}
