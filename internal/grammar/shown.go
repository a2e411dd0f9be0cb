package grammar

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/prestop/prestop/internal/phrase"
)

// A pattern is a regular expression that is compiled when it is first asked for. Most hooks need none of them.
type pattern struct {
	text     string
	once     sync.Once
	compiled *regexp.Regexp
}

func (p *pattern) regexp() *regexp.Regexp {
	p.once.Do(func() { p.compiled = regexp.MustCompile(p.text) })
	return p.compiled
}

// tells is [tellingWords] for what is no header and no parameter.
const tells = `(?:auth|token|key|secret|passw|pwd|cookie|session|credential)`

const schemes = `(?i:bearer|basic|apikey|token|digest|negotiate|splunk)\s`

// Where a secret may stand in a line as it was written.
var (
	userinfoPattern  = pattern{text: `://[^/?#]*@`}
	parameterPattern = pattern{text: `([?&][^=&]*=)([^&#]*)`}
	// expandedPattern is a parameter in a text whose words are known. It ends with its word: a script may go on behind it.
	expandedPattern = pattern{text: `([?&][^=&\s'"]*=)([^&#\s'"]*)`}
	// assignedPattern is in a body, or in a program's argument: a telling name and its value, as in "password": "x", --token x and Key=x.
	assignedPattern = pattern{text: `(?i)([a-z0-9_-]*` + tells + `[a-z0-9_-]*\\*['"]?\s*[:=]\s*|-[a-z0-9_-]*` + tells + `[a-z0-9_-]*\s+)(\\*['"]?(?:(?:bearer|basic|apikey)\s+)?[^\s'"&,;}\\]+)`}
	// sentPattern is a header in a program's argument.
	sentPattern = pattern{text: `(?i)((?:-H|--header)[= ]?\s*\\*['"]?|^)([a-z0-9-]+)(:\s*)([^'"\\]+)`}
	// flagPattern is an argument whose value is the next one.
	flagPattern = pattern{text: `(?i)^(-[a-z0-9_-]*` + tells + `[a-z0-9_-]*|-u|--user)$`}
	// piecePattern is a variable, a scheme, or what else stands between blanks and quotes.
	piecePattern = pattern{text: `\$\w+|\$\(\w+\)|\$\{\w+\}|` + schemes + `|[^\s$]+|\$`}
	// wholePattern is a scheme, or a word of a text whose variables are expanded. A dollar there is a dollar.
	wholePattern = pattern{text: schemes + `|\S+`}
)

// Shown is the text of the line without what may be a secret in its own place: userinfo, and the values of headers and query parameters
// that are written out in the line. Variables are shown as they were written. text is what [Split] has read.
func (l *Line) Shown(text string) string {
	type shown struct{ written, text string }
	at := map[int]shown{} // by where a word begins
	for n := range l.Targets {
		at[l.Targets[n].Column-1] = shown{l.Targets[n].Written, l.Targets[n].shownAfter(l.before(n))}
	}
	for n := range l.Options {
		o := &l.Options[n]
		at[o.Column-1] = shown{o.Written, o.shown()}
	}
	var out strings.Builder
	for n := 0; n < len(text); {
		w := at[n]
		if w.written == "" {
			w = shown{text[n : n+1], text[n : n+1]}
		}
		out.WriteString(w.text)
		n += len(w.written)
	}
	return out.String()
}

// before is the argument before target n. Empty: target n is the first.
func (l *Line) before(n int) string {
	if n == 0 {
		return ""
	}
	return l.Targets[n-1].Text
}

