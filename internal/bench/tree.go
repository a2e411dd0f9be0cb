package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// watchTree looks at a process and all processes below it every millisecond, until stop is closed. Then it sends the largest
// sum of their memory, in bytes.
func watchTree(pid int, stop <-chan struct{}) <-chan int64 {
	most := make(chan int64, 1)
	go func() {
		tick := time.Tick(time.Millisecond)
		var n int64
		for {
			n = max(n, treeMemory(pid))
			select {
			case <-tick:
			case <-stop:
				most <- n
				return
			}
		}
	}()
	return most
}

// treeMemory adds up the peaks of resident memory of all processes of a tree that live now. So a peak between two looks counts
// too.
func treeMemory(pid int) int64 {
	n := highWater(pid)
	children, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, file := range children {
		text, _ := os.ReadFile(file) // it fails for a thread that has just ended
		for _, field := range bytes.Fields(text) {
			if child, err := strconv.Atoi(string(field)); err == nil {
				n += treeMemory(child)
			}
		}
	}
	return n
}

// highWater is VmHWM in bytes; 0 for a process that is gone.
func highWater(pid int) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, after, _ := bytes.Cut(text, []byte("\nVmHWM:"))
	number, _, _ := bytes.Cut(bytes.TrimSpace(after), []byte(" "))
	kib, _ := strconv.ParseInt(string(number), 10, 64)
	return kib << 10
}
