package lint

import (
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// Manifests of everyday shapes are right, and with one mistake the first thing that is said of them names it, with its line.
func TestFirstMessageOfEverydayMistakes(t *testing.T) {
	t.Parallel()
	archive, err := txtar.ParseFile("testdata/everyday.txtar")
	if err != nil {
		t.Fatal(err)
	}
	right := map[string]string{}
	for _, f := range archive.Files {
		right[f.Name] = string(f.Data)
		if got := linted(t, right[f.Name]); len(got) > 0 {
			t.Errorf("%s: found %q", f.Name, got)
		}
	}
	for _, m := range []struct {
		file, from, to string
		want, says     string // of the first finding: where and what it is, and what its message or its fix has
	}{
		{"nginx.yaml", "- until quiet 8080 max=50s allow=1", "- post http://localhost:8080/drain until quiet 8080 max=50s allow=1", "53 error step-unreadable", "each step is an argument of its own"},
		{"pod.yaml", "- wait\n          - 20s", "- post\n          - http://localhost:8080/drain\n          - wait\n          - 20s", "22 error step-unreadable", "each step is an argument of its own"},
		{"spring.yaml", `command: ["/prestop", "until quiet 8080 max=50s allow=2"]`, `command: "/prestop 'until quiet 8080 max=50s allow=2'"`, "37 error wrong-type", ""},
		{"gunicorn.yaml", "[/prestop, until quiet 8000 min=15s max=60s]", "[/prestop until quiet 8000 min=15s max=60s]", "26 error shell-syntax-without-shell", ""},
		{"sleep-action.yaml", "preStop:", "prestop:", "15 error hook-misplaced", "preStop"},
		{"nginx.yaml", "          preStop:", "          pre_stop:", "49 error hook-misplaced", "preStop"},
		{"pod.yaml", "    lifecycle:\n      preStop:\n        exec:\n          command:\n          - /prestop\n          - wait\n          - 20s\n", "  lifecycle:\n    preStop:\n      exec:\n        command:\n        - /prestop\n        - wait\n        - 20s\n", "17 error hook-misplaced", ""},
		{"spring.yaml", "      terminationGracePeriodSeconds: 90\n      containers:\n        - name: orders\n", "      containers:\n        - name: orders\n          terminationGracePeriodSeconds: 90\n", "19 error grace-misplaced", ""},
		{"grpc.yaml", "spec:\n  selector: {matchLabels: {app: pricing}}\n  template:\n    metadata: {labels: {app: pricing}}\n    spec:\n      terminationGracePeriodSeconds: 75\n", "spec:\n  terminationGracePeriodSeconds: 75\n  selector: {matchLabels: {app: pricing}}\n  template:\n    metadata: {labels: {app: pricing}}\n    spec:\n", "5 error grace-misplaced", ""},
		{"traefik.yaml", "terminationGracePeriodSeconds: 60", `terminationGracePeriodSeconds: "60"`, "9 error wrong-type", ""},
		{"uvicorn.yaml", "terminationGracePeriodSeconds: 60", "terminationGracePeriodSeconds: 60s", "9 error wrong-type", ""},
		{"job.yaml", `value: "30"`, "value: 30", "20 error wrong-type", ""},
		{"helm.yaml", `PRE_STOP_GRACE_PERIOD_SECONDS: "60"`, `PRE_STOP_GRACE_PERIOD_SECONDS: "90"`, "18 error grace-differs", ""},
		{"kafka.yaml", "PRE_STOP_RESERVE_SECONDS", "PRESTOP_RESERVE_SECONDS", "30 warning setting-unknown", "PRESTOP_RESERVE_SECONDS"},
		{"eck.yaml", "- name: PRE_STOP_GRACE_PERIOD_SECONDS", "- name: PRE_STOP_GRACE_PERIOD", "23 warning setting-unknown", "PRE_STOP_GRACE_PERIOD "},
		{"minio.yaml", "max=330s", "max=400s", "24 warning max-past-deadline", ""},
		{"redis.yaml", "sleep 15", "sleep 45", "26 error sleep-fills-grace", ""},
		{"sleep-action.yaml", "seconds: 15", "seconds: 15s", "17 error wrong-type", ""},
		{"sleep-action.yaml", "seconds: 15", "seconds: 60", "17 error sleep-fills-grace", ""},
		{"node-init.yaml", "        volumeMounts:\n        - name: prestop\n          mountPath: /opt/prestop\n          readOnly: true\n", "", "42 error binary-not-mounted", ""},
		{"envoy.yaml", "- {name: prestop, mountPath: /opt/prestop, readOnly: true}", "- {name: prestop, mountPath: /prestop, readOnly: true}", "29 error binary-not-mounted", ""},
		{"node-init.yaml", "args: [install, /opt/prestop/]", "args: [install, /prestop/]", "42 error binary-not-installed", ""},
		{"token.yaml", "        - {name: admin, mountPath: /run/admin, readOnly: true}\n", "", "21 warning file-not-mounted", "volume admin"},
		{"hardened.yaml", "touch /tmp/draining", "touch /var/run/draining", "32 error read-only-path", ""},
		{"nginx.yaml", "until quiet 8080 max=50s allow=1", "until quiet max=50s allow=8080", "53 warning quiet-allows-port", "8080 is a port"},
		{"list.yaml", "until quiet 8080 max=40s", "until quiet 8008 max=40s", "44 warning quiet-port-undeclared", ""},
		{"istio-native.yaml", "      - name: istio-init\n        image: istio/proxyv2:1.26.0\n", "      - name: istio-init\n        image: istio/proxyv2:1.26.0\n        lifecycle: {preStop: {exec: {command: [/prestop, wait 5s]}}}\n", "20 error init-container-hook", ""},
		{"rabbitmq.yaml", "              - /bin/bash\n              - -c\n              - if [", "              - if [", "24 error shell-syntax-without-shell", ""},
		{"litellm.yaml", "- wait 10s\n", "- wait 10s && post http://localhost:4000/x\n", "24 error step-unreadable", "each step is an argument of its own"},
		{"redpanda.yaml", "into=NODE_ID", "into=NODEID", "32 error unset-variable", "NODEID"},
		{"steps-env.yaml", "        - name: POD_NAME\n          valueFrom: {fieldRef: {fieldPath: metadata.name}}\n        - name: PRE_STOP_GRACE_PERIOD_SECONDS", "        - name: PODNAME\n          valueFrom: {fieldRef: {fieldPath: metadata.name}}\n        - name: PRE_STOP_GRACE_PERIOD_SECONDS", "21 error unset-variable", ""},
		{"daemonset.yaml", "kind: DaemonSet", "kind: Daemonset", "2 error kind-unknown", "expected DaemonSet"},
		{"spring.yaml", "apiVersion: apps/v1\n", "apiVersion: v1\n", "1 error kind-unknown", "expected apps/v1"},
		{"http-get.yaml", "port: http}}}", "port: web}}}", "14 error port-differs", ""},
		{"http-get.yaml", "port: http}}}", "port: http}, exec: {command: [/bin/true]}}}", "14 error not-one-handler", ""},
		{"pgbouncer.yaml", "lifecycle: {preStop: {exec: {command: [/prestop, wait 15s, signal INT]}}}", "lifecycle: {preStop: {command: [/prestop, wait 15s, signal INT]}}", "16 error hook-misplaced", ""},
		{"daemonset.yaml", "command: [/wait-shutdown]", "command: [/wait-shutdown]\n              args: [--timeout=30]", "28 error hook-misplaced", ""},
		{"gone.yaml", "clusterIP: None", "clusterIP: 10.0.0.7", "27 error gone-not-headless", ""},
		{"elasticsearch.yaml", "command: [/prestop, elasticsearch-clear]", "command: [/prestop, clear]", "39 error elasticsearch-not-cleared", "expected elasticsearch-clear"},
		{"envoy.yaml", "drain_listeners?graceful&skip_exit", "drain_listeners?graceful", "31 error ends-the-process", ""},
		{"deploy.json", `"ports": [{"containerPort": 8080}],`, `"ports": [{"containerPort": 8080}]`, "16 unreadable", "comma"},
		{"celery.yaml", "      terminationGracePeriodSeconds: 600", "\tterminationGracePeriodSeconds: 600", "9 unreadable", "tab"},
		{"litellm.yaml", "- wait 10s", "- post http://localhost:4000/x header=X-A: b", "24 error wrong-type", ""},
		{"cronjob.yaml", "          terminationGracePeriodSeconds: 120\n", "          terminationGracePeriodSeconds: 60\n", "19 error grace-differs", ""},
		{"vllm.yaml", `metric='{__name__=~"vllm:num_requests_(running|waiting)"}'`, "metric=‘{__name__=~“vllm:num_requests_(running|waiting)”}’", "23 error step-unreadable", "typographic"},
		{"sidekiq.yaml", "- signal TSTP wait=false", "- signal SIGSTP wait=false", "23 error step-unreadable", "SIGSTP"},
		{"lock.yaml", "unlock redis://redis:6379/0 key=lock:scheduler", "unlock redis:6379 key=lock:scheduler", "15 error step-unreadable", "redis://HOST"},
		{"phpfpm.yaml", "until closed 8080 max=45s, until", "until closed 9000 max=45s, until", "20 warning closed-own-port", ""},
		{"skip-file.yaml", "command: [/prestop, until quiet 8080 sse max=50s]", "command: [/prestop, --, until quiet 8080 sse max=50s, --grace-period=60]", "20 error step-unreadable", "flags go before the steps"},
		{"knative.yaml", "        lifecycle: {preStop: {exec: {command: [/prestop, until quiet max=50s]}}}", "      lifecycle: {preStop: {exec: {command: [/prestop, until quiet max=50s]}}}", "32 error hook-misplaced", ""},
		{"http-get.yaml", `"/shutdown?delay=20"`, "/shutdown?delay=20", "14 unreadable", "quotes"},
		{"list.yaml", "kind: Deployment", "kind: deployment", "4 error kind-unknown", "expected Deployment"},
		{"anchors.yaml", "until quiet 8081 max=50s", "until quiet :8081 max=50s", "21 error step-unreadable", "until quiet 8080"},
		{"uvicorn.yaml", "{exec: {command: [/prestop, until quiet 8000 allow=1 max=50s]}}", "{exec: [/prestop, until quiet 8000 allow=1 max=50s]}", "17 error wrong-type", ""},
		{"nginx.yaml", "              command:\n              - /prestop\n              - until quiet 8080 max=50s allow=1", "              command: /prestop - until quiet 8080 max=50s allow=1", "51 error wrong-type", ""},
		{"uvicorn.yaml", `env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: "60"}]`, `env: {PRE_STOP_GRACE_PERIOD_SECONDS: "60"}`, "15 error wrong-type", ""},
		{"uvicorn.yaml", "terminationGracePeriodSeconds: 60", "terminationGracePeriod: 60", "9 error field-misspelt", "expected terminationGracePeriodSeconds"},
		{"uvicorn.yaml", "lifecycle:", "lifeCycle:", "17 error hook-misplaced", "lifecycle"},
		{"sleep-action.yaml", "sleep:\n              seconds: 15", "sleep: 15", "16 error wrong-type", ""},
		{"sleep-action.yaml", "seconds: 15", "second: 15", "17 error hook-misplaced", "expected seconds"},
		{"spring.yaml", `command: ["/prestop"`, `cmd: ["/prestop"`, "37 error hook-misplaced", "expected command"},
		{"envoy.yaml", "- {name: prestop, mountPath: /opt/prestop, readOnly: true}", "- {name: pre-stop, mountPath: /opt/prestop, readOnly: true}", "34 error binary-not-mounted", "pre-stop"},
		{"eck.yaml", "          image:\n            reference: prestop/prestop:1\n", "          image: prestop/prestop:1\n", "17 error wrong-type", ""},
		{"eck.yaml", "    podTemplate:\n      spec:", "    podTemplates:\n      spec:", "12 error field-misspelt", "expected podTemplate"},
		{"touch-file.yaml", "        volumeMounts: [{name: shared, mountPath: /shared}]\n      volumes:", "      volumeMounts: [{name: shared, mountPath: /shared}]\n      volumes:", "21 error hook-misplaced", ""},
		{"istio-native.yaml", "        restartPolicy: Always\n", "", "30 error init-container-hook", ""},
		{"token.yaml", "token-file=/run/admin/token", "token_file=/run/admin/token", "21 error step-unreadable", "did you mean token-file="},
		{"elasticsearch.yaml", "value: /run/prestop/password}", "value: /run/prestop/passwd}", "30 warning file-not-mounted", "passwd"},
		{"elasticsearch.yaml", `value: "https://es:9200"`, "value: es:9200", "28 error setting-unreadable", "http://"},
		{"eck.yaml", "            value: \"300\"\n", "            value: \"300\"\n          - {name: PRE_STOP_SHUTDOWN_TYPE, value: restarting}\n", "24 error setting-unreadable", "restart, remove"},
		{"node-init.yaml", `value: "20"`, `value: "50"`, "36 error grace-too-short", ""},
		{"touch-file.yaml", "touch /shared/drained", "touch shared/drained", "15 error step-unreadable", "absolute path"},
		{"touch-file.yaml", "until file /shared/drained", "until file /share/drained", "20 warning file-not-shared", ""},
		{"gone.yaml", "        - name: POD_IP\n          valueFrom: {fieldRef: {fieldPath: status.podIP}}\n", "", "25 error step-unreadable", ""},
		{"traefik.yaml", "until quiet 8000 min=10s max=50s", "until quiet 8000 min=10 s max=50s", "19 error step-unreadable", "one word"},
		{"gunicorn.yaml", "min=15s max=60s", "min=60s max=15s", "26 warning max-before-begin", ""},
		{"clickhouse.yaml", "at-most=0 ", "", "21 error step-unreadable", "at-most=N"},
		{"clickhouse.yaml", "at-most=0", "at-most:0", "21 error step-unreadable", "did you mean at-most="},
		{"sidekiq.yaml", `grep -q '\[0 of' /proc`, `grep -q '\[0 of /proc`, "24 error step-unreadable", "closing '"},
		{"job.yaml", `"exec max=20s ./migrate unlock"`, `"exec max=20s ./migrate unlock || true"`, "17 error shell-syntax-without-shell", ""},
		{"steps-env.yaml", "$$(POD_NAME)", "$$(POD_NAM)", "21 warning unset-variable", ""},
		{"steps-env.yaml", "value: |\n            post http://localhost:8080/leave body=", "value: >\n            post http://localhost:8080/leave body=", "20 error step-unreadable", "each step is an argument of its own"},
		{"spring.yaml", "until quiet 8080", "until quiet http", "37 error step-unreadable", "expected ports"},
		{"skip-file.yaml", "until quiet 8080 sse", "until quiet 8080 SSE", "20 error step-unreadable", "sse"},
		{"skip-file.yaml", `{name: PRE_STOP_TERMINATION_LOG, value: "on"}`, "{name: PRE_STOP_TERMINATION_LOG, value: on}", "19 error wrong-type", ""},
		{"pod.yaml", "          command:\n          - /prestop\n", "          args:\n          - /prestop\n", "20 error hook-misplaced", "expected command"},
		{"pod.yaml", "      preStop:\n        exec:\n          command:\n          - /prestop\n          - wait\n          - 20s\n", "      preStop: /prestop wait 20s\n", "18 error wrong-type", ""},
		{"pod.yaml", "      preStop:\n        exec:\n", "      preStop:\n      - exec:\n", "19 error wrong-type", ""},
		{"nginx.yaml", "          preStop:", "          postStart:", "49 error hook-misplaced", ""},
		{"celery.yaml", "      - name: worker\n        image: registry.example.com/shop:1\n        command: [celery, -A, shop, worker, --loglevel=INFO]", "        worker:\n          image: registry.example.com/shop:1\n          lifecycle: {preStop: {exec: {command: [sleep, '5']}}}", "11 error wrong-type", ""},
		{"redis.yaml", "sleep 15", "sleep 15ms", "26 error sleep-unreadable", ""},
		{"traefik.yaml", "  template:\n    metadata: {labels: {app: traefik}}\n    spec:\n", "  templates:\n    metadata: {labels: {app: traefik}}\n    spec:\n", "6 error field-misspelt", "expected template"},
		{"redis.yaml", "apiVersion: apps/v1", "apiVersion: app/v1", "1 error kind-unknown", "expected apps/v1"},
		{"cronjob.yaml", "apiVersion: batch/v1", "apiVersion: batch/v2", "1 error kind-unknown", "expected batch/v1"},
		{"cronjob.yaml", "  jobTemplate:\n    spec:\n      backoffLimit: 2\n      template:", "  jobTemplate:\n      backoffLimit: 2\n      template:", "9 error field-misspelt", "expected metadata, spec"},
		{"spring.yaml", `["/prestop", "until quiet 8080 max=50s allow=2"]`, `["/prestop", "'until quiet 8080 max=50s allow=2'"]`, "37 error step-unreadable", "without quotes"},
		{"redis.yaml", "              - -c\n", "", "27 error shell-arguments-lost", ""},
		{"redis.yaml", "              - |\n                redis-cli -h 127.0.0.1 config set appendfsync always\n                sleep 15", "              - sleep\n              - '15'", "29 error shell-arguments-lost", ""},
		{"sleep-action.yaml", "            sleep:\n              seconds: 15", "            exec:\n              command: [curl -XPOST localhost:3000/stop]", "17 error shell-syntax-without-shell", ""},
		{"gunicorn.yaml", "until quiet 8000 min=15s", "until quiet 8000 min=15s;", "26 error step-unreadable", "15s;"},
		{"gunicorn.yaml", "until quiet 8000 min", "until\u00a0quiet 8000 min", "26 error step-unreadable", "no-break"},
		{"gunicorn.yaml", `{name: PRE_STOP_RESERVE_SECONDS, value: "30"}`, `{name: PRE_STOP_RESERVE_SECONDS, value: "100"}`, "22 error setting-unreadable", "less than the grace period"},
		{"node-init.yaml", "http://localhost:3000/internal/drain", "http//localhost:3000/internal/drain", "34 error setting-unreadable", "http://"},
		{"grpc.yaml", "        lifecycle:\n", "        lifecycle: {preStop: {sleep: {seconds: 5}}}\n        lifecycle:\n", "17 warning duplicate-key", ""},
		{"job.yaml", `"exec max=20s ./migrate unlock"`, `"exec max=20s './migrate unlock'"`, "17 error shell-syntax-without-shell", "no program with blanks"},
		{"nginx.yaml", "          preStop:\n            exec:\n", "          preStop:\n            exec:\n              shell: true\n", "51 error hook-misplaced", ""},
		{"nginx.yaml", "              command:\n              - /prestop\n", "              command:\n              /prestop\n", "52 unreadable", "dash"},
		{"spring.yaml", "            - name: PRE_STOP_RESERVE_SECONDS\n              value: \"35\"\n", "            - PRE_STOP_RESERVE_SECONDS: \"35\"\n", "32 error field-misspelt", ""},
		{"spring.yaml", "            - name: PRE_STOP_RESERVE_SECONDS\n              value: \"35\"\n", "            - PRE_STOP_RESERVE_SECONDS=35\n", "32 error wrong-type", ""},
		{"helm.yaml", "            - configMapRef:\n                name: release-name-web\n", "            - configMapRef: release-name-web\n", "62 error wrong-type", ""},
		{"helm.yaml", "  PRE_STOP_GRACE_PERIOD_SECONDS: \"60\"\n", "  PRE_STOP_GRACE_PERIOD_SECONDS: 60\n", "18 error wrong-type", "expected a string"},
		{"helm.yaml", "    until quiet 8080 max=45s\n", "    until quiet 8080 maximum=45s\n", "21 error step-unreadable", "got maximum="},
		{"steps-env.yaml", "          value: |\n            post http://localhost:8080/leave body=\"{\\\"pod\\\": \\\"$$(POD_NAME)\\\"}\" header=\"X-Reason: rollout\"\n            until quiet 8080 max=45s\n", "          value: post http://localhost:8080/leave until quiet 8080 max=45s\n", "20 error step-unreadable", "each step"},
		{"steps-env.yaml", "          value: |\n            post http://localhost:8080/leave body=\"{\\\"pod\\\": \\\"$$(POD_NAME)\\\"}\" header=\"X-Reason: rollout\"\n            until quiet 8080 max=45s\n", "          value: [post http://localhost:8080/leave, until quiet 8080 max=45s]\n", "20 error wrong-type", ""},
		{"steps-env.yaml", "          value: |\n            post http://localhost:8080/leave body=\"{\\\"pod\\\": \\\"$$(POD_NAME)\\\"}\" header=\"X-Reason: rollout\"\n            until quiet 8080 max=45s\n", "          value: |\n            - post http://localhost:8080/leave\n            - until quiet 8080 max=45s\n", "21 error step-unreadable", "without the dash"},
		{"pod.yaml", "    env:\n", "    environment:\n", "14 warning field-misspelt", ""},
		{"pod.yaml", "  terminationGracePeriodSeconds: 30\n", "  gracePeriodSeconds: 30\n", "8 error field-misspelt", "terminationGracePeriodSeconds"},
		{"sleep-action.yaml", "      terminationGracePeriodSeconds: 45\n", "      terminationGracePeriodSeconds: 0\n", "9 error grace-zero", ""},
		{"grpc.yaml", "[/prestop, until quiet 50051 http2 traffic=new allow=1 max=50s]", "[/prestop, until quiet 50051 http2 traffic=fresh allow=1 max=50s]", "19 error step-unreadable", ""},
		{"anchors.yaml", "        env: *env\n", "        env: *envs\n", "20 unreadable", "envs"},
		{"node-init.yaml", "        image: prestop/prestop:1\n        args: [install, /opt/prestop/]", "        image: prestop/prestop:1\n        command: [install, /opt/prestop/]", "42 error binary-not-installed", ""},
		{"node-init.yaml", "        image: prestop/prestop:1\n        args: [install, /opt/prestop/]", "        image: prestop/prestop:1\n        args: [copy, /opt/prestop/]", "42 error binary-not-installed", ""},
		{"node-init.yaml", "        image: prestop/prestop:1\n        args: [install, /opt/prestop/]", "        image: prestop/prestop:1\n        command: [cp, /prestop, /opt/prestop/]", "42 error binary-not-installed", ""},
		{"envoy.yaml", `image: {reference: "prestop/prestop:1", pullPolicy: IfNotPresent}`, `image: {ref: "prestop/prestop:1", pullPolicy: IfNotPresent}`, "12 error field-misspelt", "expected reference"},
		{"envoy.yaml", "      - name: prestop\n        image: {reference: \"prestop/prestop:1\", pullPolicy: IfNotPresent}", "      - prestop:\n          image: {reference: \"prestop/prestop:1\", pullPolicy: IfNotPresent}", "11 warning field-misspelt", ""},
		{"elasticsearch.yaml", "        startupProbe:\n", "        readinessProbe:\n", "39 error clear-while-stopping", ""},
		{"elasticsearch.yaml", "        - {name: PRE_STOP_ELASTICSEARCH_USERNAME, value: prestop}\n", "        - {name: PRE_STOP_ELASTICSEARCH_USER, value: prestop}\n", "29 warning setting-unknown", ""},
		{"elasticsearch.yaml", "PRE_STOP_ELASTICSEARCH_PASSWORD_FILE, value: /run/prestop/password", "PRE_STOP_ELASTICSEARCH_PASSWORD, value: hunter22", "30 warning setting-unknown", "PASSWORD_FILE"},
		{"token.yaml", "token-file=/run/admin/token", "header='Authorization: Bearer abcdef123456'", "21 error wrong-type", ""},
		{"touch-file.yaml", "until file /shared/drained max=50s", "until file exists /shared/drained max=50s", "20 error step-unreadable", ""},
		{"phpfpm.yaml", "until closed 8080 max=45s, until quiet 9000", "until closed 8080 max=45s; until quiet 9000", "20 error step-unreadable", ""},
		{"lock.yaml", "value-file=/run/lock-value/id", "value=/run/lock-value/id", "15 error step-unreadable", "did you mean value-file="},
		{"skip-file.yaml", `{name: PRE_STOP_TERMINATION_LOG, value: "on"}`, `{name: PRE_STOP_TERMINATION_LOG, value: "yes"}`, "19 error setting-unreadable", ""},
		{"ask-api.yaml", `{name: PRE_STOP_ASK_API, value: "true"}`, "{name: PRE_STOP_ASK_API, value: true}", "21 error wrong-type", ""},
		{"daemonset.yaml", "      - name: controller\n", "      name: controller\n", "19 unreadable", "dash"},
		{"list.yaml", "items:\n- apiVersion: apps/v1\n", "item:\n- apiVersion: apps/v1\n", "39 error hook-misplaced", ""},
		{"cronjob.yaml", "          restartPolicy: OnFailure\n", "        restartPolicy: OnFailure\n", "14 unreadable", "indented"},
		{"kafka.yaml", "  template:\n    metadata:\n      labels:\n        app.kubernetes.io/name: kafka\n    spec:\n", "  template:\n    labels:\n      app.kubernetes.io/name: kafka\n    spec:\n", "13 error field-misspelt", "expected metadata, spec"},
		{"nats.yaml", "[/prestop, signal USR2]", "[/prestop, signal, -USR2]", "19 error step-unreadable", ""},
		{"pgbouncer.yaml", "wait 15s, signal INT", "wait: 15s, signal INT", "16 error wrong-type", ""},
		{"http-get.yaml", "port: http}}}", "port: 80800}}}", "14 error http-get-port", ""},
		{"http-get.yaml", `{httpGet: {path: "/shutdown?delay=20", port: http}}`, `{httpPost: {path: "/shutdown?delay=20", port: http}}`, "14 error hook-misplaced", ""},
		{"http-get.yaml", `{httpGet: {path: "/shutdown?delay=20", port: http}}`, `{httpGet: {url: "http://localhost:8080/shutdown"}}`, "14 error hook-misplaced", ""},
		{"redis.yaml", "redis-cli -h 127.0.0.1 config set appendfsync always\n                sleep 15", "redis-cli -a s3cr3tpw1 shutdown", "28 error secret-in-hook", ""},
	} {
		wrong := strings.Replace(right[m.file], m.from, m.to, 1)
		if wrong == right[m.file] {
			t.Errorf("%s has no %q", m.file, m.from)
			continue
		}
		got := append(linted(t, wrong), "nothing")[0]
		said := got
		if result := Check([]File{{Name: m.file, Content: []byte(wrong)}}); len(result.Unreadable) == 0 && len(result.Findings) > 0 {
			said = result.Findings[0].Message + " " + result.Findings[0].Fix
		}
		if !strings.HasPrefix(got, m.want) || !strings.Contains(said, m.says) {
			t.Errorf("%s with %q: the first is %q, %q; expected %q, %q", m.file, m.to, got, said, m.want, m.says)
		}
	}
}
