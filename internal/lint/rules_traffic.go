package lint

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// trafficRules are about the waits for traffic to leave.
var trafficRules = []Rule{
	{"quiet-port-undeclared", Warning, "until quiet or until closed on a port that the pod does not declare", steps(portUndeclared)},
	{"quiet-allows-port", Warning, "an allow= that is a port's number, where it takes a number of connections", steps(quietAllowsPort)},
	{"quiet-sees-probe", Warning, "a readiness probe comes more often than until quiet allows", steps(quietSeesProbe)},
	{"quiet-udp", Warning, "until quiet on a TCP port that UDP uses too, whose datagrams it does not count", steps(quietUDP)},
	{"quiet-host-network", Warning, "until quiet without a port in a pod that uses the host's network", steps(quietHostNetwork)},
	{"quiet-pauses", Warning, "until quiet on an LLM server, whose answers pause for longer than its for=", steps(quietPauses)},
	{"port-without-hook", Warning, "a container that a Service sends to has no hook, and another of the pod has one", pods(portWithoutHook)},
	{"gone-never", Error, "until gone on a Service that keeps the pod until it has ended", steps(gone(neverLeaves, " has publishNotReadyAddresses, so that the pod stays in its DNS answer until it has ended",
		"name a headless Service without publishNotReadyAddresses, or use until quiet"))},
	{"gone-not-headless", Error, "until gone on a Service that has an address of its own", steps(gone(neverNames, " has an address of its own, so that its DNS answer never has the pod's",
		"name a headless Service, whose clusterIP is None; or use until quiet"))},
	{"closed-own-port", Warning, "until closed on the container's own port, which nothing closes", plans(closedOwnPort)},
}

func portUndeclared(h *preStop, s *entry, say report) {
	declared := h.pod.declared
	for _, port := range s.needs.Ports {
		ofIstio := h.pod.istioInjected() && port/1000 == 15 // 15000 to 15999
		if len(declared) > 0 && !h.pod.uses(number(port)) && !ofIstio {
			say(s.at, fmt.Sprintf("%s: no container of the pod declares port %d; declared are %s", s.Line, port, strings.Join(declared, ", ")),
				"name the port that the app listens on, or declare it below ports")
		}
	}
}

func quietAllowsPort(h *preStop, s *entry, say report) {
	if q := s.needs.Quiet; q != nil && q.Allow >= 80 && h.pod.uses(strconv.Itoa(q.Allow)) {
		say(s.at, fmt.Sprintf("%s: allow= is how many connections do not count, and %d is a port of the pod", s.Line, q.Allow),
			"the port by itself after until quiet, and in allow= how many probes come within for=")
	}
}

// quietSeesProbe finds probes that are traffic to until quiet: they go on while the hook runs, each on a connection of its own.
func quietSeesProbe(h *preStop, s *entry, say report) {
	q := s.needs.Quiet
	if q == nil || q.Peers {
		return
	}
	ports := slices.Sorted(maps.Keys(h.pod.ports)) // without ports, all that are listened on are watched
	if len(s.needs.Ports) > 0 {
		ports = nil
		for _, port := range s.needs.Ports {
			ports = append(ports, number(port))
		}
	}
	var last portUse
	seen := 0
	for _, port := range ports {
		for _, u := range h.pod.ports[port] {
			if u.every > 0 && q.For >= u.every {
				seen, last = seen+int(q.For/u.every), u
			}
		}
	}
	if seen > q.Allow {
		allow := strconv.Itoa(seen)
		say(s.at, s.Line+": the readiness probe of "+last.Name+" comes every "+short(last.every)+", so that "+short(q.For)+" without traffic never pass and the step lasts to its max",
			h.stepFix(s, s.with("allow="+allow), "allow="+allow+", or a for= shorter than the probe's periodSeconds"))
	}
}

func quietHostNetwork(h *preStop, s *entry, say report) {
	if s.needs.Quiet == nil || len(s.needs.Ports) > 0 || !h.pod.Spec.HostNetwork {
		return
	}
	fix := "the pod's own port after until quiet, as in until quiet 8080"
	if own := h.container.declared(); len(own) == 1 {
		fix = h.stepFix(s, s.with("", own[0]), fix)
	}
	say(s.at, s.Line+": the pod uses the host's network, so that the traffic of all programs of the node counts and the step lasts to its max", fix)
}

// closedOwnPort finds a wait for the container's own port to close. The port closes when the container ends, and the container ends after
// the hook.
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

func neverLeaves(s *service) bool { return s.spec.PublishNotReadyAddresses }

func neverNames(s *service) bool { return !s.spec.PublishNotReadyAddresses && !s.headless() }

