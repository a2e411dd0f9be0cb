package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// printResults prints all there is to say in words and figures.
func printResults(w io.Writer, results []result, csv bool) error {
	if err := printRows(w, results, csv, true); err != nil || csv {
		return err
	}
	_, err := fmt.Fprintf(w, `
All in seconds. Hook and all-knowing are means over the %d replicas; an all-knowing hook ends with the last request that its
pod gets. The rollout is over when the last of the old pods has ended.
`, replicas)
	if err != nil {
		return err
	}
	for _, r := range results {
		if _, err := fmt.Fprintf(w, "  %-23s %s; the app %s on SIGTERM\n  %-23s good for %s\n", r.name, r.note, r.onSIGTERM, "", r.good); err != nil {
			return err
		}
	}
	return nil
}

// advice says in a sentence or two which strategy to take. Of the adaptive ones that lost nothing and need nothing of the app's SIGTERM, it
// is the quickest. Beside it stand the others that lost nothing.
func advice(results []result) string {
	var text strings.Builder
	best := -1
	for n, r := range results {
		if r.adaptive && r.perfect && len(r.failed()) == 0 && r.onSIGTERM == exits && (best < 0 || r.rollout() < results[best].rollout()) {
			best = n
		}
	}
	if best < 0 {
		return "Take none of these: each of them lost requests.\n"
	}
	b := results[best]
	fmt.Fprintf(&text, "Take %q where you can: no request failed, and the rollout took %s.\n", b.name, seconds(b.rollout()))
	for n, r := range results {
		if n != best && r.perfect && len(r.failed()) == 0 {
			fmt.Fprintf(&text, "%q loses nothing either, in %s: for %s.\n", r.name, seconds(r.rollout()), r.good)
		}
	}
	return text.String()
}

// printRows prints a row for each result.
func printRows(w io.Writer, results []result, asCSV, heading bool) error {
	columns := []string{"seed", "strategy", "requests", "failed", "hook", "all-knowing", "rollout"}
	rows := [][]string{}
	if heading {
		rows = append(rows, columns)
	}
	for _, r := range results {
		rows = append(rows, r.row())
	}
	if asCSV {
		out := csv.NewWriter(w)
		return out.WriteAll(rows)
	}
	for _, row := range rows {
		if _, err := fmt.Fprintf(w, "%4s  %-23s %9s %7s %7s %12s %8s\n", row[0], row[1], row[2], row[3], row[4], row[5], row[6]); err != nil {
			return err
		}
	}
	return nil
}

func (r result) row() []string {
	fixed := func(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) }
	return []string{
		strconv.FormatUint(r.seed, 10), r.name, strconv.Itoa(len(r.requests)), strconv.Itoa(len(r.failed())),
		fixed(r.mean(hookTime)), fixed(r.mean(r.allKnowing)), fixed(r.rollout()),
	}
}
