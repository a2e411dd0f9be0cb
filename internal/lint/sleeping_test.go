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
		"T=20; timeout $T sleep 90":                 false,
		"timeout \"${T:-20}\" tail -f /dev/null":    false,
		"timeout $T sh -c 'sleep 90'; sleep 70":     true,
		"timeout 0 sleep 90":                        true,
		"command -V sleep 90":                       false,
		"timeout 70":                                false,
		"sudo -u app -- sleep 90":                   true,
		"exec -a name sleep 90":                     true,
		"command -v sleep 90":                       false,
		"gosu app:app sleep 90":                     true,

		"sh -c 'sleep 90'":                                         true,
		"sh -c \"sleep 30\" && sleep 40":                           true,
		"timeout 50 sh -c 'sleep 40; sleep 40'":                    false,
		"su app -c 'sleep 90'":                                     true,
		"su - app -c 'sleep 50; exit'; sleep 20":                   true,
		"runuser -u app -- sleep 90":                               true,
		"runuser app -c 'sleep 90'":                                true,
		"drain() { true; sleep \"$((45 * 2))\"; }; eval drain":     true,
		"eval 'drain() { sleep \"$((45 * 2))\"; }'; drain":         true,
		"eval \"sleep 90\"":                                        true,
		"ssh host 'sleep 90'":                                      false,
		"drain() { sleep 90; }; sleep 5":                           false,
		"drain() { sleep 90; }; drain":                             true,
		"drain() { sleep 25; }; drain; drain":                      false,
		"drain() { sleep 25; }; drain; drain; drain":               true,
		"drain() { sleep 5; return; sleep 90; }; drain; sleep 50":  false,
		"drain() { sleep 5; return; sleep 90; }; drain; sleep 55":  true,
		"a() { b; b; }; b() { a; a; sleep 1; }; a":                 false,
		"sleep 5; exit 0; sleep 90":                                false,
		"exec sleep 5; sleep 90":                                   false,
		"(exit 0); sleep 90":                                       true,
		"drain || exit 1; sleep 90":                                true,
		"sh -c 'exit 0'; sleep 90":                                 true,
		"eval exit 0; sleep 90":                                    false,
		"for i in 1 2 3 4; do sleep 20; done":                      true,
		"for i in 1 2; do sleep 20; done":                          false,
		"for i in $(seq 60); do curl -s localhost; sleep 1; done":  true,
		"for i in `seq 1 60`; do sleep 1; done":                    true,
		"for i in {1..60}; do sleep 1; done":                       true,
		"for i in {31..60}; do sleep 1; done":                      false,
		"for i in $(seq 60); do ready && break; sleep 1; done":     false,
		"for i in $(seq 60); do ready || sleep 1; done":            false,
		"for i in $(seq 60); do if ready; then sleep 1; fi; done":  false,
		"for i in a b c; do for j in 1 2; do sleep 10; done; done": true,
		"for i in $(cat /hosts); do sleep 30; done":                false,
		"for i in /hosts/*; do sleep 30; done":                     false,
		"for i; do sleep 30; done":                                 false,
		"i=0; while [ $i -lt 90 ]; do sleep 1; i=$((i+1)); done":   true,
		"i=0\nwhile [ \"$i\" -lt 90 ]\ndo\n  curl -s localhost\n  sleep 1\n  i=$(($i + 1))\ndone": true,
		"i=0; while [ $i -le 59 ]; do sleep 1; i=`expr $i + 1`; done":                             true,
		"i=0; while [ $i -lt 59 ]; do sleep 1; i=$(expr $i + 1); done":                            false,
		"n=60; while test $n -gt 0; do n=$((n-1)); sleep 1; done":                                 true,
		"n=60; while [ $n -ne 0 ]; do n=$((n - 2)); sleep 1; done":                                false,
		"n=0; until [ $n -ge 30 ]; do sleep 2; n=$((n+1)); done":                                  true,
		"n=0; until [[ $n -eq 30 ]]; do sleep 2; let n++; done":                                   true,
		"i=0; while (( i < 90 )); do sleep 1; (( i++ )); done":                                    true,
		"i=0; while (( i < 90 )); do sleep 1; (( i += 2 )); done":                                 false,
		"for ((i = 0; i < 90; i++)); do sleep 1; done":                                            true,
		"for ((i = 0; i < 90; i += 2)); do sleep 1; done":                                         false,
		"for ((i = 0; i < 90; i++)); do sleep 1; ((i += 5)); done":                                false,
		"for ((i = 0; i < 90; i++)); do sleep 1; ready && break; done":                            false,
		"set -e; i=0; while (( i < 90 )); do sleep 1; (( i++ )); done":                            false,
		"i=0; while [ $i -lt 90 ]; do ready && break; sleep 1; i=$((i+1)); done":                  false,
		"i=0; while [ $i -lt 90 ] && ! ready; do sleep 1; i=$((i+1)); done":                       false,
		"f() { ready && exit; }; i=0; while [ $i -lt 90 ]; do f; sleep 1; i=$((i+1)); done":       false,
		"f() { ready && exit; }; for i in $(seq 90); do f; sleep 1; done":                         false,
		"i=0; while [ $i -lt 90 ]; do ready && i=90; sleep 1; i=$((i+1)); done":                   false,
		"i=0; while [ $i -lt 90 ]; do read i < /x; sleep 1; i=$((i+1)); done":                     false,
		"read i < /x; while [ $i -lt 90 ]; do sleep 1; i=$((i+1)); done":                          false,
		"i=80; while [ $i -lt 90 ]; do sleep 1; i=$((i+1)); done":                                 false,
		"i=0; while [ $i -lt 90 ]; do ready || sleep 1; i=$((i+1)); done":                         false,
		"timeout 50 sh -c 'i=0; while [ $i -lt 90 ]; do sleep 1; i=$((i+1)); done'":               false,
		"while true; do sleep 1; done":                                                            true,
		"while :; do echo waits; sleep 5; done":                                                   true,
		"while true; do curl -s localhost || pkill app; sleep 1; done":                            false,
		"while true; do ready && break; sleep 1; done":                                            false,
		"while true; do sleep 1; done &":                                                          false,
		"while kill -0 1; do sleep 1; done":                                                       false,
		"tail -f /dev/null":                                                                       true,
		"tail -F /dev/null & sleep 5":                                                             false,
		"tail --pid=1 -f /dev/null":                                                               false,
		"for i in 1 2 3; do python3 -c 'import time; time.sleep(20)'; done":                       true,
		"for i in 1 2 3; do python3 -c 'import time; time.sleep(5)'; done":                        false,
		"python3 -c 'import time; time.sleep(90)' & wait":                                         true,
		"python3 -c 'import time; time.sleep(90)' & true":                                         false,
		"timeout 90 tail -f /dev/null":                                                            true,
		"timeout 20 tail -f /dev/null":                                                            false,
		"kill -QUIT 1; tail -f /dev/null":                                                         false,
		"curl -X POST localhost/shutdown; while true; do sleep 1; done":                           false,
		"sleep 90 & PID=$!; wait $PID":                                                            true,
		"sleep 90 & PID=$!; wait \"${PID}\"":                                                      true,
		"drain & PID=$!; sleep 90 & wait $PID":                                                    false,
		"sleep 90 & wait $PID":                                                                    false,
		"MAX=90; i=0; while [ $i -lt $MAX ]; do sleep 1; i=$((i+1)); done":                        true,
		"MAX=50; i=0; while [ $i -lt \"${MAX}\" ]; do sleep 1; i=$((i+1)); done":                  false,
		"MAX=90; MAX=5; i=0; while [ $i -lt $MAX ]; do sleep 1; i=$((i+1)); done":                 false,
		"i=0; while [ $i -lt $MAX ]; do sleep 1; i=$((i+1)); done":                                false,
		"MAX=90; i=0; while ((i < MAX)); do sleep 1; ((i++)); done":                               true,
		"MAX=90; for ((i = 0; i < MAX; i++)); do sleep 1; done":                                   true,
		"MAX=90; for ((i = 0; i < MAX; i++)); do sleep 1; MAX=5; done":                            false,
		"trap 'exit 0' USR1; while true; do sleep 1; done":                                        false,
		"sleep ${DRAIN:-90}":                  true,
		"sleep \"${DRAIN-90}\"":               true,
		"sleep ${DRAIN:-20}":                  false,
		"DRAIN=5; sleep ${DRAIN:-90}":         false,
		"read DRAIN < /x; sleep ${DRAIN:-90}": false,
		". /etc/env; sleep ${DRAIN:-90}":      false,
		"sleep ${HOSTNAME:-90}":               false,
		"sleep $((30 * 2))":                   true,
		"sleep $((30 * 2 - 5))":               false,
		"sleep $((${DRAIN:-30} + 30))":        true,
		"sleep $((RANDOM % 10 + 60))":         false,
		"sleep $((60 / 0))":                   false,
		"sleep $(cat /x || echo 90)":          false,
		"sleep ${1:-90}":                      false,

		"N=90; sleep $N":                                     true,
		"export N=\"90\"\nsleep \"${N}s\"":                   true,
		"f() { local n=90; sleep $n; }; f":                   true,
		"N=20; sleep $N":                                     false,
		"N=90 true; sleep ${N:-20}":                          false,
		"env N=90 true; sleep ${N:-20}":                      false,
		"echo 'export N=90' > /x; sleep ${N:-20}":            false,
		"N=90; eval \"$(cat /x)\"; sleep $N":                 false,
		"if [ -e /x ]; then N=90; fi; sleep ${N:-20}":        true,
		"N=${N:-90}; sleep $N":                               true,
		"A=$B; B=$A; sleep $A":                               false,
		"A=45; B=$((A * 2)); sleep $B":                       true,
		"GRACE=90; sleep $((GRACE-5))":                       true,
		"GRACE=90; WAIT=$(( ${GRACE} - 5 ))\nsleep $WAIT":    true,
		"GRACE=40; sleep $((GRACE + 5))":                     false,
		"N=90; echo $((1)); read N; echo $((2)); sleep $N":   false,
		"N=90; echo $((1))\nread N\necho $((2))\nsleep $N":   false,
		"N=90; M=$((N--)); sleep $N":                         false,
		"N=90; M=$((N = 5)); sleep $N":                       false,
		"N=90; M=$((N -= 80)); sleep $N":                     false,
		"N=90; M=$((++N)); sleep $N":                         false,
		"A=90; B=$A; sleep $B":                               true,
		"N=90; N=5; sleep $N":                                false,
		"N=90; [ -e /x ] && N=5; sleep $N":                   false,
		"[ -e /x ] || read N < /n; N=$N; sleep $N":           false,
		"[ -z \"$HOME\" ] && HOME=90; sleep $HOME":           false,
		"N=$(cat /n); sleep ${N:-90}":                        false,
		"sleep ${N:=90}":                                     true,
		"N=90; for i in $(seq $N); do sleep 1; done":         true,
		"N=90; for i in $(seq 1 \"${N}\"); do sleep 1; done": true,
		"N=90; N=5; for i in $(seq $N); do sleep 1; done":    false,
		"for i in $(seq $N); do sleep 1; done; N=90":         false,
		"N=90; for i in $(seq $N); do sleep 1; N=5; done":    false,
		"ping -c 91 127.0.0.1 > /dev/null":                   true,
		"ping -c 60 127.0.0.1":                               false,
		"ping -c 91 example.com":                             false,
	} {
		if found := finds("sleep-fills-grace", "/bin/sh", "-c", script); found != fills {
			t.Errorf("%s: found %t, want %t", script, found, fills)
		}
	}
	for command, fills := range map[string]bool{
		"sleep 90":                                               true,
		"env sleep 90":                                           true,
		"/bin/busybox sleep 90":                                  true,
		"timeout 50 sleep 90":                                    false,
		"env sh -c sleep${IFS}90":                                false,
		"tini -- sh -c 'sleep 90'":                               true,
		"su app -c 'sleep 90'":                                   true,
		"su app -c 'sleep 50'":                                   false,
		"timeout 50 su app -c 'sleep 90'":                        false,
		"timeout 50 sh -c 'sleep 90'":                            false,
		"timeout 2m sh -c 'sleep 90'":                            true,
		"busybox sh -c 'sleep 90'":                               true,
		"cmd /c 'ping -n 91 127.0.0.1 > nul'":                    true,
		"cmd.exe /S /C 'ping 127.0.0.1 -n 91 >nul'":              true,
		"ping -n 60 127.0.0.1":                                   false,
		"pwsh -NoProfile -Command Start-Sleep -Seconds 90":       true,
		"powershell Start-Sleep 90":                              true,
		"powershell -ExecutionPolicy Bypass -Command 'sleep 90'": true,
		`C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe -Command 'Start-Sleep 90'`: true,
		"powershell -Command 'Stop-Service app; Start-Sleep 90'":                              false,
		"timeout 2m bash -ec 'a;sleep 90'":                                                    true,
		"bash -ec 'i=0; while (( i < 90 )); do sleep 1; (( i++ )); done'":                     false,
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

// A password that stands behind an option of a client's is a password.
func TestPasswordsOfClients(t *testing.T) {
	t.Parallel()
	for script, secret := range map[string]bool{
		"mysqladmin -uroot -phunter2 shutdown":         true,
		"mariadb-admin -u root -p'hunter2' shutdown":   true,
		"mysql -p$MYSQL_ROOT_PASSWORD -e 'SET x'":      false,
		"mysqladmin -uroot -p shutdown":                false,
		"mysqladmin -P3306 --protocol=tcp -uroot ping": false,
		"REDISCLI_AUTH=hunter2 redis-cli shutdown":     true,
		"REDISCLI_AUTH=$PASSWORD redis-cli shutdown":   false,
		"rabbitmqadmin -u guest -p hunter2 list nodes": true,
		"sshpass -p hunter2 ssh host drain":            true,
		"sshpass -p \"$PASSWORD\" ssh host drain":      false,
		"sshpass -v -p hunter2 ssh host drain":         true,
		"sshpass -e scp -p drained host:/tmp":          false,
		"mkdir -p/data/dir":                            false,
		"nodetool -u u -pw hunter2 drain":              true,
		"nodetool -u u -pw $PASSWORD drain":            false,
		"nodetool -u u -pwf /etc/jmx drain":            false,
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
