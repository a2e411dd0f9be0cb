package lint

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/version"
)

// podRules are about parts of a pod outside the hook that take the hook's effect away.
var podRules = []Rule{
	{"grace-zero", Error, "a hook in a pod whose grace period is 0 or 1", hooks(graceZero)},
	{"http-get-port", Error, "an httpGet hook without a port, or with one that Kubernetes refuses", hooks(httpGetPort)},
	{"http-get-scheme", Error, "an httpGet hook whose scheme is neither HTTP nor HTTPS", hooks(httpGetScheme)},
	{"http-get-host", Warning, "an httpGet hook with a host, so that another than this pod may be called", hooks(httpGetHost)},
	{"stop-signal-without-os", Error, "a stopSignal in a pod without spec.os.name, which Kubernetes refuses", containers(stopSignalWithoutOS)},
	{"restart-skips-hook", Warning, "a rule restarts all containers, which skips their hooks", containers(restartSkipsHook)},
	{"recreate-waits", Warning, "a hook waits for traffic to move, and the strategy Recreate leaves no pod for it", hooks(recreateWaits)},
	{"exec-readiness-stops", Warning, "an exec readiness probe, which these nodes do not run while a pod ends", hooks(execReadinessStops)},
	{"app-outlasts-grace", Warning, "the hook and the app's own shutdown time are together longer than the grace period", hooks(appOutlastsGrace)},
}

func graceZero(h *preStop, say report) {
	if h.pod.noGrace() {
		say(h.pod.graceNode, graceKey+" is "+h.pod.graceNode.text()+": the kubelet gives the hook of "+h.Name+" one second at most, and the app 2 s after it",
			h.graceFix(max(time.Minute, h.shortest()*3/2))).Container = ""
	}
}

func httpGetPort(h *preStop, say report) {
	if h.HTTPGet == nil {
		return
	}
	at, port := h.place.at("httpGet", "port"), h.HTTPGet.Port
	switch {
	case !at.there():
		say(h.place.at("httpGet"), "the httpGet hook has no port, which Kubernetes refuses", h.portFix(""))
	case port.Type == intstr.String && !nameOfPort(port.StrVal):
		say(at, "port "+port.StrVal+" is in quotes: Kubernetes takes it for a port's name, and refuses one without letters", "port: "+port.StrVal)
	case port.Type == intstr.Int && (port.IntVal < 1 || port.IntVal > 65535):
		say(at, "port "+at.text()+" is none: Kubernetes takes 1 to 65535", h.portFix(at.text()))
	}
}

// httpGetScheme finds a scheme that the API refuses: it takes capital letters alone.
func httpGetScheme(h *preStop, say report) {
	at := h.place.at("httpGet", "scheme")
	scheme := at.text()
	upper := strings.ToUpper(scheme)
	switch known := upper == "HTTP" || upper == "HTTPS"; {
	case scheme == "" || known && scheme == upper:
	case known:
		say(at, "the scheme "+scheme+" is in small letters, which Kubernetes refuses", "scheme: "+upper)
	default:
		say(at, scheme+" is no scheme of an httpGet hook", "HTTP or HTTPS")
	}
}

// getWithout is the httpGet hook without one of its fields.
func (h *preStop) getWithout(field string) string {
	get := h.place.at("httpGet")
	if slices.ContainsFunc(h.HTTPGet.HTTPHeaders, secretHeader) || !harmless(get.words()) {
		return "httpGet without " + field
	}
	return below(get.with(field, nil), "httpGet")
}

func httpGetHost(h *preStop, say report) {
	if h.HTTPGet == nil || h.HTTPGet.Host == "" || h.pod.Spec.HostNetwork && local(h.HTTPGet.Host) {
		return
	}
	text := "the kubelet calls " + h.HTTPGet.Host + " from the node, by the node's DNS: a Service's name is not found there, " +
		"and its address may be another pod's"
	if local(h.HTTPGet.Host) {
		text = "the kubelet makes the call of an httpGet hook from the node: " + h.HTTPGet.Host + " is the node here, not the pod"
	}
	say(h.place.at("httpGet", "host"), text, h.getWithout("host"))
}

