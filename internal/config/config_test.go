package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prestop/prestop/internal/eck"
	"github.com/prestop/prestop/internal/setting"
	"github.com/prestop/prestop/internal/step"
)

func TestFlags(t *testing.T) {
	t.Parallel()
	const reserve, unknown = "PRE_STOP_RESERVE_SECONDS", "arguments: unknown flag: "
	set := func(env, shown string) map[string]string { return map[string]string{env: shown} }
	reserved := set(reserve, "3s")
	for _, test := range []struct {
		args     []string
		steps    []string
		problems []string
		set      map[string]string // what must have survived
	}{
		{[]string{"--grace-period", "60", "wait 5s"}, []string{"wait 5s"}, nil, set("PRE_STOP_GRACE_PERIOD_SECONDS", "1m0s")},
		{[]string{"wait 5s", "--grace-period=60"}, []string{"wait 5s", "--grace-period=60"}, nil, nil},
		{[]string{"--", "--grace-period=60"}, []string{"--grace-period=60"}, nil, nil},
		{[]string{"--elasticsearch-insecure-skip-verify", "wait 5s"}, []string{"wait 5s"}, nil, set("PRE_STOP_ELASTICSEARCH_INSECURE_SKIP_VERIFY", "true")},
		{[]string{"--reserve=2", "--reserve=3"}, []string{}, nil, reserved},
		{[]string{"--nope", "wait 5s"}, []string{"wait 5s"}, []string{unknown + "--nope"}, nil},
		{[]string{"--nope=1", "--reserve=3", "wait 5s"}, []string{"wait 5s"}, []string{unknown + "--nope"}, reserved},
		{[]string{"--reserve=3", "--reserve-seconds=4"}, []string{}, []string{unknown + "--reserve-seconds"}, reserved},
		{[]string{"--reserve-seconds=4", "--reserve=3"}, []string{}, []string{unknown + "--reserve-seconds"}, reserved},
		{[]string{"--log-to=stderr", "--to"}, []string{}, []string{unknown + "--to"}, set("PRE_STOP_LOG_TO", "stderr")},
		{[]string{"--reserve=3", "--=x"}, []string{}, []string{"arguments: bad flag syntax: --=x"}, reserved},
		{[]string{"--reserve=3", "---x"}, []string{}, []string{"arguments: bad flag syntax: ---x"}, reserved},
		{[]string{"--reserve=3", "-x", "-y=1", "wait 5s"}, []string{"wait 5s"}, []string{"arguments: unknown flag: -x", "arguments: unknown flag: -y"}, reserved},
		{[]string{"--reserve=3", "--grace-period"}, []string{}, []string{"arguments: flag needs an argument: --grace-period"}, reserved},
		{[]string{"--reserve=3", "--grace-period=soon", "--log-format=xml"}, []string{},
			[]string{"--grace-period: " + wantDuration + `"soon"`, `--log-format: expected auto, json or text, got "xml"`}, reserved},
		{[]string{"--grace-period=soon", "--nope", "--none", "--reserve=3"}, []string{},
			[]string{"--grace-period: " + wantDuration + `"soon"`, unknown + "--none", unknown + "--nope"}, reserved},
		{[]string{"--dry-run=maybe", "--nope"}, []string{}, []string{"--dry-run: " + wantToggle + `"maybe"`, unknown + "--nope"}, nil},
		{[]string{"--output=xml", "--dry-run"}, []string{}, []string{`--output: expected text or json, got "xml"`}, nil},
		{[]string{"--output=xml"}, []string{}, []string{`--output: expected text or json, got "xml"`, "--dry-run: expected together with --output"}, nil},
		{[]string{"--output=json"}, []string{}, []string{"--dry-run: expected together with --output"}, nil},
		{[]string{"-grace-period=60", "--reserve=3"}, []string{}, []string{unknown + "-g; did you mean --grace-period?"}, reserved},
		{[]string{"--reserve=3", "- wait 5s"}, []string{}, []string{"arguments: expected steps without a dash before them"}, reserved},
		{[]string{"--" + strings.Repeat("x", 1000), "--reserve=3"}, []string{}, []string{unknown + "--" + strings.Repeat("x", 104) + "…"}, reserved},
		{[]string{"-"}, []string{"-"}, nil, nil},
		{[]string{""}, []string{""}, nil, nil},
	} {
		c := read(t, test.args, nil)
		var problems []string
		for _, p := range c.Problems {
			problems = append(problems, p.Error())
		}
		slices.Sort(problems)
		slices.Sort(test.problems)
		if !slices.Equal(problems, test.problems) {
			t.Errorf("%q: problems %q, want %q", test.args, problems, test.problems)
		}
		if !slices.Equal(c.Arguments, test.steps) {
			t.Errorf("%q: steps %q, want %q", test.args, c.Arguments, test.steps)
		}
		for env, want := range test.set {
			if got := c.of(env).Shown(); got != want {
				t.Errorf("%q: %s is %q, want %q", test.args, env, got, want)
			}
		}
	}
	for _, args := range [][]string{{"--help"}, {"-h"}, {"--nope", "--help"}} {
		if _, err := Read(args, nil, ""); err != ErrHelp {
			t.Errorf("%q: %v, want %v", args, err, ErrHelp)
		}
	}
	if c := read(t, []string{"--dry-run=maybe"}, nil); !c.DryRun.V {
		t.Error("a mistyped --dry-run is no dry run")
	}
}

