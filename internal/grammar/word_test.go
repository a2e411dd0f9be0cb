package grammar

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func env(name string) (string, bool) {
	v, ok := map[string]string{"HOST": "app", "EMPTY": "", "TWO": "a b=c $HOST 'x", "_1": "one"}[name]
	return v, ok
}

func TestSplit(t *testing.T) {
	tests := []struct {
		line string
		want []string
		err  string
	}{
		{"", nil, ""},
		{" \t ", nil, ""},
		{"wait 5s", []string{"wait", "5s"}, ""},
		{"  wait\t5s\r\n", []string{"wait", "5s"}, ""},
		{`post 'a b' "c d"`, []string{"post", "a b", "c d"}, ""},
		{`body='{"a": 1}'x`, []string{`body={"a": 1}x`}, ""},
		{`"a\"b\\c\d"`, []string{`a"b\c\d`}, ""},
		{`a\b\ c`, []string{`a\b\`, "c"}, ""},
		{`'' ""`, []string{"", ""}, ""},
		{"http://$(HOST):80/${HOST}/$HOST/$_1", []string{"http://app:80/app/app/one"}, ""},
		{"$(TWO)", []string{"a b=c $HOST 'x"}, ""},
		{`"$(TWO)" '$(TWO)'`, []string{"a b=c $HOST 'x", "$(TWO)"}, ""},
		{"x$(EMPTY)y $(EMPTY)", []string{"xy", ""}, ""},
		{"$$ $$(HOST) a$ $.status $1", []string{"$", "$(HOST)", "a$", "$.status", "$1"}, ""},
		{"wait $(NOPE)", nil, "column 6: the variable NOPE is not set"},
		{"wait $NOPE", nil, "column 6: the variable NOPE is not set"},
		{"wait $(HOST", nil, "column 6: expected ) after the variable's name"},
		{"wait ${HOST", nil, "column 6: expected } after the variable's name"},
		{"wait $()", nil, `column 6: expected a variable's name (letters, digits and _), got ""`},
		{"wait $(a b)", nil, `column 6: expected a variable's name (letters, digits and _), got "a b"`},
		{"post 'x", nil, "column 6: expected a closing ' after this one"},
		{`post x"y\"`, nil, `column 7: expected a closing " after this one`},
	}
	for _, test := range tests {
		words, err := split(test.line, Scope{Lookup: env})
		var got []string
		for _, w := range words {
			got = append(got, w.Text)
		}
		switch {
		case test.err != "":
			if err == nil || err.Error() != test.err {
				t.Errorf("%q: error %v, want %s", test.line, err, test.err)
			}
		case err != nil || !slices.Equal(got, test.want):
			t.Errorf("%q: %q, %v; want %q", test.line, got, err, test.want)
		}
	}
}

// options parts the options from the other words, as a line that is not raw does.
func options(words []Word) ([]Word, []Option) {
	var l Line
	l.Arrange("", words, false)
	return l.Targets, l.Options
}

func TestOptions(t *testing.T) {
	tests := []struct {
		line          string
		rest, options []string
	}{
		{"post http://x/?a=b", []string{"post", "http://x/?a=b"}, nil},
		{"post timeout=5s http://x token-file=/t", []string{"post", "http://x"}, []string{"timeout 5s", "token-file /t"}},
		{`post header="A: b=c" body=`, []string{"post"}, []string{"header A: b=c", "body "}},
		{`'a=b' "a=b" $(TWO) a$(HOST)=x a'='b`, []string{"a=b", "a=b", "a b=c $HOST 'x", "aapp=x", "a=b"}, nil},
		{"=x A=b a.b=c", []string{"=x", "A=b", "a.b=c"}, nil},
	}
	for _, test := range tests {
		words, err := split(test.line, Scope{Lookup: env})
		if err != nil {
			t.Fatal(err)
		}
		rest, options := options(words)
		var gotRest, gotOptions []string
		for _, w := range rest {
			gotRest = append(gotRest, w.Text)
		}
		for _, o := range options {
			gotOptions = append(gotOptions, o.Key+" "+o.Value)
		}
		if !slices.Equal(gotRest, test.rest) || !slices.Equal(gotOptions, test.options) {
			t.Errorf("%s: %q %q, want %q %q", test.line, gotRest, gotOptions, test.rest, test.options)
		}
	}
}

func TestLate(t *testing.T) {
	t.Parallel()
	words, err := split(`x http://a/$(ID)/b$HOST?c=${ID}x $ID '$(ID)'`, Scope{env, []string{"ID"}})
	if err != nil {
		t.Fatal(err)
	}
	if w := words[1]; w.Text != "http://a/ID/bapp?c=IDx" || !slices.Equal(w.Late(), []string{"ID", "ID"}) {
		t.Errorf("%+v", w)
	}
	n := 0
	got, err := words[1].Fill(nil, func(name string) (string, error) { n++; return strings.Repeat("v", n) + "$(ID)", nil })
	if err != nil || got != "http://a/v$(ID)/bapp?c=vv$(ID)x" {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := words[1].Fill(nil, func(string) (string, error) { return "", errors.ErrUnsupported }); err != errors.ErrUnsupported {
		t.Error(err)
	}
	if len(words[3].Late()) != 0 || words[2].Bare() {
		t.Errorf("%+v", words)
	}
	if got, err := words[1].Part(9, 12).Fill(nil, func(string) (string, error) { return "9", nil }); got != "9/" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
}

func FuzzSplit(f *testing.F) {
	for _, seed := range []string{"wait 5s", `post "a\"b" header='x: y'`, "$(HOST)$$${EMPTY}$", "'", "\"\\", "$("} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words, err := split(text, Scope{Lookup: env})
		if e, ok := err.(*Error); ok && (e.Column < 1 || e.Column > len(text)+1) {
			t.Errorf("%q: column %d", text, e.Column)
		}
		for _, w := range words {
			if w.Column < 1 || w.Column > len(text) || w.plain < 0 || w.plain > len(w.Text) || w.Written == "" {
				t.Errorf("%q: word %+v", text, w)
			}
		}
		if !strings.ContainsAny(text, "'\"$\\") && err == nil {
			if want := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n", r) }); len(want) != len(words) {
				t.Errorf("%q: %d words, want %d", text, len(words), len(want))
			}
		}
		options(words)
	})
}

