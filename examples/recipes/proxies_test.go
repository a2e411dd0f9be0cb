package recipes_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/testserver"
)

// A proxy is a server that a recipe puts in front of a Service called backend. It is stopped under traffic, while a request
// is under way that lasts until the server has stopped listening.
type proxy struct {
	*testing.T
	*traffic
	container *container
	long      <-chan error
}

// startProxy starts the real server of a Debian package, with the program and arguments that its image has, and traffic to it.
func startProxy(t *testing.T, p *pod, debian string, argv ...string) proxy {
	t.Helper()
	testserver.Program(t, debian, argv[0])
	p.host("backend", "127.0.0.2")
	begun := make(chan struct{}, 1)
	p.serve(t, "127.0.0.2:80", backend(begun))
	c := p.container(t)
	c.start(t, argv...)
	tr := startTraffic(t, "127.0.0.1:8080", "/")
	long := tr.long("/long")
	select {
	case <-begun:
	case <-time.After(10 * time.Second):
		t.Fatal("the long request did not get through")
	}
	return proxy{t, tr, c, long}
}

// backend answers at once, except for /long: the second half of that comes when nobody listens for requests any more.
func backend(begun chan<- struct{}) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "done") })
	mux.HandleFunc("/long", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "one half, ")
		http.NewResponseController(w).Flush()
		begun <- struct{}{}
		for tick := time.Tick(20 * time.Millisecond); receive(r.Context(), tick); {
			c, err := net.Dial("tcp", "127.0.0.1:8080")
			if err != nil {
				break
			}
			c.Close()
		}
		io.WriteString(w, "the other half")
	})
	return mux
}

// result is what became of the requests, once the server has ended.
func (p proxy) result() (failures []string) {
	p.Helper()
	<-p.container.main.Done
	err := <-p.long
	answered, failures := p.outcome()
	p.Logf("%d answered, %d failed", answered, len(failures))
	if err != nil {
		failures = append(failures, "the long request: "+err.Error())
	}
	return failures
}

// expectNone wants the hook to have ended like this, and no failed request.
func (p proxy) expectNone(got result, status int) {
	p.Helper()
	if failures := p.result(); len(failures) > 0 {
		p.Errorf("%d failed requests, the first: %s", len(failures), failures[0])
	}
	if got.status != status || p.container.main.status() != 0 {
		p.Errorf("expected exit status %d, and 0 of the server, got %d: %s", status, p.container.main.status(), got)
	}
}

// expectSome wants failed requests: without that, none would not mean anything.
func (p proxy) expectSome() {
	p.Helper()
	if failures := p.result(); len(failures) == 0 {
		p.Error("no request failed")
	}
}

// In these recipes the hook waits for so long, and the tests make less of it.
const (
	wait      = "- wait 15s\n"
	shortWait = "- wait 2s\n"
	noWait    = "- wait 0s\n"
)

// killed is the exit status of a hook that ends with the container.
const killed = 128 + int(syscall.SIGKILL)

// testProxy tests the recipe of a proxy that stops well at a signal, whoever sends it, and that nothing else would do.
func testProxy(t *testing.T, recipe string, start func(*testing.T, *pod) proxy, signal syscall.Signal) {
	t.Parallel()
	for name, test := range map[string]struct {
		hook string
		end  func(proxy)
	}{
		"by the runtime": {shortWait, func(p proxy) { p.expectNone(p.container.stop(p.T, signal), 0) }},
		"by the hook": {shortWait + "              - signal " + unix.SignalName(signal) + "\n", func(p proxy) {
			p.expectNone(p.container.hook(p.T), killed)
		}},
		"without a hook": {shortWait, func(p proxy) { p.container.main.signal(signal); p.expectSome() }},
		"without a wait": {noWait, func(p proxy) { p.container.stop(p.T, signal); p.expectSome() }},
		"by SIGTERM":     {shortWait, func(p proxy) { p.container.stop(p.T, syscall.SIGTERM); p.expectSome() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inPod(t, recipe, func(t *testing.T, p *pod) {
				proxy := start(t, p)
				waitFor(t, proxy.container.receives(signal))
				test.end(proxy)
			}, wait, test.hook)
		})
	}
}
