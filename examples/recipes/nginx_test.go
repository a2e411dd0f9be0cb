package recipes_test

import (
	"syscall"
	"testing"
)

// startNginx starts nginx as its image does: with a configuration that includes conf.d.
func startNginx(t *testing.T, p *pod) proxy {
	t.Helper()
	c := p.container(t)
	c.write(t, "/var/lib/nginx/.keep", "")
	c.write(t, "/var/log/nginx/.keep", "")
	c.write(t, "/tmp/nginx.conf", `
		user nobody nogroup;
		worker_processes 2;
		error_log stderr notice;
		pid /run/nginx.pid;
		events { worker_connections 1024; }
		http {
			access_log off;
			keepalive_timeout 65;
			include /etc/nginx/conf.d/*.conf;
		}`)
	return startProxy(t, p, "nginx-light", "nginx", "-c", "/tmp/nginx.conf", "-g", "daemon off;")
}

func TestNginx(t *testing.T) {
	t.Parallel()
	inPod(t, "nginx.yaml", func(t *testing.T, p *pod) {
		n := startNginx(t, p)
		n.expectNone(n.container.stop(t, syscall.SIGQUIT), 0)
	}, wait, shortWait)
}

func TestNginxSignalledByTheHook(t *testing.T) {
	t.Parallel()
	inPod(t, "nginx.yaml", func(t *testing.T, p *pod) {
		n := startNginx(t, p)
		n.expectNone(n.container.hook(t), killed)
	}, wait, thenSignal("QUIT"))
}

func TestNginxWithoutHook(t *testing.T) {
	t.Parallel()
	inPod(t, "nginx.yaml", func(t *testing.T, p *pod) {
		n := startNginx(t, p)
		n.container.main.signal(syscall.SIGQUIT)
		n.expectSome()
	}, wait, shortWait)
}

func TestNginxWithoutWait(t *testing.T) {
	t.Parallel()
	inPod(t, "nginx.yaml", func(t *testing.T, p *pod) {
		n := startNginx(t, p)
		n.container.stop(t, syscall.SIGQUIT)
		n.expectSome()
	}, wait, noWait)
}

func TestNginxStoppedBySIGTERM(t *testing.T) {
	t.Parallel()
	inPod(t, "nginx.yaml", func(t *testing.T, p *pod) {
		n := startNginx(t, p)
		n.container.stop(t, syscall.SIGTERM)
		n.expectSome()
	}, wait, shortWait)
}
