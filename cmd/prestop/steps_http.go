package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/line"
	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/prestop"
	"github.com/prestop/prestop/shutdown"
)

func (b *builder) call(p parsed) (prestop.Entry, error) {
	w, err := p.target("a URL")
	if err != nil {
		return prestop.Entry{}, err
	}
	call, err := b.request(strings.ToUpper(p.verb.Text), w, p)
	return callEntry(call), err
}

// callEntry has the times of every HTTP call.
func callEntry(s prestop.Step) prestop.Entry {
	return prestop.Entry{Step: s, Least: time.Second, Most: 30 * time.Second}
}

func (b *builder) request(method string, w line.Word, p parsed) (shutdown.Call, error) {
	u, err := web.ParseURL(w.Text)
	if err != nil {
		return shutdown.Call{}, w.Expected("%s", err)
	}
	b.hide.credentials(u)
	call := shutdown.Call{Request: web.Request{Method: method, URL: w.Text, Header: http.Header{}}}
	var t web.TLS
	var auth web.Auth
	for _, o := range p.options {
		switch o.Key {
		case "body":
			setBody(&call, o)
		case "header":
			err = b.setHeader(call.Request.Header, o)
		case "expect":
			call.Expect, err = web.ParseStatuses(o.Value)
		case "timeout":
			if call.Timeout, err = positive(o); err != nil {
				return shutdown.Call{}, err
			}
		case "token-file":
			auth = web.Token(b.hide.file(o.Value))
		case "ca-file":
			t.CAFile = o.Value
		}
		if err != nil {
			return shutdown.Call{}, o.Expected("%s: %s", o.Key, err)
		}
	}
	if call.Timeout > web.MaxTry {
		b.warnings = append(b.warnings, fmt.Sprintf("%s %s: timeout=%s: one try has %s at most, and is made again after that", p.verb.Text, shownURL(u), call.Timeout, web.MaxTry))
	}
	call.Connect = b.connect(t, auth)
	if o, ok := p.option("only-if"); ok {
		call.OnlyIf, err = b.onlyIf(o, u, call.Connect)
	}
	return call, err
}

// onlyIf is the condition of a call to u. It is asked with the call's credentials only at the same place.
func (b *builder) onlyIf(o line.Option, u *url.URL, connect web.Connect) (*shutdown.Call, error) {
	condition, err := web.ParseURL(o.Value)
	if err != nil {
		return nil, o.Expected("only-if: %s", err)
	}
	b.hide.credentials(condition)
	if !web.SamePlace(u, condition) {
		connect = b.connect(web.TLS{}, nil)
	}
	return &shutdown.Call{Connect: connect, Request: web.Request{Method: http.MethodGet, URL: o.Value}}, nil
}

// setBody takes text, or @FILE, which is read when the call is made, unless the @ is a variable's: whoever sets that might
// have any file sent. JSON is sent as such.
func setBody(call *shutdown.Call, o line.Option) {
	if o.Written("@") {
		call.BodyFile = o.Value[len("@"):]
		return
	}
	call.BodyFile, call.Request.Body = "", []byte(o.Value)
}

func (b *builder) setHeader(h http.Header, o line.Option) error {
	name, value, ok := strings.Cut(o.Value, ":")
	value = strings.TrimSpace(value) // a variable from a Secret often ends in a newline
	if !ok || name == "" || strings.Trim(name, headerName) != "" || strings.ContainsFunc(value, unsent) {
		return fmt.Errorf("expected Name:value, on one line")
	}
	b.hide.named(name, value)
	h.Add(name, value)
	return nil
}

// headerName is what a header's name may be made of (RFC 9110, 5.6.2).
const headerName = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// unsent tells which characters no header's value may have.
func unsent(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