// shownAfter is a target as the line shows it. The argument before it may say that it is a header, or something secret.
func (w *Word) shownAfter(before string) string {
	switch {
	case strings.HasPrefix(before, "-") && flagPattern.regexp().MatchString(before) && (!strings.EqualFold(before, "-u") || strings.Contains(w.Text, ":")):
		return w.literal(w.Written, func(s string) bool { return isPath(s) || s[0] == '-' })
	case before == "-H" || before == "--header" || strings.Contains(w.Text, "-H") || strings.Contains(w.Text, "--header"):
		return sentPattern.regexp().ReplaceAllStringFunc(w.shown(), func(found string) string {
			part := sentPattern.regexp().FindStringSubmatch(found)
			name, value := part[2], part[4]
			return part[1] + name + part[3] + w.literal(value, func(s string) bool { return s == stars || !telling(name) && plain(name, s) })
		})
	}
	return w.shown()
}

// shown is a target, or a word in a doubt. It hides most, since anything may stand in the argument of a program.
func (w *Word) shown() string { return w.shownIn(true) }

// shown is the option as the line shows it.
func (o *Option) shown() string { return o.shownIn(o.Key == "body" && !o.Begins("@")) }

// shownIn is the word as the line shows it. free: it is a body or a program's argument, where a secret may stand behind any telling name.
func (w *Word) shownIn(free bool) string {
	text := w.Written
	literal := func(field, value string) string {
		return w.literal(value, func(s string) bool { return !telling(field) && plain(field, s) })
	}
	if option, isHeader := strings.CutPrefix(text, "header="); isHeader {
		if field, value, ok := strings.Cut(option, ":"); ok {
			return strings.TrimSuffix(text, value) + literal(strings.Trim(field, `'"`), value)
		}
	}
	if strings.Contains(w.Text, "@") && userinfoPattern.regexp().MatchString(w.Text) {
		if !userinfoPattern.regexp().MatchString(text) {
			return stars
		}
		text = userinfoPattern.regexp().ReplaceAllStringFunc(text, func(found string) string {
			return "://" + w.literal(strings.TrimSuffix(found[len("://"):], "@"), func(s string) bool { return s == ":" }) + "@"
		})
	}
	if strings.Contains(w.Text, ":/") && strings.ContainsAny(text, "?&") { // http+unix:/run/app.sock:/x too
		parameters := &parameterPattern
		if w.hides != nil {
			parameters = &expandedPattern
		}
		text = parameters.regexp().ReplaceAllStringFunc(text, func(found string) string {
			part := parameters.regexp().FindStringSubmatch(found)
			return part[1] + literal(part[1], part[2])
		})
	}
	if !free {
		return text
	}
	return w.assigned(text)
}

// assigned is a part of the word without the values that stand behind telling names.
func (w *Word) assigned(text string) string {
	if !telling(text) {
		return text
	}
	return assignedPattern.regexp().ReplaceAllStringFunc(text, func(found string) string {
		part := assignedPattern.regexp().FindStringSubmatch(found)
		return part[1] + w.literal(part[2], isPath)
	})
}

// isPath tells whether a value names a file, or nothing: --token-file=/x, key: {}.
func isPath(text string) bool { return strings.ContainsAny(text[:1], "/@.{[<") }

const stars = "***"

