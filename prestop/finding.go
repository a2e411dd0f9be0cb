package prestop

import (
	"encoding/json"
	"log/slog"
)

// A Finding is one thing that a Check has found out.
type Finding struct {
	Text    string      // a phrase
	Warning bool        // Run would work all the same
	Met     bool        // of the first: Run would be done after its first look, even if no time is left for it
	About   []slog.Attr // what it is about, all of them texts
}

// Found makes a Finding. about are names and values in turn.
func Found(text string, about ...string) Finding {
	f := Finding{Text: text}
	for n := 0; n+1 < len(about); n += 2 {
		f.About = append(f.About, slog.String(about[n], about[n+1]))
	}
	return f
}

// Warned is [Found] for a warning.
func Warned(text string, about ...string) Finding {
	f := Found(text, about...)
	f.Warning = true
	return f
}

// String is for people.
func (f Finding) String() string {
	text, between := f.Text, ": "
	if f.Warning {
		text = "warning: " + text
	}
	for _, a := range f.About {
		text += between + a.Key + " " + a.Value.String()
		between = ", "
	}
	return text
}

// MarshalJSON is an object: the text as message, the level of a warning, and what it is about by its name.
func (f Finding) MarshalJSON() ([]byte, error) {
	object := map[string]string{"message": f.Text}
	if f.Warning {
		object["level"] = "warning"
	}
	for _, a := range f.About {
		object[a.Key] = a.Value.String()
	}
	return json.Marshal(object)
}
