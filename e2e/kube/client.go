// Package kube is as much of a Kubernetes client as tests need. Objects are sent as they are written in YAML. Of the answers, a
// test decodes the few fields that it looks at.
//
// It speaks with kubectl proxy over a socket, so that credentials of all kinds are left to kubectl. Nothing is retried.
package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// A Client speaks with one API server.
type Client struct{ http *http.Client }

// New gives a client for kubectl proxy's socket.
func New(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	return &Client{&http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 16}}}
}

// A Status is an answer of the API server that is no success.
type Status struct {
	Code    int
	Message string
}

func (s *Status) Error() string { return fmt.Sprintf("%d: %s", s.Code, s.Message) }

// Is says whether an error is an answer with this HTTP status.
func Is(err error, code int) bool {
	s, ok := errors.AsType[*Status](err)
	return ok && s.Code == code
}

// Get decodes what lies at a path into out.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.do(ctx, http.MethodGet, path, "", nil, out)
}

// Create posts an object to a path of its kind.
func (c *Client) Create(ctx context.Context, path string, object, out any) error {
	return c.send(ctx, http.MethodPost, path, "application/json", object, out)
}

// Patch merges a part of an object into it, as RFC 7386 has it.
func (c *Client) Patch(ctx context.Context, path string, part any) error {
	return c.send(ctx, http.MethodPatch, path, "application/merge-patch+json", part, nil)
}

// Delete deletes with DeleteOptions, or without where they are nil.
func (c *Client) Delete(ctx context.Context, path string, options any) error {
	if options == nil {
		return c.do(ctx, http.MethodDelete, path, "", nil, nil)
	}
	return c.send(ctx, http.MethodDelete, path, "application/json", options, nil)
}

// Text gives an answer as it is: metrics, or the answer of a pod that is asked through the API server.
func (c *Client) Text(ctx context.Context, method, path string) (string, error) {
	body, err := c.Stream(ctx, method, path)
	if err != nil {
		return "", err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	return string(text), err
}

// Stream gives an answer while it comes, as a followed log does.
func (c *Client) Stream(ctx context.Context, method, path string) (io.ReadCloser, error) {
	return c.answer(ctx, method, path, "", nil)
}

// A Change is one event of a watch, and when it came.
type Change[T any] struct {
	At     time.Time
	Type   string // ADDED, MODIFIED, DELETED
	Object T
}

// Watch calls the function with each change below a path, until the function returns false or ctx ends.
func Watch[T any](ctx context.Context, c *Client, path string, more func(Change[T]) bool) error {
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	body, err := c.Stream(ctx, http.MethodGet, path+join+"watch=true")
	if err != nil {
		return err
	}
	defer body.Close()
	for d := json.NewDecoder(body); ; {
		var change Change[T]
		if err := d.Decode(&change); err != nil {
			return fmt.Errorf("watch %s: %w", path, err)
		}
		change.At = time.Now()
		if !more(change) {
			return nil
		}
	}
}

func (c *Client) send(ctx context.Context, method, path, kind string, object, out any) error {
	body, err := json.Marshal(object)
	if err != nil {
		return err
	}
	return c.do(ctx, method, path, kind, body, out)
}

func (c *Client) do(ctx context.Context, method, path, kind string, body []byte, out any) error {
	answer, err := c.answer(ctx, method, path, kind, body)
	if err != nil {
		return err
	}
	defer answer.Close()
	if out == nil {
		_, err := io.Copy(io.Discard, answer)
		return err
	}
	return json.NewDecoder(answer).Decode(out)
}

func (c *Client) answer(ctx context.Context, method, path, kind string, body []byte) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode/100 == 2 {
		return answer.Body, nil
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	var status struct{ Message string }
	if json.Unmarshal(text, &status) != nil || status.Message == "" {
		status.Message = strings.TrimSpace(string(text))
	}
	return nil, &Status{answer.StatusCode, fmt.Sprintf("%s %s: %s", method, path, status.Message)}
}
