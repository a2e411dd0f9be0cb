package prestop

import "time"

// end is the last moment, from Start, that an entry may use.
func (p *Plan) end() time.Duration {
	if !p.hasWaits() {
		return max(0, p.Budget()-Engine-p.Late)
	}
	return max(0, p.Budget()-Engine-p.Late-p.Aside)
}

// hasWaits is false for a budget so small that it goes to the calls alone.
func (p *Plan) hasWaits() bool { return p.Budget() >= OneTry }

// need is what some entries of a plan must have.
type need struct {
	calls, waits time.Duration
	more         time.Duration // that calls want beyond what they must have
	open         int           // entries without a bound of their own
}

func (p *Plan) need(e *Entry) (n need) {
	switch {
	case !e.wait():
		n.calls, n.more = e.Least, max(0, e.Want-e.Least)
	case p.hasWaits():
		n.waits = e.Least
	}
	if e.open() {
		n.open = 1
	}
	return n
}

func (n need) and(o need) need {
	return need{n.calls + o.calls, min(n.waits+o.waits, endless), min(n.more+o.more, endless), n.open + o.open}
}

const endless time.Duration = 1 << 61 // longer than any wait or call; twice as much still fits

// schedule says how long each entry of a plan may take.
type schedule struct {
	Plan
	later []need // for each of the Entries: what all that come after it need
}

func (p *Plan) schedule() schedule {
	s := schedule{*p, make([]need, len(p.Entries))}
	for i := len(p.Entries) - 1; i > 0; i-- {
		s.later[i-1] = s.later[i].and(p.need(&p.Entries[i]))
	}
	return s
}

// squeeze says which part of its need each kind of entry can have of the time left. Calls keep their
// seconds, all waits shrink by the same factor, and what calls want beyond that comes last.
func (n need) squeeze(left time.Duration) (calls, waits, more float64) {
	free := left - n.calls - n.waits
	switch {
	case free >= n.more:
		return 1, 1, 1
	case free >= 0:
		return 1, 1, float64(free) / float64(n.more)
	case n.calls <= left:
		return 1, float64(left-n.calls) / float64(n.waits), 0
	default:
		return float64(left) / float64(n.calls), 0, 0
	}
}

func scale(d time.Duration, by float64) time.Duration {
	if by == 1 {
		return d
	}
	return time.Duration(float64(d) * by)
}

// share is the time that entry i may take if it begins at the given moment, counted from Start.
func (p schedule) share(i int, at time.Duration) time.Duration {
	e := p.Entries[i]
	e.Least = max(0, e.Least-p.spent(i, at))
	left := max(0, p.end()-at)
	own, later := p.need(&e), p.later[i]
	all := own.and(later)
	calls, waits, more := all.squeeze(left)
	free := max(0, left-scale(later.calls, calls)-scale(later.waits, waits)-scale(later.more, more))

	switch {
	case e.wait() && !p.hasWaits():
		return 0
	case e.Step == nil:
		return min(scale(e.Least, waits), free)
	case e.open():
		least := scale(e.Least, calls) + scale(own.more, more)
		return least + (free-least)/time.Duration(all.open)
	default:
		return min(free, p.most(i, at))
	}
}

// most is the bound that entry i sets itself, whatever the deadline allows, if it begins at the given moment.
func (p *Plan) most(i int, at time.Duration) time.Duration {
	e, spent := &p.Entries[i], p.spent(i, at)
	switch {
	case e.FromStart:
		return max(e.Least-spent, e.Most-at-p.Age, 0)
	case e.Guard:
		return max(0, e.Most-spent)
	default:
		return e.Most
	}
}

// over is why the time of entry i ends, with this share from the given moment on. Nil: it is a plain wait, which is only shortened.
func (p *Plan) over(i int, share, at time.Duration) error {
	switch e, own := &p.Entries[i], share >= p.most(i, at); {
	case e.Step == nil:
		return nil
	case e.Guard && p.hasWaits() && (e.Yields || own):
		return ErrMax
	case e.Most > 0 && own && !e.Guard:
		return ErrLimit
	}
	return ErrShare
}

// spent is how long before the given moment entry i had begun, if it is a wait in which an earlier delivery was cut. Others
// rely on the time alone, so the wait does not start anew. A call is made again with all of its time.
func (p *Plan) spent(i int, at time.Duration) time.Duration {
	s, begun := p.Earlier.step(i)
	if !begun || s.Outcome != Running || !p.Entries[i].wait() {
		return 0
	}
	return max(0, p.Age+at-time.Duration(s.Began))
}

// floor is how long this delivery lasts at least, from Start.
func (p *Plan) floor() time.Duration {
	if !p.hasWaits() {
		return 0
	}
	return max(0, min(p.Floor-p.Age, p.end()))
}

// A Slot is an entry's place in the schedule; all times count from Plan.Start.
type Slot struct {
	Entry
	Earliest, Latest time.Duration // when it begins, if all before it is as quick, or as slow, as can be
	Ends             time.Duration // when it has ended at the latest
	Short            time.Duration // what its Least lacks
	Cut              bool          // no time is left for it, even if all before it is as quick as can be
}

// Timeline is the schedule of the entries, and a last slot for the wait that makes up the floor.
func (p *Plan) Timeline() []Slot {
	slots := make([]Slot, 0, len(p.Entries)+1)
	var earliest, latest time.Duration
	schedule := p.schedule()
	for i, e := range p.Entries {
		s := Slot{Entry: e, Earliest: earliest, Latest: latest, Ends: latest + schedule.share(i, latest)}
		granted := schedule.share(i, earliest)
		s.Cut = granted <= 0 && p.over(i, 0, earliest) == ErrShare
		if e.wait() {
			s.Short = short(e.Least, granted)
			earliest += min(e.Least-e.Early, granted)
		}
		latest = s.Ends
		slots = append(slots, s)
	}
	last := Slot{
		Entry:    Entry{Line: floorLine, Least: p.Floor},
		Earliest: earliest, Latest: latest, Ends: max(latest, p.floor()),
		Short: short(p.Floor, p.Age+max(p.floor(), earliest)),
	}
	return append(slots, last)
}

// short is how much granted lacks of want. If it lacks no more than Engine, that counts as nothing.
func short(want, granted time.Duration) time.Duration {
	if want-granted <= Engine {
		return 0
	}
	return want - granted
}

// floorLine is what timeline and log call the wait that makes up the floor.
const floorLine = "additional wait"
