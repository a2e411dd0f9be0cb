package step

import (
	"path/filepath"
	"slices"
	"strings"
)

// Signals tells whether a program with its arguments only tells another process to end, and returns before that process has ended.
func Signals(program []string) bool {
	if len(program) == 0 {
		return false
	}
	arguments := strings.Join(program[1:], " ")
	switch filepath.Base(program[0]) {
	case "kill", "pkill", "killall":
		return !slices.Contains(program, "-0") && !slices.Contains(program, "-l")
	case "nginx", "openresty":
		return strings.Contains(arguments, "-s quit") || strings.Contains(arguments, "-s stop")
	case "apachectl", "apache2ctl", "httpd":
		return strings.Contains(arguments, "graceful-stop")
	}
	return false
}
