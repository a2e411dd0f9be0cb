// Package help is the text that the hook prints for people: its subcommands, the steps, the settings and the exit statuses.
//
// Steps and settings come from their tables. It is for cmd/prestop.
package help

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/setting"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/verbs"
)

// Write shows everything that can be configured. If the words of about are a verb, or its beginning, Write shows that verb alone.
func Write(w io.Writer, about ...string) {
	if found := named(verbs.All(), about); len(found) > 0 {
		writeSteps(w, found)
		return
	}
	fmt.Fprint(w, `prestop is a container's exec preStop hook. It tells the process that it is about to stop, waits until
traffic has gone, and is finished before the grace period ends.

  prestop [FLAG…]                      what the environment says: the app's shutdown call, Elasticsearch's, the wait
  prestop [FLAG…] STEP…                each argument one step, in order; or one step: prestop wait 20s
  prestop --dry-run [--output=text|json] [FLAG…] [STEP…]
                                       show the plan, really look where it can, change nothing
  prestop elasticsearch-clear [FLAG…] [--exit-zero]
                                       remove the record that this pod's hook left, as a startup probe
  prestop install DEST                 copy the binary, in an init container
  prestop version                      or --version
  prestop help VERB                    what is below, about one verb

Steps
`)
	writeSteps(w, merged(verbs.All()))
	fmt.Fprint(w, `  A step may end in: once. $(VAR), ${VAR} and $VAR are expanded, $$ is a dollar.

Settings: a flag beats its environment variable
`)
	writeSettings(w, config.Table())
	fmt.Fprint(w, `
Who the pod is: POD_NAME (else the host name), POD_IP, POD_UID, POD_NAMESPACE (or NAMESPACE)

Exit status
  0      done, warnings included
  1      a call failed, a wait could not see, or the deadline cut a step
  2      a mistake in the configuration; in a pod the rest is done and the wait is kept
  128+n  ended by signal n
`)
}

// named are the verbs that begin with these words, or else the one whose second word this is. Flags are no words.
func named(all []*step.Verb, words []string) (found []*step.Verb) {
	words = slices.DeleteFunc(slices.Clone(words), func(word string) bool { return strings.HasPrefix(word, "-") })
	for _, v := range all {
		if name := strings.Fields(v.Name); len(words) > 0 && len(words) <= len(name) && slices.Equal(name[:len(words)], words) {
			found = append(found, v)
		}
	}
	for _, v := range all {
		if _, second, _ := strings.Cut(v.Name, " "); len(words) == 1 && second == words[0] && found == nil {
			return []*step.Verb{v}
		}
	}
	return found
}

func writeSteps(w io.Writer, all []*step.Verb) {
	for _, v := range all {
		fmt.Fprintf(w, "  %s\n      %s\n", strings.TrimSpace(v.Name+" "+v.Target), v.Does)
		if len(v.Options) > 0 {
			fmt.Fprintf(w, "      options: %s=\n", strings.Join(v.Options, "= "))
		}
	}
}

// merged puts verbs that differ only by name on one line.
func merged(all []*step.Verb) []*step.Verb {
	var out []*step.Verb
	for _, v := range all {
		if last := len(out) - 1; last >= 0 && out[last].Does == v.Does {
			out[last].Name += " " + v.Name
			continue
		}
		out = append(out, v)
	}
	return out
}

func writeSettings(w io.Writer, all []setting.Setting) {
	group := ""
	for _, s := range all {
		if s.Group != group {
			group = s.Group
			fmt.Fprintf(w, "\n %s\n", group)
		}
		name := s.Env
		if s.Flag != "" {
			name += ", --" + s.Flag + " " + s.Kind()
		}
		usage := s.Usage
		if text := s.Default(); text != "" {
			usage += " (default " + text + ")"
		}
		fmt.Fprintf(w, "  %s\n      %s\n", name, usage)
	}
}
