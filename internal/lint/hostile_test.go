package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A hook that has one finding, in its last line.
const wrongHook = "kind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: app, lifecycle: {preStop: {sleep: {seconds: 30}}}}]}\n"

// Whatever stands where something else is expected, nothing breaks, and it does not take long.
func TestHostileInputs(t *testing.T) {
	t.Parallel()
	laughs := "a0: &a0 {kind: Pod, spec: {containers: [{lifecycle: {preStop: {sleep: {seconds: 30}}}}]}}\n"
	for i := range 12 {
		laughs += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
	}
	doubled := "sleep $A0"
	for i := range 60 {
		doubled = fmt.Sprintf("A%d=$A%d$A%d; ", i, i+1, i+1) + doubled
	}
	calls := "a30() { sleep 1; }; "
	for i := range 30 {
		calls += fmt.Sprintf("a%d() { a%d; a%d; }; ", i, i+1, i+1)
	}
	long := "kind: List\nitems:\n" + strings.Repeat("- "+strings.ReplaceAll(strings.TrimSuffix(wrongHook, "\n"), "\n", "\n  ")+"\n", 1<<20/len(wrongHook))
	for name, text := range map[string]string{
		"billion laughs":  laughs + "kind: List\nitems: *a12\n",
		"doubled values":  strings.Replace(wrongHook, "sleep: {seconds: 30}", "exec: {command: [sh, -c, 'A60=1; "+doubled+"']}", 1),
		"many words":      strings.Replace(wrongHook, "sleep: {seconds: 30}", "exec: {command: [bash, -c, '"+strings.Repeat("sleep {1..9999}; A=$(seq 9999); ", 3000)+"']}", 1),
		"many patterns":   strings.Replace(wrongHook, "sleep: {seconds: 30}", "exec: {command: [sh, -c, 'A="+strings.Repeat("a", 1000)+"; i=0; while [ $i -lt 9999 ]; do i=$((i+1)); "+strings.Repeat("B=${A%%*a*a*a*a*a*a*a*b}; ", 400)+"done']}", 1),
		"loops in loops":  strings.Replace(wrongHook, "sleep: {seconds: 30}", "exec: {command: [sh, -c, '"+strings.Repeat("while [ $i -lt 9999 ]; do i=$((i+1)); ", 2000)+strings.Repeat("done; ", 2000)+"']}", 1),
		"calls of calls":  strings.Replace(wrongHook, "sleep: {seconds: 30}", "exec: {command: [sh, -c, '"+calls+"a0']}", 1),
		"deep":            "kind: Pod\nspec: " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000),
		"too deep":        strings.Repeat("{a: ", 200000),
		"deep Lists":      strings.Repeat("{kind: List, items: [", 2000) + strings.Repeat("]}", 2000),
		"1 MB":            long,
		"one line":        "kind: Pod\nspec: {containers: [{name: " + strings.Repeat("x", 1<<20) + "}]}",
		"many documents":  strings.Repeat("---\n"+wrongHook, 1000),
		"many separators": strings.Repeat("---\n", 1<<18),
	} {
		begun := time.Now()
		result := Check([]File{{Name: "x", Content: []byte(text)}})
		if took := time.Since(begun); took > time.Minute {
			t.Errorf("%s: took %s", name, took)
		} else {
			t.Logf("%s: %s, %d findings, %d unreadable", name, took, len(result.Findings), len(result.Unreadable))
		}
	}
}

// At every place of a manifest stands once what does not belong there: four kinds of value at each, all kinds at their neighbours.
func TestWrongTypes(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob(filepath.Join("..", "..", "examples", "*.yaml"))
	if err != nil || len(names) == 0 {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		for n, line := range lines {
			key, _, ok := strings.Cut(line, ":")
			if !ok || strings.HasPrefix(strings.TrimSpace(line), "#") {
				continue
			}
			values := []string{"", "null", "7", "true", "-1.5e300", "text", "[a, [b], {c: d}, 1]", "{a: b, 1: 2, ? [x] : y}", "!!binary aGk=", "'$(X'", "\"\\u0000\""}
			for i := range 4 {
				value := values[(n+3*i)%len(values)]
				changed := strings.Join(append(append(append([]string{}, lines[:n]...), key+": "+value), lines[n+1:]...), "\n")
				Check([]File{{Name: name, Content: []byte(changed)}})
			}
		}
	}
}
