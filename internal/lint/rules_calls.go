package lint

import (
	"cmp"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/prestop/prestop/internal/phrase"
	"github.com/prestop/prestop/internal/step"
)

// callRules are about the calls of a hook.
var callRules = []Rule{
	{"needs-other-method", Error, "a call is made with a method that the other side refuses", all(steps(needsOtherMethod), foreign(foreignNeedsOtherMethod))},
	{"ends-the-process", Error, "a call ends the app before the waits after it", hooks(endsTheProcess)},
	{"port-differs", Error, "a call goes to a port that is not there, or that speaks otherwise", all(steps(portDiffers), foreign(portNotNamed), foreign(schemeDiffers))},
	{"calls-any-pod", Warning, "the app's shutdown call goes to a Service, and so to any of its pods", steps(callsAnyPod)},
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

func needsOtherMethod(h *preStop, s *entry, say report) {
	for _, call := range s.calls() {
		if why, takes := refuses(call.Method, call.URL.Path, call.URL.Port(), "the hook sends "+call.Method); why != "" {
			say(s.at, why, h.otherMethod(s, call.URL, takes))
		}
	}
}

func foreignNeedsOtherMethod(h *preStop, say report) {
	if get := h.HTTPGet; get != nil {
		file, _, _ := strings.Cut(get.Path, "?")
		why, takes := refuses("", file, h.portNumber(get.Port.String()), "the kubelet sends GET, and never looks at the answer")
		if why != "" {
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
	if endsProcess(u) && s.index < len(h.entries())-1 && h.allArguments() {
		return h.last(s, line, sentence+", behind the waits")
	}
	return h.stepFix(s, line, sentence)
}

// curlFix is somebody's own command with another method for its only call.
func (h *preStop) curlFix(takes string) string {
	sentence := takes + " instead, as curl -X " + takes + " does"
	words := slices.Clone(h.words)
	all := strings.Join(words, "\n")
	if strings.Count(all, "curl") != 1 || strings.Contains(all, "-X") || strings.Contains(all, "--request") || h.script.source != "" {
		return sentence
	}
	i := slices.IndexFunc(words, func(word string) bool { return strings.Contains(word, "curl") })
	if path.Base(words[i]) == "curl" {
		words = slices.Insert(words, i+1, "-X", takes)
	} else {
		words[i] = strings.Replace(words[i], "curl ", "curl -X "+takes+" ", 1)
	}
	return commandFix(words, sentence)
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

// valuedOptions are the options of curl and wget that take a value.
var valuedOptions = map[string]string{"curl": "AbcCdDeEFHKmoPQrtTuUwxXyYz", "wget": "aABDeiIlOoPQRtTUwX"}

// impliedMethods are the methods that options of curl's stand for, where no method is named.
var impliedMethods = map[string]string{"d": "POST", "F": "POST", "json": "POST", "form": "POST", "T": "PUT", "upload-file": "PUT", "I": "HEAD", "head": "HEAD"}

// requestOf is the call of curl or wget. The URL is nil if there is no call, or if it is not clear.
func requestOf(cmd command) (method string, u *url.URL) {
	valued := valuedOptions[cmd.program()]
	if valued == "" {
		return "", nil
	}
	named, implied := "", "GET"
	options, operands := optionsAmong(cmd.words, valued)
	for _, word := range operands {
		if strings.HasPrefix(word, "http://") || strings.HasPrefix(word, "https://") {
			u, _ = url.Parse(word)
		} else if strings.HasPrefix(word, "localhost") || strings.HasPrefix(word, "127.0.0.1") {
			u, _ = url.Parse("http://" + word)
		}
	}
	for _, o := range options {
		switch {
		case o.name == "X" || o.name == "request" || o.name == "method":
			named = cmp.Or(o.value, o.next)
		case strings.HasPrefix(o.name, "data") || strings.HasPrefix(o.name, "post-"):
			implied = "POST"
		case cmd.program() == "curl": // to wget, -d and -T mean something else
			implied = cmp.Or(impliedMethods[o.name], implied)
		}
	}
	if strings.Contains(named, "$") {
		return "", nil
	}
	return strings.ToUpper(cmp.Or(named, implied)), u
}

func endsTheProcess(h *preStop, say report) {
	for i, s := range h.entries() {
		if s.needs.Ends == step.EndsContainer && s.signalsEnd() && i+1 < len(h.entries()) {
			say(s.at, s.Line+" ends the container, and the hook with it: the steps after it are not done",
				h.last(s, s.Line, "put it last, or add wait=false"))
		}
	}
	h.warned("ends-the-process", func(at node, text string, e *entry) {
		if e.needs.Signal == 0 && (!e.guess || len(e.calls()) > 0) {
			say(at, text,
				h.last(e, e.Line, "call something that starts draining and returns, or leave it out, since SIGTERM comes after the wait anyway"))
		}
	})
	slept := h.script.slept()
	for _, r := range h.requests() {
		if endsProcess(r.url) && slept[r.after] > 0 {
			say(h.command(), r.url.Path+" ends the process that answers it, before the sleep after it has kept it for the traffic",
				"sleep first, or call something that starts draining and returns")
		}
	}
}

// last is the hook's command with one step, written as line, behind the others. If the steps are not all arguments, it is the sentence.
func (h *preStop) last(s *entry, line, sentence string) string {
	if !h.allArguments() {
		return sentence
	}
	return h.stepsFix(append(slices.Delete(h.lines(), s.index, s.index+1), line), sentence)
}

func portDiffers(h *preStop, s *entry, say report) {
	if s.guess || s.said.Setting != "" && h.guessed(s.said.Setting) {
		return
	}
	for _, call := range s.needs.Calls {
		host, port := call.URL.Hostname(), portOf(call.URL)
		if port == "" {
			continue
		}
		called := h.pod.of.called(host)
		lacking := slices.DeleteFunc(called, func(s *service) bool { return s.answers(port) })
		for _, service := range lacking {
			all := service.ports()
			say(s.at, s.Line+": Service "+service.name+" has no port "+port+"; it has "+strings.Join(all, ", "), h.otherPort(s, call.URL, all))
		}
		if ours := call.Node || host != "" && local(host); ours && len(lacking) == 0 {
			h.otherSchemes(s.at, s.Line, call.URL.Scheme, port, say, func(scheme string) string {
				return h.stepFix(s, s.calling(call.URL, scheme, strings.TrimSuffix(call.URL.Host, ":"+port)+":"+port), scheme+" instead of "+call.URL.Scheme)
			})
		}
	}
}

// otherSchemes finds ports of the pod that do not speak the scheme of a call.
func (h *preStop) otherSchemes(at node, call, scheme, port string, say report, fix func(scheme string) string) {
	for _, one := range h.pod.ports[port] {
		if one.scheme != "" && one.scheme != scheme {
			text := call + ": port " + port + " of container " + one.Name + " is for " + one.scheme + ", by its readiness probe or its name"
			f := say(at, text, "see the port").warn()
			if one.scheme == "http" || one.scheme == "https" {
				f.Fix = fix(one.scheme)
			}
		}
	}
}

// schemeDiffers is [preStop.otherSchemes] for hooks that are not prestop's. Where https fails, the kubelet itself tries http.
func schemeDiffers(h *preStop, say report) {
	if get := h.HTTPGet; get != nil && len(h.handlers()) == 1 && get.Host == "" && !strings.EqualFold(string(get.Scheme), "https") {
		h.otherSchemes(h.place.at("httpGet", "port"), "the hook calls "+get.Path+" by http", "http", h.portNumber(get.Port.String()), say,
			func(scheme string) string { return "scheme: " + strings.ToUpper(scheme) })
	}
	for _, r := range h.requests() {
		if local(r.url.Hostname()) {
			h.otherSchemes(h.command(), "the hook calls "+r.url.Path+" by "+r.url.Scheme, r.url.Scheme, portOf(r.url), say,
				func(scheme string) string { return scheme + " instead of " + r.url.Scheme })
		}
	}
}

func portNotNamed(h *preStop, say report) {
	if h.HTTPGet == nil || len(h.handlers()) != 1 {
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
	return h.stepFix(s, s.calling(u, u.Scheme, u.Hostname()+":"+ports[0]), "name port "+ports[0]+" in the URL")
}

func callsAnyPod(h *preStop, s *entry, say report) {
	for _, call := range s.calls() {
		service, port := h.behind(call.URL)
		if service == "" || !call.App && !tellsToStop(call.URL.Path) {
			continue
		}
		fix := "localhost instead, and the port that the app listens on, since containers of a pod share their addresses"
		if port != "" && !nameOfPort(port) {
			fix = h.stepFix(s, s.calling(call.URL, call.URL.Scheme, "localhost:"+port), fix)
		}
		say(s.at, s.Line+" goes to Service "+service+", and so to any of its pods, not to the one that stops", fix)
	}
}

// tellsToStop tells whether a URL's path looks like one that makes an app stop.
func tellsToStop(path string) bool {
	return containsAny(strings.ToLower(path), "shutdown", "drain", "quit", "stop", "healthcheck/fail")
}

// containsAny tells whether any of the words stands somewhere in a text.
func containsAny(text string, words ...string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) })
}

// behind is the Service that a URL goes to, and the pod's port that the Service sends to. The name is empty if there is no Service.
func (h *preStop) behind(u *url.URL) (name, port string) {
	if labels := strings.Split(u.Hostname(), "."); len(labels) > 2 && labels[2] == "svc" { // a pod's own name has one label more
		name = labels[0]
	}
	port = u.Port()
	for _, service := range h.serving(u.Hostname()) {
		name = service.name
		for _, p := range service.spec.Ports {
			if number(p.Port) == portOf(u) {
				port = h.portNumber(sendsTo(p))
			}
		}
	}
	return name, port
}

// serving are the Services that a host name may mean and that select the pod.
func (h *preStop) serving(host string) []*service {
	return slices.DeleteFunc(h.pod.of.called(host), func(s *service) bool { return !s.selects(h.pod.Labels) })
}
