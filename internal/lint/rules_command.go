package lint

import (
	"cmp"
	"fmt"
	"iter"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/step"
)

// commandRules are about the command of a hook.
var commandRules = []Rule{
	{"does-nothing", Error, "prestop is run in a way that stops nothing and waits for nothing", all(hooks(isSubcommand), plans(overAtOnce))},
	{"shell-syntax-without-shell", Error, "a command is written for a shell, and there is none", all(hooks(operatorAsArgument), containers(wordsInOne))},
	{"shell-arguments-lost", Error, "words after sh -c SCRIPT are no part of the script", hooks(argumentsLost)},
	{"variable-not-expanded", Error, "$(VAR) in a hook's command, where the kubelet does not expand it", foreign(notExpanded)},
	{"program-not-in-image", Error, "a shell, curl or sleep in an image that has none", hooks(notInImage)},
	{"secret-in-hook", Error, "a password, token or key stands in the hook, for everybody to read", hooks(secretInCommand, secretInHeader, secretInSetting)},
	{"signals-and-returns", Warning, "a hook sends a signal and ends, so that SIGTERM comes right after it", hooks(signalsAndReturns)},
}

func isSubcommand(h *preStop, say report) {
	if h.reading != nil && h.reading.subcommand != "" {
		words := slices.DeleteFunc(slices.Clone(h.words), func(word string) bool { return strings.HasPrefix(word, h.reading.subcommand) })
		if len(words) == 1 || !strings.HasPrefix(h.reading.subcommand, "-") {
			words = []string{h.words[0], h.pod.someWait()} // what stands after install is no step
		}
		say(h.command(), "the hook runs prestop "+h.reading.subcommand+", which stops nothing and waits for nothing",
			commandFix(words, "leave "+h.reading.subcommand+" away")+h.graceNeeded())
	}
}

// A run is a command that a hook runs, itself or in an exec step, and its place.
type run struct {
	script script
	words  []string
	at     node
	places []node // of the words; nil: at is the place of all
	step   *entry // nil: it is the hook's own command
}

// runs are the commands that the hook runs, other than prestop.
func (h *preStop) runs() []run {
	var all []run
	if h.script.shell != "" || h.reading == nil && len(h.words) > 0 {
		all = append(all, run{h.script, h.words, h.command(), h.places, nil})
	}
	for _, s := range h.entries() {
		if program := s.needs.Program; program != nil {
			all = append(all, run{scriptOf(program, h.env), program, s.at, nil, s})
		}
	}
	return all
}

// place is where a word is written.
func (r run) place(word int) node {
	if word < len(r.places) {
		return r.places[word]
	}
	return r.at
}

// operator is the index of the first word after the program that only a shell understands; 0: there is none.
func (r run) operator() int {
	if r.script.shell != "" || len(r.words) == 0 {
		return 0
	}
	operates := func(word string) bool { // expr takes them, as test takes -lt
		return started(r.words).program() == "expr" && slices.Contains([]string{"|", "&", "<", ">"}, word)
	}
	operators := []string{";", "&&", "||", "|", "&", ">", ">>", "<", "2>&1", "2>/dev/null", ">/dev/null"}
	finds := started(r.words).program() == "find" && slices.ContainsFunc(r.words, func(word string) bool {
		return slices.Contains([]string{"-exec", "-execdir", "-ok", "-okdir"}, word)
	})
	for i, word := range r.words[1:] {
		ends := strings.HasSuffix(word, ";") && !strings.Contains(word, " ") && i+2 < len(r.words) && slices.Contains(tools, r.words[i+2]) // as in quit; sleep 5
		if ends || slices.Contains(operators, word) && !(finds && word == ";") && !operates(word) {
			return i + 1
		}
	}
	return 0
}

// losesWords tells whether words that are meant for a shell's script are no part of it.
func (r run) losesWords() bool {
	if r.script.lost == 0 {
		return false
	}
	joined := slices.Contains([]string{"&&", "||", ";", "|"}, r.words[r.script.lost])
	return joined || !strings.Contains(r.script.text, "$") && len(strings.Fields(r.script.text)) == 1
}

