package main

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"
)

// Whatever somebody pastes where a word was expected, an error is no longer than somebody reads, on a terminal and in a dry run.
func TestErrorsAboutLongWords(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 10_000)
	for _, args := range [][]string{
		{long}, {"wait " + long}, {long + " 5s"}, {"-" + long}, {"--" + long}, {"--=" + long}, {"--log-to=" + long}, {"--output=" + long}, {"--grace-period=" + long}, {"version", long},
		{"post http://h/ " + long}, {"post http://h/ " + long + "=1"}, {"post http://h/ max=" + long}, {"post http://h/ expect=" + long}, {"post " + long + "://h/"}, {"post http://h:" + long + "/"}, {"post http://h/ $" + long},
		{"post http://h/ $(" + long + "-)"}, {"get http://h/ json=.a into=" + long + "-"}, {"get http://h/ json=." + long + "[ into=A"}, {"until http://h/ metric=" + long + "{ at-most=1"}, {"until " + long}, {"until quiet " + long},
		{"until quiet ignore=" + long}, {"signal " + long}, {"unlock redis://h/" + long + " key=a value-file=/b"}, {"touch " + long}, {"elasticsearch " + long}, {"elasticsearch http://h type=" + long},
	} {
		var out strings.Builder
		i := &invocation{ctx: context.Background(), start: time.Now(), args: args, env: map[string]string{"PRE_STOP_GRACE_PERIOD_SECONDS": "10"}, stdout: io.Discard, stderr: &out}
		if status := run(i); status != exitConfiguration || out.Len() == 0 || out.Len() > 800 {
			t.Errorf("%.60q…: exit %d, %d bytes: %.400s", args[len(args)-1], status, out.Len(), out.String())
		}
	}
}
