package lint

import (
	"fmt"
	"strings"
	"testing"
)

// shape makes a Deployment of a pod's fields, a container's and its hook's, each a line of flow YAML. Lines are counted from
// 1: the pod's begin in line 6, and the container's two lines after their end.
func shape(pod, container []string, hook string) string {
	var b strings.Builder
	b.WriteString("kind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n")
	for _, line := range pod {
		fmt.Fprintf(&b, "      %s\n", line)
	}
	b.WriteString("      containers:\n      - name: app\n")
	for _, line := range container {
		fmt.Fprintf(&b, "        %s\n", line)
	}
	if hook != "" {
		fmt.Fprintf(&b, "        lifecycle: {preStop: %s}\n", hook)
	}
	return b.String()
}

// A shaped is a manifest that shape makes, with more documents behind it, and what lint finds in it. A finding without a line is in the hook's.
type shaped struct {
	name           string
	pod, container []string
	hook, more     string
	want           []string
}

func (s shaped) check(t *testing.T) {
	t.Helper()
	var want []string
	for _, one := range s.want {
		if one[0] > '9' {
			one = fmt.Sprintf("%d %s", 8+len(s.pod)+len(s.container), one)
		}
		want = append(want, one)
	}
	linting{shape(s.pod, s.container, s.hook) + s.more, want}.check(t, s.name)
}

