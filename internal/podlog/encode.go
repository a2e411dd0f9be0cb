package podlog

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// appendJSON appends a field's value, its strings shortened to limit bytes each.
func appendJSON(b []byte, v any, limit int) []byte {
	switch v := v.(type) {
	case string:
		return appendString(b, shorten(v, limit))
	case bool:
		return strconv.AppendBool(b, v)
	case json.Number:
		return append(b, v...)
	case time.Duration:
		return strconv.AppendFloat(b, v.Seconds(), 'f', 3, 64)
	case list:
		return appendList(b, v, limit)
	case object:
		return appendObject(b, v, limit)
	}
	return append(b, "null"...)
}

func appendList(b []byte, l list, limit int) []byte {
	b = append(b, '[')
	for i, v := range l {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSON(b, v, limit)
	}
	return append(b, ']')
}

func appendObject(b []byte, o object, limit int) []byte {
	b = append(b, '{')
	for i, f := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, f.key), ':')
		b = appendJSON(b, f.value, limit)
	}
	return append(b, '}')
}

// appendString appends a JSON string. It escapes what encoding/json leaves alone: delete, the C1
// controls and the marks that reverse a line, all of which act on a terminal that shows a log.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s { // what is no UTF-8 comes as U+FFFD
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case strconv.IsPrint(r):
			b = utf8.AppendRune(b, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	return append(b, '"')
}

// appendText appends key=value for each field, the keys of groups joined with dots.
func appendText(b []byte, prefix string, o object, limit int) []byte {
	for _, f := range o {
		if inner, ok := f.value.(object); ok {
			b = appendText(b, prefix+f.key+".", inner, limit)
			continue
		}
		b = append(b, ' ')
		b = append(b, quoted(prefix+f.key)...)
		b = append(b, '=')
		b = appendTextValue(b, f.value, limit)
	}
	return b
}

func appendTextValue(b []byte, v any, limit int) []byte {
	switch v := v.(type) {
	case string:
		return append(b, quoted(shorten(v, limit))...)
	case time.Duration:
		return append(b, v.Round(time.Millisecond).String()...)
	}
	return appendJSON(b, v, limit)
}

// quoted puts a string in quotes unless it is one plain word.
func quoted(s string) string {
	q := strconv.Quote(s)
	if s == "" || strings.ContainsAny(s, " =") || len(q) != len(s)+2 {
		return q
	}
	return s
}

// printable escapes a string that has something unprintable in it.
func printable(s string) string {
	plain := utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) < 0
	if plain {
		return s
	}
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}
