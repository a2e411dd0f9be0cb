package metrics

import "bytes"

// comment reads what follows a #. It may be anything, but # HELP and # TYPE begin with a metric's name, and a type is
// one that is known.
func (c *cursor) comment() error {
	if !c.blanks() {
		return nil
	}
	keyword := string(c.run(isNoBlank))
	if c.blanks(); keyword != "HELP" && keyword != "TYPE" || len(c.rest) == 0 {
		return nil
	}
	if err := c.metric(); err != nil {
		return err
	}
	if !c.blanks() && len(c.rest) > 0 {
		return c.expected("a blank after the name")
	}
	if keyword == "HELP" {
		return nil
	}
	return c.kind()
}

func (c *cursor) metric() (err error) {
	if c.peek() == '"' {
		_, err = c.quotedName()
	} else {
		_, err = c.word(isName, "a metric's name")
	}
	return err
}

func (c *cursor) kind() error {
	switch string(bytes.TrimRight(c.rest, " \t")) {
	case "", "counter", "gauge", "histogram", "summary", "untyped", "unknown", "info", "stateset", "gaugehistogram":
		return nil
	}
	return c.expected("a metric's type")
}
