package lint

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/shutdown"
)

// callRules are about the calls of a hook.
func callRules() []Rule {
	return []Rule{
		{"needs-other-method", Error, "a call is made with a method that the other side refuses", hooks(needsOtherMethod)},
		{"ends-the-process", Error, "a call ends the app before the waits after it", hooks(endsTheProcess)},
		{"port-differs", Error, "a call goes to a port that is not there, or that speaks otherwise", hooks(portDiffers)},
		{"calls-any-pod", Warning, "the app's shutdown call goes to a Service, and so to any of its pods", steps(callsAnyPod)},
	}
}

// An endpoint takes some methods alone.
type endpoint struct {
	path  string
	ports []string // empty: on any
	takes []string
	whose string
}

// endpoints are those that refuse other methods, as their documentation or source says. An end of a path is enough.
var endpoints = []endpoint{
	{"/drain", []string{"15020"}, []string{"POST"}, "Istio's pilot-agent"},
	{"/quitquitquit", []string{"15000", "15020", "9901", "19000"}, []string{"POST"}, "Envoy"},
	{"/healthcheck/fail", nil, []string{"POST"}, "Envoy"},
	{"/drain_listeners", nil, []string{"POST"}, "Envoy"},
	{"/shutdown", []string{"4191"}, []string{"POST"}, "Linkerd's proxy"},
	{"/actuator/shutdown", nil, []string{"POST"}, "Spring Boot"},
	{"/v1.0/shutdown", nil, []string{"POST"}, "Dapr"},
	{"/api/v0/ops/node/drain", nil, []string{"POST"}, "Cassandra's management API"},
	{"/druid/worker/v1/disable", nil, []string{"POST"}, "Druid"},
	{"/v1/sys/step-down", nil, []string{"PUT", "POST"}, "Vault"},
	{"/v1/agent/leave", nil, []string{"PUT"}, "Consul"},
	{"/v1/agent/maintenance", nil, []string{"PUT"}, "Consul"},
}

// refuses says why an endpoint refuses a method, and which it takes; empty: it may take it.
func refuses(method, path, port, sends string) (why, takes string) {
	path = strings.TrimSuffix(path, "/")
	i := slices.IndexFunc(endpoints, func(e endpoint) bool {
		return strings.HasSuffix(path, e.path) && (len(e.ports) == 0 || slices.Contains(e.ports, port))
	})
	if i < 0 || slices.Contains(endpoints[i].takes, method) {
		return "", ""
	}
	e := endpoints[i]
	return e.path + " of " + e.whose + " takes " + strings.Join(e.takes, " or ") + " alone, and " + sends, e.takes[0]
}

func needsOtherMethod(h *hook, say report) {
	for _, s := range h.steps {
		if !s.calls() || s.source.Guess && s.deed.url.Path == "" {
			continue
		}
		if why, takes := refuses(s.deed.method, s.deed.url.Path, s.deed.url.Port(), "the hook sends "+s.deed.method); why != "" {
			say(s.at, why, strings.ToLower(takes)+" instead of "+strings.ToLower(s.deed.method))
		}
	}
	if h.reading != nil {
		return
	}
	if get := h.HTTPGet; get != nil {
		port := h.portNumber(get.Port.String())
		path, _, _ := strings.Cut(get.Path, "?")
		if why, takes := refuses("", path, port, "the kubelet sends GET, and never looks at the answer"); why != "" {
			say(h.place.at("httpGet", "path"), why, "exec:\n  command: [/prestop, "+strings.ToLower(takes)+" http://localhost:"+port+path+", wait 15s]")
		}
	}
	for _, r := range h.requests() {
		if why, takes := refuses(r.method, r.url.Path, r.url.Port(), "the hook sends "+r.method); why != "" {
			say(h.command(), why, "curl -X "+strings.ToLower(takes)+", or a step of prestop's")
		}
	}
}

// A request is what curl or wget sends in somebody else's hook.
type request struct {
	method string
	url    *url.URL
	after  int // the commands up to it
}

// requests are those of somebody else's hook, where what is run is what is written.
func (h *hook) requests() []request {
	var all []request
	if h.reading != nil || !h.asWritten() {
		return nil
	}
	for i, cmd := range h.script.commands {
		if method, u := requestOf(cmd); u != nil {
			all = append(all, request{method, u, i + 1})
		}
	}
	return all
}

// requestOf is the call of curl or wget; its URL is nil where it is none, or not clear.
func requestOf(cmd command) (method string, u *url.URL) {
	if p := cmd.program(); p != "curl" && p != "wget" {
		return "", nil
	}
	method = "GET"
	for i, word := range cmd.words[1:] {
		value := ""
		if i+2 < len(cmd.words) {
			value = cmd.words[i+2]
		}
		switch {
		case word == "--request" || word == "--method":
			method = value
		case strings.HasPrefix(word, "--request=") || strings.HasPrefix(word, "--method="):
			_, method, _ = strings.Cut(word, "=")
		case strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.Contains(word, "X"):
			if _, method, _ = strings.Cut(word, "X"); method == "" {
				method = value
			}
		case word == "-d" || word == "-F" || strings.HasPrefix(word, "--data") || word == "--json" || word == "--form" || strings.HasPrefix(word, "--post-"):
			if method == "GET" {
				method = "POST"
			}
		case word == "-T" || word == "--upload-file":
			method = "PUT"
		case word == "-I" || word == "--head":
			method = "HEAD"
		case strings.HasPrefix(word, "http://") || strings.HasPrefix(word, "https://"):
			u, _ = url.Parse(word)
		case !strings.HasPrefix(word, "-") && (strings.HasPrefix(word, "localhost") || strings.HasPrefix(word, "127.0.0.1")):
			u, _ = url.Parse("http://" + word)
		}
	}
	if strings.Contains(method, "$") {
		return "", nil
	}
	return strings.ToUpper(method), u
}

