package lint

import (
	"slices"
	"strings"
	"time"

	"github.com/prestop/prestop/drain"
	"github.com/prestop/prestop/prestop"
	"github.com/prestop/prestop/shutdown"
)

// sidecars finds hooks that are written as if they ran after the app's. All hooks of a pod begin at once.
func (c *checker) sidecars() {
	for _, ct := range c.pod.running() {
		if ct.hook == nil || !ct.native && (!ct.proxy() || len(c.pod.running()) < 2) {
			continue
		}
		c.inside = ct.name
		if at, what := ct.hook.endsAtOnce(); what != "" {
			c.found("sidecar-ends-first", at, what+" ends sidecar "+ct.name+" at once: all hooks of a pod begin at the same time, so that the app still needs it", c.sidecarFix(ct))
			continue
		}
		if ct.native {
			continue // its SIGTERM comes after the others have ended
		}
		longest, ok := ct.hook.longest()
		for _, app := range c.pod.containers {
			if app == ct || app.proxy() || app.hook == nil || !ok {
				continue
			}
			if least := app.hook.shortest(); least > longest {
				c.found("sidecar-ends-first", ct.hook.at, "the hook of sidecar "+ct.name+" is over after "+short(longest)+" at the latest, and that of "+app.name+" lasts "+short(least)+" or more: the sidecar is sent SIGTERM while the app serves", c.sidecarFix(ct))
				break
			}
		}
	}
	c.inside = ""
}

func (c *checker) sidecarFix(ct *container) string {
	if ct.native {
		return "leave the hook out: Kubernetes sends a native sidecar SIGTERM when the other containers have ended"
	}
	for _, app := range c.pod.containers {
		if port := app.node.at("ports").items(); app != ct && len(port) > 0 && port[0].at("containerPort").there() {
			return "command: [/prestop, until closed " + port[0].at("containerPort").text() + "]; or make it a native sidecar, an init container with restartPolicy: Always"
		}
	}
	return "until closed PORT, with the app's port, as the hook's first step; or make it a native sidecar, an init container with restartPolicy: Always"
}

// proxy tells whether a container is one that others depend on, by its name or its image.
func (c *container) proxy() bool {
	image, _, _ := strings.Cut(c.image, ":")
	image = image[strings.LastIndexByte(image, '/')+1:]
	return slices.ContainsFunc([]string{c.name, image}, func(name string) bool {
		words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == '.' })
		return slices.ContainsFunc([]string{"proxy", "sidecar", "envoy", "pgbouncer", "cloudsql", "tunnel"}, func(word string) bool { return slices.Contains(words, word) })
	})
}

// endsAtOnce is the place where a hook ends its container without having waited for anything.
func (h *hook) endsAtOnce() (at node, what string) {
	for i, e := range h.steps() {
		if e.Step == nil || e.Guard {
			return node{}, ""
		}
		if s, ok := e.Step.(shutdown.Signal); ok && h.ends(s) {
			return h.step(i), e.Line
		}
		if _, _, u := callOf(e); u != nil && shutdown.Exits(u) {
			return h.step(i), e.Line
		}
	}
	for _, cmd := range h.script.commands {
		_, u := requestOf(cmd)
		switch {
		case h.script.branches || cmd.program() == "sleep" || cmd.program() == "wait":
			return node{}, ""
		case signalling(cmd):
			return h.command(), cmd.program()
		case u != nil && shutdown.Exits(u):
			return h.command(), u.Path
		}
	}
	if path := h.at.at("httpGet", "path").text(); strings.HasSuffix(path, "/quitquitquit") {
		return h.at.at("httpGet"), path
	}
	return node{}, ""
}

// ends tells whether a signal ends what gets it, if it does not say otherwise.
func (h *hook) ends(s shutdown.Signal) bool {
	name := s.Signal.String()
	return slices.Contains([]string{"terminated", "quit", "interrupt", "killed"}, name)
}

// longest is how long a hook lasts at the latest; false: it may take as long as something else does.
func (h *hook) longest() (time.Duration, bool) {
	if h.reading != nil {
		if h.reading.Subcommand != "" || h.timesUnknown() {
			return 0, false
		}
		for _, e := range h.steps() {
			switch e.Step.(type) {
			case drain.Closed, drain.File, drain.URL, drain.Gone, drain.Quiet, shutdown.Signal, shutdown.Exec:
				return 0, false
			}
		}
		slots := h.reading.Plan.Timeline()
		return slots[len(slots)-1].Ends, true
	}
	if n, ok := h.at.at("sleep", "seconds").number(); ok {
		return time.Duration(n) * time.Second, true
	}
	if len(h.script.commands) == 0 || h.script.branches {
		return 0, false
	}
	for _, cmd := range h.script.commands {
		if cmd.program() != "sleep" {
			return 0, false
		}
	}
	return h.script.slept(h.env), true
}

// shortest is how long a hook lasts at least, whatever happens.
func (h *hook) shortest() time.Duration {
	if h.reading == nil {
		if n, ok := h.at.at("sleep", "seconds").number(); ok {
			return time.Duration(n) * time.Second
		}
		if h.script.branches {
			return 0
		}
		return h.script.slept(h.env)
	}
	if h.reading.Subcommand != "" || h.timesUnknown() {
		return 0
	}
	slots := h.reading.Plan.Timeline()
	last := slots[len(slots)-1]
	return max(last.Earliest, min(h.reading.Plan.Floor, h.reading.Plan.Budget()-prestop.Engine))
}
