package main

import (
	"bytes"
	"io"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/hook"
)

func TestPage(t *testing.T) {
	t.Parallel()
	screen, terminal, err := openTerminal()
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	defer terminal.Close()
	size := func(columns uint16) {
		if err := unix.IoctlSetWinsize(int(screen.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: 24}); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		stdout  io.Writer
		columns uint16
		env     map[string]string
		want    hook.Page
	}{
		{terminal, 120, nil, hook.Page{Width: 120, Colours: true}},
		{terminal, 50, map[string]string{"NO_COLOR": "1"}, hook.Page{Width: 50}},
		{terminal, 50, map[string]string{"TERM": "dumb"}, hook.Page{Width: 50}},
		{terminal, 0, nil, hook.Page{Colours: true}}, // one that does not say
		{&bytes.Buffer{}, 50, nil, hook.Page{}},
	} {
		size(test.columns)
		if got := (invocation{stdout: test.stdout, env: test.env}).page(); got != test.want {
			t.Errorf("%d columns, %v: %+v, want %+v", test.columns, test.env, got, test.want)
		}
	}
}
