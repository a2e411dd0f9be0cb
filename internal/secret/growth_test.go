//go:build !race

package secret

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prestop/prestop/internal/escape"
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/timing"
)

// unreadable hides in a line that cannot be read what may be a secret.
func unreadable(line string) string {
	s := &Set{}
	names := []string{"header", "timeout", "value-file"}
	for _, word := range grammar.PerhapsSecret(line, names) {
		s.Add(word)
	}
	return s.Hide(grammar.ShownUnreadable(line, names))
}

// Ten times as much takes about ten times as long, and not a hundred times. What a server says is as long as it likes.
func TestCostGrowsAsTheText(t *testing.T) {
	const most = 40 // of what grows with the square it is a hundred times; beside others a processor is slower at times
	many := filled(2000)
	many.Hide("") // makes what is searched with
	text := strings.Repeat("AKIA-0000 is not a secret, nor is AKIA-"+strings.Repeat("0", 15)+". ", 20000)[:1<<20]
	words := strings.Repeat("hunter22 ", 10000)
	long := &Set{}
	long.Add(strings.Repeat("hunter22 ", 100000))
	long.Hide("")
	for name, do := range map[string]func(n int) func(){
		"a long text": func(n int) func() { return func() { many.Hide(text[:len(text)/10*n]) } },
		"a text that is cut often": func(n int) func() {
			cut := strings.Repeat("AKIA-00"+escape.Cut, 10000*n)
			return func() { many.Hide(cut) }
		},
		"a text of cuts":              func(n int) func() { cut := strings.Repeat(escape.Cut, 30000*n); return func() { many.Hide(cut) } },
		"the beginning of a long one": func(n int) func() { cut := words[:len(words)/10*n] + escape.Cut; return func() { long.Hide(cut) } },
		"many secrets":                func(n int) func() { return func() { filled(200 * n).Hide("x") } },
		"a line that cannot be read": func(n int) func() {
			line := "post http://h/ token=" + distinct(900*n)
			return func() { unreadable(line) }
		},
		"many words that resemble an option": func(n int) func() {
			line := "post http://h/ token=x" + strings.Repeat(" timeou=1", 900*n)
			return func() { unreadable(line) }
		},
		"a URL that cannot be read": func(n int) func() {
			line := "post http://" + strings.Repeat("x:", 4500*n) + "@h/"
			return func() { unreadable(line) }
		},
		"many words that sound like it": func(n int) func() {
			line := strings.Repeat("token=", 1500*n)
			return func() { unreadable(line) }
		},
		"a token of one word":       func(n int) func() { return token(t, strings.Repeat("hunter22", 12000*n)) },
		"a token of words":          func(n int) func() { return token(t, distinct(96000*n)) },
		"a token file of cookies":   func(n int) func() { return tokenFile(t, strings.ReplaceAll(distinct(9600*n), " ", "; a=")) },
		"a token file of lines":     func(n int) func() { return tokenFile(t, strings.ReplaceAll(distinct(9600*n), " ", "\n")) },
		"a token file that is JSON": func(n int) func() { return bodyFile(t, `["`+strings.ReplaceAll(distinct(9600*n), " ", `","`)+`"]`) },
		"a text of escapes in escapes": func(n int) func() {
			line := strings.Repeat(`%255c%5Cu00%2541&#37;41\\\\u0041`, 1000*n)
			return func() { many.Hide(line) }
		},
	} {
		t.Run(name, func(t *testing.T) { timing.Growth(t, most, do(1), do(10)) })
	}
}

// fileOf is the path of a file with this text.
func fileOf(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// tokenFile reads a file that somebody took for a token, and hides what a server says of it.
func tokenFile(t *testing.T, text string) func() {
	path := fileOf(t, text)
	return func() {
		s := &Set{}
		if got, err := s.File(path)(); err != nil || s.Hide("no: "+got[:500]+escape.Cut) == "no: "+got[:500]+escape.Cut {
			t.Errorf("%.100q is not hidden: %v", got, err)
		}
	}
}

// token is tokenFile for a text that may be longer than a file of secrets.
func token(t *testing.T, text string) func() {
	return func() {
		s := &Set{}
		s.addCredential(text, stars)
		if said := "no: " + text[:500] + escape.Cut; s.Hide(said) == said {
			t.Errorf("%.100q is not hidden", text)
		}
	}
}

// bodyFile is tokenFile for a file that is sent as a body.
func bodyFile(t *testing.T, text string) func() {
	path := fileOf(t, text)
	return func() {
		s := &Set{}
		if got, err := s.Content(path); err != nil || strings.Contains(s.Hide(string(got)), `","`) {
			t.Errorf("it is not hidden: %v", err)
		}
	}
}

// distinct is so many bytes in words of nine.
func distinct(bytes int) string {
	var out strings.Builder
	for n := 0; out.Len() < bytes; n++ {
		fmt.Fprintf(&out, "%08x ", n*0x9e3779b9&0xffffffff)
	}
	return out.String()
}