// gone finds a Service that selects the pod, and from whose DNS answer a step waits in vain for the pod to disappear.
func gone(wrong func(*service) bool, text, fix string) func(*preStop, *entry, report) {
	return func(h *preStop, s *entry, say report) {
		if s.needs.Name == "" || s.guess {
			return
		}
		for _, service := range h.serving(s.needs.Name) {
			if wrong(service) {
				say(s.at, "until gone "+s.needs.Name+": Service "+service.name+text, fix)
			}
		}
	}
}

// quietUDP finds ports whose datagrams do not count. The fix is for all ports of the step.
func quietUDP(h *preStop, s *entry, say report) {
	q, n := s.needs.Quiet, s.needs
	if q == nil || s.guess || q.New {
		return
	}
	var ports, texts []string
	for _, port := range n.Ports[:len(n.Ports)-len(n.UDP)] {
		udp, tcp := false, false
		for _, c := range h.pod.running {
			for _, p := range c.Ports {
				ofStep := p.ContainerPort == int32(port)
				udp, tcp = udp || ofStep && p.Protocol == corev1.ProtocolUDP, tcp || ofStep && p.Protocol != corev1.ProtocolUDP
			}
		}
		lost, is := udp && !slices.Contains(n.UDP, port), "for UDP alone"
		if tcp || !lost {
			ports, is = append(ports, number(port)), "for UDP too"
		}
		if lost {
			ports = append(ports, number(port)+"/udp")
			texts = append(texts, fmt.Sprintf("%s: port %d is %s, and the step counts TCP alone: what comes by UDP is lost", s.Line, port, is))
		}
	}
	for _, port := range n.UDP {
		ports = append(ports, number(port)+"/udp")
	}
	for _, text := range texts {
		targets := []string{strings.Join(ports, ",")}
		for _, protocol := range s.said.Words.Targets[1:] {
			targets = append(targets, protocol.Written)
		}
		say(s.at, text, h.stepFix(s, s.with("", targets...), "until quiet "+targets[0]))
	}
}

// llmServers are servers that pause inside an answer, by their images' names, and the metric by which the app counts running requests;
// empty: none is known.
var llmServers = map[string]string{
	"vllm/vllm-openai":                      "vllm:num_requests_running",
	"lmsysorg/sglang":                       "sglang:num_running_reqs",
	"huggingface/text-generation-inference": "",
	"ggml-org/llama.cpp":                    "",
	"nvidia/tritonserver":                   "",
	"ollama/ollama":                         "",
}

// longestThought is a pause between two tokens that such servers are known to reach, and few exceed.
const longestThought = time.Minute

func quietPauses(h *preStop, s *entry, say report) {
	q, metric, pauses := s.needs.Quiet, "", false
	for name, counts := range llmServers {
		if isImage(h.Image, name) {
			metric, pauses = counts, true
		}
	}
	if q == nil || s.guess || q.For >= longestThought || !pauses {
		return
	}
	port := "PORT"
	if len(s.needs.Ports) > 0 {
		port = number(s.needs.Ports[0])
	} else if all := h.container.declared(); len(all) > 0 {
		port = all[0]
	}
	fix := "until empty " + port
	if metric != "" {
		fix = "until http://localhost:" + port + "/metrics metric=" + metric + " at-most=0"
	}
	for _, o := range s.said.Words.Options {
		if o.Key == "min" || o.Key == "max" {
			fix += " " + o.Written
		}
	}
	if port != "PORT" {
		fix = h.stepFix(s, fix, fix)
	}
	say(s.at, s.Line+": an LLM server is silent while it thinks, for longer than the "+short(q.For)+
		" that this step takes for the end of traffic", fix)
}

// portWithoutHook finds containers that are sent SIGTERM at once, while clients still come.
func portWithoutHook(p *pod, say report) {
	first := slices.IndexFunc(p.containers, func(c *container) bool { return c.hook != nil })
	if first < 0 {
		return
	}
	for _, c := range p.containers {
		i := c.servedPort()
		if i < 0 || c.hook != nil || c.at("lifecycle", "preStop").there() {
			continue
		}
		port := number(c.Ports[i].ContainerPort)
		watched := port
		if c.Ports[i].Protocol == corev1.ProtocolUDP {
			watched += "/udp"
		}
		text := "a Service sends to port %s of container %s, which has no preStop hook: it is sent SIGTERM at once, while container %s still waits"
		say.of(c.Name)(c.at("ports", i), fmt.Sprintf(text, port, c.Name, p.containers[first].Name), c.newHook("until quiet "+watched))
	}
}

// servedPort is the index of the first port that a Service sends to; -1: there is none. Ports for metrics, health checks and the like do not
// count.
func (c *container) servedPort() int {
	served := c.pod.served()
	return slices.IndexFunc(c.Ports, func(port corev1.ContainerPort) bool {
		aside := containsAny(strings.ToLower(port.Name+" "+c.Name), "metric", "prom", "export", "admin", "health", "debug", "probe")
		return !aside && (served[number(port.ContainerPort)] || port.Name != "" && served[port.Name])
	})
}
