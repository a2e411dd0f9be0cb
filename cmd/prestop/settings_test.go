package main

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// settingRow is what a setting makes of values. Good ones are shown as on the right; bad ones are refused in these
// words.
type settingRow struct{ good, bad map[string]string }

const (
	wantDuration    = "expected seconds, as 50, or a duration, as 1m30s, got "
	wantCount       = "expected a whole number from 0 to 65535, got "
	wantToggle      = "expected true or false, got "
	wantType        = "expected restart, remove, replace, sigterm or auto, got "
	wantScheme      = "expected a URL that begins with http:// or https://, got the scheme "
	wantAnyURL      = "expected a URL that begins with http://, https:// or http+unix:, got the scheme "
	wantHost        = "expected a URL with a host, as in http://localhost:8080/path"
	wantPort        = "expected a port from 1 to 65535, got "
	wantTermination = "expected off, on, or the absolute path that is the container's terminationMessagePath, got "
	wantURL         = "expected a URL such as http://localhost:8080/path"
	wantReadable    = "expected a URL such as http://localhost:8080/path; this one cannot be read"
	wantLog         = "expected auto, container, stdout, stderr or a path with a slash in it"
)

var durationRow = settingRow{
	good: map[string]string{
		"0": "0s", "50": "50s", "050": "50s", "50s": "50s", "1m30s": "1m30s", "1.5s": "1.5s", ".5s": "500ms", "250ms": "250ms",
		"1h": "1h0m0s", "31622400": "8784h0m0s", "8784h": "8784h0m0s", "-0s": "0s", "+5s": "5s",
	},
	bad: map[string]string{
		"-1": wantDuration + `"-1"`, "-1s": wantDuration + `"-1s"`, "+5": wantDuration + `"+5"`, "1.5": wantDuration + `"1.5"`,
		"50 s": wantDuration + `"50 s"`, " 50": wantDuration + `" 50"`, "50\n": wantDuration + `"50\n"`, "50sec": wantDuration + `"50sec"`,
		"1d": wantDuration + `"1d"`, "1m30": wantDuration + `"1m30"`, "s": wantDuration + `"s"`, "soon": wantDuration + `"soon"`,
		"NaN": wantDuration + `"NaN"`, "Inf": wantDuration + `"Inf"`, "1e3": wantDuration + `"1e3"`, "0x10": wantDuration + `"0x10"`,
		"1_000": wantDuration + `"1_000"`, "٣٠": wantDuration + `"٣٠"`, "５０": wantDuration + `"５０"`, "½m": wantDuration + `"½m"`,
		"31622401": wantDuration + `"31622401"`, "4294967346": wantDuration + `"4294967346"`, "9223372036854775807": wantDuration + `"9223372036854775807"`,
		"9223372036854775808ns": wantDuration + `"9223372036854775808ns"`, "99999999999999999999h": wantDuration + `"99999999999999999999h"`,
		"50\x00": wantDuration + `"50\x00"`, "\xff": wantDuration + `"\xff"`, "": wantDuration + `""`,
	},
}

var toggleRow = settingRow{
	good: map[string]string{"true": "true", "false": "false", "1": "true", "0": "false", "T": "true"},
	bad: map[string]string{
		"": wantToggle + `""`, "yes": wantToggle + `"yes"`, "on": wantToggle + `"on"`, "2": wantToggle + `"2"`, "-1": wantToggle + `"-1"`,
		"true\n": wantToggle + `"true\n"`, "tRuE": wantToggle + `"tRuE"`,
	},
}

func urlBad(scheme string) map[string]string {
	return map[string]string{
		"localhost:8080":                    scheme + `"localhost"`,
		"/path":                             scheme + `""`,
		"//host/path":                       scheme + `""`,
		"ftp://host/":                       scheme + `"ftp"`,
		"file:///etc/passwd":                scheme + `"file"`,
		"javascript:alert(1)":               scheme + `"javascript"`,
		"unix:/run/app.sock":                scheme + `"unix"`,
		"http:///path":                      wantHost,
		"http://":                           wantHost,
		"http:host":                         wantHost,
		"http://:80/":                       wantHost,
		"http://user:hunter22@/":            wantHost,
		"http://host:0/":                    wantPort + "0",
		"http://host:70000/":                wantPort + "70000",
		"http://host:65536/":                wantPort + "65536",
		"http://host:99999999999999999999/": wantPort + "99999999999999999999",
		"http://host:-1/":                   wantReadable,
		"http://host:80a/":                  wantReadable,
		"http://user:hunter22@host:port/":   wantReadable,
		"http://user:hunter22/with@host/":   wantReadable,
		"http://user:hunter22%zz@host/":     wantReadable,
		"http://[::1/":                      wantReadable,
		"http://host/\x00":                  wantReadable,
		"ftp://user:hunter22@host/":         scheme + `"ftp"`,
		"http://user:hunter22@host:70000/?t=hunter22": wantPort + "70000",
	}
}

