package drain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/prestop/prestop/internal/web"
)

// JSON is met by an answer in which the value at Path is one of In, or a number of AtMost at most. An answer of another
// status, without that value, or that is no JSON, is none.
type JSON struct {
	Path   Path
	In     []string // texts, numbers as they are written there, true, false or null
	AtMost *float64 // in place of In
	Expect web.Statuses
}

func (c JSON) look(ctx context.Context, client *web.Client, r web.Request) (sight, error) {
	a, err := client.Send(ctx, r)
	if err != nil {
		return sight{}, err
	}
	if !c.Expect.Has(a.Status) {
		return sight{}, fmt.Errorf("%s: %s", web.Place(a.URL), a)
	}
	s, err := c.read(a)
	if err != nil {
		return sight{}, fmt.Errorf("%s: %w", web.Place(a.URL), err)
	}
	return s, nil
}

func (c JSON) read(a web.Answer) (sight, error) {
	if a.Partial {
		return sight{}, fmt.Errorf("the answer is longer than %d MiB", web.MaxBody>>20)
	}
	var doc any
	decoder := json.NewDecoder(bytes.NewReader(a.Body))
	decoder.UseNumber()
	if err := decoder.Decode(&doc); err != nil {
		return sight{}, fmt.Errorf("no JSON: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return sight{}, errors.New("no JSON: something follows the value")
	}
	value, err := c.Path.of(doc)
	if err != nil {
		return sight{}, err
	}
	return c.judge(value)
}

func (c JSON) judge(value any) (sight, error) {
	text, ok := scalar(value)
	if !ok {
		return sight{}, fmt.Errorf("%s is a list or an object, expected a single value", c.Path)
	}
	s := sight{says: fmt.Sprintf("%s is %s", c.Path, short(text))}
	if c.AtMost == nil {
		s.met = slices.Contains(c.In, text)
		return s, nil
	}
	n, isNumber := value.(json.Number)
	number, err := strconv.ParseFloat(string(n), 64)
	if !isNumber || err != nil {
		return sight{}, fmt.Errorf("%s, expected a number", s.says)
	}
	s.met = number <= *c.AtMost
	return s, nil
}

func scalar(value any) (string, bool) {
	switch v := value.(type) {
	case nil:
		return "null", true
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// short keeps a text that a server chose to what a person wants to read.
func short(text string) string {
	const most = 80
	text = strings.ToValidUTF8(text, "�")
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