// Flags that are not known may have been the wait's.
func TestWaitMistaken(t *testing.T) {
	t.Parallel()
	const wait = "PRE_STOP_ADDITIONAL_WAIT_SECONDS"
	for _, test := range []struct {
		args []string
		env  map[string]string
		want bool
	}{
		{nil, nil, false},
		{nil, map[string]string{wait: "20"}, false},
		{nil, map[string]string{wait: "2O"}, true},
		{[]string{"--additional-wait=2O"}, nil, true},
		{[]string{"--additional-wait=20"}, map[string]string{wait: "2O"}, false},
		{[]string{"--additional-wait-seconds=20"}, nil, true},
		{[]string{"--log-format=xml"}, map[string]string{"PRE_STOP_GRACE_PERIOD_SECONDS": "6O"}, false},
	} {
		if got := read(t, test.args, test.env).WaitMistaken(); got != test.want {
			t.Errorf("%q %q: %t, want %t", test.args, test.env, got, test.want)
		}
	}
}

func TestUnknownVariables(t *testing.T) {
	t.Parallel()
	c := read(t, nil, map[string]string{"PRE_STOP_GRACE_PERIOD": "60", "PRE_STOP_STEPS": "wait 5s"})
	if want := []setting.Unknown{{Name: "PRE_STOP_GRACE_PERIOD", Meant: "PRE_STOP_GRACE_PERIOD_SECONDS"}}; !slices.Equal(c.Unknown, want) || len(c.Problems) > 0 {
		t.Errorf("unknown %q, problems %q; want %q", c.Unknown, c.Problems, want)
	}
}

func TestSettingsThatNeedAnother(t *testing.T) {
	t.Parallel()
	const es = "PRE_STOP_ELASTICSEARCH_"
	type env = map[string]string
	missing := func(name, with string) Problem { return Problem{name, "expected together with " + with, with} }
	for _, test := range []struct {
		env  env
		want Problem
	}{
		{env{es + "USERNAME": "x"}, missing(es+"PASSWORD_FILE", es+"USERNAME")},
		{env{es + "PASSWORD_FILE": "x"}, missing(es+"USERNAME", es+"PASSWORD_FILE")},
		{env{es + "CERT_FILE": "x"}, missing(es+"KEY_FILE", es+"CERT_FILE")},
		{env{es + "KEY_FILE": "x"}, missing(es+"CERT_FILE", es+"KEY_FILE")},
		{env{"PRE_STOP_SHUTDOWN_TYPE": "Auto"}, missing("PRE_STOP_ASK_API=true", "--shutdown-type=auto")},
		{env{"PRE_STOP_SHUTDOWN_TYPE": "auto", "PRE_STOP_ASK_API": "false"}, missing("PRE_STOP_ASK_API=true", "--shutdown-type=auto")},
		{env{"PRE_STOP_IF_NOT_DELETED": "skip"}, missing("PRE_STOP_ASK_API=true", "--if-not-deleted=skip")},
		{env{es + "USERNAME": "x", es + "PASSWORD_FILE": "x"}, Problem{}},
		{env{es + "CERT_FILE": "x", es + "KEY_FILE": "x"}, Problem{}},
		{env{es + "TOKEN_FILE": "x"}, Problem{}},
		{env{"PRE_STOP_ASK_API": "true", "PRE_STOP_SHUTDOWN_TYPE": "auto", "PRE_STOP_IF_NOT_DELETED": "skip"}, Problem{}},
		{env{"PRE_STOP_IF_NOT_DELETED": "wait"}, Problem{}},
	} {
		var want []Problem
		if test.want.Name != "" {
			want = []Problem{test.want}
		}
		if c := read(t, nil, test.env); !slices.Equal(c.Problems, want) {
			t.Errorf("%q: %q, want %q", test.env, c.Problems, want)
		}
	}
	if got := missing("A", "B").Error(); got != "A: expected together with B" {
		t.Error(got)
	}
}

