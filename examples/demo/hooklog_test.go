package main

import "testing"

func TestShorten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"panic: no JSON":                     "panic: no JSON",
		"":                                   "",
		"[]":                                 "[]",
		`{"log.level":"info","message":"m"}`: "m",
		`{"log.level":"info","message":"m","step":"post http://h/p","status":204}`:                  "post: m status=204",
		`{"log.level":"info","message":"m","step":"wait 5s","for":5.000}`:                           "wait 5s: m for=5",
		`{"log.level":"error","message":"m","error.message":"e","tasks_remaining":2}`:               "error: m tasks_remaining=2: e",
		`{"log.level":"warn","message":"m","step":7,"settings":{"PRE_STOP_APP_URL":"http://h:1/"}}`: "warn: m",
	} {
		if got := shorten(text); got != want {
			t.Errorf("shorten(%s) = %q, expected %q", text, got, want)
		}
	}
}
