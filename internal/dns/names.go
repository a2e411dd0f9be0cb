package dns

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	maxName  = 253 // without the final dot
	maxLabel = 63
)

// checkName tells why name can be no host name. It allows what DNS has in practice: underscores and hyphens anywhere.
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
		if err := checkLabel(label); err != nil {
			return err
		}
	}
	return nil
}

func checkLabel(label string) error {
	switch {
	case label == "":
		return errors.New("a label is empty")
	case len(label) > maxLabel:
		return fmt.Errorf("a label is longer than %d characters", maxLabel)
	}
	for _, r := range label {
		if !strings.ContainsRune("-_", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return fmt.Errorf("%q is neither letter, digit, hyphen nor underscore", r)
		}
	}
	return nil
}

// names are the names to ask for, in turn, with their final dots. A host with at least ndots dots is first asked for
// as it is, any other last; one with a final dot is asked for as it is and nothing else.
func (c config) names(host string) ([]string, error) {
	if err := checkName(host); err != nil {
		return nil, err
	}
	if strings.HasSuffix(host, ".") {
		return []string{host}, nil
	}
	var names []string
	for _, domain := range c.search {
		name := host + "."
		if domain != "" {
			name += domain + "."
		}
		if len(name) <= maxName+1 && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if asIs := host + "."; strings.Count(host, ".") >= c.ndots {
		names = append([]string{asIs}, slices.DeleteFunc(names, func(name string) bool { return name == asIs })...)
	} else if !slices.Contains(names, asIs) {
		names = append(names, asIs)
	}
	return names, nil
}