// What others' hooks do, wrong and right.
func TestForeignHooks(t *testing.T) {
	t.Parallel()
	none, minute := []string(nil), []string{"terminationGracePeriodSeconds: 60"}
	grace60 := []string{"env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: '60'}]"}
	for _, test := range []struct {
		pod, container []string
		hook           string
		want           string // in the hook's line; empty: nothing
	}{
		// Sleeps.
		{none, none, "{sleep: {seconds: 30}}", "error sleep-fills-grace"},
		{none, none, "{sleep: {seconds: 29}}", ""},
		{none, none, "{sleep: {seconds: 0}}", ""},
		{none, none, "{sleep: {}}", "error sleep-unreadable"},
		{none, none, "{sleep: null}", "error not-one-handler"},
		{none, none, "{httpGet: null, tcpSocket: null}", "error not-one-handler"},
		{none, none, "{exec: null, sleep: {seconds: 5}}", ""},
		{none, none, "null", ""},
		{[]string{"terminationGracePeriodSeconds: 0"}, none, "{sleep: {seconds: 5}}", "6 error grace-zero"},
		{[]string{"terminationGracePeriodSeconds: 1"}, none, "{exec: {command: [/app/drain]}}", "6 error grace-zero"},
		{[]string{"terminationGracePeriodSeconds: 1"}, []string{"env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: '1'}]"}, "{exec: {command: [/prestop, wait 5s]}}", "6 error grace-zero"},
		{[]string{"terminationGracePeriodSeconds: 2"}, none, "{exec: {command: [/app/drain]}}", ""},
		{minute, none, "{sleep: {seconds: 30}}", ""},
		{none, none, "{exec: {command: [sleep, '30']}}", "error sleep-fills-grace"},
		{none, none, "{exec: {command: [/bin/sleep, 1m]}}", "error sleep-fills-grace"},
		{none, none, "{exec: {command: [sleep, infinity]}}", "error sleep-fills-grace"},
		{none, none, "{exec: {command: [sh, -c, 'sleep 15; nginx -s quit; sleep 15']}}", "error sleep-fills-grace"},
		{none, none, "{exec: {command: [sh, -c, 'curl -X POST localhost:8080/drain || true; sleep 45']}}", "error sleep-fills-grace"},
		{none, none, "{exec: {command: [/bin/bash, -ec, 'sleep 45']}}", "error sleep-fills-grace"},
		{none, none, "{exec: {command: [/bin/bash, -o, pipefail, -c, 'sleep 45']}}", "error sleep-fills-grace"},
		{none, none, "{exec: {command: [sh, -c, 'if [ -e /x ]; then sleep 20; else sleep 15; fi']}}", ""},
		{none, none, "{exec: {command: [sh, -c, 'while kill -0 1; do sleep 1; done']}}", ""},
		{none, none, "{exec: {command: [sh, -c, 'sleep 45 &']}}", ""},
		{none, none, "{exec: {command: [sh, -c, 'echo sleep 45 # sleep 45']}}", ""},
		{none, none, `{exec: {command: [sh, -c, "echo 'sleep 45; sleep 45'"]}}`, ""},
		{none, []string{"env: [{name: WAIT, value: '45'}]"}, "{exec: {command: [sh, -c, 'sleep ${WAIT}']}}", "error sleep-fills-grace"},
		{none, []string{"env: [{name: WAIT, value: '15'}]"}, "{exec: {command: [sh, -c, 'sleep $WAIT']}}", ""},
		{none, none, "{exec: {command: [sh, -c, 'sleep $WAIT']}}", ""},
		{[]string{"terminationGracePeriodSeconds: '20'"}, none, "{sleep: {seconds: 30}}", "6 error wrong-type"},

		{none, none, "{exec: {command: [sh, -c, 'N=5x; sleep $N']}}", "error sleep-unreadable"},
		{none, none, "{exec: {command: [sh, -c, 'sleep ${N:-x}']}}", "error sleep-unreadable"},
		{none, []string{"env: [{name: WAIT, value: '45'}]"}, "{exec: {command: [sh, -c, \"bash -c 'sleep $WAIT'\"]}}", "error sleep-fills-grace"},
		{none, []string{"env: [{name: WAIT, value: '45'}]"}, "{exec: {command: [sh, -c, \"WAIT=5 bash -c 'sleep $WAIT'\"]}}", ""},
		{none, []string{"env: [{name: WAIT, value: '45'}]"}, "{exec: {command: [sh, -c, \"env -u WAIT bash -c 'sleep ${WAIT:-5}'\"]}}", ""},
		{none, []string{"env: [{name: WAIT, value: '45'}]"}, "{exec: {command: [sh, -c, \"sudo bash -c 'sleep $WAIT'; sleep $WAIT\"]}}", "error sleep-fills-grace"},
		{none, []string{"env: [{name: WAIT, value: '45'}]"}, "{exec: {command: [sh, -c, \"env bash -c 'sleep $WAIT'\"]}}", "error sleep-fills-grace"},
		{none, []string{"env: [{name: WAIT, value: '45'}]"}, "{exec: {command: [env, WAIT=5, sh, -c, 'sleep $WAIT']}}", ""},
		{none, []string{"env: [{name: WAIT, value: '45'}]"}, "{exec: {command: [sudo, sh, -c, 'sleep ${WAIT:-5}']}}", ""},
		{none, []string{"env: [{name: WAIT, value: '5 sec'}]"}, "{exec: {command: [sh, -c, 'sleep $WAIT']}}", "error sleep-unreadable"},
		{none, []string{"env: [{name: WAIT, value: '5 10'}]"}, "{exec: {command: [sh, -c, 'sleep $WAIT']}}", ""},
		{none, none, "{exec: {command: [sh, -c, \"sleep '$WAIT'\"]}}", "error sleep-unreadable"},
		{none, none, "{exec: {command: [sh, -c, 'N=$(cat /n); sleep $N']}}", ""},

		// As people write them in charts: nothing is wrong.
		{minute, none, "{exec: {command: [sh, -c, \"curl -sS -m 5 --retry 3 --retry-connrefused -X POST http://127.0.0.1:8080/-/drain || true\\nsleep 15\\n\"]}}", ""},
		{minute, none, "{exec: {command: [sh, -c, \"printf 'shutdown\\n' | nc -w 5 localhost 9000\"]}}", ""},
		{minute, none, "{exec: {command: [sh, -c, 'for i in $(seq 1 25); do nc -z localhost 8080 || exit 0; sleep 1; done']}}", ""},
		{minute, none, "{exec: {command: [sh, -c, 'printf \"%s\\n\" 8080 8081 | xargs -I{} curl -fsS -m 3 -XPOST localhost:{}/drain']}}", ""},
		{minute, none, "{exec: {command: [bash, -c, 'while read -r p; do curl -fs --max-time 2 \"localhost:${p}/drain\"; done <<< \"8080 8081\"; sleep 10']}}", ""},
		{minute, none, "{exec: {command: [sh, -c, 'until wget -q -T 2 -O - http://localhost:8080/drained | grep -q ok; do sleep 2; done']}}", ""},
		{minute, none, "{exec: {command: [sh, -c, 'set -e; pkill -QUIT -f worker || true; while pgrep -f worker > /dev/null 2>&1; do echo waits; sleep 1; done']}}", ""},
		{minute, none, "{exec: {command: [sh, -c, 'if rabbitmqctl status; then rabbitmq-upgrade await_online_quorum_plus_one -t 600 && rabbitmq-upgrade drain -t 600; fi']}}", ""},
		{minute, none, "{exec: {command: [sh, -c, 'kill -s TERM $(pidof java) && tail --pid=$(pidof java) -f /dev/null']}}", ""},
		{minute, none, "{exec: {command: [sh, -c, 'exec nodetool -u cassandra -pw \"$CASSANDRA_PASSWORD\" drain']}}", ""},
		{minute, []string{"image: postgres:17"}, "{exec: {command: [gosu, postgres, pg_ctl, stop, -D, /data, -w, -t, '60', -m, fast]}}", ""},
		{minute, none, "{exec: {command: [sh, -c, 'sleep \"$1\"', stop, '10']}}", ""},
		{minute, none, "{exec: {command: [find, /run, -name, '*.pid', -exec, rm, '{}', ;]}}", ""},
		{minute, none, "{exec: {command: [bash, -c, 'exec 3<>/dev/tcp/127.0.0.1/8080; printf \"GET /drain HTTP/1.0\\r\\n\\r\\n\" >&3; timeout 2 cat <&3; sleep 10']}}", ""},
		{minute, none, "{exec: {command: [bash, -c, 'n=$((SECONDS + 50)); while (( SECONDS < n )); do [[ \"$(curl -fsS localhost:8080/count)\" -eq 0 ]] && break; sleep 1; done']}}", ""},
		{minute, none, "{exec: {command: [timeout, -k, '5', '40', bash, -c, 'until ! nc -z -w1 localhost 8080; do sleep 1; done']}}", ""},
		{minute, none, "{exec: {command: [sh, -c, 'curl -sf -H \"Authorization: Bearer $(cat /var/run/secrets/token)\" -X POST localhost:8080/stop; sleep 5']}}", ""},
		{minute, none, "{exec: {command: [powershell.exe, -Command, Start-Sleep -Seconds 20; Stop-Service w3svc]}}", ""},

		// prestop behind a sleep.
		{minute, grace60, "{exec: {command: [sh, -c, 'sleep 20; /prestop']}}", "error sleep-fills-grace"},
		{minute, grace60, "{exec: {command: [sh, -c, 'sleep 20 && exec /prestop \"wait 40s\"']}}", "error sleep-fills-grace"},
		{minute, grace60, "{exec: {command: [sh, -c, 'sleep 20; /prestop \"wait 20s\"']}}", ""},
		{minute, grace60, "{exec: {command: [sh, -c, 'sleep 20; /prestop \"until quiet 8080\"']}}", "warning sleep-fills-grace"},
		{minute, grace60, "{exec: {command: [sh, -c, 'sleep 20; /prestop \"until quiet 8080 max=30s\"']}}", ""},
		{minute, grace60, "{exec: {command: [sh, -c, 'sleep 20; /prestop --grace-period=35 --reserve=5 \"until quiet 8080\"']}}", ""},
		{minute, grace60, "{exec: {command: [sh, -c, 'sleep 20; PRE_STOP_GRACE_PERIOD_SECONDS=40 /prestop']}}", ""},
		{minute, grace60, "{exec: {command: [sh, -c, 'if [ -e /x ]; then sleep 20; fi; /prestop \"until quiet 8080\"']}}", ""},
		{minute, grace60, "{exec: {command: [sh, -c, '/prestop \"until quiet 8080\"; sleep 5']}}", ""},
		{minute, grace60, "{exec: {command: [sh, -c, '/prestop \"wait 20s\"; sleep 40']}}", "error sleep-fills-grace"},
		{minute, grace60, "{exec: {command: [sh, -c, 'sleep 20; /prestop install /x/']}}", ""},

		// Commands.
		{none, none, "{exec: {command: ['sleep 20']}}", "error shell-syntax-without-shell"},
		{none, none, `{exec: {command: [sh, -c, "sleep 5\r\nrm /ready\r\n"]}}`, "error script-not-runnable"},
		{none, none, `{exec: {command: [sh, -c, "printf 'GET /stop HTTP/1.0\r\n\r\n' | nc localhost 8080; sleep 5"]}}`, ""},
		{none, none, `{exec: {command: [sh, -c, "printf 'a\r\nb';\r\nsleep 5"]}}`, "error script-not-runnable"},
		{none, none, `{exec: {command: [sh, -c, "# don't wait\nprintf 'GET /stop HTTP/1.0\r\n\r\n' | nc localhost 8080; sleep 5"]}}`, ""},
		{none, none, `{exec: {command: [sh, -c, "# don't wait\r\nsleep 5; rm /ready # don't"]}}`, "error script-not-runnable"},
		{none, none, `{exec: {command: [sh, -c, "echo it\\'s\r\nsleep 5; echo it\\'s"]}}`, "error script-not-runnable"},
		{none, none, `{exec: {command: [sh, -c, "sleep \\\r\n5"]}}`, "error script-not-runnable"},
		{none, none, "{exec: {command: ['/prestop ', wait 5s]}}", "error shell-syntax-without-shell"},
		{none, none, "{exec: {command: ['sh ', -c, sleep 5]}}", "error shell-syntax-without-shell"},
		{none, none, `{exec: {command: [sh, -c, '"sleep 5"']}}`, "error shell-syntax-without-shell"},
		{none, none, `{exec: {command: [sh, -c, '"/prestop wait 5s"']}}`, "error shell-syntax-without-shell"},
		{none, none, `{exec: {command: [sh, -c, '"/opt/my app/bin/stop"']}}`, ""},
		{none, none, `{exec: {command: [sh, -c, '"$STOP_COMMAND"']}}`, ""},
		{none, none, "{exec: {command: [nginx, -s, quit;, sleep, '5']}}", "error shell-syntax-without-shell"},
		{none, none, "{exec: {command: [psql, -c, CHECKPOINT;, -d, web]}}", ""},
		{none, none, "{exec: {command: [mysql, -e, FLUSH TABLES;, test]}}", ""},
		{none, none, "{exec: {command: [/bin/sh, -c sleep 5]}}", "error shell-arguments-lost"},
		{none, none, "{exec: {command: [sh, -c, for, i, in, '1', '2;', do, sleep, '5;', done]}}", "error shell-arguments-lost"},
		{none, none, "{exec: {command: [sh, '-c ', sleep 5]}}", "error shell-arguments-lost"},
		{none, none, "{exec: {command: [bash, c, sleep 5]}}", "error shell-arguments-lost"},
		{none, none, "{exec: {command: [bash, –c, sleep 5]}}", "error shell-arguments-lost"},
		{none, none, "{exec: {command: [bash, /sync, now]}}", ""},
		{none, none, "{exec: {command: [bash, /exec, now]}}", ""},
		{none, none, "{exec: {command: [sh, -c, 'echo $$(date); sleep 5']}}", "warning script-not-runnable"}, // no kubelet makes one dollar of two in a hook
		{none, none, "{exec: {command: [sh, -c, 'echo $$ $(date); sleep 5']}}", ""},
		{none, none, "{exec: {command: [sh, -c, 'for i in {1..9}; do sleep 1; done']}}", "warning script-not-runnable"},
		{none, none, "{exec: {command: [sh, -c, 'rm -f /run/{ready,live}; sleep 5']}}", "warning script-not-runnable"},
		{none, none, "{exec: {command: [bash, -c, 'for i in {1..9}; do sleep 1; done']}}", ""},
		{none, none, "{exec: {command: [sh, -c, \"bash -c 'for i in {1..9}; do sleep 1; done'\"]}}", ""},
		{none, none, "{exec: {command: [sh, -c, 'find /run -name ready -exec rm {} +; x() { sleep 5; }; x']}}", ""},
		{none, none, `{exec: {command: [sh, -c, "cat <<X\nbye"]}}`, ""},
		{none, none, "{exec: {command: [bash, -c, /sync]}}", ""},
		{none, none, "{exec: {command: [sh, -c, 'sleep 5 &&']}}", "warning script-not-runnable"},
		{none, none, "{exec: {command: [sh, -c, 'if [ -e /x ]; then sleep 5']}}", "warning script-not-runnable"},
		{none, none, "{exec: {command: [bash, -c, 'sleep $((${X}0 / 2)); [[ -e /x ]] && a=(1 2)']}}", ""},
		{none, none, "{exec: {command: [zsh, -c, 'sleep 5 &&']}}", ""},
		{none, none, "{exec: {command: [sh, -c, sleep, '20']}}", "error shell-arguments-lost"},
		{none, none, "{exec: {command: [sh, -c, 'sleep $0', '20']}}", ""},
		{none, none, "{exec: {command: [sh, -c, /scripts/stop.sh, now]}}", "error shell-arguments-lost"},
		{none, none, "{exec: {command: [sh, /scripts/stop.sh, now]}}", ""},
		{none, none, "{exec: {command: [sh, 'sleep 15']}}", "error shell-arguments-lost"},
		{none, none, "{exec: {command: sleep 20}}", "error wrong-type"},
		{none, none, "{exec: {command: [sleep, 20]}}", "error wrong-type"},
		{none, none, "{exec: {}}", "error not-one-handler"},
		{none, none, "{}", "error not-one-handler"},
		{none, none, "sleep 20", "error wrong-type"},
		{none, none, "{httpGet: {path: /drain, port: 8080}, exec: null}", ""},
		{none, none, "{httpget: {path: /drain, port: 8080}}", "error hook-misplaced"},
		{none, none, "{exec: {cmd: [sleep, '20']}}", "error hook-misplaced"},
		{none, none, "{exec: {command: [sh, -c, 'sleep 5 && kill -SIGTERM $(pidof vault)']}}", ""},
		{none, none, "{exec: {command: [sh, -c, 'kill -QUIT 1']}}", "warning signals-and-returns"},
		{none, none, "{exec: {command: [sh, -c, 'kill -QUIT 1; tail --pid=1 -f /dev/null']}}", ""},
		{none, none, "{exec: {command: [curl, 'http://$(POD_IP)/x']}}", "error variable-not-expanded"},
		{none, none, "{exec: {command: [sh, -c, 'echo $(hostname)']}}", ""},
		{none, none, "{exec: {command: [sh, -c, 'curl http://$(POD_IP)/x']}}", "error variable-not-expanded"},

		{none, none, "{exec: {command: [sleep, $DRAIN]}}", "error variable-not-expanded"},
		{none, none, "{exec: {command: [sleep, '${DRAIN:-20}']}}", "error variable-not-expanded"},
		{none, none, "{exec: {command: [timeout, '50', sleep, '${DRAIN}']}}", "error variable-not-expanded"},
		{none, none, "{exec: {command: [curl, 'http://localhost/drain/$POD_NAME']}}", "error variable-not-expanded"},
		{none, []string{"env: [{name: REDIS_PASSWORD, value: x}]"}, "{exec: {command: [redis-cli, -a, $REDIS_PASSWORD, shutdown]}}", "error variable-not-expanded"},
		{none, none, "{exec: {command: [curl, 'http://localhost/$metadata']}}", ""},
		{none, none, "{exec: {command: [curl, 'http://localhost/$OTHER']}}", ""},
		{none, []string{"env: [{name: MODE, value: x}]"}, "{exec: {command: [perl, -e, 'print $MODE']}}", ""},
		{none, []string{"env: [{name: MODE, value: x}]"}, "{exec: {command: [sh, /stop.sh, $MODE]}}", ""},
		{none, []string{"env: [{name: MODE, value: x}]"}, "{exec: {command: [busybox, sh, -c, 'echo $MODE']}}", ""},
		{none, none, "{exec: {command: [sleep, $DRAIN, '&&', nginx, -s, quit]}}", "error shell-syntax-without-shell"},
		{none, []string{"securityContext: {readOnlyRootFilesystem: true}"}, "{exec: {command: [sh, -c, 'touch /tmp/drain; sleep 5']}}", "warning read-only-path"},
		{none, []string{"securityContext: {readOnlyRootFilesystem: true}"}, "{exec: {command: [touch, /tmp/drain]}}", "warning read-only-path"},
		{none, none, "{exec: {command: [touch, /tmp/drain]}}", ""},
		{none, []string{"securityContext: {readOnlyRootFilesystem: true}"}, "{exec: {command: [touch, /dev/shm/drain]}}", ""},
		{none, []string{"securityContext: {readOnlyRootFilesystem: true}"}, "{exec: {command: [sh, -c, 'touch $DIR/drain; sleep 5']}}", ""},
		{[]string{"volumes: [{name: tmp, emptyDir: {}}]"}, []string{"securityContext: {readOnlyRootFilesystem: true}", "volumeMounts: [{name: tmp, mountPath: /tmp}]"}, "{exec: {command: [touch, /tmp/drain]}}", ""},
		{[]string{"volumes: [{name: t, projected: {sources: [{downwardAPI: {}}]}}]"}, []string{"volumeMounts: [{name: t, mountPath: /t}]"}, "{exec: {command: [touch, /t/drain]}}", "warning read-only-path"},
		{none, none, "{exec: {command: ['wait 5s', 'wait $(X)']}}", "error shell-syntax-without-shell"},
		{none, none, "{exec: {command: [run, '<', /x]}}", "error shell-syntax-without-shell"},
		{none, none, "{httpGet: {path: /x, port: 80, method: POST}}", "error hook-misplaced"},
		{none, none, "{httpGet: {path: /x, port: web}}", "error port-differs"},
		{none, []string{"ports: [{name: web, containerPort: 80}]"}, "{httpGet: {path: /x, port: web, scheme: HTTP, host: x, httpHeaders: []}}", "warning http-get-host"},
		{none, []string{"ports: [{name: web, containerPort: 80}]"}, "{httpGet: {path: /x, port: web, scheme: HTTP, httpHeaders: []}}", ""},
		{none, nil, "{exec: {command: [sh, -c, 'sleep 15; nginx -s quit']}}", "warning signals-and-returns"},
		{none, nil, "{exec: {command: [sh, -c, 'sleep 15; nginx -s quit; while [ -e /run/nginx.pid ]; do sleep 1; done']}}", ""},
		{none, nil, "{exec: {command: [sh, -c, 'sleep 15; nginx -s reload']}}", ""},
		{none, nil, "{exec: {command: [sh, -c, 'nginx -s quit || true; exit 0']}}", "warning signals-and-returns"},
		{none, nil, "{exec: {command: [sh, -c, 'stop() { nginx -s quit; }; stop']}}", "warning signals-and-returns"},
		{none, nil, "{exec: {command: [sh, -c, 'true; exit 0']}}", ""},
		{none, nil, "{exec: {command: [sh, -c, 'kill -TSTP 1']}}", ""},
		{none, nil, "{exec: {command: [sh, -c, 'kill -s SIGTSTP $(pidof ruby)']}}", ""},
		{none, []string{"image: nginx:1.27"}, "{exec: {command: [nginx, -s, quit]}}", ""},
		{[]string{"os: {name: linux}"}, []string{"lifecycle: {stopSignal: SIGQUIT, preStop: {exec: {command: [nginx, -s, quit]}}}"}, "", ""},
		{[]string{"os: {name: linux}"}, []string{"lifecycle: {stopSignal: SIGTERM, preStop: {exec: {command: [nginx, -s, quit]}}}"}, "", "9 warning signals-and-returns"},
		{none, []string{"image: registry.example.com/library/nginx"}, "{exec: {command: [sh, -c, 'sleep 5; nginx -s quit']}}", ""},
		{none, []string{"image: nginx:1.27"}, "{exec: {command: [nginx, -s, stop]}}", "warning signals-and-returns"},
		{none, []string{"image: example/nginx:1.27"}, "{exec: {command: [nginx, -s, quit]}}", "warning signals-and-returns"},
		{none, []string{"image: php:8-fpm-alpine"}, "{exec: {command: [kill, -QUIT, '1']}}", ""},
		{none, []string{"image: php:8-cli"}, "{exec: {command: [kill, -QUIT, '1']}}", "warning signals-and-returns"},
		{none, []string{"image: httpd"}, "{exec: {command: [apachectl, graceful-stop]}}", ""},
		{none, []string{"image: php:8-apache"}, "{exec: {command: [apachectl, graceful-stop]}}", ""},
		{none, []string{"image: haproxy:3.0"}, "{exec: {command: [kill, -USR1, '1']}}", ""},
		{none, []string{"image: library/postgres:17"}, "{exec: {command: [kill, -s, INT, '1']}}", ""},
		{none, []string{"image: mcr.example.com/dotnet/aspnet:8.0-noble-chiseled-extra"}, "{exec: {command: [sleep, '5']}}", "error program-not-in-image"},
		{none, []string{"image: alpine:3.20"}, "{exec: {command: [sh, -c, 'curl -s localhost/drain; sleep 5']}}", "error program-not-in-image"},
		{none, []string{"image: library/debian@sha256:0"}, "{exec: {command: [wget, -q, 'http://localhost/drain']}}", "error program-not-in-image"},
		{none, []string{"image: alpine:3.20"}, "{exec: {command: [sh, -c, 'apk add --no-cache curl=8.9.1-r2 && curl -s localhost/drain; sleep 5']}}", ""},
		{none, []string{"image: alpine:3.20"}, "{exec: {command: [sh, -c, 'apk del curl; curl -s localhost/drain; sleep 5']}}", "error program-not-in-image"},
		{none, []string{"image: alpine:3.20"}, "{exec: {command: [sh, -c, 'apk add --no-cache curl && curl -s localhost/drain; sleep 5']}}", ""},
		{none, []string{"image: example/alpine:3.20"}, "{exec: {command: [sh, -c, 'curl -s localhost/drain; sleep 5']}}", ""},
		{none, []string{"env: [{name: PRE_STOP_APP_URL, value: 'http://localhost/x'}]"}, "{httpGet: {path: /x, port: 80}}", "8 warning settings-without-hook"},
		{none, []string{"env: [{name: PRE_STOP_APP_URL, value: 'http://localhost/x'}]"}, "{exec: {command: [/shared/pre-stop]}}", "8 warning settings-without-hook"},
		{none, []string{"env: [{name: PRE_STOP_APP_URL, value: 'http://localhost/x'}]"}, "{exec: {command: [sh, -c, 'sleep 1; /prestop']}}", ""},

		// Fields.
		{[]string{"TerminationGracePeriodSeconds: 60"}, none, "{sleep: {seconds: 5}}", "6 error field-misspelt"},
		{[]string{"initContainer: []"}, none, "{sleep: {seconds: 5}}", "6 error field-misspelt"},
		{[]string{"env: []"}, none, "{sleep: {seconds: 5}}", "6 error hook-misplaced"},
		{none, []string{"volumeMount: []"}, "{sleep: {seconds: 5}}", "8 error field-misspelt"},
		{none, []string{"env: {A: b}"}, "{sleep: {seconds: 5}}", "8 error wrong-type"},
		{none, []string{"env: [{key: A, value: b}]"}, "{sleep: {seconds: 5}}", "8 error field-misspelt"},
		{none, []string{"env: [{name: A, valueFrom: {fielRef: {}}}]"}, "{sleep: {seconds: 5}}", "8 error field-misspelt"},
		{none, []string{"env: [{name: A}, {name: B, value: }]"}, "{sleep: {seconds: 5}}", ""},
		{[]string{"hostname: a", "volumes: []", "nodeName: b"}, []string{"resources: {}", "volumeDevices: []", "stdin: true", "resizePolicy: []"}, "{sleep: {seconds: 5}}", ""},

		// Images.
		{none, []string{"image: example/scratch"}, "{exec: {command: [sh, -c, 'sleep 5']}}", "error program-not-in-image"},
		{none, []string{"image: example.com:5000/distroless/static-debian12:nonroot"}, "{exec: {command: [/bin/sleep, '5']}}", "error program-not-in-image"},
		{none, []string{"image: envoyproxy/envoy:distroless-v1.31.0"}, "{exec: {command: [curl, -X, POST, 'http://localhost:9901/healthcheck/fail']}}", "error program-not-in-image"},
		{none, []string{"image: example/distroless/static:debug"}, "{exec: {command: [sh, -c, 'sleep 5']}}", ""},
		{none, []string{"image: example/app:1"}, "{exec: {command: [sh, -c, 'sleep 5']}}", ""},
		{none, []string{"image: example/distroless:1", "volumeMounts: [{name: tools, mountPath: /tools}]"}, "{exec: {command: [/tools/sleep, '5']}}", ""},
		{none, []string{"image: example/distroless:1"}, "{exec: {command: [/app/server, drain]}}", ""},

		// Secrets.
		{none, none, "{exec: {command: [curl, -u, 'admin:s3cr3t', 'http://localhost/x']}}", "error secret-in-hook"},
		{none, none, "{exec: {command: [sh, -c, 'curl -u admin:s3cr3t http://localhost/x']}}", "error secret-in-hook"},
		{none, none, "{exec: {command: [sh, -c, 'curl -u admin:$PASSWORD http://localhost/x']}}", ""},
		{none, none, "{exec: {command: [sh, -c, 'curl http://admin:s3cr3t@localhost/x']}}", "error secret-in-hook"},
		{none, none, "{exec: {command: [sh, -c, 'curl -H \"Authorization: Bearer $(cat /token)\" http://localhost/x']}}", ""},
		{none, none, "{exec: {command: [sh, -c, 'curl -H \"X-Vault-Token: 5f2c8a\" http://localhost/x']}}", "error secret-in-hook"},
		{none, none, "{exec: {command: [redis-cli, -a, hunter2, save]}}", "error secret-in-hook"},
		{none, none, "{exec: {command: [sh, -c, 'redis-cli -h localhost -a hunter2 save']}}", "error secret-in-hook"},
		{none, none, "{exec: {command: [sh, -c, 'redis-cli -a \"$PASSWORD\" save; ls -a /x']}}", ""},
		{none, none, "{exec: {command: [redis-cli, --pass, hunter2, shutdown]}}", "error secret-in-hook"},
		{none, none, "{exec: {command: [app, --password-file, /secrets/password]}}", ""},
		{none, none, "{exec: {command: [app, '--token=$TOKEN']}}", ""},
		{none, none, "{exec: {command: [run, -u, '1000:1000']}}", ""},
		{none, none, "{httpGet: {path: /x, port: 80, httpHeaders: [{name: Authorization, value: Basic YTpi}]}}", "error secret-in-hook"},
		{none, none, "{httpGet: {path: /x, port: 80, httpHeaders: [{name: Accept, value: text/plain}]}}", ""},

		// Endpoints.
		{none, none, "{httpGet: {path: /drain, port: 15020}}", "error needs-other-method"},
		{none, none, "{httpGet: {path: /drain, port: 8080}}", ""},
		{none, []string{"ports: [{name: admin, containerPort: 4191}]"}, "{httpGet: {path: /shutdown, port: admin}}", "error needs-other-method"},
		{none, none, "{exec: {command: [sh, -c, 'curl -s localhost:15020/drain; sleep 5']}}", "error needs-other-method"},
		{none, none, "{exec: {command: [sh, -c, 'curl -sXPOST localhost:15020/drain; sleep 5']}}", ""},
		{none, none, "{exec: {command: [sh, -c, 'curl -fsS -X POST localhost:15020/drain; sleep 5']}}", ""},
		{none, none, "{exec: {command: [sh, -c, 'curl -X POST -T /state localhost:15020/drain; sleep 5']}}", ""},
		{none, none, "{exec: {command: [sh, -c, 'curl -T /state localhost:15020/drain; sleep 5']}}", "error needs-other-method"},
		{none, none, "{exec: {command: [sh, -c, 'wget -qO- --post-data= http://localhost:15020/drain; sleep 5']}}", ""},
		{none, none, "{exec: {command: [sh, -c, 'curl -X POST http://localhost:8080/actuator/shutdown && sleep 20']}}", "error ends-the-process"},
		{none, none, "{exec: {command: [sh, -c, 'sleep 20 && curl -X POST http://localhost:8080/actuator/shutdown']}}", ""},

		// Shared processes.
		{[]string{"shareProcessNamespace: true"}, none, "{exec: {command: [sh, -c, 'kill -TERM 1; sleep 5']}}", "error shared-processes"},
		{[]string{"shareProcessNamespace: true"}, none, "{exec: {command: [sh, -c, 'pkill -f app; sleep 5']}}", "warning shared-processes"},
		{[]string{"shareProcessNamespace: true"}, none, "{exec: {command: [sh, -c, 'echo stopping > /proc/1/fd/1; sleep 5']}}", "error shared-processes"},
		{[]string{"shareProcessNamespace: true"}, none, "{exec: {command: [sh, -c, 'sleep 1']}}", ""},
		{[]string{"shareProcessNamespace: false"}, none, "{exec: {command: [sh, -c, 'echo stopping > /proc/1/fd/1; sleep 5']}}", ""},

		// What only looks like a mistake, and what hides one.
		{none, none, "{exec: {command: [sh, -c, --, 'sleep 5']}}", ""},
		{none, none, "{exec: {command: [sh, -c, --, 'sleep 60']}}", "error sleep-fills-grace"},
		{none, none, "{exec: {command: [bash, -c, -e, 'sleep 60']}}", "error sleep-fills-grace"},
		{none, none, "{exec: {command: [find, /tmp/x, -exec, rm, '{}', ;]}}", ""},
		{none, none, "{exec: {command: [/usr/bin/expr, '1', '|', '2']}}", ""},
		{none, none, "{exec: {command: [expr, '1', '&&', '2']}}", "error shell-syntax-without-shell"},
		{none, none, "{exec: {command: [sh, -c, \"sleep '${X:-5}'\"]}}", "error sleep-unreadable"},
		{none, none, "{exec: {command: [sh, -c, \"sleep '5'\"]}}", ""},
		{none, none, "{exec: {command: [sh, -c, \"sh -c 'sleep $X'\"]}}", ""},
		{none, none, "{exec: {command: [curl, -H, 'Authorization: Bearer $(cat /token)', 'http://localhost/x']}}", "error variable-not-expanded"},
		{none, none, "{exec: {command: [curl, 'http://$(hostname):8080/x']}}", "error variable-not-expanded"},
		{none, none, "{exec: {command: [curl, 'http://localhost/$(x)']}}", ""},
		{none, none, "{exec: {command: [nodetool, -u, u, -pw, hunter2, drain]}}", "error secret-in-hook"},
		{none, none, "{exec: {command: [sh, -c, 'kill -QUIT 1; wait']}}", "warning signals-and-returns"},
		{none, none, "{exec: {command: [sh, -c, 'kill -QUIT 1; wait $!']}}", "warning signals-and-returns"},
		{none, none, "{exec: {command: [sh, -c, 'wait_for_end & kill -QUIT 1; wait']}}", ""},
		{none, none, "{exec: {command: [mysqladmin, -uroot, -phunter2, shutdown]}}", "error secret-in-hook"},
		{none, none, "{exec: {command: [mongosh, -u, root, -p, hunter2, admin]}}", "error secret-in-hook"},
		{none, none, "{exec: {command: [mongosh, -u, root, -p, --eval, quit]}}", ""},
		{none, none, "{exec: {command: [mkdir, -p, /tmp/x]}}", ""},
		{none, none, "{exec: {command: [etcdctl, member, remove, $(hostname)]}}", "error variable-not-expanded"},
		{none, none, "{exec: {command: [sh, -c, 'sleep 5', '&&', nginx, -s, quit]}}", "error shell-arguments-lost"},
		{none, none, "{exec: {command: [sh, -c, 'sleep 5', '&&']}}", "error shell-arguments-lost"},
		{none, none, "{exec: {command: [sh, -c, 'sleep 5', sh, '&&']}}", ""},
		{none, []string{"image: nginxinc/nginx-unprivileged:1.27"}, "{exec: {command: [sh, -c, 'sleep 5; nginx -s quit']}}", ""},
		{none, []string{"image: 'example.com/nginxinc/nginx-unprivileged:1.27'"}, "{exec: {command: [kill, -QUIT, '1']}}", ""},
		{none, []string{"image: openresty/openresty:alpine"}, "{exec: {command: [openresty, -s, stop]}}", "warning signals-and-returns"},
		{none, []string{"image: openresty/openresty:alpine"}, "{exec: {command: [openresty, -s, quit]}}", ""},
		{none, none, "{exec: {command: [powershell.exe, -Command, Start-Sleep -Seconds 30]}}", "error sleep-fills-grace"},
		{none, none, "{exec: {command: [pwsh, -c, start-sleep 20]}}", ""},
		{none, none, "{exec: {command: [powershell, -Command, 'if ($x) { Start-Sleep -s 60 }']}}", ""},
		{none, none, "{exec: {command: [powershell, -Command, Start-Sleep -Milliseconds 6000]}}", ""},
		{none, none, "{exec: {command: [python3, -c, import time; time.sleep(30)]}}", "error sleep-fills-grace"},
		{none, none, "{exec: {command: [/usr/bin/python3.12, -c, import time; time.sleep(29)]}}", ""},
		{none, none, "{exec: {command: [timeout, '20', python, -c, import time; time.sleep(30)]}}", ""},
		{none, none, "{exec: {command: [sh, -c, 'python -c \"import time; time.sleep(30)\"']}}", "error sleep-fills-grace"},
		{none, none, "{exec: {command: [perl, -e, sleep 60]}}", "error sleep-fills-grace"},
		{none, none, "{exec: {command: [ruby, -e, sleep(60)]}}", "error sleep-fills-grace"},
		{none, none, "{exec: {command: [rm, /x, ;, sleep, '5']}}", "error shell-syntax-without-shell"},
		{none, none, "{exec: {command: [su, app, -c, 'leave $(hostname)']}}", ""},
		{[]string{"os: {name: windows}"}, none, `{exec: {command: ['C:\Program Files\app\stop.exe']}}`, ""},
		{none, none, "{exec: {command: [wget, --post-data=, -T, '5', 'http://localhost:15020/quitquitquit']}}", ""},
		{none, none, "{exec: {command: [wget, -T, '5', 'http://localhost:8500/v1/agent/leave']}}", "error needs-other-method"},
		{none, none, "{exec: {command: [curl, -sfd, '', 'http://localhost:15020/quitquitquit']}}", ""},
		{none, none, "{exec: {command: [curl, '-d{}', 'http://localhost:8080/actuator/shutdown']}}", ""},
		{none, none, "{exec: {command: [curl, -XPOST, '-HX-A: b', 'http://localhost:15020/drain']}}", ""},
		{none, []string{"image: alpine:3"}, "{exec: {command: [sh, -c, 'if command -v curl; then curl -s localhost/x; else wget -qO- localhost/x; fi']}}", ""},
		{none, []string{"image: alpine:3"}, "{exec: {command: [sh, -c, 'curl -s localhost/x']}}", "error program-not-in-image"},
		{none, none, "{exec: {command: [sh, -c, '/prestop \"wait ${DELAY:-20s}\"']}}", ""},
		{none, none, "{exec: {command: [sh, -c, '/prestop \"put http://localhost:8500/leave/$(hostname)\" \"wait 20s\"']}}", ""},
		{none, none, "{exec: {command: [sh, -c, 'sleep 60 & wait']}}", "error sleep-fills-grace"},
		{none, none, "{exec: {command: [sh, -c, 'sleep 20 & sleep 20; wait']}}", ""},
		{none, none, "{exec: {command: [sh, -c, 'sleep 60 & app & wait $APP']}}", ""},
		{minute, []string{"env: [{name: SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE, value: '20000'}]"}, "{sleep: {seconds: 10}}", ""},
	} {
		one := shaped{name: fmt.Sprint(test.pod, test.container, test.hook), pod: test.pod, container: test.container, hook: test.hook}
		if test.want != "" {
			one.want = strings.Split(test.want, ", ")
		}
		one.check(t)
	}
}

