package lint

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/prestop/prestop/drain"
	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/prestop"
	"github.com/prestop/prestop/shutdown"
)

// callOf is a step's HTTP call: its method and URL.
func callOf(e prestop.Entry) (call shutdown.Call, method string, u *url.URL) {
	switch s := e.Step.(type) {
	case shutdown.Call:
		call, method = s, s.Request.Method
	case shutdown.App:
		call, method = s.Call, "POST"
	default:
		return call, "", nil
	}
	u, err := web.ParseURL(call.Request.URL)
	if err != nil {
		return call, "", nil
	}
	return call, method, u
}

// programOf is what an exec step runs.
func programOf(e prestop.Entry) []argument {
	s, ok := e.Step.(shutdown.Exec)
	if !ok {
		return nil
	}
	var all []argument
	for _, word := range s.Program {
		all = append(all, argument{text: word})
	}
	return all
}

// A strict endpoint takes some methods alone.
type strict struct {
	path  string
	ports []string // empty: on any
	takes []string
	whose string
}

// stricts are endpoints that refuse other methods, as their documentation or source says. An end of a path is enough.
func stricts() []strict {
	post, put := []string{"POST"}, []string{"PUT"}
	return []strict{
		{"/drain", []string{"15020"}, post, "Istio's pilot-agent"},
		{"/quitquitquit", []string{"15000", "15020", "9901", "19000"}, post, "Envoy"},
		{"/healthcheck/fail", nil, post, "Envoy"},
		{"/drain_listeners", nil, post, "Envoy"},
		{"/shutdown", []string{"4191"}, post, "Linkerd's proxy"},
		{"/actuator/shutdown", nil, post, "Spring Boot"},
		{"/v1.0/shutdown", nil, post, "Dapr"},
		{"/api/v0/ops/node/drain", nil, post, "Cassandra's management API"},
		{"/druid/worker/v1/disable", nil, post, "Druid"},
		{"/v1/sys/step-down", nil, []string{"PUT", "POST"}, "Vault"},
		{"/v1/agent/leave", nil, put, "Consul"},
		{"/v1/agent/maintenance", nil, put, "Consul"},
	}
}

func strictOf(path, port string) (strict, bool) {
	path = strings.TrimSuffix(path, "/")
	for _, s := range stricts() {
		if strings.HasSuffix(path, s.path) && (len(s.ports) == 0 || slices.Contains(s.ports, port)) {
			return s, true
		}
	}
	return strict{}, false
}

// method finds a call that its endpoint refuses.
func (c *checker) method(at node, method, path, port, fix string) {
	s, ok := strictOf(path, port)
	if !ok || slices.Contains(s.takes, method) {
		return
	}
	who := "the hook sends " + method
	if method == "" {
		who = "the kubelet sends GET, and never looks at the answer"
	}
	c.found("needs-other-method", at, s.path+" of "+s.whose+" takes "+strings.Join(s.takes, " or ")+" alone, and "+who, fmt.Sprintf(fix, strings.ToLower(s.takes[0])))
}

// calls looks at the HTTP calls of a plan.
func (c *checker) calls(h *hook) {
	plan := h.reading.Plan
	for i, e := range plan.Entries {
		if s, ok := e.Step.(shutdown.Signal); ok && !s.NoWait && i+1 < len(plan.Entries) && slices.Contains([]syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL}, s.Signal) {
			c.found("ends-the-process", h.step(i), e.Line+" ends the container, and the hook with it: the steps after it are not done", "put it last, or add wait=false")
		}
		call, method, u := callOf(e)
		if u == nil || h.reading.Steps[i].Guess && u.Path == "" {
			continue
		}
		at := h.step(i)
		c.method(at, method, u.Path, u.Port(), "%s instead of "+strings.ToLower(method))
		if shutdown.Exits(u) && waitsAfter(plan, i) > 0 {
			c.found("ends-the-process", at, e.Line+" ends the process that answers it, before the wait after it has kept it for the traffic",
				"call something that starts draining and returns, or leave the call out: SIGTERM comes after the wait anyway")
		}
		c.anyPod(h, at, e, u)
		if call.Timeout > web.MaxTry {
			c.found("timeout-not-reached", at, e.Line+": timeout="+short(call.Timeout)+", and one try has "+short(web.MaxTry)+" at most, and is made again after that",
				"let the app answer 202 with a Location, which is polled until it is done, or wait for it with until")
		}
	}
}

