package metrics

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// The grammar of a line once more, as regular expressions: what the fuzz tests compare with.
const (
	quotedText = `"(?:[^"\\]|\\[\\"n])*"`
	fullText   = `"(?:[^"\\]|\\[\\"n])+"`
	oneLabel   = `(?:[a-zA-Z_][a-zA-Z0-9_]*|` + fullText + `)[ \t]*=[ \t]*` + quotedText
	oneName    = `[a-zA-Z_:][a-zA-Z0-9_:]*`
	item       = `(?:` + oneLabel + `|` + fullText + `)`
	inBraces   = `\{[ \t]*(?:` + item + `[ \t]*(?:,[ \t]*` + item + `[ \t]*)*(?:,[ \t]*)?)?\}`
)

var (
	referenceComment = regexp.MustCompile(`^[ \t]*(?:#.*)?$`)
	referenceMeta    = regexp.MustCompile(`^[ \t]*#[ \t]+(?:HELP|TYPE)[ \t]+[^ \t]`)
	referenceHelp    = regexp.MustCompile(`^[ \t]*#[ \t]+HELP[ \t]+(?:` + oneName + `|` + fullText + `)(?:[ \t].*)?$`)
	referenceType    = regexp.MustCompile(`^[ \t]*#[ \t]+TYPE[ \t]+(?:` + oneName + `|` + fullText + `)(?:[ \t]+(?:counter|gauge|histogram|summary|untyped|unknown|info|stateset|gaugehistogram)?[ \t]*)?$`)
	referenceLine    = regexp.MustCompile(`^[ \t]*(?:(` + oneName + `)(?:[ \t]*(` + inBraces + `)[ \t]*|[ \t]+)|(` + inBraces + `)[ \t]*)` +
		`([^ \t]+)(?:[ \t]+([^ \t#][^ \t]*))?(?:[ \t]+#[ \t]*(` + inBraces + `)[ \t]*([^ \t]+)(?:[ \t]+([^ \t]+))?)?[ \t]*$`)
	referenceItem   = regexp.MustCompile(`(?:([a-zA-Z_][a-zA-Z0-9_]*)|"((?:[^"\\]|\\[\\"n])+)")(?:[ \t]*(=)[ \t]*"((?:[^"\\]|\\[\\"n])*)")?`)
	referenceValue  = regexp.MustCompile(`^[+-]?(?:[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|(?i:inf|infinity))$|^(?i:nan)$`)
	referenceWhole  = regexp.MustCompile(`^[+-]?[0-9]+$`)
	referenceEscape = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n")
)

// referenceSeries is a line's name, labels and value, if it can be read.
func referenceSeries(line string) (labels map[string]string, value float64, ok bool) {
	m := referenceLine.FindStringSubmatch(line)
	if m == nil {
		return nil, 0, false
	}
	names, labels, ok := referenceLabels(m[2] + m[3])
	if _, twice := labels[nameLabel]; !ok || twice {
		return nil, 0, false
	}
	if m[1] != "" {
		names = append(names, m[1])
	}
	exemplarNames, exemplar, ok := referenceLabels(m[6])
	if _, twice := exemplar[nameLabel]; !ok || twice || len(names) != 1 || len(exemplarNames) > 0 {
		return nil, 0, false
	}
	labels[nameLabel] = names[0]
	value, ok = referenceNumber(m[4])
	if _, err := strconv.ParseInt(m[5], 10, 64); m[5] != "" && (err != nil || !referenceWhole.MatchString(m[5])) {
		ok = false
	}
	if _, is := referenceNumber(m[7]); m[7] != "" && !is {
		ok = false
	}
	if v, is := referenceNumber(m[8]); m[8] != "" && (!is || v-v != 0) {
		ok = false
	}
	return labels, value, ok
}

func referenceNumber(text string) (float64, bool) {
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && referenceValue.MatchString(text)
}

func referenceLabels(braces string) (names []string, labels map[string]string, ok bool) {
	labels = map[string]string{}
	for _, m := range referenceItem.FindAllStringSubmatch(braces, -1) {
		key := m[1] + referenceEscape.Replace(m[2])
		if m[3] == "" {
			names = append(names, key)
			continue
		}
		if _, twice := labels[key]; twice {
			return nil, nil, false
		}
		labels[key] = referenceEscape.Replace(m[4])
	}
	return names, labels, true
}