var settingRows = map[string]settingRow{
	"PRE_STOP_APP_URL": {
		good: map[string]string{
			"http://localhost:8080/shutdown":      "http://localhost:8080/shutdown",
			"https://app":                         "https://app",
			"HTTP://App/":                         "http://App/",
			"http://[::1]:8080/":                  "http://[::1]:8080/",
			"http://[fe80::1%25eth0]:80/":         "http://[fe80::1%25eth0]:80/",
			"http://host:65535/a%2Fb":             "http://host:65535/a%2Fb",
			"http://user:hunter22@host/a":         "http://host/a",
			"http://hunter22@host/a":              "http://host/a",
			"http://host/a?token=hunter22#hunter": "http://host/a",
			"http://host:/":                       "http://host:/",
		},
		bad: with(urlBad(wantAnyURL), map[string]string{
			"":                      wantURL,
			" ":                     wantAnyURL + `""`,
			"none":                  wantAnyURL + `""`,
			"http://a,http://b":     wantHost,
			"http://a http://b":     wantReadable,
			"http://host/?a b":      wantReadable,
			"http://ho st/":         wantReadable,
			"http://host/\n":        wantReadable,
			"http://u:hunter22@h\n": wantReadable,
		}),
	},
	"PRE_STOP_ELASTICSEARCH_URL": {
		good: map[string]string{
			"https://es:9200":                             "https://es:9200",
			"https://a:9200,https://b:9200":               "https://a:9200,https://b:9200",
			"https://a:9200, https://b:9200\n":            "https://a:9200,https://b:9200",
			"https://u:hunter22@a https://u:hunter22@b/x": "https://a,https://b/x",
			"none": "none",
		},
		bad: with(urlBad(wantScheme), map[string]string{
			"":                            wantURL,
			" ,\n":                        wantURL,
			"none,http://a":               wantScheme + `""`,
			"None":                        wantScheme + `""`,
			"http://a,ftp://u:hunter22@b": wantScheme + `"ftp"`,
		}),
	},
	"PRE_STOP_SHUTDOWN_TYPE": {
		good: map[string]string{"restart": "restart", "remove": "remove", "replace": "replace", "sigterm": "sigterm", "auto": "auto"},
		bad: map[string]string{
			"":             wantType + `""`,
			"Restart":      wantType + `"Restart"`,
			"restart\n":    wantType + `"restart\n"`,
			"rem\u200bove": wantType + `"rem\u200bove"`,
		},
	},
	"PRE_STOP_ASK_API": toggleRow,
	"PRE_STOP_IF_NOT_DELETED": {
		good: map[string]string{"wait": "wait", "skip": "skip"},
		bad: map[string]string{
			"": `expected wait or skip, got ""`, "true": `expected wait or skip, got "true"`, "Skip": `expected wait or skip, got "Skip"`,
			"skip ": `expected wait or skip, got "skip "`,
		},
	},
	"PRE_STOP_STEPS":                   {good: map[string]string{"wait 5s": "wait 5s", "# nothing": "# nothing", "no verb": "no verb"}},
	"PRE_STOP_ADDITIONAL_WAIT_SECONDS": durationRow,
	"PRE_STOP_GRACE_PERIOD_SECONDS":    durationRow,
	"PRE_STOP_RESERVE_SECONDS":         durationRow,
	"PRE_STOP_MAX_DNS_ERRORS": {
		good: map[string]string{"0": "0", "2": "2", "007": "7", "65535": "65535"},
		bad: map[string]string{
			"": wantCount + `""`, "-1": wantCount + `"-1"`, "+1": wantCount + `"+1"`, "1.0": wantCount + `"1.0"`, "1e1": wantCount + `"1e1"`,
			"65536": wantCount + `"65536"`, "99999999999999999999": wantCount + `"99999999999999999999"`, "two": wantCount + `"two"`,
			"NaN": wantCount + `"NaN"`, "٢": wantCount + `"٢"`, "2\n": wantCount + `"2\n"`, " 2": wantCount + `" 2"`, "0x2": wantCount + `"0x2"`,
		},
	},
	"PRE_STOP_APP_TOKEN_FILE":                     anyWord,
	"PRE_STOP_APP_CA_FILE":                        anyWord,
	"PRE_STOP_ELASTICSEARCH_USERNAME":             anyWord,
	"PRE_STOP_ELASTICSEARCH_PASSWORD_FILE":        anyWord,
	"PRE_STOP_ELASTICSEARCH_TOKEN_FILE":           anyWord,
	"PRE_STOP_ELASTICSEARCH_CA_FILE":              anyWord,
	"PRE_STOP_ELASTICSEARCH_CERT_FILE":            anyWord,
	"PRE_STOP_ELASTICSEARCH_KEY_FILE":             anyWord,
	"PRE_STOP_ELASTICSEARCH_TLS_SERVER_NAME":      anyWord,
	"PRE_STOP_ELASTICSEARCH_TARGET_NODE":          anyWord,
	"PRE_STOP_STATE_DIR":                          anyWord,
	"PRE_STOP_SKIP_FILE":                          anyWord,
	"PRE_STOP_ELASTICSEARCH_ALLOCATION_DELAY":     durationRow,
	"PRE_STOP_ELASTICSEARCH_INSECURE_SKIP_VERIFY": toggleRow,
	"PRE_STOP_REPORT_URL": {
		good: map[string]string{"https://u:hunter22@reports/hooks?t=hunter22": "https://reports/hooks", "http+unix:/run/r.sock:/a": "http+unix://%2Frun%2Fr.sock/a"},
		bad:  urlBad(wantAnyURL),
	},
	"PRE_STOP_TERMINATION_LOG": {
		good: map[string]string{"off": "off", "on": "on", "/dev/my-log": "/dev/my-log"},
		bad: map[string]string{
			"": wantTermination + `""`, "true": wantTermination + `"true"`, "log": wantTermination + `"log"`, "On": wantTermination + `"On"`,
		},
	},
	"PRE_STOP_LOG_TO": {
		good: map[string]string{"auto": "auto", "container": "container", "stdout": "stdout", "stderr": "stderr", "/var/log/x": "/var/log/x", "./x": "./x"},
		bad: map[string]string{
			"stdrr": `log destination "stdrr": ` + wantLog, "STDOUT": `log destination "STDOUT": ` + wantLog, "file": `log destination "file": ` + wantLog,
			"stdout\n": `log destination "stdout\n": ` + wantLog, "-": `log destination "-": ` + wantLog,
		},
	},
	"PRE_STOP_LOG_FORMAT": {
		good: map[string]string{"auto": "auto", "json": "json", "text": "text"},
		bad:  map[string]string{"": `expected auto, json or text, got ""`, "xml": `expected auto, json or text, got "xml"`, "JSON": `expected auto, json or text, got "JSON"`},
	},
}

