package setting

import (
	"slices"
	"testing"
)

// A variable that is almost a setting is told with the setting. What Kubernetes injects for a Service called pre-stop is no mistake.
func TestUnknowns(t *testing.T) {
	t.Parallel()
	var table []*Setting
	for _, name := range []string{"STEPS", "APP_URL", "GRACE_PERIOD_SECONDS", "ADDITIONAL_WAIT_SECONDS", "STATE_DIR", "REPORT_URL"} {
		table = append(table, &Setting{Env: Prefix + name})
	}
	env := make(map[string]string)
	for _, name := range []string{"PRE_STOP_PORT", "PRE_STOP_PORT_80_TCP", "PRE_STOP_SERVICE_HOST", "PATH", "STEPS", "", "PRESTOP_X", "pre_stop_x", "PRESTOP_PORT", "PRESTOP_SERVICE_HOST", "PRE_STOP_STEPS",
		"PRE_STOP_GRACE_SECONDS", "PRE_STOP_APP_URLS", "PRE_STOP_PORTS", "PRE_STOP_OLD", "PRE_STOP_GRACE_PERIOD", "PRESTOP_ADDITIONAL_WAIT", "pre-stop-steps", "PRE_STOPSTEPS"} {
		env[name] = "x"
	}
	want := []Unknown{{"PRESTOP_ADDITIONAL_WAIT", "PRE_STOP_ADDITIONAL_WAIT_SECONDS"}, {"PRE_STOPSTEPS", "PRE_STOP_STEPS"}, {"PRE_STOP_APP_URLS", "PRE_STOP_APP_URL"},
		{"PRE_STOP_GRACE_PERIOD", "PRE_STOP_GRACE_PERIOD_SECONDS"}, {"PRE_STOP_GRACE_SECONDS", ""}, {"PRE_STOP_OLD", ""}, {"PRE_STOP_PORTS", ""}, {"pre-stop-steps", "PRE_STOP_STEPS"}}
	if got := Unknowns(env, table); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
