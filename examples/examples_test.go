// Package examples_test keeps the manifests in this folder true: each is read strictly, and each container's hook is
// dry-run by the real binary, from where the manifest puts it and with the environment that the manifest gives it.
// prestop's init containers are really run, and so are its startup probe and the hook before it, against a fake node.
// No cluster is needed: that Kubernetes itself accepts the manifests is not shown here.
package examples_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// prestop is the path of the binary, built once for all tests.
var prestop string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "examples")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	prestop = filepath.Join(dir, "prestop")
	build := exec.Command("go", "build", "-o", prestop, "../cmd/prestop")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %s\n%s", build, err, out)
		return 1
	}
	return m.Run()
}

func TestExamples(t *testing.T) {
	for _, file := range files(t) {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			for _, problem := range check(t.Context(), read(t, file), t.TempDir()) {
				t.Error(problem)
			}
		})
	}
}

func TestIndexNamesEachExample(t *testing.T) {
	index := read(t, "README.md")
	for _, file := range files(t) {
		if !strings.Contains(index, "("+file+")") {
			t.Errorf("README.md has no link to %s", file)
		}
	}
	for _, link := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(index, -1) {
		if _, err := os.Stat(link[1]); err != nil {
			t.Errorf("README.md: %s", err)
		}
	}
}

