package shutdown

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

var errLease = errors.New("expected the id of a lease, as etcdctl prints it (up to 16 hexadecimal digits) or in 17 to 19 decimal digits")

// ParseLease reads the id of a lease of etcd: up to 16 hexadecimal digits with or without 0x, as etcdctl prints it, or 17 to 19 decimal
// digits, as the JSON gateway and most libraries print it. It also reads the whole line of etcdctl lease grant: "lease 694d77aa9e38260f
// granted with TTL(60s)". An id of less than 17 decimal digits must be written in hexadecimal: its decimal digits would be read as
// hexadecimal, and would name another lease. About one in a thousand of etcd's ids is so short. The error holds nothing of the text: it
// may come from a file that was named by mistake.
func ParseLease(text string) (int64, error) {
	text = strings.TrimSpace(text)
	if words := strings.Fields(text); len(words) >= 3 && words[0] == "lease" && words[2] == "granted" {
		text = words[1]
	}
	base, prefixed := 10, false
	if text, prefixed = strings.CutPrefix(text, "0x"); prefixed || len(text) <= 16 {
		base = 16
	}
	id, err := strconv.ParseUint(text, base, 64)
	if err != nil || id == 0 || id > math.MaxInt64 || base == 16 && len(text) > 16 {
		return 0, errLease
	}
	return int64(id), nil
}
