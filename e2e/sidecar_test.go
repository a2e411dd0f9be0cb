package e2e

import (
	"testing"
	"time"
)

// Containers of a pod that depend on each other.

const sidecar = "07 sidecar"

// side is a second container that must outlive the first.
func side(extra string) string {
	return `
- name: side
  image: ` + lab.app + `
  imagePullPolicy: IfNotPresent
  args: [serve, -port, "9090"]
  env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: "30"}]
  lifecycle: {preStop: {exec: {command: [/prestop, until closed 8080]}}}
` + extra
}

func TestSidecar(t *testing.T) {
	t.Parallel()
	for _, kind := range []struct{ name, spec string }{
		{"native sidecar", "initContainers:" + side("  restartPolicy: Always")},
		{"ordinary second container", "containers:" + side("")},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			c := begin(t, sidecar, kind.name+" with until closed outlives the application")
			r := c.launch(pod{Args: "serve -on-term drain", Hook: []string{"/prestop", "until quiet 8080 min=3s for=2s"}, Spec: kind.spec})
			s := r.stopped(0).ordinary().lasted(3*time.Second, 3*time.Second+busy)
			side := r.logs["side"]
			mine, ended := side.hook(), line{}
			if len(mine) > 0 {
				ended = mine[len(mine)-1]
			}
			app, _ := r.log().find("app: drained")
			term, _ := side.find("app: SIGTERM")
			c.want(ended.at.After(app.at.Add(-100*time.Millisecond)), "the sidecar's hook to end after the application did")
			c.want(term.at.After(app.at), "the sidecar's SIGTERM after the application's end")
			failed := c.hookFailures("app", "side", 0)
			c.want(failed == 0, "no FailedPreStopHook of the sidecar, got %d", failed)
			c.saw("application ended at %s of its hook's time, sidecar's hook at %s, its SIGTERM at %s, %d FailedPreStopHook",
				short(app.at.Sub(s.start)), short(ended.at.Sub(s.start)), short(term.at.Sub(s.start)), failed)
		})
	}
}
