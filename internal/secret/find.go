package secret

import (
	"maps"
	"slices"
	"sort"
	"strings"
)

// A finder finds all forms of all secrets in one walk over a text. It looks at each place of the text as long as a form may
// be, which has a bound, so that its work grows with the text alone.
type finder struct {
	forms  []string // sorted
	shown  []string // instead of each
	inside []int    // the longest other form that each begins with; -1: none
	heads  map[string]bool
	tails  map[string][]string
}

func newFinder(hidden map[string]string, tails map[string][]string) *finder {
	f := &finder{forms: slices.Sorted(maps.Keys(hidden)), heads: make(map[string]bool), tails: maps.Clone(tails)}
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
		f.heads[form[:shortest]] = true
	}
	return f
}

// hide is text without the secrets. Where two overlap, both are taken out whole.
func (f *finder) hide(text string) string {
	var out strings.Builder
	end := 0  // of the last secret; what comes before is written
	cut := -1 // where the next piece of the text ends in Cut
	for at := 0; at+shortest <= len(text); at++ {
		if !f.heads[text[at:at+shortest]] {
			continue
		}
		if cut < at {
			cut = len(text)
			if next := strings.Index(text[at:], Cut); next >= 0 {
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
		if at >= end {
			out.WriteString(text[end:at] + shown)
		}
		end = max(end, at+length)
		if length > longest {
			at = end - 1 // nobody has two of that size
		}
	}
	return out.String() + text[end:]
}

// whole is how long the longest secret is that text begins with, and what is shown instead. 0: it begins with none.
func (f *finder) whole(text string) (length int, shown string) {
	// All forms that text begins with are sorted before text, and the last one before text begins with them too.
	n := sort.Search(len(f.forms), func(n int) bool { return f.forms[n] > text }) - 1
	for n >= 0 && !strings.HasPrefix(text, f.forms[n]) {
		n = f.inside[n]
	}
	if n < 0 {
		return 0, ""
	}
	form, more := f.forms[n], 0
	for _, tail := range f.tails[form] {
		more = max(more, common(tail, text[len(form):]))
	}
	return len(form) + more, f.shown[n]
}

// common is how many bytes a and b begin with alike.
func common(a, b string) int {
	for n := range min(len(a), len(b)) {
		if a[n] != b[n] {
			return n
		}
	}
	return min(len(a), len(b))
}

// begun is a form that begins with text, whose end was cut off. -1: there is none.
func (f *finder) begun(text string) int {
	n := sort.SearchStrings(f.forms, text)
	if len(text) < shortest || n == len(f.forms) || !strings.HasPrefix(f.forms[n], text) {
		return -1
	}
	return n
}