func TestPod(t *testing.T) {
	t.Parallel()
	host, _ := os.Hostname()
	for _, test := range []struct {
		env  map[string]string
		want Pod
	}{
		{nil, Pod{Name: host}},
		{map[string]string{"HOSTNAME": "web-0"}, Pod{Name: "web-0"}},
		{map[string]string{"HOSTNAME": "node", "POD_NAME": "web-0", "NAMESPACE": "shop", "POD_IP": "10.0.0.1", "POD_UID": "u"}, Pod{"web-0", "shop", "10.0.0.1", "u"}},
		{map[string]string{"POD_NAME": "a", "NAMESPACE": "shop", "POD_NAMESPACE": "other"}, Pod{Name: "a", Namespace: "other"}},
	} {
		if got := read(t, nil, test.env).Pod; got != test.want {
			t.Errorf("%q: %+v, want %+v", test.env, got, test.want)
		}
	}
}

// What ECK mounts stands for what is not set, and for nothing that is.
func TestECK(t *testing.T) {
	t.Parallel()
	const es = "PRE_STOP_ELASTICSEARCH_"
	const mounted = "/mnt/elastic-internal"
	root := t.TempDir()
	for path, text := range map[string]string{
		mounted + "/downward-api/labels":                         `elasticsearch.k8s.elastic.co/cluster-name="logs"` + "\n",
		mounted + "/pod-mounted-users/elastic-internal-pre-stop": "x",
		"/usr/share/elasticsearch/config/http-certs/ca.crt":      "x",
		"/usr/share/elasticsearch/config/client-cert/tls.crt":    "x",
		"/usr/share/elasticsearch/config/client-cert/tls.key":    "x",
	} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const urls = "https://logs-es-internal-http.shop.svc:9200,https://logs-es-http.shop.svc:9200"
	const user, password = "elastic-internal-pre-stop", mounted + "/pod-mounted-users/elastic-internal-pre-stop"
	const certs = "/usr/share/elasticsearch/config/client-cert/tls"
	const ca = "/usr/share/elasticsearch/config/http-certs/ca.crt"
	type env = map[string]string
	for _, test := range []struct {
		name string
		env  env
		want []string // cluster, URLs, user, password, token, CA, certificate, key
	}{
		{"nothing set", nil, []string{"logs", urls, user, password, "", ca, certs + ".crt", certs + ".key"}},
		{"a URL of its own", env{es + "URL": "http://es"}, []string{"", "http://es", "", "", "", "", "", ""}},
		{"turned off", env{es + "URL": "none"}, []string{"", "none", "", "", "", "", "", ""}},
		{"a URL that cannot be read", env{es + "URL": "es:9200"}, []string{"logs", urls, user, password, "", ca, certs + ".crt", certs + ".key"}},
		{"a user", env{es + "USERNAME": "joe", es + "PASSWORD_FILE": "/p"}, []string{"logs", urls, "joe", "/p", "", ca, certs + ".crt", certs + ".key"}},
		{"a token", env{es + "TOKEN_FILE": "/t"}, []string{"logs", urls, "", "", "/t", ca, certs + ".crt", certs + ".key"}},
		{"a CA", env{es + "CA_FILE": "/ca"}, []string{"logs", urls, user, password, "", "/ca", certs + ".crt", certs + ".key"}},
		{"a certificate", env{es + "CERT_FILE": "/c", es + "KEY_FILE": "/k"}, []string{"logs", urls, user, password, "", ca, "/c", "/k"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := Read(nil, with(env{"NAMESPACE": "shop"}, test.env), root)
			if err != nil {
				t.Fatal(err)
			}
			got := []string{c.ECK.Cluster, c.of(es + "URL").Shown(), c.Username.V, c.PasswordFile.V, c.TokenFile.V, c.CAFile.V, c.CertFile.V, c.KeyFile.V}
			for n := range got {
				got[n] = strings.TrimPrefix(got[n], root)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("\n got %q\nwant %q", got, test.want)
			}
		})
	}
}

