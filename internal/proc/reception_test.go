package proc

import (
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReception(t *testing.T) {
	t.Parallel()
	const (
		none = "0000000000000000"
		term = "0000000000004000"
		all  = "fffffffe7ffbfeff"
		last = "8000000000000000"
	)
	status := func(held, ignored, caught string) string {
		return "Name:\tSigCgt:\nUmask:\t0022\nState:\tS (sleeping)\nSigQ:\t0/96365\nSigPnd:\t" + all + "\nShdPnd:\t" + all +
			"\nSigBlk:\t" + held + "\nSigIgn:\t" + ignored + "\nSigCgt:\t" + caught + "\nCapInh:\t" + all + "\n"
	}
	const asleep, waits = "do_epoll_wait", "do_sigtimedwait.isra.0"
	for name, tt := range map[string]struct {
		status, wchan string // "": cannot be read
		signal        unix.Signal
		first, other  Reception // as process 1, and as another
	}{
		"no handler":                 {status(none, none, none), asleep, unix.SIGTERM, Dropped, Received},
		"no handler, runs":           {status(none, none, none), "0", unix.SIGTERM, Unseen, Received},
		"no handler, not to be seen": {status(none, none, none), "", unix.SIGTERM, Unseen, Received},
		"waits for some":             {status(none, none, none), waits, unix.SIGTERM, Possible, Received},
		"a handler":                  {status(none, none, term), asleep, unix.SIGTERM, Received, Received},
		"a handler for another":      {status(none, none, term), asleep, unix.SIGQUIT, Dropped, Received},
		"handlers for most":          {status(none, none, all), asleep, unix.SIGTERM, Received, Received},
		"a signalfd":                 {status(term, none, none), asleep, unix.SIGTERM, Received, Received},
		"a signalfd, ignored":        {status(term, term, none), asleep, unix.SIGTERM, Received, Received},
		"ignored":                    {status(none, term, none), asleep, unix.SIGTERM, Ignored, Ignored},
		"ignored, waits for some":    {status(none, term, none), waits, unix.SIGTERM, Possible, Possible},
		"ignored, runs":              {status(none, term, none), "0", unix.SIGTERM, Unseen, Unseen},
		"another is ignored":         {status(none, all, none), asleep, unix.SIGKILL, Dropped, Received},
		"kill":                       {status(all, none, all), waits, unix.SIGKILL, Dropped, Received},
		"stop":                       {status(all, none, all), "", unix.SIGSTOP, Dropped, Received},
		"ignored by default":         {status(none, none, none), asleep, unix.SIGWINCH, Dropped, Ignored},
		"ignored by default, child":  {status(none, none, none), asleep, unix.SIGCHLD, Dropped, Ignored},
		"ignored by default, urgent": {status(none, none, none), asleep, unix.SIGURG, Dropped, Ignored},
		"the last, handled":          {status(none, none, last), asleep, 64, Received, Received},
		"the last, not handled":      {status(none, none, term), asleep, 64, Dropped, Received},
		"the first, handled":         {status(none, none, "1"), asleep, 1, Received, Received},
		"no status":                  {"", asleep, unix.SIGTERM, Unseen, Unseen},
		"no masks":                   {"Name:\tapp\nState:\tS\n", asleep, unix.SIGTERM, Unseen, Unseen},
		"masks that are none":        {status("x", none, none), asleep, unix.SIGTERM, Unseen, Unseen},
		"masks that are too long":    {status(none, none, "1"+none), asleep, unix.SIGTERM, Unseen, Unseen},
		"masks that are cut":         {"SigBlk:\t0\nSigIgn:\t0\nSigC", asleep, unix.SIGTERM, Unseen, Unseen},
	} {
		for pid, want := range map[int]Reception{1: tt.first, 20: tt.other} {
			proc := fakeProc(t, 30)
			dir := strconv.Itoa(pid)
			if tt.status != "" {
				put(t, proc, dir+"/status", tt.status)
			}
			if tt.wchan != "" {
				put(t, proc, dir+"/wchan", tt.wchan)
			}
			if got := (Process{PID: pid}).Reception(proc, tt.signal); got != want {
				t.Errorf("%s: process %d: %v, expected %v", name, pid, got, want)
			}
		}
	}
}
