package prestop

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// An Outcome is how an entry ended.
type Outcome string

const (
	Running Outcome = "running" // begun and, in a final report, never ended
	Done    Outcome = "done"
	Failed  Outcome = "failed"  // could not be done, or could not see
	Cut     Outcome = "cut"     // its share of the time ran out first
	Left    Outcome = "left"    // it did not return when its time was over and was left behind
	Skipped Outcome = "skipped" // an earlier delivery had begun it, and it is to be done once
	Unmet   Outcome = "unmet"   // it was waited for until its own max, or until waits were skipped: a warning
)

// A Report is what became of a plan. It is JSON in the log, in the journal and wherever it is sent, so the
// fields' names are a contract.
type Report struct {
	Elapsed Seconds      `json:"elapsed"`         // of the hook, first delivery included
	Ended   string       `json:"ended,omitempty"` // what ended it before its time
	Steps   []StepReport `json:"steps"`
}

// A StepReport is what became of one entry. Times count from the start of the hook's first delivery.
type StepReport struct {
	Line    string  `json:"step"`
	Outcome Outcome `json:"outcome"`
	Began   Seconds `json:"began"`
	Took    Seconds `json:"took"`
	Error   string  `json:"error,omitempty"`
}

// OK tells whether every entry was done. An Unmet entry counts as done.
func (r *Report) OK() bool { return r.Ended == "" && len(r.Failures()) == 0 }

// Failures are the entries that were not done.
func (r *Report) Failures() []StepReport {
	return slices.DeleteFunc(slices.Clone(r.Steps), func(s StepReport) bool { return s.Outcome == Done || s.Outcome == Unmet })
}

// Note puts the report of entry n, counted from 0, in its place. An entry before it that was not noted had begun.
func (r *Report) Note(n int, s StepReport) {
	for len(r.Steps) <= n {
		r.Steps = append(r.Steps, StepReport{Outcome: Running})
	}
	r.Steps[n] = s
}

func (r *Report) step(i int) (StepReport, bool) {
	if i >= len(r.Steps) {
		return StepReport{}, false
	}
	return r.Steps[i], true
}

// Seconds is a duration that is written as seconds with three decimals in JSON.
type Seconds time.Duration

func (s Seconds) String() string { return time.Duration(s).Round(time.Millisecond).String() }

// MarshalJSON never fails.
func (s Seconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, time.Duration(s).Seconds(), 'f', 3, 64), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Seconds) UnmarshalJSON(text []byte) error {
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return fmt.Errorf("%s is no number of seconds", text)
	}
	*s = Seconds(f * float64(time.Second))
	return nil
}
