package grammar

import (
	"errors"
	"strings"
	"testing"
)

func TestFields(t *testing.T) {
	words, err := split(`x http://u:$(TWO)@$HOST,,http://b`, Scope{Lookup: env})
	if err != nil {
		t.Fatal(err)
	}
	fields := words[1].Fields(func(r rune) bool { return r == ',' })
	if len(fields) != 2 || fields[0].Text != "http://u:a b=c $HOST 'x@app" || fields[1].Text != "http://b" {
		t.Fatalf("%+v", fields)
	}
	var names []string
	for _, v := range fields[0].variables {
		names = append(names, v.name+" "+fields[0].Text[v.from:v.to])
	}
	if got := strings.Join(names, ";"); got != "TWO a b=c $HOST 'x;HOST app" || len(fields[1].variables) != 0 {
		t.Errorf("%s, %+v", got, fields[1])
	}
	for _, f := range fields {
		if f.Column != 3 || f.Written != words[1].Written {
			t.Errorf("%+v", f)
		}
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{"x abc": `column 3: no "abc"`, "x $HOST": "column 3: plain"} {
		words, err := split(text, Scope{Lookup: env})
		if err != nil {
			t.Fatal(err)
		}
		if got := words[1].Refused(errors.New(`no "`+words[1].Text+`"`), "plain").Error(); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
