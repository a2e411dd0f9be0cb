package recipes_test

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// connectionsLeave is for how long the last of the connections stay that a hook waits for.
const connectionsLeave = 3 * time.Second

// leaves wants a hook that has ended well when the last connection had left, soon after it.
func leaves(t *testing.T, got result, after time.Duration) {
	t.Helper()
	if got.status != 0 || got.took < after || got.took > after+4*time.Second {
		t.Errorf("expected exit status 0 after %s: %s", after, got)
	}
}

// serveEnvoyGateway has listeners whose names are like those that do not count.
func serveEnvoyGateway(t *testing.T, p *pod) *fakeEnvoy {
	t.Helper()
	envoy := &fakeEnvoy{listeners: []envoyListener{
		{"0.0.0.0_10080", "http-10080", 9, connectionsLeave / 2, false},
		{"worker-api", "worker-api", 4, connectionsLeave, false},
		{"tenant_19001", "", 1, connectionsLeave / 3, false},
		{"[__]_10443", "https-10443", 0, 0, true},
		{"0.0.0.0_19001", "stats", 2, 0, false},
		{"0.0.0.0_19003", "ready", 1, 0, false},
	}}
	p.serve(t, "127.0.0.1:19000", envoy)
	return envoy
}

func TestEnvoyGateway(t *testing.T) {
	t.Parallel()
	inPod(t, "envoy-gateway.yaml", func(t *testing.T, p *pod) {
		envoy := serveEnvoyGateway(t, p)
		leaves(t, p.container(t).hook(t), connectionsLeave)
		want := []string{"/drain_listeners?graceful&skip_exit", "/healthcheck/fail"}
		if got := envoy.changed(); !slices.Equal(got, want) {
			t.Errorf("asked for %q, want %q", got, want)
		}
	}, "min=10s", "min=1s")
}

// Each listener in turn is the last that has connections.
func TestEnvoyGatewayCountsEachListener(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"0.0.0.0_10080", "0.0.0.0_19002", "[__]_10443", "worker-api", "worker_0", "admin-ui", "tenant_19001", "10.0.0.7_19003"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inPod(t, "envoy-gateway.yaml", func(t *testing.T, p *pod) {
				p.serve(t, "127.0.0.1:19000", &fakeEnvoy{listeners: []envoyListener{{name, "", 2, 1500 * time.Millisecond, false}}})
				leaves(t, p.container(t).hook(t), 1500*time.Millisecond)
			}, "min=10s", "min=0s")
		})
	}
}

func TestEnvoyGatewayWaitsForItsMinimum(t *testing.T) {
	t.Parallel()
	inPod(t, "envoy-gateway.yaml", func(t *testing.T, p *pod) {
		p.serve(t, "127.0.0.1:19000", &fakeEnvoy{listeners: []envoyListener{{name: "0.0.0.0_10080", unused: true}}})
		leaves(t, p.container(t).hook(t), 2*time.Second)
	}, "min=10s", "min=2s")
}

func TestEnvoyGatewayAllowsSomeConnections(t *testing.T) {
	t.Parallel()
	inPod(t, "envoy-gateway.yaml", func(t *testing.T, p *pod) {
		p.serve(t, "127.0.0.1:19000", &fakeEnvoy{listeners: []envoyListener{
			{"0.0.0.0_10080", "http-10080", 2, 0, false}, {"0.0.0.0_10443", "https-10443", 8, 2 * time.Second, false},
		}})
		leaves(t, p.container(t).hook(t), 2*time.Second)
	}, "min=10s", "min=0s", "at-most=0", "at-most=2")
}

// serveContour has the admin interface on the socket.
func serveContour(t *testing.T, p *pod) *fakeEnvoy {
	t.Helper()
	envoy := &fakeEnvoy{listeners: []envoyListener{
		{"0.0.0.0_8080", "ingress_http", 9, connectionsLeave / 2, false},
		{"0.0.0.0_8443", "ingress_https", 4, connectionsLeave, false},
		{"0.0.0.0_8002", "stats-health", 2, 0, false},
		{"127.0.0.1_9001", "envoy-admin", 1, 0, false},
		{"127.0.0.1_8003", "stats", 1, 0, false},
		{"127.0.0.1_8004", "health", 1, 0, false},
	}}
	serveUnix(t, p.container(t, "envoy").path("/admin/admin.sock"), envoy)
	return envoy
}

// serveUnix answers on a unix socket until the test is over. Its path may be longer than that of a socket can be.
func serveUnix(t *testing.T, path string, handler http.Handler) {
	t.Helper()
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	listener, err := net.Listen("unix", filepath.Join("/proc/self/fd", strconv.Itoa(int(dir.Fd())), filepath.Base(path)))
	if err != nil {
		t.Fatal(err)
	}
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	server := &http.Server{Handler: handler}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		<-ended
	})
}

