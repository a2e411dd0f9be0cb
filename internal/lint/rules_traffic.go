package lint

import (
	"fmt"
	"slices"
	"strings"
)

// trafficRules are about the waits for traffic to leave.
func trafficRules() []Rule {
	return []Rule{
		{"quiet-port-undeclared", Warning, "until quiet or until closed on a port that the pod does not declare", plans(portUndeclared)},
		{"quiet-sees-probe", Warning, "a readiness probe comes more often than until quiet allows", steps(quietSeesProbe)},
		{"gone-never", Error, "until gone on a Service that keeps the pod until it has ended", steps(func(h *preStop, s *entry, say report) {
			for _, service := range h.waitedFor(s) {
				if service.spec.PublishNotReadyAddresses {
					say(s.at, "until gone "+s.needs.Name+": Service "+service.name+" has publishNotReadyAddresses, so that the pod stays in its DNS answer until it has ended",
						"name a headless Service without publishNotReadyAddresses, or use until quiet")
				}
			}
		})},
		{"gone-not-headless", Error, "until gone on a Service that has an address of its own", steps(func(h *preStop, s *entry, say report) {
			for _, service := range h.waitedFor(s) {
				if !service.spec.PublishNotReadyAddresses && !service.headless() {
					say(s.at, "until gone "+s.needs.Name+": Service "+service.name+" has an address of its own, so that its DNS answer never has the pod's",
						"name a headless Service (clusterIP: None), or use until quiet")
				}
			}
		})},
		{"closed-own-port", Warning, "until closed on the container's own port, which nothing closes", plans(closedOwnPort)},
	}
}

func portUndeclared(h *preStop, say report) {
	declared := h.pod.declared()
	if len(declared) == 0 {
		return
	}
	for _, s := range h.entries() {
		for _, port := range s.needs.Ports {
			if h.pod.uses(number(port)) || h.pod.istioInjected() && port/1000 == 15 { // of Istio's proxy: 15000 to 15999
				continue
			}
			say(s.at, fmt.Sprintf("%s: no container of the pod declares port %d; declared are %s", s.Line, port, strings.Join(declared, ", ")),
				"name the port that the app listens on, or declare it below ports")
		}
	}
}

// quietSeesProbe finds probes that are traffic to until quiet: they go on while the hook runs, each on a connection of its own.
func quietSeesProbe(h *preStop, s *entry, say report) {
	q := s.needs.Quiet
	if q == nil || q.Peers {
		return
	}
	for _, port := range s.needs.Ports {
		all := h.pod.probed()[number(port)]
		seen := 0
		for _, p := range all {
			seen += int(q.For / p.every)
		}
		if seen > q.Allow {
			last := all[len(all)-1]
			say(s.at, s.Line+": the readiness probe of "+last.Name+" comes every "+short(last.every)+", so that "+short(q.For)+" without traffic never pass and the step lasts to its max",
				fmt.Sprintf("allow=%d, or a for= shorter than the probe's periodSeconds", seen))
		}
	}
}

// closedOwnPort finds a wait for the container's own port, which closes when the container ends, which it does after the hook.
func closedOwnPort(h *preStop, say report) {
	own := h.container.declared()
	for _, s := range h.entries() {
		if len(s.calls()) > 0 || s.needs.Program != nil || s.needs.Signal != 0 {
			return // which may close it
		}
		if s.needs.Closed && slices.ContainsFunc(s.needs.Ports, func(port uint16) bool { return slices.Contains(own, number(port)) }) {
			say(s.at, s.Line+": the port is of container "+h.Name+" itself, which goes on listening until it is sent SIGTERM, after this hook",
				"name the port of the container that must end before this one")
		}
	}
}

// waitedFor are the Services that select the pod, and that a step waits for not to have it any more.
func (h *preStop) waitedFor(s *entry) []*service {
	if s.needs.Name == "" || s.guess {
		return nil
	}
	return h.serving(s.needs.Name)
}
