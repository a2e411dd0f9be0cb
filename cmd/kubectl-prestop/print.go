package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/prestop/prestop/internal/hook"
	"github.com/prestop/prestop/internal/lint"
)

// All that is printed about manifests is printed here: text for people, and JSON for tools.

func writeRules(w io.Writer, rules []lint.Rule) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, r := range rules {
		fmt.Fprintf(t, "%s\t%s\t%s\n", r.ID, r.Severity, r.Summary)
	}
	t.Flush()
}

// printable keeps what manifests hold from commanding a terminal.
type printable struct{ io.Writer }

func (p printable) Write(text []byte) (int, error) {
	shown := bytes.Clone(text)
	for i, b := range shown {
		c1 := i > 0 && text[i-1] == 0xc2 && b >= 0x80 && b < 0xa0
		if b < ' ' && b != '\n' || b == 0x7f || c1 {
			shown[i] = '?'
		}
		if c1 {
			shown[i-1] = '?'
		}
	}
	_, err := p.Writer.Write(shown)
	return len(text), err
}

// writeText shows the times of each hook of prestop's, then what is wrong.
func writeText(w io.Writer, files []lint.File, result lint.Result) {
	w = printable{w}
	hooks := make(map[string]int)
	for _, h := range result.Hooks {
		hooks[h.File]++
		writeHook(w, h)
	}
	for _, u := range result.Unreadable {
		hooks[u.File]++ // of which nobody knows
	}
	for _, f := range files {
		if hooks[f.Name] == 0 {
			fmt.Fprintf(w, "%s: no preStop hook\n", f.Name)
		}
	}
	errs := 0
	for _, f := range result.Findings {
		if f.Severity == lint.Error {
			errs++
		}
		fmt.Fprintf(w, "%s:%d: %s: %s: %s [%s]\n", f.File, f.Line, f.Severity, place(f.Object, f.Container), f.Message, f.ID)
		fmt.Fprintf(w, "  fix: %s\n", strings.ReplaceAll(f.Fix, "\n", "\n       "))
	}
	for _, u := range result.Unreadable {
		fmt.Fprintf(w, "%s: cannot be read: %s\n", at(u), u.Text)
	}
	fmt.Fprintf(w, "%s and %s in %s\n", amount(errs, "error"), amount(len(result.Findings)-errs, "warning"), amount(len(result.Hooks), "hook"))
}

func at(u lint.Unreadable) string {
	if u.Line == 0 {
		return u.File
	}
	return fmt.Sprintf("%s:%d", u.File, u.Line)
}

func place(object, container string) string {
	object, container = strings.ReplaceAll(object, "\n", "?"), strings.ReplaceAll(container, "\n", "?")
	if container == "" {
		return object
	}
	return object + ", container " + container
}

func amount(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

func writeHook(w io.Writer, h lint.Hook) {
	if h.Plan == nil {
		return
	}
	object := h.Kind + " " + h.Name
	if h.Namespace != "" {
		object = h.Kind + " " + h.Namespace + "/" + h.Name
	}
	p := h.Plan.Plan
	fmt.Fprintf(w, "%s:%d: %s: grace period %s, reserve %s: done within %s\n\n", h.File, h.Line, place(object, h.Container), p.Grace, p.Reserve.Round(time.Millisecond), p.Budget().Round(time.Millisecond))
	hook.NewTimeline(p).Write(w, false)
	fmt.Fprintln(w)
}

// lintDocument is the JSON of lint. It is a contract: fields may be added, none changes.
type lintDocument struct {
	Version    int               `json:"version"` // 1
	Hooks      []lintHook        `json:"hooks"`
	Findings   []*lint.Finding   `json:"findings"`
	Unreadable []lint.Unreadable `json:"unreadable"`
}

type lintHook struct {
	File      string `json:"file"`
	Line      int    `json:"line"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	Container string `json:"container"`
	Program   string `json:"program"`
}

func writeJSON(w io.Writer, result lint.Result) {
	doc := lintDocument{1, []lintHook{}, append([]*lint.Finding{}, result.Findings...), append([]lint.Unreadable{}, result.Unreadable...)}
	for _, h := range result.Hooks {
		doc.Hooks = append(doc.Hooks, lintHook{h.File, h.Line, h.Kind, h.Namespace, h.Name, h.Container, h.Program})
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(doc) // who is gone needs no answer
}