// inOneWord tells whether the program and its arguments are one word, though no shell takes it apart.
func (r run) inOneWord() bool { return r.script.shell == "" && severalWords(r.words[0]) }

// windowsProgram matches the path of a program on Windows, whose directories may have blanks in their names.
var windowsProgram = regexp.MustCompile(`(?i)^[a-z]:[\\/][^"]*\.(?:exe|cmd|bat|com)$`)

// severalWords tells whether a program is written with its arguments, or with a blank or the end of a line, in one word.
func severalWords(program string) bool {
	fields := strings.Fields(program)
	return len(fields) > 0 && fields[0] != program && !windowsProgram.MatchString(program)
}

// asWritten tells whether the hook runs the commands that are written: no word is lost, and none needs a shell that is not there.
func (h *preStop) asWritten() bool {
	return !slices.ContainsFunc(h.runs(), func(r run) bool {
		return r.operator() > 0 || r.losesWords() || r.inOneWord()
	})
}

// execFix is a step to paste, with other words for the program and its arguments. The step's options stay. The words do not show where a
// step of several lines has its lines.
func (h *preStop) execFix(s *entry, program, sentence string) string {
	if strings.Contains(s.Line, "\n") {
		return sentence
	}
	return h.stepFix(s, s.with("", program), sentence)
}

// inQuotes are a command's words as a shell takes them: arguments with blanks stand in quotes.
func inQuotes(words []string) []string {
	all := slices.Clone(words)
	for i, word := range all {
		if i > 0 && strings.ContainsAny(word, " \t") {
			all[i] = `"` + word + `"`
		}
	}
	return all
}

// onlyShells are characters that mean something to a shell alone.
const onlyShells = "|&;<>$'\"`"

// inShell is the command by which a shell of the image runs a line of these words. If they may hold a secret, it is the sentence instead.
func (h *preStop) inShell(r run, sentence string) string {
	if OnWindows(h.pod.Spec) {
		return windowsShell
	}
	return h.scriptFix(r, []string{"sh", "-c"}, inQuotes(r.words), sentence)
}

// scriptFix is a run with a script of these words as one word after those before it. If they may hold a secret, it is the sentence instead.
func (h *preStop) scriptFix(r run, before, script []string, sentence string) string {
	words := append(slices.Clone(before), strings.Join(script, " "))
	if r.step == nil {
		return commandFix(words, sentence)
	}
	for i, word := range words {
		words[i] = grammar.Quote(word)
	}
	return h.execFix(r.step, strings.Join(words, " "), sentence)
}

// windowsShell is a sentence, since each shell of Windows writes operators and variables in its own way.
const windowsShell = "cmd /c, or powershell -Command, and the line as that shell writes it, such as %NAME% or $env:NAME for a variable"

// quotedTwice is what a script says that has quotes around all of it, so that a shell takes it for the name of a program; empty: it has not.
func quotedTwice(script string) string {
	if script == "" || !strings.ContainsAny(script[:1], `'"`) {
		return ""
	}
	c, ok := scriptOf([]string{"sh", "-c", script}, environment{}).only()
	if !ok || len(c.words) != 1 || !severalWords(c.words[0]) {
		return ""
	}
	program, arguments, _ := strings.Cut(c.words[0], " ")
	if path.IsAbs(program) && strings.Contains(arguments, "/") && !containsAny(arguments, ";", "&&", "|", "://") {
		return "" // a directory may have blanks in its name
	}
	return cmp.Or(quotedTwice(c.words[0]), c.words[0])
}

