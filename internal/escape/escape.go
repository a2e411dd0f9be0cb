// Package escape undoes escapes in a text, and escapes what would act on a terminal.
//
// [Views] gives a text with the escapes of JSON, of URLs and of HTML undone, also one kind inside another, and without blanks. It
// remembers where each byte comes from. So internal/secret looks in the views: one of them shows what somebody has escaped in part, or
// more than once, or broken. [Printable] and [JSON] are for whoever prints what others wrote. The package is pure.
package escape

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A View is a text with some of its escapes undone.
type View struct {
	Text   string
	Joined bool  // without blanks: what comes from a place may have blanks after it
	at     []int // where in the original text each byte comes from, and at last that text's end; nil: the same place
}

const (
	// mostLayers is how often escapes are undone: JSON in JSON in a URL has three layers.
	mostLayers = 3
	// longest is how many bytes an escape has at most.
	longest = 12
)

// kinds are the escapes, by what they begin with. undo takes a text that begins so. It gives what the escape stands for, and its length;
// 0: it is no escape.
var kinds = [...]struct {
	lead byte
	undo func(string) (string, int)
}{{'\\', unquote}, {'%', unpercent}, {'&', unentity}}

// Views are the views of text. The first one is text itself.
func Views(text string) []View {
	all := []View{{Text: text}}
	begin := 0
	for range mostLayers {
		end := len(all)
		for _, v := range all[begin:end] {
			for _, k := range kinds {
				if plainer, ok := v.undone(k.lead, k.undo); ok {
					all = append(all, plainer)
				}
			}
		}
		begin = end
	}
	for _, v := range all {
		if u, ok := v.unbroken(); ok {
			all = append(all, u)
		}
	}
	return all
}

// Blanks are what stands between words, and between lines.
const Blanks = " \t\r\n"

// unbroken is the view without blanks: a server may break a long text anywhere.
func (v View) unbroken() (_ View, ok bool) {
	for _, blank := range []byte(Blanks) {
		if joined, has := v.undone(blank, func(string) (string, int) { return "", 1 }); has {
			v, ok = joined, true
		}
	}
	v.Joined = ok
	return v, ok
}

// Origin is where in the original text the bytes of the view between these two places come from.
func (v View) Origin(from, to int) (int, int) {
	if v.at == nil {
		return from, to
	}
	for from < to && to < len(v.Text) && v.at[to] == v.at[to-1] { // several bytes may come from one escape
		to++
	}
	return v.at[from], v.at[to]
}

// Cut ends a text that was shortened before its secrets were hidden, such as a server's text. By Cut, internal/secret knows that what stands
// before may be the beginning of a secret.
const Cut = "…"

// Begun is the beginning of a text that may be long, in bytes. If the text was cut, it ends in [Cut].
func Begun(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + Cut
}

// undone is the view without one kind of escapes. What a cut has left of an escape stands for nothing.
func (v View) undone(lead byte, undo func(string) (string, int)) (View, bool) {
	if strings.IndexByte(v.Text, lead) < 0 {
		return View{}, false
	}
	text, at := make([]byte, 0, len(v.Text)), make([]int, 0, len(v.Text)+1)
	for n := 0; n < len(v.Text); {
		plain, length := v.Text[n:n+1], 1
		if v.Text[n] == lead {
			rest := v.Text[n:min(len(v.Text), n+longest)]
			if stands, took := undo(rest); took > 0 {
				plain, length = stands, took
			} else if begun := strings.Index(rest, Cut); begun > 0 {
				plain, length = "", begun
			}
		}
		from, _ := v.Origin(n, n)
		for range len(plain) {
			at = append(at, from)
		}
		text = append(text, plain...)
		n += length
	}
	_, end := v.Origin(0, len(v.Text))
	return View{Text: string(text), at: append(at, end)}, len(text) < len(v.Text)
}

// unquote undoes an escape of JSON, or of a quoted text of Go.
func unquote(text string) (string, int) {
	var pair string // a letter of two surrogates
	if strings.HasPrefix(text, `\u`) && json.Unmarshal([]byte(`"`+text+`"`), &pair) == nil && utf8.RuneCountInString(pair) == 1 {
		return pair, len(text)
	}
	if r, multibyte, rest, err := strconv.UnquoteChar(text, 0); err == nil {
		length := len(text) - len(rest)
		if multibyte {
			return string(r), length
		}
		return string([]byte{byte(r)}), length
	}
	if len(text) < 2 || text[1] >= utf8.RuneSelf || strings.IndexByte("uUx", text[1]) >= 0 {
		return "", 0
	}
	return text[1:2], 2
}

func unpercent(text string) (string, int) {
	length := min(len(text), len("%41"))
	plain, err := url.PathUnescape(text[:length])
	if err != nil {
		return "", 0
	}
	return plain, length
}

// entities are those that escape text in HTML and XML.
var entities = map[string]string{"amp": "&", "lt": "<", "gt": ">", "quot": `"`, "apos": "'"}

func unentity(text string) (string, int) {
	name, _, ended := strings.Cut(text[1:], ";")
	if plain, known := entities[name]; known && ended {
		return plain, len(name) + 2
	}
	number, numeric := strings.CutPrefix(strings.ToLower(name), "#")
	if inHex, ok := strings.CutPrefix(number, "x"); ok {
		number = "0x" + inHex
	} else {
		number = strings.TrimLeft(number, "0")
	}
	code, err := strconv.ParseUint(number, 0, 21)
	if !ended || !numeric || err != nil {
		return "", 0
	}
	return string(rune(code)), len(name) + 2
}