// anyWord is a name or a path; what it stands for is looked at when it is used.
var anyWord = settingRow{good: map[string]string{"x": "x", "/a/b c": "/a/b c", "-1": "-1", "ü\n": "ü\n"}}

func with(a, b map[string]string) map[string]string {
	all := make(map[string]string)
	for _, m := range []map[string]string{a, b} {
		for key, value := range m {
			all[key] = value
		}
	}
	return all
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for i, row := range newSettings().rows {
		test, ok := settingRows[row.env]
		if !ok || len(test.good) == 0 {
			t.Errorf("%s: this test has no row for it", row.env)
		}
		for text, want := range test.good {
			value := newSettings().rows[i].value
			if err := value.Set(text); err != nil {
				t.Errorf("%s=%q: %v", row.env, text, err)
			} else if got := value.String(); got != want {
				t.Errorf("%s=%q is shown as %q, want %q", row.env, text, got, want)
			}
		}
		for text, want := range test.bad {
			value := newSettings().rows[i].value
			before := value.String()
			if err := value.Set(text); err == nil || err.Error() != want {
				t.Errorf("%s=%q: error %v, want %s", row.env, text, err, want)
			} else if strings.Contains(err.Error(), "hunter22") {
				t.Errorf("%s=%q: the error repeats the password: %v", row.env, text, err)
			}
			if got := value.String(); got != before {
				t.Errorf("%s=%q was refused, and changed the value from %q to %q", row.env, text, before, got)
			}
		}
	}
	if extra := len(settingRows) - len(newSettings().rows); extra != 0 {
		t.Errorf("this test has %d rows more than there are settings", extra)
	}
}

