package e2e

import (
	"testing"
	"time"
)

// until quiet, where the kubelet itself asks the application.

const quiet = "08 until quiet"

func TestQuietProbes(t *testing.T) {
	t.Parallel()
	c := begin(t, quiet, "readiness probe each second on the same port, allow=4")
	s := c.launch(pod{Hook: []string{"/prestop", "until quiet 8080 min=0 for=3s allow=4"}, Container: `
readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}`}).stopped(0).ordinary().lasted(3*time.Second, 3*time.Second+busy)
	c.saw("%s", s)
}

func TestQuietProbesNotAllowed(t *testing.T) {
	t.Parallel()
	c := begin(t, quiet, "readiness probe each second on the same port, not allowed for: holds to its max, a warning")
	s := c.launch(pod{Hook: []string{"/prestop", "until quiet 8080 min=0 for=3s max=6s"}, Container: `
readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}`}).stopped(0).ordinary().waited(6 * time.Second)
	c.saw("%s", s)
}

func TestQuietNobodyListens(t *testing.T) {
	t.Parallel()
	c := begin(t, quiet, "nobody listens on the port: holds to its max, a failure that names the ports")
	s := c.launch(pod{Hook: []string{"/prestop", "until quiet 80 min=0 max=4s"}}).stopped(1).ordinary().waited(4 * time.Second).says("8080")
	c.saw("%s", s)
}

// A request that takes longer than the time without traffic is not over.
func TestQuietLongRequest(t *testing.T) {
	t.Parallel()
	c := begin(t, quiet, "a request of 8 s is under way, for=2s")
	r := c.launch(pod{Hook: []string{"/prestop", "until quiet 8080 min=0 for=2s"}})
	answered := make(chan error, 1)
	var at time.Time
	go func() {
		_, err := lab.api.Text(c.Context(), "GET", c.path("pods/app:8080/proxy/?work=8s"))
		at = time.Now()
		answered <- err
	}()
	pause(c.Context(), time.Second)
	s := r.stopped(0).ordinary().lasted(2*time.Second, 8*time.Second+busy)
	err := <-answered
	after := s.outcome.at.Sub(at)
	c.want(err == nil, "the request to be answered, got %v", err)
	c.want(after > time.Second, "the hook's end 2 s after the answer, which may be told late, got %s", short(after))
	c.saw("%s; answered", s)
}
