package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/prestop/prestop/internal/hook"
	"github.com/prestop/prestop/internal/step"
)

const clearCommand = "elasticsearch-clear"

// elasticsearchRules are about hooks that shut a node of Elasticsearch down.
var elasticsearchRules = []Rule{
	{"elasticsearch-not-cleared", Error, "nothing removes the shutdown record when the node is back", plans(recordNotCleared)},
	{"elasticsearch-moves-data", Warning, "a shutdown type that moves data, within a short grace period", plans(movesData)},
	{"clear-probe-too-short", Warning, "elasticsearch-clear as a probe that gives the node too little time", containers(clearProbeTooShort)},
	{"clear-while-stopping", Error, "elasticsearch-clear as a readiness probe, which goes on while the hook runs", clearsBadly("readinessProbe",
		"a readiness probe goes on while the hook runs, and would remove the record that the hook registers", "use it as a startupProbe")},
	{"clear-ends-container", Error, "elasticsearch-clear as a postStart hook or a liveness probe, which kills the container", all(
		clearsBadly("livenessProbe", "a liveness probe that fails kills the container, and elasticsearch-clear fails whenever the cluster does not answer",
			"use it as a startupProbe"),
		clearsBadly("postStart", "a postStart hook that fails kills the container, and elasticsearch-clear fails for as long as the node has not joined its cluster",
			"use it as a startupProbe, or add --exit-zero"))},
}

func recordNotCleared(h *preStop, say report) {
	registers := slices.ContainsFunc(h.entries(), func(e *entry) bool { return e.needs.Shutdown != "" })
	if !registers || h.pod.cluster != "" || h.pod.clears {
		return
	}
	for _, e := range h.executed() { // it may be meant for elasticsearch-clear
		if len(e.words) == 2 && e.by != "preStop" && h.runsPrestop(e.words[0]) && strings.Contains(e.words[1], "clear") {
			fix := commandFix([]string{e.words[0], clearCommand}, clearCommand)
			say(e.at, "prestop has no command "+e.words[1]+"; expected "+clearCommand, fix)
			return
		}
	}
	say(h.command(), "nothing in the pod runs prestop elasticsearch-clear: the shutdown record stays when the node is back, "+
		"and the node is not ready and gets no persistent tasks while it has one", h.clearFix())
}

func movesData(h *preStop, say report) {
	h.warned("elasticsearch-moves-data", func(at node, text string, e *entry) {
		if h.pod.grace > hook.DefaultECKGrace {
			return
		}
		if _, set := h.reading.set["PRE_STOP_SHUTDOWN_TYPE"]; set && e.needs.Shutdown == step.TypeOfSettings {
			at = h.setting("PRE_STOP_SHUTDOWN_TYPE")
		}
		say(at, text+"; the pod's grace period is "+short(h.pod.grace),
			"restart, for pods that come back; else a grace period as long as the data takes, often hours")
	})
}

// clearsBadly finds elasticsearch-clear in a hook or a probe that is not for it.
func clearsBadly(field, text, fix string) check {
	return containers(func(c *container, say report) {
		if at, ok := c.clearsBy(field); ok && (field != "postStart" || !slices.ContainsFunc(at.items(), exitsZero)) {
			say(at, text, fix)
		}
	})
}

func exitsZero(word node) bool {
	name, value, given := strings.Cut(word.text(), "=")
	on, _ := strconv.ParseBool(value)
	return name == "--exit-zero" && (on || !given)
}

// clearFix is a startup probe that removes the record. If the container has a startup probe already, it is a sentence.
func (h *preStop) clearFix() string {
	file, _ := h.binary()
	if h.StartupProbe != nil {
		return "prestop elasticsearch-clear before what the startup probe runs; or as a postStart hook with --exit-zero"
	}
	return "startupProbe:\n  exec:\n    command: [" + file + ", elasticsearch-clear]\n  timeoutSeconds: 10\n  failureThreshold: 60"
}

// clearsRecord tells whether a container runs elasticsearch-clear in any way.
func (c *container) clearsRecord() bool {
	all := append(c.executed(), executed{words: c.Command}, executed{words: c.Args})
	return slices.ContainsFunc(all, func(e executed) bool {
		return e.by != "preStop" && slices.ContainsFunc(e.words, func(word string) bool { return strings.Contains(word, clearCommand) })
	})
}

// clearsBy is the place of the command of a hook or a probe that runs elasticsearch-clear; false: it runs something else.
func (c *container) clearsBy(field string) (at node, ok bool) {
	for _, e := range c.executed() {
		if e.by == field && slices.Contains(e.words, clearCommand) {
			return e.at, true
		}
	}
	return node{}, false
}

func clearProbeTooShort(c *container, say report) {
	at, ok := c.clearsBy("startupProbe")
	if !ok {
		return
	}
	p, written := c.StartupProbe, c.at("startupProbe")
	fix := "timeoutSeconds 10, and failureThreshold 60"
	if harmless(written.words()) {
		longer := written.with("timeoutSeconds", max(10, p.TimeoutSeconds)).with("failureThreshold", max(60, p.FailureThreshold))
		fix = below(longer, "startupProbe")
	}
	if n := cmp.Or(p.TimeoutSeconds, 1); n < 5 {
		say(at, fmt.Sprintf("elasticsearch-clear has a timeoutSeconds of %d, and takes some seconds over TLS: it is cut, and fails", n), fix)
	}
	if n := int64(cmp.Or(p.PeriodSeconds, 10)) * int64(cmp.Or(p.FailureThreshold, 3)); n < 120 {
		text := "the startup probe gives the node %d s (periodSeconds × failureThreshold) to join its cluster, and kills it then"
		say(at, fmt.Sprintf(text, n), fix)
	}
}
