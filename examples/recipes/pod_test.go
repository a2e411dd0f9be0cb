package recipes_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
)

func TestPodIsItsOwn(t *testing.T) {
	t.Parallel()
	inPod(t, "nginx.yaml", func(t *testing.T, p *pod) {
		p.host("backend", "127.0.0.2")
		p.serve(t, "127.0.0.2:80", http.NotFoundHandler())
		c := p.container(t)
		c.set("GIVEN", "value")
		c.write(t, "/opt/own/file", "content")
		main := c.start(t, "sleep", "60")
		tests := []struct {
			command string
			status  int
			output  string // part of it
		}{
			{"readlink /proc/1/exe", 0, "sleep"},
			{"hostname", 0, "web-0"},
			{"getent hosts backend", 0, "127.0.0.2"},
			{"cat /etc/nginx/conf.d/default.conf", 0, "listen 8080"},
			{"cat /opt/own/file", 0, "content"},
			{"echo $GIVEN $PRE_STOP_GRACE_PERIOD_SECONDS $HOSTNAME", 0, "value 60 web-0"},
			{"/prestop version", 0, "prestop"},
			{"touch /usr/own", 1, "Read-only"},
			{"touch /tmp/own /run/own /var/own /etc/own", 0, ""},
			{"ls /tmp", 0, "own\n"},
			{"cd / && ls tmp/.. && exit 3", 3, "prestop"},
			{"kill -9 $$", 137, ""},
		}
		for _, test := range tests {
			got := c.exec(t, "sh", "-c", test.command)
			if got.status != test.status || !strings.Contains(got.output, test.output) {
				t.Errorf("%s: %s", test.command, got)
			}
		}
		for _, path := range []string{"/etc/own", "/opt/own", "/run/own"} {
			if _, err := os.Stat(path); err == nil {
				t.Errorf("%s is outside of the container as well", path)
			}
		}
		main.signal(9)
		<-main.Done
		if main.status() != killed {
			t.Errorf("exit status %d", main.status())
		}
	})
}
