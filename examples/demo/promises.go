package main

import (
	"fmt"
	"strings"
	"time"
)

// An outcome is what play has shown.
type outcome struct {
	calls   []call // since the pod was deleted
	end     termination
	clients tally
	took    time.Duration // all of it
}

// A promise is one that prestop makes, and whether it was kept.
type promise struct {
	kept bool
	text string
}

func (o outcome) promises() []promise {
	return []promise{o.appIsTold(), o.nodeIsTold(), o.hookWaits(), o.appHasTime(), o.nobodyNotices(), o.isQuick()}
}

func (o outcome) appIsTold() promise {
	told := o.find(isApp, notified)
	term := o.find(isKubelet, sigterm)
	if len(told) == 0 || len(term) == 0 || told[0].at > term[0].at {
		return promise{false, "the app was not told before SIGTERM"}
	}
	return promise{true, fmt.Sprintf("the app was told at %s, SIGTERM came at %s", at(told[0]), at(term[0]))}
}

func (o outcome) nodeIsTold() promise {
	put := o.find(isElasticsearch, "PUT ")
	if len(put) != 1 || !strings.HasSuffix(put[0].what, "/shutdown 200") {
		return promise{false, fmt.Sprintf("Elasticsearch got %d requests to register a shutdown, and one that it takes was due", len(put))}
	}
	looks := o.find(isElasticsearch, "GET ")
	if len(looks) == 0 || looks[len(looks)-1].at < put[0].at {
		return promise{false, "Elasticsearch was not asked how far its shutdown has come"}
	}
	return promise{true, fmt.Sprintf("Elasticsearch was told at %s and asked until %s", at(put[0]), at(looks[len(looks)-1]))}
}

func (o outcome) hookWaits() promise {
	kept := o.end.hookErr == nil && o.end.hook >= wait && o.end.hook < grace
	return promise{kept, fmt.Sprintf("the hook took %.2f s of %s s, at least %s were due: %s",
		o.end.hook.Seconds(), seconds(grace), seconds(wait), status(o.end.hookErr))}
}

func (o outcome) appHasTime() promise {
	kept := o.end.appErr == nil && o.end.left > leastGrace
	return promise{kept, fmt.Sprintf("the app had %s s left after SIGTERM and took %.2f s: %s",
		seconds(o.end.left), o.end.app.Seconds(), status(o.end.appErr))}
}

func (o outcome) nobodyNotices() promise {
	kept := o.clients.ok > 0 && o.clients.failed == 0
	return promise{kept, fmt.Sprintf("%d requests came after the deletion, %d failed", o.clients.ok+o.clients.failed, o.clients.failed)}
}

func (o outcome) isQuick() promise {
	return promise{o.took <= limit, fmt.Sprintf("all was over in %.1f s", o.took.Seconds())}
}

// find are the calls to (or of) somebody that begin like this, in order.
func (o outcome) find(who, what string) []call {
	var found []call
	for _, c := range o.calls {
		if c.who == who && strings.HasPrefix(c.what, what) {
			found = append(found, c)
		}
	}
	return found
}

func at(c call) string { return fmt.Sprintf("%.2f s", c.at.Seconds()) }
