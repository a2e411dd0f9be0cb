package config

import (
	"errors"
	"slices"
	"strings"

	"github.com/prestop/prestop/internal/flagset"
	"github.com/prestop/prestop/internal/setting"
)

// The errors of [Read] if somebody asks for help or for the version. No hook is run then.
var (
	ErrHelp    = flagset.ErrHelp
	ErrVersion = errors.New("the version is asked for")
)

// OfArguments is the name of a problem with an argument that is no known flag.
const OfArguments = "arguments"

const versionFlag = "version"

// arguments reads flags up to the first step, since a step may have dashes of its own. A flag that cannot be read becomes a problem,
// and the other flags are read all the same. The error is [ErrHelp] or [ErrVersion].
func (r *reader) arguments(args []string) error {
	var unreadable []Problem
	for {
		r.Problems = nil // the problems of the last round are found again
		flags := r.flags()
		err := flags.Parse(args)
		if flags.Changed(versionFlag) {
			return ErrVersion
		}
		if err == nil {
			r.Arguments, r.Problems = flags.Args(), append(unreadable, r.Problems...)
			return nil
		}
		if errors.Is(err, flagset.ErrHelp) {
			return err
		}
		bad, text := flagset.Argument(args, err), flagset.Text(flags, err)
		if strings.HasPrefix(args[bad], "- ") {
			text = "expected steps without a dash before them"
		}
		unreadable = append(unreadable, Problem{Name: OfArguments, Text: text})
		args = slices.Delete(slices.Clone(args), bad, bad+1)
	}
}

func (r *reader) flags() *flagset.Set {
	flags := flagset.New("prestop")
	flags.SetInterspersed(r.clear) // it has no steps
	flags.String(versionFlag, "", "")
	flags.Lookup(versionFlag).NoOptDefVal = "true"
	for _, s := range r.table {
		if s.Flag != "" {
			r.flag(flags, s)
		}
	}
	if r.clear {
		r.flag(flags, &setting.Setting{Holder: setting.Of(&r.ExitZero, setting.Toggle()), Flag: "exit-zero"})
		return flags
	}
	r.flag(flags, &setting.Setting{Holder: setting.Of(&r.DryRun, setting.Toggle()), Flag: "dry-run"})
	r.flag(flags, &setting.Setting{Holder: setting.Of(&r.Output, setting.Choice(Text, JSON)), Flag: "output"})
	return flags
}

func (r *reader) flag(flags *flagset.Set, s *setting.Setting) {
	f := flags.VarPF(flagValue{r, s}, s.Flag, "", s.Usage)
	if s.Kind() == setting.TrueFalse {
		f.NoOptDefVal = "true"
	}
}

// flagValue sets a setting by its flag. A wrong value becomes one of the problems, and the other flags are still read.
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
