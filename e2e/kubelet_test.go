package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// kubeletTold says how many entries of the kubelet's log hold a text and the case's namespace.
func kubeletTold(c *tcase, text string) string {
	c.Helper()
	n := len(kubeletEntries(c, text))
	c.want(n > 0, "an entry of the kubelet's log with %s", text)
	return fmt.Sprintf("%d entry of the kubelet's log has the hook's lines", n)
}

// newEntry is how an entry begins: "E1121 09:27:03.578867". It may go on over several lines.
var newEntry = regexp.MustCompile(`(?m)^[IWEF]\d{4} `)

// kubeletEntries waits a little for such entries.
func kubeletEntries(c *tcase, text string) []string {
	c.Helper()
	for end := time.Now().Add(2 * busy); ; pause(c.Context(), 100*time.Millisecond) {
		var found []string
		for _, n := range lab.cluster.Nodes {
			log, err := n.KubeletLog()
			c.must(err)
			for _, entry := range newEntry.Split(log, -1) {
				if strings.Contains(entry, text) && strings.Contains(entry, c.ns) {
					found = append(found, entry)
				}
			}
		}
		if len(found) > 0 || time.Now().After(end) {
			return found
		}
	}
}
