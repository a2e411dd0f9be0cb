package lint_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/prestop/prestop/internal/lint"
)

// A sleep counts whatever starts it, and not together with one that comes instead of it.
func TestSleepsThatFillTheGracePeriod(t *testing.T) {
	t.Parallel()
	for script, fills := range map[string]bool{
		"exec sleep 90":                             true,
		"sleep 30 && exec sleep 40":                 true,
		"command sleep 90":                          true,
		"nohup sleep 90":                            true,
		"nohup sleep 90 &":                          false,
		"sleep 90 || true":                          true,
		"sleep 30 || sleep 40":                      false,
		"drain || sleep 40; sleep 30":               false,
		"drain || { sleep 40; sleep 9; }; sleep 20": false,
		"sleep 30; drain || sleep 70":               true,
		"exec drain":                                false,
		"env A=1 sleep 90":                          true,
		"env -u A -i sleep 90":                      true,
		"nice -n 5 sleep 90":                        true,
		"nice -5 sleep 90":                          true,
		"busybox sleep 90":                          true,
		"time sleep 90":                             true,
		"timeout 70 sleep 90":                       true,
		"timeout -k 5 50 sleep 90":                  false,
		"timeout --signal=KILL 50s sleep 90":        false,
		"timeout 50 timeout 70 sleep 90":            false,
		"timeout 0 sleep 90":                        true,
		"command -V sleep 90":                       false,
		"timeout 70":                                false,
		"sudo -u app -- sleep 90":                   true,
		"exec -a name sleep 90":                     true,
		"command -v sleep 90":                       false,
		"gosu app:app sleep 90":                     true,
	} {
		if found := finds("sleep-fills-grace", "/bin/sh", "-c", script); found != fills {
			t.Errorf("%s: found %t, want %t", script, found, fills)
		}
	}
	for command, fills := range map[string]bool{
		"sleep 90":                         true,
		"env sleep 90":                     true,
		"/bin/busybox sleep 90":            true,
		"timeout 50 sleep 90":              false,
		"env sh -c sleep${IFS}90":          false,
		"tini -- sh -c 'sleep 90'":         true,
		"timeout 50 sh -c 'sleep 90'":      false,
		"timeout 2m sh -c 'sleep 90'":      true,
		"busybox sh -c 'sleep 90'":         true,
		"timeout 2m bash -ec 'a;sleep 90'": true,
	} {
		command, quoted, _ := strings.Cut(command, " '")
		words := strings.Fields(command)
		if quoted != "" {
			words = append(words, strings.TrimSuffix(quoted, "'"))
		}
		if found := finds("sleep-fills-grace", words...); found != fills {
			t.Errorf("%q: found %t, want %t", words, found, fills)
		}
	}
}

// A password that stands behind an option of mysql's is a password.
func TestPasswordsOfMySQL(t *testing.T) {
	t.Parallel()
	for script, secret := range map[string]bool{
		"mysqladmin -uroot -phunter2 shutdown":         true,
		"mariadb-admin -u root -p'hunter2' shutdown":   true,
		"mysql -p$MYSQL_ROOT_PASSWORD -e 'SET x'":      false,
		"mysqladmin -uroot -p shutdown":                false,
		"mysqladmin -P3306 --protocol=tcp -uroot ping": false,
		"mkdir -p/data/dir":                            false,
	} {
		if found := finds("secret-in-hook", "sh", "-c", script); found != secret {
			t.Errorf("%s: found %t, want %t", script, found, secret)
		}
	}
}

// finds tells whether lint has such a finding of a hook that runs these words.
func finds(id string, words ...string) bool {
	list, _ := json.Marshal(words)
	text := "kind: Pod\nmetadata: {name: web}\nspec: {terminationGracePeriodSeconds: 60, containers: [{name: app, lifecycle: {preStop: {exec: {command: " + string(list) + "}}}}]}\n"
	return slices.ContainsFunc(lint.Check([]lint.File{{Name: "f", Content: []byte(text)}}).Findings, func(f *lint.Finding) bool { return f.ID == id })
}
