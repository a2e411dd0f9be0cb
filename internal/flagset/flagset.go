// Package flagset is pflag as the hook and the plugin use it. A Set prints nothing, and errors use words that a user knows.
//
// A [Set] parses. pflag words its errors for Go programmers. [Text] says instead what was expected, and which flag was perhaps meant.
// [Argument] finds the argument that an error is about. The package knows no flag. It is for internal/config and cmd/kubectl-prestop.
package flagset

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/phrase"
	"github.com/spf13/pflag"
)

// A Set has the flags of a command, and a Flag is one of them.
type (
	Set  = pflag.FlagSet
	Flag = pflag.Flag
)

// ErrHelp is the error of a Set if somebody asks for help.
var ErrHelp = pflag.ErrHelp

// New is a Set without flags. Help lists them in the order in which they are added.
func New(name string) *Set {
	set := pflag.NewFlagSet(name, pflag.ContinueOnError)
	set.Usage = func() {}
	set.SortFlags = false
	return set
}

// Text says what an error of flags means. For an unknown flag it adds the known flag that was perhaps meant.
func Text(flags *Set, err error) string {
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok && invalid.GetFlag().Value.Type() == "bool" {
		return fmt.Sprintf("--%s: expected true or false, got %s", invalid.GetFlag().Name, grammar.Quoted(invalid.GetValue()))
	}
	text := grammar.Begun(err.Error())
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return text
	}
	name := unknown.GetSpecifiedName()
	if short := unknown.GetSpecifiedShortnames(); short != "" { // what follows a short flag may be its value
		text = "unknown flag: -" + name
		name, _, _ = strings.Cut(short, "=")
	}
	var names []string
	flags.VisitAll(func(f *Flag) {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	})
	return text + phrase.DidYouMean("--"+name, names)
}

// Argument is the index of the argument that the error is about, or else of the first argument that is a flag.
func Argument(args []string, err error) int {
	place := slices.IndexFunc(args, func(arg string) bool { return isOf(err, arg) })
	if place < 0 {
		place = slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-") })
	}
	return place
}

func isOf(err error, arg string) bool {
	if e, ok := errors.AsType[*pflag.InvalidSyntaxError](err); ok {
		return arg == e.GetSpecifiedFlag()
	}
	named, ok := errors.AsType[interface {
		error
		GetSpecifiedName() string
		GetSpecifiedShortnames() string
	}](err)
	if !ok {
		return false
	}
	if short := named.GetSpecifiedShortnames(); short != "" {
		return arg == "-"+short
	}
	name, _, _ := strings.Cut(arg, "=")
	return name == "--"+named.GetSpecifiedName()
}