func TestCheckFindsMistakes(t *testing.T) {
	tests := []struct {
		name, file string
		old, new   string // the first old is replaced
		want       string // in a problem
	}{
		{"wrong verb", "deployment-steps.yaml", "- wait 15s", "- wiat 15s", "step 2 (wiat 15s)"},
		{"step without a target", "deployment-steps.yaml", "- wait 15s", "- wait", "exit 2"},
		{"unset variable in a step", "deployment-steps.yaml", "$(POD_NAME)", "$(POD)", "POD is not set"},
		{"flag after the steps", "deployment-image-volume.yaml", "wait, 20s]", "wait, 20s, --grace-period=60]", "exit 2"},
		{"secret in the command", "deployment-steps.yaml", "X-Pod: $(POD_NAME)", "Authorization: Bearer abc", "secret"},
		{"unknown variable", "deployment-copy-from.yaml", "PRE_STOP_ADDITIONAL_WAIT_SECONDS", "PRE_STOP_ADDITIONAL_WAIT", "PRE_STOP_ADDITIONAL_WAIT"},
		{"wrong value", "deployment-copy-from.yaml", `"20"`, `"twenty"`, "exit 2"},
		{"unquoted number", "deployment-copy-from.yaml", `"20"`, "20", "of type string"},
		{"wrong scheme", "deployment-hardened.yaml", "http://localhost", "ftp://localhost", "exit 2"},
		{"grace mismatch", "eck.yaml", "terminationGracePeriodSeconds: 180", "terminationGracePeriodSeconds: 120", "120"},
		{"no grace in the pod", "deployment-copy-from.yaml", "      terminationGracePeriodSeconds: 60\n", "", "terminationGracePeriodSeconds"},
		{"no grace in the environment", "deployment-init-container.yaml", "PRE_STOP_GRACE_PERIOD_SECONDS", "GRACE", "PRE_STOP_GRACE_PERIOD_SECONDS"},
		{"mounted elsewhere", "deployment-init-container.yaml", "mountPath: /shared\n          readOnly", "mountPath: /opt\n          readOnly", "nothing provides /shared/prestop"},
		{"installed elsewhere", "eck.yaml", "[install, /shared/]", "[install, /opt/]", "nothing provides /shared/prestop"},
		{"install misspelt", "deployment-hardened.yaml", "[install, ", "[instal, ", "install-prestop"},
		{"not installed", "eck.yaml", "image: prestop/prestop:1", "image: busybox:1", "nothing provides /shared/prestop"},
		{"installed into a read-only mount", "eck.yaml", "mountPath: /shared\n", "mountPath: /shared\n            readOnly: true\n", "read-only"},
		{"no COPY", "deployment-copy-from.yaml", "COPY --from", "COPY", "nothing provides /prestop"},
		{"another image volume", "deployment-image-volume.yaml", "reference: prestop/", "reference: stop/", "nothing provides /opt/prestop/prestop"},
		{"no such volume", "deployment-hardened.yaml", "volumes:\n      - name: prestop", "volumes:\n      - name: bin", `no volume "prestop"`},
		{"no such port", "deployment-copy-from.yaml", "port: http", "port: web", `no port "web"`},
		{"misspelt field", "deployment-init-container.yaml", "volumeMounts:", "volumeMount:", `.volumeMount"`},
		{"field at the wrong level", "deployment-hardened.yaml", "runAsUser: 65532", "readOnlyRootFilesystem: true", `.readOnlyRootFilesystem"`},
		{"key given twice", "deployment-hardened.yaml", "runAsUser: 65532", "runAsUser: 65532\n        runAsUser: 0", `"runAsUser" already set`},
		{"selector", "deployment-copy-from.yaml", "app: web", "app: shop", "selector"},
		{"service's selector", "elasticsearch-statefulset.yaml", "app: es", "app: search", "selector"},
		{"governing service", "elasticsearch-statefulset.yaml", "serviceName: es", "serviceName: es-http", "headless"},
		{"wrong apiVersion", "elasticsearch-statefulset.yaml", "apiVersion: apps/v1", "apiVersion: v1", "apiVersion"},
		{"probe misspelt", "elasticsearch-statefulset.yaml", "elasticsearch-clear]", "elasticsearch-clean]", "startupProbe"},
		{"probe without time", "elasticsearch-statefulset.yaml", "timeoutSeconds: 10", "timeoutSeconds: 0", "startupProbe"},
		{"user without a password", "elasticsearch-statefulset.yaml", "PRE_STOP_ELASTICSEARCH_PASSWORD_FILE", "PASSWORD_FILE", "exit 2"},
		{"password elsewhere", "elasticsearch-statefulset.yaml", "value: /etc/prestop/password", "value: /etc/prestop/pass", "the hook: expected exit 0"},
		{"another user's password", "elasticsearch-statefulset.yaml", "subPath: password", "subPath: users", "the hook: expected exit 0"},
		{"host without a Service", "elasticsearch-statefulset.yaml", "https://es-http:", "https://es-https:", "the hook: expected exit 0"},
		{"another node's name", "elasticsearch-statefulset.yaml", "fieldPath: metadata.name", "fieldPath: metadata.uid", "the hook: expected exit 0"},
		{"another verb", "ask-api.yaml", "verbs: [get]", "verbs: [get, list]", "expected get on"},
		{"every verb", "ask-api.yaml", "verbs: [get]", `verbs: ["*"]`, "expected get on"},
		{"another resource", "ask-api.yaml", "resources: [pods]", "resources: [secrets]", "expected get on"},
		{"a resource of another group", "ask-api.yaml", "apiGroups: [apps]", `apiGroups: [""]`, "expected get on"},
		{"a rule less", "ask-api.yaml", "- apiGroups: [apps]\n  resources: [statefulsets]\n  verbs: [get]\n", "", "expected 2 rules"},
		{"another role", "ask-api.yaml", "kind: Role\n  name: web-prestop", "kind: Role\n  name: prestop", "no RoleBinding refers to it"},
		{"another account", "ask-api.yaml", "- kind: ServiceAccount\n  name: web", "- kind: ServiceAccount\n  name: shop", "no ServiceAccount is called shop"},
		{"no hook", "eck.yaml", "preStop:", "postStart:", "no preStop"},
		{"shell in the hook", "eck.yaml", "command: [/shared/prestop]", "command: [sh, -c, /shared/prestop]", "nothing provides sh"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text := read(t, test.file)
			if !strings.Contains(text, test.old) {
				t.Fatalf("%s has no %q", test.file, test.old)
			}
			problems := check(t.Context(), strings.Replace(text, test.old, test.new, 1), t.TempDir())
			if got := strings.Join(problems, "\n"); !strings.Contains(got, test.want) {
				t.Errorf("problems:\n%s\nwant one with %q", got, test.want)
			}
		})
	}
}

func TestCheckFindsTooLittleTime(t *testing.T) {
	graces := map[string]string{
		"deployment-copy-from.yaml": "60", "deployment-hardened.yaml": "60", "deployment-image-volume.yaml": "60",
		"deployment-steps.yaml": "60", "deployment-init-container.yaml": "90",
	}
	for file, grace := range graces {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			problems := check(t.Context(), strings.ReplaceAll(read(t, file), grace, "20"), t.TempDir())
			if got := strings.Join(problems, "\n"); !strings.Contains(got, "shortened") {
				t.Errorf("problems:\n%s\nwant one that says what is shortened", got)
			}
		})
	}
}

func files(t *testing.T) []string {
	own, errOwn := filepath.Glob("*.yaml")
	recipes, errRecipes := filepath.Glob("recipes/*.yaml")
	if err := errors.Join(errOwn, errRecipes); err != nil || len(own) == 0 || len(recipes) == 0 {
		t.Fatal("no manifests", err)
	}
	return append(own, recipes...)
}

func read(t *testing.T, file string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
