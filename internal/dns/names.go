package dns

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	mdns "github.com/miekg/dns"
)

const (
	maxName  = 253 // without the final dot
	maxLabel = 63
	letters  = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
)

// checkName tells why name cannot be a host name. It allows what DNS has in practice: underscores and hyphens anywhere.
func checkName(name string) error {
	name = strings.TrimSuffix(name, ".")
	switch {
	case name == "":
		return errors.New("it is empty")
	case len(name) > maxName:
		return fmt.Errorf("it is longer than %d characters", maxName)
	case strings.Trim(name, "0123456789.") == "":
		return errors.New("it is neither a name nor a complete IP address")
	}
	for label := range strings.SplitSeq(name, ".") {
		switch rest := strings.TrimLeft(label, letters); {
		case label == "":
			return errors.New("a label is empty")
		case len(label) > maxLabel:
			return fmt.Errorf("a label is longer than %d characters", maxLabel)
		case rest != "":
			r, _ := utf8.DecodeRuneInString(rest)
			return fmt.Errorf("%q is neither letter, digit, hyphen nor underscore", r)
		}
	}
	return nil
}

// names are the names to ask for, in turn, with their final dots. A host with at least ndots dots is asked for as it is first, any other
// host as it is last. A host with a final dot is only asked for as it is.
func (c config) names(host string) ([]string, error) {
	if err := checkName(host); err != nil {
		return nil, err
	}
	list := mdns.ClientConfig{Search: c.search, Ndots: c.ndots}
	var names []string
	for _, name := range list.NameList(host) {
		if len(name) <= maxName+1 && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}
