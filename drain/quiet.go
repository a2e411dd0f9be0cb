package drain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/sockdiag"
	"github.com/prestop/prestop/internal/step"
)

// Quiet is waited for until, for as long as For, no payload was carried on the ports and nobody was left without an
// answer. The kernel tells it: nothing is asked of the app, and nothing is in the data path.
//
// A handshake, an idle connection and one that is closed are no payload, so neither TCP health checks nor kept
// connections hold it. Connections that come and go between two looks are counted when they end.
//
// It knows no protocol: what the app has sent last is taken for an answer, unless it is so little that it must be
// something that HTTP/2 sends besides. On a connection that carries several requests at once, one that is still worked on
// is not seen among others that are done.
type Quiet struct {
	Ports []uint16
	For   time.Duration // no payload for so long; 0: 3 s
	Min   time.Duration // how long to look at least
	// New: only connections that were opened meanwhile count, for an app that ends its connections well by itself and
	// clients that keep theirs.
	New bool
	// Allow is how many connections with payload in each For do not count, such as HTTP probes; but those that are owed
	// an answer do.
	Allow int
	// Unanswered is how long a connection counts whose last payload came from its client, or which has payload that its
	// client does not take; 0: 15 s.
	Unanswered time.Duration
	Ignore     []netip.Prefix // peers that do not count
}

const (
	defaultFor        = 3 * time.Second
	defaultUnanswered = 15 * time.Second
	quietEvery        = 250 * time.Millisecond
	quietSays         = 5 * time.Second // the log says no more often what goes on
)

// errNoPorts is what a Quiet without ports comes to, until it finds them itself.
var errNoPorts = errors.New("could not see: no port is named")

// Run looks four times a second. It fails at once where a port has no listener, since nothing would be heard there; for
// its other errors see [File.Run].
func (q Quiet) Run(ctx context.Context, log *slog.Logger) error {
	if len(q.Ports) == 0 {
		return errNoPorts
	}
	q = q.withDefaults()
	t, err := q.watch()
	if errors.Is(err, sockdiag.ErrRefused) {
		return q.runProc(ctx, log, err)
	}
	if err != nil {
		return err
	}
	defer t.close()
	p := poll{every: quietEvery, min: max(q.Min, q.For), rarely: quietSays, look: t.look}
	err = p.run(ctx, log)
	if advice := t.talk.advice(); err != nil && errors.Is(err, context.Cause(ctx)) && advice != "" {
		return fmt.Errorf("%w; %s", err, advice)
	}
	return err
}

func (q Quiet) withDefaults() Quiet {
	if q.For == 0 {
		q.For = defaultFor
	}
	if q.Unanswered == 0 {
		q.Unanswered = defaultUnanswered
	}
	return q
}

func (q Quiet) ignores(peer netip.Addr) bool {
	return slices.ContainsFunc(q.Ignore, func(p netip.Prefix) bool { return p.Contains(peer) })
}

// Check says that the ports are listened on, and what goes on there now.
func (q Quiet) Check(ctx context.Context) (all []step.Finding, err error) {
	look, refused, err := q.withDefaults().checked()
	if err != nil {
		return nil, err
	}
	s, err := look(ctx)
	if err != nil {
		return nil, err
	}
	if refused != nil {
		all = append(all, step.Warned(refused.Error()), step.Warned("so idle connections and health checks would count as traffic"))
	}
	all = append(all, step.Found("each port is listened on"))
	for part := range strings.SplitSeq(s.says, "; ") {
		all = append(all, step.Found(part))
	}
	return all, nil
}
