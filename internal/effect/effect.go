// Package effect tells which settings have no effect on what a hook does, and which calls a hook makes twice.
//
// It compares the configuration with what the steps need. It makes no texts: internal/hook, its only user, warns.
package effect

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/setting"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/web"
)

// Effects are what the steps make of the settings.
type Effects struct {
	config         *config.Config
	called, secure bool     // a node is shut down at one of the settings' URLs, or at any if there are none; over TLS
	theirType      bool     // by the settings' type
	types          []string // the types of all shutdowns
	again          []bool   // of each step: a step before it makes the same call
}

// Of reads what the steps need, in their order.
func Of(c *config.Config, steps []*step.Needs) *Effects {
	e := &Effects{config: c}
	theirs := make(map[string]bool) // the places that the settings about Elasticsearch are for; none: any place
	for _, u := range c.ElasticsearchURLs.V {
		theirs[web.Origin(u)] = true
	}
	first := make(map[string]int) // which step makes a call first, by what the call does and where
	for n, needs := range steps {
		shutsDown := needs.Shutdown != ""
		if shutsDown {
			e.theirType = e.theirType || needs.Shutdown == step.TypeOfSettings
			e.types = append(e.types, needs.ShutdownType(c.ShutdownType.V))
		}
		again := false
		for _, call := range e.calls(needs) {
			place := web.Origin(call.URL)
			key := call.Method + " " + place + cmp.Or(call.URL.EscapedPath(), "/") + "?" + call.URL.RawQuery
			if call.Node {
				key = "elasticsearch " + place
			}
			at, has := first[key]
			if !has {
				first[key] = n
			}
			again = again || has && at < n
			if shutsDown && (theirs[place] || len(theirs) == 0) {
				e.called, e.secure = true, e.secure || call.URL.Scheme == "https"
			}
		}
		e.again = append(e.again, again)
	}
	return e
}

// calls are the calls of a step that are there to have something done.
func (e *Effects) calls(needs *step.Needs) (all []step.Call) {
	for _, call := range needs.Calls {
		if (call.Method != "" || call.Node) && !call.Repeats && !call.Condition {
			all = append(all, call)
		}
	}
	if needs.Shutdown != "" && len(all) == 0 {
		for _, u := range e.config.ElasticsearchURLs.V {
			all = append(all, step.Call{URL: u, Node: true})
		}
	}
	return all
}

// Again tells whether a step before step n, counted from 0, makes the same call.
func (e *Effects) Again(n int) bool { return e.again[n] }

// Unused tells whether a setting has no effect on what is done.
func (e *Effects) Unused(s *setting.Setting) bool {
	app := e.config.AppURL.V
	switch name, _ := strings.CutPrefix(s.Env, setting.Prefix); name {
	case "SHUTDOWN_TYPE":
		return app == nil && !e.theirType
	case "APP_CA_FILE":
		return app == nil || app.Scheme != "https"
	case "ELASTICSEARCH_URL":
		return len(e.config.ElasticsearchURLs.V) > 0 && !e.called
	case "ELASTICSEARCH_ALLOCATION_DELAY":
		return !slices.Contains(e.types, step.TypeRestart) && !slices.Contains(e.types, step.TypeAuto)
	case "ELASTICSEARCH_TARGET_NODE":
		return !slices.Contains(e.types, step.TypeReplace)
	case "ELASTICSEARCH_CA_FILE":
		return e.config.Insecure.V || !e.secure
	case "ELASTICSEARCH_CERT_FILE", "ELASTICSEARCH_KEY_FILE", "ELASTICSEARCH_TLS_SERVER_NAME", "ELASTICSEARCH_INSECURE_SKIP_VERIFY":
		return !e.secure
	}
	return s.Group == config.ElasticsearchAlone && !e.called || s.Group == config.AppAlone && app == nil
}

// Beaten is what of a setting does not count since another setting gives credentials for the same place, and that other setting, as
// both were written. Both are empty if all of it counts.
func (e *Effects) Beaten(s *setting.Setting) (what, by string) {
	c := e.config
	switch name, _ := strings.CutPrefix(s.Env, setting.Prefix); {
	case name == "ELASTICSEARCH_TOKEN_FILE":
		what, by = s.By(), c.Username.By
	case name == "APP_URL" && c.AppURL.V != nil && c.AppURL.V.User != nil:
		what, by = "the user in "+s.By(), c.AppTokenFile.By
	case name == "ELASTICSEARCH_URL" && slices.ContainsFunc(c.ElasticsearchURLs.V, func(u *url.URL) bool { return u.User != nil }):
		what, by = "the user in "+s.By(), cmp.Or(c.Username.By, c.TokenFile.By)
	}
	if s.By() == "" || by == "" {
		return "", ""
	}
	return what, by
}
