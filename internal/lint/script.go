package lint

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"mvdan.cc/sh/v3/syntax"
)

// A script is what a hook's command runs, as far as it is known.
type script struct {
	shell    string // the shell's path; empty: none
	text     string // what the shell is given
	file     string // where the script is; empty: it is the text
	commands []command
	branches bool          // whether, or how often, each command is run is not known
	source   string        // where its text is from, as "key stop.sh of ConfigMap web"; empty: it stands in the hook
	lost     int           // the first word that is no part of the script; 0: none is lost
	within   time.Duration // it is ended then, as by timeout; 0: it ends by itself
}

// A command is a simple one.
type command struct {
	words      []string      // quotes removed, variables as they are written
	within     time.Duration // it is ended then, as by timeout; 0: it ends by itself
	background bool
	otherwise  bool // it runs only where another failed, as after ||
	times      int  // how often it is run, as far as that is known
}

func (c command) program() string {
	if len(c.words) == 0 {
		return ""
	}
	return path.Base(c.words[0])
}

// only is the one command of a script, which is run once; false: the script does more, or less.
func (s script) only() (c command, ok bool) {
	if len(s.commands) != 1 || s.branches {
		return command{}, false
	}
	return s.commands[0], true
}

var shells = []string{"sh", "bash", "ash", "dash", "zsh", "ksh"}

// scriptOf takes the words of a command apart.
func scriptOf(words []string) script {
	if len(words) == 0 {
		return script{}
	}
	c := started(words)
	if !slices.Contains(shells, c.program()) {
		r := reader{functions: map[string]function{}}
		r.call(words, passage{times: 1})
		return script{file: words[0], commands: r.commands, branches: r.branches}
	}
	s := scriptWords(c.words)
	s.within = c.within
	if skipped := len(words) - len(c.words); s.lost > 0 {
		s.lost += skipped
	}
	if s.text != "" {
		s.commands, s.branches = simpleCommands(s.text, c.words)
	}
	return s
}

// scriptWords takes the words of a shell apart, without a look into its script.
func scriptWords(words []string) script {
	s := script{shell: words[0]}
	for i, word := range words[1:] {
		switch next := i + 2; {
		case isScriptOption(word) && next < len(words):
			for last := ""; next+1 < len(words) && last != "--" && strings.HasPrefix(words[next], "-"); next++ {
				last = words[next] // more options: the script is the first word that is none
			}
			s.text = words[next]
			if next+1 < len(words) {
				s.lost = next + 1
			}
			return s
		case !strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "+") && !takesName.MatchString(words[i]):
			s.file = word
			return s
		}
	}
	return s
}

// takesName matches options of shells whose next word is the name of an option, as -o pipefail.
var takesName = regexp.MustCompile(`^[-+][A-Za-z]*[oO]$`)

// endsAtFailure matches options by which a shell ends at the first command that fails.
var endsAtFailure = regexp.MustCompile(`^(?:-[A-Za-z]*e[A-Za-z]*|errexit)$`)

// isScriptOption tells whether the next word is a script, as after -c and -ec.
func isScriptOption(word string) bool {
	return strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.Contains(word, "c")
}

// longestScript is the greatest length of one word of a command that Linux takes, in bytes (MAX_ARG_STRLEN).
const longestScript = 128 << 10

// simpleCommands are the simple commands of a script that the words of a shell start, as far as they are run. Nothing is known of a script
// that no shell can read.
func simpleCommands(text string, shell []string) (commands []command, branches bool) {
	r := reader{functions: map[string]function{}, strict: slices.ContainsFunc(shell, endsAtFailure.MatchString)}
	r.read(text, passage{times: 1})
	return r.commands, r.branches
}

// A reader collects the commands of a script. Functions and the scripts of shells in the script are read where they are called.
type reader struct {
	commands  []command
	branches  bool
	functions map[string]function
	called    int    // how many functions and scripts have been read
	loops     int    // how many loops have been read
	strict    bool   // the shell ends at the first command that fails
	over      string // the command that ended the script, or the function; empty: neither has ended
}

// A function is its body, and the text in which the body stands.
type function struct {
	body *syntax.Stmt
	text string
}

// mostRounds is how often a loop is taken to run at most. It stands for a loop without an end.
const mostRounds = 1 << 20

// mostCalled is how many functions and scripts of one script are read, and of how many of its loops it is known how often they are run.
const mostCalled = 100

// A passage is a part of a script, as it is run.
type passage struct {
	text                  string
	background, otherwise bool
	maybe                 bool // it may be left out
	times                 int  // how often it is run, as far as that is known
}

// read reads a script's text.
func (r *reader) read(text string, now passage) {
	if len(text) >= longestScript {
		r.branches = true
		return
	}
	file, err := parseScript(text)
	if err != nil {
		r.branches = true
		return
	}
	now.text = text
	r.walk(file, now)
}

