package lint

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/prestop/prestop/internal/phrase"
	"github.com/prestop/prestop/internal/step"
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

// An endpoint is a path that takes only some methods.
type endpoint struct {
	path  string
	ports []string // empty: on any
	takes []string
	whose string
}

// endpoints are those whose documentation or source says that they refuse other methods. A path that ends like theirs is enough.
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

func needsOtherMethod(h *preStop, say report) {
	for _, s := range h.entries() {
		for _, call := range s.calls() {
			if why, takes := refuses(call.Method, call.URL.Path, call.URL.Port(), "the hook sends "+call.Method); why != "" {
				say(s.at, why, h.otherMethod(&s, call.URL, takes))
			}
		}
	}
	if h.reading != nil {
		return
	}
	if get := h.HTTPGet; get != nil {
		port := h.portNumber(get.Port.String())
		path, _, _ := strings.Cut(get.Path, "?")
		if why, takes := refuses("", path, port, "the kubelet sends GET, and never looks at the answer"); why != "" {
			say(h.place.at("httpGet", "path"), why, h.byPrestop(takes))
		}
	}
	for _, r := range h.requests() {
		if why, takes := refuses(r.method, r.url.Path, r.url.Port(), "the hook sends "+r.method); why != "" {
			say(h.command(), why, h.curlFix(takes))
		}
	}
}

// otherMethod is a step's call with another method. A call that ends the app goes behind the waits.
func (h *preStop) otherMethod(s *entry, u *url.URL, takes string) string {
	takes = strings.ToLower(takes)
	verb, rest, _ := strings.Cut(s.Line, " ")
	line, sentence := takes+" "+rest, takes+" instead of "+verb
	if lines := h.lines(); endsProcess(u) && s.index < len(h.entries())-1 && len(lines) == len(h.entries()) {
		return h.stepsFix(append(slices.Delete(lines, s.index, s.index+1), line), sentence+", behind the waits")
	}
	return h.stepFix(s, line, sentence)
}

// curlFix is somebody's own command with another method for its only call.
func (h *preStop) curlFix(takes string) string {
	words := slices.Clone(h.words)
	all := strings.Join(words, "\n")
	if strings.Count(all, "curl") != 1 || strings.Contains(all, "-X") || strings.Contains(all, "--request") || h.script.source != "" {
		return takes + " instead, as curl -X " + takes + " does"
	}
	i := slices.IndexFunc(words, func(word string) bool { return strings.Contains(word, "curl") })
	if words[i] == "curl" || strings.HasSuffix(words[i], "/curl") {
		words = slices.Insert(words, i+1, "-X", takes)
	} else {
		words[i] = strings.Replace(words[i], "curl ", "curl -X "+takes+" ", 1)
	}
	return commandFix(words, takes+" instead, as curl -X "+takes+" does")
}

// A request is what curl or wget sends in somebody else's hook.
type request struct {
	method string
	url    *url.URL
	after  int // how many commands there are up to it, with its own
}