func FuzzQuote(f *testing.F) {
	for _, seed := range []string{"", "wait", `body={"a": 1}`, `a\b "c\"`, "it's", "a b=c", "header=A: b", "\\", "=\""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, word string) {
		if strings.Contains(word, "$") {
			return
		}
		words, err := split("verb "+Quote(word), Scope{Lookup: env})
		if err != nil || len(words) != 2 || words[1].Text != word {
			t.Fatalf("%q is quoted as %s, which is read as %v (%v)", word, Quote(word), words, err)
		}
		key, _, ok := strings.Cut(word, "=")
		if _, options := options(words[1:]); (len(options) == 1) != (ok && isKey(key)) {
			t.Errorf("%q is quoted as %s, whose options are %v", word, Quote(word), options)
		}
	})
}

// What arrives otherwise than it looks is said, and ordinary lines are no doubt.
func TestDoubts(t *testing.T) {
	t.Parallel()
	const quotes, shell, glob, script = "quotes-misplaced", "shell-syntax-without-shell", "glob-without-shell", "value-in-script"
	for line, want := range map[string][]string{
		`post u body={"a":1}`:                 {quotes, `body={"a":1}: `, `{a:1} arrives`, `write body='{"a":1}'`},
		`post u body={"a":"$(HOST)"}`:         {quotes, `write body="{\"a\":\"$(HOST)\"}"`},
		`post u body={"password":"hunter22"}`: {quotes, `***`},
		`get http://h/{"token":"hunter22"}`:   {quotes, `***`}, `exec a --password=hunter22;`: {shell, `***`},
		`post u metric=x{app="web"}`: {quotes, `write metric='x{app="web"}'`},
		`post u body={a:1}`:          {quotes, "no JSON"}, `post u body='{ a: {b: 1}}'`: {quotes, "no JSON"}, `post u body='{"a": 1}'`: nil, `post u body='{}'`: nil, `post u body=a:1`: nil,
		`post u body='{a: 1}' header=content-type:text/x`: nil, `post u body='{a b}'`: nil, `post u body='{{a}}'`: nil, `post u body='{"a":"$(HOST)", b: 1}'`: {quotes, `$(HOST) stays`},
		`post u json=.items["a"]`:       {quotes, `write json='.items["a"]'`},
		`exec curl -d {"a":1} u`:        {quotes, `write '{"a":1}'`},
		`post u body='{"a":"$(HOST)"}'`: {quotes, `$(HOST) stays`},
		`post u body='a '"b"' ${ID}'`:   {quotes, `${ID} stays`},
		`post u body='$HOST'`:           {quotes, `$HOST stays`},
		`exec sh -c 'echo $(HOST)'`:     {quotes, `$(HOST) stays`},
		`exec ls | grep x`:              {shell, `got "|"`, `exec sh -c '…'`},
		`exec a && b`:                   {shell, `got "&&"`},
		`exec a > f`:                    {shell, `got ">"`},
		`exec a 2>/dev/null`:            {shell, `got "2>/dev/null"`},
		`exec a # why`:                  {shell, `got "#"`}, `exec a \`: {shell, `got "\\"`},
		`exec a b; c`:     {shell, `got "b;"`},
		"exec kill `cat`": {shell, "got \"`cat`\""},

		"exec echo “a”": {quotes, "“a”", "typographic"}, "exec echo ‘a’": {quotes, "‘a’"}, "exec echo --x=„a“": {quotes, "--x=„a“"}, "post u header=”A:b”": {quotes, "header=”A:b”"},
		"exec rm -f /run/*.pid": {glob, "/run/*.pid"}, "exec redis-cli keys user:*": {glob, "user:*"}, "exec cat ~/x": {glob, "~/x"}, "remove /run/*.pid": {glob, "/run/*.pid"},
		`exec sh -c "echo $(TWO)"`: {script, "$(TWO)", `echo "$TWO"`}, `exec /bin/bash -ec "x '"$TWO"'"`: {script, "$(TWO)"},

		"post u body='“a”'": nil, "exec echo it’s": nil, "exec rm '/run/*.pid'": nil, "exec curl http://h/*?x": nil, "exec find / -name *.pid": nil, "exec ls --hide=*.c": nil, "get http://h/*": nil,
		"post u header=A:*/*": nil, `exec sh -c "echo $(HOST)"`: nil, "exec sh -c $(TWO)": nil, `exec sh -x "a $(TWO)"`: nil, `exec rm "/run/"*"$(HOST)"`: nil,

		`post u body='{"a":1}'`: nil, `post u body="{\"a\":1}"`: nil, `post u header=A:"b c"`: nil, `post u body='{'"$(HOST)"'}'`: nil, `post u body="a {b}"`: nil,
		`post u body='$(NONE) $x $$'`: nil, `exec sh -c 'echo $HOST ${HOST} | cat; x'`: nil, `exec a '|' ">" 2 a&b -x`: nil, `exec find / -exec rm {} ;`: nil, `post u a | b`: nil,
		`exec max=5s a`: nil,
	} {
		l, words, err := Split(line, Scope{env, []string{"ID"}})
		if err != nil {
			t.Fatal(err)
		}
		l.Arrange(words[0].Text, words[1:], words[0].Text == "exec")
		all := l.Doubts(func(name string) bool { return name == "HOST" })
		if len(all) != min(len(want), 1) {
			t.Errorf("%s: %+v, want %q", line, all, want)
			continue
		}
		for n, text := range want {
			if n == 0 && all[0].ID != text || n > 0 && !strings.Contains(strings.Replace(all[0].Text, "gets ", "got ", 1), text) || strings.Contains(all[0].Text, "hunter22") {
				t.Errorf("%s: %+v, want %q", line, all[0], text)
			}
		}
	}
}
