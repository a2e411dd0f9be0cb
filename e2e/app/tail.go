package main

import (
	"io"
	"os"
	"time"
)

// tail writes what comes into a file to stdout, until it is told to end.
func tail(args []string) error {
	end := told()
	f, err := os.OpenFile(args[0], os.O_CREATE|os.O_RDONLY, 0o666)
	if err != nil {
		return err
	}
	for {
		if _, err := io.Copy(os.Stdout, f); err != nil {
			return err
		}
		select {
		case <-end:
			_, err := io.Copy(os.Stdout, f)
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}
