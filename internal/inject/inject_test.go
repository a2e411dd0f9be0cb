package inject_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/prestop/prestop/internal/hook"
	"github.com/prestop/prestop/internal/inject"
	"github.com/prestop/prestop/internal/inject/injecttest"
)

func pods(t testing.TB) []*corev1.Pod {
	t.Helper()
	all, err := injecttest.Pods()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var (
	image     = inject.Parameters{Image: "prestop/prestop:1"}
	installer = inject.Parameters{Image: "prestop/prestop:1", Installer: true}
	sleeps    = inject.Parameters{Image: "prestop/prestop:1", ReplaceSleep: true, Min: 20 * time.Second}
)

// said is what the containers of a pod that have inject's hook are told: the grace period, the wait if there is one, the steps.
func said(spec corev1.PodSpec) []string {
	var all []string
	for _, c := range spec.Containers {
		mounted := slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == inject.Volume && m.MountPath == inject.MountPath })
		if !mounted || c.Lifecycle == nil || c.Lifecycle.PreStop == nil || c.Lifecycle.PreStop.Exec == nil || !slices.Equal(c.Lifecycle.PreStop.Exec.Command, []string{inject.Program}) {
			continue
		}
		text := c.Name
		for _, name := range []string{inject.GraceVariable, inject.WaitVariable, inject.StepsVariable} {
			for _, v := range c.Env {
				switch {
				case v.Name != name:
				case v.ValueFrom != nil:
					text += " from " + v.ValueFrom.ConfigMapKeyRef.Key
				case name == inject.WaitVariable:
					text += " +" + v.Value
				case name == inject.StepsVariable:
					text += " " + strings.NewReplacer(inject.DefaultMark+"\n", "default: ", inject.ReplacedMark+"\n", "slept: ").Replace(v.Value)
				default:
					text += " " + v.Value
				}
			}
		}
		all = append(all, text)
	}
	return all
}

