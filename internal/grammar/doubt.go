package grammar

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/prestop/prestop/internal/escape"
)

// A Doubt is something in a line that probably does not arrive as its author meant it.
type Doubt struct {
	ID   string // see hook.Warning
	Text string // without what [Line.Shown] hides
}

// namedPattern is a variable, wherever it stands.
var namedPattern = pattern{text: `\$(?:\w+|\(\w+\)|\{\w+\})`}

// typed tells whether a header says what the body is.
func (l *Line) typed() bool {
	return slices.ContainsFunc(l.Options, func(o Option) bool {
		return o.Key == "header" && strings.HasPrefix(strings.ToLower(o.Value), "content-type:")
	})
}

// OptionUnused is the ID of a doubt about something that has no effect.
const OptionUnused = "option-unused"

// Doubt adds a doubt, as about an option that has no effect. For id see [Doubt]. Of a long text it takes only the beginning.
func (l *Line) Doubt(id, format string, args ...any) {
	l.doubts = append(l.doubts, Doubt{id, escape.Begun(fmt.Sprintf(format, args...), 8*most)})
}

// Doubts are those of the verb, and those about how the line is written: quotes that are taken away, variables in single quotes or in a
// shell's script, and shell syntax where there is no shell. set tells whether there is such a variable.
func (l *Line) Doubts(set func(name string) bool) []Doubt {
	own := *l // asked again, the line has the same doubts
	own.doubts = slices.Clip(l.doubts)
	d := doubter{&own, set}
	for n := range l.Options {
		o := &l.Options[n]
		d.quotes(o.Key+"=", &o.Word)
		if o.Key == "body" && !o.unquoted && keysLackQuotes(o.Value) && !l.typed() {
			d.Doubt("quotes-misplaced", `body= is no JSON, since its keys have no quotes, which a shell may have taken away: write body='{"a": 1}'`)
		}
	}
	for n := range l.Targets {
		d.quotes("", &l.Targets[n])
		d.shell(n)
	}
	return own.doubts
}

// doubter looks for what is doubtful in a line.
type doubter struct {
	*Line
	set func(name string) bool
}

// quotes doubts the quotes of a word, and the variables in them. key is what stands before the value, with its equals sign.
func (d *doubter) quotes(key string, w *Word) {
	value := Begun(strings.TrimPrefix(w.shown(), key))
	if w.unquoted {
		right := "'" + value + "'"
		if len(w.variables) > 0 || strings.Contains(value, "'") {
			right = double(value)
		}
		arrives := strings.ReplaceAll(value, `"`, "")
		d.Doubt("quotes-misplaced", `%s%s: quotes are taken away, as in a shell, and %s arrives: write %s%s`, key, value, arrives, key, right)
	}
	if w.Bare() && (strings.ContainsAny(w.Text, "“„‘") || strings.HasPrefix(value, "”")) {
		d.Doubt("quotes-misplaced", "%s%s: typographic quotes are letters like others here: write \" or '", key, value)
	}
	if !strings.Contains(w.single, "$") { // nearly always; then the pattern is not compiled
		return
	}
	for _, found := range namedPattern.regexp().FindAllString(w.single, -1) {
		name := strings.Trim(found, "$(){}")
		if (d.set(name) || slices.Contains(d.scope.Given, name)) && (!d.raw || strings.HasPrefix(found, "$(")) {
			d.Doubt("quotes-misplaced", "%s stays as it is written, since single quotes keep a dollar: for the variable's value write it outside of them, or in double quotes", Begun(found))
		}
	}
}

// keysLackQuotes tells whether a text looks like a JSON object without the quotes around its keys, as {a: 1}.
func keysLackQuotes(text string) bool {
	inside := strings.TrimLeft(text, "{ ")
	key := identifier(inside)
	return inside != text && key > 0 && strings.HasPrefix(inside[key:], ":")
}

// shell doubts what only a shell would understand in target n, and what a shell would understand in another way than it is meant.
func (d *doubter) shell(n int) {
	w := &d.Targets[n]
	name := w.toShell()
	switch {
	case name != "" && d.isScript(n):
		d.Doubt("value-in-script", "the shell reads the value of $(%s) as a part of its script: in single quotes the shell takes the variable itself, as in sh -c 'echo \"$%[1]s\"'", name)
	case !w.Bare() || d.raw && (n == 0 || path.Base(d.Targets[0].Text) == "find"):
	case d.raw && isShellSyntax(w.Text):
		d.Doubt("shell-syntax-without-shell", "%s runs no shell, and the program gets %s as an argument: %s sh -c '…' runs one", d.Verb.Text, Quoted(w.shown()), d.Verb.Text)
	case strings.HasPrefix(w.Text, "~/") || d.isGlob(w.Text):
		d.Doubt("glob-without-shell", "no shell replaces %s by the names of files, and it stays as it is: exec sh -c '…' runs one; single quotes around the word say that it is meant so", Quoted(w.shown()))
	}
}

// toShell names the first variable whose value is not one plain word to a shell, unless the value is the whole word.
func (w *Word) toShell() string {
	for _, v := range w.variables {
		if v.to-v.from < len(w.Text) && strings.ContainsAny(w.Text[v.from:v.to], " \t\r\n|&;<>()$`\\\"'*?[#~!{") {
			return v.name
		}
	}
	return ""
}

// isScript tells whether target n is the script of a shell, as in sh -c SCRIPT.
func (l *Line) isScript(n int) bool {
	return l.raw && n > 1 && shellsOption.regexp().MatchString(path.Base(l.Targets[n-2].Text)+" "+l.Targets[n-1].Text)
}

// isShellSyntax tells whether a word joins or redirects commands in a shell, as && and 2>&1 do, or has a command in backquotes.
func isShellSyntax(text string) bool {
	rest := strings.TrimLeft(text, "0123456789") // of a file descriptor
	return rest != "" && (strings.IndexByte("|&;<>#", rest[0]) >= 0 || rest == `\` || strings.HasSuffix(rest, ";") || strings.Contains(rest, "`"))
}

// isGlob tells whether a shell would take a word for the names of files. An option and a URL may have a star of their own.
func (l *Line) isGlob(text string) bool {
	return strings.Contains(text, "*") && (strings.HasPrefix(text, "/") || l.raw && !strings.HasPrefix(text, "-") && !strings.Contains(text, "://"))
}

// shellsOption is a shell and the option before its script.
var shellsOption = pattern{text: `^(?:a|ba|da|k|z)?sh -[a-z]*c$`}
