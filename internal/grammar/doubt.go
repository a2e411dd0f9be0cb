package grammar

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// A Doubt is something in a line that probably does not arrive as its author meant it.
type Doubt struct {
	ID   string // see hook.Warning
	Text string // without what [Line.Shown] hides
}

// named is a variable, wherever it stands.
var named = pattern{text: `\$(?:\w+|\(\w+\)|\{\w+\})`}

// typed tells whether a header says what the body is.
func (l *Line) typed() bool {
	return slices.ContainsFunc(l.Options, func(o Option) bool {
		return o.Key == "header" && strings.HasPrefix(strings.ToLower(o.Value), "content-type:")
	})
}

// Doubts are about quotes that are taken away, about variables in single quotes or in a shell's script, and about shell syntax where
// there is no shell. set tells whether there is such a variable.
func (l *Line) Doubts(set func(name string) bool) (all []Doubt) {
	doubt := func(id, format string, args ...any) { all = append(all, Doubt{id, fmt.Sprintf(format, args...)}) }
	words := func(key string, w *Word) {
		value := Begun(strings.TrimPrefix(w.shown(true), key))
		if w.unquoted {
			right := "'" + value + "'"
			if len(w.variables) > 0 || strings.Contains(value, "'") {
				right = double(value)
			}
			doubt("quotes-misplaced", `%s%s: quotes are taken away, as in a shell, and %s arrives: write %s%s`, key, value, strings.ReplaceAll(value, `"`, ""), key, right)
		}
		if w.Bare() && (strings.ContainsAny(w.Text, "“„‘") || strings.HasPrefix(value, "”")) {
			doubt("quotes-misplaced", "%s%s: typographic quotes are letters like others here: write \" or '", key, value)
		}
		if !strings.Contains(w.single, "$") { // nearly always; then the pattern is not compiled
			return
		}
		for _, found := range named.regexp().FindAllString(w.single, -1) {
			name := strings.Trim(found, "$(){}")
			if (set(name) || slices.Contains(l.scope.Given, name)) && (!l.raw || strings.HasPrefix(found, "$(")) {
				doubt("quotes-misplaced", "%s stays as it is written, since single quotes keep a dollar: for the variable's value write it outside of them, or in double quotes", Begun(found))
			}
		}
	}
	for n := range l.Options {
		o := &l.Options[n]
		words(o.Key+"=", &o.Word)
		inside := strings.TrimLeft(o.Value, "{ ")
		if key := identifier(inside); o.Key == "body" && !o.unquoted && o.Value[:len(o.Value)-len(inside)] != "" && key > 0 && strings.HasPrefix(inside[key:], ":") && !l.typed() {
			doubt("quotes-misplaced", `body= is no JSON, since its keys have no quotes, which a shell may have taken away: write body='{"a": 1}'`)
		}
	}
	for n := range l.Targets {
		w := &l.Targets[n]
		words("", w)
		rest := strings.TrimLeft(w.Text, "0123456789")
		changed := slices.IndexFunc(w.variables, func(v variable) bool {
			return v.to-v.from < len(w.Text) && strings.ContainsAny(w.Text[v.from:v.to], " \t\r\n|&;<>()$`\\\"'*?[#~!{")
		})
		switch {
		case changed >= 0 && l.raw && n > 1 && shellsOption.regexp().MatchString(path.Base(l.Targets[n-2].Text)+" "+l.Targets[n-1].Text):
			doubt("value-in-script", "the shell reads the value of $(%s) as a part of its script: in single quotes the shell takes the variable itself, as in sh -c 'echo \"$%[1]s\"'", w.variables[changed].name)
		case !w.Bare() || l.raw && (n == 0 || path.Base(l.Targets[0].Text) == "find"):
		case l.raw && rest != "" && (strings.IndexByte("|&;<>#", rest[0]) >= 0 || rest == `\` || strings.HasSuffix(rest, ";") || strings.Contains(rest, "`")):
			doubt("shell-syntax-without-shell", "%s runs no shell, and the program gets %s as an argument: %s sh -c '…' runs one", l.Verb.Text, Quoted(w.shown(true)), l.Verb.Text)
		case strings.HasPrefix(w.Text, "~/"), strings.Contains(w.Text, "*") && (l.raw && !strings.HasPrefix(w.Text, "-") && !strings.Contains(w.Text, "://") || strings.HasPrefix(w.Text, "/")):
			doubt("glob-without-shell", "no shell replaces %s by the names of files, and it stays as it is: exec sh -c '…' runs one; single quotes around the word say that it is meant so", Quoted(w.shown(true)))
		}
	}
	return all
}

// shellsOption is a shell and the option before its script.
var shellsOption = pattern{text: `^(?:a|ba|da|k|z)?sh -[a-z]*c$`}
