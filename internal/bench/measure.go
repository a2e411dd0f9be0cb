package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// A sample is what is known about a run. What was not measured is 0.
type sample struct {
	began     time.Time
	took      time.Duration // from exec to exit
	cpu       time.Duration // of the process and of all processes below it
	firstByte time.Duration // from exec until a server read it
	tree      int64         // bytes: the peak of the resident memory of the process and all processes below it
	cgroup    int64         // bytes: the peak of the container
	timer     time.Duration // by how much a mere timer for the same wait was late meanwhile
	found     int64         // bytes on the wire: the answers in which our own node was found
	calls     []string
	said      string // on stdout and stderr
}

// how says how a run is looked at. Looking at memory takes time from a machine with few processors. So a
// run is either for time or for memory.
type how int

const (
	inTime how = iota
	inMemory
)

// measure runs a hook once, in surroundings of its own.
func (b *bench) measure(ctx context.Context, h hook, t task, look how) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, t.grace+10*time.Second)
	defer cancel()
	s, err := surround(b.files.certificate, t.place)
	if err != nil {
		return sample{}, err
	}
	defer s.close()
	stateDir, err := os.MkdirTemp(b.dir, "state-")
	if err != nil {
		return sample{}, err
	}
	var group *cgroup
	if look == inMemory && b.noCgroup == nil {
		if group, err = newCgroup(); err != nil {
			return sample{}, err
		}
		defer group.close()
	}
	r, err := observe(h.command(ctx, t.env(s, b.files, stateDir), group), t.wait, look)
	if err := t.done(r, err); err != nil {
		return r, fmt.Errorf("%s: %w\n%s", h.name, err, r.said)
	}
	r.found, r.calls = s.found(), s.made()
	if first := s.firstByte.Load(); first != nil {
		r.firstByte = first.Sub(r.began)
	}
	if group != nil {
		r.cgroup, err = group.peak()
		return r, err
	}
	return r, nil
}

// observe runs a process to its end.
func observe(cmd *exec.Cmd, wait time.Duration, look how) (r sample, err error) {
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	began := time.Now()
	r.began = began
	if err := cmd.Start(); err != nil {
		return r, err
	}
	fired := make(chan time.Duration, 1)
	timer := time.AfterFunc(wait, func() { fired <- time.Since(began) - wait })
	most, stop := make(<-chan int64), make(chan struct{})
	if look == inMemory {
		most = watchTree(cmd.Process.Pid, stop)
	}
	err = cmd.Wait()
	r.took, r.said = time.Since(r.began), said.String()
	r.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	close(stop)
	if look == inMemory {
		r.tree = <-most
	}
	if !timer.Stop() {
		r.timer = <-fired
	}
	return r, err
}

// done tells whether a run did what it was meant to do, and did not give up.
func (t task) done(r sample, err error) error {
	switch least := min(t.wait, t.budget()-time.Second/2); {
	case err != nil && !t.hangs:
		return err
	case err == nil && t.hangs:
		return errors.New("it should say by its exit status that nobody answered")
	case r.took < least:
		return fmt.Errorf("ended after %s, expected %s at least", r.took, least)
	}
	return nil
}