// requests are the requests of somebody else's hook. There are none if the hook does not run as it is written.
func (h *preStop) requests() []request {
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

// requestOf is the call of curl or wget. The URL is nil if there is no call, or if it is not clear.
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

func endsTheProcess(h *preStop, say report) {
	for i, s := range h.entries() {
		if s.needs.Ends == step.EndsContainer && s.signalsEnd() && i+1 < len(h.entries()) {
			say(s.at, s.Line+" ends the container, and the hook with it: the steps after it are not done", h.last(&s, "put it last, or add wait=false"))
		}
	}
	h.warned("ends-the-process", func(at node, text string, e *entry) {
		if e.needs.Signal == 0 && (!e.guess || len(e.calls()) > 0) {
			say(at, text, h.last(e, "call something that starts draining and returns, or leave it out, since SIGTERM comes after the wait anyway"))
		}
	})
	slept := h.script.slept(h.env)
	for _, r := range h.requests() {
		if endsProcess(r.url) && slept[r.after] > 0 {
			say(h.command(), r.url.Path+" ends the process that answers it, before the sleep after it has kept it for the traffic",
				"sleep first, or call something that starts draining and returns")
		}
	}
}

// last is the hook's command with one step moved behind the others. If the steps are not all arguments, it is the sentence.
func (h *preStop) last(s *entry, sentence string) string {
	lines := h.lines()
	if len(lines) != len(h.entries()) || s.said.Setting != "" {
		return sentence
	}
	return h.stepsFix(append(slices.Delete(lines, s.index, s.index+1), s.Line), sentence)
}

func portDiffers(h *preStop, say report) {
	for _, s := range h.entries() {
		for _, call := range s.needs.Calls {
			scheme, host, port := call.URL.Scheme, call.URL.Hostname(), portOf(call.URL)
			if port == "" || s.guess || s.said.Setting != "" && h.guessed(s.said.Setting) {
				continue
			}
			ours := call.Node || host != "" && local(host)
			for _, service := range h.pod.of.in.called(host, h.pod.of.namespace) {
				if all := service.ports(); len(all) > 0 && !service.headless() && !slices.Contains(all, port) {
					say(s.at, s.Line+": Service "+service.name+" has no port "+port+"; it has "+strings.Join(all, ", "), h.otherPort(&s, call.URL, all))
					ours = false
				}
			}
			if ours {
				for _, one := range h.pod.schemes()[port] {
					if one.scheme != scheme {
						say(s.at, s.Line+": port "+port+" of container "+one.Name+" is for "+one.scheme+", by its readiness probe or its name", h.otherScheme(&s, call.URL, one.scheme)).warn()
					}
				}
			}
		}
	}
	if h.HTTPGet == nil || h.reading != nil || len(h.handlers()) != 1 {
		return
	}
	if name := h.HTTPGet.Port.String(); nameOfPort(name) && h.portNumber(name) == name {
		say(h.place.at("httpGet", "port"), "container "+h.Name+" has no port that is called "+name+", so that the hook fails", h.portFix(name))
	}
}

// portOf is the port of an HTTP URL; empty: it is of another scheme.
func portOf(u *url.URL) string {
	unless := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	if unless == "" {
		return ""
	}
	return cmp.Or(u.Port(), unless)
}

// nameOfPort tells whether a port is meant by its name.
func nameOfPort(text string) bool { return strings.Trim(text, "0123456789") != "" || text == "" }

// portFix is the port that is meant, if that is plain; else a sentence.
func (c *container) portFix(name string) string {
	var names []string
	for _, p := range c.Ports {
		if p.Name != "" {
			names = append(names, p.Name)
		}
	}
	if near := phrase.Nearest(name, names); near != "" {
		return below(near, "port")
	}
	if all := c.declared(); len(all) == 1 {
		return "port: " + all[0]
	}
	if len(names) > 0 {
		return "port is one of " + strings.Join(names, ", ") + ", or the number that the app listens on"
	}
	return "port is the number that the app listens on"
}

// otherPort is a step's call to the Service's only port. If there are more, it is a sentence.
func (h *preStop) otherPort(s *entry, u *url.URL, ports []string) string {
	if len(ports) != 1 {
		return "name one of the Service's ports in the URL"
	}
	return h.stepFix(s, strings.Replace(s.Line, u.Host, u.Hostname()+":"+ports[0], 1), "name port "+ports[0]+" in the URL")
}

// otherScheme is a step's call by the scheme that the port speaks.
func (h *preStop) otherScheme(s *entry, u *url.URL, scheme string) string {
	if scheme != "http" && scheme != "https" {
		return "see the port of the URL"
	}
	return h.stepFix(s, strings.Replace(s.Line, u.Scheme+"://", scheme+"://", 1), scheme+" instead of "+u.Scheme)
}

func callsAnyPod(h *preStop, s *entry, say report) {
	for _, call := range s.calls() {
		tells := func(word string) bool { return strings.Contains(strings.ToLower(call.URL.Path), word) }
		if !call.App && !slices.ContainsFunc([]string{"shutdown", "drain", "quit", "stop", "healthcheck/fail"}, tells) {
			continue
		}
		name, ports := "", map[string]string{}
		if labels := strings.Split(call.URL.Hostname(), "."); len(labels) > 2 && labels[2] == "svc" { // a pod's own name has one label more
			name = labels[0]
		}
		for _, service := range h.serving(call.URL.Hostname()) {
			name = service.name
			for _, p := range service.spec.Ports {
				ports[number(p.Port)] = cmp.Or(h.portNumber(strings.TrimPrefix(p.TargetPort.String(), "0")), number(p.Port))
			}
		}
		if name != "" {
			fix := "localhost instead, and the port that the app listens on, since containers of a pod share their addresses"
			if to := cmp.Or(ports[portOf(call.URL)], call.URL.Port()); to != "" && !nameOfPort(to) {
				fix = h.stepFix(s, strings.Replace(s.Line, call.URL.Host, "localhost:"+to, 1), fix)
			}
			say(s.at, s.Line+" goes to Service "+name+", and so to any of its pods, not to the one that stops", fix)
		}
	}
}

// serving are the Services that a host name may mean and that select the pod.
func (h *preStop) serving(host string) []*service {
	return slices.DeleteFunc(h.pod.of.in.called(host, h.pod.of.namespace), func(s *service) bool {
		return len(s.spec.Selector) == 0 || !selected(s.spec.Selector, h.pod.Labels)
	})
}
