package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// chart is what helm template would write: a Deployment that has no grace period, and says on line 41 that it has.
func chart() string {
	const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: example/web:1
        ports: [{containerPort: 8080}]
        lifecycle: {preStop: {exec: {command: [/prestop, wait 20s]}}}
        env:
        - {name: PRE_STOP_GRACE_PERIOD_SECONDS, value: "60"}
`
	return strings.Repeat("# Source: web\n", 41-strings.Count(deployment, "\n")) + deployment
}

// What the pages show of lint is what it prints: a line that is … alone stands for any lines.
func TestPagesShowWhatIsPrinted(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(filepath.Join("..", "..", "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	session := regexp.MustCompile("(?s)```console\n\\$ helm template \\S+ \\| kubectl prestop (lint -)\n(.*?)```")
	seen := 0
	for _, page := range append(pages, filepath.Join("..", "..", "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range session.FindAllStringSubmatch(string(text), -1) {
			seen++
			var stdout, stderr bytes.Buffer
			run(invocation{args: strings.Fields(found[1]), stdin: strings.NewReader(chart()), stdout: &stdout, stderr: &stderr})
			pattern := strings.ReplaceAll(regexp.QuoteMeta(found[2]), "…\n", "(?s:.*)")
			if !regexp.MustCompile("^" + pattern + "$").MatchString(stdout.String()) {
				t.Errorf("%s shows\n%s\nand it printed\n%s%s", page, found[2], &stdout, &stderr)
			}
		}
	}
	if seen == 0 {
		t.Error("no page shows lint")
	}
}
