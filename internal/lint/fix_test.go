package lint

import "testing"

// What can be pasted is said as it is pasted.
func TestFixes(t *testing.T) {
	t.Parallel()
	const minute = "terminationGracePeriodSeconds: 60"
	graced := "env: [" + graceEnv60 + "]"
	for name, test := range map[string]struct{ container, hook, id, fix string }{
		"an argument with blanks":                {"", "{exec: {command: [psql, -c, SELECT 1, '&&', sleep, '5']}}", "shell-syntax-without-shell", `command: [sh, -c, psql -c "SELECT 1" && sleep 5]`},
		"a time limit, and words after a script": {"", "{exec: {command: [timeout, '20', bash, -lc, sleep 5, ;, sync]}}", "shell-arguments-lost", `command: [timeout, "20", bash, -lc, sleep 5 ; sync]`},
		"a step with a time limit":               {graced, "{exec: {command: [/prestop, exec timeout 20 sh -c 'sleep 5' && sync]}}", "shell-arguments-lost", `- exec timeout 20 sh -c "sleep 5 && sync"`},
		"a step's argument with blanks":          {graced, "{exec: {command: [/prestop, exec psql -c 'SELECT 1' && sync]}}", "shell-syntax-without-shell", `- exec sh -c "psql -c \"SELECT 1\" && sync"`},
		"steps as words":                         {graced, "{exec: {command: [/prestop, post, 'http://localhost/x', wait, 20s]}}", "step-unreadable", "# each step is one item\ncommand:\n- /prestop\n- post http://localhost/x\n- wait 20s"},
		"steps and a semicolon":                  {graced, "{exec: {command: [/prestop, 'post http://localhost/x; wait 20s']}}", "step-unreadable", "# each step is one item\ncommand:\n- /prestop\n- post http://localhost/x\n- wait 20s"},
		"steps and &&":                           {graced, "{exec: {command: [/prestop, 'post http://localhost/x && wait 20s']}}", "step-unreadable", "# each step is one item\ncommand:\n- /prestop\n- post http://localhost/x\n- wait 20s"},
		"steps beside others":                    {"", "{exec: {command: [/prestop, --grace-period=60, 'wait 5s', 'post http://localhost/x wait 20s', 'wait 6s']}}", "step-unreadable", "# each step is one item\ncommand:\n- /prestop\n- --grace-period=60\n- wait 5s\n- post http://localhost/x\n- wait 20s\n- wait 6s"},
		"steps as words, and a flag":             {"", "{exec: {command: [/prestop, --grace-period=60, post, 'http://localhost/x', wait, 20s]}}", "step-unreadable", "# each step is one item\ncommand:\n- /prestop\n- --grace-period=60\n- post http://localhost/x\n- wait 20s"},
		"a step as words":                        {graced, "{exec: {command: [/prestop, wait, 20x]}}", "step-unreadable", "a step that prestop --help lists; prestop --dry-run with the same step says the same"},
		"a number":                               {"env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: 60}]", "{exec: {command: [/prestop, wait 20s]}}", "wrong-type", `value: "60"`},
		"a number elsewhere":                     {"env: [{name: PIN, value: 1234}, " + graceEnv60 + "]", "{exec: {command: [/prestop, wait 20s]}}", "wrong-type", quotes},
		"another grace period":                   {"env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: '30'}]", "{exec: {command: [/prestop, wait 20s]}}", "grace-differs", `- {name: PRE_STOP_GRACE_PERIOD_SECONDS, value: "60"}`},

		"longer than the hook believes, and shorter than the pod has": {"env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: '30'}]", "{exec: {command: [/prestop, wait 30s]}}", "grace-too-short", "terminationGracePeriodSeconds: 60\nenv:\n- {name: PRE_STOP_GRACE_PERIOD_SECONDS, value: \"60\"}"},

		"a hook one level too high":          {"preStop: {exec: {command: [nginx, -s, quit]}}", "", "hook-misplaced", "lifecycle:\n  preStop: {exec: {command: [nginx, -s, quit]}}"},
		"a handler's name in small letters":  {"", "{httpget: {path: /drain, port: 8080}}", "hook-misplaced", "httpGet: {path: /drain, port: 8080}"},
		"a command without exec":             {"", "{command: [sleep, '15']}", "hook-misplaced", "preStop:\n  exec: {command: [sleep, '15']}"},
		"a hook of lifecycle itself":         {"lifecycle: {sleep: {seconds: 15}}", "", "hook-misplaced", "preStop:\n  sleep: {seconds: 15}"},
		"a method of httpGet":                {"", "{httpGet: {path: /drain, port: 8080, method: POST}}", "hook-misplaced", "lifecycle:\n  preStop:\n    exec:\n      command:\n      - /prestop\n      - post http://localhost:8080/drain\nenv:\n" + `- {name: PRE_STOP_GRACE_PERIOD_SECONDS, value: "60"}`},
		"the method that it has":             {"", "{httpGet: {path: /drain, port: 8080, method: GET}}", "hook-misplaced", "httpGet: {path: /drain, port: 8080}"},
		"a port's name that is misspelt":     {"ports: [{name: http, containerPort: 80}, {name: admin, containerPort: 81}]", "{httpGet: {path: /x, port: htttp}}", "port-differs", "port: http"},
		"a port's name that is another":      {"ports: [{name: http, containerPort: 80}, {name: admin, containerPort: 81}]", "{httpGet: {path: /x, port: control}}", "port-differs", "port is one of http, admin, or the number that the app listens on"},
		"a port's name, and one port":        {"ports: [{containerPort: 81}]", "{httpGet: {path: /x, port: control}}", "port-differs", "port: 81"},
		"a port's name, and no port":         {"", "{httpGet: {path: /x, port: control}}", "port-differs", "port is the number that the app listens on"},
		"variables as a mapping":             {"env: {MODE: prod}", "{sleep: {seconds: 5}}", "wrong-type", "env:\n- {name: MODE, value: \"prod\"}"},
		"variables with a secret":            {"env: {DB_PASSWORD: hunter}", "{sleep: {seconds: 5}}", "wrong-type", "a list, in which each variable has a name and a value"},
		"a header without quotes":            {graced, "{exec: {command: [/prestop, {post http://localhost:8080/x header=X-A: b}, wait 5s]}}", "wrong-type", quotes},
		"another grace period, by a flag":    {"", "{exec: {command: [/prestop, --grace-period=30, wait 20s]}}", "grace-differs", "command:\n- /prestop\n- --grace-period=60\n- wait 20s"},
		"a longer wait, by a flag":           {"", "{exec: {command: [/prestop, --grace-period, '60', wait 70s]}}", "grace-too-short", "terminationGracePeriodSeconds: 85\ncommand:\n- /prestop\n- --grace-period\n- \"85\"\n- wait 70s"},
		"a host, and headers":                {"", "{httpGet: {path: /x, port: 80, host: localhost, httpHeaders: [{name: X-Reason, value: stop}]}}", "http-get-host", "httpGet: {path: /x, port: 80, httpHeaders: [{name: X-Reason, value: stop}]}"},
		"a host, and a secret":               {"", "{httpGet: {path: /x, port: 80, host: localhost, httpHeaders: [{name: X-Auth-Token, value: stop}]}}", "http-get-host", "httpGet without host"},
		"words that are none to YAML":        {"", "{exec: {command: turn it on 10}}", "wrong-type", `command: [turn, it, "on", "10"]`},
		"a method that no step has":          {"", "{httpGet: {path: /drain, port: 8080, method: HEAD}}", "hook-misplaced", "an exec hook that runs prestop, with a step for the call"},
		"a lifecycle that is misspelt":       {"lifeCycle: {preStop: {sleep: {seconds: 15}}}", "", "hook-misplaced", "lifecycle: {preStop: {sleep: {seconds: 15}}}"},
		"the grace period's field":           {"env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, valueFrom: {fieldRef: {fieldPath: spec.terminationGracePeriodSeconds}}}]", "{exec: {command: [/prestop, wait 20s]}}", "wrong-field", `- {name: PRE_STOP_GRACE_PERIOD_SECONDS, value: "60"}`},
		"a field that is misspelt":           {"env: [{name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIp}}}]", "{exec: {command: [/prestop, wait 20s]}}", "wrong-field", "fieldPath: status.podIP"},
		"a sleep without a length":           {"", "{sleep: {}}", "sleep-unreadable", "seconds: 15"},
		"a sleep of null":                    {"", "{sleep: {seconds: null}}", "sleep-unreadable", "seconds: 15"},
		"a handler of null":                  {"", "{httpGet: null}", "not-one-handler", "say below the handler what it is to do; or remove preStop"},
		"a port that is UDP alone":           {graced + "\n        ports: [{containerPort: 53, protocol: UDP}]", "{exec: {command: [/prestop, until quiet 53]}}", "quiet-udp", "- until quiet 53/udp"},
		"a port that is a part of another":   {graced + "\n        ports: [{containerPort: 53, protocol: UDP}, {containerPort: 8053}]", "{exec: {command: [/prestop, 'until quiet 8053,53  max=20s']}}", "quiet-udp", "- until quiet 8053,53/udp max=20s"},
		"a port that is UDP too":             {graced + "\n        ports: [{containerPort: 53, protocol: UDP}, {containerPort: 53}]", "{exec: {command: [/prestop, until quiet 53]}}", "quiet-udp", "- until quiet 53,53/udp"},
		"two ports of UDP, and a protocol":   {graced + "\n        ports: [{containerPort: 53, protocol: UDP}, {containerPort: 443, protocol: UDP}, {containerPort: 443}]", "{exec: {command: [/prestop, 'until quiet 53,443,8080/udp http2 max=20s']}}", "quiet-udp", "- until quiet 53/udp,443,443/udp,8080/udp http2 max=20s"},
		"a port of UDP by a variable":        {"env: [" + graceEnv60 + ", {name: PORT, value: '53'}]\n        ports: [{containerPort: 53, protocol: UDP}]", "{exec: {command: [/prestop, until quiet $(PORT)]}}", "quiet-udp", "- until quiet 53/udp"},
		"another scheme, and no port":        {graced + "\n        readinessProbe: {httpGet: {path: /, port: 443}}", "{exec: {command: [/prestop, 'post https://localhost/x']}}", "port-differs", "- post http://localhost:443/x"},
		"a program with blanks in quotes":    {"env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: '60'}, {name: PRE_STOP_ADDITIONAL_WAIT_SECONDS, value: '10'}]", `{exec: {command: [/prestop, 'until exec min=2s sh -c "test -e  /a=b"']}}`, "default-ends-early", `- until exec min=2s max=50s sh -c "test -e  /a=b"`},
		"a step that ends with once":         {graced, "{exec: {command: [/prestop, wait 10s, until closed 8080 max=5s  once]}}", "max-before-begin", "- until closed 8080 max=15s once"},
		"a program in a step with once":      {graced, `{exec: {command: [/prestop, exec max=9s "/app/stop now" once, wait 5s]}}`, "shell-syntax-without-shell", "- exec max=9s /app/stop now once"},
		"a sleep as a number":                {"", "{sleep: 15}", "wrong-type", "sleep:\n  seconds: 15"},
		"a list for exec":                    {"", "{exec: [sleep, 15]}", "wrong-type", "exec:\n  command: [sleep, \"15\"]"},
		"a hook without its handler":         {"", "{path: /x, port: 80}", "hook-misplaced", "preStop:\n  httpGet: {path: /x, port: 80}"},
		"a sleep for a step":                 {graced, "{exec: {command: [/prestop, sleep 15]}}", "step-unreadable", "- wait 15s"},
		"a shell for a step":                 {graced, "{exec: {command: [/prestop, sh, -c, 'sleep 15; curl -s localhost:8080/x']}}", "step-unreadable", "command:\n- /prestop\n- wait 15s\n- get http://localhost:8080/x"},
		"a verb that is misspelt":            {graced, "{exec: {command: [/prestop, wiat 15s]}}", "step-unreadable", "- wait 15s"},
		"a verb of two words":                {graced, "{exec: {command: [/prestop, until quite 8080 mxa=15s]}}", "step-unreadable", "- until quiet 8080 max=15s"},
		"a sleep as a duration":              {"", "{sleep: 15s}", "wrong-type", "sleep:\n  seconds: 15"},
		"a command in one word":              {"", "{exec: {command: nginx -s quit}}", "wrong-type", "command: [nginx, -s, quit]"},
		"a shell's command in one word":      {"", "{exec: {command: [/bin/sh -ec sleep 5]}}", "shell-syntax-without-shell", "command: [/bin/sh, -ec, sleep 5]"},
		"a command that is a list in quotes": {"", `{exec: {command: "['sh','-c', 'sleep 5 && nginx -s quit']"}}`, "wrong-type", "command: [sh, -c, sleep 5 && nginx -s quit]"},
		"a script of a shell in one word":    {"", "{exec: {command: ['/bin/sh -ec sleep 5; nginx -s quit']}}", "shell-syntax-without-shell", "command: [/bin/sh, -ec, sleep 5; nginx -s quit]"},
		"a script of lines in one word":      {"", `{exec: {command: "/bin/sh -c sleep 5\nnginx -s quit"}}`, "wrong-type", `command: [/bin/sh, -c, "sleep 5\nnginx -s quit"]`},
		"flags and steps in one word":        {"", `{exec: {command: ["/prestop --grace-period 60 wait 20s post http://localhost/x"]}}`, "shell-syntax-without-shell", "command:\n- /prestop\n- --grace-period\n- \"60\"\n- wait 20s\n- post http://localhost/x"},
		"a flag in one word":                 {"", `{exec: {command: ["/prestop --dry-run"]}}`, "shell-syntax-without-shell", "command:\n- /prestop\n- --dry-run"},
		"a script in quotes in one word":     {"", `{exec: {command: ["/bin/sh -c 'sleep 5; sync'"]}}`, "shell-syntax-without-shell", "command: [/bin/sh, -c, sleep 5; sync]"},
		"an argument after such a script":    {"", `{exec: {command: ["/bin/sh -c 'sleep 5; sync' x"]}}`, "shell-syntax-without-shell", "command: [sh, -c, /bin/sh -c 'sleep 5; sync' x]"},
		"a script in quotes alone":           {"", `{exec: {command: ["'sh -c sleep 5; sync'"]}}`, "shell-syntax-without-shell", "command: [sh, -c, sleep 5; sync]"},
		"a dash that is none, and words":     {"", "{exec: {command: [sh, —c, sleep, '5', ;, sync]}}", "shell-arguments-lost", "command: [sh, -c, sleep 5 ; sync]"},
		"a time limit, and no option":        {"", "{exec: {command: [timeout, '20', sh, -e, sleep 5; sync]}}", "shell-arguments-lost", `command: [timeout, "20", sh, -e, -c, sleep 5; sync]`},
		"an option and a script in quotes":   {"", `{exec: {command: [sh, "-c 'sleep 5; sync'"]}}`, "shell-arguments-lost", "command: [sh, -c, sleep 5; sync]"},
		"a script in quotes and no option":   {"", `{exec: {command: [sh, "'sleep 5; sync'"]}}`, "shell-arguments-lost", "command: [sh, -c, sleep 5; sync]"},
		"a script in quotes in words":        {"", `{exec: {command: [sh, -c, "'sleep", "5;", "sync'"]}}`, "shell-arguments-lost", "command: [sh, -c, sleep 5; sync]"},
		"a variable, and Windows":            {"env: [{name: A, value: '5'}]", "{exec: {command: [app.exe, $(A)]}}}\n      nodeSelector: {kubernetes.io/os: windows", "variable-not-expanded", windowsShell},
		"a shell's variable, and Windows":    {"env: [{name: A, value: '5'}]", "{exec: {command: [curl, $A]}}}\n      nodeSelector: {kubernetes.io/os: windows", "variable-not-expanded", windowsShell},
		"an operator, and Windows":           {"", "{exec: {command: [app.exe, stop, '&&', other.exe]}}}\n      nodeSelector: {kubernetes.io/os: windows", "shell-syntax-without-shell", windowsShell},
		"a text, and Windows":                {"", "{exec: {command: app.exe stop && other.exe}}}\n      nodeSelector: {kubernetes.io/os: windows", "wrong-type", windowsShell},
		"a line in quotes, and Windows":      {"", `{exec: {command: ["powershell -Command 'Stop-Service app'"]}}}` + "\n      nodeSelector: {kubernetes.io/os: windows", "shell-syntax-without-shell", windowsShell},
		"no command, and Windows":            {"", "{exec: {}}}\n      nodeSelector: {kubernetes.io/os: windows", "not-one-handler", "a hook that Windows can run, such as a sleep action"},
		"a list in a text, and Windows":      {"", `{exec: {command: '["cmd", "/c", "app stop"]'}}}` + "\n      nodeSelector: {kubernetes.io/os: windows", "wrong-type", "command: [cmd, /c, app stop]"},
		"an end of options, and no option":   {"", "{exec: {command: [sh, -e, --, sleep 5; sync]}}", "shell-arguments-lost", "command: [sh, -e, -c, sleep 5; sync]"},
		"an end of options in a step":        {graced, "{exec: {command: [/prestop, exec sh -- sleep 5, wait 20s]}}", "shell-arguments-lost", `- exec sh -c "sleep 5"`},
		"an option that is switched off":     {"", "{exec: {command: [sh, +e, sleep 5; sync]}}", "shell-arguments-lost", "command: [sh, +e, -c, sleep 5; sync]"},
		"a blank before a shell in a step":   {graced, `{exec: {command: [/prestop, 'exec env "A=b c" sh sleep 5', wait 20s]}}`, "shell-arguments-lost", `- exec env "A=b c" sh -c "sleep 5"`},
		"a hook in quotes, and a URL":        {graced, `{exec: {command: ["'/prestop post http://localhost/x'"]}}`, "shell-syntax-without-shell", "command:\n- /prestop\n- post http://localhost/x"},
		"a hook in quotes, and a path":       {graced, `{exec: {command: ["'/prestop exec /app/stop'"]}}`, "shell-syntax-without-shell", "command:\n- /prestop\n- exec /app/stop"},
		"paths in quotes and no option":      {"", `{exec: {command: [sh, "'/bin/sleep 5; /bin/sync'"]}}`, "shell-arguments-lost", "command: [sh, -c, /bin/sleep 5; /bin/sync]"},
		"paths in quotes twice":              {"", `{exec: {command: [sh, -c, "'/bin/sleep 5; /bin/sync'"]}}`, "shell-syntax-without-shell", "command: [sh, -c, /bin/sleep 5; /bin/sync]"},
		"quotes in quotes, in one word":      {"", `{exec: {command: ["sh -c '\"sleep 5; sync\"'"]}}`, "shell-syntax-without-shell", "command: [sh, -c, sleep 5; sync]"},
		"a word of shells before a shell":    {"", "{exec: {command: [exec, sh, -e, sleep 5; sync]}}", "shell-arguments-lost", "command: [sh, -e, -c, sleep 5; sync]"},
		"a word of shells in a text":         {"", "{exec: {command: exec nginx -s quit}}", "wrong-type", "command: [nginx, -s, quit]"},
		"a line, and Windows":                {"", "{exec: {command: [app.exe stop && other.exe]}}}\n      nodeSelector: {kubernetes.io/os: windows", "shell-syntax-without-shell", windowsShell},
		"a variable of the kubelet in lines": {"env: [{name: NODE_ID, value: '5'}]", `{exec: {command: [sh, -c, "app stop $(hostname)\napp leave $(NODE_ID)"]}}`, "variable-not-expanded", `command: [sh, -c, "app stop $(hostname)\napp leave $NODE_ID"]`},
		"a variable before a letter":         {"env: [{name: HOST, value: a}, {name: ZONE, value: z}]", `{exec: {command: [sh, -c, "curl http://$(HOST)b$(ZONE)$(HOST)/stop"]}}`, "variable-not-expanded", "command: [sh, -c, 'curl http://${HOST}b$ZONE$HOST/stop']"},
		"a timeout in less than a second":    {"env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: '2'}]", "{exec: {command: [/prestop, 'unlock redis://redis:6379/0 key=lock value-file=/run/lock/id timeout=50s']}}", "timeout-not-reached", "terminationGracePeriodSeconds: 65\nenv:\n- {name: PRE_STOP_GRACE_PERIOD_SECONDS, value: \"65\"}"},
		"a script with a variable for steps": {graced, "{exec: {command: [/prestop, sh, -c, echo $(hostname); busy]}}", "step-unreadable", "a step that prestop --help lists; prestop --dry-run with the same step says the same"},
		"a step of several lines":            {graced, `{exec: {command: [/prestop, "exec sh -c while busy; do\n sleep 2\ndone"]}}`, "shell-arguments-lost", "write the whole script as one word, in quotes"},
		"a hook on Windows":                  {"", "{tcpSocket: {port: 80}}}\n      nodeSelector: {kubernetes.io/os: windows", "tcp-socket-hook", "a hook that Windows can run, such as a sleep action"},
		"steps and a comma":                  {graced, "{exec: {command: [/prestop, 'post http://localhost/x, wait 20s']}}", "step-unreadable", "# each step is one item\ncommand:\n- /prestop\n- post http://localhost/x\n- wait 20s"},
		"a timeout of a step without max":    {graced, "{exec: {command: [/prestop, 'unlock redis://redis:6379/0 key=lock value-file=/run/lock/id timeout=50s']}}", "timeout-not-reached", "- unlock redis://redis:6379/0 key=lock value-file=/run/lock/id timeout=30s"},
		"a hook in one word, and its image":  {graced + "\n        volumeMounts: [{name: p, mountPath: /p}]", "{exec: {command: [/p/prestop post http://localhost/x wait 20s]}}}\n      volumes: [{name: p, image: {reference: prestop/prestop}}]\n      nodeSelector: {a: b", "shell-syntax-without-shell", "command:\n- /p/prestop\n- post http://localhost/x\n- wait 20s"},
		"a script for steps":                 {graced, "{exec: {command: [/prestop, sh, -c, while busy; do sleep 1; done]}}", "step-unreadable", "command:\n- /prestop\n- exec sh -c \"while busy; do sleep 1; done\""},
		"a script in quotes twice":           {"", `{exec: {command: [sh, -ec, "'sleep 5; sync'"]}}`, "shell-syntax-without-shell", "command: [sh, -ec, sleep 5; sync]"},
		"an option and its script in a word": {"", `{exec: {command: [/bin/bash, "-ec sleep 5"]}}`, "shell-arguments-lost", "command: [/bin/bash, -ec, sleep 5]"},
		"a program and the end of its line":  {graced, `{exec: {command: ["/prestop\n", wait 20s]}}`, "shell-syntax-without-shell", "command:\n- /prestop\n- wait 20s"},
		"a hook in one word":                 {"", "/prestop wait 20s", "wrong-type", "preStop:\n  exec:\n    command:\n    - /prestop\n    - wait 20s"},
		"a word that is a number":            {"", "{exec: {command: [sleep, 20]}}", "wrong-type", `command: [sleep, "20"]`},
		"a secret in what is misplaced":      {"", "{exec: {cmd: [curl, -u, 'joe:pw', localhost]}}", "hook-misplaced", "remove it, or see how far it is indented"},
		"a call that ends the app":           {"", "{httpGet: {path: /actuator/shutdown, port: 8080}}", "needs-other-method", "lifecycle:\n  preStop:\n    exec:\n      command:\n      - /prestop\n      - post http://localhost:8080/actuator/shutdown\nenv:\n" + `- {name: PRE_STOP_GRACE_PERIOD_SECONDS, value: "60"}`},
		"a call that ends the app, too soon": {graced, "{exec: {command: [/prestop, 'get http://localhost:8080/actuator/shutdown', wait 20s]}}", "needs-other-method", "command:\n- /prestop\n- wait 20s\n- post http://localhost:8080/actuator/shutdown"},
		"a mount without its volume": {graced + "\n        volumeMounts: [{name: p, mountPath: /shared}]", "{exec: {command: [/shared/prestop, wait 20s]}}", "binary-not-mounted",
			"volumes:\n- {name: p, emptyDir: {}}\ninitContainers:\n- name: install-prestop\n  image: prestop/prestop:1\n  args: [install, /shared/]\n  volumeMounts:\n  - {name: p, mountPath: /shared}"},
		"a sleep, and no program": {"image: example/distroless", "{exec: {command: [sh, -c, sleep 17]}}", "program-not-in-image", "preStop:\n  sleep:\n    seconds: 17 # Kubernetes 1.30 and later"},
		"a call by curl":          {"", "{exec: {command: [sh, -c, 'curl -s localhost:15020/drain; sleep 5']}}", "needs-other-method", "command: [sh, -c, 'curl -X POST -s localhost:15020/drain; sleep 5']"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := shape([]string{minute}, []string{test.container}, test.hook)
			for _, f := range Check([]File{{Name: "web.yaml", Content: []byte(text)}}).Findings {
				if f.ID == test.id {
					if f.Fix != test.fix {
						t.Errorf("the fix is\n%s\nexpected\n%s", f.Fix, test.fix)
					}
					return
				}
			}
			t.Errorf("no %s in\n%s", test.id, text)
		})
	}
}

