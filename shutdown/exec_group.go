package shutdown

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// groupMembers names the processes of a group that have not ended, as far as /proc shows them, but not its leader.
func groupMembers(ctx context.Context, leader int) []string {
	entries, _ := os.ReadDir("/proc")
	var members []string
	for _, e := range entries {
		if ctx.Err() != nil {
			break
		}
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == leader {
			continue
		}
		if name, group := groupOf(pid); group == leader {
			members = append(members, fmt.Sprintf("%s (%d)", name, pid))
		}
	}
	return members
}

// groupOf reads a process's name and group; 0 if it has ended. The name may hold blanks and parentheses.
func groupOf(pid int) (name string, group int) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return "", 0
	}
	begin, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if begin < 0 || end < begin {
		return "", 0
	}
	fields := strings.Fields(string(stat[end+1:])) // state, parent, group, …
	if len(fields) < 3 || fields[0] == "Z" || fields[0] == "X" {
		return "", 0
	}
	group, _ = strconv.Atoi(fields[2])
	return string(stat[begin+1 : end]), group
}