func TestInject(t *testing.T) {
	t.Parallel()
	want := map[string][]string{
		"plain":                         {"app 30 default: until quiet max=25s allow=0"},
		"as-the-api-server-has-it":      {"app 30 default: until quiet max=25s allow=1"},
		"several-containers":            {"app 60 default: until quiet max=50s allow=6", "proxy 60 default: until quiet max=50s allow=6", "metrics 60 default: until quiet max=50s allow=6"},
		"native-sidecar":                {"app 30 default: until quiet max=25s allow=2"},
		"mesh-proxy":                    {"app 30 default: until quiet max=25s allow=1", "istio-proxy 30 default: until quiet max=25s allow=1"},
		"mesh-proxy-alone":              nil,
		"grace-0":                       nil,
		"grace-3":                       nil,
		"grace-4":                       {"app 4 default: until quiet max=2s allow=0"},
		"grace-37":                      {"app 37 default: until quiet max=30s allow=0"},
		"grace-600":                     {"app 600 default: until quiet max=60s allow=0"},
		"grace-of-ages":                 nil,
		"env-is-set-twice":              nil,
		"read-only-root":                {"app 60 default: until quiet max=50s allow=0"},
		"runs-as-root":                  {"app 30 default: until quiet max=25s allow=0"},
		"device-alone":                  {"app 30 default: until quiet max=25s allow=0"},
		"mount-path-taken":              {"near 30 default: until quiet max=25s allow=0"},
		"all-mount-paths-taken":         nil,
		"volume-name-taken":             nil,
		"container-name-taken":          nil,
		"env-is-set":                    {"app 30 +7 post http://localhost:8080/drain"},
		"env-is-set-and-annotations":    {"app 30 +7 post http://localhost:8080/drain", "other 30 +15 # prestop.github.io/steps\nwait 20s"},
		"env-from-elsewhere":            {"app from grace from wait from steps"},
		"older-version":                 {"app 120 default: until quiet max=60s allow=0"},
		"older-version-installed":       {"app 30 default: until quiet max=25s allow=0"},
		"hook-of-its-own":               {"none 30 default: until quiet max=25s allow=0"},
		"hooks-that-look-like-ours":     nil,
		"own-steps-that-look-like-ours": {"app 30 until quiet max=9s allow=1"},
		"init-container-name-taken":     nil,
		"post-start-kept":               {"app 30 default: until quiet max=25s allow=0"},
		"sleeps":                        nil,
		"volume-is-empty":               {"app 30 default: until quiet max=25s allow=0"}, // but not by an image volume
		"opted-out":                     nil,
		"opted-out-in-other-words":      nil,
		"opted-in":                      {"app 30 default: until quiet max=25s allow=0"},
		"of-a-job":                      nil,
		"of-a-replica-set":              {"app 30 default: until quiet max=25s allow=0"},
		"ends-by-itself":                nil,
		"host-network":                  nil,
		"static":                        nil,
		"windows":                       nil,
		"windows-node":                  nil,
		"no-ports":                      nil,
		"steps":                         {"app 30 # prestop.github.io/steps\n# told to drain\npost http://localhost:8080/drain?node=$$(NODE_ID) header=\"X: $$$$5\"\nuntil quiet 8080 max=40s\n"},
		"steps-are-empty":               {"app 30 default: until quiet max=1m30s allow=0"},
		"max-and-wait":                  {"app 30 +12s default: until quiet max=20 allow=0"},
		"mistaken-max-and-wait":         {"app 30 default: until quiet max=25s allow=0"},
		"max-of-nothing":                {"app 30 default: until quiet max=25s allow=0"},
		"other-annotations":             {"app 30 default: until quiet max=25s allow=0"},
	}
	for _, p := range pods(t) {
		if _, ok := want[p.Name]; !ok {
			t.Errorf("%s: nothing is said of it here", p.Name)
		}
		for _, with := range []inject.Parameters{image, installer} {
			r := inject.Inject(injecttest.Pod(p), with)
			expected := want[p.Name]
			if p.Name == "volume-is-empty" && !with.Installer {
				expected = nil
			}
			if got := said(r.Spec); !slices.Equal(got, expected) {
				t.Errorf("%s: got %q, want %q", p.Name, got, expected)
			}
			if len(expected) == 0 && (len(r.Edits) > 0 || !reflect.DeepEqual(r.Spec, p.Spec)) {
				t.Errorf("%s: it is changed: %v", p.Name, r.Edits)
			}
		}
	}
}

// What holds for every pod.
func TestEveryPod(t *testing.T) {
	t.Parallel()
	for _, p := range pods(t) {
		for _, with := range []inject.Parameters{image, installer, sleeps} {
			t.Run(fmt.Sprintf("%s/%t/%t", p.Name, with.Installer, with.ReplaceSleep), func(t *testing.T) {
				t.Parallel()
				in := injecttest.Pod(p.DeepCopy())
				r := inject.Inject(in, with)
				if !reflect.DeepEqual(in.Spec, p.Spec) {
					t.Error("the pod that was given is changed")
				}
				if r.Left == "" && len(r.Containers) != len(p.Spec.Containers) {
					t.Errorf("%d containers, and %d outcomes", len(p.Spec.Containers), len(r.Containers))
				}
				for i, c := range r.Containers {
					if c.Container != p.Spec.Containers[i].Name || c.Text == "" {
						t.Errorf("outcome %d is of %q: %q", i, c.Container, c.Text)
					}
					if c.Hooked != slices.ContainsFunc(said(r.Spec), func(s string) bool { return strings.HasPrefix(s, c.Container+" ") }) {
						t.Errorf("%s: hooked is %t", c.Container, c.Hooked)
					}
				}
				if len(r.Edits) > 0 {
					brought(t, r.Spec)
				}
				again := inject.Inject(inject.Pod{Annotations: in.Annotations, Owners: in.Owners, Spec: r.Spec}, with)
				if len(again.Edits) > 0 || !reflect.DeepEqual(again.Spec, r.Spec) {
					t.Errorf("a second time changes %v", again.Edits)
				}
			})
		}
	}
}

