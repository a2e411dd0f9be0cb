package lint

import (
	"slices"
	"strings"
	"testing"
)

// Mistakes beside what is right: of each kind both stand here, since a rule that is wrong about either is worse than none.
func TestRightBesideWrong(t *testing.T) {
	t.Parallel()
	minute := []string{"terminationGracePeriodSeconds: 60"}
	scripts := func(volume string) []string {
		return append([]string{"volumes: [{name: s, configMap: {name: s" + volume + "}}]"}, minute...)
	}
	mount := []string{"volumeMounts: [{name: s, mountPath: /scripts}]"}
	const config = "---\nkind: ConfigMap\nmetadata: {name: s}\ndata:\n  stop.sh: |\n    #!/bin/sh\n    sleep 5\n"
	ours := append([]string{"volumes: [{name: p, image: {reference: 'prestop/prestop:1'}}]"}, minute...)
	install := append([]string{"volumes: [{name: p, emptyDir: {}}]", "initContainers: [{name: i, image: 'prestop/prestop:1', args: [install, /shared/], volumeMounts: [{name: p, mountPath: /shared}]}]"}, minute...)
	from := func(name, field string) []string {
		return []string{"env: [{name: " + name + ", valueFrom: {fieldRef: {fieldPath: " + field + "}}}]"}
	}
	probe := "readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 2}"
	for _, test := range []shaped{
		{"the grace period's field", minute, from(graceVariable, "spec.terminationGracePeriodSeconds"), "{exec: {command: [/prestop, wait 20s]}}", "", []string{"9 error wrong-field"}},
		{"a label", minute, from("VERSION", "\"metadata.labels['version']\""), "{sleep: {seconds: 5}}", "", nil},
		{"the node's name", minute, from("NODE", "spec.nodeName"), "{sleep: {seconds: 5}}", "", nil},
		{"the account", minute, from("ACCOUNT", "spec.serviceAccountName"), "{sleep: {seconds: 5}}", "", nil},
		{"addresses", minute, from("ADDRESSES", "status.podIPs"), "{sleep: {seconds: 5}}", "", nil},
		{"all labels", minute, from("LABELS", "metadata.labels"), "{sleep: {seconds: 5}}", "", []string{"9 error wrong-field"}},

		{"a port in quotes", minute, nil, "{httpGet: {path: /x, port: '8080'}}", "", []string{"error http-get-port"}},
		{"a port as a number", minute, nil, "{httpGet: {path: /x, port: 8080}}", "", nil},
		{"a port's name", minute, []string{"ports: [{name: http, containerPort: 8080}]"}, "{httpGet: {path: /x, port: http}}", "", nil},
		{"a port's name in quotes", minute, []string{"ports: [{name: http-2, containerPort: 8080}]"}, "{httpGet: {path: /x, port: 'http-2'}}", "", nil},
		{"a port that is none", minute, []string{"ports: [{containerPort: 8080}]"}, "{httpGet: {path: /x, port: 80800}}", "", []string{"error http-get-port"}},
		{"the last port", minute, nil, "{httpGet: {path: /x, port: 65535}}", "", nil},
		{"port 0", minute, nil, "{httpGet: {path: /x, port: 0}}", "", []string{"error http-get-port"}},

		{"a probe's grace period, and a sleep", minute, []string{"livenessProbe: {tcpSocket: {port: 80}, terminationGracePeriodSeconds: 20}"}, "{sleep: {seconds: 30}}", "", []string{"9 warning probe-grace-shorter"}},
		{"a probe's grace period, and a script", minute, []string{"startupProbe: {tcpSocket: {port: 80}, terminationGracePeriodSeconds: 20}"}, "{exec: {command: [sh, -c, sleep 30]}}", "", []string{"9 warning probe-grace-shorter"}},
		{"a probe's grace period, and a shorter sleep", minute, []string{"livenessProbe: {tcpSocket: {port: 80}, terminationGracePeriodSeconds: 20}"}, "{sleep: {seconds: 15}}", "", nil},
		{"a port for https", minute, []string{"ports: [{name: https, containerPort: 8443}]"}, "{httpGet: {path: /x, port: https}}", "", []string{"warning port-differs"}},
		{"a port that a probe asks by https", minute, []string{"readinessProbe: {httpGet: {path: /, port: 8443, scheme: HTTPS}}"}, "{httpGet: {path: /x, port: 8443, scheme: HTTP}}", "", []string{"warning port-differs"}},
		{"a port for https, and https", minute, []string{"ports: [{name: https, containerPort: 8443}]"}, "{httpGet: {path: /x, port: 8443, scheme: HTTPS}}", "", nil},
		{"a port of another host", minute, []string{"ports: [{name: https, containerPort: 8443}]"}, "{exec: {command: [curl, 'http://other:8443/x']}}", "", nil},
		{"a port with two names", minute, []string{"ports: [{name: transport, containerPort: 8443}, {name: https, containerPort: 8443}]"}, "{httpGet: {path: /x, port: 8443}}", "", []string{"warning port-differs", "warning port-differs"}},
		{"curl of a port for https", minute, []string{"ports: [{name: https, containerPort: 8443}]"}, "{exec: {command: [curl, 'http://localhost:8443/x']}}", "", []string{"warning port-differs"}},
		{"https", minute, nil, "{httpGet: {path: /x, port: 8443, scheme: https}}", "", []string{"error http-get-scheme"}},
		{"HTTPS", minute, nil, "{httpGet: {path: /x, port: 8443, scheme: HTTPS}}", "", nil},
		{"HTTP", minute, nil, "{httpGet: {path: /x, port: 8080, scheme: HTTP}}", "", nil},
		{"another scheme", minute, nil, "{httpGet: {path: /x, port: 8080, scheme: GRPC}}", "", []string{"error http-get-scheme"}},

		{"a negative sleep", minute, nil, "{sleep: {seconds: -15}}", "", []string{"error sleep-unreadable"}},
		{"no sleep at all", minute, nil, "{sleep: {seconds: 0}}", "", nil},
		{"sleep, and its length as args", minute, nil, "{exec: {command: [sleep], args: ['5']}}", "", []string{"error hook-misplaced"}},
		{"a negative grace period", []string{"terminationGracePeriodSeconds: -60"}, nil, "{sleep: {seconds: 5}}", "", []string{"6 error wrong-type"}},
		{"a hook of the pod", append([]string{"preStop: {sleep: {seconds: 15}}"}, minute...), nil, "", "", []string{"6 error hook-misplaced"}},
		{"a lifecycle of the pod", append([]string{"lifecycle: {preStop: {sleep: {seconds: 15}}}"}, minute...), nil, "", "", []string{"6 error hook-misplaced"}},
		{"sleep alone", minute, nil, "{exec: {command: [sleep]}}", "", []string{"error sleep-unreadable"}},
		{"sleep, and a word that is no number", minute, nil, "{exec: {command: [sleep, soon]}}", "", []string{"error sleep-unreadable"}},
		{"sleep of a shell, alone", minute, nil, "{exec: {command: [sh, -c, sleep]}}", "", []string{"error sleep-unreadable"}},
		{"sleep of a shell", minute, nil, "{exec: {command: [sh, -c, sleep 15]}}", "", nil},
		{"sleep of a shell, in minutes", append(minute[:0:0], "terminationGracePeriodSeconds: 600"), nil, "{exec: {command: [sh, -c, sleep 2m]}}", "", nil},
		{"sleep of a variable", minute, nil, "{exec: {command: [sh, -c, 'sleep \"${WAIT:-15}\"']}}", "", nil},
		{"sleep of a calculation", minute, nil, "{exec: {command: [sh, -c, 'sleep $((5 + 10))']}}", "", nil},
		{"sleep behind dashes", minute, nil, "{exec: {command: [sleep, --, '5']}}", "", nil},
		{"sleep of a part", minute, nil, "{exec: {command: [sleep, '.5']}}", "", nil},

		{"a shell without -c", minute, nil, "{exec: {command: [/bin/sh, sleep, '15']}}", "", []string{"error shell-arguments-lost"}},
		{"a shell and a script", minute, nil, "{exec: {command: [/bin/sh, stop.sh, '15']}}", "", nil},
		{"a shell and a script of that name", minute, nil, "{exec: {command: [/bin/sh, /scripts/sleep, '15']}}", "", nil},

		{"a script that nobody may run", scripts(""), mount, "{exec: {command: [/scripts/stop.sh]}}", config, []string{"error script-not-runnable"}},
		{"a script that nobody may run, by a shell's line", scripts(""), mount, "{exec: {command: [sh, -c, /scripts/stop.sh]}}", config, []string{"error script-not-runnable"}},
		{"a script with a mode", scripts(", defaultMode: 0755"), mount, "{exec: {command: [/scripts/stop.sh]}}", config, nil},
		{"a script with a mode, in decimal", scripts(", defaultMode: 493"), mount, "{exec: {command: [/scripts/stop.sh]}}", config, nil},
		{"a script with a mode of its own", scripts(", items: [{key: stop.sh, path: stop, mode: 0555}]"), mount, "{exec: {command: [/scripts/stop]}}", config, nil},
		{"a script for a shell", scripts(""), mount, "{exec: {command: [sh, /scripts/stop.sh]}}", config, nil},
		{"a script for zsh", scripts(", defaultMode: 0755"), mount, "{exec: {command: [/scripts/stop.sh]}}", strings.Replace(config, "sh\n    sleep 5", "zsh\n    for f (*) rm $f", 1), nil},
		{"a script of a ConfigMap elsewhere", scripts(", defaultMode: 0755"), mount, "{exec: {command: [/scripts/any.sh]}}", "", nil},
		{"a key that is misspelt", scripts(", defaultMode: 0755"), mount, "{exec: {command: [/scripts/stp.sh]}}", config, []string{"error script-not-runnable"}},
		{"a key that may not be there", scripts(", optional: true"), mount, "{exec: {command: [sh, /scripts/other.sh]}}", config, nil},
		{"a script of the image", minute, nil, "{exec: {command: [/scripts/stop.sh]}}", config, nil},

		{"a misspelt binary of an image volume", ours, []string{"volumeMounts: [{name: p, mountPath: /opt/prestop}]", "env: [" + graceEnv60 + "]"}, "{exec: {command: [/opt/prestop/pre-stop, wait 20s]}}", "", []string{"error binary-not-mounted"}},
		{"a misspelt binary of a volume", install, []string{"volumeMounts: [{name: p, mountPath: /shared}]", "env: [" + graceEnv60 + "]"}, "{exec: {command: [/shared/prestp, wait 20s]}}", "", []string{"error binary-not-installed"}},
		{"a binary of inject's volume", append([]string{"volumes: [{name: prestop-injected, image: {reference: prestop:1}}]"}, minute...), []string{"env: [" + graceEnv60 + "]"}, "{exec: {command: [/prestop-bin/prestop, wait 20s]}}", "", []string{"error binary-not-mounted"}},
		{"a volume that another container mounts", append([]string{"volumes: [{name: t, persistentVolumeClaim: {claimName: t}}]", "initContainers: [{name: other, restartPolicy: Always, volumeMounts: [{name: t, mountPath: /tools}]}]"}, minute...), []string{"env: [" + graceEnv60 + "]"}, "{exec: {command: [/tools/prestop, wait 20s]}}", "", []string{"warning binary-not-mounted"}},
		{"another program of a volume", install, []string{"volumeMounts: [{name: p, mountPath: /shared}]"}, "{exec: {command: [/shared/drain]}}", "", nil},

		{"a probe, and until quiet without ports", minute, []string{probe, "env: [" + graceEnv60 + "]"}, "{exec: {command: [/prestop, until quiet max=30s]}}", "", []string{"warning quiet-sees-probe"}},
		{"a probe that is allowed, without ports", minute, []string{probe, "env: [" + graceEnv60 + "]"}, "{exec: {command: [/prestop, until quiet max=30s allow=1]}}", "", nil},
		{"a probe without payload, and no ports", minute, []string{"readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}", "env: [" + graceEnv60 + "]"}, "{exec: {command: [/prestop, until quiet max=30s]}}", "", nil},
		{"a probe by a program, and no ports", minute, []string{"readinessProbe: {exec: {command: [ready]}, periodSeconds: 1}", "env: [" + graceEnv60 + "]"}, "{exec: {command: [/prestop, until quiet max=30s]}}", "", nil},

		{"LiteLLM by gunicorn", minute, []string{"image: berriai/litellm:main-stable", "args: [--config, /etc/litellm.yaml, --run_gunicorn]"}, "{sleep: {seconds: 40}}", "", []string{"10 warning app-outlasts-grace"}},
		{"LiteLLM by uvicorn", minute, []string{"image: berriai/litellm:main-stable", "args: [--config, /etc/litellm.yaml]"}, "{sleep: {seconds: 40}}", "", nil},
		{"LiteLLM by gunicorn, with time", append(minute[:0:0], "terminationGracePeriodSeconds: 75"), []string{"command: [litellm, --run_gunicorn]"}, "{sleep: {seconds: 40}}", "", nil},
		{"Envoy of Istio", minute, []string{"env: [{name: TERMINATION_DRAIN_DURATION_SECONDS, value: '45'}]"}, "{sleep: {seconds: 20}}", "", []string{"9 warning app-outlasts-grace"}},
		{"Envoy of Istio, with time", minute, []string{"env: [{name: TERMINATION_DRAIN_DURATION_SECONDS, value: '5'}]"}, "{sleep: {seconds: 20}}", "", nil},
		{"Envoy, which ends at once", minute, []string{"command: [envoy, -c, /etc/envoy.yaml, --drain-time-s, '600']"}, "{sleep: {seconds: 20}}", "", nil},

		{"steps of a variable", minute, []string{"env:", "- " + graceEnv60, "- name: PRE_STOP_STEPS", "  value: |", "    get http://localhost:15020/drain", "    until quite 8080"}, "{exec: {command: [/prestop]}}", "", []string{"13 error needs-other-method", "14 error step-unreadable"}},

		{"a variable in double braces", minute, []string{"env: [{name: A, value: '{{ .Values.a }}'}]"}, "{sleep: {seconds: 5}}", "", []string{"9 unreadable it is a template of Helm's; render the chart first: helm template CHART > rendered.yaml"}},
	} {
		test.check(t)
	}
}

