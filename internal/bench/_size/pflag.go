package main

import (
	"context"
	"net/http"

	"github.com/spf13/pflag"
)

func init() { uses = append(uses, parse) }

type text string

func (t *text) Set(s string) error { *t = text(s); return nil }
func (t *text) String() string     { return string(*t) }
func (*text) Type() string         { return "text" }

func parse(_ context.Context, _ *http.Client, args []string) error {
	flags := pflag.NewFlagSet(args[0], pflag.ContinueOnError)
	flags.SetInterspersed(false)
	flags.Usage = func() {}
	flags.VarPF(new(text), "text", "", "a text").NoOptDefVal = "true"
	if err := flags.Parse(args[1:]); err != nil && err != pflag.ErrHelp {
		return err
	}
	args[0] = flags.Arg(0)
	return nil
}
