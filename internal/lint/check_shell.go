package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// shellWords finds commands that are written for a shell, or for the kubelet to expand. It tells whether what is run is what
// is written.
func (c *checker) shellWords(h *hook) (asWritten bool) {
	before := len(c.findings)
	first := h.exec[0]
	if h.script.shell == "" {
		const fix = "command: [sh, -c, …] in an image with a shell; prestop needs none: each argument is a step, as in [/prestop, post http://localhost:8080/shutdown, wait 20s]"
		for _, a := range h.exec[1:] {
			if isOperator(a.text) {
				c.found("shell-syntax-without-shell", a.node, a.text+" is an argument of "+h.script.commands[0].program()+" here: the kubelet starts programs, not a shell", fix)
				break
			}
		}
		if c.oneWord(first.node) {
			return false
		}
	}
	if len(h.script.lost) > 0 {
		c.lost(h.script.lost[0].node, h.script)
	}
	asWritten = len(c.findings) == before
	c.notExpanded(h)
	return asWritten
}

func isOperator(word string) bool {
	return slices.Contains([]string{";", "&&", "||", "|", "&", ">", ">>", "<", "2>&1", "2>/dev/null", ">/dev/null"}, word)
}

// oneWord finds a command whose words are written as one.
func (c *checker) oneWord(first node) bool {
	words := strings.Fields(first.text())
	if len(words) > 1 {
		c.found("shell-syntax-without-shell", first, "there is no program with blanks in its name: command is a list of words, and its first is the program ("+words[0]+")",
			"write each word as an item of its own; prestop's steps stand after the program: [/prestop, wait 20s]")
	}
	return len(words) > 1
}

// lost finds words that a shell takes for no part of its script.
func (c *checker) lost(at node, s script) {
	if len(s.lost) > 0 && !strings.Contains(s.text, "$") && len(strings.Fields(s.text)) == 1 {
		c.found("shell-arguments-lost", at, fmt.Sprintf("after -c a shell takes one word for its script, which is only %q: the words after it are no part of it", s.text),
			"write the whole script as one word, in quotes; prestop itself needs no shell")
	}
}

var kubeletReference = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(^|[^$])\$\(([A-Za-z_][A-Za-z0-9_]*)\)`) })

// notExpanded finds $(VAR), which the kubelet expands in a container's command, and not in a hook's.
func (c *checker) notExpanded(h *hook) {
	for _, a := range h.exec {
		found := kubeletReference().FindStringSubmatch(a.text)
		if found == nil {
			continue
		}
		name := found[2]
		_, known := h.env.at[name]
		switch {
		case h.script.shell == "":
			c.found("variable-not-expanded", a.node, "the kubelet does not expand $("+name+") in a hook: "+h.script.commands[0].program()+" gets it as it is written",
				"prestop expands it in its steps; a shell would take $"+name)
			return
		case known || downward(name) != "":
			c.found("variable-not-expanded", a.node, "the kubelet does not expand $("+name+") in a hook, and the shell runs it as a command", fmt.Sprintf(`"$%s"`, name))
			return
		}
	}
}

// signalling are programs that signal another, by name or by what they are told.
func signalling(cmd command) bool {
	words := strings.Join(cmd.words, " ")
	switch cmd.program() {
	case "kill", "pkill", "killall":
		return !slices.Contains(cmd.words, "-0") && !slices.Contains(cmd.words, "-l")
	case "nginx", "openresty":
		return strings.Contains(words, "-s quit") || strings.Contains(words, "-s stop")
	case "apachectl", "apache2ctl", "httpd":
		return strings.Contains(words, "graceful-stop")
	}
	return false
}

var processOne = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(^|\s)/proc/1/|(^|\s)--pid[= ]1(\s|$)`) })

// signals finds hooks that signal and are done, and those that take process 1 for their own.
func (c *checker) signals(h *hook) {
	s := h.script
	if n := len(s.commands); n > 0 && signalling(s.commands[n-1]) && !s.calm() {
		c.found("signals-and-returns", h.command(), "the hook signals the app by "+s.commands[n-1].program()+" and is done: SIGTERM comes right after it, and most apps end at once at a second signal",
			"have the hook wait until the app has ended, or set the signal in the image (STOPSIGNAL) and let the hook only wait")
	}
	c.processOne(h, h.command(), s)
}

// processOne finds what is meant for the app and goes to the pause container.
func (c *checker) processOne(h *hook, at node, s script) {
	if !c.pod.shared() {
		return
	}
	const fix = "prestop's step signal finds the container's own main process, and its log goes to it; or remove shareProcessNamespace"
	for _, cmd := range s.commands {
		words := strings.Join(cmd.words, " ")
		switch {
		case slices.Contains([]string{"kill", "nsenter"}, cmd.program()) && slices.Contains(cmd.words[1:], "1"):
			c.found("shared-processes", at, "process 1 is the pod's pause container, since shareProcessNamespace is true: the signal does not get to the app", fix)
			return
		case slices.Contains([]string{"pkill", "killall"}, cmd.program()):
			c.suspected("shared-processes", at, cmd.program()+" finds the processes of every container of the pod, since shareProcessNamespace is true", fix)
			return
		case processOne().MatchString(words) || strings.Contains(s.text, "/proc/1/fd/"):
			c.found("shared-processes", at, "process 1 is the pod's pause container, since shareProcessNamespace is true: what is read or written there is not the app's", fix)
			return
		}
	}
}
