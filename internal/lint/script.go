package lint

import (
	"path"
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
		return script{file: words[0], commands: []command{c}}
	}
	s := script{shell: c.words[0], within: c.within}
	for i := len(words) - len(c.words) + 1; i < len(words); i++ {
		if word := words[i]; isScriptOption(word) && i+1 < len(words) {
			s.text = words[i+1]
			s.commands, s.branches = simpleCommands(s.text)
			if i+2 < len(words) {
				s.lost = i + 2
			}
			break
		} else if !strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "+") && word != "pipefail" {
			s.file = word
			break
		}
	}
	return s
}

// isScriptOption tells whether the next word is a script, as after -c and -ec.
func isScriptOption(word string) bool {
	return strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.Contains(word, "c")
}

// longestScript is the greatest length of one word of a command that Linux takes, in bytes (MAX_ARG_STRLEN).
const longestScript = 128 << 10

// simpleCommands are the simple commands of a script. Nothing is known of a script that no shell can read.
func simpleCommands(text string) (commands []command, branches bool) {
	if len(text) >= longestScript {
		return nil, true
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	if err != nil {
		return nil, true
	}
	type state struct{ background, otherwise bool }
	open := []state{{}}                    // of the nodes that are open
	alternatives := map[syntax.Node]bool{} // what stands after ||
	syntax.Walk(file, func(n syntax.Node) bool {
		if n == nil {
			open = open[:len(open)-1]
			return true
		}
		now := open[len(open)-1]
		switch n := n.(type) {
		case *syntax.Stmt:
			now.background = now.background || n.Background || n.Coprocess
			now.otherwise = now.otherwise || alternatives[n]
		case *syntax.BinaryCmd:
			if n.Op == syntax.OrStmt {
				alternatives[n.Y] = true
			}
		case *syntax.IfClause, *syntax.WhileClause, *syntax.ForClause, *syntax.CaseClause, *syntax.FuncDecl:
			branches = true
		case *syntax.CallExpr:
			if len(n.Args) > 0 {
				c := started(wordsOf(text, n.Args))
				c.background, c.otherwise = now.background, now.otherwise
				commands = append(commands, c)
			}
			return false
		case *syntax.Word:
			return false
		}
		open = append(open, now)
		return true
	})
	return commands, branches
}

// A starter is a program that starts another, which its operands name.
type starter struct {
	valued   string // the letters of the options that take the next word as a value
	operands int    // how many words stand between the options and the program
}

var starters = map[string]starter{
	"busybox": {}, "chroot": {"", 1}, "chrt": {"TPD", 1}, "command": {}, "dumb-init": {"r", 0}, "env": {"uCS", 0}, "exec": {"a", 0}, "gosu": {"", 1},
	"ionice": {"cn", 0}, "nice": {"n", 0}, "nohup": {}, "setsid": {}, "stdbuf": {"ioe", 0}, "su-exec": {"", 1}, "sudo": {"CDghpRrTtUu", 0},
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
		if len(rest) <= s.operands || c.program() == "command" && strings.HasPrefix(strings.ToLower(c.words[1]), "-v") {
			return c
		}
		if limit := sleepTime(rest[0]); c.program() == "timeout" && limit > 0 {
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
	for _, w := range words {
		all = append(all, unquoted(text, w.Parts))
	}
	return all
}

// unquoted are the parts of a word without their quotes. What a shell would expand stays as it is written.
func unquoted(text string, parts []syntax.WordPart) string {
	var b strings.Builder
	for _, part := range parts {
		switch part := part.(type) {
		case *syntax.Lit:
			b.WriteString(unescaped(part.Value, ""))
		case *syntax.SglQuoted:
			b.WriteString(part.Value)
		case *syntax.DblQuoted:
			for _, inside := range part.Parts {
				if lit, ok := inside.(*syntax.Lit); ok {
					b.WriteString(unescaped(lit.Value, "\"\\$`\n"))
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

// unescaped removes the backslashes before these characters; empty: before any.
func unescaped(text, quotable string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && (quotable == "" || strings.IndexByte(quotable, text[i+1]) >= 0) {
			if i++; text[i] == '\n' {
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
