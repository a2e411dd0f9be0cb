package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/prestop/prestop/internal/flagset"
)

const completionUsage = `kubectl prestop completion prints a script that completes what is typed.

  kubectl prestop completion kubectl > /usr/local/bin/kubectl_complete-prestop && chmod +x /usr/local/bin/kubectl_complete-prestop
  source <(kubectl prestop completion bash)
  source <(kubectl prestop completion zsh)
  kubectl prestop completion fish | source

The first is what kubectl runs to complete kubectl prestop, wherever kubectl itself is completed. The others are for the program's own
name, kubectl-prestop.
`

// completions are the completion scripts, by the program or shell that they are for. Each runs this program to complete a word.
var completions = []struct{ name, script string }{
	{"kubectl", `#!/bin/sh
exec kubectl-prestop __complete "$@"
`},
	{"bash", `_kubectl_prestop() {
  local -a answer
  mapfile -t answer < <(kubectl-prestop __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1)
  COMPREPLY=()
  if [[ ${#answer[@]} -gt 0 && ${answer[-1]} == :0 ]]; then
    compopt -o default
  fi
  mapfile -t COMPREPLY < <(printf '%s\n' "${answer[@]}" | grep -v '^:')
}
complete -F _kubectl_prestop kubectl-prestop
`},
	{"zsh", `#compdef kubectl-prestop
_kubectl_prestop() {
  local -a answer
  answer=("${(@f)$(kubectl-prestop __complete "${words[@]:1:$((CURRENT-1))}" 2>/dev/null | cut -f1)}")
  if [[ "${answer[-1]}" == ":0" ]]; then _files; fi
  compadd -- "${(@)answer:#:*}"
}
compdef _kubectl_prestop kubectl-prestop
`},
	{"fish", `function __kubectl_prestop
  kubectl-prestop __complete (commandline --tokens-expanded --cut-at-cursor)[2..-1] (commandline --current-token) 2>/dev/null | string match --invert --regex '^:'
end
complete --command kubectl-prestop --arguments '(__kubectl_prestop)'
`},
}

func printCompletion(i invocation) int {
	var names []string
	for _, c := range completions {
		names = append(names, c.name)
		if len(i.args) == 1 && i.args[0] == c.name {
			io.WriteString(i.stdout, c.script)
			return exitDone
		}
	}
	if len(i.args) == 1 && (i.args[0] == "-h" || i.args[0] == "--help") {
		io.WriteString(i.stdout, completionUsage)
		return exitDone
	}
	got := "nothing"
	if len(i.args) > 0 {
		got = strconv.Quote(strings.Join(i.args, " "))
	}
	return i.complain("completion", "expected one of %s, got %s", strings.Join(names, ", "), got)
}

// Directives for a completion script, in the form that kubectl reads.
const (
	orFiles = ":0" // the word may also be a file
	noFiles = ":4"
)

// complete prints the words that the last argument may become, one per line with its meaning, and then a directive.
func complete(i invocation) int {
	if len(i.args) == 0 {
		i.args = []string{""}
	}
	last := len(i.args) - 1
	begun, before := i.args[last], i.args[:last]
	offer := func(word, does string) {
		if strings.HasPrefix(word, begun) {
			fmt.Fprintf(i.stdout, "%s\t%s\n", word, does)
		}
	}
	if len(before) == 0 {
		for _, c := range commands() {
			offer(c.name, c.does)
		}
		fmt.Fprintln(i.stdout, noFiles)
		return exitDone
	}
	directive := noFiles
	for _, c := range commands() {
		switch {
		case c.name != before[0]:
		case c.name == "completion" && len(before) == 1:
			for _, one := range completions {
				offer(one.name, "")
			}
		case c.name == "lint" && (before[last-1] == "-o" || before[last-1] == "--output"):
			for _, name := range outputNames() {
				offer(name, "")
			}
		case c.flags != nil && strings.HasPrefix(begun, "-"):
			c.flags().VisitAll(func(f *flagset.Flag) {
				if !f.Hidden {
					offer("--"+f.Name, strings.ReplaceAll(f.Usage, "`", "")) // the quotes mark the name of the value
				}
			})
		case c.flags != nil:
			directive = orFiles
		}
	}
	fmt.Fprintln(i.stdout, directive)
	return exitDone
}