// The variable, the flag in both of its forms, and the flag against the variable.
func TestEachSettingHasItsSources(t *testing.T) {
	t.Parallel()
	for i, row := range newSettings().rows {
		good := slices.Sorted(keys(settingRows[row.env].good))
		for _, text := range good {
			want := settingRows[row.env].good[text]
			check := func(how string, args []string, env map[string]string) {
				s, err := load(args, env)
				if err != nil {
					t.Fatal(err)
				}
				if got := s.rows[i].value.String(); got != want || !s.given(row.env) {
					t.Errorf("%s=%q by %s: %q, given %v; want %q", row.env, text, how, got, s.given(row.env), want)
				}
			}
			check("variable", nil, map[string]string{row.env: text})
			if row.flag != "" {
				check("flag", []string{"--" + row.flag + "=" + text}, nil)
				check("flag and variable", []string{"--" + row.flag + "=" + text}, map[string]string{row.env: good[0]})
				check("flag and bad variable", []string{"--" + row.flag + "=" + text}, map[string]string{row.env: "\x00 no value of any setting"})
			}
		}
		for text, want := range settingRows[row.env].bad {
			if text == "" {
				continue // not set
			}
			s, err := load(nil, map[string]string{row.env: text})
			if err != nil {
				t.Fatal(err)
			}
			if got := problem(problem{row.env, want}); !slices.Contains(s.problems, got) || s.given(row.env) {
				t.Errorf("%s=%q: problems %q, want %q", row.env, text, s.problems, got)
			}
			if s.rows[i].value.String() != newSettings().rows[i].value.String() {
				t.Errorf("%s=%q does not leave the default", row.env, text)
			}
		}
	}
}

func keys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for key := range m {
			if !yield(key) {
				return
			}
		}
	}
}

