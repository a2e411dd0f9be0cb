package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prestop/prestop/drain"
	"github.com/prestop/prestop/shutdown"
)

// traffic looks at the waits for traffic to leave.
func (c *checker) traffic(h *hook) {
	for i, e := range h.steps() {
		at := h.step(i)
		switch s := e.Step.(type) {
		case drain.Quiet:
			for _, port := range s.Ports {
				c.undeclared(h, at, e.Line, port)
				c.probed(at, e.Line, s, port)
			}
		case drain.Closed:
			c.undeclared(h, at, e.Line, s.Port)
			c.ownPort(h, i, s)
		case drain.Gone:
			if !h.reading.Steps[i].Guess {
				c.gone(at, s.Name)
			}
		}
	}
}

// undeclared finds a port that nobody in the pod declares, where others are.
func (c *checker) undeclared(h *hook, at node, line string, port uint16) {
	var declared []string
	for _, ct := range c.pod.running() {
		declared = append(declared, ct.at("ports").texts("containerPort")...)
	}
	slices.Sort(declared)
	declared = slices.Compact(declared)
	n := strconv.Itoa(int(port))
	if len(declared) == 0 || slices.Contains(c.pod.ports(), n) || c.istioInjected() && n[:2] == "15" && len(n) == 5 {
		return
	}
	c.found("quiet-port-undeclared", at, fmt.Sprintf("%s: no container of the pod declares port %d; declared are %s", line, port, strings.Join(declared, ", ")),
		"name the port that the app listens on, or declare it below ports")
}

const defaultQuiet = 3 * time.Second // drain.Quiet's

// probed finds readiness probes that are traffic to until quiet: they go on while the hook runs, each on a connection of its own.
func (c *checker) probed(at node, line string, q drain.Quiet, port uint16) {
	if len(q.Ignore) > 0 {
		return
	}
	window := q.For
	if window == 0 {
		window = defaultQuiet
	}
	probes, often := 0, time.Duration(0)
	var name string
	for _, ct := range c.pod.running() {
		for _, kind := range []string{"httpGet", "grpc"} {
			n := ct.at("readinessProbe", kind, "port")
			if !n.there() || ct.portNumber(n.text()) != strconv.Itoa(int(port)) {
				continue
			}
			period := 10 * time.Second
			if s, ok := ct.at("readinessProbe", "periodSeconds").number(); ok && s > 0 {
				period = time.Duration(s) * time.Second
			}
			probes += int(window / period)
			name, often = ct.name, period
		}
	}
	if probes > q.Allow {
		c.found("quiet-sees-probe", at, line+": the readiness probe of "+name+" comes every "+short(often)+", so that "+short(window)+" without traffic never pass and the step lasts to its max",
			fmt.Sprintf("allow=%d, or a for= shorter than the probe's periodSeconds", probes))
	}
}

// portNumber is a port's number; a name is that of one of the container's.
func (c *container) portNumber(text string) string {
	for _, p := range c.node.at("ports").items() {
		if text != "" && p.at("name").text() == text {
			return p.at("containerPort").text()
		}
	}
	return text
}

// ownPort finds a wait for the container's own port, which closes when the container ends, which it does after the hook.
func (c *checker) ownPort(h *hook, i int, s drain.Closed) {
	for _, e := range h.steps()[:i] {
		switch e.Step.(type) {
		case shutdown.Call, shutdown.App, shutdown.Signal, shutdown.Exec:
			return // which may close it
		}
	}
	if slices.Contains(h.container.at("ports").texts("containerPort"), strconv.Itoa(int(s.Port))) {
		c.found("closed-own-port", h.step(i), fmt.Sprintf("until closed %d: the port is of container %s itself, which goes on listening until it is sent SIGTERM, after this hook", s.Port, h.name),
			"name the port of the container that must end before this one")
	}
}

// gone finds Services whose DNS answer never loses the pod, or never had it.
func (c *checker) gone(at node, name string) {
	for _, s := range c.pod.services {
		if !s.called(name, c.pod.namespace) {
			continue
		}
		switch publish := s.node.at("spec", "publishNotReadyAddresses"); {
		case publish.bool():
			c.found("gone-never", at, "until gone "+name+": Service "+s.name+" has publishNotReadyAddresses, so that the pod stays in its DNS answer until it has ended",
				"name a headless Service without publishNotReadyAddresses, or use until quiet")
		case !s.headless():
			c.found("gone-not-headless", at, "until gone "+name+": Service "+s.name+" has an address of its own, so that its DNS answer never has the pod's",
				"name a headless Service (clusterIP: None), or use until quiet")
		}
	}
}
