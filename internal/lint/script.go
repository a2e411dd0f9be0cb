package lint

import (
	"bytes"
	"cmp"
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
	strict   bool          // the shell ends at the first command that fails
	plain    bool          // the shell may take a word with braces, as {1..9}, as it is written
	parsed   *syntax.File  // the text; nil: there is none, or it cannot be read
	err      error         // why the text cannot be read
}

// A command is a simple one.
type command struct {
	words    []string      // quotes removed, variables as they are written
	operands []string      // how long it sleeps, as the shell expands the words; empty: that is not known
	within   time.Duration // it is ended then, as by timeout; 0: it ends by itself
	fed      bool          // xargs gives it words that it reads
	joined   bool          // a wait comes after it, and it is in the background
	rest     bool          // it may sleep the rest of a time, of which earlier sleeps are a part
	least    time.Duration // of prestop beside other commands: how long it lasts at least
	most     time.Duration // and at most
	passage
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

// scriptOf takes the words of a command apart, in an environment.
func scriptOf(words []string, env environment) script {
	if len(words) == 0 {
		return script{}
	}
	c := started(words)
	if !slices.Contains(shells, c.program()) {
		r := newReader("", env)
		r.call(words, nil, passage{times: 1})
		return script{file: words[0], commands: r.commands, branches: r.branches}
	}
	s := scriptWords(c.words)
	s.within = c.within
	skipped := words[:len(words)-len(c.words)]
	if s.lost > 0 {
		s.lost += len(skipped)
	}
	if s.text != "" {
		s.read(env.startedBy(skipped))
	}
	return s
}

// An option is one of a program's.
type option struct {
	name  string // a letter, with a plus where that stands before it, or a long name
	value string // of a letter that takes one, or after the = of a name
	next  string // the next word
}

// optionsOf takes the options before the operands of a program. valued are the letters that take a value.
func optionsOf(words []string, valued string) (all []option, operands []string) {
	for len(words) > 0 && len(words[0]) > 1 && (words[0][0] == '-' || words[0][0] == '+') {
		word, next := words[0], ""
		if words = words[1:]; len(words) > 0 {
			next = words[0]
		}
		name, long := strings.CutPrefix(word, "--")
		if word == "--" {
			break
		}
		if long {
			name, value, _ := strings.Cut(name, "=")
			all = append(all, option{name, value, next})
			continue
		}
		for i := 1; i < len(word); i++ {
			letter := word[i : i+1]
			o := option{strings.Trim(word[:1], "-") + letter, "", next}
			if strings.Contains(valued, letter) {
				if o.value, i = word[i+1:], len(word); o.value == "" && len(words) > 0 {
					o.value, words = next, words[1:]
				}
			}
			all = append(all, o)
		}
	}
	return all, words
}

// optionsAmong takes the options of a program whose operands may stand before them. The program is among the operands.
func optionsAmong(words []string, valued string) (all []option, operands []string) {
	for len(words) > 0 {
		var more []option
		operands = append(operands, words[0])
		more, words = optionsOf(words[1:], valued)
		all = append(all, more...)
	}
	return all, operands
}

// scriptWords takes the words of a shell apart, without a look into its script.
func scriptWords(words []string) script {
	options, operands := optionsOf(words[1:], "oO")
	s := script{shell: words[0], strict: strict(options)}
	switch {
	case len(operands) == 0:
	case !slices.ContainsFunc(options, func(o option) bool { return o.name == "c" }):
		s.file = operands[0]
	default:
		s.text = operands[0]
		if len(operands) > 1 {
			s.lost = len(words) - len(operands) + 1
		}
	}
	return s
}

// strict tells whether a shell with these options ends at the first command that fails.
func strict(options []option) bool {
	return slices.ContainsFunc(options, func(o option) bool { return o.name == "e" || o.name == "o" && o.value == "errexit" })
}

// isScriptOption tells whether the next word is a script, as after -c and -ec.
func isScriptOption(word string) bool {
	return strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.Contains(word, "c")
}

// longestScript is the greatest length of one word of a command that Linux takes, in bytes (MAX_ARG_STRLEN).
const longestScript = 128 << 10

// read reads the simple commands of the script, as far as its shell runs them. Nothing is known of a script that no shell can read.
func (s *script) read(env environment) {
	r := newReader(s.shell, env)
	r.strict = s.strict
	s.parsed, s.err = r.readWhole(s.text, passage{times: 1})
	s.commands, s.branches, s.plain = r.commands, r.branches, r.plain()
}

// A reader collects the commands of a script, in the order in which they are run. Functions and the scripts of shells in the script are read
// where they are called.
type reader struct {
	commands  []command
	branches  bool
	functions map[string]function
	strict    bool   // the shell ends at the first command that fails
	over      string // the command that ended the script, or the function; empty: neither has ended
	trap      string // what the shell does when it ends
	trapped   passage

	shell  string // empty: none
	env    environment
	scope  *scope
	lost   bool            // what is not read here may have set any variable
	unsure bool            // package expand has asked for a variable whose value is not known
	clock  time.Duration   // of a loop that is followed
	timed  bool            // the time was asked for, or what depends on it
	byTime bool            // what was expanded last depends on the time
	ofTime map[string]bool // variables that depend on the time
	lasts  time.Duration   // how long the loop lasts that was just followed; 0: it does not look at the time
	moved  bool            // what the scope has set, or the time, was asked for
	left   int             // how much is still read
}

func newReader(shell string, env environment) *reader {
	return &reader{functions: map[string]function{}, ofTime: map[string]bool{}, shell: shell, env: env, scope: &scope{set: map[string]string{}}, left: mostRead}
}

// A function is its body, and the text in which the body stands.
type function struct {
	body *syntax.Stmt
	text string
}

// A passage is a part of a script, as it is run.
type passage struct {
	text       string
	background bool
	otherwise  bool           // it is run only where another part failed, as after ||
	maybe      bool           // it may be left out
	mute       bool           // its input never ends and says nothing
	input      []*syntax.Word // what is piped into it
	times      int            // how often it is run, as far as that is known
	upTo       int            // how often at most, if no loop is left before its end; 0: that is not known
	lasts      time.Duration  // how long the loops around it last by the clock; 0: they do not look at it
}

// readWhole reads a script, and what its shell does in the end by trap … EXIT.
func (r *reader) readWhole(text string, now passage) (file *syntax.File, err error) {
	trap, trapped := r.trap, r.trapped
	r.trap = ""
	file, err = r.read(text, now)
	if r.trap != "" && r.over != "exec" {
		r.over = ""
		r.read(r.trap, r.trapped)
	}
	r.trap, r.trapped = trap, trapped
	return file, err
}

// plain tells whether the shell may expand no braces: dash and busybox do not, and are sh in most images.
func (r *reader) plain() bool {
	return slices.Contains([]string{"sh", "dash", "ash"}, path.Base(r.shell))
}

// read reads a script's text, and what it consists of.
func (r *reader) read(text string, now passage) (file *syntax.File, err error) {
	file, err = syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	if err != nil {
		file = nil
	}
	if err != nil || len(text) >= longestScript || !r.affords(file) {
		r.branches = true
		return file, err
	}
	now.text = text
	first, _, _ := strings.Cut(text, "\n")
	if line, says := strings.CutPrefix(first, "#!"); says && strings.TrimSpace(line) != "" {
		words := started(strings.Fields(line)).words
		options, _ := optionsOf(words[1:], "o")
		r.shell, r.strict = cmp.Or(r.shell, words[0]), r.strict || strict(options)
	}
	r.walk(file, now)
	return file, nil
}

// braced is the first word that only some shells take for several words, as {1..9}; empty: there is none.
func (s script) braced() (text string) {
	if !s.plain || s.parsed == nil {
		return ""
	}
	syntax.Walk(s.parsed, func(n syntax.Node) bool {
		if word, ok := n.(*syntax.Word); ok && text == "" && bracesIn(word) {
			text = s.text[word.Pos().Offset():word.End().Offset()]
		}
		return text == ""
	})
	return text
}

// bracesIn tells whether bash takes a word for several words, as {1..9}.
func bracesIn(word *syntax.Word) bool {
	split := *word
	isBraces := func(part syntax.WordPart) bool { _, ok := part.(*syntax.BraceExp); return ok } // {} is none
	return syntax.SplitBraces(&split) && slices.ContainsFunc(split.Parts, isBraces)
}

// hasWindowsLines tells whether a line ends with a carriage return, outside of quotes. In quotes it is a part of a text, such as a request.
func (s script) hasWindowsLines() bool {
	if !strings.Contains(s.text, "\r\n") {
		return false
	}
	rest := []byte(s.text)
	if s.parsed != nil {
		syntax.Walk(s.parsed, func(n syntax.Node) bool {
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
	err := s.err
	for _, language := range []syntax.LangVariant{syntax.LangPOSIX, syntax.LangMirBSDKorn} {
		if err != nil {
			if _, other := syntax.NewParser(syntax.Variant(language)).Parse(strings.NewReader(s.text), ""); other == nil {
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
	if r.over != "" || r.setBy(part) {
		return
	}
	switch part := part.(type) {
	case *syntax.BinaryCmd:
		if part.Op == syntax.Pipe || part.Op == syntax.PipeAll { // the last part sets variables in some shells
			r.within(func() { r.walk(part.X, now.where(true)) })
			now.input = []*syntax.Word{{Parts: []syntax.WordPart{&syntax.CmdSubst{Stmts: []*syntax.Stmt{part.X}}}}}
			r.within(func() { r.walk(part.Y, now.where(true)) })
			r.sets(part.Y)
			return
		}
		r.walk(part.X, now)
		now.otherwise = now.otherwise || part.Op == syntax.OrStmt
		r.perhaps(func() { r.walk(part.Y, now.where(true)) })
	case *syntax.FuncDecl:
		if part.Name == nil { // which no shell but zsh has
			r.branches = true
			return
		}
		r.functions[part.Name.Value] = function{part.Body, now.text}
	case *syntax.CallExpr:
		for _, a := range part.Assigns { // for the command alone
			r.sets(a)
		}
		r.call(wordsOf(now.text, part.Args), part.Args, now)
		if !r.onlyExpands(part) {
			r.sets(part)
		}
	case *syntax.Word: // what is run inside of a word is not looked at
	case *syntax.Subshell:
		now.maybe = true // an exit ends it alone
		r.within(func() { r.walkInside(part, now) })
	case *syntax.Stmt:
		now.mute = slices.ContainsFunc(part.Redirs, func(r *syntax.Redirect) bool { return r.Op == syntax.RdrInOut })
		now.background = now.background || part.Background || part.Coprocess
		if part.Background {
			r.within(func() { r.walkInside(part, now.where(true)) })
			return
		}
		r.walkInside(part, now.where(now.background))
	case *syntax.ForClause:
		r.perhaps(func() {
			now.maybe = true
			r.walkLoop(part, part.Do, r.rounds(part), now)
		})
	case *syntax.WhileClause:
		now = now.where(true)
		turns := r.turnsOf(part)
		r.perhaps(func() { r.walkLoop(part, part.Do, turns, now) })
	case *syntax.IfClause:
		r.branches = true
		now = now.where(true)
		r.walkAll(part.Cond, now)
		r.perhaps(func() { r.walkAll(part.Then, now) }, func() {
			if part.Else != nil {
				r.walk(part.Else, now)
			}
		})
	case *syntax.CaseClause:
		r.branches = true
		var items []func()
		for _, item := range part.Items {
			items = append(items, func() { r.walkAll(item.Stmts, now.where(true)) })
		}
		r.perhaps(items...)
	default:
		r.walkInside(part, now)
	}
}

// walkLoop reads a loop that is run so often.
func (r *reader) walkLoop(loop syntax.Node, body []*syntax.Stmt, times int, now passage) {
	r.branches = true
	if times == 0 {
		return
	}
	now.lasts, r.lasts = cmp.Or(r.lasts, now.lasts), 0
	if times != unknown {
		now.upTo = min(max(now.upTo, 1)*times, mostRounds)
	}
	if times == unknown || r.leave(loop, body) {
		now.times, times = 1, 1
	}
	now.times = min(now.times*times, mostRounds)
	if !r.affords(loop) || r.calls(body) {
		r.scope.blind = true
	} else {
		r.sets(loop) // in any of its turns
	}
	r.walkInside(loop, now)
}

func (r *reader) walkAll(parts []*syntax.Stmt, now passage) {
	for _, part := range parts {
		r.walk(part, now)
	}
}

// walkInside reads what a part of a script consists of.
func (r *reader) walkInside(part syntax.Node, now passage) {
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

// call reads a simple command. args are its words in the script; nil: it is not from a script.
func (r *reader) call(words []string, args []*syntax.Word, now passage) {
	if f, ok := r.functions[words[0]]; ok && r.affords(f.body) {
		r.callFunction(words[0], f, now)
		return
	}
	c := started(words)
	c.passage = now
	if args != nil {
		args = args[len(words)-len(c.words)+1:]
	}
	r.waits(&c, args)
	r.commands = append(r.commands, c)
	if text, ok := c.inner(); ok && c.within == 0 {
		if c.program() == "eval" {
			if r.read(text, now); strings.ContainsAny(text, "$`") { // the shell reads what they come to
				r.forget()
			}
		} else {
			r.inShell(c.words[0], text, r.env.startedBy(words[:len(words)-len(c.words)]), now)
		}
	}
	if !now.maybe && (words[0] == "exit" || words[0] == "return" || words[0] == "exec" && len(words) > 1) {
		r.over = words[0]
	}
}

// waits notes what a command waits for, and what it changes for those after it. args are its arguments in the script; nil: it has none, or is
// not from a script.
func (r *reader) waits(c *command, args []*syntax.Word) {
	switch c.program() {
	case "sleep":
		if c.operands = r.operands(args); args == nil {
			c.operands = c.words[1:]
		}
		c.rest = args != nil && r.byTime
		if c.fed { // the words that are not known may be among the script's own, as {}
			c.operands = slices.DeleteFunc(c.operands, func(word string) bool { return slept([]string{word}) == 0 })
			c.operands = append(append(c.operands, ""), r.operands(c.input)...)
		}
	case "read":
		options, _ := optionsOf(r.operands(args), "adinNptu")
		for _, o := range options {
			if o.name == "t" && c.mute {
				c.operands = []string{o.value}
			}
		}
	case "curl":
		options, _ := optionsAmong(c.words, valuedOptions["curl"])
		for _, o := range options {
			if limit := slept([]string{cmp.Or(o.value, o.next)}); limit > 0 && (o.name == "m" || o.name == "max-time") {
				c.within = atMost(limit, c.within)
			}
		}
	case "wait":
		joins := len(c.words) == 1
		if len(args) > 0 {
			text, _ := r.said(args[0])
			joins = text == lastJob && (c.words[1] == lastJob || behind(r.commands) == 1)
		}
		for i := range r.commands {
			r.commands[i].joined = r.commands[i].joined || joins && !c.background && r.commands[i].background
		}
	case "set":
		options, _ := optionsOf(c.words[1:], "o")
		r.strict = r.strict || strict(options)
	case "trap":
		if _, words := optionsOf(c.words[1:], ""); len(words) > 1 && (slices.Contains(words[1:], "EXIT") || slices.Contains(words[1:], "0")) {
			r.trap, r.trapped = strings.TrimPrefix(words[0], "-"), c.passage
		}
	case ".", "source":
		r.forget()
	}
}

// inShell reads a script that has a shell of its own. An exit ends it alone.
func (r *reader) inShell(shell, text string, env environment, now passage) {
	now.maybe = true
	functions, outer, strict, around := r.functions, r.shell, r.strict, r.env
	r.functions, r.shell, r.strict, r.env = map[string]function{}, shell, false, env
	r.within(func() {
		for s := r.scope.under; s != nil; s = s.under {
			r.scope.blind = r.scope.blind || len(s.set) > 0 // which of them are exported is not known
		}
		r.readWhole(text, now)
	})
	r.functions, r.shell, r.strict, r.env = functions, outer, strict, around
}

// operands are words as a shell expands them; empty: that is not known.
func (r *reader) operands(words []*syntax.Word) (all []string) {
	for _, word := range words {
		fields, known := r.fields(word)
		if !known {
			fields = []string{""}
		}
		all = append(all, fields...)
	}
	return all
}

func (r *reader) callFunction(name string, f function, now passage) {
	delete(r.functions, name) // it may call itself
	now.text = f.text
	r.perhaps(func() { r.walk(f.body, now) })
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
	"taskset": {"", 1}, "tini": {"pe", 0}, "timeout": {"ks", 1}, "xargs": {"adEILnPs", 0},
}

// started is the command that a line runs in the end, behind exec, env, timeout and the like.
func started(words []string) command {
	c := command{words: words}
	for {
		s, ok := starters[c.program()]
		if !ok {
			return c
		}
		_, rest := optionsOf(c.words[1:], s.valued)
		for len(rest) > 0 && isAssignment(rest[0]) {
			rest = rest[1:]
		}
		if c.program() == "runuser" && !slices.Contains(c.words, "-u") {
			return c
		}
		if len(rest) <= s.operands || c.program() == "command" && strings.HasPrefix(strings.ToLower(c.words[1]), "-v") {
			return c
		}
		limit := slept(rest[:1])
		if strings.Contains(rest[0], "$") {
			limit = 1 // it is not known: a sleep within it is none to speak of
		}
		if c.program() == "timeout" && limit > 0 {
			c.within = atMost(limit, c.within)
		}
		c.fed = c.fed || c.program() == "xargs"
		c.words = rest[s.operands:]
	}
}

// isAssignment tells whether a word gives a variable a value, as env takes them.
func isAssignment(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	return ok && syntax.ValidName(name)
}

// wordsOf are words with their quotes removed. What a shell would expand stays as it is written.
func wordsOf(text string, words []*syntax.Word) []string {
	all := make([]string, 0, len(words))
	for _, w := range words {
		all = append(all, unquoted(w.Parts, func(n syntax.Node) string { return text[n.Pos().Offset():n.End().Offset()] }))
	}
	return all
}

// A backslash and the character that it quotes, outside of quotes and in double quotes. Before the end of a line both are nothing.
var (
	escape       = regexp.MustCompile(`\\(?:\n|((?s:.)))`)
	quotedEscape = regexp.MustCompile("\\\\(?:\n|([\"\\\\$`]))")
)

// unquoted are the parts of a word without their quotes. expanded writes a part that a shell would expand.
func unquoted(parts []syntax.WordPart, expanded func(syntax.Node) string) string {
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
					b.WriteString(expanded(inside))
				}
			}
		default:
			b.WriteString(expanded(part))
		}
	}
	return b.String()
}

// noText stands for what a shell expands.
func noText(syntax.Node) string { return "$" }
