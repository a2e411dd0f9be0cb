package secret

import (
	"maps"
	"slices"
	"sort"
	"strings"
	"unicode"

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

// leastWords is how long a form of letters alone, or of digits alone, must be to be looked for across blanks. A shorter one may be words that
// stand side by side in any text, as not met, or numbers. Stars there would tell what the secret is.
const leastWords = 16

// A span is where a secret stands in a text, in which form, and what is shown instead.
type span struct {
	from, to    int
	form, shown string
}

// besideWords tells whether the form may be words, or a number, that stand side by side in any text.
func (s span) besideWords() bool {
	return len(s.form) < leastWords && !(strings.ContainsFunc(s.form, unicode.IsLetter) && strings.ContainsFunc(s.form, unicode.IsDigit))
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
			if v.Joined && s.besideWords() {
				continue
			} else if v.Joined { // the blanks after it are none of it
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
		n, length := f.whole(text[at:]), 0
		if n >= 0 {
			length = len(f.forms[n])
		}
		if cut < len(text) && at+length < cut {
			if begun := f.begun(text[at:cut]); begun >= 0 {
				n, length = begun, cut-at
			}
		}
		if n >= 0 {
			found = append(found, span{at, at + length, f.forms[n], f.shown[n]})
		}
	}
	return found
}

// whole is the longest form that text begins with. -1: it begins with none.
func (f *finder) whole(text string) int {
	// All forms that text begins with are sorted before text, and the last one before text begins with them too.
	n := sort.Search(len(f.forms), func(n int) bool { return f.forms[n] > text }) - 1
	for n >= 0 && !strings.HasPrefix(text, f.forms[n]) {
		n = f.inside[n]
	}
	return n
}

// begun is a form that begins with text and was cut off there. -1: there is none.
func (f *finder) begun(text string) int {
	n := sort.SearchStrings(f.forms, text)
	if len(text) < leastCut || n == len(f.forms) || !strings.HasPrefix(f.forms[n], text) {
		return -1
	}
	return n
}
