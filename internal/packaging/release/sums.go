package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const sumsName = "SHA256SUMS"

// writeSums writes a line for each file, as sha256sum reads them.
func (r release) writeSums(sums map[string]string) error {
	var text strings.Builder
	for _, name := range sortedNames(sums) {
		fmt.Fprintf(&text, "%s  %s\n", sums[name], name)
	}
	_, err := r.write(sumsName, []byte(text.String()))
	return err
}

// readSums reads the sums by the names of their files.
func (r release) readSums() (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(r.out, sumsName))
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for line := range strings.Lines(string(text)) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if !ok || len(sum) != 64 || sums[name] != "" {
			return nil, fmt.Errorf("%s: expected a sum and a new name, got %q", sumsName, line)
		}
		sums[name] = sum
	}
	return sums, nil
}
