package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// trafficRules are about the waits for traffic to leave.
func trafficRules() []Rule {
	return []Rule{
		{"quiet-port-undeclared", Warning, "until quiet or until closed on a port that the pod does not declare", plans(portUndeclared)},
		{"quiet-sees-probe", Warning, "a readiness probe comes more often than until quiet allows", steps(quietSeesProbe)},
		{"gone-never", Error, "until gone on a Service that keeps the pod until it has ended", steps(func(h *hook, s *step, say report) {
			for _, service := range h.waitedFor(s) {
				if service.spec.PublishNotReadyAddresses {
					say(s.at, "until gone "+s.deed.gone+": Service "+service.name+" has publishNotReadyAddresses, so that the pod stays in its DNS answer until it has ended",
						"name a headless Service without publishNotReadyAddresses, or use until quiet")
				}
			}
		})},
		{"gone-not-headless", Error, "until gone on a Service that has an address of its own", steps(func(h *hook, s *step, say report) {
			for _, service := range h.waitedFor(s) {
				if !service.spec.PublishNotReadyAddresses && !service.headless() {
					say(s.at, "until gone "+s.deed.gone+": Service "+service.name+" has an address of its own, so that its DNS answer never has the pod's",
						"name a headless Service (clusterIP: None), or use until quiet")
				}
			}
		})},
		{"closed-own-port", Warning, "until closed on the container's own port, which nothing closes", plans(closedOwnPort)},
	}
}

func (s *step) ports() []uint16 {
	switch {
	case s.deed.quiet != nil:
		return s.deed.quiet.Ports
	case s.deed.closed != 0:
		return []uint16{s.deed.closed}
	}
	return nil
}

func portUndeclared(h *hook, say report) {
	var declared []string
	for _, c := range h.pod.running() {
		declared = append(declared, c.declared()...)
	}
	if slices.Sort(declared); len(declared) == 0 {
		return
	}
	used := h.pod.used()
	for _, s := range h.steps {
		for _, port := range s.ports() {
			if used[strconv.Itoa(int(port))] || h.pod.istioInjected() && port/1000 == 15 { // of Istio's proxy: 15000 to 15999
				continue
			}
			say(s.at, fmt.Sprintf("%s: no container of the pod declares port %d; declared are %s", s.Line, port, strings.Join(slices.Compact(declared), ", ")),
				"name the port that the app listens on, or declare it below ports")
		}
	}
}

const defaultQuiet = 3 * time.Second // drain.Quiet's

// quietSeesProbe finds probes that are traffic to until quiet: they go on while the hook runs, each on a connection of its own.
func quietSeesProbe(h *hook, s *step, say report) {
	q := s.deed.quiet
	if q == nil || len(q.Ignore) > 0 {
		return
	}
	window := q.For
	if window == 0 {
		window = defaultQuiet
	}
	for _, port := range q.Ports {
		probes, often, name := h.pod.probed(strconv.Itoa(int(port)), window)
		if probes > q.Allow {
			say(s.at, s.Line+": the readiness probe of "+name+" comes every "+short(often)+", so that "+short(window)+" without traffic never pass and the step lasts to its max",
				fmt.Sprintf("allow=%d, or a for= shorter than the probe's periodSeconds", probes))
		}
	}
}

// probed is how many readiness probes with payload a port certainly gets within a time; and how often, and whose, the last is.
func (p *pod) probed(port string, window time.Duration) (probes int, often time.Duration, name string) {
	for _, c := range p.running() {
		probe := c.ReadinessProbe
		if probe == nil || probedPort(c, probe.ProbeHandler) != port {
			continue
		}
		name, often = c.Name, 10*time.Second
		if probe.PeriodSeconds > 0 {
			often = time.Duration(probe.PeriodSeconds) * time.Second
		}
		probes += int(window / often)
	}
	return probes, often, name
}

func probedPort(c *container, handler corev1.ProbeHandler) string {
	switch {
	case handler.HTTPGet != nil:
		return c.portNumber(handler.HTTPGet.Port.String())
	case handler.GRPC != nil:
		return number(handler.GRPC.Port)
	}
	return ""
}

// closedOwnPort finds a wait for the container's own port, which closes when the container ends, which it does after the hook.
func closedOwnPort(h *hook, say report) {
	for _, s := range h.steps {
		if s.acts() {
			return // which may close it
		}
		if s.deed.closed != 0 && slices.Contains(h.declared(), strconv.Itoa(int(s.deed.closed))) {
			say(s.at, fmt.Sprintf("until closed %d: the port is of container %s itself, which goes on listening until it is sent SIGTERM, after this hook", s.deed.closed, h.Name),
				"name the port of the container that must end before this one")
		}
	}
}

// waitedFor are the Services that select the pod, and that a step waits for not to have it any more.
func (h *hook) waitedFor(s *step) []*service {
	if s.deed.gone == "" || s.source.Guess {
		return nil
	}
	return slices.DeleteFunc(h.pod.of.in.called(s.deed.gone, h.pod.of.namespace), func(one *service) bool {
		return len(one.spec.Selector) == 0 || !selected(one.spec.Selector, h.pod.Labels)
	})
}
