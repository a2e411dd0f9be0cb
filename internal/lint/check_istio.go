package lint

import (
	"slices"
	"strings"
	"time"
)

// istioStays is how long a classic sidecar serves after SIGTERM, unless it is told otherwise.
const istioStays = 5 * time.Second

// istioInjected tells whether Istio adds its proxy to the pod, or has.
func (c *checker) istioInjected() bool {
	const key = "sidecar.istio.io/inject"
	return c.pod.labels[key] == "true" || c.pod.annotations[key] == "true" ||
		slices.ContainsFunc(c.pod.containers, func(ct *container) bool { return ct.name == "istio-proxy" })
}

// classicIstio tells whether the proxy may end before the app. A gateway has no app beside it.
func (c *checker) classicIstio(h *hook) bool {
	if !c.istioInjected() || h.name == "istio-proxy" || strings.Contains(c.pod.annotations["inject.istio.io/templates"], "gateway") {
		return false
	}
	if c.pod.annotations["sidecar.istio.io/nativeSidecar"] == "true" || slices.ContainsFunc(c.pod.sidecars, func(ct *container) bool { return ct.name == "istio-proxy" }) {
		return false
	}
	config := c.pod.annotations["proxy.istio.io/config"]
	for _, word := range []string{"EXIT_ON_ZERO_ACTIVE_CONNECTIONS", "terminationDrainDuration", "MINIMUM_DRAIN_DURATION"} {
		if strings.Contains(config, word) {
			return false
		}
	}
	for name := range c.pod.annotations {
		if strings.HasPrefix(name, "traffic.sidecar.istio.io/") {
			return false // it may not go through the proxy
		}
	}
	return true
}

// istio finds calls to the outside when the proxy, which they go through, may have ended.
func (c *checker) istio(h *hook) {
	if !c.classicIstio(h) || h.timesUnknown() {
		return
	}
	for i, s := range h.reading.Plan.Timeline() {
		if i >= len(h.steps()) {
			return
		}
		host, long := outside(s.Entry)
		if host == "" || !long && s.Earliest < istioStays {
			continue
		}
		c.found("classic-istio", h.step(i), s.Line+": a classic Istio sidecar is sent SIGTERM when the hook begins and ends "+short(istioStays)+" later, and with it every way to "+host,
			"metadata:\n  annotations:\n    sidecar.istio.io/nativeSidecar: \"true\"\nor have the proxy stay: proxy.istio.io/config with proxyMetadata EXIT_ON_ZERO_ACTIVE_CONNECTIONS: \"true\"")
		return
	}
}
