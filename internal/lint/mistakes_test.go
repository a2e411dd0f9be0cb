package lint

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// What people do to an example while they make it theirs: each is found by the first lint, wherever it can be made.
func TestNamesMistakesInExamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("..", "..", "examples", "*.yaml"))
	if err != nil || len(files) < 6 {
		t.Fatal(files, err)
	}
	mistakes := []struct {
		name, from, to string   // a regular expression, once
		ids            []string // one of which is to be found
	}{
		{"the grace period is changed in one place", `(terminationGracePeriodSeconds): \d+`, `$1: 600`, []string{"grace-differs"}},
		{"the grace period is shorter than the wait", `(terminationGracePeriodSeconds): \d+`, `$1: 15`, []string{"grace-differs", "grace-too-short"}},
		{"the variable is changed alone", `(GRACE_PERIOD_SECONDS\n +value: )"\d+"`, `$1"1000"`, []string{"grace-differs"}},
		{"the variable is left out", ` +- name: PRE_STOP_GRACE_PERIOD_SECONDS\n +value: .*\n`, ``, []string{"grace-not-set"}},
		{"the variable is misspelt", `PRE_STOP_GRACE_PERIOD_SECONDS`, `PRE_STOP_GRACE_SECONDS`, []string{"setting-unknown", "grace-not-set"}},
		{"a number without quotes", `(GRACE_PERIOD_SECONDS\n +value: )"(\d+)"`, `$1$2`, []string{"wrong-type"}},
		{"a unit that is none", `(ADDITIONAL_WAIT_SECONDS\n +value: )"\d+"`, `$1"20 seconds"`, []string{"setting-unreadable"}},
		{"a URL without its scheme", `(APP_URL\n +value: )http://`, `$1`, []string{"setting-unreadable"}},
		{"an endpoint that ends the process", `(APP_URL\n +value: http://[a-z]+:\d+)/\S*`, `$1/actuator/shutdown`, []string{"ends-the-process"}},
		{"the app's call goes to a Service", `(APP_URL\n +value: http://)localhost`, `${1}web.shop.svc`, []string{"calls-any-pod"}},
		{"a password in the URL", `(APP_URL\n +value: http://)`, `${1}admin:secret@`, []string{"secret-in-hook", "setting-unreadable"}},
		{"preStop is misspelt", `preStop:`, `prestop:`, []string{"hook-misplaced", "settings-without-hook", "wrong-type"}},
		{"exec is misspelt", `(preStop:\n +)exec:`, `${1}execute:`, []string{"not-one-handler", "hook-misplaced"}},
		{"a command that is no list", `command: \[(\S+prestop)\]`, `command: $1`, []string{"wrong-type"}},
		{"a shell that is not there", `command: \[(/prestop)\]`, `command: ["$1 && sleep 5"]`, []string{"shell-syntax-without-shell", "binary-not-mounted", "program-not-in-image"}},
		{"the volume is not mounted", `(?s)(preStop:.*?)( +volumeMounts:\n +- name: prestop\n +mountPath: \S+\n)`, `$1`, []string{"binary-not-mounted", "wrong-type"}},
		{"another path than the mount's", `command: \[/shared/prestop\]`, `command: [/share/prestop]`, []string{"binary-not-mounted"}},
		{"the init container installs elsewhere", `args: \[install, /shared/\]`, `args: [install, /elsewhere/]`, []string{"binary-not-installed"}},
		{"a step's verb is misspelt", `- wait 15s`, `- waits 15s`, []string{"step-unreadable"}},
		{"a step's wait is too long", `- wait 15s`, `- wait 15m`, []string{"grace-too-short"}},
		{"a step's variable is misspelt", `\$\(POD_NAME\)\\?"`, `$$(POD_NAM)"`, []string{"unset-variable", "step-unreadable"}},
		{"the record is not cleared", `(command: \[\S+), elasticsearch-clear\]`, `$1, version]`, []string{"elasticsearch-not-cleared", "wrong-type"}},
		{"a type that moves data", `( +)- name: PRE_STOP_ELASTICSEARCH_URL`, "$1- name: PRE_STOP_SHUTDOWN_TYPE\n$1  value: remove\n$1- name: PRE_STOP_ELASTICSEARCH_URL", []string{"elasticsearch-moves-data"}},
		{"the reserve is all of it", `( +)- name: PRE_STOP_GRACE_PERIOD_SECONDS`, "$1- name: PRE_STOP_RESERVE_SECONDS\n$1  value: \"600\"\n$1- name: PRE_STOP_GRACE_PERIOD_SECONDS", []string{"setting-unreadable"}},
	}
	for _, m := range mistakes {
		made := 0
		for _, name := range files {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			from := regexp.MustCompile(m.from)
			at := from.FindSubmatchIndex(content)
			if at == nil {
				continue
			}
			if m.name == "the variable is left out" && filepath.Base(name) == "eck.yaml" { // 180 s are assumed, and are the pod's
				continue
			}
			made++
			wrong := slices.Concat(content[:at[0]], from.Expand(nil, []byte(m.to), content, at), content[at[1]:])
			result := Check([]File{{Name: name, Content: wrong}})
			checkFixes(t, Options{}, string(wrong), result)
			var found []string
			for _, f := range result.Findings {
				found = append(found, f.ID)
			}
			if len(result.Unreadable) == 0 && !slices.ContainsFunc(m.ids, func(id string) bool { return slices.Contains(found, id) }) {
				t.Errorf("%s in %s: found %q, unreadable %v, expected one of %q", m.name, filepath.Base(name), found, result.Unreadable, m.ids)
			}
		}
		if made == 0 {
			t.Errorf("%s: no example to make it in", m.name)
		}
	}
}
