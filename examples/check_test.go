package examples_test

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/prestop/prestop/internal/testmanifest"
)

// image is prestop's: its entry point, /prestop, is the binary.
const image = "prestop/prestop:1"

// stanza is the line of a Dockerfile, quoted in a manifest's comment, that puts the binary into an image.
var stanza = regexp.MustCompile(`(?m)^# +COPY --from=` + image + ` /prestop (\S+)$`)

// check says what is wrong with a manifest. Whatever is run has dir for its volumes and images.
func check(ctx context.Context, text, dir string) []string {
	c := &checker{ctx: ctx, dir: dir}
	for _, match := range stanza.FindAllStringSubmatch(text, -1) {
		c.copied = append(c.copied, match[1])
	}
	var err error
	if c.File, err = testmanifest.Read(text); err != nil {
		c.problem("%s", err)
	}
	if len(c.problems) == 0 {
		if len(c.Pods) == 0 && len(c.Roles) == 0 {
			c.problem("no workload")
		}
		c.checkServices()
		c.checkRoles()
		for _, p := range c.Pods {
			c.checkPod(p)
		}
	}
	if len(c.problems) == 0 {
		for _, p := range c.Pods {
			c.try(p)
		}
	}
	return c.problems
}

type checker struct {
	testmanifest.File
	ctx      context.Context
	dir      string
	copied   []string // paths of the binary in the application's image
	problems []string
}

func (c *checker) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

func selects(selector, labels map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return len(selector) > 0
}

func (c *checker) checkServices() {
	for _, s := range c.Services {
		if !slices.ContainsFunc(c.Pods, func(p testmanifest.Pod) bool { return selects(s.Spec.Selector, p.Labels) }) {
			c.problem("Service %s: its selector matches no pod", s.Name)
		}
	}
}

func (c *checker) checkPod(p testmanifest.Pod) {
	if p.Selector != nil && !selects(p.Selector.MatchLabels, p.Labels) {
		c.problem("%s: the selector does not match the pod's labels", p.Name)
	}
	headless := func(s corev1.Service) bool { return s.Name == p.Service && s.Spec.ClusterIP == "None" }
	if p.Service != "" && !slices.ContainsFunc(c.Services, headless) {
		c.problem("%s: no headless Service is called %s", p.Name, p.Service)
	}
	if len(p.Hooked()) == 0 {
		c.problem("%s: no preStop hook", p.Name)
	}
	for _, ct := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		c.checkMounts(p, ct)
		c.checkPorts(ct)
		c.checkEnvironment(p, ct)
	}
	for _, ct := range p.Hooked() {
		c.checkGrace(p, ct)
		c.checkSecrets(ct)
	}
}

func (c *checker) checkMounts(p testmanifest.Pod, ct corev1.Container) {
	var names []string
	for _, v := range p.Spec.Volumes {
		names = append(names, v.Name)
	}
	for _, v := range p.Claims {
		names = append(names, v.Name)
	}
	for _, m := range ct.VolumeMounts {
		if !slices.Contains(names, m.Name) {
			c.problem("%s: no volume %q", ct.Name, m.Name)
		}
		if !filepath.IsAbs(m.MountPath) {
			c.problem("%s: expected an absolute mountPath, got %q", ct.Name, m.MountPath)
		}
		if ct.Image == image && m.ReadOnly {
			c.problem("%s: installs into a read-only mount", ct.Name)
		}
	}
}

func (c *checker) checkPorts(ct corev1.Container) {
	for _, p := range []*corev1.Probe{ct.StartupProbe, ct.ReadinessProbe} {
		var name string
		switch {
		case p == nil:
			continue
		case p.HTTPGet != nil:
			name = p.HTTPGet.Port.String()
		case p.TCPSocket != nil:
			name = p.TCPSocket.Port.String()
		default:
			continue
		}
		if !slices.ContainsFunc(ct.Ports, func(p corev1.ContainerPort) bool { return p.Name == name }) {
			c.problem("%s: no port %q", ct.Name, name)
		}
	}
}

func (c *checker) checkEnvironment(p testmanifest.Pod, ct corev1.Container) {
	seen := map[string]bool{}
	for _, v := range ct.Env {
		if seen[v.Name] {
			c.problem("%s: %s is set twice", ct.Name, v.Name)
		}
		seen[v.Name] = true
		if v.ValueFrom == nil {
			continue
		}
		if v.ValueFrom.FieldRef == nil {
			c.problem("%s: %s: expected a fieldRef", ct.Name, v.Name)
		} else if _, ok := p.Field(v.ValueFrom.FieldRef.FieldPath); !ok || v.Value != "" {
			c.problem("%s: %s: expected a value or a known fieldPath", ct.Name, v.Name)
		}
	}
}

const graceVariable = "PRE_STOP_GRACE_PERIOD_SECONDS"

func (c *checker) checkGrace(p testmanifest.Pod, ct corev1.Container) {
	grace := p.Spec.TerminationGracePeriodSeconds
	if grace == nil {
		c.problem("%s: terminationGracePeriodSeconds is not set", p.Name)
		return
	}
	i := slices.IndexFunc(ct.Env, func(v corev1.EnvVar) bool { return v.Name == graceVariable })
	if i < 0 {
		c.problem("%s: %s is not set", ct.Name, graceVariable)
	} else if ct.Env[i].Value != fmt.Sprint(*grace) {
		c.problem("%s: %s is %s, the pod's grace period %d", ct.Name, graceVariable, ct.Env[i].Value, *grace)
	}
}

var secretive = regexp.MustCompile(`(?i)authorization|password[^-]|token=|api-?key|://[^/ ]*@`)

func (c *checker) checkSecrets(ct corev1.Container) {
	for _, word := range testmanifest.Hook(ct) {
		if secretive.MatchString(word) {
			c.problem("%s: there seems to be a secret in the command: %s", ct.Name, word)
		}
	}
}
