package recipes_test

import (
	"syscall"
	"testing"
)

// startHAProxy starts HAProxy as its image does: with a master process.
func startHAProxy(t *testing.T, p *pod) proxy {
	t.Helper()
	return startProxy(t, p, "haproxy", "haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg")
}

func TestHAProxy(t *testing.T) {
	t.Parallel()
	inPod(t, "haproxy.yaml", func(t *testing.T, p *pod) {
		h := startHAProxy(t, p)
		h.expectNone(h.container.stop(t, syscall.SIGUSR1), 0)
	}, wait, shortWait)
}

func TestHAProxySignalledByTheHook(t *testing.T) {
	t.Parallel()
	inPod(t, "haproxy.yaml", func(t *testing.T, p *pod) {
		h := startHAProxy(t, p)
		h.expectNone(h.container.hook(t), killed)
	}, wait, thenSignal("USR1"))
}

func TestHAProxyWithoutHook(t *testing.T) {
	t.Parallel()
	inPod(t, "haproxy.yaml", func(t *testing.T, p *pod) {
		h := startHAProxy(t, p)
		h.container.main.signal(syscall.SIGUSR1)
		h.expectSome()
	}, wait, shortWait)
}

func TestHAProxyWithoutWait(t *testing.T) {
	t.Parallel()
	inPod(t, "haproxy.yaml", func(t *testing.T, p *pod) {
		h := startHAProxy(t, p)
		h.container.stop(t, syscall.SIGUSR1)
		h.expectSome()
	}, wait, noWait)
}

func TestHAProxyStoppedBySIGTERM(t *testing.T) {
	t.Parallel()
	inPod(t, "haproxy.yaml", func(t *testing.T, p *pod) {
		h := startHAProxy(t, p)
		h.container.stop(t, syscall.SIGTERM)
		h.expectSome()
	}, wait, shortWait)
}
