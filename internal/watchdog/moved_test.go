package watchdog

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A signal that comes before the deadline is moved is not forgotten.
func TestDeadlineMovedAfterASignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		d := New(ctx, began.Add(time.Hour), func(error) (int, func()) { return 1, func() {} })
		block := make(chan int)
		d.Watch(func() int {
			cancel()
			<-time.After(10 * time.Millisecond)
			d.Until(began.Add(time.Hour))
			return <-block
		})
		if took := time.Since(began); took > time.Second {
			t.Errorf("ended %v after the signal", took)
		}
		close(block)
	})
}
