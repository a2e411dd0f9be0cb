package config

import (
	"errors"
	"slices"
	"strings"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/phrase"
	"github.com/prestop/prestop/internal/setting"
	"github.com/spf13/pflag"
)

// The errors of [Read] where somebody asks for help or for the version, and for no hook.
var (
	ErrHelp    = pflag.ErrHelp
	ErrVersion = errors.New("the version is asked for")
)

// arguments is the name of a problem with an argument that is no known flag.
const arguments = "arguments"

const versionFlag = "version"

// arguments reads flags up to the first step, since a step may have dashes of its own. A flag that cannot be read is a problem,
// and the others are read all the same. The error is [ErrHelp] or [ErrVersion].
func (r *reader) arguments(args []string) error {
	var unreadable []Problem
	for {
		r.Problems = nil // those of the last time are found again
		flags := r.flags()
		err := flags.Parse(args)
		if flags.Changed(versionFlag) {
			return ErrVersion
		}
		if err == nil {
			r.Arguments, r.Problems = flags.Args(), append(unreadable, r.Problems...)
			return nil
		}
		if err == pflag.ErrHelp {
			return err
		}
		bad := badFlag(args, err)
		unreadable = append(unreadable, Problem{Name: arguments, Text: meant(flags, err)})
		args = slices.Delete(slices.Clone(args), bad, bad+1)
	}
}

// meant is the error, with the flag that is written almost as one that is not known. What follows a short flag may be its value.
func meant(flags *pflag.FlagSet, err error) string {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	switch {
	case !ok:
		return grammar.Begun(err.Error())
	case strings.HasPrefix(unknown.GetSpecifiedShortnames(), " "):
		return "expected steps without a dash before them"
	}
	var all []string
	flags.VisitAll(func(f *pflag.Flag) { all = append(all, "--"+f.Name) })
	name, text := unknown.GetSpecifiedName(), grammar.Begun(err.Error())
	if short := unknown.GetSpecifiedShortnames(); short != "" {
		text = "unknown flag: -" + name
		name, _, _ = strings.Cut(short, "=")
	}
	return text + phrase.DidYouMean("--"+name, all)
}

// badFlag is the place of the argument that pflag stumbled over.
func badFlag(args []string, err error) int {
	bad := slices.IndexFunc(args, func(arg string) bool { return isOf(err, arg) })
	if bad < 0 {
		bad = slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-") })
	}
	return bad
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

func (r *reader) flags() *pflag.FlagSet {
	flags := pflag.NewFlagSet("prestop", pflag.ContinueOnError)
	flags.SetInterspersed(false)
	flags.Usage = func() {}
	flags.String(versionFlag, "", "")
	flags.Lookup(versionFlag).NoOptDefVal = "true"
	for _, s := range r.table {
		if s.Flag != "" {
			r.flag(flags, s)
		}
	}
	r.flag(flags, &setting.Setting{Holder: setting.Of(&r.DryRun, setting.Toggle()), Flag: "dry-run"})
	r.flag(flags, &setting.Setting{Holder: setting.Of(&r.Output, setting.Choice(Text, JSON)), Flag: "output"})
	return flags
}

func (r *reader) flag(flags *pflag.FlagSet, s *setting.Setting) {
	f := flags.VarPF(flagValue{r, s}, s.Flag, "", s.Usage)
	if s.Kind() == setting.TrueFalse {
		f.NoOptDefVal = "true"
	}
}

// flagValue sets a setting by its flag. A wrong value is one of the problems and does not keep others from being read.
type flagValue struct {
	r *reader
	*setting.Setting
}

func (f flagValue) Set(text string) error {
	before := len(f.r.Problems)
	f.r.set(f.Setting, "--"+f.Flag, text)
	if f.Setting.Flag == "dry-run" && len(f.r.Problems) > before {
		f.r.DryRun.V = true // whoever mistypes it wants nothing to be done
	}
	if f.Setting.Flag == "output" {
		f.SetBy("--output") // it needs a dry run whatever its value
	}
	return nil
}

func (f flagValue) String() string { return f.Shown() }
func (f flagValue) Type() string   { return f.Kind() }
