package hook

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/eck"
	"github.com/prestop/prestop/internal/secret"
)

// What a step says of itself is as it was written, without secrets, wherever else the secret stands.
func TestLinesWithoutSecrets(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		env   env
		steps []string
		want  []string
	}{
		{"in a step", nil, []string{"post http://u:hunter22@a/ header=X-Token:hunter23"}, []string{"post http://***@a/ header=X-Token:***"}},
		{"by variables", env{"T": "hunter22", "H": "app"}, []string{"post http://$(H)/ header=X-Any:${T}"}, []string{"post http://$(H)/ header=X-Any:${T}"}},
		{"declared by a later step", nil, []string{"post http://a/?x=hunter22", "post http://a/ header=X-Token:hunter22"}, []string{"post http://a/?x=***", "post http://a/ header=X-Token:***"}},
		{"declared by a later step's variable", env{"T": "hunter22"}, []string{"post http://a/hunter22", "post http://a/ header=X:$(T)"}, []string{"post http://a/$(T)", "post http://a/ header=X:$(T)"}},
		{"declared by the app's URL", env{appEnv: "http://u:hunter22@a"}, []string{"exec login hunter22"}, []string{"post http://a", "exec login ***"}},
		{"declared by the report's URL", env{"PRE_STOP_REPORT_URL": "http://u:hunter22@a"}, []string{"exec login hunter22"}, []string{"exec login ***"}},
		{"declared by Elasticsearch's URL, which is not called", env{esEnv: "http://u:hunter22@a"}, []string{"elasticsearch http://b", "exec login hunter22"}, []string{"elasticsearch http://b", "exec login ***"}},
		{"as a part of a verb", env{"T": "elastic"}, []string{"post http://a/ header=X:$(T)", "elasticsearch http://elastic:1"}, []string{"post http://a/ header=X:$(T)", "elasticsearch http://$(T):1"}},
		{"in what cannot be read", nil, []string{"psot http://a/ header='X-Key: hunter22' wait 5s", "wait 5s"}, []string{"psot http://a/ header='X-Key: ***' wait ***", "wait 5s"}},
	} {
		if got := read(t, with(env{graceEnv: "60"}, test.env), test.steps...).Plan(world()).lines(); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// A port, a host's name or a path that comes from a variable is shown as it was written in its own step, and changes no
// other text.
func TestVariablesChangeNoOtherText(t *testing.T) {
	t.Parallel()
	secrets := &secret.Set{}
	vars := env{graceEnv: "60", "PORT": "8080", "HOST": "web.shop.svc", "FILE": "/run/drain/done", "DRAIN": "/drain-now", "POD_NAME": "web-0123", "VERB": "signal"}
	steps := []string{
		"post http://localhost:$(PORT)/drain",
		"post http://$(HOST):8080$(DRAIN)",
		"touch $(FILE)",
		"post http://web.shop.svc:18080/drain-now header=X:$(POD_NAME)",
		"until quiet 8080,18080 max=5s",
		"until file /run/drain/done max=5s",
		"exec echo 8080 web.shop.svc web-0123",
	}
	c, err := config.ReadElsewhere(steps, vars, eck.Pod{})
	if err != nil {
		t.Fatal(err)
	}
	p := Read(c, secrets).Plan(world())
	if got := p.lines(); !slices.Equal(got, steps) || len(p.Problems) > 0 {
		t.Errorf("\n got %q\nwant %q\n%q", got, steps, p.Problems)
	}
	const text = "8080 18080 web.shop.svc:8080 /run/drain/done /drain-now web-0123"
	if got := secrets.Hide(text); got != text {
		t.Errorf("%q is shown as %q", text, got)
	}
}

// What a step says when it fails names a variable as the step does, and a secret by no word.
func TestErrorsOfSteps(t *testing.T) {
	t.Parallel()
	vars := env{graceEnv: "60", "PORT": "1", "HOST": "127.0.0.1", "FILE": "/nowhere/hunter22/file", "DIR": "/nowhere", "TOKEN": "/nowhere/at-all"}
	p := read(t, vars, "get http://$(HOST):$(PORT)/ timeout=10ms", "touch $(FILE)", "touch /nowhere/hunter22/file", "get http://127.0.0.1:1/ token-file=$(TOKEN)").Plan(world())
	for n, test := range []struct{ has, hasNot string }{
		{"$(HOST):1", "127.0.0.1"},
		{"$(FILE)", "hunter22/file"},
		{"/nowhere/hunter22/file", "$(FILE)"},
		{"$(TOKEN)", "at-all"},
	} {
		err := p.Entries[n].Step.Run(deadline(t), slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), test.has) || strings.Contains(err.Error(), test.hasNot) {
			t.Errorf("%s: %v; want one with %s and without %s", p.Entries[n].Line, err, test.has, test.hasNot)
		}
	}
}

// Each step says where it is written and which variables it has.
func TestSteps(t *testing.T) {
	t.Parallel()
	p := read(t, env{graceEnv: "60", appEnv: "http://a", stepsSetting: "# none\nwait 5s\n\npost http://$(A)$(B) once"}).Plan(world())
	type where struct {
		setting   string
		index     int
		variables string
		once      bool
	}
	for n, want := range []where{{appEnv, 0, "", false}, {stepsSetting, 1, "", false}, {stepsSetting, 3, "A", false}} {
		one := p.Steps[n]
		if got := (where{one.Setting, one.Index, strings.Join(one.Variables, " "), one.Words.Once}); got != want {
			t.Errorf("step %d: %+v, want %+v", n+1, got, want)
		}
	}
	p = read(t, env{graceEnv: "60", appEnv: "http://a"}, "wait 5s", "post http://b once").Plan(world())
	if one := p.Steps[2]; one.Setting != "" || one.Index != 1 || !one.Words.Once || !p.Entries[2].Once {
		t.Errorf("%+v", one)
	}
}
