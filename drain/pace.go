package drain

import (
	"slices"
	"time"
)

// pace counts events of the recent past. However many events there are, it keeps no more than one entry for each stretch of the
// time that it looks back.
type pace struct{ stretches []stretch }

type stretch struct {
	slot   int64
	newest time.Time
	events int
}

// add counts an event. Events come nearly in order.
func (p *pace) add(at time.Time) {
	slot := at.UnixNano() / int64(quietEvery)
	for i := len(p.stretches) - 1; i >= 0; i-- {
		if s := &p.stretches[i]; s.slot == slot {
			s.events++
			if at.After(s.newest) {
				s.newest = at
			}
			return
		}
	}
	p.stretches = append(p.stretches, stretch{slot, at, 1})
}

// forget drops what was before.
func (p *pace) forget(before time.Time) {
	p.stretches = slices.DeleteFunc(p.stretches, func(s stretch) bool { return !s.newest.After(before) })
}

func (p *pace) count() int {
	n := 0
	for _, s := range p.stretches {
		n += s.events
	}
	return n
}
