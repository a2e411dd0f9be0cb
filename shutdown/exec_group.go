package shutdown

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/prestop/prestop/internal/proc"
)

// groupMembers names the processes of a group that have not ended, as far as /proc shows them, but not its leader.
func groupMembers(ctx context.Context, leader int) []string {
	entries, _ := os.ReadDir("/proc")
	var members []string
	for _, e := range entries {
		if ctx.Err() != nil {
			break
		}
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		p, err := proc.Read("", e.Name())
		if err == nil && p.Group == leader && p.PID != leader && !p.Ended() {
			members = append(members, fmt.Sprintf("%s (%d)", p.Name, p.PID))
		}
	}
	return members
}
