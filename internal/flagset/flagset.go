// Package flagset is pflag as the hook and the plugin use it. A Set prints nothing, and what is wrong is said in a user's words.
//
// A [Set] parses. The errors of pflag have Go's words. [Text] says instead what was expected, and which flag was perhaps meant.
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

// ErrHelp is the error of a Set where somebody asks for help.
var ErrHelp = pflag.ErrHelp

// New is a Set without flags. Help lists them in the order in which they are added.
func New(name string) *Set {
	set := pflag.NewFlagSet(name, pflag.ContinueOnError)
	set.Usage = func() {}
	set.SortFlags = false
	return set
}

// Text is what an error of flags means, with the flag that is written almost as one that is not known.
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

// Argument is the place of the argument that the error is about, or else of the first that is a flag.
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
