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

func TestNginx(t *testing.T) { testProxy(t, "nginx.yaml", startNginx, syscall.SIGQUIT) }
