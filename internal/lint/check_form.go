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
		if name := strings.ToLower(key.Value); name == "prestop" || name == "poststart" || name == "lifecycle" && key.Value != "lifecycle" {
			c.found("hook-misplaced", key, key.Value+" is no field of a container; a hook stands below lifecycle", fix)
		}
	}
	for _, key := range ct.at("lifecycle").keys() {
		if !slices.Contains([]string{"preStop", "postStart", "stopSignal"}, key.Value) {
			c.found("hook-misplaced", key, key.Value+" is no field of lifecycle; expected preStop, postStart or stopSignal", fix)
		}
	}
	for _, where := range []string{"preStop", "postStart"} {
		for _, key := range ct.at("lifecycle", where).keys() {
			if !slices.Contains(handlers, key.Value) {
				c.found("hook-misplaced", key, fmt.Sprintf("%s is no handler; expected exec, httpGet or sleep below %s", key.Value, where), fix)
			}
		}
		for _, key := range ct.at("lifecycle", where, "exec").keys() {
			if key.Value != "command" {
				c.found("hook-misplaced", key, key.Value+" is no field of exec; expected command", "command: [/prestop, wait 20s]")
			}
		}
	}
}

// graceMisplaced finds grace periods, and hooks, that are not of the pod.
func (c *checker) graceMisplaced() {
	const message = "%s of %s is not the pod's; expected it in the pod's spec, beside containers"
	wrong := map[string]node{"a container": {}, "the template": c.pod.template, "the template's metadata": c.pod.template.at("metadata")}
	if c.pod.kind != "Pod" {
		wrong["the "+c.pod.kind] = c.pod.owner.at("spec")
	} else {
		wrong["the template"] = node{}
		wrong["the Pod"] = c.pod.owner
	}
	look := func(where string, n node) {
		if key, value := n.find(graceKey); value.there() {
			c.found("grace-misplaced", key, fmt.Sprintf(message, graceKey, where), "spec:\n  "+graceKey+": "+value.text()+"\n  containers: …")
		}
	}
	for where, n := range wrong {
		look(where, n)
	}
	for _, ct := range c.pod.all() {
		c.inside = ct.name
		look("a container", ct.node)
		look("lifecycle", ct.at("lifecycle"))
		look("preStop", ct.at("lifecycle", "preStop"))
	}
	c.inside = ""
	if key, value := c.pod.spec.find("lifecycle"); value.there() {
		c.found("hook-misplaced", key, "lifecycle is no field of a pod; it is of a container", "containers:\n- name: …\n  lifecycle: …")
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
		c.found("not-one-handler", h.at, fmt.Sprintf("preStop has the handlers %s, and Kubernetes takes one", strings.Join(have, " and ")),
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
			c.found("wrong-type", value, fmt.Sprintf("the value of %s: expected a string, got %s, which Kubernetes refuses", v.at("name").text(), value.what()), quotes)
		}
	}
	for _, where := range [][]string{{"lifecycle", "preStop", "exec", "command"}, {"lifecycle", "postStart", "exec", "command"}, {"startupProbe", "exec", "command"}} {
		command := ct.at(where...)
		if command.there() && command.Kind != yaml.SequenceNode {
			c.found("wrong-type", command, fmt.Sprintf("command: expected a list of words, got %s", command.what()), "command:\n- /prestop\n- wait 20s")
		}
		for _, word := range command.items() {
			if !word.isString() {
				c.found("wrong-type", word, fmt.Sprintf("command: expected a string, got %s, which Kubernetes refuses", word.what()), quotes)
			}
		}
	}
	if n := c.pod.graceNode; c.pod.graceWrong {
		c.inside = ""
		c.found("wrong-type", n, fmt.Sprintf("%s: expected a whole number of seconds, got %s", graceKey, n.what()), graceKey+": 60")
		c.inside = ct.name
	}
	if n := ct.at("lifecycle", "preStop", "sleep", "seconds"); n.there() {
		if _, ok := n.number(); !ok {
			c.found("wrong-type", n, "sleep: expected a whole number of seconds, got "+n.what(), "seconds: 20")
		}
	}
}

// quotes does not repeat the value, which may be a secret.
const quotes = "put it in quotes; a list or a mapping has no place here"

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
	if ct.at("lifecycle").there() && ct.at("lifecycle", "preStop").Node != nil {
		return
	}
	for _, v := range ct.node.at("env").items() {
		name := v.at("name").text()
		if !strings.HasPrefix(name, variablePrefix) || ofService(name) || c.pod.cluster != "" && slices.Contains(ofECK, name) {
			continue
		}
		c.found("settings-without-hook", v, fmt.Sprintf("%s is set, and container %s has no preStop hook that it could be for", name, ct.name),
			"lifecycle:\n  preStop:\n    exec:\n      command: [/prestop]")
		return
	}
}
