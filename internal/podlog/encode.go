package podlog

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// toJSON is a field's value as JSON. Each string is shortened to limit bytes.
func toJSON(v any, limit int) string {
	var b strings.Builder
	writeJSON(&b, v, limit)
	return b.String()
}

func writeJSON(b *strings.Builder, v any, limit int) {
	switch v := v.(type) {
	case string:
		writeString(b, shorten(v, limit))
	case time.Duration:
		fmt.Fprintf(b, "%.3f", v.Seconds())
	case list:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, item, limit)
		}
		b.WriteByte(']')
	case object:
		b.WriteByte('{')
		for i, f := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			writeString(b, f.key)
			b.WriteByte(':')
			writeJSON(b, f.value, limit)
		}
		b.WriteByte('}')
	default: // nil, a bool, a number
		plain, _ := json.Marshal(v)
		b.Write(plain)
	}
}

// writeString writes a JSON string. It also escapes what encoding/json leaves alone: delete, the C1
// controls and the marks that reverse a line. All of these act on a terminal that shows a log.
func writeString(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range s { // invalid UTF-8 comes as U+FFFD
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(b, `\u%04x`, unit)
			}
		}
	}
	b.WriteByte('"')
}

// writeText writes key=value for each field, the keys of groups joined with dots.
func writeText(b *strings.Builder, prefix string, o object, limit int) {
	for _, f := range o {
		key, value := prefix+f.key, ""
		switch v := f.value.(type) {
		case object:
			writeText(b, key+".", v, limit)
			continue
		case string:
			value = quoted(shorten(v, limit))
		case time.Duration:
			value = v.Round(time.Millisecond).String()
		default:
			value = toJSON(v, limit)
		}
		b.WriteString(" " + quoted(key) + "=" + value)
	}
}

// quoted puts a string in quotes unless it is one plain word.
func quoted(s string) string {
	q := strconv.Quote(s)
	if s == "" || strings.ContainsAny(s, " =") || len(q) != len(s)+2 {
		return q
	}
	return s
}
