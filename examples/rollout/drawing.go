package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"time"
)

// What a lane shows, and in which colour.
var legend = []struct{ colour, what string }{
	{starting, "starts"}, {serving, "serves"}, {hooked, "hook"}, {ending, "after SIGTERM"}, {failing, "failed request"},
}

const (
	starting = "#c8c8c8"
	serving  = "#7fb685"
	hooked   = "#f2c14e"
	ending   = "#8d6a9f"
	failing  = "#d1345b"
)

// The drawing's measures, in pixels.
const (
	left, right   = 190, 30
	lane          = 12
	gap           = 34 // between strategies
	top, bottom   = 60, 40
	across        = 1000 // of the time
	fontSize      = 12
	gridEvery     = 5 * time.Second
	beforeRollout = before
)

// A canvas is an SVG under way.
type canvas struct {
	bytes.Buffer
	total time.Duration
}

// drawing is the timeline of all results as an SVG: a lane for each pod.
func drawing(results []result) []byte {
	c := &canvas{total: span(results)}
	height := top + bottom
	for _, r := range results {
		height += gap + lane*len(r.pods)
	}
	c.printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="%d">`, left+across+right, height, fontSize)
	c.printf(`<title>Each way to stop a pod, seed %d</title>`, results[0].seed)
	c.printf(`<rect width="100%%" height="100%%" fill="white"/>`)
	c.legend()
	c.grid(height)
	y := top
	for _, r := range results {
		y = c.strategy(r, y)
	}
	c.printf(`</svg>`)
	return c.Bytes()
}

// span is from the rollout's beginning to the end of whatever was drawn last.
func span(results []result) time.Duration {
	var longest time.Duration
	for _, r := range results {
		longest = max(longest, r.rollout())
		for _, q := range r.requests {
			longest = max(longest, q.ended.Sub(r.begun))
		}
	}
	return longest + time.Second
}

func (c *canvas) printf(format string, args ...any) { fmt.Fprintf(c, format+"\n", args...) }

func (c *canvas) text(x, y int, text string, more string) {
	c.printf(`<text x="%d" y="%d"%s>%s</text>`, x, y, more, escaped(text))
}

func escaped(text string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(text)) // a buffer takes everything
	return b.String()
}

// x is where a moment is. Moments before the drawing's beginning are moved to it.
func (c *canvas) x(at time.Duration) float64 {
	at = max(at, -beforeRollout)
	return left + float64(at+beforeRollout)/float64(c.total+beforeRollout)*across
}

func (c *canvas) legend() {
	x := left
	for _, l := range legend {
		c.printf(`<rect x="%d" y="14" width="12" height="12" fill="%s"/>`, x, l.colour)
		c.text(x+18, 24, l.what, "")
		x += 140
	}
}

func (c *canvas) grid(height int) {
	for at := time.Duration(0); at < c.total; at += gridEvery {
		c.printf(`<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#e4e4e4"/>`, c.x(at), c.x(at), top-10, height-bottom)
		c.text(int(c.x(at)), height-bottom+16, fmt.Sprintf("%.0f s", at.Seconds()), ` text-anchor="middle"`)
	}
}

// strategy draws the lanes of one strategy, and returns where the next begins.
func (c *canvas) strategy(r result, y int) int {
	heading := fmt.Sprintf("%s: %d of %d requests failed, hook %s, rollout %s", r.name, len(r.failed()), len(r.requests), seconds(r.mean(hookTime)), seconds(r.rollout()))
	c.text(left, y+14, heading, ` font-weight="bold"`)
	y += 20
	at := make(map[*pod]int)
	for _, p := range r.pods {
		c.text(left-10, y+10, p.name, ` text-anchor="end"`)
		c.pod(r, p, y)
		at[p], y = y, y+lane
	}
	for _, q := range r.failed() {
		if y, ok := at[q.to]; ok {
			x := c.x(q.ended.Sub(r.begun))
			c.printf(`<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="%s" stroke-width="1.5"/>`, x, x, y-1, y+lane-1, failing)
		}
	}
	return y + gap - 20
}

func (c *canvas) pod(r result, p *pod, y int) {
	c.stretch(r, p.begun, p.ready, y, starting)
	if !p.deleted {
		c.stretch(r, p.ready, r.begun.Add(c.total), y, serving)
		return
	}
	c.stretch(r, p.ready, p.termination.begun, y, serving)
	c.stretch(r, p.termination.begun, p.sigterm, y, hooked)
	c.stretch(r, p.sigterm, p.termination.ended, y, ending)
	x := c.x(p.sigterm.Sub(r.begun))
	c.printf(`<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="%s" stroke-width="2"/>`, x, x, y, y+lane-2, ending)
}

func (c *canvas) stretch(r result, from, to time.Time, y int, colour string) {
	x1, x2 := c.x(from.Sub(r.begun)), c.x(to.Sub(r.begun))
	c.printf(`<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`, x1, y, max(0, x2-x1), lane-2, colour)
}
