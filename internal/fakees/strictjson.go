package fakees

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A strictReader reads JSON token by token and knows where each begins.
type strictReader struct {
	body    string
	decoder *json.Decoder
	version Version
}

// readStrings reads an object whose values are all strings and whose fields are all known.
func readStrings(body string, known []string, v Version) (map[string]string, *apiError) {
	r := &strictReader{body, json.NewDecoder(strings.NewReader(body)), v}
	r.decoder.UseNumber()
	token, at, refusal := r.next()
	if refusal != nil {
		return nil, refusal
	}
	if token != json.Delim('{') {
		return nil, unreadable(at, "Expected START_OBJECT but was: "+tokenName(token))
	}
	fields := map[string]string{}
	for r.decoder.More() {
		if refusal := r.field(fields, known); refusal != nil {
			return nil, refusal
		}
	}
	_, _, refusal = r.next()
	return fields, refusal
}

func (r *strictReader) field(fields map[string]string, known []string) *apiError {
	token, at, refusal := r.next()
	if refusal != nil {
		return refusal
	}
	name := token.(string) // the decoder takes nothing else here
	if !slices.Contains(known, name) {
		return unreadable(at, "unknown field ["+name+"]")
	}
	if _, twice := fields[name]; twice {
		return malformed(at, "Duplicate field '"+name+"'", r.version)
	}
	token, at, refusal = r.next()
	if refusal != nil {
		return refusal
	}
	value, ok := token.(string)
	if !ok {
		return unreadable(at, name+" doesn't support values of type: "+tokenName(token))
	}
	fields[name] = value
	return nil
}

func (r *strictReader) next() (token json.Token, at string, refusal *apiError) {
	at = position(r.body, r.decoder.InputOffset())
	token, err := r.decoder.Token()
	if err != nil {
		return nil, at, malformed(at, err.Error(), r.version)
	}
	return token, at, nil
}

// position is the line and column of the first token from an offset on, as errors give it.
func position(body string, offset int64) string {
	skipped := len(body[offset:]) - len(strings.TrimLeft(body[offset:], " \t\r\n,:"))
	before := []byte(body[:int(offset)+skipped])
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("[%d:%d] ", line, column)
}

func tokenName(token json.Token) string {
	switch token := token.(type) {
	case json.Delim:
		return map[json.Delim]string{'{': "START_OBJECT", '[': "START_ARRAY", '}': "END_OBJECT", ']': "END_ARRAY"}[token]
	case bool:
		return "VALUE_BOOLEAN"
	case json.Number:
		return "VALUE_NUMBER"
	case string:
		return "VALUE_STRING"
	}
	return "VALUE_NULL"
}

// unreadable refuses JSON that is not as expected.
func unreadable(at, what string) *apiError {
	return &apiError{
		status: 400, kind: "x_content_parse_exception", reason: at + "[" + putParser + "] " + what, foreign: true,
	}
}

// malformed refuses a text that is not JSON.
func malformed(at, what string, v Version) *apiError {
	kind := "x_content_parse_exception"
	if !v.since(8, 0) {
		kind = "json_parse_exception"
	}
	return &apiError{status: 400, kind: kind, reason: at + what, foreign: true}
}
