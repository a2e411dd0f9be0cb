package e2e

import (
	"context"
	"time"
)

type event struct {
	Reason, Message, Type string
	Count                 int
	LastTimestamp         time.Time
	InvolvedObject        struct{ Kind, Name, FieldPath string }
}

func (c *tcase) events(ctx context.Context) []event {
	var list struct{ Items []event }
	if err := lab.api.Get(ctx, c.path("events"), &list); err != nil {
		c.Log(err)
	}
	return list.Items
}

// hookFailures counts the events FailedPreStopHook of a container. The kubelet sends events on a way of their own. So it waits for those
// that must come, and a little for one that must not.
func (c *tcase) hookFailures(pod, container string, want int) int {
	c.Helper()
	count := func() int {
		n := 0
		for _, e := range c.events(c.Context()) {
			if e.Reason == "FailedPreStopHook" && e.InvolvedObject.Name == pod && e.InvolvedObject.FieldPath == "spec.containers{"+container+"}" {
				n += max(e.Count, 1)
			}
		}
		return n
	}
	patience := 2 * time.Second
	if want > 0 {
		patience = 4 * busy
	}
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if n := count(); n > 0 && n >= want {
			return n
		}
		pause(c.Context(), 200*time.Millisecond)
	}
	return count()
}

func (c *tcase) tellEvents() {
	for _, e := range c.events(context.Background()) {
		c.Logf("event %s %s %s %s: %s", e.LastTimestamp.Format(time.TimeOnly), e.InvolvedObject.Name, e.InvolvedObject.FieldPath, e.Reason, e.Message)
	}
}