// Of another container it is said what is mounted.
func TestReadElsewhere(t *testing.T) {
	t.Parallel()
	mounted := eck.Pod{Cluster: "logs", URLs: []string{"https://logs:9200"}, PasswordFile: "/p"}
	for _, test := range []struct {
		mounted eck.Pod
		env     map[string]string
		want    string
	}{
		{eck.Pod{}, nil, " "},
		{mounted, nil, "logs https://logs:9200"},
		{mounted, map[string]string{"PRE_STOP_ELASTICSEARCH_URL": "http://es"}, " http://es"},
		{eck.Pod{Cluster: "logs"}, nil, " "}, // of which no URL is known
	} {
		c, err := ReadElsewhere(nil, test.env, test.mounted)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.ECK.Cluster + " " + c.of("PRE_STOP_ELASTICSEARCH_URL").Shown(); got != test.want {
			t.Errorf("%+v, %q: %q, want %q", test.mounted, test.env, got, test.want)
		}
	}
}

// testVerbs are of each form that a verb may have.
func testVerbs() []*step.Verb {
	return []*step.Verb{step.WaitVerb(), {Name: "post"}, {Name: "until quiet"}, {Name: "exec", Raw: true}}
}

func TestLines(t *testing.T) {
	t.Parallel()
	given := func(text string, index int) Line { return Line{text, true, index} }
	written := func(text string, index int) Line { return Line{text, false, index} }
	for _, test := range []struct {
		args  []string
		steps string
		want  []Line
	}{
		{nil, "", nil},
		{nil, "\n \n# wait 5s\n", nil},
		{nil, "wait 5s", []Line{written("wait 5s", 0)}},
		{nil, "\n  wait 5s \r\n # no\n\npost http://a # b\n", []Line{written("wait 5s", 1), written("post http://a # b", 4)}},
		{nil, "\ufeff# no\nwait 5s", []Line{written("wait 5s", 1)}},
		{[]string{"wait 5s"}, "wait 6s\nwait 7s", []Line{given("wait 5s", 0)}},
		{[]string{"wait 5s", "# no comment"}, "", []Line{given("wait 5s", 0), given("# no comment", 1)}},
		{[]string{""}, "wait 5s", []Line{given("", 0)}},

		{[]string{"wait", "20s"}, "", []Line{given("wait 20s", 0)}},
		{[]string{"wait"}, "", []Line{given("wait", 0)}},
		{[]string{"until", "quiet", "8080"}, "", []Line{given("until quiet 8080", 0)}},
		{[]string{"post", "http://a", "body=it's"}, "", []Line{given(`post http://a body="it's"`, 0)}},
		{[]string{"post", "http://a", "header=A: b"}, "", []Line{given("post", 0), given("http://a", 1), given("header=A: b", 2)}},
		{[]string{"wait", "wait 20s"}, "", []Line{given("wait", 0), given("wait 20s", 1)}},
		{[]string{"exec", "sh", "-c", "sleep 5; true"}, "", []Line{given(`exec sh -c "sleep 5; true"`, 0)}},
		{[]string{"exec", ""}, "", []Line{given(`exec ""`, 0)}},
		{[]string{"sleep", "20s"}, "", []Line{given("sleep", 0), given("20s", 1)}},
	} {
		if got := read(t, test.args, map[string]string{"PRE_STOP_STEPS": test.steps}).Lines(testVerbs()); !slices.Equal(got, test.want) {
			t.Errorf("%q %q: %+v, want %+v", test.args, test.steps, got, test.want)
		}
	}
}

// What stands where another thing was expected may be another setting's value, and that a secret.
func TestNoProblemRepeatsALongValue(t *testing.T) {
	t.Parallel()
	const secret = "http://joe:Hunter22@h/?sig=Hunter23"
	env := map[string]string{}
	c, err := Read([]string{"-uHunter22"}, env, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Settings {
		env[s.Env] = secret
	}
	if c, err = Read([]string{"-uHunter22", "--grace-period=" + secret}, env, t.TempDir()); err != nil || len(c.Problems) < 8 {
		t.Errorf("%q, %v", c.Problems, err)
	}
	for _, p := range c.Problems {
		if strings.Contains(p.Error(), "Hunter2") {
			t.Error(p)
		}
	}
}