// waitsAfter is how long the plan waits after an entry.
func waitsAfter(p prestop.Plan, i int) time.Duration {
	sum := p.Floor
	for _, e := range p.Entries[i+1:] {
		if e.Step == nil || e.Guard {
			sum += max(e.Least, e.Most)
		}
	}
	return sum
}

// anyPod finds a call to this pod that any of its Service's pods may get.
func (c *checker) anyPod(h *hook, at node, e prestop.Entry, u *url.URL) {
	_, app := e.Step.(shutdown.App)
	if !app && !slices.ContainsFunc([]string{"shutdown", "drain", "quit", "stop", "healthcheck/fail"}, func(word string) bool { return strings.Contains(strings.ToLower(u.Path), word) }) {
		return
	}
	named := serviceIn(u.Hostname())
	for _, s := range c.pod.services {
		if s.called(u.Hostname(), c.pod.namespace) {
			named = s.name
		}
	}
	if named != "" {
		c.found("calls-any-pod", at, e.Line+" goes to Service "+named+", and so to any of its pods, not to the one that stops",
			"use localhost: containers of a pod share their addresses")
	}
}

// serviceIn is the Service that a name such as web.shop.svc.cluster.local is of, whether the files have it or not. A pod's
// own name has one label more.
func serviceIn(host string) string {
	if labels := strings.Split(host, "."); len(labels) > 2 && labels[2] == "svc" {
		return labels[0]
	}
	return ""
}

// foreignCalls looks at the calls of somebody else's hook.
func (c *checker) foreignCalls(h *hook) {
	for i, cmd := range h.script.commands {
		method, u := requestOf(cmd)
		if u == nil {
			continue
		}
		c.method(h.command(), method, u.Path, u.Port(), "curl -X %s, or a step of prestop's")
		rest := script{commands: h.script.commands[i+1:], branches: h.script.branches}
		if shutdown.Exits(u) && rest.slept(h.env) > 0 {
			c.found("ends-the-process", h.command(), u.Path+" ends the process that answers it, before the sleep after it has kept it for the traffic",
				"sleep first, or call something that starts draining and returns")
		}
	}
}

func (c *checker) httpGet(h *hook, get node) {
	c.named(h, get)
	port := h.portNumber(get.at("port").text())
	path, _, _ := strings.Cut(get.at("path").text(), "?")
	c.method(get.at("path"), "", path, port, "exec:\n  command: [/prestop, %s http://localhost:"+port+strings.ReplaceAll(path, "%", "%%")+", wait 15s]")
}

// requestOf is the call of curl or wget; its method is empty where it is not clear.
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

// outside is the other host that an entry talks to; long: for as long as it takes. Elasticsearch's own node is here.
func outside(e prestop.Entry) (host string, long bool) {
	var urls []string
	switch s := e.Step.(type) {
	case drain.URL:
		urls, long = append(urls, s.Request.URL), true
	case shutdown.RedisLock:
		urls = append(urls, "redis://"+s.Address)
	case shutdown.EtcdLease:
		urls = append(urls, s.URL)
	default:
		if _, _, u := callOf(e); u != nil {
			urls = append(urls, u.String())
		}
	}
	for _, text := range urls {
		u, err := url.Parse(text)
		if err != nil || u.Scheme == web.Unix {
			continue
		}
		if name := u.Hostname(); name != "localhost" && !strings.HasPrefix(name, "127.") && name != "::1" && name != "" && !strings.HasPrefix(name, "/") {
			return name, long
		}
	}
	return "", false
}
