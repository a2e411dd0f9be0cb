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
	switch v := v.(type) {
	case string:
		return stringJSON(shorten(v, limit))
	case time.Duration:
		return fmt.Sprintf("%.3f", v.Seconds())
	case list:
		var items []string
		for _, item := range v {
			items = append(items, toJSON(item, limit))
		}
		return "[" + strings.Join(items, ",") + "]"
	case object:
		var members []string
		for _, f := range v {
			members = append(members, stringJSON(f.key)+":"+toJSON(f.value, limit))
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	plain, _ := json.Marshal(v) // nil, a bool, a number
	return string(plain)
}

// inJSON escapes what ends a JSON string or a line.
var inJSON = strings.NewReplacer(`"`, `\"`, `\`, `\\`, "\n", `\n`)

// stringJSON is a JSON string. It also escapes what encoding/json leaves alone and what acts on a terminal that shows a log.
func stringJSON(s string) string {
	return `"` + string(escape.JSON([]byte(inJSON.Replace(s)))) + `"` // invalid UTF-8 becomes U+FFFD
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