func parseScript(text string) (*syntax.File, error) {
	return syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
}

// hasWindowsLines tells whether a line ends with a carriage return, outside of quotes. In quotes it is a part of a text, such as a request.
func (s script) hasWindowsLines() bool {
	if !strings.Contains(s.text, "\r\n") {
		return false
	}
	rest := []byte(s.text)
	if file, err := parseScript(s.text); err == nil {
		syntax.Walk(file, func(n syntax.Node) bool {
			switch n.(type) {
			case *syntax.SglQuoted, *syntax.DblQuoted:
				clear(rest[n.Pos().Offset():n.End().Offset()])
				return false
			}
			return true
		})
	}
	return bytes.Contains(rest, []byte("\r\n"))
}

// syntax is what is wrong with the script's text in each language of shells; nil: one of them may read it.
func (s script) syntax() error {
	first, _, _ := strings.Cut(s.text, "\n")
	if s.text == "" || len(s.text) >= longestScript || path.Base(s.shell) == "zsh" || strings.HasPrefix(first, "#!") && strings.Contains(first, "zsh") {
		return nil
	}
	text := s.text
	if s.source == "" {
		text = strings.ReplaceAll(text, "$$", "$") // as the kubelet gives it to the shell
	}
	_, err := parseScript(text)
	for _, language := range []syntax.LangVariant{syntax.LangPOSIX, syntax.LangMirBSDKorn} {
		if err != nil {
			if _, other := syntax.NewParser(syntax.Variant(language)).Parse(strings.NewReader(text), ""); other == nil {
				return nil
			}
		}
	}
	if err != nil && containsAny(err.Error(), "arithmetic", "expression", "here-document") { // shells read more of these than the parser does
		return nil
	}
	return err
}

// walk reads a part of a script.
func (r *reader) walk(part syntax.Node, now passage) {
	if r.over != "" {
		return
	}
	switch part := part.(type) {
	case *syntax.BinaryCmd:
		r.walk(part.X, now.where(part.Op == syntax.Pipe || part.Op == syntax.PipeAll))
		now.otherwise = now.otherwise || part.Op == syntax.OrStmt
		r.walk(part.Y, now.where(true))
	case *syntax.FuncDecl:
		if part.Name == nil { // which no shell but zsh has
			r.branches = true
			return
		}
		r.functions[part.Name.Value] = function{part.Body, now.text}
	case *syntax.CallExpr:
		if len(part.Args) > 0 {
			r.call(wordsOf(now.text, part.Args), now)
		}
	case *syntax.Word: // what is run inside of a word is not looked at
	default:
		r.walkInside(part, now)
	}
}

// walkInside reads what a part of a script consists of.
func (r *reader) walkInside(part syntax.Node, now passage) {
	switch part := part.(type) {
	case *syntax.Stmt:
		now.background = now.background || part.Background || part.Coprocess
		now = now.where(now.background)
	case *syntax.Subshell:
		now.maybe = true // an exit ends it alone
	case *syntax.ForClause:
		r.branches = true
		now.times, now.maybe = min(now.times*r.rounds(part, now.text), mostRounds), true
	case *syntax.WhileClause:
		r.branches = true
		now = now.where(true)
		now.times = max(r.turns(part, now.text), 1)
	case *syntax.IfClause, *syntax.CaseClause:
		r.branches = true
		now = now.where(true)
	}
	syntax.Walk(part, func(inside syntax.Node) bool {
		if inside != nil && inside != part {
			r.walk(inside, now)
		}
		return inside == part
	})
}

// where is the passage, or if it may be left out, one of which it is not known how often it is run.
func (p passage) where(maybe bool) passage {
	if maybe {
		p.maybe, p.times = true, 1
	}
	return p
}

// call reads a simple command.
func (r *reader) call(words []string, now passage) {
	if f, ok := r.functions[words[0]]; ok && r.called < mostCalled {
		r.callFunction(words[0], f, now)
		return
	}
	c := started(words)
	c.background, c.otherwise, c.times = now.background, now.otherwise, now.times
	r.commands = append(r.commands, c)
	if text, ok := c.inner(); ok && c.within == 0 && r.called < mostCalled {
		r.called++
		functions := r.functions
		if c.program() != "eval" {
			r.functions = map[string]function{}
			now.maybe = true // an exit ends it alone
		}
		r.read(text, now)
		r.functions = functions
	}
	if !now.maybe && (words[0] == "exit" || words[0] == "return" || words[0] == "exec" && len(words) > 1) {
		r.over = words[0]
	}
}

func (r *reader) callFunction(name string, f function, now passage) {
	r.called++
	delete(r.functions, name) // it may call itself
	now.text = f.text
	r.walk(f.body, now)
	r.functions[name] = f
	if r.over == "return" {
		r.over = ""
	}
}