// A fix changes the URL of a call, and no word beside it. Where a variable is a part of the URL, nothing can be pasted.
func TestFixOfURL(t *testing.T) {
	t.Parallel()
	const more = "---\napiVersion: v1\nkind: Service\nmetadata: {name: post}\nspec: {ports: [{port: 80}]}\n"
	for step, want := range map[string]string{
		"post http://post:8080/post":                                 "- post http://post:80/post",
		"post http://post/post?to=http":                              "nothing",
		"post http://$(HOST):8080/x":                                 "name port 80 in the URL",
		"post http://post:8080/x only-if=http://post:8080/y":         "- post http://post:80/x only-if=http://post:80/y",
		"post http://localhost:1/x only-if=http://post:8080/y":       "- post http://localhost:1/x only-if=http://post:80/y",
		"post http://post:8080/x body='to http://post:81'":           "- post http://post:80/x body='to http://post:81'",
		"post http://post:8080/x body='at http://post:8080/'":        "- post http://post:80/x body='at http://post:8080/'",
		"post 'http://post:8080/x' header=Referer:http://post:8080/": "- post 'http://post:80/x' header=Referer:http://post:8080/",
	} {
		container := []string{"env: [" + graceEnv60 + ", {name: HOST, value: post}]"}
		text := shape([]string{"terminationGracePeriodSeconds: 60"}, container, `{exec: {command: [/prestop, "`+step+`"]}}`) + more
		found := append(Check([]File{{Name: "web.yaml", Content: []byte(text)}}).Findings, &Finding{Fix: "nothing"})
		if found[0].Fix != want {
			t.Errorf("%s: the fix is %q, expected %q: %s", step, found[0].Fix, want, found[0].Message)
		}
	}
}

