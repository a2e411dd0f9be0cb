package lint

import (
	"path"
	"slices"
	"strings"
)

// script is what a hook's command runs, taken apart as far as it is simple.
type script struct {
	shell    string // the shell's path; empty: none
	text     string // what the shell is given
	commands []command
	branches bool // it has if, for, while and the like: what is run is not known
	lost     []argument
}

// command is a simple one.
type command struct {
	words      []string // quotes removed, variables as they are written
	background bool
}

func (c command) program() string {
	if len(c.words) == 0 {
		return ""
	}
	return path.Base(c.words[0])
}

var shells = []string{"sh", "bash", "ash", "dash", "zsh", "ksh"}

// scriptOf takes the command of a hook apart.
func scriptOf(args []argument) script {
	if len(args) == 0 {
		return script{}
	}
	name := args[0].text
	rest := args[1:]
	if path.Base(name) == "busybox" && len(rest) > 0 {
		name, rest = rest[0].text, rest[1:]
	}
	if !slices.Contains(shells, path.Base(name)) {
		words := make([]string, 0, len(args))
		for _, a := range args {
			words = append(words, a.text)
		}
		return script{commands: []command{{words: words}}}
	}
	s := script{shell: args[0].text}
	for i, a := range rest {
		if !strings.HasPrefix(a.text, "-") && !strings.HasPrefix(a.text, "+") && a.text != "pipefail" {
			break // a script's file
		}
		if strings.HasPrefix(a.text, "-") && !strings.HasPrefix(a.text, "--") && strings.Contains(a.text, "c") && i+1 < len(rest) {
			s.text, s.lost = rest[i+1].text, rest[i+2:]
			s.parse()
			break
		}
	}
	return s
}

// keywords begin a command of which it is not known whether, or how often, it is run.
var keywords = []string{"if", "then", "elif", "else", "for", "while", "until", "do", "case", "function", "select"}

// parse reads simple commands: words, quotes, and what stands between commands. The rest it takes for words.
func (s *script) parse() {
	var now command
	var word strings.Builder
	inWord, skip := false, false
	endWord := func() {
		if inWord && !skip {
			now.words = append(now.words, word.String())
		}
		if inWord {
			skip = false
		}
		word.Reset()
		inWord = false
	}
	endCommand := func(background bool) {
		endWord()
		for len(now.words) > 0 && (slices.Contains(keywords, now.words[0]) || slices.Contains([]string{"!", "{", "}", "done", "fi", "esac", "(", ")"}, now.words[0])) {
			s.branches = s.branches || slices.Contains(keywords, now.words[0])
			now.words = now.words[1:]
		}
		for len(now.words) > 0 && isAssignment(now.words[0]) {
			now.words = now.words[1:]
		}
		if now.background = background; len(now.words) > 0 {
			s.commands = append(s.commands, now)
		}
		now = command{}
	}
	text := s.text
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case ' ', '\t', '\r':
			endWord()
		case '\n', ';', '(', ')':
			endCommand(false)
		case '|':
			endCommand(false)
			if i+1 < len(text) && text[i+1] == '|' {
				i++
			}
		case '&':
			switch {
			case i+1 < len(text) && text[i+1] == '&':
				i++
				endCommand(false)
			case i > 0 && text[i-1] == '>' || i+1 < len(text) && text[i+1] == '>':
				// a part of 2>&1 or of &>FILE
			default:
				endCommand(true)
			}
		case '>', '<':
			if strings.Trim(word.String(), "0123456789") == "" {
				word.Reset()
				inWord = false
			}
			endWord()
			skip = true // the file's name
			if i+1 < len(text) && (text[i+1] == c || text[i+1] == '&') {
				i++
			}
		case '#':
			if inWord {
				word.WriteByte(c)
				continue
			}
			if end := strings.IndexByte(text[i:], '\n'); end >= 0 {
				i += end - 1
			} else {
				i = len(text)
			}
		case '\\':
			if i+1 < len(text) {
				i++
				if text[i] != '\n' {
					word.WriteByte(text[i])
					inWord = true
				}
			}
		case '\'', '"':
			inWord = true
			for i++; i < len(text) && text[i] != c; i++ {
				if c == '"' && text[i] == '\\' && i+1 < len(text) {
					i++
				}
				word.WriteByte(text[i])
			}
		case '$':
			inWord = true
			end := i + dollarLength(text[i:])
			word.WriteString(text[i:end])
			i = end - 1
		default:
			inWord = true
			word.WriteByte(c)
		}
	}
	endCommand(false)
}

// dollarLength is how much of a text that begins with a dollar belongs to it: $(…) and ${…} with what is in them.
func dollarLength(text string) int {
	if len(text) < 2 || text[1] != '(' && text[1] != '{' {
		return 1
	}
	depth := 0
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '(', '{':
			depth++
		case ')', '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

func isAssignment(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	return ok && name != "" && strings.Trim(name, letters+"0123456789_") == ""
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
