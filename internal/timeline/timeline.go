// Package timeline draws a plan against the grace period, for people.
//
// [New] takes the times from the plan's own schedule. The run uses the same schedule, so the drawing shows what happens. Nothing is decided
// here. The package is for the dry run, for what the hook says on a terminal, and for the kubectl plugin.
package timeline

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/escape"
	"github.com/prestop/prestop/prestop"
)

// A Timeline is a schedule drawn against the grace period. It has a row for each step, and below the row what was found out about
// the step. More rows show what comes after the steps, until the container's end.
type Timeline struct {
	rows  []row
	total time.Duration // from the hook's start to SIGKILL
}

// A row says when something begins and when it has ended, from the hook's start.
type row struct {
	what                   string
	earliest, latest, ends time.Duration
	bar                    []stroke
	below                  []string
}

// A stroke is a part of a bar. Later ones are drawn over earlier ones.
type stroke struct {
	mark     byte
	from, to time.Duration
}

// The marks of a bar.
const (
	planned  = '=' // if everything before it is as quick as possible
	possible = '-' // if everything before it is as slow as possible
	reserved = '#' // for the container's own end
	signaled = '^'
)

// New draws what Plan.Timeline says. Its first rows are those of the entries.
func New(p *prestop.Plan) Timeline {
	slots := p.Timeline()
	t := Timeline{total: p.Grace}
	for n, s := range slots[:len(slots)-1] {
		r := row{what: fmt.Sprintf("%d %s", n+1, escape.Printable(s.Line)), earliest: s.Earliest, latest: s.Latest, ends: s.Ends}
		r.bar = []stroke{{possible, s.Earliest, s.Ends}, {planned, s.Earliest, min(s.Earliest+max(s.Least-s.Short, 0), s.Ends)}}
		t.rows = append(t.rows, r)
	}
	t.rows = append(t.rows, endRows(p, slots[len(slots)-1])...)
	return t
}

const sigterm = "SIGTERM"

// SIGTERM is when the kubelet sends SIGTERM, counted from the hook's start: if everything is as quick as possible, and if it is as slow.
func (t Timeline) SIGTERM() (earliest, latest time.Duration) {
	end := t.rows[slices.IndexFunc(t.rows, func(r row) bool { return r.what == sigterm })]
	return end.earliest, end.latest
}

// Lasts is the same as [Timeline.SIGTERM] for people, as in 20-50s.
func (t Timeline) Lasts() string {
	earliest, latest := t.SIGTERM()
	return row{earliest: earliest, latest: latest}.begins()
}

// Below writes lines below the step of that number, from 0.
func (t Timeline) Below(step int, lines []string) { t.rows[step].below = lines }

// endRows are the rows for what comes after the steps: the floor, the time for the report, and the container's end.
func endRows(p *prestop.Plan, floor prestop.Slot) []row {
	var rows []row
	over := floor.Earliest
	if floor.Least > 0 {
		over = max(over, min(floor.Least-floor.Short, floor.Ends))
		rows = append(rows, row{what: floor.Line + " " + short(floor.Least), ends: over, bar: []stroke{{planned, 0, over}}})
	}
	latest := p.Budget()
	if done := floor.Ends + p.Aside; done < latest-prestop.Engine {
		latest = done
	}
	if p.Aside > 0 {
		begins := max(0, latest-p.Aside)
		rows = append(rows, row{what: "kept for the report", earliest: min(over, begins), latest: begins, ends: latest, bar: []stroke{{planned, begins, latest}}})
	}
	return append(rows,
		row{what: sigterm, earliest: min(over, latest), latest: latest, ends: latest, bar: []stroke{{possible, over, latest}, {signaled, latest, latest}}},
		row{what: "reserved for the container", earliest: p.Budget(), latest: p.Budget(), ends: p.Grace, bar: []stroke{{reserved, p.Budget(), p.Grace}}},
		row{what: "SIGKILL", earliest: p.Grace, latest: p.Grace, ends: p.Grace, bar: []stroke{{signaled, p.Grace, p.Grace}}})
}