// An empty variable is one that is not set, as Kubernetes makes them of a missing optional key.
func TestEmptyVariablesAreNotSet(t *testing.T) {
	t.Parallel()
	env := make(map[string]string)
	for _, row := range newSettings().rows {
		env[row.env] = ""
	}
	s, err := load(nil, env)
	if err != nil || len(s.problems) > 0 || len(s.warnings) > 0 {
		t.Fatal(err, s.problems, s.warnings)
	}
	for _, row := range s.rows {
		if row.source != "" {
			t.Errorf("%s is set", row.env)
		}
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args     []string
		steps    []string
		problems []string
		set      map[string]string // what must have survived
	}{
		{[]string{"--grace-period", "60", "wait 5s"}, []string{"wait 5s"}, nil, map[string]string{"PRE_STOP_GRACE_PERIOD_SECONDS": "1m0s"}},
		{[]string{"wait 5s", "--grace-period=60"}, []string{"wait 5s", "--grace-period=60"}, nil, nil},
		{[]string{"--", "--grace-period=60"}, []string{"--grace-period=60"}, nil, nil},
		{[]string{"--elasticsearch-insecure-skip-verify", "wait 5s"}, []string{"wait 5s"}, nil, map[string]string{"PRE_STOP_ELASTICSEARCH_INSECURE_SKIP_VERIFY": "true"}},
		{[]string{"--nope", "wait 5s"}, []string{"wait 5s"}, []string{"arguments: unknown flag: --nope"}, nil},
		{[]string{"--nope=1", "--reserve=3", "wait 5s"}, []string{"wait 5s"}, []string{"arguments: unknown flag: --nope"}, map[string]string{"PRE_STOP_RESERVE_SECONDS": "3s"}},
		{[]string{"--reserve=3", "--reserve-seconds=4"}, []string{}, []string{"arguments: unknown flag: --reserve-seconds"}, map[string]string{"PRE_STOP_RESERVE_SECONDS": "3s"}},
		{[]string{"--reserve-seconds=4", "--reserve=3"}, []string{}, []string{"arguments: unknown flag: --reserve-seconds"}, map[string]string{"PRE_STOP_RESERVE_SECONDS": "3s"}},
		{[]string{"--log-to=stderr", "--to"}, []string{}, []string{"arguments: unknown flag: --to"}, map[string]string{"PRE_STOP_LOG_TO": "stderr"}},
		{[]string{"--reserve=3", "--=x"}, []string{}, []string{"arguments: bad flag syntax: --=x"}, map[string]string{"PRE_STOP_RESERVE_SECONDS": "3s"}},
		{[]string{"--reserve=3", "---x"}, []string{}, []string{"arguments: bad flag syntax: ---x"}, map[string]string{"PRE_STOP_RESERVE_SECONDS": "3s"}},
		{[]string{"--reserve=3", "-x", "-y=1", "wait 5s"}, []string{"wait 5s"}, []string{"arguments: unknown shorthand flag: 'x' in -x", "arguments: unknown shorthand flag: 'y' in -y=1"}, map[string]string{"PRE_STOP_RESERVE_SECONDS": "3s"}},
		{[]string{"--reserve=3", "--grace-period"}, []string{}, []string{"arguments: flag needs an argument: --grace-period"}, map[string]string{"PRE_STOP_RESERVE_SECONDS": "3s"}},
		{[]string{"--reserve=3", "--grace-period=soon", "--log-format=xml"}, []string{},
			[]string{"--grace-period: " + wantDuration + `"soon"`, `--log-format: expected auto, json or text, got "xml"`}, map[string]string{"PRE_STOP_RESERVE_SECONDS": "3s"}},
		{[]string{"--dry-run=maybe"}, []string{}, []string{"--dry-run: " + wantToggle + `"maybe"`}, nil},
		{[]string{"-"}, []string{"-"}, nil, nil},
		{[]string{""}, []string{""}, nil, nil},
	} {
		s, err := load(test.args, nil)
		if err != nil {
			t.Errorf("%q: %v", test.args, err)
			continue
		}
		var problems []string
		for _, p := range s.problems {
			if !slices.Contains(problems, p.Error()) { // each is met once for each parse
				problems = append(problems, p.Error())
			}
		}
		slices.Sort(problems)
		slices.Sort(test.problems)
		if !slices.Equal(problems, test.problems) {
			t.Errorf("%q: problems %q, want %q", test.args, problems, test.problems)
		}
		if len(problems) != len(s.problems) {
			t.Errorf("%q: a problem is counted more than once: %q", test.args, s.problems)
		}
		if !slices.Equal(s.args, test.steps) {
			t.Errorf("%q: steps %q, want %q", test.args, s.args, test.steps)
		}
		for env, want := range test.set {
			i := slices.IndexFunc(s.rows, func(row *setting) bool { return row.env == env })
			if got := s.rows[i].value.String(); got != want {
				t.Errorf("%q: %s is %q, want %q", test.args, env, got, want)
			}
		}
	}
	for _, args := range [][]string{{"--help"}, {"-h"}, {"--nope", "--help"}} {
		if _, err := load(args, nil); err != pflag.ErrHelp {
			t.Errorf("%q: %v, want %v", args, err, pflag.ErrHelp)
		}
	}
	if s, err := load([]string{"--dry-run=maybe"}, nil); err != nil || !bool(s.dryRun) {
		t.Errorf("a mistyped --dry-run is no dry run: %v", err)
	}
}