func operatorAsArgument(h *preStop, say report) {
	for _, r := range h.runs() {
		i := r.operator()
		line := strings.Join(r.words, " ")
		at := slices.Index(r.words, r.script.text)
		switch {
		case at > 0 && r.step == nil && quotedTwice(r.script.text) != "":
			say(r.place(at), "the script is in quotes twice, so that the shell takes all of it for a program's name", commandFix(r.words, "the script without its own quotes"))
		case r.step != nil && r.inOneWord() && !r.step.guess:
			text := fmt.Sprintf("step %d: there is no program with blanks in its name: exec takes a program and its arguments as words of their own", r.step.index+1)
			say(r.at, text, h.execFix(r.step, line, "the program and its arguments, without quotes around all of them"))
		case i > 0 && r.step != nil:
			text := fmt.Sprintf("step %d: %s is an argument of %s here: exec starts a program, not a shell", r.step.index+1, r.words[i], r.words[0])
			say(r.at, text, h.inShell(r, "a step of its own for each program; or exec sh -c and the script in quotes, in an image with a shell"))
		case i > 0:
			text := r.words[i] + " is an argument of " + path.Base(r.words[0]) + " here: the kubelet starts programs, not a shell"
			say(r.place(i), text, h.inShell(r, "sh -c and the whole line in quotes, in an image with a shell"))
		}
	}
}

func wordsInOne(c *container, say report) {
	for _, e := range c.executed() {
		words := strings.Fields(e.words[0])
		foreignHook := e.by == "preStop" && c.hook != nil && c.hook.reading == nil
		if severalWords(e.words[0]) && (foreignHook || e.by != "preStop" && strings.Contains(e.words[0], program)) {
			line, sentence := strings.Join(e.words, " "), "write each word as an item of its own; prestop's steps stand after the program, each in one item"
			if strings.ContainsAny(e.words[0], "|&;<>$`") {
				sentence = "sh and -c as items before it, since only a shell runs a script, in an image that has one"
			}
			say(e.at.at(0), "there is no program with blanks in its name: command is a list of words, and its first is the program ("+words[0]+")",
				wordsFix(OnWindows(c.pod.Spec), line, sentence, "command"))
		}
	}
}

// almostC matches what is meant to be -c, and what is written behind it in the same word.
var almostC = regexp.MustCompile(`(?s)^[-–−— /]*([eilux]*c)(?: +(.*))?$`)

// almostOption is the word after a shell that is meant to be -c and is not, and the command as it is meant; nil: there is none.
func (r run) almostOption() (at int, words []string) {
	at = slices.Index(r.words, r.script.shell) + 1
	if r.step != nil || at == 0 || at >= len(r.words) {
		return 0, nil
	}
	found := almostC.FindStringSubmatch(r.words[at])
	if found == nil || found[2] == "" && at+1 == len(r.words) || isScriptOption(found[0]) && !strings.Contains(found[0], " ") {
		return 0, nil
	}
	if lead, _, _ := strings.Cut(found[0], found[1]); found[1] != "c" && strings.Trim(lead, " /") == "" {
		return 0, nil // a file, as /exec
	}
	words = append(slices.Clone(r.words[:at]), "-"+found[1])
	if found[2] != "" {
		words = append(words, found[2])
	}
	return at, append(words, r.words[at+1:]...)
}

func argumentsLost(h *preStop, say report) {
	for _, r := range h.runs() {
		s := r.script
		at, words := r.almostOption()
		i := slices.Index(r.words, s.file)
		before := r.words[:max(i, 0)]
		if i > 0 && before[i-1] == "--" { // no option stands behind it
			before = before[:i-1]
		}
		before = append(slices.Clone(before), "-c")
		switch {
		case s.shell == "":
		case words != nil:
			say(r.place(at), fmt.Sprintf("%q is no option of a shell, and the hook fails at once", r.words[at]), commandFix(words, "-c as a word of its own"))
		case len(strings.Fields(s.file)) > 1:
			text := fmt.Sprintf("without -c a shell takes %q for the name of a file, which is not there", s.file)
			say(r.place(i), text, h.scriptFix(r, before, []string{s.file}, "-c before it"))
		case i > 0 && slices.Contains(tools, s.file):
			text := "without -c a shell takes " + s.file + " for the name of a script, which is not there"
			say(r.place(i), text, h.scriptFix(r, before, r.words[i:], "-c before it, and all words after it as one"))
		}
		if r.losesWords() {
			const sentence = "write the whole script as one word, in quotes"
			at, before, script := r.place(s.lost), r.words[:s.lost-1], r.words[s.lost-1:]
			fix := h.scriptFix(r, before, script, sentence)
			if h.reading != nil {
				at = r.at
			}
			if h.reading != nil && r.step == nil { // prestop needs no shell
				fix = wordsFix(OnWindows(h.pod.Spec), strings.Join(script, " "), sentence, "command")
			}
			text := fmt.Sprintf("after -c a shell takes one word for its script, which is only %q: the words after it are no part of it", s.text)
			say(at, text, fix)
		}
	}
}

