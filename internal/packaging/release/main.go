// Command release makes a release of prestop: archives, checksums, bills of materials, statements of provenance, images and
// krew's manifest. At the end it reads all of them back from the disk and compares them with each other.
//
// With the same version of Go, the same commit gives the same bytes, whoever makes the release, and wherever. Once Go's modules are
// there, no network is needed. The command signs nothing and uploads nothing: the release workflow does. It is only for make release.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(stdout)
	version := flags.String("version", "", "the release's `version`, as v1.2.3")
	arches := flags.String("arches", "amd64 arm64 arm ppc64le s390x riscv64", "the `architectures` of Linux; fewer for a try")
	desktops := flags.String("desktops", "darwin/amd64 darwin/arm64 windows/amd64", "other `systems`, as darwin/arm64, for which there are archives of the plugin; none for a try")
	tree := flags.String("tree", ".", "the `directory` with the sources")
	out := flags.String("out", "dist/release", "the `directory` to make; what it had is removed")
	commit := flags.String("commit", "", "the sources' `commit`, where they are no clean checkout of it; then SOURCE_DATE_EPOCH is needed")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("expected flags alone, got %q", flags.Args())
	}
	r := release{
		version: *version, commit: *commit, tree: *tree, out: *out,
		arches: strings.Fields(*arches), programs: programs,
	}
	for _, word := range strings.Fields(*desktops) {
		system, arch, ok := strings.Cut(word, "/")
		if !ok || system == "linux" {
			return fmt.Errorf("-desktops: expected systems and architectures, as darwin/arm64, got %q", word)
		}
		r.desktops = append(r.desktops, target{system, arch})
	}
	var err error
	if *commit == "" {
		r.commit, err = cleanCommit(ctx, *tree)
	}
	if err == nil {
		r.time, err = r.dateOf(ctx, getenv("SOURCE_DATE_EPOCH"))
	}
	if err == nil {
		err = r.make(ctx)
	}
	if err == nil {
		err = r.verify(ctx)
	}
	if err != nil {
		return err
	}
	return r.list(stdout)
}

// cleanCommit is the commit of a checkout without changes. Without changes, a statement of provenance that names the commit is true.
func cleanCommit(ctx context.Context, tree string) (string, error) {
	changed, err := output(ctx, tree, nil, "git", "status", "--porcelain")
	if err != nil {
		return "", err
	}
	if changed != "" {
		return "", errors.New("the sources have changes that are not committed; commit them, or say -commit and SOURCE_DATE_EPOCH")
	}
	return output(ctx, tree, nil, "git", "rev-parse", "HEAD")
}

// dateOf is the time that all files get, in UTC. It is the epoch in seconds if there is one, or else the time of the commit.
func (r release) dateOf(ctx context.Context, epoch string) (time.Time, error) {
	var err error
	if epoch == "" {
		epoch, err = output(ctx, r.tree, nil, "git", "show", "--no-patch", "--format=%ct", r.commit)
	}
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: expected seconds since 1970, got %q", epoch)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func (r release) list(stdout io.Writer) error {
	sums, err := r.readSums()
	if err != nil {
		return err
	}
	for _, name := range sortedNames(sums) {
		fmt.Fprintln(stdout, sums[name]+"  "+name)
	}
	_, err = fmt.Fprintf(stdout, "release: %s, %d files in %s, checked\n", r.version, len(sums)+1, cmp.Or(r.out, "."))
	return err
}
