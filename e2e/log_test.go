package e2e

import (
	"bufio"
	"encoding/json"
	"strings"
	"sync"
	"time"
)

// A line is one of a container's log, with the runtime's time.
type line struct {
	at   time.Time
	text string
	hook map[string]any // the fields of a line that prestop wrote, else nil
}

func (l line) field(name string) string {
	text, _ := l.hook[name].(string)
	return text
}

// elapsed is how old the hook was when it wrote the line, by its own clock.
func (l line) elapsed() time.Duration {
	n, _ := l.hook["elapsed"].(float64)
	return time.Duration(n * float64(time.Second))
}

// reported is how old the hook was at its end, with its earlier deliveries, as the report in its last line has it.
func (l line) reported() time.Duration {
	report, _ := l.hook["report"].(map[string]any)
	n, _ := report["elapsed"].(float64)
	return time.Duration(n * float64(time.Second))
}

// logged is the log of one container, as `kubectl logs --follow` shows it.
type logged struct {
	mu    sync.Mutex
	all   []line
	ended chan struct{}
}

// followLog keeps a container's log until it ends. If the container was started again, it is only the log of the present one.
func (c *tcase) followLog(pod, container string) *logged {
	c.Helper()
	l := &logged{ended: make(chan struct{})}
	body, err := lab.api.Stream(c.Context(), "GET", c.path("pods/"+pod+"/log?follow=true&timestamps=true&container="+container))
	c.must(err)
	go func() {
		defer close(l.ended)
		defer body.Close()
		for s := bufio.NewScanner(body); s.Scan(); {
			l.add(s.Text())
		}
	}()
	return l
}

func (l *logged) add(text string) {
	stamp, text, _ := strings.Cut(text, " ")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return
	}
	x := line{at: at, text: text}
	if strings.Contains(text, `"event.dataset":"prestop"`) {
		json.Unmarshal([]byte(text), &x.hook)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, x)
}

func (l *logged) end(c *tcase) {
	select {
	case <-l.ended:
	case <-time.After(10 * time.Second):
		c.Log("the log did not end")
	}
}

func (l *logged) lines() []line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]line(nil), l.all...)
}

// find gives the first line that holds a text.
func (l *logged) find(text string) (line, bool) {
	for _, x := range l.lines() {
		if strings.Contains(x.text, text) {
			return x, true
		}
	}
	return line{}, false
}

// last gives the last line that holds a text.
func (l *logged) last(text string) (line, bool) {
	var found line
	for _, x := range l.lines() {
		if strings.Contains(x.text, text) {
			found = x
		}
	}
	return found, found.text != ""
}

// hook gives the lines that prestop wrote.
func (l *logged) hook() []line {
	var mine []line
	for _, x := range l.lines() {
		if x.hook != nil {
			mine = append(mine, x)
		}
	}
	return mine
}
