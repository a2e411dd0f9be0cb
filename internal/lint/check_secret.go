package lint

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// What a secret looks like where it stands. Each has the secret itself in its last group; one that is a variable is none.
var secretPatterns = sync.OnceValue(func() []secretPattern {
	return []secretPattern{
		{"a password in a URL", regexp.MustCompile(`://[^\s/:@'"]*:([^\s/@'"]+)@`)},
		{"an Authorization header", regexp.MustCompile(`(?i)authorization['"]?\s*[:=]\s*['"]?(?:(?:bearer|basic|token|apikey)\s+)?([^\s'"]+)`)},
		{"a token in a header", regexp.MustCompile(`(?i)\b(?:x-[a-z-]*(?:token|key|auth|secret)|private-token|api-key|cookie)\s*:\s*['"]?([^\s'"]+)`)},
		{"a user's password", regexp.MustCompile(`(?:^|\s)(?:-u|--user|--proxy-user)[ =]?['"]?[^\s:'"-][^\s:'"]*:([^\s'"]+)`)},
		{"a password", regexp.MustCompile(`(?i)(?:^|[\s?&;"'_-])(?:password|passwd|pass|secret|api[_-]?key|access[_-]?key|client[_-]?secret|pgpassword|[a-z_-]*token)['"]?[=:]\s*['"]?([^\s'"&;{]+)`)},
		{"a password", regexp.MustCompile(`(?i)(?:^|\s)--(?:password|pass|token|secret|api-key)\s+['"]?([^\s'"-][^\s'"]*)`)},
		{"a token", regexp.MustCompile(`\b((?:ghp|gho|ghs|glpat|xox[abp]|hvs)[_.-][A-Za-z0-9_.-]{10,}|AKIA[0-9A-Z]{16}|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*)`)},
	}
})

type secretPattern struct {
	what    string
	pattern *regexp.Regexp
}

// secretIn names the secret that a text holds; empty: none.
func secretIn(text string) string {
	for _, p := range secretPatterns() {
		for _, found := range p.pattern.FindAllStringSubmatch(text, -1) {
			if value := found[len(found)-1]; !notSecret(value) {
				return p.what
			}
		}
	}
	return ""
}

// notSecret tells whether a value is taken from somewhere, says nothing, or is a number, as of a user or a port.
func notSecret(value string) bool {
	return strings.ContainsAny(value, "$`<") || strings.Trim(value, "*x.…") == "" || strings.HasPrefix(value, "@") || strings.HasPrefix(value, "/") || strings.HasPrefix(value, "{{") || strings.Trim(value, "0123456789") == ""
}

const secretFix = "mount it from a Secret, and name the file: token-file=/etc/app/token in a step of prestop's, PRE_STOP_APP_TOKEN_FILE for the app URL"

// secrets finds what everybody can read who may read the pod.
func (c *checker) secrets(h *hook) {
	const message = "the hook's command holds %s: it is in the pod's spec, and the kubelet writes it to the node's log when the hook fails"
	for i, a := range h.exec {
		text := a.text
		if i > 0 && strings.HasPrefix(h.exec[i-1].text, "-") {
			text = h.exec[i-1].text + " " + a.text // a flag and its value
		}
		if what := secretIn(text); what != "" {
			c.found("secret-in-hook", a.node, fmt.Sprintf(message, what), secretFix)
		}
	}
	for _, header := range h.at.at("httpGet", "httpHeaders").items() {
		name, value := header.at("name").text(), header.at("value")
		if value.there() && secretIn(name+": "+value.text()) != "" {
			c.found("secret-in-hook", value, "the header "+name+" of the httpGet hook holds a secret, which is in the pod's spec", "exec:\n  command: [/prestop, get http://localhost:8080/drain token-file=/etc/app/token]")
		}
	}
	if h.reading == nil {
		return
	}
	for name, value := range h.env.Known {
		if strings.HasPrefix(name, variablePrefix) && h.env.at[name].text() == value && secretIn(value) != "" {
			c.found("secret-in-hook", h.env.at[name], name+" holds "+secretIn(value)+", which is in the pod's spec", secretFix)
		}
	}
}
