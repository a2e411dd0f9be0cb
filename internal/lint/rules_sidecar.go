package lint

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/prestop"
)

// sidecarRules are about what the containers of a pod have to do with each other.
var sidecarRules = []Rule{
	{"sidecar-ends-first", Warning, "a sidecar's hook is over before those that need the sidecar", pods(sidecarEndsFirst)},
	{"shared-processes", Error, "process 1 is taken for the app's, and the pod's containers share their processes", hooks(sharedProcesses)},
	{"classic-istio", Warning, "a call to the outside when a classic Istio sidecar may have ended", plans(classicIstio)},
}

// longestHook is the container that is no proxy and whose hook lasts longest, and how long it may last by what is written; nil: no hook
// lasts.
func (p *pod) longestHook() (app *container, lasts time.Duration) {
	for _, c := range p.containers {
		if c.hook != nil && !c.proxy() && c.hook.mayLast() > lasts {
			app, lasts = c, c.hook.mayLast()
		}
	}
	return app, lasts
}

// mayLast is how long a hook lasts, with its waits until the max= that is written.
func (h *preStop) mayLast() time.Duration {
	lasts := h.shortest()
	for _, e := range h.entries() {
		if e.Guard && e.needs.Written && !h.unjudged(e) {
			lasts = max(lasts, e.Ends)
		}
	}
	return lasts
}

// sidecarEndsFirst finds hooks that are written as if they ran after the app's. All hooks of a pod begin at once.
func sidecarEndsFirst(p *pod, say report) {
	app, lasts := p.longestHook()
	for _, c := range p.running {
		sidecar := c.native || c.proxy() && len(p.running) > 1
		if c.hook == nil || !sidecar {
			continue
		}
		say, fix := say.of(c.Name), c.hook.sidecarFix(lasts)
		if at, what := c.hook.endsAtOnce(); what != "" {
			say(at, what+" ends sidecar "+c.Name+" at once: all hooks of a pod begin at the same time, so that the app still needs it", fix)
			continue
		}
		// A native sidecar is sent SIGTERM after the others have ended.
		if longest, ok := c.hook.longest(); ok && !c.native && lasts > longest {
			say(c.hook.command(), "the hook of sidecar "+c.Name+" is over after "+short(longest)+" at the latest, and that of "+app.Name+
				" may last "+short(lasts)+": the sidecar is sent SIGTERM while the app serves", fix)
		}
	}
}

func (h *preStop) sidecarFix(lasts time.Duration) string {
	switch seconds := seconds(lasts); {
	case h.native:
		return "leave the hook out, since Kubernetes sends a native sidecar SIGTERM when the other containers have ended"
	case h.Sleep != nil:
		return below(seconds, "sleep", "seconds")
	case len(h.words) == 2 && h.script.shell == "" && path.Base(h.words[0]) == "sleep":
		return commandFix([]string{h.words[0], strconv.Itoa(seconds)}, "a longer sleep")
	}
	const native = "or a native sidecar, which is an init container with restartPolicy Always"
	for _, app := range h.pod.containers {
		all := app.declared()
		if app == h.container || len(all) == 0 {
			continue
		}
		step := "until closed " + all[0]
		if h.planned() {
			return h.stepsFix(append([]string{step}, h.lines()...), step+" as the hook's first step; "+native)
		}
		return "let the hook wait first until the app has closed its port, as prestop's step " + step + " does; " + native
	}
	return "until closed and the app's port as the hook's first step; " + native
}

// proxy tells whether a container is one that others depend on, by its name or its image.
func (c *container) proxy() bool {
	names := strings.ToLower(c.Name + "-" + path.Base(repositoryOf(c.Image)))
	words := strings.FieldsFunc(names, func(r rune) bool { return strings.ContainsRune("-_.", r) })
	return slices.ContainsFunc(words, func(word string) bool {
		return slices.Contains([]string{"proxy", "sidecar", "envoy", "pgbouncer", "cloudsql", "tunnel"}, word)
	})
}

// endsAtOnce is the place where a hook ends its container without having waited for anything.
func (h *preStop) endsAtOnce() (at node, what string) {
	for _, s := range h.entries() {
		if s.needs.Waits || s.Guard {
			return node{}, ""
		}
		if s.ends() {
			return s.at, s.Line
		}
	}
	if h.HTTPGet != nil && strings.HasSuffix(h.HTTPGet.Path, "/quitquitquit") {
		return h.place.at("httpGet"), h.HTTPGet.Path
	}
	return h.command(), h.script.endsAtOnce()
}

// ends tells whether the step ends the container, or the process that a call goes to.
func (s *entry) ends() bool {
	mayEnd := s.needs.Ends != step.EndsNothing && s.needs.Ends != step.EndsListening
	return mayEnd && (s.needs.Signal == 0 || s.signalsEnd())
}

// endsAtOnce is the program or the path by which a script ends its container without having waited; empty: the script waits, or ends
// nothing.
func (s script) endsAtOnce() string {
	for _, c := range s.commands {
		_, u := requestOf(c)
		switch {
		case s.branches || c.program() == "sleep" || c.program() == "wait":
			return ""
		case step.Signals(c.words):
			return c.program()
		case u != nil && endsProcess(u):
			return u.Path
		}
	}
	return ""
}