func stopSignalWithoutOS(c *container, say report) {
	if c.Lifecycle != nil && c.Lifecycle.StopSignal != nil && (c.pod.Spec.OS == nil || c.pod.Spec.OS.Name == "") {
		say(c.at("lifecycle", "stopSignal"), "stopSignal is set and the pod has no os.name: Kubernetes refuses the pod",
			"os: {name: linux} # beside containers")
	}
}

// restartAllContainers is an action of Kubernetes 1.35 and later. This package can be built with older versions of k8s.io/api, which have
// no name for it.
const restartAllContainers = "RestartAllContainers"

// restartSkipsHook: the kubelet restarts all containers with a grace period of 0, which skips hooks.
func restartSkipsHook(c *container, say report) {
	for i, rule := range c.RestartPolicyRules {
		hooked := slices.ContainsFunc(c.pod.running, func(c *container) bool { return c.hook != nil })
		if rule.Action == restartAllContainers && hooked {
			say(c.at("restartPolicyRules", i, "action"), "RestartAllContainers ends all containers of the pod without their preStop hooks",
				"action: Restart # which restarts this container alone")
		}
	}
}

// recreateWaits finds waits for clients to go to another pod. A wait for what the app still does is right with any strategy.
func recreateWaits(h *preStop, say report) {
	w := h.pod.of
	at := w.at("spec", "strategy", "type")
	if w.kind != "Deployment" || at.text() != "Recreate" {
		return
	}
	if i := slices.IndexFunc(h.entries(), func(e *entry) bool { return e.needs.Name != "" }); i >= 0 {
		e := h.entries()[i]
		say(e.at, e.Line+": the strategy Recreate ends all pods before a new one starts, so that no other pod takes the traffic in a rollout",
			"RollingUpdate, where the app may run twice; else until quiet, which ends when the last request has been answered")
	}
}

// A stopTime is how an app is told how long it may take to stop.
type stopTime struct {
	app     string
	program string // the program that the flag is for; empty: the image or the variable alone tells
	pattern *regexp.Regexp
	env     string
	always  time.Duration // the time that the flag stands for; 0: the flag says it
	unit    time.Duration // of a number without a unit; 0: seconds
}

// duration reads a time as the app does.
func (t stopTime) duration(text string) time.Duration {
	if _, err := strconv.ParseFloat(text, 64); err == nil && t.unit > 0 {
		n, _ := strconv.ParseInt(text, 10, 32)
		return time.Duration(n) * t.unit
	}
	return stopDuration(text)
}

// Flags and variables by their documentation. Times without a unit are seconds, and milliseconds for Spring (LifecycleProperties).
//
// Envoy itself is not among them. On SIGTERM it closes its listeners at once: --drain-time-s (600 s by default) is only for drains that
// were asked for before (envoyproxy.io, "Draining"; "Command line options"). Istio's pilot-agent lets Envoy go on for
// TERMINATION_DRAIN_DURATION_SECONDS, 5 s by default (istio/istio, pilot-agent's environment variables). LiteLLM gives uvicorn no limit.
// With --run_gunicorn it runs gunicorn and leaves graceful_timeout at 30 s: neither a flag of LiteLLM's nor gunicorn's own settings change
// that (BerriAI/litellm, litellm/proxy/proxy_cli.py; docs.gunicorn.org, "Settings").
var stopTimes = []stopTime{
	{"vLLM", "vllm", regexp.MustCompile(`^--shutdown-timeout[= ](\S+)$`), "", 0, 0},
	{"uvicorn", "uvicorn", regexp.MustCompile(`^--timeout-graceful-shutdown[= ](\S+)$`), "", 0, 0},
	{"gunicorn", "gunicorn", regexp.MustCompile(`^--graceful-timeout[= ](\S+)$`), "", 0, 0},
	{"Sidekiq", "sidekiq", regexp.MustCompile(`^(?:-t|--timeout)[= ](\S+)$`), "", 0, 0},
	{"Traefik", "traefik", regexp.MustCompile(`(?i)^--entrypoints\.[^.]+\.transport\.lifecycle\.gracetimeout[= ](\S+)$`), "", 0, 0},
	{"Spring", "java", regexp.MustCompile(`^(?:--|-D)spring\.lifecycle\.timeout-per-shutdown-phase=(\S+)$`), "SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE", 0, time.Millisecond},
	{"Quarkus", "java", regexp.MustCompile(`^-Dquarkus\.shutdown\.timeout=(\S+)$`), "QUARKUS_SHUTDOWN_TIMEOUT", 0, 0},
	{"LiteLLM", "litellm", regexp.MustCompile(`^(--run_gunicorn)$`), "", 30 * time.Second, 0},
	{"Istio's Envoy", "pilot-agent", regexp.MustCompile(`^$`), "TERMINATION_DRAIN_DURATION_SECONDS", 0, 0},
}

