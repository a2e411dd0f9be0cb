package stall

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Place
		wrong := errors.New("wrong")
		if n, err := Do(&p, func() (int, error) { <-time.After(400 * time.Millisecond); return 3, wrong }); n != 3 || err != wrong {
			t.Errorf("%d, %v", n, err)
		}
		if p.Stalled() {
			t.Error("slow is taken for stalled")
		}
		hangs := make(chan struct{})
		begun := time.Now()
		if n, err := Do(&p, func() (int, error) { <-hangs; return 3, nil }); n != 0 || !errors.Is(err, ErrStalled) || time.Since(begun) != patience {
			t.Errorf("%d, %v after %s", n, err, time.Since(begun))
		}
		begun = time.Now()
		if err := p.Call(func() error { t.Error("asked again"); return nil }); !errors.Is(err, ErrStalled) || time.Since(begun) != 0 {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
		close(hangs)

		var other Place
		begun = time.Now()
		n, err := DoOrWait(&other, func(waits func()) (int, error) { waits(); <-time.After(time.Hour); return 4, nil })
		if n != 4 || err != nil || time.Since(begun) != time.Hour {
			t.Errorf("%d, %v after %s", n, err, time.Since(begun))
		}
	})
}
