package hook

import (
	"testing"
)

func TestWarnings(t *testing.T) {
	t.Parallel()
	const unused = "setting-unused: "
	exits := func(step string) string { return "ends-the-process of step " + step }
	moves := func(step, kind string) string {
		return "elasticsearch-moves-data of step " + step + ": Elasticsearch shutdown type " + kind
	}
	for _, test := range []struct {
		name  string
		env   env
		steps []string
		want  []string
	}{
		{"nothing to say", env{appEnv: "http://a/", esEnv: "http://es"}, []string{"wait 5s", "until quiet 8080"}, nil},

		{"an end before a wait", nil, []string{"post http://a/actuator/shutdown", "wait 5s"}, []string{exits("1: post http://a/actuator/shutdown ends")}},
		{"an end before another call and a wait", nil, []string{"post http://a/actuator/shutdown", "post http://a/", "wait 5s"}, []string{exits("1")}},
		{"an end after the wait", nil, []string{"wait 5s", "post http://a/actuator/shutdown"}, nil},
		{"an end without any", nil, []string{"post http://a/actuator/shutdown"}, nil},
		{"an end between two", nil, []string{"wait 5s", "post http://a/quitquitquit", "wait 5s"}, []string{exits("2")}},
		{"an end before a wait of nothing", nil, []string{"post http://a/quitquitquit", "wait 0"}, nil},
		{"an end before an until", nil, []string{"post http://a/quitquitquit", "until quiet 8080"}, []string{exits("1")}},
		{"an end before the additional wait", env{waitEnv: "5"}, []string{"post http://a/quitquitquit"}, []string{exits("1")}},
		{"an end before none", env{waitEnv: "0"}, []string{"post http://a/quitquitquit"}, nil},
		{"an end as the app's URL", env{appEnv: "http://a/actuator/shutdown"}, nil, []string{exits("1: post http://a/actuator/shutdown ends")}},
		{"an end as the app's URL, before a step", env{appEnv: "http://a/actuator/shutdown"}, []string{"wait 5s"}, []string{exits("1")}},
		{"an end as the app's URL, and no wait", env{appEnv: "http://a/actuator/shutdown", waitEnv: "0"}, nil, nil},
		{"an end behind the app's URL", env{appEnv: "http://a/"}, []string{"post http://a/quitquitquit", "wait 5s"}, []string{exits("2")}},
		{"an end with a query", nil, []string{"post http://localhost:15000/quitquitquit?x=y", "wait 5s"}, []string{exits("1")}},
		{"an end with a fragment", nil, []string{"post http://a/quitquitquit#x", "wait 5s"}, []string{exits("1")}},
		{"an end with a slash", nil, []string{"post http://a/quitquitquit/", "wait 5s"}, []string{exits("1")}},
		{"an end below a prefix", nil, []string{"post http://a/manage/actuator/shutdown", "wait 5s"}, []string{exits("1")}},
		{"an end by a variable", env{"P": "/quitquitquit"}, []string{"post http://a$(P)", "wait 5s"}, []string{exits("1: post http://a$(P) ends")}},
		{"an end by any other method", nil, []string{"get http://a/quitquitquit", "wait 5s"}, []string{exits("1")}},
		{"two ends", nil, []string{"post http://a/quitquitquit", "post http://b/quitquitquit", "wait 5s"}, []string{exits("2"), exits("1")}},
		{"an end in a query only", nil, []string{"post http://a/x?y=/quitquitquit", "wait 5s"}, nil},
		{"an end in a longer name", nil, []string{"post http://a/quitquitquitter", "wait 5s"}, nil},
		{"an end in a condition only", nil, []string{"post http://a/ only-if=http://a/quitquitquit", "wait 5s"}, nil},
		{"an end before what cannot be read", nil, []string{"post http://a/quitquitquit", "wiat 5s"}, []string{exits("1")}},
		{"an end with its password out", nil, []string{"post http://u:hunter22@a/quitquitquit", "wait 5s"}, []string{exits("1: post http://***@a/quitquitquit ends")}},
		{"a signal that ends", nil, []string{"signal TERM wait=false", "wait 5s"}, []string{exits("1: signal TERM wait=false ends the main process")}},
		{"a signal that ends after the wait", nil, []string{"wait 5s", "signal TERM wait=false"}, []string{"signals-and-returns of step 2"}},
		{"a signal that ends, and nothing after it", nil, []string{"wait 5s", "signal QUIT wait=false"}, []string{"signals-and-returns of step 2: signal QUIT wait=false tells"}},
		{"a signal whose end is waited for", nil, []string{"wait 5s", "signal QUIT"}, nil},
		{"a program that signals", nil, []string{"wait 5s", "exec nginx -s quit"}, []string{"signals-and-returns of step 2: exec nginx -s quit tells"}},
		{"a program that signals, and a call", nil, []string{"exec /usr/sbin/nginx -s quit", "post http://a"}, []string{"signals-and-returns of step 1"}},
		{"a program that signals, and the end of its listening", nil, []string{"exec nginx -s quit", "until closed 80"}, nil},
		{"a program that signals, and the additional wait", env{waitEnv: "5"}, []string{"exec nginx -s quit"}, nil},
		{"a program that does more", nil, []string{"exec sh -c 'nginx -s quit; sleep 5'"}, nil},
		{"Envoy that stops listening", nil, []string{"post http://a:9901/drain_listeners?graceful", "wait 5s"}, []string{exits("1: post http://a:9901/drain_listeners?graceful stops Envoy's listening")}},
		{"Envoy that goes on", nil, []string{"post http://a:9901/drain_listeners?graceful&skip_exit", "wait 5s"}, nil},
		{"Caddy", nil, []string{"post http://localhost:2019/stop", "wait 5s"}, []string{exits("1: post http://localhost:2019/stop ends")}},
		{"a signal that does not end", nil, []string{"signal USR1 wait=false", "wait 5s"}, nil},

		{"restart", env{esEnv: "http://a"}, []string{"elasticsearch", "wait 5s"}, nil},
		{"remove", env{esEnv: "http://a"}, []string{"elasticsearch type=remove"}, []string{moves("1", "remove")}},
		{"sigterm", env{esEnv: "http://a", typeEnv: "sigterm"}, []string{"wait 5s", "elasticsearch"}, []string{moves("2", "sigterm")}},
		{"replace, from the environment", env{esEnv: "http://a", typeEnv: "Replace", "PRE_STOP_ELASTICSEARCH_TARGET_NODE": "b"}, nil, []string{moves("1", "replace")}},
		{"remove for an app alone", env{appEnv: "http://a/", typeEnv: "remove"}, nil, nil},
		{"auto", env{esEnv: "http://a", typeEnv: "auto", askEnv: "true"}, nil, nil},

		{"a max that is over", nil, []string{"wait 20s", "until quiet 8080 max=20s"}, []string{"max-before-begin of step 2: until quiet 8080 max=20s"}},
		{"a max that a quick wait leaves time", nil, []string{"until http://a/ max=5s", "until file /x max=1s"}, nil},
		{"a max that is not", nil, []string{"wait 20s", "until quiet 8080 max=40s"}, nil},
		{"a max shorter than its min", nil, []string{"until quiet 8080 min=30s max=20s"}, []string{"max-before-begin of step 1"}},
		{"a for as long as its max", nil, []string{"until quiet 8080 for=20s max=20s"}, []string{"never-met of step 1: until quiet 8080 for=20s max=20s is never met: it looks for 20s at least, and its max leaves it 20s"}},
		{"a for that just fits", nil, []string{"until quiet 8080 for=19s max=20s", "until empty 80 min=1s for=9s max=20s"}, nil},
		{"three looks of gone", env{"POD_IP": "10.0.0.1"}, []string{"until gone web max=3s"}, []string{"never-met of step 1: until gone web max=3s is never met: it looks for 3s at least, and its max leaves it 3s"}},
		{"three looks of gone that fit", env{"POD_IP": "10.0.0.1"}, []string{"until gone web max=4s"}, nil},
		{"looks that just fit", nil, []string{"until http://a/ stable=20 max=20s"}, nil},
		{"a for longer than its max", nil, []string{"until empty 80 for=30s max=20s"}, []string{"never-met of step 1: until empty 80 for=30s max=20s is never met: it looks for 30s"}},
		{"a for longer than a max of nothing", nil, []string{"until quiet 8080 max=0"}, []string{"never-met of step 1: until quiet 8080 max=0 is never met: it looks for 3s at least, and its max leaves it 1s"}},
		{"a for longer than a plain wait", nil, []string{"until quiet 8080 for=30s max=8s", "until quiet 8080 for=30s min=20s max=20s"}, nil},
		{"more looks than seconds", nil, []string{"until http://a/ stable=4 max=3s"}, []string{"never-met of step 1: until http://a/ stable=4 max=3s is never met: it looks for 3s"}},
		{"a min as long as its max", nil, []string{"until empty 80 max=8s", "until file /a min=20s max=20s"}, nil},
		{"a for longer than what is left of its max", nil, []string{"wait 20s", "until quiet 8080 for=12s max=30s"}, []string{"never-met of step 2: until quiet 8080 for=12s max=30s is never met: it looks for 12s at least, and its max leaves it 10s"}},
		{"a for without a max, and one look", nil, []string{"until quiet 8080 for=30s", "until file /a max=0", "until http://a/ max=0"}, nil},
		{"times of no whole milliseconds", env{graceEnv: "50"}, []string{"wait 60s"}, []string{"grace-too-short of step 1: wait 60s is shortened from 1m0s to 41.617s: the grace period of 50s less the reserve of 8.333s leaves 41.667s"}},
		{"a beginning of no whole milliseconds", env{graceEnv: "10"}, []string{"wait 5s", "until closed 80 max=3s", "post http://a/"}, []string{"grace-too-short of step 1: ", "grace-too-short of step 2: ", "max-before-begin of step 2: until closed 80 max=3s: its max of 3s counts from the hook's start and is over before it begins, after 3.292s"}},
		{"a max and a reserve of no whole milliseconds", env{graceEnv: "50"}, []string{"until quiet 8080 max=500s"}, []string{"max-past-deadline of step 1: until quiet 8080 max=500s: its max of 8m20s is cut to 41.6s: the grace period of 50s less the reserve of 8.333s, and what else"}},
		{"a max beyond the deadline", env{graceEnv: "60"}, []string{"until quiet 8080 max=500s"}, []string{"max-past-deadline of step 1: until quiet 8080 max=500s: its max of 8m20s is cut to 50s: the grace period of 1m0s less the reserve of 10s"}},
		{"the max of a step that lacks a setting", env{graceEnv: "50"}, []string{"until gone web max=5s"}, nil},
		{"a max at the deadline", env{graceEnv: "60", "PRE_STOP_REPORT_URL": "http://a"}, []string{"until quiet 8080 max=50s"}, nil},
		{"a max beyond what later waits leave", env{graceEnv: "60"}, []string{"until quiet 8080 max=50s", "wait 20s"}, []string{"max-past-deadline of step 1: until quiet 8080 max=50s: its max of 50s is cut to 30s"}},
		{"a call's max, a program's, and a timeout beyond the deadline", env{graceEnv: "60"}, []string{"wait 10s", "post http://a max=45s", "exec max=60s a", "get http://b timeout=41s"},
			[]string{"max-past-deadline of step 2", "max-past-deadline of step 3: exec max=60s a: its max of 1m0s is cut to", "timeout-not-reached of step 4: get http://b timeout=41s: timeout=41s, and the step has 40s at most"}},
		{"a timeout beyond the max", nil, []string{"until http://a timeout=20s max=10s"}, []string{"timeout-not-reached of step 1"}},
		{"times that fit, and those that nobody wrote", env{graceEnv: "60"}, []string{"post http://a max=5s timeout=5s", "touch /a", "unlock redis://a key=x value-file=/v", "until quiet"}, nil},
		{"what arrives otherwise", env{"PW": "x"}, []string{`post http://a body={"a":1}`, "exec a | b", "post http://b body='$(PW)'", `until http://b metric=x{a="b"} at-most=0`},
			[]string{"quotes-misplaced of step 1: post http://a body={\"a\":1}: body={\"a\":1}: quotes are taken away", "shell-syntax-without-shell of step 2: exec a | b: exec runs no shell", "quotes-misplaced of step 3", "quotes-misplaced of step 4"}},
		{"no max, with the additional wait over", env{waitEnv: "10"}, []string{"wait 20s", "until quiet 8080"}, nil},

		{"arguments and steps", env{stepsSetting: "wait 6s"}, []string{"wait 5s"}, []string{"steps-ignored: PRE_STOP_STEPS is set"}},
		{"a flag and its variable", env{waitEnv: "10", "PRE_STOP_LOG_TO": "stdout"}, []string{"--additional-wait=20", "--log-to=stdout"}, []string{"set-twice: " + waitEnv + " is set, and --additional-wait"}},
		{"a flag and a mistake in its variable", env{waitEnv: "2O"}, []string{"--additional-wait=20s"}, []string{"set-twice: " + waitEnv}},
		{"a flag twice", nil, []string{"--additional-wait=20", "--additional-wait=21", "--log-to=stdout", "--log-to=stdout"}, []string{"set-twice: --additional-wait is set"}},
		{"a flag twice beside another that is none", nil, []string{"--additional-wait=20", "--nope"}, nil},
		{"no setting", env{"PRE_STOP_GRACE_SECONDS": "60", "PRE_STOP_WAIT": "x", "prestop_steps": "x"}, nil, []string{"setting-unknown: PRE_STOP_GRACE_SECONDS", "setting-unknown: PRE_STOP_WAIT", "setting-unknown: prestop_steps is set, and is no setting of this version; did you mean PRE_STOP_STEPS?"}},

		{"a variable that the kubelet has left", env{appEnv: "http://a/$(NOT_SET)", "NOT_SET": "x"}, []string{"post http://b/$(NOT_SET)"}, []string{"unset-variable: PRE_STOP_APP_URL has a $(…)"}},
		{"a call twice", nil, []string{"post http://a/drain", "wait 5s", "post http://a/drain"}, []string{"called-twice of step 3: post http://a/drain: "}},
		{"a call thrice", nil, []string{"post http://a", "post http://a", "post http://a"}, []string{"called-twice of step 2", "called-twice of step 3"}},
		{"the app's call twice", env{appEnv: "http://a/drain"}, []string{"post http://a/drain timeout=5s"}, []string{"called-twice of step 2"}},
		{"a call twice, written otherwise", env{appEnv: "http://u:hunter22@A:80"}, []string{"post http://a/#x"}, []string{"called-twice of step 2"}},
		{"a call twice by a variable", env{"A": "http://a/drain"}, []string{"post http://a/drain", "post $(A)"}, []string{"called-twice of step 2: post $(A)"}},
		{"two methods", nil, []string{"put http://a/x", "delete http://a/x"}, nil},
		{"two queries", nil, []string{"post http://a/x?a", "post http://a/x?b"}, nil},
		{"two ports", nil, []string{"post http://a/x", "post http://a:8080/x"}, nil},
		{"a call and looks", nil, []string{"get http://a/x", "until http://a/x max=5s", "post http://a/y only-if=http://a/x"}, nil},
		{"two looks", nil, []string{"until http://a/x max=5s", "until http://a/x max=6s"}, nil},
		{"two locks", nil, []string{"unlock redis://a key=x value-file=/v", "unlock redis://a key=y value-file=/v"}, nil},
		{"Elasticsearch twice", env{esEnv: "http://a:9200"}, []string{"elasticsearch", "elasticsearch http://b:9200,http://a:9200"}, []string{"called-twice of step 2"}},
		{"two clusters", nil, []string{"elasticsearch http://a:9200", "elasticsearch http://b:9200"}, nil},

		{"Elasticsearch's URL in a step", env{esEnv: "http://a:9200,http://b:9200"}, []string{"elasticsearch http://B:9200"}, nil},
		{"Elasticsearch's URL not in a step", env{esEnv: "http://a:9200"}, []string{"elasticsearch http://b:9200"}, []string{unused + esEnv}},
		{"Elasticsearch's URL in one of two", env{esEnv: "http://a:9200"}, []string{"elasticsearch http://b:9200", "elasticsearch"}, nil},
		{"Elasticsearch's URL turned off", env{esEnv: "none"}, nil, nil},
		{"Elasticsearch's URL beside a mistake", env{esEnv: "http://a:9200"}, []string{"elasticsearch http://b:9200", "wiat 5s"}, nil},
		{"Elasticsearch's files alone", env{"PRE_STOP_ELASTICSEARCH_CA_FILE": "/ca"}, []string{"wait 5s"}, []string{unused + "PRE_STOP_ELASTICSEARCH_CA_FILE"}},
		{"Elasticsearch's files alone, by a flag", nil, []string{"--elasticsearch-ca-file=/ca", "wait 5s"}, []string{unused + "--elasticsearch-ca-file"}},
		{"Elasticsearch's files and a step", env{"PRE_STOP_ELASTICSEARCH_CA_FILE": "/ca"}, []string{"elasticsearch https://a"}, nil},
		{"the app's files alone", env{"PRE_STOP_APP_TOKEN_FILE": "/t", "PRE_STOP_APP_CA_FILE": "/ca"}, []string{"post https://a"}, []string{unused + "PRE_STOP_APP_TOKEN_FILE", unused + "PRE_STOP_APP_CA_FILE"}},
		{"the app's files", env{appEnv: "https://a", "PRE_STOP_APP_TOKEN_FILE": "/t"}, nil, nil},
		{"the app's CA without TLS", env{appEnv: "http://a", "PRE_STOP_APP_CA_FILE": "/ca"}, nil, []string{unused + "PRE_STOP_APP_CA_FILE"}},
		{"Elasticsearch's TLS without TLS", env{esEnv: "http://a", "PRE_STOP_ELASTICSEARCH_CA_FILE": "/ca", "PRE_STOP_ELASTICSEARCH_TLS_SERVER_NAME": "b"}, nil,
			[]string{unused + "PRE_STOP_ELASTICSEARCH_CA_FILE", unused + "PRE_STOP_ELASTICSEARCH_TLS_SERVER_NAME"}},
		{"a CA that verifies nothing", env{esEnv: "https://a", "PRE_STOP_ELASTICSEARCH_CA_FILE": "/ca", "PRE_STOP_ELASTICSEARCH_INSECURE_SKIP_VERIFY": "true"}, nil, []string{unused + "PRE_STOP_ELASTICSEARCH_CA_FILE"}},
		{"a type that nobody is told", env{typeEnv: "remove"}, []string{"wait 5s"}, []string{unused + typeEnv}},
		{"a type that a step has itself", env{typeEnv: "sigterm"}, []string{"elasticsearch http://a type=restart"}, []string{unused + typeEnv}},
		{"a delay and a target of other types", env{esEnv: "http://a", typeEnv: "remove", "PRE_STOP_ELASTICSEARCH_ALLOCATION_DELAY": "1m", "PRE_STOP_ELASTICSEARCH_TARGET_NODE": "b"}, nil,
			[]string{unused + "PRE_STOP_ELASTICSEARCH_ALLOCATION_DELAY", unused + "PRE_STOP_ELASTICSEARCH_TARGET_NODE", moves("1", "remove")}},
		{"a user in the app's URL, and a token", env{appEnv: "http://u:hunter22@a", "PRE_STOP_APP_TOKEN_FILE": "/t"}, nil, []string{"set-twice: the user in " + appEnv + " is set, and PRE_STOP_APP_TOKEN_FILE"}},
		{"three credentials of Elasticsearch", env{esEnv: "http://u:hunter22@a", "PRE_STOP_ELASTICSEARCH_USERNAME": "u", "PRE_STOP_ELASTICSEARCH_PASSWORD_FILE": "/p", "PRE_STOP_ELASTICSEARCH_TOKEN_FILE": "/t"}, nil,
			[]string{"set-twice: the user in " + esEnv + " is set, and PRE_STOP_ELASTICSEARCH_USERNAME", "set-twice: PRE_STOP_ELASTICSEARCH_TOKEN_FILE is set, and PRE_STOP_ELASTICSEARCH_USERNAME"}},
		{"a URL twice in one step", nil, []string{"elasticsearch http://a,http://a"}, nil},
		{"the app's files beside a mistake", env{appEnv: "a:8080", "PRE_STOP_APP_TOKEN_FILE": "/t"}, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := read(t, with(env{graceEnv: "600"}, test.env), test.steps...)
			for range 2 { // a script says the same each time
				checkNotes(t, "warnings", s.Plan(world()).said(), test.want...)
			}
		})
	}
}

// A warning says which setting it is about.
func TestWarningsOfSettings(t *testing.T) {
	t.Parallel()
	p := read(t, env{graceEnv: "60", "PRE_STOP_NOPE": "x", stepsSetting: "wait 5s", "PRE_STOP_APP_CA_FILE": "/ca"}, "wait 6s").Plan(world())
	got := map[string]string{}
	for _, w := range p.Warnings {
		got[w.ID] = w.Setting
	}
	for id, want := range (env{"setting-unknown": "PRE_STOP_NOPE", "steps-ignored": stepsSetting, "setting-unused": "PRE_STOP_APP_CA_FILE"}) {
		if got[id] != want {
			t.Errorf("%s is about %q, want %q", id, got[id], want)
		}
	}
}