var kubeletReference = regexp.MustCompile(`(\$?)\$\(([A-Za-z_][A-Za-z0-9_]*)\)(\w?)`)

func notExpanded(h *preStop, say report) {
	if len(h.words) > 0 && h.script.shell == "" && len(strings.Fields(h.words[0])) > 1 {
		return
	}
	at, name, words := node{}, "", slices.Clone(h.words)
	for i, word := range words {
		words[i] = kubeletReference.ReplaceAllStringFunc(word, func(found string) string {
			parts := kubeletReference.FindStringSubmatch(found)
			one, next := parts[2], parts[3]
			known := h.env.has(one) || downward[one] != "" // else a shell may have a command of that name
			if parts[1] != "" || !known && (h.script.shell != "" || one != strings.ToUpper(one)) {
				return found
			}
			if name == "" {
				at, name = h.places[i], one
			}
			if next != "" {
				return "${" + one + "}" + next
			}
			return "$" + one
		})
	}
	switch text := "the kubelet does not expand $(" + name + ") in a hook"; {
	case name == "":
		h.shellVariable(say)
	case h.script.shell == "":
		say(at, text+": "+path.Base(h.words[0])+" gets it as it is written",
			h.inShell(run{words: words}, lineWith(name)))
	default:
		say(at, text+", and the shell runs it as a command", commandFix(words, "$"+name+" instead"))
	}
}

var shellReference = regexp.MustCompile(`(?:^|[^$])\$(?:([A-Z_][A-Z0-9_]*)|\{([A-Z_][A-Z0-9_]*)(?:\}|:?-))`)

// shellSubstitution matches $(cat FILE) and the like, whose arguments may be in the next words.
var shellSubstitution = regexp.MustCompile(`(?:^|[^$])\$\(\s*((?:/[\w./-]*)?(?:cat|pidof|pgrep|hostname|date|echo|head|grep|awk|sed|ps|jq|curl|printenv))(?:[\s)]|$)`)

// shellVariable finds a variable or a command that a shell would expand, where there is none. Only programs are looked at that certainly expand none.
func (h *preStop) shellVariable(say report) {
	if len(h.script.commands) == 0 || h.script.shell != "" || h.script.source != "" || !h.asWritten() {
		return
	}
	plain := slices.Concat(tools, []string{"redis-cli", "mysqladmin", "nodetool", "rabbitmqctl", "etcdctl", "consul", "pg_ctl"})
	program := h.script.commands[0].program()
	if !slices.Contains(plain, program) {
		return
	}
	for i, word := range h.words {
		what, sentence := "", "sh -c and the whole line in quotes, in an image with a shell"
		if found := shellSubstitution.FindStringSubmatch(word); found != nil {
			what = "run $(" + found[1] + " …)"
		} else if found := shellReference.FindStringSubmatch(word); found != nil {
			if name := found[1] + found[2]; program == "sleep" || h.env.has(name) || downward[name] != "" {
				what, sentence = "expand $"+name, lineWith(name)
			}
		}
		if what != "" {
			say(h.places[i], "no shell is there to "+what+": "+program+" gets it as it is written", h.inShell(run{words: h.words}, sentence))
			return
		}
	}
}

