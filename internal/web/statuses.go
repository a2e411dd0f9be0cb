package web

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Statuses are the HTTP statuses that count as success; none given: 2xx.
type Statuses []string

// ParseStatuses reads a list such as 200,404 or 2xx,409.
func ParseStatuses(text string) (Statuses, error) {
	all := Statuses(strings.Split(text, ","))
	for _, s := range all {
		n, err := strconv.Atoi(strings.Replace(s, "xx", "00", 1))
		if err != nil || len(s) != 3 || n < 200 || n > 599 {
			return nil, fmt.Errorf("expected statuses such as 200,404 or 2xx, got %q", text)
		}
	}
	return all, nil
}

// Has tells whether a status is among them.
func (s Statuses) Has(status int) bool {
	if len(s) == 0 {
		return status/100 == 2
	}
	return slices.Contains(s, strconv.Itoa(status)) || slices.Contains(s, strconv.Itoa(status/100)+"xx")
}