// Write draws it in columns.
func (t Timeline) Write(w io.Writer, p Page) {
	c := t.columns(p)
	if p.width() < leastDrawn {
		t.list(w, p, c)
		return
	}
	fmt.Fprintf(w, "%-*s  %-*s  %*s  %s\n", c.what, "STEP", c.begins, "BEGINS", c.ends, "ENDS BY", t.axis(c.bar))
	for _, r := range t.rows {
		r.write(w, p, c, t.paint(r.bar, c.bar))
	}
}

// list writes the times without bars. Each line ends with what its times are for.
func (t Timeline) list(w io.Writer, p Page, c columns) {
	fmt.Fprintf(w, "%-*s  %*s  %s\n", c.begins, "BEGINS", c.ends, "ENDS BY", "STEP")
	indent := strings.Repeat(" ", c.begins+c.ends+2*len("  "))
	for _, r := range t.rows {
		p.wrap(w, fmt.Sprintf("%-*s  %*s  ", c.begins, r.begins(), c.ends, short(r.ends)), indent+"  ", r.what)
		for _, text := range r.below {
			p.wrap(w, indent+"  ", indent+"    ", text)
		}
	}
}

// columns are the widths of the columns.
type columns struct{ what, begins, ends, bar int }

const (
	mostWhat = 34
	leastBar = 16
)

func (t Timeline) columns(p Page) columns {
	c := columns{what: len("STEP"), begins: len("BEGINS"), ends: len("ENDS BY")}
	for _, r := range t.rows {
		c.begins, c.ends = max(c.begins, len(r.begins())), max(c.ends, len(short(r.ends)))
	}
	free := p.width() - c.begins - c.ends - 3*len("  ")
	for _, r := range t.rows {
		if len(r.what) <= min(mostWhat, free-leastBar) {
			c.what = max(c.what, len(r.what))
		}
	}
	c.bar = max(leastBar, free-c.what)
	return c
}

func (r row) begins() string {
	if short(r.earliest) == short(r.latest) {
		return short(r.latest)
	}
	return strings.TrimSuffix(short(r.earliest), "s") + "-" + short(r.latest)
}

func (r row) write(w io.Writer, p Page, c columns, bar string) {
	what := r.what
	if len(what) > c.what {
		p.Wrap(w, "", what)
		what = ""
	}
	if p.Colours {
		bar = colour(bar)
	}
	fmt.Fprintf(w, "%-*s  %-*s  %*s  %s\n", c.what, what, c.begins, r.begins(), c.ends, short(r.ends), bar)
	for _, text := range r.below {
		p.Wrap(w, "  ", text)
	}
}

// axis is the scale of times above the bars.
func (t Timeline) axis(width int) string {
	middle, end := short(t.total/2), short(t.total)
	free := width - len("0s") - len(middle) - len(end)
	if free < len("  ") {
		return fmt.Sprintf("0s%*s", width-len("0s"), end)
	}
	left := min(max(1, width/2-len("0s")-len(middle)/2), free-1)
	return "0s" + strings.Repeat(" ", left) + middle + strings.Repeat(" ", free-left) + end
}

func (t Timeline) paint(bar []stroke, width int) string {
	cells := []byte(strings.Repeat(" ", width))
	cell := func(at time.Duration) int { return int(float64(at) * float64(width) / float64(max(t.total, 1))) }
	for _, s := range bar {
		from := min(cell(s.from), width-1)
		for n := from; n < width && (n == from || n < cell(s.to)); n++ {
			cells[n] = s.mark
		}
	}
	return strings.TrimRight(string(cells), " ")
}

// colour gives each mark its own colour.
func colour(bar string) string {
	codes := map[rune]string{planned: "32", possible: "2", reserved: "33", signaled: "31"}
	var out strings.Builder
	before := ""
	for _, mark := range bar {
		if code := codes[mark]; code != before {
			out.WriteString("\x1b[0" + strings.TrimSuffix(";"+code, ";") + "m")
			before = code
		}
		out.WriteRune(mark)
	}
	return out.String() + "\x1b[0m"
}

// short is a time in seconds, to a tenth.
func short(d time.Duration) string {
	return strconv.FormatFloat(d.Round(100*time.Millisecond).Seconds(), 'f', -1, 64) + "s"
}
