package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
)

// start runs the program and returns its address and the lines that it prints after the first.
func start(t *testing.T, args ...string) (url string, lines *bufio.Scanner) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, append([]string{"-listen", "127.0.0.1:0"}, args...), write, io.Discard) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("ended with %v", err)
		}
	})
	lines = bufio.NewScanner(read)
	if !lines.Scan() {
		t.Fatal("it said nothing")
	}
	_, rest, _ := strings.Cut(lines.Text(), " on ")
	url, _, _ = strings.Cut(rest, ",")
	return url, lines
}

func TestShutdownFromStartToEnd(t *testing.T) {
	t.Parallel()
	url, lines := start(t, "-version", "8.17.0", "-nodes", "a,b", "-busy", "1", "-stall", "1", "-user", "u", "-password", "p")
	for _, step := range []struct{ method, path, body, want, line string }{
		{"GET", "/", "", `"number":"8.17.0"`, " a GET / 200 "},
		{"PUT", "/_nodes/x/shutdown", `{"type":"remove", "reason":"r"}`, "acknowledged",
			` a PUT /_nodes/x/shutdown 200 {"type":"remove", "reason":"r"}`},
		{"GET", "/_nodes/x/shutdown", "", `"status":"IN_PROGRESS"`, " a GET /_nodes/x/shutdown 200 "},
		{"GET", "/_nodes/shutdown?pretty", "", `"status": "STALLED"`, " a GET /_nodes/shutdown?pretty 200 "},
		{"GET", "/_nodes/x/shutdown", "", `"status":"NOT_STARTED"`, " a GET /_nodes/x/shutdown 200 "},
	} {
		answered := make(chan string, 1)
		go func() { answered <- ask(t, step.method, url+step.path, step.body) }()
		if !lines.Scan() || !strings.HasSuffix(lines.Text(), step.line) {
			t.Errorf("have line %q, want %q", lines.Text(), step.line)
		}
		if have := <-answered; !strings.Contains(have, step.want) {
			t.Errorf("%s: have %s, want %s", step.path, have, step.want)
		}
	}
}

func ask(t *testing.T, method, url, body string) string {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return ""
	}
	r.SetBasicAuth("u", "p")
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return string(all)
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-version", "nine"}, `version "nine": expected "9.4.0"`},
		{[]string{"-nope"}, "flag provided but not defined: -nope"},
		{[]string{"extra"}, `unexpected argument "extra"`},
		{[]string{"-listen", "nowhere"}, "listen tcp: address nowhere: missing port in address"},
	} {
		err := run(t.Context(), test.args, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: have %v, want %s", test.args, err, test.want)
		}
	}
	var help bytes.Buffer
	if err := run(t.Context(), []string{"-h"}, io.Discard, &help); err != nil || !strings.Contains(help.String(), "-stall") {
		t.Errorf("have %v and %s", err, help.String())
	}
}
