package podlog

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/escape"
)

// line is a record that is ready to be written, as JSON or as text.
type line struct {
	time               time.Time // zero: not known
	level, message     string
	attrs              object
	clocked            bool // elapsed and remaining are known
	elapsed, remaining time.Duration
	failed             bool // there is an error message
	failure            string
}

// add takes an attribute. The error is kept apart, since it is written last. A key of the line itself is no attribute's at the top.
func (l *line) add(f field) {
	own := []string{"@timestamp", "log.level", "message", "ecs.version", "event.dataset", "elapsed", "remaining", "left_out"}
	switch {
	case f.key == errorKey:
		l.failed, l.failure = true, asText(f.value)
	case slices.Contains(own, f.key):
		l.attrs = l.attrs.set("labels."+f.key, f.value)
	default:
		l.attrs = l.attrs.set(f.key, f.value)
	}
}

func (l *line) json(attrs object, limit int) string {
	var o object
	if !l.time.IsZero() {
		o = object{{"@timestamp", timestamp(l.time)}}
	}
	o = append(o, object{{"log.level", l.level}, {"message", l.message}, {"ecs.version", "8.11.0"}, {"event.dataset", "prestop"}}...)
	o = append(o, attrs...)
	if l.clocked {
		o = append(o, field{"elapsed", l.elapsed}, field{"remaining", l.remaining})
	}
	if l.failed {
		o = append(o, field{errorKey, l.failure})
	}
	return toJSON(o, limit) + "\n"
}

func (l *line) text(attrs object, limit int) string {
	var b strings.Builder
	if !l.time.IsZero() {
		b.WriteString(l.time.Format("15:04:05 "))
	}
	if l.clocked {
		fmt.Fprintf(&b, "+%.1fs ", l.elapsed.Seconds())
	}
	fmt.Fprintf(&b, "%-5s %s", l.level, escape.Printable(shorten(l.message, limit)))
	rest := slices.Clone(attrs)
	if l.failed {
		rest = append(rest, field{"error", l.failure})
	}
	if len(rest) > 0 {
		b.WriteByte(' ')
	}
	writeText(&b, "", rest, limit)
	return b.String() + "\n"
}