// brought checks that a pod has the binary where its hooks run it.
func brought(t *testing.T, spec corev1.PodSpec) {
	t.Helper()
	for _, c := range spec.Containers {
		hooked := len(said(corev1.PodSpec{Containers: []corev1.Container{c}})) > 0
		mounted := slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == inject.Volume && m.MountPath == inject.MountPath })
		if hooked && !mounted {
			t.Errorf("%s: the binary is not mounted", c.Name)
		}
		if hooked && !slices.ContainsFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == inject.Volume }) {
			t.Error("there is no volume")
		}
	}
	for _, v := range spec.Volumes {
		installed := slices.ContainsFunc(spec.InitContainers, func(c corev1.Container) bool { return c.Name == inject.Installer })
		if v.Name == inject.Volume && v.EmptyDir != nil && !installed {
			t.Error("nothing fills the volume")
		}
	}
}

// The init container runs wherever the pod's other containers do, and the pod needs no more than before.
func TestInstaller(t *testing.T) {
	t.Parallel()
	for _, p := range pods(t) {
		r := inject.Inject(injecttest.Pod(p), installer)
		for _, c := range r.Spec.InitContainers {
			if c.Name != inject.Installer || p.Name == "older-version-installed" || p.Name == "init-container-name-taken" {
				continue
			}
			root := p.Name == "runs-as-root"
			if got := c.SecurityContext.RunAsNonRoot != nil; got == root {
				t.Errorf("%s: runAsNonRoot is set: %t", p.Name, got)
			}
			var want string
			switch p.Name {
			case "read-only-root":
				want = "500m 64Mi 1Gi 500m 64Mi 1Gi"
			case "runs-as-root":
				want = "0 0 0 0 128Mi 0"
			default:
				want = "0 0 0 0 0 0"
			}
			limits, requests := c.Resources.Limits, c.Resources.Requests
			got := fmt.Sprint(limits.Cpu(), " ", limits.Memory(), " ", limits.StorageEphemeral(), " ", requests.Cpu(), " ", requests.Memory(), " ", requests.StorageEphemeral())
			if _, device := limits["example.com/device"]; got != want || device || len(limits) > 3 {
				t.Errorf("%s: it asks for %s, want %s", p.Name, got, want)
			}
		}
	}
}

