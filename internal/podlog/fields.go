package podlog

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"time"
)

// field is one key of an object. Its value is nil, a bool, a string, a json.Number, a
// time.Duration, a list, or an object; nothing else is ever encoded.
type field struct {
	key   string
	value any
}

type object []field

type list []any

const errorKey = "error.message"

// set replaces the field with the same key if the object has one. Otherwise it adds the field at the end. Groups with the same
// name are merged, and errors are joined. Of anything else, the last value counts.
func (o object) set(key string, value any) object {
	for i, f := range o {
		if f.key != key {
			continue
		}
		o[i].value = merge(key, f.value, value)
		return o
	}
	return append(o, field{key, value})
}

func (o object) setAll(fields object) object {
	for _, f := range fields {
		o = o.set(f.key, f.value)
	}
	return o
}

func merge(key string, before, now any) any {
	a, grouped := before.(object)
	b, group := now.(object)
	switch {
	case grouped && group:
		return a.setAll(b)
	case key == errorKey:
		return asText(before) + "; " + asText(now)
	}
	return now
}

func (h *handler) fields(attrs []slog.Attr) (o object) {
	for _, a := range attrs {
		o = h.add(o, a)
	}
	return o
}

func (h *handler) add(o object, a slog.Attr) object {
	a.Value = a.Value.Resolve()
	switch {
	case a.Equal(slog.Attr{}):
		return o
	case a.Value.Kind() == slog.KindGroup:
		group := h.fields(a.Value.Group())
		if a.Key == "" {
			return o.setAll(group)
		}
		if len(group) == 0 {
			return o
		}
		return o.set(a.Key, group)
	}
	_, isError := a.Value.Any().(error)
	value := h.value(a.Value)
	switch {
	case a.Key == "error" && value == nil:
		return o
	case a.Key == "error" || isError:
		return o.set(errorKey, asText(value))
	}
	return o.set(a.Key, value)
}

// value makes a field's value, without secrets. A method of the value may panic, for example on a
// nil pointer. That must not end the hook.
func (h *handler) value(v slog.Value) (value any) {
	defer func() {
		if p := recover(); p != nil {
			value = h.Hide(fmt.Sprintf("%T panicked: %v", v.Any(), p))
		}
	}()
	switch v.Kind() {
	case slog.KindString:
		return h.Hide(v.String())
	case slog.KindDuration:
		return v.Duration()
	case slog.KindTime:
		return timestamp(v.Time())
	}
	return h.anything(v.Any())
}

func (h *handler) anything(v any) any {
	switch v := v.(type) {
	case error:
		return h.Hide(v.Error())
	case []byte:
		return h.Hide(string(v))
	case json.Marshaler, encoding.TextMarshaler, json.Number:
	case fmt.Stringer:
		return h.Hide(v.String())
	case Hidden:
		plain := &handler{Options: Options{Hide: func(text string) string { return text }}}
		return plain.anything(v.Value)
	default:
		if own := reflect.ValueOf(v); own.Kind() == reflect.String {
			return own.String()
		}
	}
	data, err := json.Marshal(v)
	if err != nil { // NaN, a channel, a cycle
		return h.Hide(fmt.Sprintf("%T: %v", v, err))
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return h.decode(d)
}

// decode reads the next value of the output of json.Marshal, so there is never an error. Unlike
// json.Unmarshal it keeps the order of keys.
func (h *handler) decode(d *json.Decoder) any {
	token, _ := d.Token()
	switch token {
	case json.Delim('['):
		l := list{}
		for d.More() {
			l = append(l, h.decode(d))
		}
		d.Token()
		return l
	case json.Delim('{'):
		o := object{}
		for d.More() {
			key, _ := h.decode(d).(string)
			o = o.set(key, h.decode(d))
		}
		d.Token()
		return o
	}
	if text, ok := token.(string); ok {
		return h.Hide(text)
	}
	return token
}

func asText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return toJSON(v, math.MaxInt)
}

func timestamp(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
}