func TestContour(t *testing.T) {
	t.Parallel()
	inPod(t, "contour.yaml", func(t *testing.T, p *pod) {
		envoy := serveContour(t, p)
		leaves(t, p.container(t, "envoy").hook(t), connectionsLeave)
		if got := envoy.changed(); !slices.Equal(got, []string{"/healthcheck/fail"}) {
			t.Errorf("asked for %q", got)
		}
	}, "min=5s", "min=1s")
}

// serveIstio has a pod with a sidecar, whose own hook is a POST to /drain.
func serveIstio(t *testing.T, p *pod) (*fakeEnvoy, *fakeApp) {
	t.Helper()
	envoy := &fakeEnvoy{listeners: []envoyListener{
		{"0.0.0.0_15006", "inbound_0.0.0.0_8080;", 6, connectionsLeave, false},
		{"0.0.0.0_15001", "", 3, 0, false},
		{"10.96.3.4_5432", "", 2, 0, false},
		{"0.0.0.0_15021", "agent", 1, 0, false},
		{"0.0.0.0_15090", "stats", 1, 0, false},
		{"envoy_internal_connect_originate", "", 2, 0, false},
	}}
	app := &fakeApp{}
	p.serve(t, "127.0.0.1:8080", app)
	p.serve(t, "127.0.0.1:15000", envoy)
	p.serve(t, ":15020", pilotAgent(envoy))
	resp, err := http.Post("http://127.0.0.1:15020/drain", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return envoy, app
}

func TestIstio(t *testing.T) {
	t.Parallel()
	inPod(t, "istio.yaml", func(t *testing.T, p *pod) {
		_, app := serveIstio(t, p)
		drained := time.Now() // by the proxy's hook, which began before
		got := p.container(t).hook(t)
		leaves(t, got, connectionsLeave-(time.Since(drained)-got.took))
		if n := app.times(); n != 1 {
			t.Errorf("the app was told %d times", n)
		}
	}, "min=5s", "min=1s")
}

// serveIstioGateway has Envoy's listeners as in a gateway, and those of Istio itself.
func serveIstioGateway(t *testing.T, p *pod) *fakeEnvoy {
	t.Helper()
	envoy := &fakeEnvoy{listeners: []envoyListener{
		{"0.0.0.0_8080", "outbound_0.0.0.0_8080", 9, connectionsLeave / 2, false},
		{"0.0.0.0_8443", "outbound_0.0.0.0_8443", 4, connectionsLeave, false},
		{"0.0.0.0_15021", "agent", 1, 0, false},
		{"0.0.0.0_15090", "stats", 1, 0, false},
		{"envoy_internal_connect_originate", "", 5, 0, false},
	}}
	p.serve(t, "127.0.0.1:15000", envoy)
	p.serve(t, ":15020", pilotAgent(envoy))
	return envoy
}

func TestIstioGateway(t *testing.T) {
	t.Parallel()
	inPod(t, "istio-gateway.yaml", func(t *testing.T, p *pod) {
		serveIstioGateway(t, p)
		leaves(t, p.container(t).hook(t), connectionsLeave)
	}, "min=5s", "min=1s")
}

// lastStep is how long the last step of a hook might take, and how long it took, by the hook's own log. On a slow machine the hook
// keeps more time to itself, so a step has less.
func lastStep(got result) (most, took time.Duration) {
	for _, one := range got.lines() {
		if one.AtMost > 0 {
			most, took = time.Duration(one.AtMost*float64(time.Second)), 0
		}
		if one.Took > 0 {
			took = time.Duration(one.Took * float64(time.Second))
		}
	}
	return most, took
}

// With usedonly, as some hooks ask, a proxy without traffic shows no listener but Envoy's own: that is not zero.
func TestListenersThatAreNotThere(t *testing.T) {
	t.Parallel()
	inPod(t, "envoy-gateway.yaml", func(t *testing.T, p *pod) {
		p.serve(t, "127.0.0.1:19000", &fakeEnvoy{listeners: []envoyListener{{name: "0.0.0.0_10080", unused: true}}})
		c := p.container(t)
		c.set(graceVariable, "6")
		c.set("PRE_STOP_RESERVE_SECONDS", "3")
		got := c.hook(t)
		most, took := lastStep(got)
		if got.status != 1 || most < 2*time.Second || took < most || !strings.Contains(got.log, "no series") {
			t.Errorf("expected exit status 1, and a last step that took all of its %s: %s", most, got)
		}
	}, "min=10s", "min=0s", "/stats?", "/stats?usedonly&")
}
