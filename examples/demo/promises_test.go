package main

import (
	"testing"
	"time"
)

func TestPromises(t *testing.T) {
	t.Parallel()
	good := func() outcome {
		return outcome{
			calls: []call{
				{10 * time.Millisecond, isApp, notified},
				{20 * time.Millisecond, isElasticsearch, "PUT /_nodes/id/shutdown 200"},
				{4 * time.Second, isElasticsearch, "GET /_nodes/id/shutdown 200"},
				{8 * time.Second, isKubelet, sigterm},
			},
			end:     termination{hook: wait, left: grace - wait},
			clients: tally{ok: 60},
			took:    10 * time.Second,
		}
	}
	for name, change := range map[string]func(*outcome){
		"app never told":       func(o *outcome) { o.calls = o.calls[1:] },
		"app told too late":    func(o *outcome) { o.calls[0].at = 9 * time.Second },
		"no SIGTERM":           func(o *outcome) { o.calls = o.calls[:3] },
		"no record":            func(o *outcome) { o.calls[1].what = "GET /_nodes/id/shutdown 200" },
		"record refused":       func(o *outcome) { o.calls[1].what = "PUT /_nodes/id/shutdown 503" },
		"two records":          func(o *outcome) { o.calls = append(o.calls, o.calls[1]) },
		"never asked":          func(o *outcome) { o.calls[2].who = isApp },
		"asked before, alone":  func(o *outcome) { o.calls[2].at = 0 },
		"hook failed":          func(o *outcome) { o.end.hookErr = errEndless },
		"hook too short":       func(o *outcome) { o.end.hook = wait - time.Millisecond },
		"hook too long":        func(o *outcome) { o.end.hook = grace },
		"nothing left":         func(o *outcome) { o.end.left = leastGrace },
		"app killed":           func(o *outcome) { o.end.appErr = errEndless },
		"a request failed":     func(o *outcome) { o.clients.failed = 1 },
		"no request was sent":  func(o *outcome) { o.clients = tally{} },
		"longer than promised": func(o *outcome) { o.took = limit + 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := good()
			change(&o)
			broken := 0
			for _, p := range o.promises() {
				if !p.kept {
					broken++
				}
			}
			if broken != 1 {
				t.Errorf("%d promises are broken, expected 1", broken)
			}
		})
	}
	for _, p := range good().promises() {
		if !p.kept {
			t.Errorf("expected to be kept: %s", p.text)
		}
	}
}
