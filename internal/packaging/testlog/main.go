// Command testlog reads what `go test -json` writes, and prints what `go test` without -json would print. Before each package's line it
// also prints which tests were skipped, and why. It is for the Makefile, where go test's own exit status counts.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

func main() {
	if err := write(os.Stdout, os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "testlog:", err)
		os.Exit(1)
	}
}

// An event is an event of `go doc test2json` or of `go help buildjson`.
type event struct {
	Action, Package, Test, Output string
}

// tests are the tests of a package that have not passed yet, and what each has written.
type tests map[string]string

func write(to io.Writer, from io.Reader) error {
	packages := make(map[string]tests)
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF && line == "" {
			return nil
		}
		if err != nil && err != io.EOF {
			return err
		}
		var e event
		if json.Unmarshal([]byte(line), &e) != nil { // a program that the tests start has written it
			fmt.Fprint(to, line)
			continue
		}
		if packages[e.Package] == nil {
			packages[e.Package] = make(tests)
		}
		packages[e.Package].hear(to, e)
	}
}

func (all tests) hear(to io.Writer, e event) {
	switch {
	case e.Action == "build-output":
		fmt.Fprint(to, e.Output)
	case e.Test == "" && e.Action == "fail": // the tests that did not come to their end
		for _, name := range slices.Sorted(maps.Keys(all)) {
			fmt.Fprint(to, all[name])
		}
	case e.Test == "" && e.Action == "output" && e.Output != "PASS\n":
		fmt.Fprint(to, e.Output)
	case e.Action == "output" && !strings.HasPrefix(e.Output, "=== "):
		all[e.Test] += e.Output
	case e.Action == "fail":
		fmt.Fprint(to, all[e.Test])
		delete(all, e.Test)
	case e.Action == "skip" && e.Test != "":
		fmt.Fprintf(to, "skipped: %s %s: %s\n", e.Package, e.Test, reason(all[e.Test]))
		delete(all, e.Test)
	case e.Action == "pass":
		delete(all, e.Test)
	}
}

// reason is what a skipped test has written, in one line, without the place in its file and without its result.
func reason(output string) string {
	var all []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if _, text, found := strings.Cut(line, "_test.go:"); found {
			_, line, _ = strings.Cut(text, ": ")
		}
		if !strings.HasPrefix(line, "--- SKIP: ") {
			all = append(all, line)
		}
	}
	return strings.Join(all, " ")
}
