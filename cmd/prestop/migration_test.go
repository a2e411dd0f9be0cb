package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var span = regexp.MustCompile("`([^`]+)`")

// The steps in a row's second column are a plan, in which no wait is without a bound.
func TestMigrationTable(t *testing.T) {
	page := filepath.Join("..", "..", "docs", "migration.md")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"KUBERNETES_SERVICE_HOST": "10.96.0.1", "POD_NAME": "web-0", "VAULT_TOKEN": "token"}
	steps, leave := 0, 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) != 3 || cells[0] == "| today" {
			continue
		}
		if cells[1] == "leave it" || strings.HasPrefix(cells[1], "no step") {
			leave++
			continue
		}
		spans := span.FindAllStringSubmatch(cells[1], -1)
		if len(spans) == 0 {
			t.Errorf("no step: %s", line)
		}
		var row []string
		for _, s := range spans {
			steps++
			row = append(row, strings.ReplaceAll(s[1], "\x00", "|"))
		}
		p := planOf(t, env, row...)
		for _, wrong := range p.Problems {
			t.Errorf("%q: %v", row, wrong)
		}
		for n, s := range p.Steps {
			if s.Needs.Default {
				t.Errorf("%s: expected max=, without which it may last to the deadline", row[n])
			}
		}
	}
	if steps < 30 || leave < 3 {
		t.Errorf("%d steps and %d rows without, which is less than the page has", steps, leave)
	}
}
