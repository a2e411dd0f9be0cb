package config

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/setting"
	"github.com/prestop/prestop/internal/web"
)

// settingRow is what a setting makes of values. Good ones are shown as on the right; bad ones are refused in these
// words.
type settingRow struct{ good, bad map[string]string }

const (
	wantDuration    = "expected seconds, as 50, or a duration, as 1m30s, of at most a year, got "
	wantCount       = "expected a whole number from 0 to 65535, got "
	wantToggle      = "expected true or false, got "
	wantType        = "expected restart, remove, replace, sigterm or auto, got "
	wantScheme      = "expected a URL that begins with http:// or https://, got the scheme "
	wantPortAfter   = "expected a port from 1 to 65535 after the host, as in http://localhost:8080/path"
	wantNoScheme    = "expected a URL that begins with http://, https:// or http+unix:, got none of them"
	wantNoHTTP      = "expected a URL that begins with http:// or https://, got none of them"
	wantAnyURL      = "expected a URL that begins with http://, https:// or http+unix:, got the scheme "
	wantHost        = "expected a URL with a host, as in http://localhost:8080/path"
	wantPort        = "expected a port from 1 to 65535, got "
	wantAfterColon  = "expected a port after the colon, as in http://localhost:8080/path"
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
	none := wantNoScheme
	if scheme == wantScheme {
		none = wantNoHTTP
	}
	return map[string]string{
		"localhost:8080":                    scheme + `"localhost"`,
		"/path":                             none,
		"//host/path":                       none,
		"ftp://host/":                       scheme + `"ftp"`,
		"file:///etc/passwd":                scheme + `"file"`,
		"javascript:alert(1)":               scheme + `"javascript"`,
		"unix:/run/app.sock":                scheme + `"unix"`,
		"http:///path":                      wantHost,
		"http://":                           wantHost,
		"http:host":                         wantHost,
		"http://:80/":                       wantHost,
		"http://user:hunter22@/":            wantHost,
		"http://host:/":                     wantAfterColon,
		"http://host:0/":                    wantPort + "0",
		"http://host:70000/":                wantPort + "70000",
		"http://host:65536/":                wantPort + "65536",
		"http://host:99999999999999999999/": wantPort + "99999999999999999999",
		"http://host:-1/":                   wantPortAfter,
		"http://host:80a/":                  wantPortAfter,
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
		},
		bad: with(urlBad(wantAnyURL), map[string]string{
			"":                      wantURL,
			" ":                     wantNoScheme,
			"none":                  wantNoScheme,
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
			"none,http://a":               wantNoHTTP,
			"None":                        wantNoHTTP,
			"http://a,ftp://u:hunter22@b": wantScheme + `"ftp"`,
		}),
	},
	"PRE_STOP_SHUTDOWN_TYPE": {
		good: map[string]string{
			"restart": "restart", "remove": "remove", "replace": "replace", "sigterm": "sigterm", "auto": "auto",
			"Restart": "restart", "REMOVE": "remove", "sigTERM": "sigterm", "AUTO": "auto",
		},
		bad: map[string]string{
			"":              wantType + `""`,
			"restart\n":     wantType + `"restart\n"`,
			" Restart":      wantType + `" Restart"`,
			"restarT\u0307": wantType + "\"restarT\u0307\"",
			"re\u017ftart":  wantType + "\"re\u017ftart\"",
			"rem\u200bove":  wantType + `"rem\u200bove"`,
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
		good: map[string]string{
			"https://u:hunter22@reports/hooks/hunter22?t=hunter22": "https://reports",
			"https://reports:8443/hooks":                           "https://reports:8443",
			"http+unix:/run/r.sock:/a":                             "http+unix:/run/r.sock",
		},
		bad: urlBad(wantAnyURL),
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
			"stdrr": wantLog + `, got "stdrr"`, "STDOUT": wantLog + `, got "STDOUT"`, "file": wantLog + `, got "file"`,
			"stdout\n": wantLog + `, got "stdout\n"`, "-": wantLog + `, got "-"`,
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
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// row gives a setting of its own, with its default.
func row(env string) *setting.Setting {
	table := newReader(nil).table
	return table[slices.IndexFunc(table, func(s *setting.Setting) bool { return s.Env == env })]
}

func read(t *testing.T, args []string, env map[string]string) *Config {
	t.Helper()
	c, err := Read(args, env, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *Config) of(env string) setting.Setting {
	return c.Settings[slices.IndexFunc(c.Settings, func(s setting.Setting) bool { return s.Env == env })]
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, one := range Table() {
		test, ok := settingRows[one.Env]
		if !ok || len(test.good) == 0 {
			t.Errorf("%s: this test has no row for it", one.Env)
		}
		if one.Kind() == "" || one.Usage == "" || one.Group == "" {
			t.Errorf("%s: help has nothing for it", one.Env)
		}
		for text, want := range test.good {
			s := row(one.Env)
			if err := s.Set(text, "x"); err != nil || s.Check(text) != nil {
				t.Errorf("%s=%q: %v", one.Env, text, err)
			} else if got := s.Shown(); got != want {
				t.Errorf("%s=%q is shown as %q, want %q", one.Env, text, got, want)
			}
		}
		for text, want := range test.bad {
			s := row(one.Env)
			before := s.Shown()
			if err := s.Set(text, "x"); err == nil || err.Error() != want {
				t.Errorf("%s=%q: error %v, want %s", one.Env, text, err, want)
			} else if strings.Contains(err.Error(), "hunter22") {
				t.Errorf("%s=%q: the error repeats the password: %v", one.Env, text, err)
			}
			if err := s.Check(text); err == nil || err.Error() != want {
				t.Errorf("%s=%q: Check says %v, want %s", one.Env, text, err, want)
			}
			if got := s.Shown(); got != before {
				t.Errorf("%s=%q was refused, and changed the value from %q to %q", one.Env, text, before, got)
			}
		}
	}
	if extra := len(settingRows) - len(Table()); extra != 0 {
		t.Errorf("this test has %d rows more than there are settings", extra)
	}
}

// The variable, the flag in both of its forms, and the flag against the variable.
func TestEachSettingHasItsSources(t *testing.T) {
	t.Parallel()
	for _, one := range Table() {
		good := slices.Sorted(maps.Keys(settingRows[one.Env].good))
		for _, text := range good {
			want := settingRows[one.Env].good[text]
			check := func(by string, args []string, env map[string]string) {
				s := read(t, args, env).of(one.Env)
				if got := s.Shown(); got != want || s.By() != by {
					t.Errorf("%q %q: %q by %q; want %q by %q", args, env, got, s.By(), want, by)
				}
			}
			check(one.Env, nil, map[string]string{one.Env: text})
			if flag := "--" + one.Flag; one.Flag != "" {
				check(flag, []string{flag + "=" + text}, nil)
				check(flag, []string{flag + "=" + text}, map[string]string{one.Env: good[0]})
				check(flag, []string{flag + "=" + text}, map[string]string{one.Env: "\x00 no value of any setting"})
			}
		}
		for text, want := range settingRows[one.Env].bad {
			if text == "" {
				continue // not set
			}
			c := read(t, nil, map[string]string{one.Env: text})
			if wrong := (Problem{Name: one.Env, Text: want}); !slices.Contains(c.Problems, wrong) || c.of(one.Env).By() != "" {
				t.Errorf("%s=%q: problems %q, want %q", one.Env, text, c.Problems, wrong)
			}
			if c.of(one.Env).Shown() != one.Shown() {
				t.Errorf("%s=%q does not leave the default", one.Env, text)
			}
		}
	}
}

// An empty variable is one that is not set, as Kubernetes makes them of a missing optional key.
func TestEmptyVariablesAreNotSet(t *testing.T) {
	t.Parallel()
	env := make(map[string]string)
	for _, s := range Table() {
		env[s.Env] = ""
	}
	c := read(t, nil, env)
	if len(c.Problems) > 0 || len(c.Unknown) > 0 {
		t.Fatal(c.Problems, c.Unknown)
	}
	for _, s := range c.Settings {
		if s.By() != "" {
			t.Errorf("%s is set", s.Env)
		}
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	c := read(t, nil, nil)
	if c.AdditionalWait.V != 50*time.Second || c.MaxDNSErrors.V != 2 || c.ShutdownType.V != "restart" || c.IfNotDeleted.V != "wait" ||
		c.LogFormat.V != Auto || c.LogTo.V != "auto" || c.TerminationLog.V != Off || c.Output.V != Text || c.Insecure.V || c.DryRun.V || c.AskAPI.V {
		t.Errorf("%+v", c)
	}
	if c.AdditionalWait.IsSet() || c.GracePeriod.IsSet() || c.ElasticsearchURLs.V != nil || len(c.Problems) > 0 || len(c.Unknown) > 0 {
		t.Errorf("of nothing something is set: %+v", c)
	}
}

// Any text for any setting: no panic, nothing is half set, and nothing that is shown has a URL's credentials.
func FuzzSettings(f *testing.F) {
	for env, values := range settingRows {
		for _, texts := range []map[string]string{values.good, values.bad} {
			for text := range texts {
				f.Add(env, text)
			}
		}
	}
	f.Add("", "--reserve --nope -x=1 --nope --=x ---x --dry-run=x -- --nope")
	f.Fuzz(func(t *testing.T, env, text string) {
		for _, one := range Table() {
			if env != one.Env && env != "" {
				continue
			}
			s := row(one.Env)
			before := s.Shown()
			err := s.Set(text, "x")
			shown := s.Shown()
			if err != nil && shown != before {
				t.Errorf("%s=%q was refused, and changed the value to %q", one.Env, text, shown)
			}
			if strings.HasSuffix(one.Env, "_URL") {
				checkHidden(t, text, shown, err)
				continue
			}
			if again := row(one.Env); err == nil {
				if err := again.Set(shown, "x"); err != nil && shown != "" || err == nil && again.Shown() != shown {
					t.Errorf("%s=%q is shown as %q, which is read as %q: %v", one.Env, text, shown, again.Shown(), err)
				}
			}
		}
		args := append([]string{"--app-url=" + text}, strings.Fields(text)...)
		if c, err := Read(append(args, text, env), map[string]string{env: text}, "/dev/null"); err == nil {
			c.Lines(testVerbs())
		}
	})
}

// checkHidden looks for the credentials of URLs where they were shown, or refused.
func checkHidden(t *testing.T, text, shown string, refused error) {
	var visible strings.Builder // a host may be called like somebody else's password
	var secrets []string
	for _, field := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \n\t", r) }) {
		u, err := web.ParseURL(field)
		if err != nil {
			if u, err = url.Parse(field); err != nil {
				continue
			}
		}
		visible.WriteString(u.Scheme + "://" + u.Host + u.EscapedPath() + ",")
		password, _ := u.User.Password()
		secrets = append(secrets, u.User.Username(), password, u.RawQuery)
	}
	for _, one := range secrets {
		if len(one) > 3 && strings.Contains(shown, one) && !strings.Contains(visible.String(), one) {
			t.Errorf("%q is shown as %q", text, shown)
		}
		if refused != nil && len(one) > 5 && strings.Contains(refused.Error(), one) && !strings.Contains(visible.String(), one) {
			t.Errorf("%q: the error has the password: %v", text, refused)
		}
	}
}

// What a flag's help says that it takes.
func TestKinds(t *testing.T) {
	t.Parallel()
	kinds := make(map[string]string)
	for _, s := range Table() {
		kinds[s.Flag] = s.Kind()
	}
	for flag, want := range map[string]string{
		"grace-period": "duration", "max-dns-errors": "number", "if-not-deleted": "wait|skip", "ask-api": "true|false", "skip-file": "file",
		"app-url": "URL", "elasticsearch-url": "URL", "shutdown-type": "restart|remove|replace|sigterm|auto", "state-dir": "directory",
	} {
		if kinds[flag] != want {
			t.Errorf("--%s takes %q, want %q", flag, kinds[flag], want)
		}
	}
}