// What may be a secret is not repeated in a fix. Small letters, numbers and paths are shown everywhere.
func TestHarmless(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"nginx -s quit": true, "sh -c sleep 15; kill -TERM 1": true, "curl -fsS -X POST http://localhost:8080/drain": true, "/shared/prestop wait 20s": true, "sleep $WAIT": true,
		"until quiet 8080 max=50s allow=2": true, "curl http://$(POD_IP):8080/x": true, "prestop elasticsearch-clear --exit-zero": true, "echo stop > /run/stop": true,

		"app stop s3cr3t": false, "curl -u joe:pw localhost": false, "curl -u joe localhost": false, "redis-cli -a hunter": false, "mysqladmin -phunter2 shutdown": false, "app --token=abc": false, "app --api-key hunter": false,
		"app --token abc": false, "curl http://joe:pw@h/": false, "curl http://h/?key=abc": false, "curl -H A:b h": false, "curl -d x h": false, "PGPASSWORD=abc psql": false,
		"post http://h/ header=A:b": false, "app Kq7xTz": false, "app ghp_0123456789abcdefghij": false, "get http://h/Kq7xTzRvB4m": false,
	} {
		if got := harmless([]string{line}); got != want {
			t.Errorf("%q: %t", line, got)
		}
	}
}

// Nothing can be mounted at the root, where the hook looks for the binary.
func TestFixMountsNothingAtTheRoot(t *testing.T) {
	t.Parallel()
	text := shape([]string{"terminationGracePeriodSeconds: 60", "volumes: [{name: p, image: {reference: 'prestop/prestop:1'}}]"}, []string{"env: [" + graceEnv60 + "]"}, "{exec: {command: [/prestop, wait 20s]}}")
	const want = "volumeMounts:\n- {name: p, mountPath: /opt/prestop, readOnly: true}\ncommand:\n- /opt/prestop/prestop\n- wait 20s"
	found := Check([]File{{Name: "web.yaml", Content: []byte(text)}}).Findings
	if len(found) != 1 || found[0].ID != "binary-not-mounted" || found[0].Fix != want {
		t.Errorf("found %+v, expected the fix\n%s", found, want)
	}
}

// A secret is found once, in the word that has it.
func TestSecretIsFoundOnce(t *testing.T) {
	t.Parallel()
	text := shape([]string{"terminationGracePeriodSeconds: 60"}, nil, "{exec: {command: [clickhouse-client, --user=joe, --password=hunter2, -q, SYSTEM SHUTDOWN]}}")
	if found := Check([]File{{Name: "web.yaml", Content: []byte(text)}}).Findings; len(found) != 1 {
		t.Errorf("found %d times, expected once", len(found))
	}
}
