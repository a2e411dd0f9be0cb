package lint

import (
	"slices"
	"strings"
	"testing"
)

// A script of a ConfigMap is read however the hook starts it.
func TestHowScriptsAreStarted(t *testing.T) {
	t.Parallel()
	const text = "kind: ConfigMap\nmetadata: {name: s}\ndata:\n  stop.sh: |\n    #!/bin/sh\n    sleep 40\n---\nkind: Pod\nmetadata: {name: web}\nspec:\n  volumes: [{name: s, configMap: {name: s, defaultMode: 0755}}]\n  containers:\n  - name: web\n    volumeMounts: [{name: s, mountPath: /scripts}]\n    lifecycle: {preStop: {exec: {command: [COMMAND]}}}\n"
	for _, command := range []string{"/scripts/stop.sh", "sh, /scripts/stop.sh", "/bin/sh, -c, /scripts/stop.sh"} {
		if got := linted(t, strings.Replace(text, "COMMAND", command, 1)); !slices.Equal(got, []string{"15 error sleep-fills-grace"}) {
			t.Errorf("%s: found %q", command, got)
		}
	}
	projected := func(sources string) string {
		return strings.Replace(text, "configMap: {name: s, defaultMode: 0755}", "projected: {defaultMode: 0755, sources: ["+sources+"]}", 1)
	}
	for sources, want := range map[string]string{
		"{downwardAPI: {}}, {configMap: {name: s}}, {configMap: {name: other}}": "15 error sleep-fills-grace",
		"{configMap: {name: s, items: [{key: stop.sh, path: a/stop.sh}]}}":      "",
		"{configMap: {name: s, items: [{key: stop.sh, path: stop.sh}]}}":        "15 error sleep-fills-grace",
		"{configMap: {name: other}}":                                            "",
		"{secret: {name: s}}":                                                   "",
	} {
		if got := linted(t, strings.Replace(projected(sources), "COMMAND", "/scripts/stop.sh", 1)); strings.Join(got, ", ") != want {
			t.Errorf("%s: found %q", sources, got)
		}
	}
	noMode := strings.Replace(projected("{configMap: {name: s}}"), "defaultMode: 0755, ", "", 1)
	if got := linted(t, strings.Replace(noMode, "COMMAND", "/scripts/stop.sh", 1)); !slices.Equal(got, []string{"15 error script-not-runnable", "15 error sleep-fills-grace"}) {
		t.Errorf("a projected volume without a mode: found %q", got)
	}
	for script, fills := range map[string]bool{
		"#!/usr/bin/env bash\n    while [ $SECONDS -lt 40 ]; do sleep 1; done":                 true,
		"#!/bin/sh\n    while [ $SECONDS -lt 40 ]; do sleep 1; done":                           false,
		"#!/bin/sh -e\n    i=0; while [ $i -lt 40 ]; do ready; sleep 1; i=$((i+1)); done":      false,
		"#! /bin/sh\n    i=0; while [ $i -lt 40 ]; do ready; sleep 1; i=$((i+1)); done":        true,
		"#!\n    i=0; set -eu; while [ $i -lt 40 ]; do ready; sleep 1; i=$((i+1)); done":       false,
		"#!/bin/sh\n    i=0; set +e; while [ $i -lt 40 ]; do ready; sleep 1; i=$((i+1)); done": true,
		"#!/bin/bash -o errexit\n    i=0; while [ $i -lt 40 ]; do sleep 1; i=$((i+1)); done":   false,
	} {
		changed := strings.NewReplacer("#!/bin/sh\n    sleep 40", script, "COMMAND", "/scripts/stop.sh").Replace(text)
		if got := linted(t, changed); (len(got) == 1) != fills {
			t.Errorf("%s: found %q", script, got)
		}
	}
	found := Check([]File{{Name: "x", Content: []byte(strings.Replace(text, "COMMAND", "/scripts/stop.sh", 1))}}).Findings[0]
	if !strings.Contains(found.Message, "stop.sh") || !strings.Contains(found.Message, "ConfigMap s") {
		t.Errorf("which script it is, is not said: %s", found.Message)
	}
	if got := linted(t, strings.Replace(text, "COMMAND", "sh, -c, /opt/stop.sh", 1)); len(got) > 0 {
		t.Errorf("a script of the image: found %q", got)
	}
}