// referenceSum is the sum of the series that pick takes from a Prometheus text, if it can be read.
func referenceSum(text string, pick func(labels map[string]string) bool) (sum float64, series int, ok bool) {
	var above, below bool
	if text != "" && text[len(text)-1] != '\n' {
		return 0, 0, false
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		switch {
		case !utf8.ValidString(line):
			return 0, 0, false
		case referenceMeta.MatchString(line) && !referenceHelp.MatchString(line) && !referenceType.MatchString(line):
			return 0, 0, false
		case referenceComment.MatchString(line):
			continue
		}
		labels, value, ok := referenceSeries(line)
		if !ok {
			return 0, 0, false
		}
		if pick(labels) {
			sum, series = sum+value, series+1
		}
		if pick(labels) && value < 0 {
			below = true
		}
		if pick(labels) && value > 0 {
			above = true
		}
		if sum != sum || math.IsInf(sum, -1) || above && below {
			return 0, 0, false
		}
	}
	return sum, series, series > 0
}

// referenceStats is the same for Envoy's JSON.
func referenceStats(text string, pick func(name string) bool) (sum float64, series int, ok bool) {
	var top map[string]json.RawMessage
	var all []map[string]any
	if json.Unmarshal([]byte(text), &top) != nil || json.Unmarshal(top["stats"], &all) != nil {
		return 0, 0, false
	}
	for _, stat := range all {
		name, named := stat["name"].(string)
		if !named || !pick(name) {
			continue
		}
		value, is := stat["value"].(float64)
		if !is {
			return 0, 0, false
		}
		sum, series = sum+value, series+1
	}
	return sum, series, series > 0
}

// Whole numbers, so that the order in which they are added does not matter.
func TestTextAgainstReference(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		var text strings.Builder
		sum, series := 0.0, 0
		for range rnd.IntN(60) {
			name, app, zone, value := rnd.IntN(3), []string{"web", "we", "admin", `w"e\b` + "\n"}[rnd.IntN(4)], rnd.IntN(3), rnd.IntN(1000)
			blank := []string{"", " ", "\t"}[rnd.IntN(3)]
			fmt.Fprintf(&text, "%smetric_%d%s{%sapp%s=%s\"%s\"", blank, name, blank, blank, blank, blank,
				strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(app))
			if zone > 0 {
				fmt.Fprintf(&text, "%s,%szone=\"%d\"%s,", blank, blank, zone, blank)
			}
			fmt.Fprintf(&text, "%s} %d%s", blank, value, []string{"", ".0", "e0", " 1700000000000", ` # {zone="1"} 5`}[rnd.IntN(5)])
			text.WriteString([]string{"\n", "\r\n", "\n\n", "\n# zone\n"}[rnd.IntN(4)])
			if name != 1 && app != "we" && app != "admin" && zone != 2 {
				sum, series = sum+float64(value), series+1
			}
		}
		got, n, err := parse(t, `{__name__=~"metric_.",__name__!="metric_1",app!~"we|a.*",zone!="2"}`).Sum(strings.NewReader(text.String()), prometheus, false)
		if n != series || (err == nil) != (series > 0) || err == nil && got != sum {
			t.Fatalf("%v in %d series (%v), want %v in %d:\n%s", got, n, err, sum, series, text.String())
		}
	}
}

func TestEnvoyAgainstReference(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		all := []any{}
		sum, series := 0.0, 0
		for range rnd.IntN(60) {
			listener, worker, value := []string{"0.0.0.0_80", "worker-9", "admin", "ü\"\\"}[rnd.IntN(4)], rnd.IntN(3), rnd.IntN(1000)
			name := fmt.Sprintf("listener.%s.downstream_cx_active", listener)
			if worker > 0 {
				name = fmt.Sprintf("listener.%s.worker_%d.downstream_cx_active", listener, worker)
			}
			all = append(all, map[string]any{"name": name, "value": value})
			if rnd.IntN(3) == 0 {
				all = append(all, map[string]any{"name": "other." + name, "value": "text"}, map[string]any{"histograms": []any{map[string]any{"name": name, "value": 5}}})
			}
			if listener != "admin" && worker == 0 {
				sum, series = sum+float64(value), series+1
			}
		}
		text, err := json.MarshalIndent(map[string]any{"stats": all, "other": all}, "", strings.Repeat(" ", rnd.IntN(3)))
		if err != nil {
			t.Fatal(err)
		}
		s := parse(t, `{__name__=~"listener[.].*[.]downstream_cx_active",__name__!~".*[.]worker_[0-9]+[.].*|listener[.]admin[.].*"}`)
		got, n, err := s.Sum(strings.NewReader(string(text)), stats, false)
		if n != series || (err == nil) != (series > 0) || err == nil && got != sum {
			t.Fatalf("%v in %d series (%v), want %v in %d:\n%s", got, n, err, sum, series, text)
		}
	}
}