const graceEnv60 = "{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: '60'}"

// What prestop's hooks do, wrong and right, where the pages of the rules do not show it. A want without a line is of the hook's.
func TestHooks(t *testing.T) {
	t.Parallel()
	minute := []string{"terminationGracePeriodSeconds: 60"}
	env := func(more ...string) []string {
		return []string{"env: [" + strings.Join(append(more, graceEnv60), ", ") + "]"}
	}
	const ip = "{name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}"
	steps := func(lines ...string) string {
		return "{exec: {command: ['/prestop', '" + strings.Join(lines, "', '") + "']}}"
	}
	service := func(spec string) string { return "---\nkind: Service\nmetadata: {name: web}\nspec: {" + spec + "}\n" }
	for _, test := range []shaped{
		// Variables.
		{"no value", minute, env("{name: PRE_STOP_APP_URL}"), steps("wait 20s"), "", []string{"9 warning setting-unreadable"}},
		{"null", minute, env("{name: PRE_STOP_APP_URL, value: }"), steps("wait 20s"), "", []string{"9 warning setting-unreadable"}},
		{"nothing", minute, env("{name: PRE_STOP_APP_URL, value: ''}"), steps("wait 20s"), "", nil},
		{"not quite a setting", minute, env("{name: PRESTOP_APP_URL, value: 'http://localhost/x'}", "{name: pre_stop_app_url, value: x}", "{name: PRESTOP_OTHER, value: x}"), steps("wait 20s"), "", []string{"9 warning setting-unknown", "9 warning setting-unknown"}},
		{"a variable that is not there", minute, env("{name: PRE_STOP_APP_URL, value: 'http://$(HOST)/x'}"), steps("wait 20s"), "", []string{"9 error unset-variable"}},
		{"a variable that is there later", minute, env("{name: PRE_STOP_APP_URL, value: 'http://$(HOST)/x'}", "{name: HOST, value: localhost}"), steps("wait 20s"), "", []string{"9 error unset-variable"}},
		{"a variable that is there before", minute, env("{name: HOST, value: localhost}", "{name: PRE_STOP_APP_URL, value: 'http://$(HOST)/$$(X)'}"), steps("wait 20s"), "", nil},
		{"a variable of a Service, or of a ConfigMap", minute, append(env("{name: PRE_STOP_APP_URL, value: 'http://$(WEB_SERVICE_HOST)/$(X)'}"), "envFrom: [{configMapRef: {name: x}}]"), steps("wait 20s"), "", nil},
		{"another's variable", minute, env("{name: OPTS, value: '$(X)'}"), steps("wait 20s"), "", nil},
		{"a key that is not there", minute, env("{name: A, valueFrom: {configMapKeyRef: {name: x, key: g}}}"), steps("wait 20s"), "---\nkind: ConfigMap\nmetadata: {name: x}\ndata: {h: '60'}\n", []string{"9 error unset-variable"}},
		{"a Secret's key that is not there", minute, env("{name: A, valueFrom: {secretKeyRef: {name: x, key: g}}}"), steps("wait 20s"), "---\nkind: Secret\nmetadata: {name: x}\nstringData: {h: '60'}\n", []string{"9 error unset-variable"}},
		{"a Secret's key", minute, env("{name: A, valueFrom: {secretKeyRef: {name: x, key: h}}}"), steps("wait 20s"), "---\nkind: Secret\nmetadata: {name: x}\nstringData: {h: '60'}\n", nil},
		{"a key that may be missing", minute, env("{name: A, valueFrom: {secretKeyRef: {name: x, key: g, optional: true}}}"), steps("wait 20s"), "---\nkind: Secret\nmetadata: {name: x}\n", nil},
		{"another's field", minute, env("{name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}"), steps("wait 20s"), "", []string{"9 error wrong-field"}},
		{"a node that is none of Kubernetes'", minute, env("{name: NODE_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}"), steps("wait 20s"), "", nil},
		{"the node's address is the pod's", append([]string{"hostNetwork: true"}, minute...), env("{name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}"), steps("wait 20s"), "", nil},
		{"no token", append([]string{"automountServiceAccountToken: false"}, minute...), append(env("{name: PRE_STOP_ASK_API, value: 'true'}"), "volumeMounts: [{name: t, mountPath: /var/run/secrets/kubernetes.io/serviceaccount}]"), steps("wait 20s"), "", nil},
		{"a postStart hook", minute, append(env(), "lifecycle: {postStart: {exec: {command: [/prestop]}}}"), "", "", []string{"10 error hook-misplaced"}},

		// Time.
		{"less than a second", minute, env(), steps("wait 20ms"), "", []string{"warning does-nothing"}},
		{"a floor of less than a second", minute, env("{name: PRE_STOP_ADDITIONAL_WAIT_SECONDS, value: 20ms}", "{name: PRE_STOP_APP_URL, value: 'http://localhost/x'}"), "{exec: {command: [/prestop]}}", "", []string{"9 warning does-nothing"}},
		{"nothing at all", minute, env("{name: PRE_STOP_ADDITIONAL_WAIT_SECONDS, value: '0'}"), "{exec: {command: [/prestop]}}", "", []string{"9 warning does-nothing"}},
		{"a call and no wait", minute, env("{name: PRE_STOP_ADDITIONAL_WAIT_SECONDS, value: '0'}", "{name: PRE_STOP_APP_URL, value: 'http://localhost/x'}"), "{exec: {command: [/prestop]}}", "", nil},
		{"a for longer than its max", minute, env(), steps("until quiet 8080 for=30s max=20s"), "", []string{"warning never-met"}},
		{"a max before its min", minute, env(), steps("until quiet 8080 min=30s max=20s"), "", []string{"warning max-before-begin"}},
		{"a max after a step that cannot be read", minute, env(), steps("wiat 3s", "until quiet 8080 max=15s"), "", []string{"error step-unreadable"}},
		{"a max after a step that may be readable", minute, env("{name: DELAY, valueFrom: {configMapKeyRef: {name: x, key: delay}}}"), steps("wait $(DELAY)", "until quiet 8080 max=15s"), "", nil},
		{"a max as long as its min", minute, env(), steps("until quiet 8080 min=20s max=20s"), "", nil},
		{"default grace, nothing said", nil, nil, steps("wait 20s"), "", nil},
		{"default grace, waits that raise it", nil, nil, steps("wait 40s"), "", []string{"error grace-not-set"}},
		{"longer grace, nothing said", minute, nil, steps("wait 20s"), "", []string{"warning grace-not-set"}},
		{"grace by a flag", minute, nil, steps("--grace-period=60", "wait 20s"), "", nil},
		{"another grace by a flag", minute, nil, steps("--grace-period=90", "wait 20s"), "", []string{"error grace-differs"}},
		{"grace in minutes", minute, []string{"env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: 1m}]"}, steps("wait 20s"), "", nil},
		{"less than the pod's", []string{"terminationGracePeriodSeconds: 90"}, env(), steps("wait 20s"), "", []string{"9 warning grace-differs"}},
		{"grace from a ConfigMap that is not there", minute, []string{"envFrom: [{configMapRef: {name: x}}]"}, steps("wait 20s"), "", nil},
		{"grace from a ConfigMap", minute, []string{"envFrom: [{configMapRef: {name: x}}]"}, steps("wait 20s"),
			"---\nkind: ConfigMap\nmetadata: {name: x}\ndata: {PRE_STOP_GRACE_PERIOD_SECONDS: '90'}\n", []string{"14 error grace-differs"}},
		{"grace from a key", minute, []string{"env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, valueFrom: {configMapKeyRef: {name: x, key: g}}}]"}, steps("wait 20s"),
			"---\nkind: ConfigMap\nmetadata: {name: x}\ndata: {g: '60'}\n", nil},
		{"another namespace's ConfigMap", minute, []string{"envFrom: [{configMapRef: {name: x}}]"}, steps("wait 20s"),
			"---\nkind: ConfigMap\nmetadata: {name: y}\ndata: {PRE_STOP_GRACE_PERIOD_SECONDS: '90'}\n", nil},
		{"a ConfigMap of another namespace", minute, []string{"envFrom: [{configMapRef: {name: x}}]"}, steps("wait 20s"),
			"---\nkind: ConfigMap\nmetadata: {name: x, namespace: b}\ndata: {PRE_STOP_GRACE_PERIOD_SECONDS: '90'}\n---\nkind: Pod\nmetadata: {name: p, namespace: a}\nspec: {terminationGracePeriodSeconds: 60, containers: [{name: c, envFrom: [{configMapRef: {name: x}}], lifecycle: {preStop: {exec: {command: [/prestop, wait 20s]}}}}]}\n",
			[]string{"14 error grace-differs"}},
		{"grace of another variable", minute, []string{"env: [{name: G, value: '60'}, {name: PRE_STOP_GRACE_PERIOD_SECONDS, value: $(G)}]"}, steps("wait 20s"), "", nil},
		{"asked", minute, []string{"env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, valueFrom: {secretKeyRef: {name: x, key: g}}}]"}, steps("wait 20s"), "", nil},
		{"waits that fit", minute, env(), steps("wait 50s"), "", nil},
		{"waits that do not", minute, env(), steps("wait 30s", "wait 25s"), "", []string{"error grace-too-short"}},
		{"a floor that does not", minute, env("{name: PRE_STOP_ADDITIONAL_WAIT_SECONDS, value: '55'}"), "{exec: {command: [/prestop]}}", "", []string{"9 error grace-too-short"}},
		{"the default floor", []string{"terminationGracePeriodSeconds: 40"}, []string{"env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: '40'}]"}, "{exec: {command: [/prestop]}}", "", []string{"warning grace-too-short"}},
		{"a wait from a secret", minute, env("{name: PRE_STOP_ADDITIONAL_WAIT_SECONDS, valueFrom: {secretKeyRef: {name: x, key: k}}}"), "{exec: {command: [/prestop]}}", "", nil},
		{"a reserve as long as the grace", minute, env("{name: PRE_STOP_RESERVE_SECONDS, value: '60'}"), steps("wait 20s"), "", []string{"9 error setting-unreadable"}},

		// Steps and settings.
		{"steps by the variable", minute, []string{"env:", "- " + graceEnv60, "- name: PRE_STOP_STEPS", "  value: |", "    # first", "    post http://localhost:8080/stop", "", "    wait soon"}, "{exec: {command: [/prestop]}}", "", []string{"16 error step-unreadable"}},
		{"one step of several words", minute, env(), "{exec: {command: [/prestop, wait, soon]}}", "", []string{"error step-unreadable"}},
		{"variables of all kinds", minute, env(ip, "{name: A, value: x}", "{name: B, valueFrom: {secretKeyRef: {name: b, key: b}}}"), steps("post http://localhost:8080/$(A)/$(B)/${POD_IP}/$HOSTNAME/$(WEB_SERVICE_HOST)/$$X"), "", nil},
		{"one that the image may set", minute, env(), steps("post http://localhost:8080/$(VERSION)"), "", []string{"warning unset-variable"}},
		{"steps from a ConfigMap that is not here", minute, env("{name: PRE_STOP_STEPS, valueFrom: {configMapKeyRef: {name: x, key: k}}}"), "{exec: {command: [/prestop]}}", "", nil},
		{"steps from a field", minute, env("{name: PRE_STOP_STEPS, valueFrom: {fieldRef: {fieldPath: \"metadata.annotations['x']\"}}}"), "{exec: {command: [/prestop]}}", "", nil},
		{"steps of which one is not known", minute, env("{name: U, valueFrom: {secretKeyRef: {name: x, key: k}}}", "{name: PRE_STOP_STEPS, value: \"post $(U)/x\\nwait 5s\"}"), "{exec: {command: [/prestop]}}", "", nil},
		{"steps with a path that is not known", minute, env("{name: U, valueFrom: {secretKeyRef: {name: x, key: k}}}", "{name: PRE_STOP_STEPS, value: 'until file /x/$(U)'}"), "{exec: {command: [/prestop]}}", "", nil},
		{"statuses that are not known", minute, env("{name: S, valueFrom: {secretKeyRef: {name: x, key: k}}}"), steps("until http://localhost:8080/x met-by=$(S)"), "", nil},
		{"a grace period that Flux fills in", []string{"terminationGracePeriodSeconds: ${GRACE:=60}"}, env(), steps("wait 40s"), "", []string{"6 warning wrong-type"}},
		{"a grace period that OpenShift fills in", []string{"terminationGracePeriodSeconds: ${{GRACE}}"}, nil, "{exec: {command: [sleep, '60']}}", "", []string{"6 warning wrong-type"}},
		{"a number that is not known", minute, env("{name: W, valueFrom: {secretKeyRef: {name: b, key: b}}}"), steps("wait $(W)"), "", nil},
		{"until gone without an address", minute, env(), steps("until gone web"), "", []string{"error step-unreadable"}},
		{"a secret of two", minute, env("{name: PRE_STOP_ELASTICSEARCH_USERNAME, value: x}"), steps("wait 20s"), "", []string{"9 error setting-unreadable"}},
		{"the other one may be elsewhere", minute, append(env("{name: PRE_STOP_ELASTICSEARCH_USERNAME, value: x}"), "envFrom: [{secretRef: {name: es}}]"), steps("wait 20s"), "", nil},
		{"the other one is in a Secret", minute, append(env("{name: PRE_STOP_ELASTICSEARCH_USERNAME, value: x}"), "envFrom: [{secretRef: {name: es}}]"), steps("wait 20s"),
			"---\nkind: Secret\nmetadata: {name: es}\nstringData: {PRE_STOP_ELASTICSEARCH_PASSWORD_FILE: /es/password}\n", []string{"9 warning setting-unused", "15 warning setting-unused"}},
		{"an unknown flag", minute, env(), steps("--graceperiod=60", "wait 20s"), "", []string{"error setting-unreadable"}},
		{"a Service called pre-stop", minute, env("{name: PRE_STOP_PORT, value: 'tcp://10.0.0.1:80'}", "{name: PRE_STOP_SERVICE_HOST, value: 10.0.0.1}"), steps("wait 20s"), "", nil},
		{"a password in a setting", minute, env("{name: PRE_STOP_APP_URL, value: 'http://a:s3cr3t@localhost/x'}", "{name: PRE_STOP_ADDITIONAL_WAIT_SECONDS, value: '20'}"), "{exec: {command: [/prestop]}}", "", []string{"9 error secret-in-hook"}},
		{"a subcommand", minute, env(), "{exec: {command: [/prestop, elasticsearch-clear]}}", "", []string{"error does-nothing"}},
		{"by a shell", minute, env(), "{exec: {command: [sh, -c, '/prestop \"wait 20s\"']}}", "", nil},
		{"by a shell, wrong", minute, env(), "{exec: {command: [sh, -c, '/prestop \"wait 70s\"']}}", "", []string{"error grace-too-short"}},
		{"by a shell that is not there", minute, append(env(), "image: example/distroless"), "{exec: {command: [sh, -c, /prestop wait 20s]}}", "", []string{"error program-not-in-image"}},
		{"by a shell, and more", minute, env(), "{exec: {command: [sh, -c, '/prestop \"wait 70s\"; echo done']}}", "", nil},
		{"a key twice, further in", append([]string{"securityContext: {runAsUser: 0, runAsUser: 1}"}, minute...), env(), steps("wait 20s"), "", []string{"6 warning duplicate-key"}},
		{"a signal", minute, env(), steps("wait 10s", "signal QUIT"), "", nil},
		{"a signal too early", minute, env(), steps("signal QUIT", "wait 10s"), "", []string{"error ends-the-process"}},
		{"a signal that is not waited for", minute, env(), steps("signal QUIT wait=false", "wait 10s"), "", nil},
		{"a signal that only tells", minute, env(), steps("signal USR1", "wait 10s"), "", nil},
		{"by a shell, words lost", minute, env(), "{exec: {command: [sh, -c, /prestop, wait, 20s]}}", "", []string{"error shell-arguments-lost"}},
		{"exec of a shell's words", minute, env(), steps("exec nginx -s quit && sleep 5", "wait 5s"), "", []string{"error shell-syntax-without-shell"}},
		{"exec of a shell, words lost", minute, env(), steps("exec sh -c sleep 5", "wait 5s"), "", []string{"error shell-arguments-lost"}},
		{"exec of a shell", minute, env(), steps("exec sh -c \"a && b\"", "wait 5s"), "", nil},
		{"a value that is not known, wrong whatever it is", minute, env(ip), steps("post http://localhost/x header=X-Pod: $(POD_IP)"), "", []string{"error step-unreadable"}},
		{"a value that is not known, in quotes", minute, env(ip), steps("post http://localhost/x header=\"X-Pod: $(POD_IP)\""), "", nil},
		{"a script for steps", minute, env(), "{exec: {command: [/prestop, sh, -c, while busy; do sleep 1; done]}}", "", []string{"error step-unreadable"}},
		{"a step that is no string", minute, env(), "{exec: {command: [/prestop, {wait: 5s}, null]}}", "", []string{"error wrong-type", "error wrong-type"}},
		{"a script that is called prestop", append([]string{"volumes: [{name: s, configMap: {name: s, defaultMode: 0755}}]"}, minute...), []string{"volumeMounts: [{name: s, mountPath: /scripts}]"}, "{exec: {command: [/scripts/prestop, soon]}}", "", nil},
		{"variables and no hook", minute, env(), "", "", []string{"9 warning settings-without-hook"}},

		// Calls.
		{"get of what wants post", minute, env(), steps("get http://localhost:15020/drain"), "", []string{"error needs-other-method"}},
		{"post of what wants put", minute, env(), steps("post http://localhost:8500/v1/agent/leave"), "", []string{"error needs-other-method"}},
		{"an exit at the end", minute, env(), steps("wait 20s", "post http://localhost:8080/actuator/shutdown"), "", nil},
		{"an exec in a bare image", minute, append(env(), "image: example/distroless"), steps("exec curl http://localhost:8080/x", "wait 5s"), "", []string{"error program-not-in-image"}},

		// Ports.
		{"https to what its probe calls http", minute, append(env(), "ports: [{name: web, containerPort: 8080}]", "readinessProbe: {httpGet: {path: /, port: web}}"), steps("post https://localhost:8080/x"), "", []string{"warning port-differs"}},
		{"https", minute, append(env(), "ports: [{name: http, containerPort: 8080}]", "readinessProbe: {httpGet: {path: /, port: 8080, scheme: HTTPS}}"), steps("post https://localhost:8080/x"), "", nil},
		{"http to a port called https, and probed otherwise", minute, append(env(), "ports: [{name: https, containerPort: 8443}]", "readinessProbe: {httpGet: {path: /, port: 8443}}"), steps("post http://127.0.0.1:8443/x"), "", nil},
		{"http to a port called https", minute, append(env(), "ports: [{name: https, containerPort: 8443}]"), steps("post http://127.0.0.1:8443/x"), "", []string{"warning port-differs"}},
		{"the same port of another host", minute, append(env(), "ports: [{name: https, containerPort: 8443}]"), steps("post http://hub:8443/x"), "", nil},
		{"no such port of a Service", minute, env(), steps("post http://web:8080/x"), service("ports: [{port: 80}]"), []string{"error port-differs"}},
		{"a Service's default port", minute, env(), steps("get http://web/x", "until https://web/y"), service("ports: [{port: 80}, {port: 443}]"), nil},
		{"a headless Service", minute, env(), steps("get http://web:9/x"), service("clusterIP: None, ports: [{port: 80}]"), nil},

		// Traffic.
		{"port of a Service", minute, append(env(), "ports: [{containerPort: 8443}]"), steps("until quiet 8080"), "", []string{"warning quiet-port-undeclared"}},
		{"no port declared", minute, env(), steps("until quiet 8080"), "", nil},
		{"port of a probe", minute, append(env(), "ports: [{containerPort: 8443}]", "readinessProbe: {httpGet: {path: /, port: 8080}}"), steps("until quiet 8080"), "", nil},
		{"a slow probe", minute, append(env(), "ports: [{name: http, containerPort: 8080}]", "readinessProbe: {httpGet: {path: /, port: http}}"), steps("until quiet 8080 for=9s"), "", nil},
		{"a probe each time", minute, append(env(), "ports: [{name: http, containerPort: 8080}]", "readinessProbe: {httpGet: {path: /, port: http}}"), steps("until quiet 8080 for=10s"), "", []string{"warning quiet-sees-probe"}},
		{"a quick probe", minute, append(env(), "readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 2}"), steps("until quiet 8080"), "", []string{"warning quiet-sees-probe"}},
		{"a quick probe that is allowed", minute, append(env(), "readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 2}"), steps("until quiet 8080 allow=1"), "", nil},
		{"a quick probe without payload", minute, append(env(), "readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}"), steps("until quiet 8080"), "", nil},
		{"a quick probe of another port", minute, append(env(), "readinessProbe: {httpGet: {path: /, port: 8081}, periodSeconds: 1}"), steps("until quiet 8080"), "", nil},
		{"gone, of a Service that selects others", minute, env(ip), steps("until gone web"), service("selector: {app: other}"), nil},
		{"closed, after a call", minute, append(env(), "ports: [{containerPort: 8080}]"), steps("put http://localhost:8080/v1/info/state", "until closed 8080"), "", nil},

		{"empty, on the own port", minute, append(env(), "ports: [{containerPort: 8080}]"), steps("until empty 8080"), "", nil},

		// Values that steps give to later ones.
		{"a value of a step before", minute, env(), steps("get http://localhost:9644/v1/node_config json=.node_id into=NODE_ID", "put http://localhost:9644/v1/brokers/$(NODE_ID)/maintenance"), "", nil},
		{"a value of a step after", minute, env(), steps("put http://localhost:9644/v1/brokers/$(NODE_ID)/maintenance", "get http://localhost:9644/v1/node_config json=.node_id into=NODE_ID"), "", []string{"warning unset-variable"}},
		{"elasticsearch without a URL", minute, append(env(), "startupProbe: {exec: {command: [/prestop, elasticsearch-clear]}, timeoutSeconds: 10, failureThreshold: 60}"), steps("elasticsearch"), "", []string{"error step-unreadable"}},
		{"a max that is cut, where there is no time for the waits", minute, env(), steps("until quiet 8080 max=40s", "wait 45s"), "", []string{"error grace-too-short"}},
		{"an additional wait that is longer than the waits that are cut", []string{"terminationGracePeriodSeconds: 20"}, []string{"env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: '20'}]"}, steps("--additional-wait=30", "wait 20s"), "", []string{"error grace-too-short"}},
		{"an option of a step with a program", minute, env("{name: PRE_STOP_ADDITIONAL_WAIT_SECONDS, value: '10'}"), steps("until exec timeout=5s /app/idle"), "", []string{"warning default-ends-early"}},
		{"exec of a shell without -c", minute, env(), steps(`exec sh "sleep 5"`, "wait 5s"), "", []string{"error shell-arguments-lost"}},
		{"a value with once", minute, env(), steps("get http://localhost:9644/v1/node_config json=.node_id into=NODE_ID once", "wait 5s"), "", []string{"error step-unreadable"}},
		{"a value whose name is none", minute, env(), steps("get http://localhost:9644/v1/node_config json=.node_id into=node-id", "wait 5s"), "", []string{"error step-unreadable"}},
		{"a timeout that is reached", minute, env(), steps("post http://localhost:8080/x timeout=30s", "wait 10s"), "", nil},
		{"a timeout beyond its max", minute, env(), steps("post http://localhost:8080/x timeout=30s max=20s", "wait 10s"), "", []string{"warning timeout-not-reached"}},

		// Files.
		{"a file that cannot be removed", minute, append(env(), "securityContext: {readOnlyRootFilesystem: true}"), steps("remove /run/ready", "wait 5s"), "", []string{"error read-only-path"}},
		{"a password in no volume", minute, env("{name: PRE_STOP_ELASTICSEARCH_USERNAME, value: x}", "{name: PRE_STOP_ELASTICSEARCH_PASSWORD_FILE, value: /etc/es/p}"), steps("wait 20s"), "", []string{"9 warning setting-unused", "9 warning file-not-mounted", "9 warning setting-unused"}},
		{"a token that Vault's agent brings", minute, env("{name: PRE_STOP_APP_TOKEN_FILE, value: /vault/secrets/token}", "{name: PRE_STOP_APP_CA_FILE, value: /etc/ssl/certs/ca-certificates.crt}"), steps("wait 20s"), "", []string{"9 warning setting-unused", "9 warning setting-unused"}},
		{"a key that the Secret does not have", append([]string{"volumes: [{name: s, secret: {secretName: s}}]"}, minute...), append(env("{name: PRE_STOP_APP_TOKEN_FILE, value: /s/token}"), "volumeMounts: [{name: s, mountPath: /s}]"), steps("wait 20s"),
			"---\nkind: Secret\nmetadata: {name: s}\nstringData: {tokn: x}\n", []string{"10 warning file-not-mounted", "10 warning setting-unused"}},
		{"a key that it has, mounted alone", append([]string{"volumes: [{name: s, secret: {secretName: s}}]"}, minute...), append(env("{name: PRE_STOP_APP_TOKEN_FILE, value: /s/token}"), "volumeMounts: [{name: s, mountPath: /s/token, subPath: t}]"), steps("wait 20s"),
			"---\nkind: Secret\nmetadata: {name: s}\nstringData: {t: x}\n", []string{"10 warning setting-unused"}},
		{"a file of a call that is made", append([]string{"volumes: [{name: s, secret: {secretName: s}}]"}, minute...), append(env("{name: PRE_STOP_APP_TOKEN_FILE, value: /s/token}", "{name: PRE_STOP_APP_URL, value: 'http://localhost:8080/drain'}"), "volumeMounts: [{name: s, mountPath: /s}]"), steps("wait 20s"), "", nil},
		{"a file of a call that may be made", append([]string{"volumes: [{name: s, secret: {secretName: s}}]"}, minute...), append(env("{name: PRE_STOP_APP_TOKEN_FILE, value: /s/token}"), "volumeMounts: [{name: s, mountPath: /s}]", "envFrom: [{configMapRef: {name: x}}]"), steps("wait 20s"), "", nil},
		{"a file in no volume", minute, env(), steps("until file /order/done"), "", []string{"warning file-not-shared"}},
		{"a log file on a read-only root", minute, append(env("{name: PRE_STOP_LOG_TO, value: /var/log/hook}"), "securityContext: {readOnlyRootFilesystem: true}"), steps("wait 20s"), "", []string{"9 error read-only-path"}},
		{"/dev/shm", minute, append(env(), "securityContext: {readOnlyRootFilesystem: true}"), steps("touch /dev/shm/x", "wait 20s"), "", nil},
		{"the log of another process 1", append([]string{"shareProcessNamespace: true"}, minute...), env("{name: PRE_STOP_LOG_TO, value: /proc/1/fd/1}"), steps("wait 20s"), "", []string{"10 error shared-processes"}},

		// Binary.
		{"a volume that is mounted nowhere, and a path at the root", append([]string{"volumes: [{name: p, image: {reference: 'prestop/prestop:1'}}]"}, minute...), env(), steps("wait 20s"), "", []string{"error binary-not-mounted"}},
		{"a volume for another container", append([]string{"volumes: [{name: p, image: {reference: 'prestop/prestop:1'}}]", "initContainers: [{name: other, image: x, restartPolicy: Always, volumeMounts: [{name: p, mountPath: /opt/prestop}]}]"}, minute...), env(), steps("wait 20s"), "", []string{"warning binary-not-mounted"}},
		{"a path that images do not use", minute, env(), "{exec: {command: [/shared/prestop, wait 20s]}}", "", []string{"warning binary-not-mounted"}},
		{"paths that images use", minute, env(), "{exec: {command: [/usr/local/bin/prestop, wait 20s]}}", "", nil},
		{"by PATH", minute, env(), "{exec: {command: [prestop, wait 20s]}}", "", nil},
		{"installed elsewhere", append([]string{"volumes: [{name: p, emptyDir: {}}]", "initContainers: [{name: i, image: 'prestop/prestop:1', args: [install, /opt/], volumeMounts: [{name: p, mountPath: /shared}]}]"}, minute...),
			append(env(), "volumeMounts: [{name: p, mountPath: /shared}]"), "{exec: {command: [/shared/prestop, wait 20s]}}", "", []string{"error binary-not-installed"}},
		{"installed by a copy", append([]string{"volumes: [{name: p, emptyDir: {}}]", "initContainers: [{name: i, image: busybox, command: [cp, /prestop, /shared], volumeMounts: [{name: p, mountPath: /shared}]}]"}, minute...),
			append(env(), "volumeMounts: [{name: p, mountPath: /shared}]"), "{exec: {command: [/shared/prestop, wait 20s]}}", "", nil},
		{"not run, by its entrypoint's name", append([]string{"volumes: [{name: p, emptyDir: {}}]", "initContainers: [{name: i, image: 'prestop/prestop:1', command: [install, /shared/], volumeMounts: [{name: p, mountPath: /shared}]}]"}, minute...),
			append(env(), "volumeMounts: [{name: p, mountPath: /shared}]"), "{exec: {command: [/shared/prestop, wait 20s]}}", "", []string{"error binary-not-installed"}},
		{"copied from an image that has prestop and a shell", append([]string{"volumes: [{name: p, emptyDir: {}}]", "initContainers: [{name: i, image: 'example/tools-prestop:1', command: [cp, /prestop, /shared], volumeMounts: [{name: p, mountPath: /shared}]}]"}, minute...),
			append(env(), "volumeMounts: [{name: p, mountPath: /shared}]"), "{exec: {command: [/shared/prestop, wait 20s]}}", "", nil},
		{"another subPath", append([]string{"volumes: [{name: p, emptyDir: {}}]", "initContainers: [{name: i, image: 'prestop/prestop:1', args: [install, /shared/], volumeMounts: [{name: p, mountPath: /shared}]}]"}, minute...),
			append(env(), "volumeMounts: [{name: p, mountPath: /shared, subPath: bin}]"), "{exec: {command: [/shared/prestop, wait 20s]}}", "", []string{"error binary-not-installed"}},
		{"the same subPath", append([]string{"volumes: [{name: p, emptyDir: {}}]", "initContainers: [{name: i, image: 'prestop/prestop:1', args: [install, /shared/bin/], volumeMounts: [{name: p, mountPath: /shared}]}]"}, minute...),
			append(env(), "volumeMounts: [{name: p, mountPath: /shared, subPath: bin}]"), "{exec: {command: [/shared/prestop, wait 20s]}}", "", nil},
		{"no volume at all", minute, append(env(), "volumeMounts: [{name: p, mountPath: /shared}]"), "{exec: {command: [/shared/prestop, wait 20s]}}", "", []string{"10 error binary-not-mounted"}},
		{"a liveness probe that clears", minute, append(env(), "livenessProbe: {exec: {command: [/prestop, elasticsearch-clear]}}"), steps("wait 20s"), "", []string{"10 error clear-ends-container"}},
		{"a postStart hook that clears and may fail", minute, append(env(), "lifecycle: {postStart: {exec: {command: [/prestop, elasticsearch-clear, --exit-zero=false]}}}"), "", "", []string{"9 warning settings-without-hook", "10 error clear-ends-container"}},
		{"and one that may not", minute, append(env(), "lifecycle: {postStart: {exec: {command: [/prestop, elasticsearch-clear, --exit-zero=1]}}}"), "", "", []string{"9 warning settings-without-hook"}},
		{"a probe in one word", minute, append(env(), "startupProbe: {exec: {command: [/prestop elasticsearch-clear]}}"), steps("wait 20s"), "", []string{"10 error shell-syntax-without-shell"}},
		{"installed under its full name", append([]string{"volumes: [{name: p, emptyDir: {}}]", "initContainers: [{name: i, image: 'prestop/prestop:1', args: [install, /shared/prestop], volumeMounts: [{name: p, mountPath: /shared}]}]"}, minute...),
			append(env(), "volumeMounts: [{name: p, mountPath: /tools}]"), "{exec: {command: [/tools/prestop, wait 20s]}}", "", nil},
		{"installed read-only", append([]string{"volumes: [{name: p, emptyDir: {}}]", "initContainers: [{name: i, image: 'prestop/prestop:1', args: [install, /shared/], volumeMounts: [{name: p, mountPath: /shared, readOnly: true}]}]"}, minute...),
			append(env(), "volumeMounts: [{name: p, mountPath: /shared}]"), "{exec: {command: [/shared/prestop, wait 20s]}}", "", []string{"error binary-not-installed"}},
		{"an image volume", append([]string{"volumes: [{name: p, image: {reference: 'prestop/prestop:1'}}]"}, minute...), append(env(), "volumeMounts: [{name: p, mountPath: /opt/prestop}]"), "{exec: {command: [/opt/prestop/prestop, wait 20s]}}", "", nil},
		{"a place in an image volume", append([]string{"volumes: [{name: p, image: {reference: 'prestop/prestop:1'}}]"}, minute...), append(env(), "volumeMounts: [{name: p, mountPath: /opt}]"), "{exec: {command: [/opt/bin/prestop, wait 20s]}}", "", []string{"error binary-not-mounted"}},
		{"no such volume", append([]string{"volumes: [{name: q, emptyDir: {}}]"}, minute...), append(env(), "volumeMounts: [{name: p, mountPath: /shared}]"), "{exec: {command: [/shared/prestop, wait 20s]}}", "", []string{"11 error binary-not-mounted"}},
		{"a volume that is filled elsewhere", append([]string{"volumes: [{name: p, persistentVolumeClaim: {claimName: p}}]"}, minute...), append(env(), "volumeMounts: [{name: p, mountPath: /shared}]"), "{exec: {command: [/shared/prestop, wait 20s]}}", "", nil},
	} {
		test.check(t)
	}
}
