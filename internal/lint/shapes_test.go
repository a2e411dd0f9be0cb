package lint

import (
	"strings"
	"testing"
)

// What is about several containers, and manifests in the shapes that charts and kubectl give them.
func TestShapes(t *testing.T) {
	t.Parallel()
	const (
		statefulSet = `# Source: search/templates/statefulset.yaml
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: search-master
  labels: {app: search-master, chart: search, release: "r1", heritage: Helm}
spec:
  serviceName: search-master-headless
  selector: {matchLabels: {app: search-master}}
  template:
    metadata:
      labels: {app: search-master}
    spec:
      securityContext: {fsGroup: 1000, runAsUser: 1000}
      terminationGracePeriodSeconds: 120
      volumes:
      - name: prestop
        emptyDir: {}
      initContainers:
      - name: configure-sysctl
        image: busybox
        command: [sysctl, -w, vm.max_map_count=262144]
        securityContext: {privileged: true, runAsUser: 0}
      - name: install-prestop
        image: "registry.example.com/mirror/prestop/prestop:1"
        args: [install, /shared/]
        volumeMounts: [{name: prestop, mountPath: /shared}]
      containers:
      - name: elasticsearch
        image: elasticsearch:9.3.0
        env:
        - name: node.name
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        - name: PRE_STOP_GRACE_PERIOD_SECONDS
          value: "120"
        - name: PRE_STOP_ELASTICSEARCH_URL
          value: "https://search-master:9200"
        envFrom:
        - secretRef: {name: search-credentials}
        ports:
        - {name: http, containerPort: 9200}
        - {name: transport, containerPort: 9300}
        readinessProbe:
          exec:
            command: [bash, -c, "curl -s -o /dev/null http://127.0.0.1:9200"]
          failureThreshold: 3
          periodSeconds: 10
        STARTUP
        lifecycle:
          preStop:
            exec:
              command: [/shared/prestop]
        volumeMounts:
        - {name: data, mountPath: /usr/share/elasticsearch/data}
        - {name: prestop, mountPath: /shared}
  volumeClaimTemplates:
  - metadata: {name: data}
`
		clear = "startupProbe: {exec: {command: [/shared/prestop, elasticsearch-clear]}, timeoutSeconds: 10, failureThreshold: 60}"
		proxy = `apiVersion: v1
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata:
    annotations: {deployment.kubernetes.io/revision: "3"}
    creationTimestamp: "2025-01-01T00:00:00Z"
    name: shop
    namespace: shop
    resourceVersion: "1"
    uid: 7d1c3d0e-0000-0000-0000-000000000000
  spec:
    replicas: 2
    template:
      metadata: {creationTimestamp: null, labels: {app: shop}}
      spec:
        containers:
        - image: example/shop:1
          imagePullPolicy: IfNotPresent
          name: shop
          env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: "60"}]
          ports: [{containerPort: 8080, protocol: TCP}]
          lifecycle: {preStop: {exec: {command: [/prestop, wait 20s]}}}
          terminationMessagePath: /dev/termination-log
        - image: example/cloud-sql-proxy:2
          name: cloud-sql-proxy
          lifecycle: {preStop: HOOK}
        dnsPolicy: ClusterFirst
        restartPolicy: Always
        terminationGracePeriodSeconds: 60
  status: {replicas: 2}
kind: List
metadata: {resourceVersion: ""}
`
		native = `kind: Pod
metadata: {name: shop}
spec:
  initContainers:
  - {name: tunnel, image: "example/tunnel:1", restartPolicy: Always, lifecycle: {preStop: HOOK}}
  containers:
  - {name: shop, image: "example/shop:1", lifecycle: {preStop: {sleep: {seconds: 20}}}}
`
		mesh = `kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata:
      ANNOTATIONS
    spec:
      terminationGracePeriodSeconds: 60
      containers:
      - name: web
        env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: "60"}]
        lifecycle: {preStop: {exec: {command: [/prestop, "post http://localhost:8080/x", STEPS]}}}
`
		cron = `apiVersion: batch/v1
kind: CronJob
metadata: {name: report}
spec:
  schedule: "0 * * * *"
  jobTemplate:
    spec:
      template:
        spec:
          terminationGracePeriodSeconds: 20
          containers: [{name: report, lifecycle: {preStop: {exec: {command: [sh, -c, sleep 20]}}}}]
`
		lacking = `apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 60
  containers:
  - name: web
    env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: "60"}]
    lifecycle: {preStop: {exec: {command: [/prestop, STEP]}}}
`
		operator = `apiVersion: elasticsearch.k8s.elastic.co/v1
kind: Elasticsearch
metadata: {name: logs}
spec:
  nodeSets:
  - name: default
    podTemplate:
      spec:
        containers:
        - name: elasticsearch
          env: ENV
          lifecycle: {preStop: {exec: {command: [/opt/prestop/prestop]}}}
`
	)
	with := func(text, old, with string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("%q is not in the text", old)
		}
		return strings.Replace(text, old, with, 1)
	}
	istio := func(annotations, steps string) string {
		return with(with(mesh, "ANNOTATIONS", annotations), "STEPS", steps)
	}
	const injected = `annotations: {sidecar.istio.io/inject: "true"}`
	checkAll(t, map[string]linting{
		"search":              {with(statefulSet, "STARTUP", clear), nil},
		"search, no clear":    {with(statefulSet, "        STARTUP\n", ""), []string{"51 error elasticsearch-not-cleared"}},
		"search, no volume":   {with(with(statefulSet, "STARTUP", clear), "        - {name: prestop, mountPath: /shared}\n", ""), []string{"52 error binary-not-mounted"}},
		"search, no install":  {with(with(statefulSet, "STARTUP", clear), "        args: [install, /shared/]\n", ""), []string{"51 error binary-not-installed"}},
		"search, not equal":   {with(with(statefulSet, "STARTUP", clear), `"120"`, `"180"`), []string{"35 error grace-differs"}},
		"search, as a number": {with(with(statefulSet, "STARTUP", clear), `"120"`, `120`), []string{"35 error wrong-type"}},
		"search, remove": {with(with(statefulSet, "STARTUP", clear), "        envFrom:\n", "        - {name: PRE_STOP_SHUTDOWN_TYPE, value: remove}\n        envFrom:\n"),
			[]string{"38 warning elasticsearch-moves-data"}},
		"search, a day to remove": {with(with(with(with(statefulSet, "STARTUP", clear), "        envFrom:\n", "        - {name: PRE_STOP_SHUTDOWN_TYPE, value: remove}\n        envFrom:\n"),
			"terminationGracePeriodSeconds: 120", "terminationGracePeriodSeconds: 86400"), `"120"`, `"86400"`), nil},

		"a proxy that waits for the app":   {with(proxy, "HOOK", "{exec: {command: [sh, -c, 'while nc -z localhost 8080; do sleep 1; done']}}"), nil},
		"a proxy that sleeps longer":       {with(proxy, "HOOK", "{sleep: {seconds: 30}}"), nil},
		"a proxy that sleeps less":         {with(proxy, "HOOK", "{sleep: {seconds: 10}}"), []string{"27 warning sidecar-ends-first"}},
		"a proxy that may sleep less":      {with(with(proxy, "HOOK", "{sleep: {seconds: 20}}"), "wait 20s", "until quiet 8080 max=50s"), []string{"27 warning sidecar-ends-first"}},
		"a proxy whose sleep may be short": {with(with(proxy, "HOOK", "{exec: {command: [sleep, '20']}}"), "wait 20s", "until quiet 8080 max=50s"), []string{"27 warning sidecar-ends-first"}},
		"a proxy that waits as well":       {with(with(proxy, "HOOK", "{sleep: {seconds: 50}}"), "wait 20s", "until quiet 8080 max=50s"), nil},
		"a proxy that is ended at once":    {with(proxy, "HOOK", "{exec: {command: [sh, -c, 'curl -X POST localhost:9091/quitquitquit']}}"), []string{"27 warning sidecar-ends-first"}},
		"a proxy by its image": {with(with(proxy, "HOOK", "{sleep: {seconds: 10}}"),
			"example/cloud-sql-proxy:2\n          name: cloud-sql-proxy", "registry.example:5000/envoy:2\n          name: second"), []string{"27 warning sidecar-ends-first"}},
		"a proxy that is ended after":       {with(proxy, "HOOK", "{exec: {command: [sh, -c, 'sleep 30; curl -X POST localhost:9091/quitquitquit']}}"), nil},
		"a native sidecar that sleeps less": {with(native, "HOOK", "{sleep: {seconds: 10}}"), nil},
		"a native sidecar that quits":       {with(native, "HOOK", "{exec: {command: [tunnel, stop]}}"), nil},
		"templates of a leader and workers": {"apiVersion: leaderworkerset.x-k8s.io/v1\nkind: LeaderWorkerSet\nspec:\n  leaderWorkerTemplate:\n" +
			"    leaderTemplate: {spec: {containers: [{name: l, lifecycle: {preStop: {sleep: {seconds: 30}}}}]}}\n" +
			"    workerTemplate: {spec: {containers: [{name: w, lifecycle: {preStop: {sleep: {seconds: 29}}}}]}}\n", []string{"5 error sleep-fills-grace"}},
		"a podTemplate of an operator": {"apiVersion: kibana.k8s.elastic.co/v1\nkind: Kibana\nspec:\n" +
			"  podTemplate: {spec: {containers: [{name: kibana, lifecycle: {preStop: {sleep: {seconds: 30}}}}]}}\n", []string{"4 error sleep-fills-grace"}},
		"a native sidecar that is killed": {with(native, "HOOK", "{exec: {command: [sh, -c, 'kill 1']}}"), []string{"5 warning sidecar-ends-first", "5 warning signals-and-returns"}},

		"in a mesh, local steps":   {istio(injected, `"wait 20s", "post http://localhost:8080/y"`), nil},
		"in a mesh, early":         {istio(injected, `"post http://registry/y", "wait 20s"`), nil},
		"in a mesh, for long":      {istio(injected, `"until http://registry/y"`), []string{"12 warning classic-istio"}},
		"in a mesh, Elasticsearch": {with(istio(injected, `"elasticsearch http://es:9200"`), "        lifecycle", "        startupProbe: {exec: {command: [/prestop, elasticsearch-clear]}, timeoutSeconds: 9, failureThreshold: 60}\n        lifecycle"), nil},
		"in a mesh, late":          {istio(injected, `"wait 20s", "post http://registry/y"`), []string{"12 warning classic-istio"}},
		"in a mesh, a lock":        {istio(injected, `"wait 20s", "unlock redis://redis key=a value-file=/b"`), []string{"12 warning classic-istio"}},
		"a step that lacks POD_IP": {with(lacking, "STEP", "until gone web max=50s") + "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, clusterIP: 10.0.0.7}\n",
			[]string{"9 error gone-not-headless", "9 error step-unreadable"}},
		"a step that lacks a URL":        {with(lacking, "STEP", "elasticsearch type=remove"), []string{"9 error elasticsearch-not-cleared", "9 error step-unreadable"}},
		"in no mesh":                     {istio("labels: {app: web}", `"wait 20s", "post http://registry/y"`), nil},
		"in a mesh, the proxy stays":     {istio(`annotations: {sidecar.istio.io/inject: "true", proxy.istio.io/config: "proxyMetadata: {EXIT_ON_ZERO_ACTIVE_CONNECTIONS: 'true'}"}`, `"wait 20s", "post http://registry/y"`), nil},
		"in a mesh, past the proxy":      {istio(`annotations: {sidecar.istio.io/inject: "true", traffic.sidecar.istio.io/excludeOutboundPorts: "443"}`, `"wait 20s", "post http://registry/y"`), nil},
		"in a mesh, injected already":    {with(istio("labels: {app: web}", `"wait 20s", "post http://registry/y"`), "      - name: web\n", "      - name: istio-proxy\n      - name: web\n"), []string{"13 warning classic-istio"}},
		"in a mesh, injected as sidecar": {with(istio(injected, `"wait 20s", "post http://registry/y"`), "      containers:\n", "      initContainers: [{name: istio-proxy, restartPolicy: Always}]\n      containers:\n"), nil},

		"a CronJob": {cron, []string{"11 error sleep-fills-grace"}},
		"a Job":     {with(with(cron, "  jobTemplate:\n    spec:\n      template:\n        spec:\n", "  template:\n        spec:\n"), "kind: CronJob", "kind: Job"), []string{"9 error sleep-fills-grace"}},

		"an operator's":                 {with(operator, "ENV", `[{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: "180"}]`), nil},
		"an operator's, nothing said":   {with(operator, "ENV", "[]"), nil},
		"an operator's, not equal":      {with(operator, "ENV", `[{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: "60"}]`), []string{"11 warning grace-differs"}},
		"an operator's own hook":        {with(with(operator, "ENV", `[{name: PRE_STOP_ADDITIONAL_WAIT_SECONDS, value: "20"}]`), "          lifecycle: {preStop: {exec: {command: [/opt/prestop/prestop]}}}\n", ""), nil},
		"an operator's, another's pods": {with(operator, "ENV", `[{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: "180"}, {name: PRE_STOP_SHUTDOWN_TYPE, value: remove}]`), []string{"11 warning elasticsearch-moves-data"}},
	})
}