// lineWith is what to do where a program gets a variable's name instead of its value.
func lineWith(name string) string {
	return "sh -c and the line with $" + name + ", in an image with a shell; prestop expands it in its steps"
}

func notInImage(h *preStop, say report) {
	bare := bareImage(h.Image)
	lacks := lacking[strings.TrimPrefix(repositoryOf(h.Image), "library/")]
	for _, r := range h.runs() {
		first := path.Base(r.words[0])
		if _, mounted := h.mounted(r.words[0]); bare != "" && !mounted && slices.Contains(tools, first) {
			text := "the hook runs " + first + ", and image " + h.Image + " is " + bare + ": it has no such program, so that the hook fails at once"
			say(r.at, text, h.withoutTools())
		}
		programs := []string{first}
		for _, c := range r.script.commands {
			programs = append(programs, c.program())
		}
		looked := func(p string) bool {
			return slices.ContainsFunc(r.script.commands, func(c command) bool {
				return slices.Contains(finders, c.program()) && slices.Contains(c.words, p) || c.installs(p)
			})
		}
		if i := slices.IndexFunc(programs, func(p string) bool { return slices.Contains(lacks, p) && !looked(p) }); i >= 0 {
			say(r.at, "the hook runs "+programs[i]+", and image "+h.Image+" has no such program", h.withoutTools())
		}
	}
}

// finders are programs that tell whether there is a program.
var finders = []string{"command", "which", "type", "hash"}

// installs tells whether a command installs a program, be it of a given version.
func (c command) installs(program string) bool {
	return slices.Contains([]string{"apk", "apt", "apt-get"}, c.program()) && (slices.Contains(c.words, "add") || slices.Contains(c.words, "install")) &&
		slices.ContainsFunc(c.words, func(word string) bool { return word == program || strings.HasPrefix(word, program+"=") })
}

// withoutTools is a hook that does the same without programs of the image. Where prestop has no step for something, it is a sentence.
func (h *preStop) withoutTools() string {
	if d, ok := Sleeps(h.words); ok && d%time.Second == 0 {
		return "preStop:\n  sleep:\n    seconds: " + number(int32(min(d/time.Second, 1<<30))) + " # Kubernetes 1.30 and later"
	}
	if steps := stepsFor(h.script); steps != nil && h.reading == nil {
		return h.newHook(steps...)
	}
	return "prestop's steps instead, with the binary from a volume; or an image that has the program"
}

// stepsFor are steps that do what a script does; nil: there are none, or they would hold what may be a secret.
func stepsFor(s script) []string {
	var steps []string
	for i, c := range s.commands {
		line := stepFor(c)
		switch {
		case s.branches || c.background || s.lost > 0 || s.within > 0 || c.within > 0 || c.fed || !harmless(c.words):
			return nil
		case line != "":
			steps = append(steps, line)
		case c.program() != "true" || i == 0:
			return nil
		}
	}
	return steps
}

// stepFor is a step that does what sleep, curl or wget does; empty: there is none.
func stepFor(c command) string {
	if c.program() == "sleep" && len(c.words) == 2 && slept(c.words[1:]) > 0 {
		return "wait " + short(slept(c.words[1:]))
	}
	method, u := requestOf(c)
	odd := func(word string) bool {
		return word != "-X" && word != method && strings.HasPrefix(word, "-") && strings.Trim(word, "-fsSqL") != ""
	}
	if u == nil || c.program() == "wget" && method != "GET" || slices.ContainsFunc(c.words[1:], odd) {
		return ""
	}
	return strings.ToLower(method) + " " + u.String()
}

// A secretPlace is where secrets stand. What is taken from elsewhere there is no secret.
type secretPlace struct {
	what   string
	before string // what stands before the secret
	value  string // the secret; empty: any that a blank or a quote ends
	after  string
	unsure bool // whether it is a secret is known only once the whole value is seen
}

