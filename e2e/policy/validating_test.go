package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"

	"github.com/prestop/prestop/e2e/policy"
	"github.com/prestop/prestop/internal/inject"
	"github.com/prestop/prestop/internal/inject/injecttest"
	"github.com/prestop/prestop/internal/lint"
)

func validator(t *testing.T) *policy.Evaluator {
	t.Helper()
	objects, err := policy.Objects("../../deploy/validate/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		switch o := o.(type) {
		case *admissionv1.ValidatingAdmissionPolicy:
			fail := admissionv1.Fail
			o.Spec.FailurePolicy = &fail
			defaults(o.Spec.MatchConstraints)
		case *admissionv1.ValidatingAdmissionPolicyBinding:
			defaults(o.Spec.MatchResources)
		}
	}
	for _, ns := range []string{"warn", "deny"} {
		objects = append(objects, namespace(ns, map[string]string{"prestop.github.io/validate": ns}))
	}
	s := policy.NewServer(withSchemas, append(objects, namespace("other", nil))...)
	e, err := s.Start(t.Context(), validating.PluginName, validating.Register, initialize(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// What is told of a pod, by the identifier that lint has for it.
var told = map[string]string{
	"sleep-fills-grace": "sleeps as long as the grace period",
	"grace-differs":     inject.GraceVariable + " is not the pod's",
	"secret-in-hook":    "holds a secret",
}

// The policy warns of what lint finds, and of nothing else.
func TestValidatesAsLint(t *testing.T) {
	e := validator(t)
	for _, c := range []struct {
		grace     string // empty: not set
		container string
		want      []string
	}{
		{"", "lifecycle: {preStop: {sleep: {seconds: 30}}}", []string{"sleep-fills-grace"}},
		{"", "lifecycle: {preStop: {sleep: {seconds: 29}}}", nil},
		{"60", "lifecycle: {preStop: {exec: {command: [sleep, '60']}}}", []string{"sleep-fills-grace"}},
		{"60", "lifecycle: {preStop: {exec: {command: [/bin/sh, -c, 'sleep 1m']}}}", []string{"sleep-fills-grace"}},
		{"60", "lifecycle: {preStop: {exec: {command: [/bin/sh, -c, 'sleep 40; sleep 20s']}}}", []string{"sleep-fills-grace"}},
		{"60", "lifecycle: {preStop: {exec: {command: [/bin/sh, -c, 'sleep 40; nginx -s quit; sleep 10']}}}", nil},
		{"60", "lifecycle: {preStop: {exec: {command: [/bin/sh, -c, 'sleep infinity']}}}", []string{"sleep-fills-grace"}},
		{"60", "lifecycle: {preStop: {exec: {command: [/bin/sh, -c, 'sleep 5; sleep infinity']}}}", []string{"sleep-fills-grace"}},
		{"60", "lifecycle: {preStop: {exec: {command: [bash, -ec, 'sleep 5 && /bin/sleep 1m; exec sleep inf; app stop']}}}", []string{"sleep-fills-grace"}},
		{"60", "lifecycle: {preStop: {exec: {command: [timeout, '9', sh, -c, 'sleep 5; sleep infinity']}}}", nil},
		{"60", "lifecycle: {preStop: {exec: {command: [sh, -c, 'sleep 5; sleep infinity & app stop']}}}", nil},
		{"60", "lifecycle: {preStop: {exec: {command: [sh, -c, 'sleep 5; app 1; sleep infinity']}}}", nil},
		{"60", "lifecycle: {preStop: {exec: {command: [sh, -c, 'sleep 5; /app/stop;/bin/sleep infinity']}}}", nil},
		{"60", "lifecycle: {preStop: {exec: {command: [sh, -c, 'sleep 5; ./stop;/bin/sleep 1; sleep infinity']}}}", nil},
		{"60", "lifecycle: {preStop: {exec: {command: [/bin/sh, -c, 'app stop; sleep infinity & wait']}}}", nil},
		{"60", "lifecycle: {preStop: {exec: {command: [/bin/sh, -c, 'sleep 90; app stop; sleep infinity']}}}", []string{"sleep-fills-grace"}},
		{"60", "lifecycle: {preStop: {exec: {command: [/bin/sh, -c, 'sleep infinity; app stop']}}}", []string{"sleep-fills-grace"}},
		{"60", "lifecycle: {preStop: {exec: {command: [/bin/sh, -c, 'app stop; exec sleep infinity']}}}", nil},
		{"60", "lifecycle: {preStop: {exec: {command: [/bin/sh, -c, 'app stop && { /bin/sleep infinity; }']}}}", nil},
		{"60", "lifecycle: {preStop: {exec: {command: [/bin/sh, -c, '(exec sleep infinity)']}}}", []string{"sleep-fills-grace"}},
		{"60", "lifecycle: {preStop: {exec: {command: [/app/oversleep, '90']}}}", nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "if [ -f /x ]; then sleep 30; else sleep 40; fi"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "case $A in a) sleep 40;; b) sleep 30;; esac"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "# sleep 90\nsleep 5"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "echo sleep 90; sleep 5"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep 90 & sleep 5"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "timeout 10 sleep 90"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "logger going to sleep 90; sleep 5"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep 60 # as long"]}}}`, []string{"sleep-fills-grace"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep 60\nif true; then nginx -s quit; fi"]}}}`, []string{"sleep-fills-grace"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep 30 && app quit >/dev/null 2>&1; sleep 30"]}}}`, []string{"sleep-fills-grace"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "app quit || true; sleep 5"]}}}`, nil},
		{"60", "lifecycle: {preStop: {exec: {command: [sleep, '30', '30']}}}", []string{"sleep-fills-grace"}},
		{"60", "lifecycle: {preStop: {exec: {command: [/prestop, exec sleep 60]}}}", nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "ssh host sleep 90"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "exit 0; sleep 70"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "curl x/exit; sleep 70"]}}}`, []string{"sleep-fills-grace"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "cat <<X\nsleep 90\nX\nsleep 5"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep '60'"]}}}`, []string{"sleep-fills-grace"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep \"60\"; nginx -s quit"]}}}`, []string{"sleep-fills-grace"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep 30 30"]}}}`, []string{"sleep-fills-grace"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep 30 20s"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep 55 2>&1"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep 40 >/dev/null 2>&1; sleep 20"]}}}`, []string{"sleep-fills-grace"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "app & sleep 70"]}}}`, []string{"sleep-fills-grace"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "app 2>&1 & sleep 70"]}}}`, []string{"sleep-fills-grace"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep 70 & sleep 5"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep 70 & wait"]}}}`, []string{"sleep-fills-grace"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "app quit & sleep 70 &\nwait $!\napp stop"]}}}`, []string{"sleep-fills-grace"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep 70 & wait-for app"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep 70 & wait $P; app quit"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep 70 && wait"]}}}`, []string{"sleep-fills-grace"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep 1.5m"]}}}`, []string{"sleep-fills-grace"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep 30.5; sleep 29.5s"]}}}`, []string{"sleep-fills-grace"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep 0.9m"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep 40;sleep 20"]}}}`, []string{"sleep-fills-grace"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep 40&&sleep 20"]}}}`, []string{"sleep-fills-grace"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "exec app; sleep 70"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "exec sleep 70"]}}}`, []string{"sleep-fills-grace"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "app && sleep 1m || true"]}}}`, []string{"sleep-fills-grace"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep 1m30s"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "{ sleep 70; app; } & true"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "(sleep 70)"]}}}`, []string{"sleep-fills-grace"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "A=1 nohup /bin/sleep 70"]}}}`, []string{"sleep-fills-grace"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "/prestop 'exec sleep 70'"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep 70 && exit 0"]}}}`, []string{"sleep-fills-grace"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "app sleep 70"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "nice -n 70 sleep 5"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep 5; app 70"]}}}`, nil},
		{"60", "lifecycle: {preStop: {httpGet: {path: /sleep, port: 80}}}", nil},
		{"60", "lifecycle: {postStart: {exec: {command: [sleep, '90']}}}", nil},
		{"", "env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: '60'}], lifecycle: {preStop: {exec: {command: [/prestop, wait 10s]}}}", []string{"grace-differs"}},
		{"90", "env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: 60s}], lifecycle: {preStop: {exec: {command: [/prestop, wait 10s]}}}", []string{"grace-differs"}},
		{"60", "env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: '60'}], lifecycle: {preStop: {exec: {command: [/prestop, wait 10s]}}}", nil},
		{"60", "env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: '90'}], lifecycle: {preStop: {exec: {command: [/app/drain]}}}", nil},
		{"60", "env: [{name: PRE_STOP_ASK_API, value: 'true'}, {name: PRE_STOP_GRACE_PERIOD_SECONDS, value: '90'}], lifecycle: {preStop: {exec: {command: [/prestop, wait 10s]}}}", nil},
		{"60", "env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: '30'}], lifecycle: {preStop: {exec: {command: [/prestop, --grace-period=60, wait 10s]}}}", nil},
		{"60", "env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: '30'}], lifecycle: {preStop: {exec: {command: [/prestop, --ask-api, wait 10s]}}}", nil},
		{"60", "lifecycle: {preStop: {exec: {command: [curl, -u, 'admin:s3cr3t', 'http://localhost/x']}}}", []string{"secret-in-hook"}},
		{"60", "lifecycle: {preStop: {exec: {command: [sh, -c, 'curl http://admin:s3cr3t@localhost/x']}}}", []string{"secret-in-hook"}},
		{"60", `lifecycle: {preStop: {exec: {command: [sh, -c, 'curl -H "X-Vault-Token: 5f2c8a" http://localhost/x']}}}`, []string{"secret-in-hook"}},
		{"60", `lifecycle: {preStop: {exec: {command: [sh, -c, 'curl -H "Authorization: Bearer abcdef" http://localhost/x']}}}`, []string{"secret-in-hook"}},
		{"60", "lifecycle: {preStop: {exec: {command: [redis-cli, --pass, hunter2, shutdown]}}}", []string{"secret-in-hook"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "curl -d 'password = hunter2' x"]}}}`, []string{"secret-in-hook"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "curl -su admin:hunter2 x"]}}}`, []string{"secret-in-hook"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "app --client-secret hunter2"]}}}`, []string{"secret-in-hook"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "MYSQL_PWD=hunter2 app"]}}}`, []string{"secret-in-hook"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "curl redis://:hunter2@host"]}}}`, []string{"secret-in-hook"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "redis-cli -a hunter2 save"]}}}`, []string{"secret-in-hook"}},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "redis-cli -a $P save"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "password= app drain"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "curl -su $U:$P x"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "curl http://h:8080/a@b"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "curl -u 1000:1000 x"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "psql --no-password drain"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "curl -H 'Authorization: Bearer '$T"]}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [sh, -c, 'curl -u "$USER:$PASSWORD" http://localhost/x']}}}`, nil},
		{"60", `lifecycle: {preStop: {exec: {command: [sh, -c, 'curl -H "Authorization: Bearer $(cat /token)" http://localhost/x']}}}`, nil},
		{"60", "lifecycle: {preStop: {exec: {command: [mysqladmin, --password=, shutdown]}}}", nil},
		{"60", "lifecycle: {preStop: {exec: {command: [su, -u, '1000:1000', drain]}}}", nil},
		{"", "image: example/app:1", nil},
		{"60", "restartPolicy: Always, lifecycle: {preStop: {sleep: {seconds: 60}}}", []string{"sleep-fills-grace"}},
		{"60", "restartPolicy: Always, lifecycle: {preStop: {exec: {command: [sleep, '30']}}}", nil},
	} {
		grace, list := "", "containers"
		if strings.HasPrefix(c.container, "restartPolicy") { // a native sidecar
			list = "containers: [{name: main}], initContainers"
		}
		if c.grace != "" {
			grace = "terminationGracePeriodSeconds: " + c.grace + ", "
		}
		text := fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {%s%s: [{name: app, %s}]}\n", grace, list, c.container)
		var found []string
		for _, f := range lint.Check([]lint.File{{Name: "pod", Content: []byte(text)}}).Findings {
			if told[f.ID] != "" {
				found = append(found, f.ID)
			}
		}
		if !slices.Equal(found, c.want) {
			t.Errorf("%s: lint finds %q, want %q", text, found, c.want)
		}
		objects, err := policy.Decode(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		pod := objects[0].(*corev1.Pod)
		deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{Spec: pod.Spec}}}
		t.Log(text)
		for _, o := range []runtime.Object{pod, deployment} {
			check(t, e, o, c.want)
		}
	}
}

func check(t *testing.T, e *policy.Evaluator, o runtime.Object, want []string) {
	t.Helper()
	m := o.(metav1.Object)
	m.SetNamespace("warn")
	warnings, err := e.Ask(o)
	if err != nil || len(warnings) != len(want) {
		t.Errorf("%T: warnings %q, want %q: %v", o, warnings, want, err)
	}
	for _, id := range want {
		if !slices.ContainsFunc(warnings, func(w string) bool { return strings.Contains(w, told[id]) && strings.Contains(w, "container app: ") }) {
			t.Errorf("%T: warnings %q, want %s", o, warnings, id)
		}
	}
	m.SetNamespace("deny")
	if _, err := e.Ask(o); (err != nil) != (len(want) > 0) {
		t.Errorf("%T: where it is to be refused: %v", o, err)
	}
	now := metav1.Now()
	m.SetDeletionTimestamp(&now)
	if _, err := e.Ask(o); err != nil {
		t.Errorf("%T: its deletion cannot end: %v", o, err)
	}
	m.SetDeletionTimestamp(nil)
	m.SetNamespace("other")
	if warnings, err := e.Ask(o); err != nil || len(warnings) > 0 {
		t.Errorf("%T: in a namespace that did not ask: %q %v", o, warnings, err)
	}
}

// What inject makes is never a mistake.
func TestInjectedIsValid(t *testing.T) {
	e := validator(t)
	pods, err := injecttest.Pods()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pods {
		if p.Name == "sleeps" {
			continue // it has a mistake of its own
		}
		p.Spec = inject.Inject(injecttest.Pod(p), forms["image-volume"]).Spec
		p.Namespace = "deny"
		if _, err := e.Ask(p); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
}
