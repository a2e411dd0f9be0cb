package recipes_test

import (
	"os"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/proc"
)

// order runs both hooks at once, as the kubelet does, each in its container.
func order(t *testing.T, p *pod) (app, proxy result) {
	t.Helper()
	containers := []*container{p.container(t, "app"), p.container(t, "proxy")}
	results := make([]chan result, len(containers))
	for i, c := range containers {
		c.run(t)
		results[i] = make(chan result, 1)
	}
	for i, c := range containers {
		go func() { results[i] <- c.hook(t) }()
	}
	return <-results[0], <-results[1]
}

// shortOrder are waits in which both are done soon.
var shortOrder = []string{wait, shortWait, "- wait 5s\n", "- wait 1s\n"}

// ordered wants the proxy's hook to have ended well, its own wait after the app's.
func ordered(t *testing.T, app, proxy result) {
	t.Helper()
	leaves(t, app, 2*time.Second)
	leaves(t, proxy, 3*time.Second)
	if !proxy.outlived(app) {
		t.Errorf("the proxy did not outlive the app:\n%s\n%s", app, proxy)
	}
}

func TestContainerOrder(t *testing.T) {
	t.Parallel()
	inPod(t, "container-order.yaml", func(t *testing.T, p *pod) {
		p.serve(t, "127.0.0.1:8080", &fakeApp{})
		app, proxy := order(t, p)
		ordered(t, app, proxy)
	}, shortOrder...)
}

// The app's container has been restarted before, and its hook has left the file.
func TestContainerOrderWithFileFromBefore(t *testing.T) {
	t.Parallel()
	inPod(t, "container-order.yaml", func(t *testing.T, p *pod) {
		p.serve(t, "127.0.0.1:8080", &fakeApp{})
		now, err := proc.MarkNow()
		if err != nil {
			t.Fatal(err)
		}
		p.container(t, "app").write(t, "/order/app-is-done", proc.Marker{Boot: now.Boot, Since: now.Since - time.Minute}.String())
		app, proxy := order(t, p)
		ordered(t, app, proxy)
	}, shortOrder...)
}

// Another program has made the file, an hour ago.
func TestContainerOrderWithOldFile(t *testing.T) {
	t.Parallel()
	inPod(t, "container-order.yaml", func(t *testing.T, p *pod) {
		p.serve(t, "127.0.0.1:8080", &fakeApp{})
		c := p.container(t, "app")
		c.write(t, "/order/app-is-done", "")
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(c.path("/order/app-is-done"), old, old); err != nil {
			t.Fatal(err)
		}
		app, proxy := order(t, p)
		ordered(t, app, proxy)
	}, shortOrder...)
}

// Without an app to tell, the app's hook fails, and the order is kept.
func TestContainerOrderWithoutApp(t *testing.T) {
	t.Parallel()
	inPod(t, "container-order.yaml", func(t *testing.T, p *pod) {
		p.container(t, "app").set(graceVariable, "10")
		app, proxy := order(t, p)
		if app.status != 1 || proxy.status != 0 || !proxy.outlived(app) {
			t.Errorf("expected 1 of the app and then 0 of the proxy:\n%s\n%s", app, proxy)
		}
	}, shortOrder...)
}

// A proxy that waits for a file that nobody makes holds for all the time it has.
func TestContainerOrderWithAnotherFile(t *testing.T) {
	t.Parallel()
	inPod(t, "container-order.yaml", func(t *testing.T, p *pod) {
		p.serve(t, "127.0.0.1:8080", &fakeApp{})
		p.container(t, "proxy").set(graceVariable, "14")
		app, proxy := order(t, p)
		if app.status != 0 || proxy.took < 6*time.Second {
			t.Errorf("expected 0 of the app, and the proxy to hold:\n%s\n%s", app, proxy)
		}
	}, append([]string{"until file /order/app-is-done", "until file /order/is-done"}, shortOrder...)...)
}