// appOutlastsGrace counts only times that are written in the manifest. An app's default is not known, since the app may have a file of
// settings.
func appOutlastsGrace(h *preStop, say report) {
	lasts := h.shortest()
	if h.pod.graceWrong || lasts <= 0 || lasts >= h.pod.grace {
		return
	}
	for _, app := range stopTimes {
		at, takes := app.of(h.container)
		if takes > 0 && lasts+takes > h.pod.grace {
			say(at, fmt.Sprintf("the hook lasts %s or more, and %s may take %s to stop after it: together they are longer than the grace period of %s, and SIGKILL ends what is left", short(lasts), app.app, short(takes), short(h.pod.grace)),
				h.graceFix(lasts+takes+5*time.Second)+" # or a shorter hook, or a shorter shutdown time")
			return
		}
	}
}

// of is the time that a container gives its app to stop, and where that is written. A variable counts more than a flag.
func (t stopTime) of(c *container) (at node, takes time.Duration) {
	for i, v := range c.Env {
		if t.env != "" && v.Name == t.env {
			at, takes = c.at("env", i, "value"), t.duration(v.Value)
		}
	}
	if takes > 0 {
		return at, takes
	}
	words, places := slices.Concat(c.Command, c.Args), slices.Concat(c.at("command").items(), c.at("args").items())
	if len(words) != len(places) || !t.runs(c, words) {
		return node{}, 0
	}
	for i := range words {
		found := t.pattern.FindStringSubmatch(words[i])
		if found == nil {
			found = t.pattern.FindStringSubmatch(strings.Join(words[i:min(i+2, len(words))], " "))
		}
		if found != nil {
			at, takes = places[i], cmp.Or(t.always, t.duration(found[1]))
		}
	}
	return at, takes
}

// runs tells whether a container runs the program, by its words or by its image's entrypoint.
func (t stopTime) runs(c *container, words []string) bool {
	image := path.Base(repositoryOf(c.Image))
	runsAlone := slices.Contains([]string{"vllm-openai", "traefik", "litellm", "litellm-database"}, image)
	byImage := len(c.Command) == 0 && runsAlone && strings.HasPrefix(image, t.program)
	return byImage || slices.ContainsFunc(words, func(word string) bool { return path.Base(word) == t.program })
}

// stopDuration reads seconds, or a duration as Go and Java write it; 0: it is neither.
func stopDuration(text string) time.Duration {
	if n, err := strconv.ParseFloat(text, 64); err == nil && n > 0 && n < 1e6 {
		return time.Duration(n * float64(time.Second))
	}
	d, _ := time.ParseDuration(strings.ToLower(strings.TrimPrefix(strings.ToUpper(text), "PT"))) // 0 with an error
	return d
}

// execReadinessStops: kubelets 1.35.x, and 1.36.x from 1.36.3 on, run no exec readiness probe while a pod ends; 1.37.0 does again
// (kubernetes issues 140881, 140509, 140882). While such a probe is not run, the pod stays ready for as long as any hook takes.
func execReadinessStops(h *preStop, say report) {
	v, err := version.ParseGeneric(h.pod.of.in.kubernetes)
	if err != nil || h.ReadinessProbe == nil || h.ReadinessProbe.Exec == nil {
		return
	}
	if affected := v.Major() == 1 && (v.Minor() == 35 || v.Minor() == 36 && v.Patch() >= 3); !affected {
		return
	}
	say(h.at("readinessProbe", "exec"), "Kubernetes "+h.pod.of.in.kubernetes+" does not run exec readiness probes while a pod ends: the pod stays ready, whatever the hook tells the app",
		"a readiness probe by httpGet, grpc or tcpSocket")
}
