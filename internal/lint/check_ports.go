package lint

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/prestop/prestop/drain"
	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/prestop"
	"github.com/prestop/prestop/shutdown"
)

// urlOf is what a step calls first; ours: this pod, whatever its host is.
func urlOf(e prestop.Entry) (u *url.URL, ours bool) {
	var text string
	switch s := e.Step.(type) {
	case shutdown.Elasticsearch:
		if len(s.Other) > 0 {
			text, ours = s.Other[0].URL, true // the own node is asked with the same scheme and port
		}
	case drain.URL:
		text = s.Request.URL
	default:
		_, _, u = callOf(e)
		return u, false
	}
	u, _ = web.ParseURL(text)
	return u, ours
}

// ports finds calls to ports that are not there, or that speak otherwise.
func (c *checker) ports(h *hook) {
	for i, e := range h.steps() {
		u, ours := urlOf(e)
		if u == nil || h.reading.Steps[i].Guess || h.reading.Steps[i].Setting != "" && h.guessed(h.reading.Steps[i].Setting) {
			continue
		}
		at, port, host := h.step(i), u.Port(), u.Hostname()
		if port == "" {
			port = "80"
			if u.Scheme == "https" {
				port = "443"
			}
		}
		for _, s := range c.pod.in.services {
			if all := s.at("spec", "ports").texts("port"); s.called(host, c.pod.namespace) && len(all) > 0 && !s.headless() && !slices.Contains(all, port) {
				c.found("port-differs", at, e.Line+": Service "+s.name+" has no port "+port+"; it has "+strings.Join(all, ", "), "name one of the Service's ports in the URL")
				ours = false
			}
		}
		if ours || host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.") {
			c.speaks(at, e.Line, u.Scheme, port)
		}
	}
}

// speaks compares a call's scheme with what the pod says of the port.
func (c *checker) speaks(at node, line, scheme, port string) {
	for _, ct := range c.pod.running() {
		said := ""
		if get := ct.at("readinessProbe", "httpGet"); get.there() && ct.portNumber(get.at("port").text()) == port {
			said = cmp.Or(strings.ToLower(get.at("scheme").text()), "http")
		}
		for _, p := range ct.at("ports").items() {
			if name := p.at("name").text(); said == "" && p.at("containerPort").text() == port && (name == "https" || name == "transport") {
				said = name
			}
		}
		if said != "" && said != scheme {
			c.suspected("port-differs", at, line+": port "+port+" of container "+ct.name+" is for "+said+", by its readiness probe or its name", "see the scheme and the port of the URL")
		}
	}
}

// named finds a port of an httpGet hook that the kubelet does not find.
func (c *checker) named(h *hook, get node) {
	port := get.at("port")
	if name := port.text(); strings.Trim(name, "0123456789") != "" && h.portNumber(name) == name {
		c.found("port-differs", port, "container "+h.name+" has no port that is called "+name+", so that the hook fails", "ports:\n- {name: "+name+", containerPort: 8080}")
	}
}
