package main

import (
	"fmt"
	"strings"

	"github.com/prestop/prestop/internal/install"
)

// installSelf copies this binary, for an init container that puts it into a volume.
func installSelf(i *invocation) int {
	const expected = "install: expected one destination, a directory or a file, got "
	switch {
	case len(i.args) != 1:
		return i.complain(expected+"%d arguments", len(i.args))
	case i.args[0] == "":
		return i.complain(expected + "nothing")
	case strings.HasPrefix(i.args[0], "-"):
		return i.complain(expected+"the flag %q", i.args[0])
	}
	to, err := install.Self(i.args[0])
	if err != nil {
		i.complain("install: %v", err)
		return exitFailed
	}
	fmt.Fprintln(i.stdout, "installed", to)
	return exitDone
}