// What a finding says is true of the pod that it is about.
func TestSaysWhatIsTrue(t *testing.T) {
	t.Parallel()
	host, hook := []string{"hostNetwork: true"}, "{exec: {command: [/prestop, until quiet max=20s]}}"
	for _, test := range []struct {
		name           string
		pod, container []string
		hook           string
		want           string // the severity, the finding and its message have these words; empty: there is no finding
	}{
		{"a slow probe beside a quick one", []string{"initContainers: [{name: slow, restartPolicy: Always, readinessProbe: {httpGet: {path: /, port: 9090}}}]"},
			[]string{"readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}"}, hook, "warning quiet-sees-probe app 1s,"},
		{"localhost is the pod too, with the host's network", host, nil, "{httpGet: {port: 8080, host: 127.0.0.1}}", ""},
		{"another host, with the host's network", host, nil, "{httpGet: {port: 8080, host: web.shop}}", "warning http-get-host"},
		{"a sleep action as long as the grace period", nil, nil, "{sleep: {seconds: 30}}", "error sleep-fills-grace SIGTERM SIGKILL"},
		{"a longer one, which the API does not take", nil, nil, "{sleep: {seconds: 31}}", "error sleep-fills-grace refuses"},
		{"a grace period of many years", []string{"terminationGracePeriodSeconds: 2147483647"}, nil, "{sleep: {seconds: 30}}", ""},
		{"a probe's grace period of a second", []string{"terminationGracePeriodSeconds: 60"}, []string{"livenessProbe: {httpGet: {path: /, port: 8080}, terminationGracePeriodSeconds: 1}", "env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: '60'}]"},
			hook, "warning probe-grace-shorter has 1 s,"},
		{"a startup probe that gives a second", []string{"terminationGracePeriodSeconds: 60"}, []string{"startupProbe: {exec: {command: [/prestop, elasticsearch-clear]}, timeoutSeconds: 10, periodSeconds: 1, failureThreshold: 1}", "env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: '60'}, {name: PRE_STOP_ELASTICSEARCH_URL, value: 'http://es:9200'}]"},
			"{exec: {command: [/prestop]}}", "warning clear-probe-too-short node 1 s"},
		{"a setting that is to be filled in", nil, []string{"env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: '${GRACE:=60}'}]"}, hook, "warning setting-unreadable"},
	} {
		text := shape(test.pod, test.container, test.hook)
		got := ""
		for _, f := range Check([]File{{Name: "web.yaml", Content: []byte(text)}}).Findings {
			got += string(f.Severity) + " " + f.ID + " " + f.Message + "\n"
		}
		said := strings.Fields(got)
		lacks := func(word string) bool { return !slices.Contains(said, word) }
		if (got == "") != (test.want == "") || slices.ContainsFunc(strings.Fields(test.want), lacks) {
			t.Errorf("%s: got %q, expected %q in\n%s", test.name, got, test.want, text)
		}
	}
}
