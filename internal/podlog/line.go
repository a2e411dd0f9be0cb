package podlog

import (
	"slices"
	"strconv"
	"strings"
	"time"
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

// owns says whether a key is one that no attribute at the top can have.
func (l *line) owns(key string) bool {
	switch key {
	case "@timestamp", "log.level", "message", "ecs.version", "event.dataset", "elapsed", "remaining", "left_out":
		return true
	}
	return false
}

// add takes an attribute; the error is kept apart, since it is written last.
func (l *line) add(f field) {
	switch {
	case f.key == errorKey:
		l.failed, l.failure = true, asText(f.value)
	case l.owns(f.key):
		l.attrs = l.attrs.set("labels."+f.key, f.value)
	default:
		l.attrs = l.attrs.set(f.key, f.value)
	}
}

func (l *line) json(attrs object, limit int) []byte {
	var o object
	if !l.time.IsZero() {
		o = append(o, field{"@timestamp", timestamp(l.time)})
	}
	o = append(o,
		field{"log.level", l.level},
		field{"message", l.message},
		field{"ecs.version", "8.11.0"},
		field{"event.dataset", "prestop"})
	o = append(o, attrs...)
	if l.clocked {
		o = append(o, field{"elapsed", l.elapsed}, field{"remaining", l.remaining})
	}
	if l.failed {
		o = append(o, field{errorKey, l.failure})
	}
	return append(appendJSON(nil, o, limit), '\n')
}

func (l *line) text(attrs object, limit int) []byte {
	var b []byte
	if !l.time.IsZero() {
		b = l.time.AppendFormat(b, "15:04:05 ")
	}
	if l.clocked {
		b = append(b, '+')
		b = strconv.AppendFloat(b, l.elapsed.Seconds(), 'f', 1, 64)
		b = append(b, "s "...)
	}
	b = append(b, l.level...)
	b = append(b, strings.Repeat(" ", max(0, len("error")-len(l.level)))...)
	b = append(b, ' ')
	b = append(b, printable(shorten(l.message, limit))...)
	rest := slices.Clone(attrs)
	if l.failed {
		rest = append(rest, field{"error", l.failure})
	}
	if len(rest) > 0 {
		b = append(b, ' ')
	}
	return append(appendText(b, "", rest, limit), '\n')
}
