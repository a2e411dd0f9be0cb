package main

import (
	"strings"
	"testing"
)

// What the hook is given decides what the demo shows: it must be a pod's environment and not that of whoever runs the demo.
func TestPodHookEnvironment(t *testing.T) {
	t.Parallel()
	p := pod{&runningApp{url: "http://127.0.0.1:1"}, &elasticsearch{url: "http://127.0.0.1:2"}}
	cmd := p.hook(t.Context(), "/prestop", "/dir")
	env := map[string]string{}
	for _, pair := range cmd.Env {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	for name, want := range map[string]string{
		"PRE_STOP_APP_URL": "http://127.0.0.1:1/shutdown", "PRE_STOP_ELASTICSEARCH_URL": "http://127.0.0.1:2",
		"PRE_STOP_ADDITIONAL_WAIT_SECONDS": "8", "PRE_STOP_GRACE_PERIOD_SECONDS": "20", "POD_NAME": "es-0", "PRE_STOP_LOG_TO": "stdout",
	} {
		if env[name] != want {
			t.Errorf("%s is %q, expected %q", name, env[name], want)
		}
	}
	if env["KUBERNETES_SERVICE_HOST"] == "" || env["GOPATH"] != "" || cmd.Stdin != nil || cmd.Dir != "/" {
		t.Errorf("no pod's: %v", env)
	}
}
