package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// A table is printed for a terminal, or as Markdown.
type table struct {
	header []string
	rows   [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// write leaves a blank line after the table.
func (t *table) write(w io.Writer, markdown bool) {
	widths := make([]int, len(t.header))
	for _, row := range append(t.rows, t.header) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	if !markdown {
		t.line(w, widths, t.header, "", "  ", "")
		for _, row := range t.rows {
			t.line(w, widths, row, "", "  ", "")
		}
		fmt.Fprintln(w)
		return
	}
	var rules []string
	for range t.header {
		rules = append(rules, "---")
	}
	none := make([]int, len(t.header))
	for _, row := range append([][]string{t.header, rules}, t.rows...) {
		t.line(w, none, row, "| ", " | ", " |")
	}
	fmt.Fprintln(w)
}

func (*table) line(w io.Writer, widths []int, cells []string, begin, between, end string) {
	padded := make([]string, len(cells))
	for i, cell := range cells {
		padded[i] = cell + strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell)))
	}
	fmt.Fprintln(w, strings.TrimRight(begin+strings.Join(padded, between)+end, " "))
}
