package examples_test

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// image is prestop's: its entry point, /prestop, is the binary.
const image = "prestop/prestop:1"

// stanza is the line of a Dockerfile, quoted in a manifest's comment, that puts the binary into an image.
var stanza = regexp.MustCompile(`(?m)^# +COPY --from=` + image + ` /prestop (\S+)$`)

// check says what is wrong with a manifest. Whatever is run has dir for its volumes and images.
func check(ctx context.Context, text, dir string) []string {
	c := &checker{ctx: ctx, dir: dir, secrets: map[str]map[string]str{}}
	for _, match := range stanza.FindAllStringSubmatch(text, -1) {
		c.copied = append(c.copied, match[1])
	}
	for _, document := range strings.Split(text, "\n---\n") {
		c.read(document)
	}
	if len(c.problems) == 0 {
		if len(c.pods) == 0 && len(c.roles) == 0 {
			c.problem("no workload")
		}
		c.checkServices()
		c.checkRoles()
		for _, p := range c.pods {
			c.checkPod(p)
		}
	}
	if len(c.problems) == 0 {
		for _, p := range c.pods {
			c.try(p)
		}
	}
	return c.problems
}

type checker struct {
	ctx      context.Context
	dir      string
	copied   []string // paths of the binary in the application's image
	pods     []pod
	services []service
	secrets  map[str]map[string]str
	accounts []str
	roles    []role
	bindings []roleBinding
	problems []string
}

// A pod is the first one that a workload makes.
type pod struct {
	name string
	template
	selector  map[string]str // nil: the operator's affair
	claims    []claim
	governing str // its StatefulSet's Service
}

func (c *checker) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

func (c *checker) read(document string) {
	var h header
	if err := yaml.Unmarshal([]byte(document), &h); err != nil {
		c.problem("%s", err)
		return
	}
	name := string(h.Metadata.Name) + "-0"
	switch h.Kind {
	case "Deployment":
		d := decode[deployment](c, document, h, "apps/v1").Spec
		c.pods = append(c.pods, pod{name, d.Template, orEmpty(d.Selector.MatchLabels), nil, ""})
	case "StatefulSet":
		s := decode[statefulSet](c, document, h, "apps/v1").Spec
		c.pods = append(c.pods, pod{name, s.Template, orEmpty(s.Selector.MatchLabels), s.VolumeClaimTemplates, s.ServiceName})
	case "Elasticsearch":
		e := decode[elasticsearch](c, document, h, "elasticsearch.k8s.elastic.co/v1")
		for _, set := range e.Spec.NodeSets {
			name := fmt.Sprintf("%s-es-%s-0", h.Metadata.Name, set.Name)
			c.pods = append(c.pods, pod{name, set.PodTemplate, nil, set.VolumeClaimTemplates, ""})
		}
	case "Service":
		c.services = append(c.services, decode[service](c, document, h, "v1"))
	case "Secret":
		c.secrets[h.Metadata.Name] = decode[secret](c, document, h, "v1").StringData
	case "ConfigMap":
		decode[configMap](c, document, h, "v1")
	case "ServiceAccount", "Role", "RoleBinding":
		c.readRole(document, h)
	default:
		c.problem("kind %q is not known here", h.Kind)
	}
}

func orEmpty(m map[string]str) map[string]str {
	if m == nil {
		return map[string]str{}
	}
	return m
}

// decode reads a document into a T, and refuses fields that T does not have and keys that stand there twice.
func decode[T any](c *checker, document string, h header, apiVersion str) (into T) {
	if h.APIVersion != apiVersion {
		c.problem("%s %s: expected apiVersion %s, got %s", h.Kind, h.Metadata.Name, apiVersion, h.APIVersion)
	}
	d := yaml.NewDecoder(strings.NewReader(document))
	d.KnownFields(true)
	if err := d.Decode(&into); err != nil {
		c.problem("%s %s: %s", h.Kind, h.Metadata.Name, err)
	}
	return into
}

func selects(selector, labels map[string]str) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return len(selector) > 0
}

func (c *checker) checkServices() {
	for _, s := range c.services {
		if !slices.ContainsFunc(c.pods, func(p pod) bool { return selects(s.Spec.Selector, p.Metadata.Labels) }) {
			c.problem("Service %s: its selector matches no pod", s.Metadata.Name)
		}
	}
}