func TestSettingsThatNeedAnother(t *testing.T) {
	t.Parallel()
	const es = "PRE_STOP_ELASTICSEARCH_"
	for _, test := range []struct {
		set  []string
		want string
	}{
		{[]string{es + "USERNAME"}, es + "USERNAME: expected together with " + es + "PASSWORD_FILE"},
		{[]string{es + "PASSWORD_FILE"}, es + "PASSWORD_FILE: expected together with " + es + "USERNAME"},
		{[]string{"PRE_STOP_SHUTDOWN_TYPE=auto"}, "PRE_STOP_ASK_API=true: expected together with --shutdown-type=auto"},
		{[]string{"PRE_STOP_SHUTDOWN_TYPE=auto", "PRE_STOP_ASK_API=false"}, "PRE_STOP_ASK_API=true: expected together with --shutdown-type=auto"},
		{[]string{"PRE_STOP_IF_NOT_DELETED=skip"}, "PRE_STOP_ASK_API=true: expected together with --if-not-deleted=skip"},
		{[]string{es + "CERT_FILE"}, es + "CERT_FILE: expected together with " + es + "KEY_FILE"},
		{[]string{es + "KEY_FILE"}, es + "KEY_FILE: expected together with " + es + "CERT_FILE"},
	} {
		env := make(map[string]string)
		for _, name := range test.set {
			name, value, _ := strings.Cut(name, "=")
			env[name] = cmp.Or(value, "x")
		}
		s, err := load(nil, env)
		if err != nil || len(s.problems) != 1 {
			t.Errorf("%q: %v %q", test.set, err, s.problems)
			continue
		}
		for _, part := range strings.Split(test.want, ": expected together with ") {
			if !strings.Contains(s.problems[0].Error(), part) {
				t.Errorf("%q: %q does not name %s", test.set, s.problems[0], part)
			}
		}
	}
	for _, env := range []map[string]string{
		{es + "USERNAME": "x", es + "PASSWORD_FILE": "x"},
		{es + "CERT_FILE": "x", es + "KEY_FILE": "x"},
		{es + "TOKEN_FILE": "x"},
		{"PRE_STOP_ASK_API": "true", "PRE_STOP_SHUTDOWN_TYPE": "auto", "PRE_STOP_IF_NOT_DELETED": "skip"},
		{"PRE_STOP_IF_NOT_DELETED": "wait"},
	} {
		if s, err := load(nil, env); err != nil || len(s.problems) > 0 {
			t.Errorf("%q: %v %q", env, err, s.problems)
		}
	}
}

// Any text for any row: no panic, nothing is half set, and nothing that is shown has a URL's credentials.
func FuzzSettings(f *testing.F) {
	for env, row := range settingRows {
		for _, values := range []map[string]string{row.good, row.bad} {
			for text := range values {
				f.Add(env, text)
			}
		}
	}
	f.Fuzz(func(t *testing.T, env, text string) {
		for i, row := range newSettings().rows {
			if env != row.env && env != "" {
				continue
			}
			value := newSettings().rows[i].value
			before := value.String()
			err := value.Set(text)
			shown := value.String()
			if err != nil && shown != before {
				t.Errorf("%s=%q was refused, and changed the value to %q", row.env, text, shown)
			}
			if u, ok := value.(*urls); ok {
				checkHidden(t, u, text, shown, err)
				continue
			}
			if err == nil {
				again := newSettings().rows[i].value
				if err := again.Set(shown); err != nil && shown != "" || err == nil && again.String() != shown {
					t.Errorf("%s=%q is shown as %q, which is read as %q: %v", row.env, text, shown, again, err)
				}
			}
		}
		if s, err := load([]string{"--app-url=" + text, text}, map[string]string{env: text}); err == nil {
			s.effective()
			s.stepLines()
		}
	})
}

func checkHidden(t *testing.T, u *urls, text, shown string, err error) {
	var visible strings.Builder // a host may be called like somebody else's password
	for _, one := range u.list {
		visible.WriteString(one.Scheme + "://" + one.Host + one.EscapedPath() + ",")
	}
	for _, one := range u.list {
		password, _ := one.User.Password()
		for _, secret := range []string{one.User.Username(), password, one.RawQuery} {
			if len(secret) > 3 && strings.Contains(shown, secret) && !strings.Contains(visible.String(), secret) {
				t.Errorf("%q is shown as %q", text, shown)
			}
		}
	}
	if err == nil {
		return
	}
	for _, field := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \n\t", r) }) {
		if broken, parseErr := url.Parse(field); parseErr == nil && broken.User != nil {
			password, _ := broken.User.Password()
			if len(password) > 5 && strings.Contains(err.Error(), password) && !strings.Contains(broken.Scheme+broken.Port(), password) {
				t.Errorf("%q: the error has the password: %v", text, err)
			}
		}
	}
}
