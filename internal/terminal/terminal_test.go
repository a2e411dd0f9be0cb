package terminal

import (
	"bytes"
	"io"
	"testing"

	"github.com/prestop/prestop/internal/testterminal"
	"github.com/prestop/prestop/internal/timeline"
	"golang.org/x/sys/unix"
)

func TestPage(t *testing.T) {
	t.Parallel()
	screen, terminal := testterminal.New(t)
	size := func(columns uint16) {
		if err := unix.IoctlSetWinsize(int(screen.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: 24}); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		stdout  io.Writer
		columns uint16
		env     map[string]string
		want    timeline.Page
	}{
		{terminal, 120, nil, timeline.Page{Width: 120, Colours: true}},
		{terminal, 50, map[string]string{"NO_COLOR": "1"}, timeline.Page{Width: 50}},
		{terminal, 50, map[string]string{"TERM": "dumb"}, timeline.Page{Width: 50}},
		{terminal, 0, nil, timeline.Page{Colours: true}}, // one that does not say
		{&bytes.Buffer{}, 50, nil, timeline.Page{}},
		{terminal, 50, map[string]string{"COLUMNS": "100"}, timeline.Page{Width: 100, Colours: true}},
		{&bytes.Buffer{}, 50, map[string]string{"COLUMNS": "100"}, timeline.Page{Width: 100}},
		{terminal, 50, map[string]string{"COLUMNS": "wide"}, timeline.Page{Width: 50, Colours: true}},
	} {
		size(test.columns)
		if got := Page(test.stdout, test.env); got != test.want {
			t.Errorf("%d columns, %v: %+v, want %+v", test.columns, test.env, got, test.want)
		}
		if got := Is(test.stdout); got != (test.stdout == terminal) {
			t.Errorf("%T is a terminal: %t", test.stdout, got)
		}
	}
}
