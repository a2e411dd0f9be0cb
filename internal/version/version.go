// Package version says which version of a program this is. It is for the commands.
package version

import "runtime/debug"

// Name is the version. It is linked, which the linker sets, or else the version of the module, as with go install.
func Name(linked string) string {
	info, ok := debug.ReadBuildInfo()
	switch {
	case linked != "":
		return linked
	case ok && info.Main.Version != "" && info.Main.Version != "(devel)":
		return info.Main.Version
	}
	return "dev"
}

// Text is [Name], and the revision if the build knows one.
func Text(linked string) string {
	text := Name(linked)
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return text
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			text += " revision " + s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			text += ", modified"
		}
	}
	return text
}