func (c *checker) checkPod(p pod) {
	if p.selector != nil && !selects(p.selector, p.Metadata.Labels) {
		c.problem("%s: the selector does not match the pod's labels", p.name)
	}
	headless := func(s service) bool { return s.Metadata.Name == p.governing && s.Spec.ClusterIP == "None" }
	if p.governing != "" && !slices.ContainsFunc(c.services, headless) {
		c.problem("%s: no headless Service is called %s", p.name, p.governing)
	}
	if len(p.hooked()) == 0 {
		c.problem("%s: no preStop hook", p.name)
	}
	for _, ct := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		c.checkMounts(p, ct)
		c.checkPorts(ct)
		c.checkEnvironment(ct)
	}
	for _, ct := range p.hooked() {
		c.checkGrace(p, ct)
		c.checkSecrets(ct)
	}
}

// hooked are the containers with an exec hook.
func (p pod) hooked() []container {
	return slices.DeleteFunc(slices.Clone(p.Spec.Containers), func(ct container) bool {
		return ct.Lifecycle.PreStop == nil || ct.Lifecycle.PreStop.Exec == nil || len(ct.Lifecycle.PreStop.Exec.Command) == 0
	})
}

func (c *checker) checkMounts(p pod, ct container) {
	var names []str
	for _, v := range p.Spec.Volumes {
		names = append(names, v.Name)
	}
	for _, v := range p.claims {
		names = append(names, v.Metadata.Name)
	}
	for _, m := range ct.VolumeMounts {
		if !slices.Contains(names, m.Name) {
			c.problem("%s: no volume %q", ct.Name, m.Name)
		}
		if !filepath.IsAbs(string(m.MountPath)) {
			c.problem("%s: expected an absolute mountPath, got %q", ct.Name, m.MountPath)
		}
		if ct.Image == image && m.ReadOnly {
			c.problem("%s: installs into a read-only mount", ct.Name)
		}
	}
}

func (c *checker) checkPorts(ct container) {
	for _, p := range []*probe{ct.StartupProbe, ct.ReadinessProbe} {
		var name str
		switch {
		case p == nil:
			continue
		case p.HTTPGet != nil:
			name = p.HTTPGet.Port
		case p.TCPSocket != nil:
			name = p.TCPSocket.Port
		default:
			continue
		}
		if !slices.ContainsFunc(ct.Ports, func(p port) bool { return p.Name == name }) {
			c.problem("%s: no port %q", ct.Name, name)
		}
	}
}

// fields are the fields of a pod that an environment variable may be taken from, and what they are here.
func (p pod) fields() map[str]string {
	return map[str]string{
		"metadata.name": p.name, "metadata.namespace": "default", "status.podIP": "127.0.0.1",
		"status.hostIP": "127.0.0.1", "metadata.uid": "4f1c9c0e-6a53-4a6e-9a0b-0d8f1e5d2c37",
	}
}

func (c *checker) checkEnvironment(ct container) {
	seen := map[str]bool{}
	for _, v := range ct.Env {
		if seen[v.Name] {
			c.problem("%s: %s is set twice", ct.Name, v.Name)
		}
		seen[v.Name] = true
		if v.ValueFrom == nil {
			continue
		}
		if _, ok := (pod{}).fields()[v.ValueFrom.FieldRef.FieldPath]; !ok || v.Value != "" {
			c.problem("%s: %s: expected a value or a known fieldPath", ct.Name, v.Name)
		}
	}
}

const graceVariable = "PRE_STOP_GRACE_PERIOD_SECONDS"

func (c *checker) checkGrace(p pod, ct container) {
	grace := p.Spec.TerminationGracePeriodSeconds
	if grace == nil {
		c.problem("%s: terminationGracePeriodSeconds is not set", p.name)
		return
	}
	i := slices.IndexFunc(ct.Env, func(v variable) bool { return v.Name == graceVariable })
	if i < 0 {
		c.problem("%s: %s is not set", ct.Name, graceVariable)
	} else if ct.Env[i].Value != str(fmt.Sprint(*grace)) {
		c.problem("%s: %s is %s, the pod's grace period %d", ct.Name, graceVariable, ct.Env[i].Value, *grace)
	}
}

var secretive = regexp.MustCompile(`(?i)authorization|password[^-]|token=|api-?key|://[^/ ]*@`)

func (c *checker) checkSecrets(ct container) {
	for _, word := range ct.Lifecycle.PreStop.Exec.Command {
		if secretive.MatchString(string(word)) {
			c.problem("%s: there seems to be a secret in the command: %s", ct.Name, word)
		}
	}
}
