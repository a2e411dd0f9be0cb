package lint

import (
	"bytes"
	"cmp"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/hook"
	"github.com/prestop/prestop/internal/parse"
	"github.com/prestop/prestop/internal/verbs"
)

// A fix is YAML to paste. Each line goes where its key belongs, and other ways are in a comment. A fix has what the user wrote, with the
// mistake mended. Where only somebody who knows the app can choose, the fix is a sentence: a YAML scalar.

// below writes a value as YAML, below some keys. The value is a node of the user's manifest, the words of a command, or a scalar.
func below(value any, keys ...string) string {
	n := new(yaml.Node)
	switch value := value.(type) {
	case node:
		n = plainCopy(value)
	case []string:
		n.Kind, n.Style = yaml.SequenceNode, yaml.FlowStyle
		if len(value) > 1 && path.Base(value[0]) == program { // each step has a line
			n.Style = 0
		}
		for _, word := range value {
			n.Content = append(n.Content, text(word))
		}
	default:
		_ = n.Encode(value) // Encode takes any scalar
	}
	for _, key := range slices.Backward(keys) {
		n = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: key}, n}}
	}
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	e.CompactSeqIndent()
	_ = e.Encode(n) // a buffer takes all
	return strings.TrimSuffix(out.String(), "\n")
}