func endsTheProcess(h *hook, say report) {
	waits := make([]time.Duration, len(h.steps)+1) // after each step
	for i := len(h.steps) - 1; i >= 0; i-- {
		if waits[i] = waits[i+1]; h.steps[i].Step == nil || h.steps[i].Guard {
			waits[i] += max(h.steps[i].Least, h.steps[i].Most)
		}
	}
	for i, s := range h.steps {
		switch {
		case s.deed.ends && i+1 < len(h.steps):
			say(s.at, s.Line+" ends the container, and the hook with it: the steps after it are not done", "put it last, or add wait=false")
		case s.calls() && !(s.source.Guess && s.deed.url.Path == "") && shutdown.Exits(s.deed.url) && h.reading.Plan.Floor+waits[i+1] > 0:
			say(s.at, s.Line+" ends the process that answers it, before the wait after it has kept it for the traffic",
				"call something that starts draining and returns, or leave the call out: SIGTERM comes after the wait anyway")
		}
	}
	slept := h.script.slept(h.env)
	for _, r := range h.requests() {
		if shutdown.Exits(r.url) && slept[r.after] > 0 {
			say(h.command(), r.url.Path+" ends the process that answers it, before the sleep after it has kept it for the traffic",
				"sleep first, or call something that starts draining and returns")
		}
	}
}

func portDiffers(h *hook, say report) {
	for _, s := range h.steps {
		if s.deed.url == nil || s.deed.url.Scheme == web.Unix || s.source.Guess || s.source.Setting != "" && h.guessed(s.source.Setting) {
			continue
		}
		host, port := s.deed.url.Hostname(), s.deed.url.Port()
		if port == "" {
			port = map[bool]string{true: "443", false: "80"}[s.deed.url.Scheme == "https"]
		}
		ours := s.deed.ours || host != "" && local(host)
		for _, service := range h.pod.of.in.called(host, h.pod.of.namespace) {
			if all := service.ports(); len(all) > 0 && !service.headless() && !slices.Contains(all, port) {
				say(s.at, s.Line+": Service "+service.name+" has no port "+port+"; it has "+strings.Join(all, ", "), "name one of the Service's ports in the URL")
				ours = false
			}
		}
		if ours {
			h.pod.speaks(port, s.deed.url.Scheme, s.at, s.Line, say)
		}
	}
	if h.HTTPGet == nil || h.reading != nil || len(h.handlers()) != 1 {
		return
	}
	if name := h.HTTPGet.Port.String(); strings.Trim(name, "0123456789") != "" && h.portNumber(name) == name {
		say(h.place.at("httpGet", "port"), "container "+h.Name+" has no port that is called "+name+", so that the hook fails", "ports:\n- {name: "+name+", containerPort: 8080}")
	}
}

// speaks compares a call's scheme with what the pod says of the port.
func (p *pod) speaks(port, scheme string, at node, line string, say report) {
	for _, c := range p.running() {
		said := ""
		if probe := c.ReadinessProbe; probe != nil && probe.HTTPGet != nil && c.portNumber(probe.HTTPGet.Port.String()) == port {
			said = cmp.Or(strings.ToLower(string(probe.HTTPGet.Scheme)), "http")
		}
		for _, declared := range c.Ports {
			if said == "" && number(declared.ContainerPort) == port && (declared.Name == "https" || declared.Name == "transport") {
				said = declared.Name
			}
		}
		if said != "" && said != scheme {
			say(at, line+": port "+port+" of container "+c.Name+" is for "+said+", by its readiness probe or its name", "see the scheme and the port of the URL").warn()
		}
	}
}

func callsAnyPod(h *hook, s *step, say report) {
	if !s.calls() || s.source.Guess && s.deed.url.Path == "" {
		return
	}
	host := s.deed.url.Hostname()
	tells := func(word string) bool { return strings.Contains(strings.ToLower(s.deed.url.Path), word) }
	if !s.deed.app && !slices.ContainsFunc([]string{"shutdown", "drain", "quit", "stop", "healthcheck/fail"}, tells) {
		return
	}
	name := ""
	if labels := strings.Split(host, "."); len(labels) > 2 && labels[2] == "svc" { // a pod's own name has one label more
		name = labels[0]
	}
	for _, service := range h.pod.of.in.called(host, h.pod.of.namespace) {
		if selected(service.spec.Selector, h.pod.Labels) && len(service.spec.Selector) > 0 {
			name = service.name
		}
	}
	if name != "" {
		say(s.at, fmt.Sprintf("%s goes to Service %s, and so to any of its pods, not to the one that stops", s.Line, name),
			"use localhost: containers of a pod share their addresses")
	}
}
