package shutdown

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/web"
)

// cluster is an Elasticsearch during one run: where it answers, and what has been learnt of it.
type cluster struct {
	*Elasticsearch
	log             *slog.Logger
	places          []Place         // asked in this order; set once our own node is found
	noMasterTimeout map[string]bool // methods for which the server is too old for master_timeout: PUT and DELETE got it before GET
	unauthorized    int             // answers of 401 since the last success
}

func newCluster(e *Elasticsearch, log *slog.Logger) *cluster {
	return &cluster{Elasticsearch: e, log: log, noMasterTimeout: make(map[string]bool)}
}

// apiCall is one call of Elasticsearch's API; path is below the place's base URL. The path of a call that the master answers has no query of its own.
type apiCall struct {
	method, path string
	body         []byte
	master       bool // answered by the elected master; without a master, the server holds the request until master_timeout
}

// persist makes tries while there is time and patience.
func (c *cluster) persist(ctx context.Context, try func(context.Context) (web.Answer, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no usable answer for %s", patience))
	defer cancel()
	_, err := web.Policy{}.Do(ctx, c.log, try)
	return err
}

// askOnce asks each place once, in turn.
func (c *cluster) askOnce(ctx context.Context, r *apiCall, read func([]byte) error) (web.Answer, error) {
	return c.sweep(ctx, c.places, func(ctx context.Context, p Place) (web.Answer, error) { return c.askAt(ctx, p, r, read) })
}

func (c *cluster) askAt(ctx context.Context, p Place, r *apiCall, read func([]byte) error) (web.Answer, error) {
	a, err := c.send(ctx, p, r)
	if err == nil {
		err = of(a, read(a.Body))
	}
	return a, err
}

// of puts the place that answered before an error about its answer.
func of(a web.Answer, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", web.Place(a.URL), err)
}

// sweep goes through places until one gives an answer that is usable or final. Each place gets an even share of the time that is left,
// so that a place that hangs does not keep us from the next one.
func (c *cluster) sweep(ctx context.Context, places []Place, ask func(context.Context, Place) (web.Answer, error)) (web.Answer, error) {
	var failed unanswered
	var a web.Answer
	var err error
	for i, p := range places {
		a, err = within(ctx, len(places)-i, func(ctx context.Context) (web.Answer, error) { return ask(ctx, p) })
		if err == nil || a.Status != 0 && web.Final(err) || c.unauthorized == maxUnauthorized {
			return a, err
		}
		failed = append(failed, err)
	}
	return a, failed
}

// within gives f the nth part of the time that ctx has left.
func within(ctx context.Context, n int, f func(context.Context) (web.Answer, error)) (web.Answer, error) {
	if deadline, ok := ctx.Deadline(); ok && n > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, time.Until(deadline)/time.Duration(n), web.ErrTry)
		defer cancel()
	}
	return f(ctx)
}

// unanswered holds the failures of all places.
type unanswered []error

func (u unanswered) Error() string {
	texts := make([]string, len(u))
	for i, err := range u {
		texts[i] = err.Error()
	}
	return strings.Join(slices.Compact(texts), "; ") // a place may be listed twice, as our own node and by its URL
}

func (u unanswered) Unwrap() []error { return u }

// Final tells whether the failures of all places are final.
func (u unanswered) Final() bool {
	return !slices.ContainsFunc(u, func(err error) bool { return !web.Final(err) })
}

// send makes one call to one place; an answer that is no success is an error.
func (c *cluster) send(ctx context.Context, p Place, r *apiCall) (web.Answer, error) {
	a, err := p.Client.Send(ctx, c.request(ctx, p, r))
	if err != nil {
		return a, err
	}
	if r.master && !c.noMasterTimeout[r.method] && refusesMasterTimeout(a) {
		c.noMasterTimeout[r.method] = true
		return c.send(ctx, p, r)
	}
	return a, c.accept(a)
}

func (c *cluster) request(ctx context.Context, p Place, r *apiCall) web.Request {
	out := web.Request{Method: r.method, URL: p.URL + r.path, Body: r.body}
	if deadline, ok := ctx.Deadline(); ok && r.master && !c.noMasterTimeout[r.method] {
		left := time.Until(deadline) * 4 / 5 // less than we wait ourselves, so that the server still tells us if there is no master
		out.URL += fmt.Sprintf("?master_timeout=%dms", max(100, left.Milliseconds()))
	}
	if r.body != nil {
		out.Header = http.Header{"Content-Type": {"application/json"}}
	}
	return out
}

// refusesMasterTimeout recognises the 400 of a server that does not know master_timeout here. If http.detailed_errors.enabled is false,
// the server does not say why it refuses. Then any other 400 costs one more request too.
func refusesMasterTimeout(a web.Answer) bool {
	r := refuse(a)
	return a.Status == http.StatusBadRequest && (r.kind == "" || strings.Contains(r.reason, "master_timeout"))
}

// maxUnauthorized is how many answers of 401 in a row are final, whoever gives them.
const maxUnauthorized = 3

// accept makes an error of an answer that is no success.
func (c *cluster) accept(a web.Answer) error {
	switch {
	case a.OK() && a.Partial:
		return of(a, unreadable(fmt.Errorf("longer than %d bytes", web.MaxBody)))
	case a.OK():
		c.unauthorized = 0
		return nil
	case a.Status != http.StatusUnauthorized:
		return refuse(a)
	}
	if c.unauthorized++; c.unauthorized == maxUnauthorized {
		return web.Permanent(refuse(a))
	}
	return refuse(a)
}

// product is what the server calls itself, for an error that depends on it; empty if it does not say.
func (c *cluster) product(ctx context.Context) string {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*time.Second, web.ErrTry)
	defer cancel()
	var about struct {
		Version struct {
			Number       string `json:"number"`
			Distribution string `json:"distribution"`
			Flavor       string `json:"build_flavor"`
		} `json:"version"`
	}
	_, err := c.askOnce(ctx, &apiCall{method: http.MethodGet, path: "/"}, func(body []byte) error { return lenient(json.Unmarshal(body, &about)) })
	v := about.Version
	switch {
	case err != nil || v.Number == "":
		return ""
	case v.Distribution != "":
		return v.Distribution + " " + v.Number
	case v.Flavor == "serverless":
		return "Elasticsearch serverless"
	default:
		return "Elasticsearch " + v.Number
	}
}

// explain puts the product before an error that may come from its version.
func (c *cluster) explain(ctx context.Context, err error) error {
	r, refused := errors.AsType[*refusal](err)
	switch {
	case errors.Is(err, errNoAPI):
		err = errNoAPI
	case !refused || !r.Final() || r.Status == http.StatusForbidden:
		return err
	}
	if product := c.product(ctx); product != "" {
		return fmt.Errorf("%s: %w", product, err)
	}
	return err
}