// Istio's own ports are 15000 to 15999. A port may have any number of digits.
func TestPortsBesideIstio(t *testing.T) {
	t.Parallel()
	all := map[string]linting{}
	for port, want := range map[string][]string{
		"9": {"7 warning quiet-port-undeclared"}, "15": {"7 warning quiet-port-undeclared"}, "150": {"7 warning quiet-port-undeclared"}, "1509": {"7 warning quiet-port-undeclared"},
		"15090": nil, "15999": nil, "16000": {"7 warning quiet-port-undeclared"}, "8080": nil,
	} {
		all[port] = linting{`kind: Pod
metadata: {name: web, labels: {sidecar.istio.io/inject: "true"}}
spec:
  containers:
  - name: web
    ports: [{containerPort: 8080}]
    lifecycle: {preStop: {exec: {command: [/prestop, until quiet ` + port + `]}}}
    env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: "30"}]
`, want}
	}
	checkAll(t, all)
}

// A script that a ConfigMap of the same input brings is read as the hook's.
func TestScriptsOfConfigMaps(t *testing.T) {
	t.Parallel()
	const config = "---\nkind: ConfigMap\nmetadata: {name: scripts}\ndata:\n  stop.sh: |\n    #!/bin/sh\n    nginx -s quit\n    sleep $WAIT\n  stop.py: |\n    #!/usr/bin/env python3\n    sleep 45\n  prestop.sh: exec /prestop wait 20s\n"
	pod := []string{"volumes: [{name: s, configMap: {name: scripts, defaultMode: 0755, items: [{key: stop.sh, path: a/stop}, {key: stop.py, path: stop.py}, {key: prestop.sh, path: b}]}}]"}
	all := map[string]linting{}
	for hook, want := range map[string][]string{
		"[/scripts/a/stop]":         {"11 error sleep-fills-grace"},
		"[sh, -e, /scripts/a/stop]": {"11 error sleep-fills-grace"},
		"[sh, /scripts/other]":      {"11 error script-not-runnable"},
		"[/scripts/stop.py]":        nil,
		"[/elsewhere/a/stop]":       nil,
	} {
		text := shape(pod, []string{"env: [{name: WAIT, value: '45'}]", "volumeMounts: [{name: s, mountPath: /scripts}]"}, "{exec: {command: "+hook+"}}") + config
		all[hook] = linting{text, want}
	}
	text := shape(pod, []string{"env: [{name: PRE_STOP_APP_URL, value: 'http://localhost/x'}]", "volumeMounts: [{name: s, mountPath: /scripts}]"}, "{exec: {command: [/scripts/b]}}") + config
	all["a script that runs prestop"] = linting{text, nil}
	checkAll(t, all)
}