func TestReplaceSleep(t *testing.T) {
	t.Parallel()
	all := pods(t)
	p := all[slices.IndexFunc(all, func(p *corev1.Pod) bool { return p.Name == "sleeps" })]
	r := inject.Inject(injecttest.Pod(p), sleeps)
	want := []string{
		"action 60 slept: until quiet min=15s max=15s allow=0",
		"program 60 slept: until quiet min=20s max=50s allow=0", // cut to the deadline
		"shell 60 slept: until quiet min=20s max=40s allow=0",
		"bash 60 slept: until quiet min=3s max=3s allow=0",
		"endless 60 slept: until quiet min=20s max=50s allow=0",
	}
	if got := said(r.Spec); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	for i, c := range r.Containers {
		if i < 4 && !strings.Contains(c.Text, "load balancer") {
			t.Errorf("%s: %s", c.Container, c.Text)
		}
		if helps := i == 1 || i == 2; i < 4 && strings.HasSuffix(c.Text, "give a larger --min") != helps {
			t.Errorf("%s: a larger --min helps: %t, got %s", c.Container, helps, c.Text)
		}
	}
	for _, c := range inject.Inject(inject.Pod{Spec: r.Spec}, image).Containers[:4] {
		if c.Text != "has the hook" {
			t.Errorf("%s: a second time: %s", c.Container, c.Text)
		}
	}
	in := injecttest.Pod(p)
	in.Annotations = map[string]string{inject.StepsAnnotation: "wait 5s"}
	if got := said(inject.Inject(in, sleeps).Spec); len(got) != 5 || !strings.HasSuffix(got[0], "\nwait 5s") {
		t.Errorf("with steps in an annotation: %q", got)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		annotations map[string]string
		want        []string
	}{
		{map[string]string{inject.MaxAnnotation: "20s", inject.WaitAnnotation: "5"}, nil},
		{map[string]string{inject.MaxAnnotation: "soon", inject.WaitAnnotation: "-5"}, []string{inject.MaxAnnotation, inject.WaitAnnotation}},
		{map[string]string{inject.MaxAnnotation: "999h99999m9999999s", inject.WaitAnnotation: "9999999"}, nil},
		{map[string]string{inject.MaxAnnotation: "99999999", inject.WaitAnnotation: "9999h"}, []string{inject.MaxAnnotation, inject.WaitAnnotation}},
		{map[string]string{inject.MaxAnnotation: "0", inject.WaitAnnotation: "0"}, []string{inject.MaxAnnotation}},
		{map[string]string{inject.MaxAnnotation: "0h0m", inject.WaitAnnotation: "0s"}, []string{inject.MaxAnnotation}},
		{map[string]string{inject.StepsAnnotation: "wait 5s\n\nwiat 5s"}, []string{inject.StepsAnnotation}},
		{map[string]string{inject.StepsAnnotation: "wait $(LONG)\npost $(URL)"}, nil},
		{map[string]string{inject.StepsAnnotation: "wait 5s", inject.MaxAnnotation: "20s"}, []string{inject.MaxAnnotation}},
	} {
		r := inject.Inject(inject.Pod{Annotations: c.annotations, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Ports: []corev1.ContainerPort{{ContainerPort: 80}}}}}}, image)
		var got []string
		for _, p := range r.Problems {
			got = append(got, p.Annotation)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: problems with %q, want %q", c.annotations, got, c.want)
		}
		if len(r.Edits) == 0 {
			t.Errorf("%v: it gets no hook", c.annotations)
		}
	}
}

// Containers are found by their names. Kubernetes takes no such pod.
func TestNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	for _, names := range [][]string{nil, {""}, {"a", "b", "a"}} {
		var p inject.Pod
		for _, name := range names {
			p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: name, Ports: []corev1.ContainerPort{{ContainerPort: 80}}})
		}
		if r := inject.Inject(p, image); r.Left == "" || len(r.Edits) > 0 {
			t.Errorf("%q: %+v", names, r)
		}
	}
}

// What policies calculate in whole seconds is what the hook will have.
func TestBudget(t *testing.T) {
	t.Parallel()
	for grace := int64(inject.LeastGrace); grace < 2000; grace++ {
		calculated := max(grace/2, min(grace-5, grace*5/6))
		if has := hook.DefaultBudget(time.Duration(grace) * time.Second); int64(has/time.Second) != calculated {
			t.Errorf("of %d s a hook has %s, and %d are calculated", grace, has, calculated)
		}
	}
}

// texts are what is said of a pod.
func texts(r inject.Result) string {
	all := r.Left
	for _, c := range slices.Concat(r.Containers, r.Sidecars) {
		all += c.Container + ": " + c.Text + "\n"
	}
	for _, w := range r.Warnings {
		all += w.Annotation + ": " + w.Text + "\n"
	}
	return all
}

