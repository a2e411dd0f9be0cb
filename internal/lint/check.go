package lint

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// container looks at one container.
func (c *checker) container(ct *container, read Read) {
	c.inside = ct.name
	defer func() { c.inside = "" }()
	before := len(c.findings)
	c.misplaced(ct)
	c.types(ct)
	c.fields(ct)
	if ct.hook = newHook(c.pod, ct, read); ct.hook == nil {
		c.withoutHook(ct)
		return
	}
	h := ct.hook
	if slices.Contains(c.pod.inits, ct) {
		c.found("init-container-hook", h.at, "an init container has a preStop hook, which Kubernetes refuses: it has ended before the pod stops",
			"move the hook to the container that it is for, or make this one a sidecar with restartPolicy: Always")
		return
	}
	c.handler(h)
	c.secrets(h)
	c.binary(ct)
	if h.reading != nil {
		c.prestop(h)
		return
	}
	c.foreign(h)
	if !h.mentions(program) && len(c.findings) == before {
		c.withoutHook(ct)
	}
}

// prestop looks at a hook of prestop's.
func (c *checker) prestop(h *hook) {
	if h.script.shell != "" {
		c.programs(h, h.command(), h.script)
		c.lost(h.command(), h.script)
	}
	if sub := h.reading.Subcommand; sub != "" {
		c.found("does-nothing", h.command(), fmt.Sprintf("the hook runs prestop %s, which stops nothing and waits for nothing", sub),
			"leave "+sub+" away, and name the steps of the hook: [/prestop, wait 20s]")
		return
	}
	c.settings(h)
	c.references(h)
	c.idle(h)
	c.stepsRead(h)
	c.grace(h)
	c.plan(h)
	c.calls(h)
	c.traffic(h)
	c.ports(h)
	c.files(h)
	c.credentials(h)
	c.elasticsearch(h)
	c.istio(h)
	for i, e := range h.steps() {
		if program := programOf(e); program != nil {
			s := scriptOf(program)
			c.programs(h, h.step(i), s)
			c.lost(h.step(i), s)
			if j := slices.IndexFunc(program, func(a argument) bool { return isOperator(a.text) }); j > 0 && s.shell == "" {
				c.found("shell-syntax-without-shell", h.step(i), fmt.Sprintf("step %d: %s is an argument of %s here: exec starts a program, not a shell", i+1, program[j].text, program[0].text),
					"a step of its own for each program; or exec sh -c '…' in an image with a shell")
			}
		}
	}
}

// foreign looks at somebody else's hook.
func (c *checker) foreign(h *hook) {
	c.sleeps(h)
	if get := h.at.at("httpGet"); get.there() {
		c.httpGet(h, get)
	}
	if len(h.exec) == 0 {
		return
	}
	c.programs(h, h.command(), h.script)
	if c.shellWords(h) {
		c.foreignCalls(h)
		c.signals(h)
	}
}

// wholePod looks at what the containers of a pod have to do with each other.
func (c *checker) wholePod() {
	if c.graceMisplaced(); len(c.pod.all()) > 0 {
		c.misspelt(c.pod.spec, podFields)
	}
	c.duplicates()
	for _, ct := range c.pod.all() {
		c.inside = ct.name
		if ct.hook == nil { // else it was looked at with its hook
			c.binary(ct)
		}
		c.clears(ct)
	}
	c.sidecars()
	c.inside = ""
}

// short writes a duration as people write it.
func short(d time.Duration) string {
	s := d.Round(100 * time.Millisecond).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// seconds writes a duration as Kubernetes does, rounded up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// graceLines are those that say a grace period in both places.
func graceLines(grace time.Duration) string {
	return fmt.Sprintf("terminationGracePeriodSeconds: %d\nenv:\n- {name: %s, value: \"%d\"}", seconds(grace), graceVariable, seconds(grace))
}

const (
	graceVariable   = "PRE_STOP_GRACE_PERIOD_SECONDS"
	waitVariable    = "PRE_STOP_ADDITIONAL_WAIT_SECONDS"
	reserveVariable = "PRE_STOP_RESERVE_SECONDS"
	stepsVariable   = "PRE_STOP_STEPS"
	askVariable     = "PRE_STOP_ASK_API"
	variablePrefix  = "PRE_STOP_"
)
