package metrics

import "regexp"

// nameLabel is the label under which PromQL has a series' name.
const nameLabel = "__name__"

// matcher is one of label="text", label!="text", label=~"regexp" and label!~"regexp".
type matcher struct {
	label  string
	text   string
	regexp *regexp.Regexp // in place of text
	negate bool
}

// matches does not allocate.
func (m matcher) matches(value []byte) bool {
	if m.regexp != nil {
		return m.regexp.Match(value) != m.negate
	}
	return (string(value) == m.text) != m.negate
}

// compile makes text a regular expression for whole values. It is tried alone first: a)(b would be one inside the
// brackets that are put around it.
func (m *matcher) compile() (err error) {
	if _, err = regexp.Compile(m.text); err == nil {
		m.regexp, err = regexp.Compile("^(?s:" + m.text + ")$")
	}
	return err
}

// pair is a label of a series.
type pair struct{ name, value []byte }

// valueOf is a label's value; the empty one if there is no such label.
func valueOf(labels []pair, name string) []byte {
	for _, l := range labels {
		if string(l.name) == name {
			return l.value
		}
	}
	return nil
}
