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

func TestHAProxy(t *testing.T) { testProxy(t, "haproxy.yaml", startHAProxy, syscall.SIGUSR1) }