const (
	anySecret = `[^\s'"\\]+`
	noOption  = `[^\s'"\\-][^\s'"\\]*`
	// secretNames are of options, variables and fields that hold secrets.
	secretNames = `(?:[a-z0-9_-]*(?:password|passwd)|(?:client)?secret|pass|mysql_pwd|api[_-]?key|access[_-]?key|secret[_-]?key|(?:redis|valkey)cli_auth|[a-z_-]*token)`
)

// secretPlaces are the places that lint knows, in the words of a command in one line.
var secretPlaces = []secretPlace{
	{what: "a password in a URL", before: `://[^\s/@:'"]*:`, value: `[^\s/@'"]+`, after: `@`},
	{what: "an Authorization header", before: `(?i:authorization['"]?\s*[:=]\s*['"]?(?:bearer|basic|token|apikey)\s+['"]*)`},
	{what: "an Authorization header", before: `(?i:authorization['"]?\s*[:=]\s*['"]?(?:(?:bearer|basic|token|apikey)\s+['"]*)?)`, unsure: true},
	{what: "a token in a header", before: `(?i:\b(?:x-[a-z-]*(?:token|key|auth|secret)|private-token|(?:api|subscription)-key|cookie)\s*:\s*['"]?)`},
	{what: "a user's password", before: `(?:^|\s)(?:-u|--user|--proxy-user|curl\s(?:[^|;&]*\s)?-[a-zA-Z]*u)[ =]?['"]?[^\s:'"-][^\s:'"]*:`},
	{what: "a password", before: `(?i:(?:^|[\s?&;"'_-])` + secretNames + `[\\'"]*(?:=|\s*:\s*)[\\'"]*)`, value: `[^\s'"\\&;{]+`},
	{what: "a password", before: `(?i:['"?&,{]\s*` + secretNames + `\s*=\s+)`}, // outside of quotes a shell sets an empty variable so
	{what: "a password", before: `(?i:(?:^|\s)--(?:(?:user|admin|root|db|auth|bearer|access|client|redis|vault)-)*(?:password|passwd|pass|token|secret|(?:api|access|secret)-key|oauth2-bearer)\s+['"]?)`, value: noOption},
	{what: "a password", before: `\b(?:redis|valkey)-cli\b[^|;&]*?\s-a[ =]?['"]?`},
	{what: "a password", before: `\b(?:mongo(?:sh)?|rabbitmqadmin)\b[^|;&]*?\s-p[ =]['"]?`, value: noOption},
	{what: "a password", before: `\bsshpass(?:\s+-\S+)*?\s+-p[ =]['"]?`, value: noOption}, // and not that of the program that it starts
	{what: "a password", before: `\bnodetool\b[^|;&]*?\s-pw[ =]['"]?`},
	{what: "a password", before: `\b(?:mysql|mariadb)(?:admin|dump)?\b[^|;&]*?\s-p['"]?`, unsure: true},
	{what: "a token", value: `\b(?:(?:ghp|gho|ghs|glpat|xox[abp]|hvs)[_.-][A-Za-z0-9_.-]{10,}|AKIA[0-9A-Z]{16}|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*)`},
}

// secretPatterns find the places. The group of each is the secret itself.
var secretPatterns = func() (all []*regexp.Regexp) {
	for _, p := range secretPlaces {
		all = append(all, regexp.MustCompile(p.before+"("+cmp.Or(p.value, anySecret)+")"+p.after))
	}
	return all
}()

// SecretPattern is one pattern for the words of a command, joined by blanks: it matches where a secret stands, and not where only a
// variable or a file is named. It has no groups, and is for those who cannot call this package.
func SecretPattern() string {
	const first = `[0-9]*[^\s'"\\&;{}$@/<*0-9` + "`" + `-]` // a number alone is none
	var all []string
	for _, p := range secretPlaces {
		switch {
		case p.unsure:
		case p.before == "":
			all = append(all, p.value)
		case p.after != "":
			all = append(all, p.before+first+`[^\s/@'"$]*`+p.after)
		default:
			all = append(all, p.before+first)
		}
	}
	return strings.Join(all, "|")
}