// longest is how long a hook lasts at the latest; false: that depends on how long something else takes.
func (h *preStop) longest() (time.Duration, bool) {
	noSleep := func(c command) bool { return c.program() != "sleep" }
	switch {
	case h.planned():
		return h.floor().Ends, !h.timesUnknown() && !slices.ContainsFunc(h.entries(), (*entry).open)
	case h.Sleep == nil && (len(h.script.commands) == 0 || slices.ContainsFunc(h.script.commands, noSleep)):
		return 0, false
	}
	return h.shortest(), h.reading == nil && !h.script.branches
}

// shortest is how long a hook lasts at least, whatever happens.
func (h *preStop) shortest() time.Duration {
	switch {
	case h.planned() && !h.timesUnknown():
		return max(h.floor().Earliest, min(h.reading.plan.Floor, h.reading.plan.Budget()-prestop.Engine))
	case h.reading != nil || h.script.branches:
		return 0
	case h.Sleep != nil:
		return time.Duration(h.Sleep.Seconds) * time.Second
	}
	return h.script.slept()[0]
}

var processOne = regexp.MustCompile(`(^|\s)/proc/1/|(^|\s)--pid[= ]1(\s|$)`)

// sharedProcesses finds what is meant for the app and reaches the pause container, or all containers of the pod.
func sharedProcesses(h *preStop, say report) {
	if !h.pod.shared() {
		return
	}
	if h.planned() && strings.HasPrefix(h.reading.config.LogTo.V, "/proc/1/") && !h.guessed("PRE_STOP_LOG_TO") {
		text := "PRE_STOP_LOG_TO: process 1 is the pod's pause container, since shareProcessNamespace is true: nobody would see the log"
		say(h.setting("PRE_STOP_LOG_TO"), text, "- {name: PRE_STOP_LOG_TO, value: container}")
	}
	for _, r := range h.runs() {
		for _, c := range r.script.commands {
			if text, severity := c.amongShared(r.script.text); text != "" {
				const fix = "prestop, whose step signal finds the container's own main process, and whose log goes to it; or remove shareProcessNamespace"
				say(r.at, text, fix).Severity = severity
				break
			}
		}
	}
}

// amongShared says what is wrong with a command of a script where containers share their processes; empty: nothing is.
func (c command) amongShared(script string) (text string, severity Severity) {
	const one = "process 1 is the pod's pause container, since shareProcessNamespace is true: "
	switch name := c.program(); {
	case (name == "kill" || name == "nsenter") && slices.Contains(c.words[1:], "1"):
		return one + "the signal does not get to the app", Error
	case name == "pkill" || name == "killall":
		return name + " finds the processes of every container of the pod, since shareProcessNamespace is true", Warning
	case processOne.MatchString(strings.Join(c.words, " ")) || strings.Contains(script, "/proc/1/fd/"):
		return one + "what is read or written there is not the app's", Error
	}
	return "", ""
}

// istioStays is how long a classic sidecar serves after SIGTERM, unless it is told otherwise.
const istioStays = 5 * time.Second

// istioInjected tells whether Istio adds its proxy to the pod, or has added it.
func (p *pod) istioInjected() bool {
	const key = "sidecar.istio.io/inject"
	return p.Labels[key] == "true" || p.Annotations[key] == "true" || slices.ContainsFunc(p.containers, istioProxy)
}

func istioProxy(c *container) bool { return c.Name == "istio-proxy" }

// istioStaysBy are words in Istio's settings of a pod by which its proxy stays for longer.
var istioStaysBy = regexp.MustCompile("EXIT_ON_ZERO_ACTIVE_CONNECTIONS|terminationDrainDuration|MINIMUM_DRAIN_DURATION")

// istioMayEnd tells whether Istio's proxy may end before the app. A gateway has no app beside it.
func (p *pod) istioMayEnd() bool {
	gateway := strings.Contains(p.Annotations["inject.istio.io/templates"], "gateway")
	native := p.Annotations["sidecar.istio.io/nativeSidecar"] == "true" || slices.ContainsFunc(p.sidecars, istioProxy)
	if !p.istioInjected() || gateway || native || istioStaysBy.MatchString(p.Annotations["proxy.istio.io/config"]) {
		return false
	}
	for name := range p.Annotations {
		if strings.HasPrefix(name, "traffic.sidecar.istio.io/") {
			return false // a call may not go through the proxy
		}
	}
	return true
}

// classicIstio finds calls to the outside that may come when the proxy has ended. Such calls go through the proxy.
func classicIstio(h *preStop, say report) {
	if istioProxy(h.container) || !h.pod.istioMayEnd() || h.timesUnknown() {
		return
	}
	for _, s := range h.entries() {
		for _, call := range s.needs.Calls {
			host := call.URL.Hostname()
			inPod := call.Node || local(host) || strings.HasPrefix(host, "/") // as Elasticsearch's own node is
			if late := call.Repeats || s.Earliest >= istioStays; late && !inPod {
				const fix = "metadata:\n  annotations:\n    sidecar.istio.io/nativeSidecar: \"true\"" +
					" # or have the proxy stay, by EXIT_ON_ZERO_ACTIVE_CONNECTIONS in proxy.istio.io/config"
				say(s.at, s.Line+": a classic Istio sidecar is sent SIGTERM when the hook begins and ends "+short(istioStays)+
					" later, and with it every way to "+host, fix)
				return
			}
		}
	}
}
