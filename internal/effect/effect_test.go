package effect

import (
	"slices"
	"strings"
	"testing"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/eck"
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/parse"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/verbs"
)

const es, app = "PRE_STOP_ELASTICSEARCH_", "PRE_STOP_APP_"

type env map[string]string

func TestEffects(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env    env
		lines  []string
		unused []string // settings, in the order of the table
		beaten []string // what, by
		again  []bool
	}{
		"nothing":                             {},
		"a delay for a step that moves data":  {env{es + "ALLOCATION_DELAY": "9m", es + "TARGET_NODE": "b"}, []string{"elasticsearch https://a type=replace"}, []string{es + "ALLOCATION_DELAY"}, nil, []bool{false}},
		"a target for a step that restarts":   {env{es + "ALLOCATION_DELAY": "9m", es + "TARGET_NODE": "b"}, []string{"elasticsearch https://a type=restart"}, []string{es + "TARGET_NODE"}, nil, []bool{false}},
		"the settings' type and another":      {env{"PRE_STOP_SHUTDOWN_TYPE": "remove"}, []string{"elasticsearch https://a type=restart"}, []string{"PRE_STOP_SHUTDOWN_TYPE"}, nil, []bool{false}},
		"the settings' type":                  {env{"PRE_STOP_SHUTDOWN_TYPE": "remove"}, []string{"elasticsearch https://a"}, nil, nil, []bool{false}},
		"another place":                       {env{es + "URL": "https://b", es + "CA_FILE": "/ca"}, []string{"elasticsearch https://a"}, []string{es + "URL", es + "CA_FILE"}, nil, []bool{false}},
		"the same place, with its port":       {env{es + "URL": "https://A:443", es + "CA_FILE": "/ca"}, []string{"elasticsearch https://a"}, nil, nil, []bool{false}},
		"files of TLS without TLS":            {env{es + "CA_FILE": "/ca", es + "TLS_SERVER_NAME": "b"}, []string{"elasticsearch http://a"}, []string{es + "CA_FILE", es + "TLS_SERVER_NAME"}, nil, []bool{false}},
		"a CA that nobody asks":               {env{es + "CA_FILE": "/ca", es + "INSECURE_SKIP_VERIFY": "true"}, []string{"elasticsearch https://a"}, []string{es + "CA_FILE"}, nil, []bool{false}},
		"the app's CA without TLS":            {env{app + "URL": "http://a", app + "CA_FILE": "/ca"}, nil, []string{app + "CA_FILE"}, nil, nil},
		"a token without an app":              {env{app + "TOKEN_FILE": "/t"}, nil, []string{app + "TOKEN_FILE"}, nil, nil},
		"a user in the app's URL and a token": {env{app + "URL": "http://u:p@a", app + "TOKEN_FILE": "/t"}, nil, nil, []string{"the user in " + app + "URL", app + "TOKEN_FILE"}, nil},
		"a user in one of two URLs":           {env{es + "URL": "https://a,https://u:p@b", es + "TOKEN_FILE": "/t"}, []string{"elasticsearch"}, nil, []string{"the user in " + es + "URL", es + "TOKEN_FILE"}, []bool{false}},
		"a token and a user":                  {env{es + "TOKEN_FILE": "/t", es + "USERNAME": "u", es + "PASSWORD_FILE": "/p"}, []string{"elasticsearch https://a"}, nil, []string{es + "TOKEN_FILE", es + "USERNAME"}, []bool{false}},
		"a call twice":                        {nil, []string{"post http://A/x", "post http://a:80/x", "put http://a/x", "get http://a/x?y", "until http://a/x"}, nil, nil, []bool{false, true, false, false, false}},
		"a node twice":                        {env{es + "URL": "https://a"}, []string{"elasticsearch", "elasticsearch https://a:443,https://a:443"}, nil, nil, []bool{false, true}},
	} {
		c, err := config.ReadElsewhere(nil, test.env, eck.Pod{})
		if err != nil || len(c.Problems) > 0 {
			t.Fatalf("%s: %v, %v", name, err, c.Problems)
		}
		var needs []*step.Needs
		for _, line := range test.lines {
			_, spec, _, err := parse.LineIn(grammar.Scope{Lookup: func(string) (string, bool) { return "", false }}, verbs.All(), line)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			one := spec.Needs()
			needs = append(needs, &one)
		}
		e := Of(c, needs)
		var unused, beaten []string
		for n := range c.Settings {
			s := &c.Settings[n]
			if s.By() != "" && e.Unused(s) {
				unused = append(unused, s.Env)
			}
			if what, by := e.Beaten(s); what != "" {
				beaten = append(beaten, what, by)
			}
		}
		var again []bool
		for n := range needs {
			again = append(again, e.Again(n))
		}
		if !slices.Equal(unused, test.unused) || !slices.Equal(beaten, test.beaten) || !slices.Equal(again, test.again) {
			t.Errorf("%s: unused %q, want %q; beaten %q, want %q; again %v, want %v", name, unused, test.unused, strings.Join(beaten, " by "), test.beaten, again, test.again)
		}
	}
}
