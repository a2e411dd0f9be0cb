package recipes_test

import (
	"slices"
	"testing"
	"time"
)

// serveDispatcher gives the pod the service and the files of its Secret.
func serveDispatcher(t *testing.T, p *pod) *fakeDispatcher {
	t.Helper()
	d := &fakeDispatcher{token: "Zm9yIHRoZSBkaXNwYXRjaGVy"}
	p.host("dispatcher.example.com", "127.0.0.2")
	c := p.container(t)
	c.write(t, "/etc/dispatcher/token", d.token+"\n")
	c.write(t, "/etc/dispatcher/ca.crt", serveTLS(t, "127.0.0.2:443", "dispatcher.example.com", d))
	return d
}

func TestNotify(t *testing.T) {
	t.Parallel()
	inPod(t, "notify.yaml", func(t *testing.T, p *pod) {
		d := serveDispatcher(t, p)
		leaves(t, p.container(t).hook(t), 2*time.Second)
		if got := d.states(); !slices.Equal(got, []string{"web-0 draining"}) {
			t.Errorf("the service heard %q", got)
		}
	}, wait, shortWait)
}

func TestAppReadiness(t *testing.T) {
	t.Parallel()
	inPod(t, "app-readiness.yaml", func(t *testing.T, p *pod) {
		app := &fakeApp{lag: 2 * time.Second}
		p.serve(t, "127.0.0.1:8080", app)
		got := p.container(t).hook(t)
		waited := time.Since(app.unready())
		if leaves(t, got, 4*time.Second); waited < 2*time.Second {
			t.Errorf("the hook ended %s after the app became unready, before the wait was over", waited)
		}
		if n := app.times(); n != 1 {
			t.Errorf("told %d times", n)
		}
	}, wait, shortWait)
}

// An app that stays ready is waited for until max, and then the wait begins.
func TestAppThatStaysReady(t *testing.T) {
	t.Parallel()
	inPod(t, "app-readiness.yaml", func(t *testing.T, p *pod) {
		p.serve(t, "127.0.0.1:8080", &fakeApp{lag: time.Hour})
		leaves(t, p.container(t).hook(t), 4*time.Second)
	}, wait, shortWait, "max=10s", "max=2s")
}

// serveSpring is told, refuses after a moment, and its last request ends some time after that.
func serveSpring(t *testing.T, p *pod) *fakeSpring {
	t.Helper()
	s := &fakeSpring{lag: 500 * time.Millisecond, active: 3, leaving: 4 * time.Second}
	p.serve(t, "127.0.0.1:8080", s)
	return s
}

func TestSpringBoot(t *testing.T) {
	t.Parallel()
	inPod(t, "spring-boot.yaml", func(t *testing.T, p *pod) {
		s := serveSpring(t, p)
		got := p.container(t).hook(t)
		leaves(t, got, s.lag+s.leaving) // the requests last longer than the wait
		if n := s.times(); n != 1 {
			t.Errorf("told %d times", n)
		}
	}, wait, shortWait)
}

func TestSpringBootWithoutRequests(t *testing.T) {
	t.Parallel()
	inPod(t, "spring-boot.yaml", func(t *testing.T, p *pod) {
		p.serve(t, "127.0.0.1:8080", &fakeSpring{lag: 1500 * time.Millisecond})
		leaves(t, p.container(t).hook(t), 3500*time.Millisecond)
	}, wait, shortWait)
}
