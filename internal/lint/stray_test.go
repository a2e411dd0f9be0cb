package lint

import (
	"strings"
	"testing"
)

// A hook where Kubernetes does not look for one is no hook; in somebody else's object it may be one. A key that stands twice has one meaning in
// all rules.
func TestStrays(t *testing.T) {
	t.Parallel()
	const containers = "{containers: [{name: app, lifecycle: {preStop: {sleep: {seconds: 30}}}}]}"
	checkAll(t, map[string]linting{
		"a kind that is none":           {"apiVersion: apps/v1\nkind: Deploymnt\nspec: {template: {spec: " + containers + "}}\n", []string{"2 error kind-unknown"}},
		"a kind in lower case":          {"apiVersion: v1\nkind: pod\nspec: " + containers + "\n", []string{"2 error kind-unknown"}},
		"a kind of others in v1":        {"apiVersion: v1\nkind: Node\nspec: {podCIDR: 10.0.0.0/24}\n", nil},
		"a group that is none":          {"apiVersion: app/v1\nkind: Deployment\nspec: {template: {spec: {containers: [{name: app}]}}}\n", []string{"1 error kind-unknown"}},
		"labels without metadata":       {"apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    labels: {a: b}\n    spec: " + strings.Replace(containers, "30", "5", 1) + "\n", []string{"5 error field-misspelt"}},
		"a List with a misspelt field":  {"apiVersion: v1\nkind: List\nitem: [{apiVersion: apps/v1, kind: Deployment, spec: {template: {spec: " + containers + "}}}]\n", []string{"3 error hook-misplaced"}},
		"a List of nothing":             {"apiVersion: v1\nkind: List\nitems: []\n", nil},
		"a part of a field's name":      {"apiVersion: v1\nkind: Pod\nspec:\n  gracePeriodSeconds: 60\n  containers: []\n", []string{"4 error field-misspelt"}},
		"a volume called prestop":       {"apiVersion: v1\nkind: Pod\nspec:\n  volumes:\n  - prestop: {image: {reference: x}}\n  containers: []\n", []string{"5 warning field-misspelt"}},
		"a number in a ConfigMap":       {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {A: 1, B: \"1\"}\n---\nkind: Pod\nspec: {containers: [{name: app, envFrom: [{configMapRef: {name: c}}], lifecycle: {preStop: {sleep: {seconds: 5}}}}]}\n", []string{"4 error wrong-type"}},
		"a version that is none":        {"apiVersion: apps/v2\nkind: Deployment\nspec: {template: {spec: {containers: [{name: app}]}}}\n", []string{"1 error kind-unknown"}},
		"an apiVersion of old":          {"apiVersion: extensions/v1beta1\nkind: Deployment\nspec: {template: {spec: {containers: [{name: app}]}}}\n", nil},
		"no apiVersion":                 {"kind: Deployment\nspec: {template: {spec: {containers: [{name: app}]}}}\n", nil},
		"a Deployment of somebody's":    {"apiVersion: apps.example.com/v1\nkind: deployment\nspec: {template: {spec: {containers: [{name: app}]}}}\n", nil},
		"a jobTemplate without a spec":  {"apiVersion: batch/v1\nkind: CronJob\nspec:\n  jobTemplate:\n    template: {spec: " + containers + "}\n", []string{"5 error field-misspelt"}},
		"another's template":            {"apiVersion: batch/v1\nkind: CronJob\nspec: {template: {spec: " + containers + "}}\n", []string{"3 error hook-misplaced"}},
		"a template that is misspelt":   {"kind: Deployment\nspec: {tempate: {spec: " + containers + "}}\n", []string{"2 error field-misspelt"}},
		"containers that are misspelt":  {"kind: Deployment\nspec: {template: {spec: " + strings.Replace(containers, "containers", "container", 1) + "}}\n", []string{"2 error field-misspelt"}},
		"a podTemplate of ECK":          {"apiVersion: elasticsearch.k8s.elastic.co/v1\nkind: Elasticsearch\nspec: {nodeSets: [{podtemplate: {spec: " + containers + "}}]}\n", []string{"3 error field-misspelt"}},
		"nodeSets of ECK":               {"apiVersion: elasticsearch.k8s.elastic.co/v1\nkind: Elasticsearch\nspec: {nodeSet: [{podTemplate: {spec: " + containers + "}}]}\n", []string{"3 error field-misspelt"}},
		"a Pod without a spec":          {"apiVersion: v1\nkind: Pod\ntemplate: {spec: " + containers + "}\n", []string{"3 error hook-misplaced"}},
		"a spec that another replaces":  {"apiVersion: v1\nkind: Pod\nspec: " + containers + "\nspec: {restartPolicy: Never}\n", []string{"4 warning duplicate-key"}},
		"a podTemplate one level off":   {"apiVersion: elasticsearch.k8s.elastic.co/v1\nkind: Elasticsearch\nspec: {pods: {spec: " + containers + "}}\n", []string{"3 error hook-misplaced"}},
		"a kind of somebody's":          {"apiVersion: apps.example.com/v1\nkind: CloneSet\nspec: {template: {spec: " + containers + "}}\n", []string{"3 error sleep-fills-grace"}},
		"a Job of somebody's":           {"apiVersion: batch.example.com/v1\nkind: Job\nspec: {tasks: [{template: {spec: " + containers + "}}]}\n", []string{"3 error sleep-fills-grace"}},
		"a Workflow of Argo's":          {"apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nspec: {templates: [{container: {image: x, lifecycle: {preStop: {exec: {command: [sleep, '5']}}}}}]}\n", nil},
		"an Application of Argo's":      {"apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec: {source: {helm: {valuesObject: {lifecycle: {preStop: {sleep: {seconds: 5}}}}}}}\n", nil},
		"a template of Argo's":          {"apiVersion: argoproj.io/v1alpha1\nkind: Experiment\nspec: {templates: [{template: {spec: " + containers + "}}]}\n", []string{"3 error sleep-fills-grace"}},
		"a proxy of Linkerd's":          {"apiVersion: v1\nkind: Pod\nmetadata:\n  annotations: {config.alpha.linkerd.io/proxy-wait-before-exit-seconds: \"40\"}\nspec: {containers: [{name: app}]}\n", []string{"4 error sleep-fills-grace"}},
		"a proxy that sleeps less":      {"apiVersion: v1\nkind: Pod\nmetadata:\n  annotations: {config.alpha.linkerd.io/proxy-wait-before-exit-seconds: \"20\"}\nspec: {containers: [{name: app}]}\n", nil},
		"an ephemeral container":        {"apiVersion: v1\nkind: Pod\nspec:\n  containers: [{name: app}]\n  ephemeralContainers: [{name: shell, lifecycle: {preStop: {sleep: {seconds: 5}}}}]\n", []string{"5 error hook-misplaced"}},
		"a wait of ECK's own hook":      {"apiVersion: elasticsearch.k8s.elastic.co/v1\nkind: Elasticsearch\nmetadata: {name: logs}\nspec: {nodeSets: [{podTemplate: {spec: {containers: [{name: elasticsearch,\n    env: [{name: PRE_STOP_ADDITIONAL_WAIT_SECONDS, value: \"180\"}]}]}}}]}\n", []string{"5 error grace-too-short"}},
		"a shorter wait of ECK's":       {"apiVersion: elasticsearch.k8s.elastic.co/v1\nkind: Elasticsearch\nmetadata: {name: logs}\nspec: {nodeSets: [{podTemplate: {spec: {containers: [{name: elasticsearch,\n    env: [{name: PRE_STOP_ADDITIONAL_WAIT_SECONDS, value: \"150\"}]}]}}}]}\n", nil},
		"a Service of Knative's":        {"apiVersion: serving.knative.dev/v1\nkind: Service\nspec: {template: {spec: {timeoutSeconds: 600, containers: [{env: [{name: PRE_STOP_LOG_TO, value: container}],\n    lifecycle: {preStop: {exec: {command: [sleep, '90']}}}}]}}}\n", []string{"4 error hook-misplaced"}},
		"several templates":             {"apiVersion: ray.io/v1\nkind: RayService\nspec:\n  head: {template: {spec: {containers: [{name: head}]}}}\n  workers:\n  - template: {spec: " + containers + "}\n  - template: {spec: " + containers + "}\n", []string{"6 error sleep-fills-grace", "7 error sleep-fills-grace"}},
		"a template, and an alias":      {"apiVersion: ray.io/v1\nkind: RayService\nspec:\n  head:\n    template: &a {spec: " + containers + "}\n  tail: {template: *a}\n", []string{"5 error sleep-fills-grace"}},
		"a Rollout that is misspelt":    {"apiVersion: argoproj.io/v1alpha1\nkind: rollout\nspec: {template: {spec: " + containers + "}}\n", []string{"2 error kind-unknown"}},
		"a PodTemplate":                 {"apiVersion: v1\nkind: PodTemplate\ntemplate: {spec: " + containers + "}\n", []string{"3 error sleep-fills-grace"}},
		"what a Deployment was":         {"apiVersion: apps/v1\nkind: ControllerRevision\ndata: {spec: {template: {spec: " + containers + "}}}\n", nil},
		"a List":                        {"apiVersion: v1\nkind: List\nitems: [{apiVersion: apps/v1, kind: Deployment, spec: {template: {spec: " + containers + "}}}]\n", []string{"3 error sleep-fills-grace"}},
		"a schema":                      {"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: {template: {spec: {containers: {properties: {preStop: {type: object}}}}}}\n", nil},
		"instructions of a patch":       {"kind: Deployment\nspec:\n  template:\n    spec:\n      $setElementOrder/containers: [{name: app}]\n      containers:\n      - {name: app, $patch: replace, lifecycle: {preStop: {sleep: {seconds: 5}}}}\n", nil},
		"a template twice":              {"kind: Deployment\nspec:\n  template: {metadata: {labels: {app: web}}}\n  template: {spec: {containers: [{name: web, lifecycle: {preStop: {exec: {command: [/prestop, wait 5s]}}}}]}}\n", []string{"4 warning duplicate-key"}},
		"a template twice, and a hook":  {"kind: Deployment\nspec:\n  template: {metadata: {labels: {app: web}}}\n  template: {spec: {containers: [{name: web, lifecycle: {preStop: {exec: {command: [curl, 'http://x/$(POD_IP)']}}}}]}}\n", []string{"4 warning duplicate-key", "4 error variable-not-expanded"}},
		"a command twice, and merged":   {"kind: Pod\nx: &a {command: [/prestop, wait 5s, wait 6s], command: [/prestop]}\nspec: {containers: [{name: web, lifecycle: {preStop: {exec: {<<: *a}}}}]}\n", nil},
		"a template without containers": {"apiVersion: apps/v1\nkind: Deployment\nspec: {}\n", nil},
	})
}
