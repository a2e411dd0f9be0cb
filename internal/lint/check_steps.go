package lint

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// mistaken tells whether a setting, or with an empty name any, cannot be read.
func (h *hook) mistaken(name string) bool {
	return slices.ContainsFunc(h.reading.Mistakes, func(m Mistake) bool {
		return name == "" || m.Setting == name || m.Setting == "arguments" || strings.HasPrefix(m.Setting, "--")
	})
}

// settings finds those that are wrong.
func (c *checker) settings(h *hook) {
	for _, m := range h.reading.Mistakes {
		at := h.setting(m.Setting)
		if m.With != "" {
			with, _, _ := strings.Cut(m.With, "=")
			at = h.setting(with) // which is there; the other is not
		}
		c.found("setting-unreadable", at, m.Setting+": "+m.Text, fixOfSetting(m))
	}
	for _, name := range h.reading.Unknown {
		c.found("setting-unknown", h.setting(name), name+" is no setting of prestop's", "see the list in prestop --help, or remove it"+nearest(name))
	}
	if n, ok := h.env.at[stepsVariable]; ok && slices.ContainsFunc(h.reading.Steps, func(s Step) bool { return s.Setting == "" }) {
		c.found("steps-ignored", n, stepsVariable+" is set, and the hook's command has steps of its own: only those are done", "keep one of the two")
	}
}

// references finds settings that refer to what is not there, which the kubelet leaves as it is written, or refuses.
func (c *checker) references(h *hook) {
	for _, l := range h.env.lost {
		switch {
		case l.key != "":
			c.found("unset-variable", l.at, l.name+" is taken from "+l.key+", which has none: the container would not begin", "see the key's spelling")
		case strings.HasPrefix(l.name, variablePrefix) || l.name == "node.name":
			fix := "env:\n- {name: " + l.to + ", value: …}, before " + l.name
			if downward(l.to) != "" {
				fix = downwardLines(l.to) + ", before " + l.name
			}
			c.found("unset-variable", l.at, l.name+" uses $("+l.to+"), which is not set before it in this container, so that it is not expanded", fix)
		}
	}
}

// idle finds plans that do nothing.
func (c *checker) idle(h *hook) {
	p := h.reading.Plan
	if h.timesUnknown() || h.env.Open || h.mistaken("") {
		return
	}
	const fix = "a duration is 20 or 20s; or name the steps of the hook: [/prestop, wait 20s]"
	for i, e := range p.Entries {
		if e.Step == nil && e.Most < time.Second {
			c.suspected("does-nothing", h.step(i), e.Line+" is over at once", fix)
		}
	}
	wait, set := h.reading.Settings[waitVariable]
	if set && p.Floor < time.Second && (p.Floor > 0 || len(p.Entries) == 0) {
		c.suspected("does-nothing", h.setting(waitVariable), "the hook's additional wait of "+wait.Value+" is over at once", fix)
	}
}

func fixOfSetting(m Mistake) string {
	if m.With != "" {
		return "set " + m.Setting + " too, or remove " + m.With
	}
	if m.Setting == "arguments" {
		return "flags go before the steps; prestop --help lists them"
	}
	return "prestop --help says what " + m.Setting + " takes"
}

// nearest suggests a setting that is written almost alike.
func nearest(name string) string {
	known := []string{
		"GRACE_PERIOD", graceVariable, "GRACE_SECONDS", graceVariable, "GRACE", graceVariable,
		"TERMINATION_GRACE_PERIOD_SECONDS", graceVariable, "GRACE_PERIOD_SECOND", graceVariable,
		"ADDITIONAL_WAIT", waitVariable, "WAIT_SECONDS", waitVariable, "WAIT", waitVariable,
		"RESERVE", reserveVariable, "STEP", stepsVariable, "URL", "PRE_STOP_APP_URL",
		"ELASTICSEARCH_PASSWORD", "PRE_STOP_ELASTICSEARCH_PASSWORD_FILE", "ELASTICSEARCH_USER", "PRE_STOP_ELASTICSEARCH_USERNAME",
		"ELASTICSEARCH_TOKEN", "PRE_STOP_ELASTICSEARCH_TOKEN_FILE", "APP_TOKEN", "PRE_STOP_APP_TOKEN_FILE",
	}
	right := ""
	if i := slices.Index(known, strings.TrimPrefix(name, variablePrefix)); i >= 0 {
		right = known[i+1]
	}
	if _, after, ok := strings.Cut(strings.ToUpper(name), "STOP"); ok && right == "" && !strings.HasPrefix(name, variablePrefix) {
		right = variablePrefix + strings.ReplaceAll(strings.TrimLeft(after, "_-"), "-", "_")
	}
	if right != "" {
		return "; " + right + "?"
	}
	return ""
}

// downward is the field that a variable is usually taken from. No image sets such a one: a pod has it by the downward API, or
// not at all.
func downward(name string) (fieldPath string) {
	switch name {
	case "POD_NAME":
		return "metadata.name"
	case "POD_IP":
		return "status.podIP"
	case "POD_UID":
		return "metadata.uid"
	case "POD_NAMESPACE", "NAMESPACE":
		return "metadata.namespace"
	case "NODE_NAME":
		return "spec.nodeName"
	case "HOST_IP":
		return "status.hostIP"
	}
	return ""
}

// stepsRead finds steps that cannot be read.
func (c *checker) stepsRead(h *hook) {
	for i, s := range h.reading.Steps {
		unset := false
		for _, name := range s.Unset {
			if h.env.MaySet(name) {
				unset = true
				continue
			}
			c.unset(h, i, name)
			unset = true
		}
		if s.Err == "" || unset || s.Guess || h.step(i).Node != h.at.Node && !h.step(i).isString() && h.step(i).text() == "" {
			continue // a word that is no string is a finding of its own
		}
		c.found("step-unreadable", h.step(i), fmt.Sprintf("step %d: %s", i+1, s.Err), "prestop --help lists the steps; prestop --dry-run with the same step says the same")
		if strings.Contains(s.Err, "in POD_IP") {
			c.findings[len(c.findings)-1].Fix = downwardLines("POD_IP")
		}
	}
}

func (c *checker) unset(h *hook, i int, name string) {
	text := fmt.Sprintf("step %d uses $(%s), which container %s does not have, so that the step cannot be read", i+1, name, h.name)
	if downward(name) != "" {
		c.found("unset-variable", h.step(i), text, downwardLines(name))
		return
	}
	c.suspected("unset-variable", h.step(i), text+", unless the image sets it", "env:\n- {name: "+name+", value: …}")
}

func downwardLines(name string) string {
	return "env:\n- {name: " + name + ", valueFrom: {fieldRef: {fieldPath: " + downward(name) + "}}}"
}
