package lint

import (
	"strings"
	"testing"
)

// A script of a ConfigMap is read however the hook starts it.
func TestHowScriptsAreStarted(t *testing.T) {
	t.Parallel()
	const text = "kind: ConfigMap\nmetadata: {name: s}\ndata:\n  stop.sh: |\n    #!/bin/sh\n    sleep 40\n---\nkind: Pod\nmetadata: {name: web}\nspec:\n  volumes: [{name: s, configMap: {name: s, defaultMode: 0755}}]\n  containers:\n  - name: web\n    volumeMounts: [{name: s, mountPath: /scripts}]\n    lifecycle: {preStop: {exec: {command: [COMMAND]}}}\n"
	fills := []string{"15 error sleep-fills-grace"}
	all := map[string]linting{"a script of the image": {strings.Replace(text, "COMMAND", "sh, -c, /opt/stop.sh", 1), nil}}
	for _, command := range []string{"/scripts/stop.sh", "sh, /scripts/stop.sh", "/bin/sh, -c, /scripts/stop.sh"} {
		all[command] = linting{strings.Replace(text, "COMMAND", command, 1), fills}
	}
	run := strings.Replace(text, "COMMAND", "/scripts/stop.sh", 1)
	projected := func(sources string) string {
		return strings.Replace(run, "configMap: {name: s, defaultMode: 0755}", "projected: {defaultMode: 0755, sources: ["+sources+"]}", 1)
	}
	for sources, want := range map[string][]string{
		"{downwardAPI: {}}, {configMap: {name: s}}, {configMap: {name: other}}": fills,
		"{configMap: {name: s, items: [{key: stop.sh, path: a/stop.sh}]}}":      nil,
		"{configMap: {name: s, items: [{key: stop.sh, path: stop.sh}]}}":        fills,
		"{configMap: {name: other}}":                                            nil,
		"{secret: {name: s}}":                                                   nil,
	} {
		all[sources] = linting{projected(sources), want}
	}
	noMode := strings.Replace(projected("{configMap: {name: s}}"), "defaultMode: 0755, ", "", 1)
	all["a projected volume without a mode"] = linting{noMode, append([]string{"15 error script-not-runnable"}, fills...)}
	for script, want := range map[string][]string{
		"#!/usr/bin/env bash\n    while [ $SECONDS -lt 40 ]; do sleep 1; done":                 fills,
		"#!/bin/sh\n    while [ $SECONDS -lt 40 ]; do sleep 1; done":                           nil,
		"#!/bin/sh -e\n    i=0; while [ $i -lt 40 ]; do ready; sleep 1; i=$((i+1)); done":      nil,
		"#! /bin/sh\n    i=0; while [ $i -lt 40 ]; do ready; sleep 1; i=$((i+1)); done":        fills,
		"#!\n    i=0; set -eu; while [ $i -lt 40 ]; do ready; sleep 1; i=$((i+1)); done":       nil,
		"#!/bin/sh\n    i=0; set +e; while [ $i -lt 40 ]; do ready; sleep 1; i=$((i+1)); done": fills,
		"#!/bin/bash -o errexit\n    i=0; while [ $i -lt 40 ]; do sleep 1; i=$((i+1)); done":   nil,
	} {
		all[script] = linting{strings.Replace(run, "#!/bin/sh\n    sleep 40", script, 1), want}
	}
	checkAll(t, all)
	found := Check([]File{{Name: "x", Content: []byte(run)}}).Findings[0]
	if !strings.Contains(found.Message, "stop.sh") || !strings.Contains(found.Message, "ConfigMap s") {
		t.Errorf("which script it is, is not said: %s", found.Message)
	}
}
