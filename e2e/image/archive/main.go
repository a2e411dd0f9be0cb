// Command archive writes the image that the tests need on a cluster that is not theirs, to be loaded or pushed there:
//
//	go run ./image/archive prestop-e2e.tar && kind load image-archive prestop-e2e.tar
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/prestop/prestop/e2e/image"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "archive:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("expected the file to write, got %d arguments", len(args))
	}
	tmp, err := os.MkdirTemp("", "prestop-e2e-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	images, err := image.Build(context.Background(), ".", tmp)
	if err != nil {
		return err
	}
	fmt.Println(images[0].Ref)
	return images[0].Write(args[0])
}
