package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prestop/prestop/shutdown"
)

const clearCommand = "elasticsearch-clear"

// elasticsearch looks at a plan that shuts a node down.
func (c *checker) elasticsearch(h *hook) {
	for i, e := range h.steps() {
		s, ok := e.Step.(shutdown.Elasticsearch)
		if !ok {
			continue
		}
		at := h.step(i)
		if s.Type != "restart" && c.pod.grace <= defaultECKGrace {
			if _, set := h.reading.Settings["PRE_STOP_SHUTDOWN_TYPE"]; set && h.reading.Steps[i].Setting != "" {
				at = h.setting("PRE_STOP_SHUTDOWN_TYPE")
			}
			c.found("elasticsearch-moves-data", at, "shutdown type "+s.Type+" moves the node's data to others, for which a grace period of "+short(c.pod.grace)+" is too short unless there is little",
				"type restart for pods that come back; else a grace period as long as the data takes, often hours")
		}
		if c.pod.cluster == "" && !slices.ContainsFunc(c.pod.all(), (*container).clearsRecord) {
			c.found("elasticsearch-not-cleared", h.command(), "nothing in the pod runs prestop elasticsearch-clear: the shutdown record stays when the node is back, and the node is not ready and gets no persistent tasks while it has one",
				"startupProbe:\n  exec:\n    command: ["+h.exec[0].text+", elasticsearch-clear]\n  timeoutSeconds: 10\n  failureThreshold: 60")
		}
		return
	}
}

// clearsRecord tells whether a container runs elasticsearch-clear in any way.
func (c *container) clearsRecord() bool {
	for _, where := range [][]string{{"startupProbe", "exec", "command"}, {"readinessProbe", "exec", "command"}, {"livenessProbe", "exec", "command"}, {"lifecycle", "postStart", "exec", "command"}, {"command"}, {"args"}} {
		for _, word := range c.node.at(where...).items() {
			if strings.Contains(word.text(), clearCommand) {
				return true
			}
		}
	}
	return false
}

// clears looks at how elasticsearch-clear is run.
func (c *checker) clears(ct *container) {
	has := func(command node) bool {
		return slices.ContainsFunc(command.items(), func(n node) bool { return n.text() == clearCommand })
	}
	probe := ct.at("startupProbe")
	if command := probe.at("exec", "command"); has(command) {
		number := func(key string, unset int) int {
			if n, ok := probe.at(key).number(); ok {
				return n
			}
			return unset
		}
		const fix = "timeoutSeconds: 10\nfailureThreshold: 60"
		if n := number("timeoutSeconds", 1); n < 5 {
			c.found("clear-probe-too-short", command, fmt.Sprintf("elasticsearch-clear has a timeoutSeconds of %d, and takes some seconds over TLS: it is cut, and fails", n), fix)
		}
		if n := number("periodSeconds", 10) * number("failureThreshold", 3); n < 120 {
			c.found("clear-probe-too-short", command, fmt.Sprintf("the startup probe gives the node %d seconds (periodSeconds × failureThreshold) to join its cluster, and kills it then", n), fix)
		}
	}
	if command := ct.at("readinessProbe", "exec", "command"); has(command) {
		c.found("clear-while-stopping", command, "a readiness probe goes on while the hook runs, and would remove the record that the hook registers", "use it as a startupProbe")
	}
	if command := ct.at("livenessProbe", "exec", "command"); has(command) {
		c.found("clear-ends-container", command, "a liveness probe that fails kills the container, and elasticsearch-clear fails whenever the cluster does not answer", "use it as a startupProbe")
	}
	if command := ct.at("lifecycle", "postStart", "exec", "command"); has(command) && !slices.ContainsFunc(command.items(), func(n node) bool { return strings.HasPrefix(n.text(), "--exit-zero") }) {
		c.found("clear-ends-container", command, "a postStart hook that fails kills the container, and elasticsearch-clear fails for as long as the node has not joined its cluster",
			"use it as a startupProbe, or add --exit-zero")
	}
}