// text is a string. It is in quotes where Kubernetes would otherwise read the word as something else.
func text(word string) *yaml.Node {
	n := new(yaml.Node)
	n.SetString(word)
	if value, _ := (node{Node: &yaml.Node{Kind: yaml.ScalarNode, Value: word}}).scalar(); value != word {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// plainCopy is what stands at a place, without comments, anchors and aliases.
func plainCopy(n node) *yaml.Node {
	n = n.followed()
	c := &yaml.Node{Kind: n.Kind, Style: n.Style, Tag: n.Tag, Value: n.Value}
	for _, inside := range n.Content {
		c.Content = append(c.Content, plainCopy(node{inside, n.file}))
	}
	return c
}

// with is a copy of a mapping with another value for a key. The value nil removes the key.
func (n node) with(key string, value any) node {
	c := plainCopy(n)
	for i := 0; i+1 < len(c.Content); i += 2 {
		if c.Content[i].Value == key {
			c.Content = slices.Delete(c.Content, i, i+2)
			break
		}
	}
	if value != nil {
		v := new(yaml.Node)
		_ = v.Encode(value) // Encode takes any scalar, and a tree that was read
		c.Content = append(c.Content, text(key), v)
	}
	return node{c, n.file}
}

// own is a part of the manifest, written below some keys; empty: there is none, or it may hold a secret. Secrets are never repeated.
func own(n node, keys ...string) string {
	if !n.there() || !harmless(n.words()) {
		return ""
	}
	return below(n, keys...)
}

// words are the scalars at a place and below it, in order, without keys.
func (n node) words() []string {
	n = n.followed()
	if n.Kind == yaml.ScalarNode {
		return []string{n.Value}
	}
	var all []string
	for i, inside := range n.Content {
		if n.Kind != yaml.MappingNode || i%2 == 1 {
			all = append(all, node{inside, n.file}.words()...)
		}
	}
	return all
}

// harmlessWord matches words that no secret looks like: a number or a duration, a name in letters, a path, a URL without user and query, a
// variable, and what shells, options and steps are written with.
var harmlessWord = regexp.MustCompile(`^(?:` + strings.Join([]string{
	`[0-9.]{1,8}[smhd]?`, `[A-Z]{1,12}`, `[A-Z][a-z]*(?:-[A-Z][a-z]+)+`, `[a-z][a-z_.-]{0,30}`, `[-+][0-9a-zA-Z]{1,4}`, `--[a-z-]+`,
	`(?:max|min|for|timeout|allow|traffic|reserve|--grace-period)=[0-9a-z]{1,8}`,
	`[a-z]{0,12}(?:/[a-z0-9_.-]{1,40})+/?`, `(?:https?://(?:[a-z0-9.-]|\$\(?\{?[A-Z_]+\}?\)?){1,60}|localhost|[a-z-]{1,40}|[0-9.]{7,15})(?::\d{1,5})?(?:/[a-z0-9_.-]{1,24})*/?`,
	`\$\{?[A-Za-z_]+\}?`, `\$\([A-Za-z_]+\)`, `[;&|<>!]{1,2}`, `2>&1`, `2?>/dev/null`}, "|") + `)$`)

// tellsNext are options whose value may be a secret.
var tellsNext = regexp.MustCompile(`^(?:-[A-Za-z]*[aupHdFbh]|--(?:user|header|data|pass|token|cookie|json|form|auth|secret|post)\S*)$`)

// harmless tells whether words may be repeated in a message.
func harmless(words []string) bool {
	whole := strings.Join(words, " ")
	if secretIn(whole) != "" {
		return false
	}
	last := ""
	for _, field := range strings.Fields(whole) {
		field = strings.Trim(field, `"';`)
		if field != "" && !harmlessWord.MatchString(field) || tellsNext.MatchString(last) && field != "" && !strings.HasPrefix(field, "-") {
			return false
		}
		last = field
	}
	return true
}

// commandFix is a command to paste below exec. All of a shell's script is one word, without quotes around all of it. If the words may hold
// a secret, it is the sentence instead.
func commandFix(words []string, sentence string) string {
	if !harmless(words) {
		return sentence
	}
	words = slices.Clone(words)
	if len(words) > 1 && words[0] == "exec" { // which only a shell has
		words = words[1:]
	}
	s := scriptOf(words, environment{})
	at := slices.Index(words, s.text)
	if (run{script: s, words: words}).losesWords() {
		at = s.lost - 1
		words = append(words[:at], strings.Join(words[at:], " "))
	}
	if at > 0 {
		words[at] = cmp.Or(quotedTwice(words[at]), words[at])
	}
	return below(words, "command")
}

// wordsFix is a command to paste, made of what somebody wrote as one line. If the line may hold a secret, it is the sentence instead. If it
// needs a shell of Windows, it is a sentence about these.
func wordsFix(windows bool, line, sentence string, keys ...string) string {
	var list []string
	if strings.HasPrefix(line, "[") && yaml.Unmarshal([]byte(line), &list) == nil && len(list) > 0 && harmless(list) { // a list in quotes
		return below(list, keys...)
	}
	if windows && strings.ContainsAny(line, onlyShells) {
		return windowsShell
	}
	line = strings.TrimPrefix(cmp.Or(quotedTwice(line), line), "exec ") // which only a shell has
	words := strings.Fields(line)
	if len(words) == 0 || !harmless(words) {
		return sentence
	}
	isDash := func(word string) bool { return word == "-" } // of a list that was written in one line
	noDashes := slices.DeleteFunc(slices.Clone(words[1:]), isDash)
	flags, firsts := 0, parse.FirstWords(verbs.All()) // words of flags stand before the steps
	for flags < len(noDashes) && strings.HasPrefix(noDashes[0], "-") && !slices.Contains(firsts, noDashes[flags]) {
		flags++
	}
	steps := stepsOf(strings.Trim(strings.Join(noDashes[flags:], " "), `'"`))
	s, script := scriptWords(words), line
	for _, word := range words[:max(s.lost-1, 0)] {
		_, script, _ = strings.Cut(script, word)
	}
	script = strings.TrimSpace(script)
	inQuotes := quotedTwice(script)
	switch {
	case path.Base(words[0]) == program && steps != nil:
		words = slices.Concat([]string{strings.Trim(words[0], `'"`)}, noDashes[:flags], steps)
	case s.lost > 0 && slices.Contains(shells, path.Base(words[0])) && (inQuotes != "" || !strings.ContainsAny(script[:1], `'"`)):
		words = append(words[:s.lost-1], cmp.Or(inQuotes, script)) // the script is one word
	case strings.ContainsAny(line, onlyShells):
		words = []string{"sh", "-c", line}
	}
	return below(words, keys...)
}

// calling is a step's line in which the URLs that begin like that of a call begin otherwise, as by another port; empty: there are none,
// since a variable is a part of them. What is sent stays as it is.
func (s *entry) calling(u *url.URL, scheme, host string) string {
	begins := regexp.MustCompile(`^((?:only-if=)?['"]?)` + regexp.QuoteMeta(u.Scheme+"://"+u.Host) + `([/?#'"]|$)`)
	instead := "${1}" + scheme + "://" + host + "${2}"
	var targets []string
	condition := ""
	for _, w := range s.said.Words.Targets {
		targets = append(targets, begins.ReplaceAllString(w.Written, instead))
	}
	for _, o := range s.said.Words.Options {
		if begins.MatchString(o.Written) {
			condition = begins.ReplaceAllString(o.Written, instead)
		}
	}
	if line := s.with(condition, targets...); line != s.with("") {
		return line
	}
	return ""
}

// stepFix is a step to paste in place of another one. If that one holds a secret, or the line is empty, it is the sentence instead.
func (h *preStop) stepFix(s *entry, line, sentence string) string {
	switch setting := s.said.Setting != ""; {
	case line == "", s.written() != s.Line, !setting && h.script.shell != "": // one word of a shell's script
		return sentence
	case setting:
		return line // a line of the setting's text
	}
	return "- " + below(line)
}

// written is the entry's line as it is in the manifest.
func (s *entry) written() string {
	if s.said.Setting == "" {
		return s.at.text()
	}
	lines := strings.Split(s.at.text(), "\n")
	if s.said.Index < len(lines) {
		return strings.TrimSpace(lines[s.said.Index])
	}
	return ""
}

// with is a step's line with an option, which takes the place of one of the same key, and with other targets, as a program and its
// arguments. Without an option, and without targets, these stay as they are written.
func (s *entry) with(option string, targets ...string) string {
	l, own := s.said.Words, len(targets) > 0
	var options []string
	for _, o := range l.Options {
		if !strings.HasPrefix(option, o.Key+"=") {
			options = append(options, o.Written)
		}
	}
	if option != "" {
		options = append(options, option)
	}
	for _, w := range l.Targets {
		if !own {
			targets = append(targets, w.Written)
		}
	}
	words := slices.Concat(targets, options)
	if s.needs.Program != nil { // no option stands behind it
		words = slices.Concat(options, targets)
	}
	if l.Once {
		words = append(words, "once")
	}
	return strings.Join(append([]string{l.Verb.Text}, words...), " ")
}

// stepsFix is the hook's command to paste, with other steps. If a step or a flag may hold a secret, or a shell runs the hook, it is the
// sentence instead.
func (h *preStop) stepsFix(steps []string, sentence string) string {
	hides := func(s *entry) bool { return s.said.Setting == "" && s.written() != s.Line }
	if slices.ContainsFunc(h.entries(), hides) {
		return sentence
	}
	return cmp.Or(h.withSteps(steps), sentence)
}

// withSteps is the hook's command with these steps after the program and its flags; empty: a flag may hold a secret, or a shell runs the
// hook.
func (h *preStop) withSteps(steps []string) string {
	flags := h.words[:max(len(h.words)-len(h.reading.config.Arguments), 0)]
	if h.script.shell != "" || !harmless(flags) {
		return ""
	}
	return below(slices.Concat(flags, steps), "command")
}

// lines are the lines of those steps of the hook that are arguments.
func (h *preStop) lines() []string {
	var all []string
	for _, s := range h.entries() {
		if s.said.Setting == "" {
			all = append(all, s.Line)
		}
	}
	return all
}

// allArguments tells whether all steps of the hook are arguments of its command.
func (h *preStop) allArguments() bool { return len(h.lines()) == len(h.entries()) }

const windowsHook = "a hook that Windows can run, such as a sleep action"

// newHook is a hook of prestop's to paste into a container, with what it needs there. On Windows it is a sentence.
func (c *container) newHook(steps ...string) string {
	return c.newCommand(steps, "lifecycle", "preStop", "exec", "command")
}

// newCommand is the command of such a hook, written below some keys.
func (c *container) newCommand(steps []string, keys ...string) string {
	if OnWindows(c.pod.Spec) {
		return windowsHook
	}
	file, needs := c.binary()
	return below(append([]string{file}, steps...), keys...) + needs + c.graceNeeded()
}

// graceNeeded is the variable that tells a hook the pod's grace period, if that is not what prestop assumes; empty: the hook needs none.
func (c *container) graceNeeded() string {
	written := c.hasVariable(func(name string) bool { return name == graceVariable })
	if written || c.pod.grace == hook.DefaultGrace || c.pod.cluster != "" || c.pod.graceWrong {
		return ""
	}
	return "\nenv:\n" + variableLine(graceVariable, c.pod.grace)
}

// someWait is a wait that fits into the pod's grace period.
func (p *pod) someWait() string { return "wait " + short(p.someSeconds()) }

func (p *pod) someSeconds() time.Duration {
	return min(15*time.Second, (p.grace / 2).Truncate(time.Second))
}

// byPrestop is a hook of prestop's that makes the call of an httpGet hook with another method. If the call may hold a secret, it is a
// sentence.
func (h *preStop) byPrestop(method string) string {
	get := h.HTTPGet
	scheme, file := "http", get.Path
	if strings.EqualFold(string(get.Scheme), "https") {
		scheme = "https"
	}
	if !strings.HasPrefix(file, "/") {
		file = "/" + file
	}
	call := strings.ToLower(method) + " " + grammar.Quote(scheme+"://localhost:"+h.portNumber(get.Port.String())+file)
	known := slices.Contains([]string{"POST", "PUT", "PATCH", "DELETE"}, strings.ToUpper(method))
	if len(get.HTTPHeaders) > 0 || !known || !harmless([]string{call}) || get.Port.String() == "" {
		return "an exec hook that runs prestop, with a step for the call"
	}
	return h.newHook(call)
}
