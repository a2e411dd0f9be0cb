package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// hookSays prints a line of the hook's log.
func (t *timeline) hookSays(text string) {
	t.say(isHook, "%s", shorten(text))
}

// shorten makes the gist of a line of JSON: at which step, what happened, and a few of the facts.
func shorten(text string) string {
	var line map[string]any
	if json.Unmarshal([]byte(text), &line) != nil {
		return text
	}
	gist := fmt.Sprint(line["message"])
	if step, ok := line["step"].(string); ok {
		gist = verb(step) + ": " + gist
	}
	if level := line["log.level"]; level != "info" {
		gist = fmt.Sprintf("%v: %s", level, gist)
	}
	for _, name := range []string{"grace", "reserve", "wait", "type", "status", "tasks_remaining", "snapshots_running", "for", "exit"} {
		if fact, ok := line[name]; ok {
			gist += fmt.Sprintf(" %s=%v", name, fact)
		}
	}
	if problem, ok := line["error.message"]; ok {
		gist += fmt.Sprintf(": %v", problem)
	}
	return gist
}

// verb is a step without its target.
func verb(step string) string {
	if before, _, ok := strings.Cut(step, " http"); ok {
		return before
	}
	return step
}