// literal hides each piece of a value that is written out in the line, except what may be shown.
func (w *Word) literal(value string, may func(string) bool) string {
	const quotes = `\'"`
	pieces := &piecePattern
	if w.hides != nil {
		pieces = &wholePattern
	}
	value = pieces.regexp().ReplaceAllStringFunc(value, func(found string) string {
		isVariable := found[0] == '$' && len(found) > 1 && len(w.variables) > 0 && !strings.ContainsAny(w.Written, `'\`) && !strings.Contains(w.Written, "$$")
		isScheme := strings.TrimRight(found, " \t") != found
		bare := strings.Trim(found, quotes)
		if isVariable || isScheme || bare == "" || may(bare) {
			return found
		}
		if w.hides != nil {
			w.hides(bare)
		}
		return strings.Replace(found, bare, stars, 1)
	})
	for strings.Contains(value, stars+stars) {
		value = strings.ReplaceAll(value, stars+stars, stars)
	}
	return value
}

// hideShown declares what [Line.Shown] hides in a body, or in a program's argument after the argument before.
func (l *Line) hideShown(w *Word, before string) {
	if strings.Contains(w.Text, "@") {
		for _, found := range userinfoPattern.regexp().FindAllString(w.Text, -1) {
			user := strings.TrimSuffix(found[len("://"):], "@")
			_, password, _ := strings.Cut(user, ":")
			l.hide(user)
			l.hide(password)
		}
	}
	expanded := &Word{Text: w.Text, Written: w.Text, hides: func(piece string) {
		if !slices.ContainsFunc(l.secrets, func(known Secret) bool { return known.Text == piece }) {
			l.hideField(&Word{Text: piece}, "")
		}
	}}
	expanded.shownAfter(before)
	expanded.assigned(w.Text) // what stands before an @ may be hidden as one piece
}

// A line that cannot be read may have a secret in a URL, after a word that sounds like a secret, in what somebody takes for a comment,
// and in a parameter of any name.
var (
	unclear = []*pattern{
		{text: `(?s)://(.*)@`},
		{text: `(?:^|[\s/=])[^\s/:@]+:([^\s/]\S*)@`}, // a URL without its scheme
		{text: `(?is)(?:` + tells + `[a-z-]*['"]?[:= ]|\s-u|--user[= ]|\s#)(.*)`},
		{text: `(?is)=['"]?[a-z0-9-]+:\s*([^/\s].*)`}, // a header
	}
	wordPattern = pattern{text: `[^\s'"]+`}

	anyParameterPattern = pattern{text: `[?&][^=&\s'"]*=[^&\s'"]+`}
)

// PerhapsSecret is every word of what may be a secret in a line that cannot be read, and the parts of each word. names are the words of the
// language, such as timeout. A name is no secret, and neither is what resembles a name and stands before an equals sign.
func PerhapsSecret(line string, names []string) (all []string) {
	perhapsSecret(line, names, func(value, separators string) string {
		all = append(all, value)
		all = append(all, strings.FieldsFunc(value, func(c rune) bool { return strings.ContainsRune(separators, c) })...)
		return value
	})
	return all
}

// ShownUnreadable is a line that cannot be read without the words that [PerhapsSecret] finds.
func ShownUnreadable(line string, names []string) string {
	return perhapsSecret(line, names, func(string, string) string { return stars })
}

// perhapsSecret is the line with something else in place of each value that may be a secret. instead also gets what separates the parts of
// the value.
func perhapsSecret(line string, names []string, instead func(value, separators string) string) string {
	ofWord := func(w string) string {
		name, value := cutName(w, names)
		if value == "" {
			return name
		}
		return name + instead(value, ":=?&;")
	}
	for _, where := range unclear {
		if found := where.regexp().FindStringSubmatchIndex(line); found != nil {
			begin, end := found[2], found[3]
			line = line[:begin] + wordPattern.regexp().ReplaceAllStringFunc(line[begin:end], ofWord) + line[end:]
		}
	}
	return anyParameterPattern.regexp().ReplaceAllStringFunc(line, func(found string) string {
		if name, value := cutParameter(found); value != "" {
			return name + instead(value, "")
		}
		return found
	})
}

// cutParameter cuts a parameter of a query behind its equals sign. The value is empty if everybody may read it.
func cutParameter(parameter string) (name, value string) {
	at := strings.IndexByte(parameter, '=') + 1
	name, value = parameter[:at], parameter[at:]
	if plain(name[:at-1], value) || strings.HasPrefix(value, "$") {
		value = ""
	}
	return name, value
}

// cutName cuts a word behind the name of an option, or behind a mistyped one with its equals sign. A word that is a name has nothing else.
func cutName(w string, names []string) (name, value string) {
	if slices.Contains(names, w) {
		return w, ""
	}
	if at := strings.IndexByte(w, '=') + 1; at > 0 && phrase.Nearest(w[:at-1], names) != "" {
		return w[:at], w[at:]
	}
	return "", w
}
