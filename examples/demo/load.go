package main

import (
	"context"
	"net/http"
	"time"
)

// A tally is what became of requests.
type tally struct{ ok, failed int }

// sendFor sends a request every 100 ms for as long as d, each over a connection of its own, as one who has not heard yet that the
// pod is going.
func sendFor(ctx context.Context, out *timeline, url string, d time.Duration) tally {
	over := time.NewTimer(d)
	defer over.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Second}
	var t tally
	for {
		select {
		case <-tick.C:
			status := ask(ctx, &client, url)
			if ctx.Err() == nil {
				t.count(out, status)
			}
		case <-over.C:
			out.say(isClient, "has sent GET /work for %.1f s: %d answered, %d failed", d.Seconds(), t.ok, t.failed)
			return t
		case <-ctx.Done():
			return t
		}
	}
}

func (t *tally) count(out *timeline, status int) {
	if status == http.StatusOK {
		t.ok++
		return
	}
	if t.failed++; t.failed == 1 {
		out.say(isClient, "a request FAILED")
	}
}
