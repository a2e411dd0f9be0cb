package escape

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestPrintable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain é 😀 \\ \"":         "plain é 😀 \\ \"",
		"\x1b[2J\a\r\n\x7f\x00":   `\x1b[2J\a\r\n\x7f\x00`,
		"\u009b31m\u0085":         `\u009b31m\u0085`,
		"a\u202eb\u2066c\u200f":   `a\u202eb\u2066c\u200f`,
		"\x9b31m\xff":             `\x9b31m\xff`,
		"\U000e0041\ufeff\u2028�": `\U000e0041\ufeff\u2028�`,
	} {
		if got := Printable(text); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

// JSON holds the same before and after.
func TestJSON(t *testing.T) {
	t.Parallel()
	const text = "\x1b\u009b\u202e\x7f\U000e0041é\n"
	encoded, err := json.MarshalIndent(map[string]string{text: text}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	shown := JSON(encoded)
	var back map[string]string
	if err := json.Unmarshal(shown, &back); err != nil || back[text] != text {
		t.Errorf("%s: %v", shown, err)
	}
	for _, r := range string(shown) {
		if acts(r) && r != '\n' {
			t.Errorf("%q holds %q", shown, r)
		}
	}
}

func TestWriter(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if n, err := (Writer{&out}).Write([]byte("a\x1b\nb\r\n")); n != 6 || err != nil || out.String() != "a\\x1b\nb\\r\n" {
		t.Errorf("%d, %v, %q", n, err, out.String())
	}
}
