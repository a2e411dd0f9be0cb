package main

import (
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/prestop/prestop/internal/escape"
	"github.com/prestop/prestop/internal/lint"
	"github.com/prestop/prestop/internal/phrase"
	"github.com/prestop/prestop/internal/timeline"
	versions "github.com/prestop/prestop/internal/version"
	"github.com/prestop/prestop/internal/workloads"
)

// Everything that is printed about manifests is printed here: text for people, and JSON for tools.

func writeRules(w io.Writer, rules []lint.Rule) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, r := range rules {
		fmt.Fprintf(t, "%s\t%s\t%s\n", r.ID, r.Severity, r.Summary)
	}
	t.Flush()
}

// outputs are the ways to print what lint found.
func outputs() []output {
	return []output{
		{"text", lintCommand.writeText},
		{"json", lintCommand.writeJSON},
		{"sarif", lintCommand.writeSARIF},
		{"github", lintCommand.writeAnnotations},
	}
}

type output struct {
	name  string
	write func(lintCommand, io.Writer, []input, lint.Result)
}

func outputNames() []string {
	var all []string
	for _, o := range outputs() {
		all = append(all, o.name)
	}
	return all
}

func (c lintCommand) write(w io.Writer, inputs []input, result lint.Result) {
	for _, o := range outputs() {
		if o.name == c.output {
			o.write(c, w, inputs, result)
		}
	}
}

// writeText shows the times of prestop's own hooks, and then what is wrong. Everything except the colours is made printable.
func (c lintCommand) writeText(colours io.Writer, inputs []input, result lint.Result) {
	w := escape.Writer{To: colours}
	if !c.quiet {
		c.writeHooks(colours, inputs, result)
	}
	for _, f := range result.Findings {
		where, who := fmt.Sprintf("%s:%d", f.File, f.Line), place(f.Object, f.Container)+": "
		if f.Line == 0 {
			where, who = place(f.File, f.Container), ""
		}
		fmt.Fprintf(w, "%s: ", where)
		io.WriteString(colours, c.severity(f.Severity))
		fmt.Fprintf(w, ": %s%s [%s]\n", who, f.Message, f.ID)
		fmt.Fprintf(w, "  fix: %s\n", strings.ReplaceAll(f.Fix, "\n", "\n       "))
	}
	for _, u := range result.Unreadable {
		fmt.Fprintf(w, "%s: cannot be read: %s\n", at(u), u.Text)
	}
	if !c.quiet {
		c.writeSum(w, result)
	}
}

// severity is the word for a severity. It has a colour of its own if the output has colours.
func (c lintCommand) severity(s lint.Severity) string {
	codes := map[lint.Severity]string{lint.Error: "31", lint.Warning: "33"}
	if !c.page.Colours {
		return string(s)
	}
	return "\x1b[" + codes[s] + "m" + string(s) + "\x1b[0m"
}

func (c lintCommand) writeSum(w io.Writer, result lint.Result) {
	errs := 0
	for _, f := range result.Findings {
		if f.Severity == lint.Error {
			errs++
		}
	}
	fmt.Fprintf(w, "%s and %s in %s", phrase.Count(errs, "error"), phrase.Count(len(result.Findings)-errs, "warning"), phrase.Count(len(result.Hooks), "hook"))
	if n := len(c.cluster.found.Workloads); n > 0 {
		fmt.Fprintf(w, " of %s", phrase.Count(n, "workload"))
	}
	fmt.Fprintln(w)
}

