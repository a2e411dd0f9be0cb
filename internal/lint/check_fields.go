package lint

import (
	"slices"
	"strings"
)

// What a hook depends on, by what it is a field of.
var (
	podFields       = []string{"containers", "initContainers", "volumes", graceKey, "shareProcessNamespace"}
	containerFields = []string{"command", "envFrom", "image", "ports", "startupProbe", "readinessProbe", "livenessProbe", "volumeMounts", "securityContext"}
)

// misspelt finds fields whose names are almost those of others, which Kubernetes refuses or leaves out.
func (c *checker) misspelt(n node, fields []string) {
	for _, key := range n.keys() {
		if slices.Contains(fields, key.Value) {
			continue
		}
		if i := slices.IndexFunc(fields, func(f string) bool { return alike(f, key.Value) }); i >= 0 {
			c.found("field-misspelt", key, key.Value+" is no field that Kubernetes knows here; expected "+fields[i], fields[i]+": …")
		}
	}
}

// alike tells whether names differ in no more than case, _ and -, or one letter.
func alike(a, b string) bool {
	a, b = Plain(a), Plain(b)
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return len(a) <= 1 && len(b) <= 1 || len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
}

// Plain is a name without what people write in one by mistake: upper-case letters throughout, no _ and no -.
func Plain(name string) string {
	return strings.ToUpper(strings.NewReplacer("_", "", "-", "").Replace(name))
}

// fields looks at a container that is meant to have a hook.
func (c *checker) fields(ct *container) {
	meant := ct.at("lifecycle").there()
	for _, v := range ct.node.at("env").items() {
		meant = meant || strings.HasPrefix(v.at("name").text(), variablePrefix)
	}
	c.misspelt(ct.node, containerFields)
	if !meant {
		return
	}
	for _, v := range ct.node.at("env").items() {
		c.only("field-misspelt", v, "a variable", "see its spelling, and how far it is indented", "name", "value", "valueFrom")
		c.only("field-misspelt", v.at("valueFrom"), "valueFrom", "see its spelling", "fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
		name := v.at("name").text()
		if strings.HasPrefix(name, variablePrefix) && !v.at("value").there() && (len(v.keys()) == 1 || v.at("value").Node != nil) {
			c.suspected("setting-unreadable", v, name+" has no value, as if it were not set", "give it a value, or remove it")
		}
		c.field(v, name)
	}
	post := ct.at("lifecycle", "postStart", "exec", "command").items()
	if len(post) > 0 && ct.runsPrestop(c.pod, post[0].text()) && (len(post) == 1 || post[1].text() != clearCommand) && ct.at("lifecycle", "preStop").Node == nil {
		c.found("hook-misplaced", post[0], "a postStart hook is run when the container begins, not when it stops", "lifecycle:\n  preStop:\n    exec:\n      command: [/prestop]")
	}
}

// field looks at where one of the usual variables is from.
func (c *checker) field(v node, name string) {
	from, right := v.at("valueFrom", "fieldRef", "fieldPath"), downward(name)
	if !strings.HasPrefix(name, "POD_") || !from.there() || right == "" || from.text() == right || name == "POD_IP" && c.pod.spec.at("hostNetwork").bool() {
		return
	}
	c.found("wrong-field", from, name+" is taken from "+from.text()+"; expected "+right, "fieldPath: "+right)
}

// empty looks at an object that has no containers where Kubernetes looks for them, and a hook elsewhere.
func (c *checker) empty(hook node) {
	c.misspelt(c.pod.owner.at("spec"), []string{"template", "jobTemplate", "nodeSets"})
	for _, set := range c.pod.owner.at("spec", "nodeSets").items() {
		c.misspelt(set, []string{"podTemplate"})
	}
	c.misspelt(c.pod.spec, podFields)
	if len(c.findings) == 0 {
		c.found("hook-misplaced", hook, "a "+c.pod.kind+" has no containers where Kubernetes looks for them, so that this hook is nobody's", "see the apiVersion and the kind, how far each line is indented, and kubectl explain "+strings.ToLower(c.pod.kind)+".spec")
	}
}
