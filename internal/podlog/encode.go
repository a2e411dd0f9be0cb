package podlog

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/escape"
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

// inJSON escapes what ends a JSON string or a line.
var inJSON = strings.NewReplacer(`"`, `\"`, `\`, `\\`, "\n", `\n`)

// writeString writes a JSON string. It also escapes what encoding/json leaves alone and what acts on a terminal that shows a log.
func writeString(b *strings.Builder, s string) {
	b.WriteByte('"')
	b.Write(escape.JSON([]byte(inJSON.Replace(s)))) // invalid UTF-8 becomes U+FFFD
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