// writeHooks shows the times of hooks, and names the inputs that have no hook.
func (c lintCommand) writeHooks(colours io.Writer, inputs []input, result lint.Result) {
	type container struct{ file, object, name string }
	found := make(map[container]bool)
	for _, f := range result.Findings {
		found[container{f.File, f.Object, f.Container}] = true
	}
	known := make(map[string]bool) // files that have a hook, or may have
	for _, h := range result.Hooks {
		known[h.File] = true
		if c.verbose || found[container{h.File, h.Object(), h.Container}] || found[container{h.File, h.Object(), ""}] {
			c.writeHook(colours, h)
		}
	}
	for _, u := range result.Unreadable {
		known[u.File] = true
	}
	for _, in := range inputs {
		if len(in.unreadable) == 0 && !slices.ContainsFunc(in.files, func(f lint.File) bool { return known[f.Name] }) {
			fmt.Fprintf(escape.Writer{To: colours}, "%s: no preStop hook\n", in.name)
		}
	}
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

func (c lintCommand) writeHook(colours io.Writer, h lint.Hook) {
	if h.Plan == nil {
		return
	}
	p := h.Plan.Plan
	where := place(h.File, h.Container)
	if h.Line > 0 {
		where = fmt.Sprintf("%s:%d: %s", h.File, h.Line, place(h.Object(), h.Container))
	}
	fmt.Fprintf(escape.Writer{To: colours}, "%s: grace period %s, reserve %s: done within %s\n\n", where, p.Grace, p.Reserve.Round(time.Millisecond), p.Budget().Round(time.Millisecond))
	timeline.New(&p).Write(colours, c.page) // Write makes steps printable
	fmt.Fprintln(colours)
}

// lintDocument is the JSON of lint. It is a contract: fields may be added, but none changes.
type lintDocument struct {
	Version    int               `json:"version"` // 1
	Hooks      []lint.Hook       `json:"hooks"`
	Findings   []*lint.Finding   `json:"findings"`
	Unreadable []lint.Unreadable `json:"unreadable"`

	// Only for a cluster. Its objects have no lines: line and column are 0 there, and file looks like shop/deployment/web.
	Kubernetes string             `json:"kubernetes,omitempty"` // the API server's version
	Denied     []workloads.Denied `json:"denied,omitempty"`     // what may not be read
}

func (c lintCommand) writeJSON(w io.Writer, _ []input, result lint.Result) {
	doc := lintDocument{
		1, append([]lint.Hook{}, result.Hooks...), append([]*lint.Finding{}, result.Findings...), append([]lint.Unreadable{}, result.Unreadable...),
		c.cluster.found.Version, c.cluster.found.Denied,
	}
	_ = escape.WriteJSON(w, doc) // run tells the error
}

// writeAnnotations prints commands of GitHub's workflows, which show a finding beside the line that it is about
// (docs.github.com, "Workflow commands for GitHub Actions").
func (c lintCommand) writeAnnotations(w io.Writer, _ []input, result lint.Result) {
	w = escape.Writer{To: w}
	text := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	for _, f := range result.Findings {
		at, who := "", place(f.File, f.Container)
		if f.Line > 0 { // without a line it is from a cluster, and GitHub would look for a file of that name
			at, who = fmt.Sprintf("file=%s,line=%d,col=%d,", property.Replace(f.File), f.Line, f.Column), place(f.Object, f.Container)
		}
		fmt.Fprintf(w, "::%s %stitle=%s::%s\n", f.Severity, at, f.ID, text.Replace(who+": "+f.Message+"\nfix: "+f.Fix))
	}
	for _, u := range result.Unreadable {
		fmt.Fprintf(w, "::error file=%s,line=%d,title=cannot be read::%s\n", property.Replace(u.File), max(u.Line, 1), text.Replace(u.Text))
	}
	if !c.quiet {
		c.writeSum(w, result)
	}
}

const project = "https://github.com/prestop/prestop"

// An object is one of JSON, by its keys.
type object map[string]any

// sarifAt is a location of SARIF's; a line of 0 is none, and so is a column of 0.
func sarifAt(file string, line, column int) object {
	at := object{"artifactLocation": object{"uri": (&url.URL{Path: filepath.ToSlash(file)}).String()}}
	region := object{"startLine": line}
	if column > 0 {
		region["startColumn"] = column
	}
	if line > 0 {
		at["region"] = region
	}
	return object{"physicalLocation": at}
}

// writeSARIF prints SARIF 2.1.0 (docs.oasis-open.org/sarif/sarif/v2.1.0).
func (c lintCommand) writeSARIF(w io.Writer, _ []input, result lint.Result) {
	rules, results, notifications := []object{}, []object{}, []object{}
	for _, r := range lint.Rules() {
		rules = append(rules, object{
			"id": r.ID, "shortDescription": object{"text": r.Summary}, "helpUri": project + "/blob/main/docs/lint/" + r.ID + ".md",
			"defaultConfiguration": object{"level": r.Severity},
		})
	}
	for _, f := range result.Findings {
		l, who := object{}, place(f.File, f.Container)
		if f.Line > 0 {
			l, who = sarifAt(f.File, f.Line, f.Column), place(f.Object, f.Container)
		}
		l["logicalLocations"] = []object{{"fullyQualifiedName": who}}
		text := f.Message + "\nfix: " + f.Fix
		results = append(results, object{"ruleId": f.ID, "level": f.Severity, "message": object{"text": text}, "locations": []object{l}})
	}
	notify := func(level lint.Severity, text string, locations ...object) {
		notifications = append(notifications, object{"level": level, "message": object{"text": text}, "locations": append([]object{}, locations...)})
	}
	for _, u := range result.Unreadable {
		notify(lint.Error, "cannot be read: "+u.Text, sarifAt(u.File, u.Line, 0))
	}
	for _, d := range c.cluster.found.Denied {
		notify(lint.Warning, d.String())
	}
	driver := object{"name": "kubectl-prestop lint", "informationUri": project, "version": versions.Name(version), "rules": rules}
	did := object{"executionSuccessful": len(result.Unreadable) == 0}
	if len(notifications) > 0 {
		did["toolExecutionNotifications"] = notifications
	}
	run := object{"tool": object{"driver": driver}, "invocations": []object{did}, "results": results}
	_ = escape.WriteJSON(w, object{"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": []object{run}}) // run tells the error
}