// secrets are the secrets that a text holds, and where each begins.
func secrets(text string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		for i, pattern := range secretPatterns {
			for _, found := range pattern.FindAllStringSubmatchIndex(text, -1) {
				from, to := found[2], found[3]
				if !notSecret(text[from:to]) && !yield(from, secretPlaces[i].what) {
					return
				}
			}
		}
	}
}

// secretIn names the secret that a text holds; empty: none.
func secretIn(text string) string {
	for _, what := range secrets(text) {
		return what
	}
	return ""
}

// notSecret tells whether a value is no secret: it is taken from elsewhere, is only a placeholder, or is a number, such as a user's or a
// port's.
func notSecret(value string) bool {
	fromElsewhere := strings.ContainsAny(value, "$`<") || strings.IndexAny(value, "@/") == 0 || strings.HasPrefix(value, "{{")
	return fromElsewhere || strings.Trim(value, "*x.…") == "" || strings.Trim(value, "0123456789") == ""
}

const secretFix = "mount it from a Secret, and name the file, as token-file=/etc/app/token in a step of prestop's, " +
	"or PRE_STOP_APP_TOKEN_FILE for the app URL"

func secretInCommand(h *preStop, say report) {
	found, words := make([]string, len(h.words)), h.words
	if h.script.shell == "" {
		words = inQuotes(words) // a blank in a word is none between words
	}
	for at, what := range secrets(strings.Join(words, " ")) {
		i := 0
		for ; at > len(words[i]); i++ {
			at -= len(words[i]) + 1
		}
		found[i] = cmp.Or(found[i], what)
	}
	for i, what := range found {
		if what != "" {
			say(h.places[i], "the hook's command holds "+what+": it is in the pod's spec, and the kubelet writes it to the node's log when the hook fails",
				secretFix)
		}
	}
}

func secretHeader(h corev1.HTTPHeader) bool { return secretIn(h.Name+": "+h.Value) != "" }

func secretInHeader(h *preStop, say report) {
	if h.HTTPGet == nil {
		return
	}
	for i, header := range h.HTTPGet.HTTPHeaders {
		if secretHeader(header) {
			at := h.place.at("httpGet", "httpHeaders", i, "value")
			say(at, "the header "+header.Name+" of the httpGet hook holds a secret, which is in the pod's spec", secretFix)
		}
	}
}

func secretInSetting(h *preStop, say report) {
	for name, v := range h.env.variables {
		ours := h.reading != nil && strings.HasPrefix(name, variablePrefix) && v.known && v.at.text() == v.value
		if what := secretIn(v.value); ours && what != "" {
			say(v.at, name+" holds "+what+", which is in the pod's spec", secretFix)
		}
	}
}

func signalsAndReturns(h *preStop, say report) {
	h.warned("signals-and-returns", func(at node, text string, _ *entry) {
		say(at, text, "until closed PORT after it, or a wait; or set the signal in the image (STOPSIGNAL) and let the hook only wait")
	})
	last := h.script.last()
	if h.asWritten() && step.Signals(last.words) && !last.goesOn() && !h.stopsLike(last) && (!h.script.calm() || h.script.endsByAnotherSignal()) {
		say(h.command(), "the hook signals the app by "+last.program()+" and is done: SIGTERM comes right after it, and most apps end at once at a second signal",
			"have the hook wait until the app has ended, or set the signal in the image (STOPSIGNAL) and let the hook only wait")
	}
}

// stopsLike tells whether the signal after the hook does not cut short what the command has begun, since it is no SIGTERM.
func (c *container) stopsLike(last command) bool {
	if c.Lifecycle != nil && c.Lifecycle.StopSignal != nil {
		return *c.Lifecycle.StopSignal != corev1.SIGTERM
	}
	image := c.officialImage()
	for name := range stopSignals {
		if strings.Contains(name, "/") && isImage(c.Image, name) {
			image = name
		}
	}
	line := strings.Join(last.words, " ") + " "
	return slices.ContainsFunc(stopSignals[image], func(words string) bool { return strings.Contains(line, " "+words+" ") })
}
