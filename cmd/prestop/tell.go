package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prestop/prestop/internal/podlog"
	"github.com/prestop/prestop/internal/termination"
	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/prestop"
)

// reportTime is kept before the deadline for the report, and all that it may take.
const reportTime = time.Second

var errReport = errors.New("no more time is kept for it")

// tell gives the outcome to those who asked for it. None of them makes a hook fail.
func (b *builder) tell(i invocation, o outcome, deadline time.Time, log *hookLog) {
	if path := terminationPath(b.endLog.text); path != "" && !i.terminal() {
		if err := termination.Append(path, b.hide.hide(o.message())); err != nil {
			log.Warn("the termination message is not written", "error", err)
		}
	}
	if len(b.report.list) > 0 && i.ctx.Err() == nil {
		if err := b.sendReport(i, o, deadline, log.Lost()); err != nil {
			log.Warn("the outcome is not reported", "error", err)
		}
	}
}

// sendReport POSTs the object that the log's last line is.
func (b *builder) sendReport(i invocation, o outcome, deadline time.Time, lost int) error {
	var line bytes.Buffer
	o.write(slog.New(podlog.NewHandler(&line, podlog.Options{Hide: b.hide.hide, Clock: clock(i.start, deadline)})), lost)
	client, err := b.connect(web.TLS{}, nil)()
	if err != nil {
		return err
	}
	last := min(reportTime, time.Until(deadline)-prestop.Engine)
	ctx, cancel := context.WithTimeoutCause(i.ctx, last, errReport)
	defer cancel()
	request := web.Request{Method: http.MethodPost, URL: b.report.list[0].String(), Body: bytes.TrimSpace(line.Bytes()),
		Header: http.Header{"Content-Type": {"application/json"}}}
	answer, err := web.Policy{}.Do(ctx, slog.New(slog.DiscardHandler), func(ctx context.Context) (web.Answer, error) { return client.Send(ctx, request) })
	if err == nil && !answer.OK() {
		err = errors.New(web.Place(answer.URL) + ": " + answer.String())
	}
	return err
}

// reachReport connects, for the dry run.
func (b *builder) reachReport(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, checkTime, errCheckTime)
	defer cancel()
	client, err := b.connect(web.TLS{}, nil)()
	if err != nil {
		return err
	}
	_, err = client.Reach(ctx, b.report.list[0].String())
	return err
}
