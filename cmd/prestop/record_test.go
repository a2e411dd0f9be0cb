package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// aRecord is what a hook says of its own times, by its own clock: on a busy machine it is woken late as everybody is, but what it
// meant to do is no later for that.
type aRecord []recordLine

// A recordLine is what a line of the log in JSON says of times, in seconds.
type recordLine struct {
	At      time.Time `json:"@timestamp"`
	Message string
	Step    string
	Elapsed float64         // since this delivery began
	For     float64         // that the additional wait still takes
	AtMost  float64         `json:"at_most"` // that the step may take
	Report  json.RawMessage // of the last line
}

// ownSlack is how much later than planned a hook may be by its own clock. It is far more than a busy machine takes, and far less
// than what a wait would take that begins anew, or a hook that does not know of its deadline.
const ownSlack = 500 * time.Millisecond

// recordsOf reads the log of one delivery, or of several.
func recordsOf(log string) (all []aRecord) {
	for text := range strings.Lines(log) {
		var l recordLine
		if json.Unmarshal([]byte(text), &l) != nil {
			continue
		}
		if l.Message == "prestop begins" || len(all) == 0 {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], l)
	}
	return all
}

// begun is when the hook began. Only that compares two deliveries: what one of them says of the other is what is tested.
func (r aRecord) begun() time.Time {
	return r[0].At.Add(-ofSeconds(r[0].Elapsed))
}

// report is the outcome in the last line, or nothing.
func (r aRecord) report() string { return string(r[len(r)-1].Report) }

// outlasts says what is wrong with the end of a delivery that had a budget.
func (r aRecord) outlasts(budget time.Duration) (wrong []string) {
	last := r[len(r)-1]
	if took := ofSeconds(last.Elapsed); last.Report == nil || took > budget+ownSlack {
		return []string{fmt.Sprintf("its last line is %q after %s, want its end within %s", last.Message, took, budget)}
	}
	return nil
}

// waitsAnew says of which waits a delivery meant to wait longer than from the start of the first one: of the plan's, each as long
// as its line says, and of the additional wait, until floor.
func (r aRecord) waitsAnew(first aRecord, floor time.Duration) (wrong []string) {
	age := r.begun().Sub(first.begun())
	for _, l := range r {
		now := age + ofSeconds(l.Elapsed)
		began, known := first.began(l.Step)
		if end := now + ofSeconds(l.For); l.For > 0 && end > began+floor+ownSlack {
			wrong = append(wrong, fmt.Sprintf("it meant to end after %s, want %s", end, began+floor))
		}
		length, isWait := strings.CutPrefix(l.Step, "wait ")
		most, err := time.ParseDuration(length)
		if !isWait || err != nil || l.AtMost == 0 {
			continue
		}
		if !known {
			began = now
		}
		if meant := now + ofSeconds(l.AtMost) - began; meant > most+ownSlack {
			wrong = append(wrong, fmt.Sprintf("it meant to %s for %s", l.Step, meant))
		}
	}
	return wrong
}

// began is how long after the delivery's start a step began. The additional wait, which is no step, counts from the start.
func (r aRecord) began(step string) (at time.Duration, known bool) {
	n := slices.IndexFunc(r, func(l recordLine) bool { return step != "" && l.Step == step && l.AtMost > 0 })
	if n < 0 {
		return 0, false
	}
	return ofSeconds(r[n].Elapsed), true
}

func ofSeconds(n float64) time.Duration {
	return time.Duration(n * float64(time.Second)).Round(time.Millisecond)
}
