package lint

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

var handlers = []string{"exec", "httpGet", "sleep", "tcpSocket"}

// misplaced finds hooks that stand where Kubernetes does not look.
func (c *checker) misplaced(ct *container) {
	const fix = "lifecycle:\n  preStop:\n    exec:\n      command: [/prestop]"
	for _, key := range ct.keys() {
		if name := strings.ToLower(key.Value); name == "prestop" || name == "poststart" || alike("lifecycle", key.Value) && key.Value != "lifecycle" {
			c.found("hook-misplaced", key, key.Value+" is no field of a container; a hook stands below lifecycle", fix)
		}
	}
	c.only("hook-misplaced", ct.at("lifecycle"), "lifecycle", fix, "preStop", "postStart", "stopSignal")
	for _, where := range []string{"preStop", "postStart"} {
		at := ct.at("lifecycle", where)
		c.only("hook-misplaced", at, where, fix, handlers...)
		c.only("hook-misplaced", at.at("exec"), "exec", fix, "command")
		c.only("hook-misplaced", at.at("httpGet"), "httpGet", fix, "path", "port", "host", "scheme", "httpHeaders")
	}
}

// only finds fields that are none of those that Kubernetes knows there.
func (c *checker) only(id string, n node, what, fix string, fields ...string) {
	for _, key := range n.keys() {
		if !slices.Contains(fields, key.Value) {
			c.found(id, key, key.Value+" is no field of "+what+"; expected "+strings.Join(fields, ", "), fix)
		}
	}
}

// graceMisplaced finds grace periods, and hooks, that are not of the pod.
func (c *checker) graceMisplaced() {
	const message = "%s of %s is not the pod's; expected it in the pod's spec, beside containers"
	look := func(where string, n node) {
		if key, value := n.find(graceKey); value.there() {
			c.found("grace-misplaced", key, fmt.Sprintf(message, graceKey, where), "spec:\n  "+graceKey+": "+value.text()+"\n  containers: …")
		}
	}
	look("the "+c.pod.kind, c.pod.owner)
	if c.pod.kind != "Pod" {
		look("the "+c.pod.kind, c.pod.owner.at("spec"))
		look("the template", c.pod.template)
	}
	look("the template's metadata", c.pod.template.at("metadata"))
	for _, ct := range c.pod.all() {
		c.inside = ct.name
		look("a container", ct.node)
		look("lifecycle", ct.at("lifecycle"))
		look("preStop", ct.at("lifecycle", "preStop"))
	}
	c.inside = ""
	for _, name := range []string{"lifecycle", "env", "envFrom", "volumeMounts"} {
		if key, value := c.pod.spec.find(name); value.there() {
			c.found("hook-misplaced", key, name+" is no field of a pod; it is of a container", "containers:\n- name: …\n  "+name+": …")
		}
	}
}

// handler looks at a hook's handlers.
func (c *checker) handler(h *hook) {
	var have []string
	for _, key := range h.at.keys() {
		if slices.Contains(handlers, key.Value) && h.at.at(key.Value).there() {
			have = append(have, key.Value)
		}
	}
	switch {
	case h.at.Kind != yaml.MappingNode:
		c.found("wrong-type", h.at, "preStop: expected a mapping with exec, httpGet or sleep, got "+h.at.what(), "preStop:\n  exec:\n    command: [/prestop]")
	case len(have) == 0:
		c.found("not-one-handler", h.at, "preStop has no handler, which Kubernetes refuses; expected exec, httpGet or sleep", "exec:\n  command: [/prestop]")
	case len(have) > 1:
		c.found("not-one-handler", h.at, "preStop has the handlers "+strings.Join(have, " and ")+", and Kubernetes takes one",
			"keep one; prestop does several things in one hook, each argument is a step: [/prestop, post http://localhost:8080/shutdown, wait 20s]")
	case have[0] == "tcpSocket":
		c.found("tcp-socket-hook", h.at.at("tcpSocket"), "a tcpSocket hook is accepted and always fails: the kubelet has nothing to do for it", "exec:\n  command: [/prestop, until quiet 8080]")
	case have[0] == "exec" && len(h.exec) == 0 && h.at.at("exec", "command").what() != "a string":
		c.found("not-one-handler", h.at.at("exec"), "exec has no command", "command: [/prestop]")
	}
}

