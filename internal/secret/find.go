package secret

import (
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/prestop/prestop/internal/escape"
)

// A finder finds all forms of all secrets in one walk over each view of a text. At each place it looks no further than the longest form.
// The length of a form has a bound, so that the work grows only with the text.
type finder struct {
	forms  []string // sorted
	shown  []string // instead of each
	inside []int    // the longest other form that each begins with; -1: none
	heads  map[string]bool
}

// leastCut is how many bytes of a secret before a cut are enough to hide them.
const leastCut = 4

// A span is where a secret stands in a text, and what is shown instead.
type span struct {
	from, to int
	shown    string
}

func newFinder(hidden map[string]string) *finder {
	f := &finder{forms: slices.Sorted(maps.Keys(hidden)), heads: make(map[string]bool)}
	var open []int // forms that the next one may begin with
	for n, form := range f.forms {
		for len(open) > 0 && !strings.HasPrefix(form, f.forms[open[len(open)-1]]) {
			open = open[:len(open)-1]
		}
		f.inside = append(f.inside, -1)
		if len(open) > 0 {
			f.inside[n] = open[len(open)-1]
		}
		open = append(open, n)
		f.shown = append(f.shown, hidden[form])
		f.heads[form[:leastCut]] = true
	}
	return f
}

// hide is text without the secrets, except those that lie in its first kept bytes. Where two overlap, both are taken out whole.
func (f *finder) hide(text string, kept int) string {
	if len(f.forms) == 0 {
		return text
	}
	found := map[int]span{} // the longest secret from each place on
	for _, v := range escape.Views(text) {
		for _, s := range f.find(v.Text) {
			s.from, s.to = v.Origin(s.from, s.to)
			if v.Joined { // the blanks after it are none of it
				s.to = s.from + len(strings.TrimRight(text[s.from:s.to], escape.Blanks))
			}
			if s.to > found[s.from].to {
				found[s.from] = s
			}
		}
	}
	var out strings.Builder
	end, large := 0, false // of the last secret; what comes before is written
	for at := range len(text) {
		s := found[at]
		if s.to <= kept {
			continue
		}
		if at > end || at == end && !large { // right after a piece of a large secret, the next piece may follow: nothing is shown for it
			out.WriteString(text[end:at] + s.shown)
		}
		end, large = max(end, s.to), s.to-s.from >= longest
	}
	return out.String() + text[end:]
}

// find finds the secrets in a view.
func (f *finder) find(text string) (found []span) {
	cut := -1 // where the next Cut is; the text's length if there is none
	for at := 0; at+leastCut <= len(text); at++ {
		if !f.heads[text[at:at+leastCut]] {
			continue
		}
		if cut < at {
			cut = len(text)
			if next := strings.Index(text[at:], escape.Cut); next >= 0 {
				cut = at + next
			}
		}
		length, shown := f.whole(text[at:])
		if cut < len(text) && at+length < cut {
			if n := f.begun(text[at:cut]); n >= 0 {
				length, shown = cut-at, f.shown[n]
			}
		}
		if length == 0 {
			continue
		}
		found = append(found, span{at, at + length, shown})
	}
	return found
}

// whole is the length of the longest secret that text begins with, and what is shown instead. 0: it begins with none.
func (f *finder) whole(text string) (length int, shown string) {
	// All forms that text begins with are sorted before text, and the last one before text begins with them too.
	n := sort.Search(len(f.forms), func(n int) bool { return f.forms[n] > text }) - 1
	for n >= 0 && !strings.HasPrefix(text, f.forms[n]) {
		n = f.inside[n]
	}
	if n < 0 {
		return 0, ""
	}
	return len(f.forms[n]), f.shown[n]
}

// begun is a form that begins with text and was cut off there. -1: there is none.
func (f *finder) begun(text string) int {
	n := sort.SearchStrings(f.forms, text)
	if len(text) < leastCut || n == len(f.forms) || !strings.HasPrefix(f.forms[n], text) {
		return -1
	}
	return n
}