// A hook that lacks inject's mark is somebody's own: it is kept, and said to be.
func TestOwnHooksAreKept(t *testing.T) {
	t.Parallel()
	all := pods(t)
	for name, want := range map[string][]string{
		"hooks-that-look-like-ours":  {"in-the-image: its hook runs /prestop-bin/prestop, but not", "with-steps: its hook runs", "own-volume: its hook runs", "mounted-elsewhere: its hook runs", "no-command: it has a hook of its own"},
		"hook-of-its-own":            {"app: it has a hook of its own, which is kept", "own-prestop: it has a hook of its own", "http: it has a hook of its own"},
		"env-is-set-and-annotations": {"app: gets the hook; it keeps its own PRE_STOP_STEPS and PRE_STOP_ADDITIONAL_WAIT_SECONDS\n", "other: gets the hook\n"},
		"env-from-elsewhere":         {"app: gets the hook; it keeps its own PRE_STOP_GRACE_PERIOD_SECONDS and PRE_STOP_STEPS\n"},
		"init-container-name-taken":  {"its init container prestop-install is something else"},
		"sleeps":                     {"action: its hook that sleeps 15s is kept", "endless: its hook that sleeps more than a year is kept"},
		"native-sidecar":             {"app: gets the hook\n", "without: a native sidecar gets no hook, since the kubelet ends it after the containers\n", "sidecar: the hook of a native sidecar is kept\n"},
	} {
		p := all[slices.IndexFunc(all, func(p *corev1.Pod) bool { return p.Name == name })]
		got := texts(inject.Inject(injecttest.Pod(p), image))
		for _, text := range want {
			if !strings.Contains(got, text) {
				t.Errorf("%s: %q is not said in\n%s", name, text, got)
			}
		}
		if strings.Contains(got, ": setup") {
			t.Errorf("%s: an init container that has ended is named in\n%s", name, got)
		}
	}
}

// A binary that comes in another way than wanted stays, and is said.
func TestOtherForm(t *testing.T) {
	t.Parallel()
	in := inject.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Ports: []corev1.ContainerPort{{ContainerPort: 80}}}}}}
	for _, c := range []struct {
		first, second inject.Parameters
		want          string
	}{{image, installer, "an image volume"}, {installer, image, "an init container"}} {
		r := inject.Inject(inject.Pod{Spec: inject.Inject(in, c.first).Spec}, c.second)
		if len(r.Edits) > 0 || r.Containers[0].Text != "has the hook; its binary is still brought by "+c.want {
			t.Errorf("%v, %q", r.Edits, r.Containers[0].Text)
		}
	}
}

// What an annotation asks for in vain is said.
func TestInVain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		annotation, value string
		want              string
	}{
		{inject.WaitAnnotation, "5s", ""},
		{inject.Domain + "step", "wait 3s", "inject knows no such annotation, and leaves it out; did you mean prestop.github.io/steps?"},
		{inject.WaitAnnotation, "14s", "it is 14s, but the pod's grace period of 10 s leaves a hook 5s: it ends then"},
		{inject.MaxAnnotation, "5", ""},
		{inject.MaxAnnotation, "1m", "it is 1m0s, but"},
		{inject.StepsAnnotation, "wait 3s\nuntil quiet 80 min=2s", ""},
		{inject.StepsAnnotation, "wait 3s\nuntil quiet 80 min=3s", "its steps take at least 6s, but"},
		{inject.StepsAnnotation, "until quiet 80 min=1s max=60s", ""},
	} {
		grace := int64(10)
		in := inject.Pod{Annotations: map[string]string{c.annotation: c.value}, Spec: corev1.PodSpec{TerminationGracePeriodSeconds: &grace, Containers: []corev1.Container{{Name: "app", Ports: []corev1.ContainerPort{{ContainerPort: 80}}}}}}
		r := inject.Inject(in, image)
		switch {
		case len(r.Problems) > 0:
			t.Errorf("%s %q: %v", c.annotation, c.value, r.Problems)
		case c.want == "" && len(r.Warnings) > 0, c.want != "" && (len(r.Warnings) != 1 || !strings.HasPrefix(r.Warnings[0].Text, c.want) || r.Warnings[0].Annotation != c.annotation):
			t.Errorf("%s %q: got %v, want %q", c.annotation, c.value, r.Warnings, c.want)
		}
		in.Spec.Containers[0].Ports = nil
		if strings.HasPrefix(c.want, "inject knows") {
			continue // whatever the pod has
		}
		if r := inject.Inject(in, image); len(r.Warnings) > 0 {
			t.Errorf("%s %q: no container has a hook, and %v", c.annotation, c.value, r.Warnings)
		}
	}
}
