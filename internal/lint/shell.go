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
			s.commands, s.branches = simpleCommands(s.text)
			break
		}
	}
	return s
}
