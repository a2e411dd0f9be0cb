package podlog

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/prestop/prestop/internal/escape"
)

// pipeBuf is PIPE_BUF: a pipe takes so many bytes as a whole or not at all.
const pipeBuf = 4096

// maxLine is the most bytes of a line, newline included. It is one less than PIPE_BUF: Output puts
// a newline before a line that follows half a line.
const maxLine = pipeBuf - 1

// shortest is what a string is cut to at worst, in bytes.
const shortest = 64

// fit renders a line that is no longer than maxLine. First it decides what has to go, with all
// strings at their shortest. Then the strings get as long as there is room for. fit changes the
// attributes.
func fit(attrs object, render func(attrs object, limit int) string) string {
	if text := render(attrs, maxLine); len(text) <= maxLine {
		return text
	}
	rest := attrs
	for len(rest) > 0 && len(render(marked(rest, len(attrs)), shortest)) > maxLine {
		rest = reduce(rest)
	}
	rest = marked(rest, len(attrs))
	for _, limit := range []int{maxLine, 1024, 256} {
		if text := render(rest, limit); len(text) <= maxLine {
			return text
		}
	}
	return render(rest, shortest)
}

// marked adds how many of the attributes are left out, if any.
func marked(rest object, all int) object {
	if len(rest) == all {
		return rest
	}
	return append(slices.Clip(rest), field{"left_out", json.Number(strconv.Itoa(all - len(rest)))})
}

// reduce replaces the largest structure by a text about its size. If there is no structure, it
// leaves out the second half of the attributes.
func reduce(attrs object) object {
	largest, size := -1, shortest
	for i, f := range attrs {
		if _, isString := f.value.(string); isString {
			continue
		}
		if n := len(toJSON(f.value, shortest)); n > size {
			largest, size = i, n
		}
	}
	if largest < 0 {
		return attrs[:len(attrs)/2]
	}
	whole := len(toJSON(attrs[largest].value, math.MaxInt))
	attrs[largest].value = fmt.Sprintf("too long: %d bytes", whole)
	return attrs
}

// shorten cuts a string to limit bytes, between two characters.
func shorten(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	end := limit - len(escape.Cut)
	for back := 0; back < utf8.UTFMax-1 && !utf8.RuneStart(s[end]); back++ {
		end--
	}
	return s[:end] + escape.Cut
}
