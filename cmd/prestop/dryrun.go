package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/dryrun"
	"github.com/prestop/prestop/internal/podlog"
	"github.com/prestop/prestop/internal/record"
	"github.com/prestop/prestop/internal/regular"
	"github.com/prestop/prestop/internal/skipfile"
	"github.com/prestop/prestop/internal/terminal"
	"github.com/prestop/prestop/internal/termination"
	versions "github.com/prestop/prestop/internal/version"
	"github.com/prestop/prestop/internal/web"
)

// dryRunTime is more than all looks take together. Only a file system that does not answer takes longer.
const dryRunTime = 10 * time.Second

// dryRun shows the plan with its times, and what is wrong with it. It also looks at the places that the plan would call,
// and shows what it finds. It changes nothing and waits for nothing.
func (r *hookRun) dryRun() int {
	r.ask(r.ctx)
	r.world.Elsewhere = false
	p := r.plan()
	dir, refused, noRecord := record.Where(r.container, r.config.StateDir.V, r.env["TMPDIR"])
	f := dryrun.Look(r.ctx, &p.Plan, versions.Name(version), noRecord == nil, r.secrets.Hide)
	f.AddPod(r.world.Asked.Texts)
	for _, w := range p.Warnings {
		f.AddWarning(w.Text, nil)
	}
	for _, wrong := range p.Problems {
		f.AddMistake(wrong)
	}
	r.addPlaces(f, dir, refused, noRecord)
	r.addEnd(f)
	if r.ctx.Err() != nil { // a look that was cut has found nothing
		r.complain("%v", context.Cause(r.ctx))
		return orSignal(r.ctx, exitFailed)
	}
	if err := f.Write(r.stdout, r.config.Output.V == config.JSON, terminal.Page(r.stdout, r.env)); err != nil {
		r.complain("the plan cannot be shown: %v", err)
		return exitFailed
	}
	switch {
	case len(f.Errors) > 0:
		return exitConfiguration
	case f.WouldFail():
		return exitFailed
	}
	return exitDone
}

// addPlaces says where the log and the record would go.
func (r *hookRun) addPlaces(f *dryrun.Forecast, dir string, refused, noRecord error) {
	log, notes := logPlace(r.config.LogTo.V, podlog.Place{InPod: r.inPod()})
	f.AddPlace("log", log)
	for _, note := range notes {
		f.AddWarning(note, nil)
	}
	if refused != nil {
		f.AddWarning("the record is not kept where it was to be, but in a usual place", refused)
	}
	if noRecord != nil {
		f.AddWarning("a second delivery would not be recognised", noRecord)
		return
	}
	f.AddPlace("state", dir)
}

// addEnd says what would become of the outcome, and whether waits would be skipped.
func (r *hookRun) addEnd(f *dryrun.Forecast) {
	if path := r.terminationPath(); path != "" {
		f.AddPlace("termination message", path)
		if err := termination.Check(path); err != nil {
			f.AddWarning("the termination message cannot be written", err)
		}
	}
	if u := r.config.ReportURL.V; u != nil {
		f.AddPlace("report", web.Place(u))
		ctx, cancel := context.WithTimeoutCause(r.ctx, dryrun.CheckTime, dryrun.ErrCheckTime)
		defer cancel()
		if _, err := web.New(r.world.Dial, web.TLS{}, nil).Reach(ctx, u.String()); err != nil {
			f.AddWarning("the outcome could not be reported now", err)
		}
	}
	if path := r.config.SkipFile.V; path != "" {
		holds, err := skipfile.Holds(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			f.AddWarning("the skip file cannot be read", err)
		}
		f.AddPlace("skip file", fmt.Sprintf("%s, waits would be skipped now: %t", path, holds))
	}
}

// logPlace is where the log would go. A file that does not exist is not created. A FIFO is not opened: its reader would see its end.
func logPlace(to string, at podlog.Place) (name string, notes []string) {
	switch info, err := os.Lstat(to); {
	case !strings.Contains(to, "/"): // no file
	case errors.Is(err, fs.ErrNotExist) && regular.Writable(filepath.Dir(to)) == nil:
		return to, nil
	case err == nil && info.Mode().Type() == fs.ModeNamedPipe && unix.Access(to, unix.W_OK) == nil:
		return to + ", if somebody reads it", nil
	}
	log, notes := podlog.Open(to, at)
	defer log.Close()
	return log.Name(), notes
}