// types finds values of a type that Kubernetes refuses.
func (c *checker) types(ct *container) {
	for _, v := range ct.node.at("env").items() {
		if value := v.at("value"); value.there() && !value.isString() {
			c.found("wrong-type", value, "the value of "+v.at("name").text()+": expected a string, got "+value.what()+", which Kubernetes refuses", quotes)
		}
	}
	if env := ct.at("env"); env.there() && env.Kind != yaml.SequenceNode {
		c.found("wrong-type", env, "env: expected a list of variables, got "+env.what(), variableLines)
	}
	for _, where := range [][]string{{"lifecycle", "preStop"}, {"lifecycle", "postStart"}, {"startupProbe"}, {"readinessProbe"}, {"livenessProbe"}} {
		command := ct.at(where...).at("exec", "command")
		if command.there() && command.Kind != yaml.SequenceNode {
			c.found("wrong-type", command, "command: expected a list of words, got "+command.what(), "command:\n- /prestop\n- wait 20s")
		}
		for i, word := range command.items() {
			if i == 0 && where[len(where)-1] != "preStop" && strings.Contains(word.text(), program) {
				c.oneWord(word)
			}
			if !word.isString() {
				c.found("wrong-type", word, "command: expected a string, got "+word.what()+", which Kubernetes refuses", quotes)
			}
		}
	}
	if n := c.pod.graceNode; c.pod.graceWrong {
		c.inside = ""
		c.found("wrong-type", n, graceKey+": expected a whole number of seconds, got "+n.what(), graceKey+": 60")
		c.inside = ct.name
	}
	if n := ct.at("lifecycle", "preStop", "sleep", "seconds"); n.there() {
		if _, ok := n.number(); !ok {
			c.found("wrong-type", n, "sleep: expected a whole number of seconds, got "+n.what(), "seconds: 20")
		}
	}
}

// quotes does not repeat the value, which may be a secret.
const quotes = "put all of it in quotes; without them a colon and a blank make a mapping, and # begins a comment"

const variableLines = "env:\n- name: " + graceVariable + "\n  value: \"60\""

// duplicates finds keys that stand there twice in what a hook depends on.
func (c *checker) duplicates() {
	var look func(n node)
	look = func(n node) {
		seen := map[string]bool{}
		for _, key := range n.keys() {
			if seen[key.Value] {
				c.found("duplicate-key", key, key.Value+" stands there twice: kubectl refuses it, and Helm takes the last", "remove one of the two")
			}
			seen[key.Value] = true
		}
		for _, inside := range n.Content {
			look(node{inside, n.file}) // an alias is looked at where it is from
		}
	}
	if c.pod.spec.Node != nil {
		look(c.pod.spec)
	}
	for _, ct := range c.pod.all() {
		c.inside = ct.name
		names := map[string]node{}
		for _, v := range ct.node.at("env").items() {
			name := v.at("name").text()
			before, twice := names[name]
			if twice && strings.HasPrefix(name, variablePrefix) && before.at("value").text() != v.at("value").text() {
				c.found("duplicate-key", v, name+" is set twice, and the last counts", "remove one of the two")
			}
			names[name] = v
		}
	}
	c.inside = ""
}

// withoutHook finds variables that are meant for a hook.
func (c *checker) withoutHook(ct *container) {
	ofECK := []string{waitVariable, "PRE_STOP_SHUTDOWN_TYPE", "PRE_STOP_MAX_DNS_ERRORS"} // names of its own hook
	lacks := "has no preStop hook that it could be for"
	switch {
	case ct.hook != nil:
		lacks = "has a preStop hook that does not run prestop"
	case ct.at("lifecycle", "preStop").Node != nil:
		return
	}
	for _, v := range ct.node.at("env").items() {
		name := v.at("name").text()
		if !strings.HasPrefix(name, variablePrefix) || ofService(name) || c.pod.cluster != "" && slices.Contains(ofECK, name) {
			continue
		}
		c.found("settings-without-hook", v, name+" is set, and container "+ct.name+" "+lacks,
			"lifecycle:\n  preStop:\n    exec:\n      command: [/prestop]")
		return
	}
}
