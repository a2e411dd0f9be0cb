package jsonpath

import (
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                "expected a path such as .status or .items[0].state, got nothing",
		"status":          `column 1: expected a key after a dot, as in .status, got "status"`,
		".a..b":           `column 3: expected a key after a dot, as in .status, got "..b"`,
		".a.":             `column 3: expected a key after a dot, as in .status, got "."`,
		".a[x]":           `column 3: expected [0] or ["key"], got "[x]"`,
		".a[-1]":          `column 3: expected [0] or ["key"], got "[-1]"`,
		".a[1":            `column 3: expected [0] or ["key"], got "[1"`,
		`.a["b]`:          `column 3: expected ["key"], got "[\"b]"`,
		`.a["b"`:          `column 3: expected ["key"], got "[\"b\""`,
		`.a[99999999999]`: `column 3: expected [0] or ["key"], got "[99999999999]"`,
		"count(":          "expected a closing ) after count(",
		"count(.a":        "expected a closing ) after count(",
		"count()":         "expected a path such as .status or .items[0].state, got nothing",
		"count(a)":        `column 7: expected a key after a dot, as in .status, got "a"`,
		"count(.a[x])":    `column 9: expected [0] or ["key"], got "[x]"`,
		`.a]`:             `column 1: expected a key after a dot, as in .status, got ".a]"`,
	} {
		if p, err := Parse(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v, error %v, want %s", text, p, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{".", ".a.b[0]", "count(.a)", "count(", `["a"].b`, `.["\""]`, "..", "[", ".a["} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text)
		if err != nil {
			return
		}
		if len(p.steps) == 0 && text != "." && text != "count(.)" {
			t.Errorf("%q leads nowhere", text)
		}
		p.Of([]byte(`{"a": [{"b": 1}]}`))
	})
}

func TestOf(t *testing.T) {
	t.Parallel()
	const doc = `{"a": [1, {"b.c": "x", "d": null}, []], "e": {"f": true, "g": {}}, "n": 1e3, "": "empty"}`
	for path, want := range map[string]any{
		".a[0]": json.Number("1"), `.a[1]["b.c"]`: "x", ".a[1].d": nil, ".e.f": true, ".n": json.Number("1e3"), `[""]`: "empty",
		"count(.a)": json.Number("3"), "count(.a[2])": json.Number("0"), "count(.e)": json.Number("2"), "count(.e.g)": json.Number("0"), "count(.)": json.Number("4"),
	} {
		p, err := Parse(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Of([]byte(doc)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v, want %v", path, got, err, want)
		}
	}
	for path, want := range map[string]string{
		".":         ". is a list or an object, expected a single value; count(.) counts its elements",
		".a.b":      "no .a.b in the answer (its part 2 is missing)",
		".x.y.z":    "no .x.y.z in the answer (its part 1 is missing)",
		".a[3]":     "no .a[3] in the answer (its part 2 is missing)",
		".e[0]":     "no .e[0] in the answer (its part 2 is missing)",
		"count(.n)": "count(.n): it is 1e3, expected a list or an object",
		"count(.x)": "no count(.x) in the answer",
	} {
		p, err := Parse(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Of([]byte(doc)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, %v, want %s", path, got, err, want)
		}
	}
}

// A document of 1 MiB costs a small multiple of that, whatever it is made of; as objects it would be more than 60 MiB. What is
// garbage and not yet collected is counted.
func TestMemory(t *testing.T) {
	var keys strings.Builder
	for n := 0; keys.Len() < 1<<20; n++ {
		fmt.Fprintf(&keys, `,"%x":1`, n)
	}
	p, err := Parse(".a.b")
	if err != nil {
		t.Fatal(err)
	}
	for name, doc := range map[string]string{
		"keys": "{" + keys.String()[1:] + "}", "lists": "[" + strings.Repeat("[],", 1<<20/3) + "1]", "deep": strings.Repeat(strings.Repeat("[", 9000)+strings.Repeat("]", 9000)+",", 50),
	} {
		if name == "deep" {
			doc = "[" + doc + "1]"
		}
		body := []byte(doc)
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		peak := make(chan uint64)
		done := make(chan struct{})
		go func() {
			most := uint64(0)
			for {
				runtime.ReadMemStats(&after)
				most = max(most, after.HeapInuse)
				select {
				case <-done:
					peak <- most
					return
				default:
					runtime.Gosched()
				}
			}
		}()
		_, err := p.Of(body)
		close(done)
		if most := int64(<-peak) - int64(before.HeapInuse); err == nil || most > 12<<20 {
			t.Errorf("%s: %d KiB more, %v", name, most>>10, err)
		} else {
			t.Logf("%s: %d KiB more", name, most>>10)
		}
	}
}
