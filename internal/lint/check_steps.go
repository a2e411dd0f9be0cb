package lint

import (
	"fmt"
	"slices"
	"strings"
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
	known := map[string]string{
		"PRE_STOP_GRACE_PERIOD": graceVariable, "PRE_STOP_GRACE_SECONDS": graceVariable, "PRE_STOP_GRACE": graceVariable,
		"PRE_STOP_TERMINATION_GRACE_PERIOD_SECONDS": graceVariable, "PRE_STOP_GRACE_PERIOD_SECOND": graceVariable,
		"PRE_STOP_ADDITIONAL_WAIT": waitVariable, "PRE_STOP_WAIT_SECONDS": waitVariable, "PRE_STOP_WAIT": waitVariable,
		"PRE_STOP_RESERVE": reserveVariable, "PRE_STOP_STEP": stepsVariable, "PRE_STOP_URL": "PRE_STOP_APP_URL",
		"PRE_STOP_ELASTICSEARCH_PASSWORD": "PRE_STOP_ELASTICSEARCH_PASSWORD_FILE", "PRE_STOP_ELASTICSEARCH_USER": "PRE_STOP_ELASTICSEARCH_USERNAME",
		"PRE_STOP_ELASTICSEARCH_TOKEN": "PRE_STOP_ELASTICSEARCH_TOKEN_FILE", "PRE_STOP_APP_TOKEN": "PRE_STOP_APP_TOKEN_FILE",
	}
	if right := known[name]; right != "" {
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
		if s.Err == "" || unset || s.Guess {
			continue
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
	c.suspected("unset-variable", h.step(i), text+", unless the image sets it", fmt.Sprintf("env:\n- {name: %s, value: …}", name))
}

func downwardLines(name string) string {
	return fmt.Sprintf("env:\n- {name: %s, valueFrom: {fieldRef: {fieldPath: %s}}}", name, downward(name))
}
