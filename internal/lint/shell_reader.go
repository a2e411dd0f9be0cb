package lint

import (
	"slices"
	"strings"
)

// shellReader takes a script apart: words, quotes, and what stands between commands. The rest it takes for words.
type shellReader struct {
	text     string
	at       int
	commands []command
	branches bool

	now    command
	word   strings.Builder
	inWord bool // also where the word is still empty, as between two quotes
	toFile bool // the word is a redirection's file
}

// simpleCommands are those of a script; branches: whether, or how often, each is run is not known.
func simpleCommands(text string) (commands []command, branches bool) {
	r := &shellReader{text: text}
	for ; r.at < len(r.text); r.at++ {
		r.read(r.text[r.at])
	}
	r.endCommand(false)
	return r.commands, r.branches
}

// next tells whether c follows.
func (r *shellReader) next(c byte) bool { return r.at+1 < len(r.text) && r.text[r.at+1] == c }

// read reads what begins with c, and moves to its last byte.
func (r *shellReader) read(c byte) {
	switch c {
	case ' ', '\t', '\r':
		r.endWord()
	case '\n', ';', '(', ')':
		r.endCommand(false)
	case '|':
		r.endCommand(false)
		if r.next('|') {
			r.at++
		}
	case '&':
		r.ampersand()
	case '>', '<':
		r.redirection(c)
	case '#':
		r.comment()
	case '\\':
		r.escaped()
	case '\'', '"':
		r.quoted(c)
	case '$':
		r.dollar()
	default:
		r.add(c)
	}
}

func (r *shellReader) add(c byte) {
	r.word.WriteByte(c)
	r.inWord = true
}

func (r *shellReader) endWord() {
	if !r.inWord {
		return
	}
	if !r.toFile {
		r.now.words = append(r.now.words, r.word.String())
	}
	r.word.Reset()
	r.inWord, r.toFile = false, false
}

// keywords begin a command of which it is not known whether, or how often, it is run.
var keywords = []string{"if", "then", "elif", "else", "for", "while", "until", "do", "case", "function", "select"}

// brackets may stand before a command too.
var brackets = []string{"!", "{", "}", "done", "fi", "esac", "(", ")"}

func (r *shellReader) endCommand(background bool) {
	r.endWord()
	words := r.now.words
	for len(words) > 0 && (slices.Contains(keywords, words[0]) || slices.Contains(brackets, words[0])) {
		r.branches = r.branches || slices.Contains(keywords, words[0])
		words = words[1:]
	}
	for len(words) > 0 && isAssignment(words[0]) {
		words = words[1:]
	}
	if len(words) > 0 {
		r.commands = append(r.commands, command{words, background})
	}
	r.now = command{}
}

// ampersand ends a command, unless it is a part of 2>&1 or of &>FILE.
func (r *shellReader) ampersand() {
	switch {
	case r.next('&'):
		r.at++
		r.endCommand(false)
	case r.at > 0 && r.text[r.at-1] == '>' || r.next('>'):
	default:
		r.endCommand(true)
	}
}

// redirection reads up to the file's name; a number before it is no word.
func (r *shellReader) redirection(c byte) {
	if strings.Trim(r.word.String(), "0123456789") == "" {
		r.word.Reset()
		r.inWord = false
	}
	r.endWord()
	r.toFile = true
	if r.next(c) || r.next('&') {
		r.at++
	}
}

// comment leaves out the rest of the line; within a word a # is a letter like any other.
func (r *shellReader) comment() {
	if r.inWord {
		r.add('#')
		return
	}
	rest, _, _ := strings.Cut(r.text[r.at:], "\n")
	r.at += len(rest) - 1
}

func (r *shellReader) escaped() {
	if r.at+1 == len(r.text) {
		return
	}
	if r.at++; r.text[r.at] != '\n' {
		r.add(r.text[r.at])
	}
}

func (r *shellReader) quoted(quote byte) {
	r.inWord = true
	for r.at++; r.at < len(r.text) && r.text[r.at] != quote; r.at++ {
		if quote == '"' && r.text[r.at] == '\\' && r.at+1 < len(r.text) {
			r.at++
		}
		r.add(r.text[r.at])
	}
}

func (r *shellReader) dollar() {
	length := dollarLength(r.text[r.at:])
	r.word.WriteString(r.text[r.at : r.at+length])
	r.inWord = true
	r.at += length - 1
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
