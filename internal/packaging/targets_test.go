package packaging

import (
	"regexp"
	"slices"
	"testing"
)

var (
	target = regexp.MustCompile(`(?m)^([a-z0-9]+):.* ## `)
	word   = regexp.MustCompile(`[a-z0-9]+`)
)

func TestMakeTargetsThatAreNamedExist(t *testing.T) {
	t.Parallel()
	var targets []string
	for _, found := range target.FindAllStringSubmatch(readTree(t, "Makefile"), -1) {
		targets = append(targets, found[1])
	}
	for name, expected := range map[string]struct {
		before string // what stands before "make" where it is a command and not a word
		needed []string
	}{
		"README.md": {"`|^[ \t]*[$] ", []string{"demo", "test"}},
		".ci/run":   {"^", []string{"test"}},
	} {
		t.Run(name, func(t *testing.T) {
			calls := regexp.MustCompile(`(?m)(?:` + expected.before + `)make ([a-z0-9]+(?: [a-z0-9]+)*)`)
			var named []string
			for _, call := range calls.FindAllStringSubmatch(readTree(t, name), -1) {
				named = append(named, word.FindAllString(call[1], -1)...)
			}
			for _, one := range named {
				if !slices.Contains(targets, one) {
					t.Errorf("make %s is no target of the Makefile", one)
				}
			}
			for _, one := range expected.needed {
				if !slices.Contains(named, one) {
					t.Errorf("make %s is not named", one)
				}
			}
		})
	}
}