// inner is the script that a command starts, by a shell, by su or by eval.
func (c command) inner() (text string, ok bool) {
	switch program := c.program(); {
	case program == "eval":
		return strings.Join(c.words[1:], " "), true
	case slices.Contains(shells, program):
		s := scriptWords(c.words)
		return s.text, s.text != "" && s.lost == 0
	case program == "su" || program == "runuser":
		if i := slices.IndexFunc(c.words, func(word string) bool { return word == "-c" || word == "--command" }); i > 0 && i+1 < len(c.words) {
			return c.words[i+1], true
		}
	}
	return "", false
}

// A starter is a program that starts another, which its operands name.
type starter struct {
	valued   string // the letters of the options that take the next word as a value
	operands int    // how many words stand between the options and the program
}

var starters = map[string]starter{
	"busybox": {}, "chroot": {"", 1}, "chrt": {"TPD", 1}, "command": {}, "dumb-init": {"r", 0}, "env": {"uCS", 0}, "exec": {"a", 0}, "gosu": {"", 1},
	"ionice": {"cn", 0}, "nice": {"n", 0}, "nohup": {}, "runuser": {"ugG", 0}, "setsid": {}, "stdbuf": {"ioe", 0}, "su-exec": {"", 1}, "sudo": {"CDghpRrTtUu", 0},
	"taskset": {"", 1}, "tini": {"pe", 0}, "timeout": {"ks", 1},
}

// started is the command that a line runs in the end, behind exec, env, timeout and the like.
func started(words []string) command {
	c := command{words: words}
	for {
		s, ok := starters[c.program()]
		if !ok {
			return c
		}
		rest := s.withoutOptions(c.words[1:])
		if c.program() == "runuser" && !slices.Contains(c.words, "-u") {
			return c
		}
		if len(rest) <= s.operands || c.program() == "command" && strings.HasPrefix(strings.ToLower(c.words[1]), "-v") {
			return c
		}
		limit := sleepTime(rest[0])
		if strings.Contains(rest[0], "$") {
			limit = 1 // it is not known: a sleep within it is none to speak of
		}
		if c.program() == "timeout" && limit > 0 {
			c.within = atMost(limit, c.within)
		}
		c.words = rest[s.operands:]
	}
}

// withoutOptions are the words after a starter's options and settings.
func (s starter) withoutOptions(words []string) []string {
	for len(words) > 0 && (len(words[0]) > 1 && words[0][0] == '-' || isAssignment(words[0])) {
		option := words[0]
		words = words[1:]
		if option == "--" {
			break
		}
		if last := option[len(option)-1:]; len(option) == 2 && strings.Contains(s.valued, last) && len(words) > 0 {
			words = words[1:]
		}
	}
	return words
}

// isAssignment tells whether a word gives a variable a value, as env takes them.
func isAssignment(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	return ok && syntax.ValidName(name)
}

func wordsOf(text string, words []*syntax.Word) []string {
	all := make([]string, 0, len(words))
	for i, w := range words {
		if i > 0 && path.Base(all[0]) == "sleep" && literal(w) {
			all = append(all, written(text, w)) // with its quotes, since it is no variable
			continue
		}
		all = append(all, unquoted(text, w.Parts))
	}
	return all
}

// literal tells whether a dollar of a word is in single quotes, where a shell expands nothing.
func literal(word *syntax.Word) bool {
	return slices.ContainsFunc(word.Parts, func(part syntax.WordPart) bool {
		quoted, ok := part.(*syntax.SglQuoted)
		return ok && !quoted.Dollar && strings.Contains(quoted.Value, "$")
	})
}

// A backslash and the character that it quotes, outside of quotes and in double quotes. Before the end of a line both are nothing.
var (
	escape       = regexp.MustCompile(`\\(?:\n|((?s:.)))`)
	quotedEscape = regexp.MustCompile("\\\\(?:\n|([\"\\\\$`]))")
)

// unquoted are the parts of a word without their quotes. What a shell would expand stays as it is written.
func unquoted(text string, parts []syntax.WordPart) string {
	var b strings.Builder
	for _, part := range parts {
		switch part := part.(type) {
		case *syntax.Lit:
			b.WriteString(escape.ReplaceAllString(part.Value, "$1"))
		case *syntax.SglQuoted:
			b.WriteString(part.Value)
		case *syntax.DblQuoted:
			for _, inside := range part.Parts {
				if lit, ok := inside.(*syntax.Lit); ok {
					b.WriteString(quotedEscape.ReplaceAllString(lit.Value, "$1"))
				} else {
					b.WriteString(written(text, inside))
				}
			}
		default:
			b.WriteString(written(text, part))
		}
	}
	return b.String()
}

func written(text string, n syntax.Node) string { return text[n.Pos().Offset():n.End().Offset()] }
