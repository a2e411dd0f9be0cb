package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/fakees"
	"github.com/prestop/prestop/internal/testbuffer"
	"github.com/prestop/prestop/internal/testterminal"
	"github.com/prestop/prestop/internal/timing"
)

// The times of most deliveries.
const (
	deliveryGrace   = 60 * time.Second // so that no call is short of time
	deliveryReserve = 2 * time.Second
	deliveryFloor   = 5300 * time.Millisecond
	deliverySlack   = 1200 * time.Millisecond // of the wall's clock, where that is judged

	waitBefore  = 1900 * time.Millisecond // the first call
	waitBetween = 2000 * time.Millisecond // the calls
	halfWay     = 1400 * time.Millisecond // of other waits
)

func TestDeliveries(t *testing.T) {
	tell(t, map[string]stories{
		"twice":         deliveredTwice(),
		"records":       records(),
		"Elasticsearch": elasticsearchDeliveredTwice(),
		"at once":       deliveredAtOnce(),
		"by hand":       runByHandBefore(),
		"file":          {"while it runs, killed, ended": recordFile},
		"nowhere":       nowhereForTheRecord(),
	})
}

func deliveryPlan(s *stage, once string) []string {
	return []string{"wait " + waitBefore.String(), "post " + s.url + "/one" + once, "wait " + waitBetween.String(), "post " + s.url + "/two" + once}
}

// A hook that is SIGKILLed anywhere and delivered again: what had been done is not done again, what was cut is, and
// all waits count from the first one's start.
func deliveredTwice() stories {
	rows := map[string]struct {
		cut      func(*stage) func(*delivery) // kills a delivery at a certain place
		once     bool
		one, two int // how often each is called
		fails    bool
	}{
		"before the first request":               {cutInWait(waitBefore), false, 1, 1, false},
		"in the first request":                   {cutInCall("/one"), false, 2, 1, false},
		"after the first request, not recorded":  {cutAfterCall("/one"), false, 2, 1, false},
		"between the steps":                      {cutInWait(waitBetween), false, 1, 1, false},
		"in the second request":                  {cutInCall("/two"), false, 1, 2, false},
		"after the second request, not recorded": {cutAfterCall("/two"), false, 1, 2, false},
		"in the additional wait":                 {cutInFloor, false, 1, 1, false},
		"twice":                                  {cutTwice, false, 2, 2, false},
		"after a failure":                        {cutAfterFailure("/one"), false, 1, 1, true},
		"once, before the first request":         {cutInWait(waitBefore), true, 1, 1, false},
		"once, in the first request":             {cutInCall("/one"), true, 1, 1, true},
		"once, after the first, not recorded":    {cutAfterCall("/one"), true, 1, 1, true},
		"once, between the steps":                {cutInWait(waitBetween), true, 1, 1, false},
		"once, in the second request":            {cutInCall("/two"), true, 1, 1, true},
		"once, after the second, not recorded":   {cutAfterCall("/two"), true, 1, 1, true},
		"once, in the additional wait":           {cutInFloor, true, 1, 1, false},
	}
	all := make(stories)
	for name, r := range rows {
		once, exit, says := "", exitDone, ""
		if r.once {
			once = " once"
		}
		if r.fails {
			exit, says = exitFailed, "404"
			if r.once {
				says = "to be done once"
			}
		}
		all[name] = func(s *stage) {
			kill := r.cut(s)
			first := s.deliver(nil, deliveryPlan(s, once)...)
			kill(first)
			second := s.deliver(nil, deliveryPlan(s, once)...)
			s.ends(second, exit, says)
			s.lasted(second, first, deliveryFloor)
			s.expectCalls("/one", r.one)
			s.expectCalls("/two", r.two)
			s.after(first, "the first call", s.call("/one", 1), waitBefore)
			s.between("the second call", s.call("/one", 0), s.call("/two", 1), waitBetween)
			s.check(len(second.lines("going on from")) == 1, "the second does not say that it goes on")
			s.noRecord()
		}
	}
	all["once, while it reports"] = func(s *stage) {
		report := []string{"PRE_STOP_REPORT_URL=" + s.url + "/report"}
		call := s.hold("/report")
		first := s.deliver(report, "post "+s.url+"/one once")
		s.await("the report", call.came)
		s.kill(first)
		call.let()
		second := s.deliver(report, "post "+s.url+"/one once")
		s.ends(second, exitDone, "")
		s.expectCalls("/one", 1)
		s.noRecord()
	}
	all["in the time of a step that cannot be read"] = func(s *stage) {
		first := s.deliver(nil, "wait soon", "post "+s.url+"/one")
		s.logged(first, "waited out")
		s.at(first.began.Add(halfWay))
		s.kill(first)
		second := s.deliver(nil, "wait soon", "post "+s.url+"/one")
		s.ends(second, exitConfiguration, "wait soon")
		s.after(first, "the call", s.call("/one", 1), deliveryFloor)
		s.lasted(second, first, deliveryFloor)
	}
	return all
}

func cutInWait(d time.Duration) func(*stage) func(*delivery) {
	return func(s *stage) func(*delivery) {
		return func(first *delivery) {
			s.logged(first, "step begins", "wait "+d.String())
			s.at(time.Now().Add(d / 2)) // long enough to see that it does not begin anew
			s.kill(first)
		}
	}
}

func cutInFloor(s *stage) func(*delivery) {
	return func(first *delivery) {
		s.logged(first, "waiting", "additional wait")
		s.kill(first)
	}
}

func cutInCall(path string) func(*stage) func(*delivery) {
	return func(s *stage) func(*delivery) {
		call := s.hold(path)
		return func(first *delivery) {
			s.await("the call of "+path, call.came)
			s.kill(first)
		}
	}
}

// cutAfterCall lets the call take effect and answers it, but not a step further does the hook come.
func cutAfterCall(path string) func(*stage) func(*delivery) {
	return func(s *stage) func(*delivery) {
		call := s.hold(path)
		return func(first *delivery) {
			s.await("the call of "+path, call.came)
			s.freeze(first)
			call.let()
			s.await("the answer of "+path, call.answered)
			s.kill(first)
		}
	}
}

func cutAfterFailure(path string) func(*stage) func(*delivery) {
	return func(s *stage) func(*delivery) {
		s.answers(path, http.StatusNotFound)
		return cutInWait(waitBetween)(s)
	}
}

// cutTwice cuts the first in the one call, and the one after it, which it starts, in the other.
func cutTwice(s *stage) func(*delivery) {
	one, two := cutInCall("/one")(s), cutAfterCall("/two")(s)
	return func(first *delivery) {
		one(first)
		two(s.deliver(nil, deliveryPlan(s, "")...))
	}
}

// What a record does not count for: the hook then does all of it, and waits in full.
func records() stories {
	anew := func(s *stage, d *delivery, calls int) {
		s.ends(d, exitDone, "")
		s.lasted(d, d, deliveryFloor)
		s.expectCalls("/one", calls)
		s.check(len(d.lines("earlier delivery")) == 0, "the hook believes in an earlier delivery")
	}
	return stories{
		"another plan": func(s *stage) {
			first := s.deliver(nil, "post "+s.url+"/one", "wait 1s")
			s.logged(first, "step begins", "wait 1s")
			s.kill(first)
			anew(s, s.deliver(nil, "post "+s.url+"/one", "wait 1s", "wait 1ms"), 2)
		},
		"another floor": func(s *stage) {
			first := s.deliver([]string{"PRE_STOP_ADDITIONAL_WAIT_SECONDS=3"}, "post "+s.url+"/one", "wait 1s")
			s.logged(first, "step begins", "wait 1s")
			s.kill(first)
			anew(s, s.deliver(nil, "post "+s.url+"/one", "wait 1s"), 2)
		},
		"its time is over": func(s *stage) {
			short := []string{"PRE_STOP_GRACE_PERIOD_SECONDS=2s", "PRE_STOP_RESERVE_SECONDS=100ms"} // no time for waits
			call := s.hold("/one")
			first := s.deliver(short, "post "+s.url+"/one")
			s.await("the call", call.came)
			s.kill(first)
			s.at(time.Now().Add(4 * time.Second)) // the grace period and two seconds
			second := s.deliver(short, "post "+s.url+"/one")
			s.ends(second, exitDone, "")
			s.expectCalls("/one", 2)
			s.check(len(second.lines("earlier delivery")) == 0, "the hook believes in an earlier delivery")
		},
		"rubbish": func(s *stage) {
			first := s.deliver(nil, "post "+s.url+"/one", "wait 1s")
			s.logged(first, "step begins", "wait 1s")
			s.kill(first)
			s.must(os.WriteFile(s.journal(), []byte("{\"key\":\"no\"\x00}\n[]\n"), 0o600))
			anew(s, s.deliver(nil, "post "+s.url+"/one", "wait 1s"), 2)
			s.noRecord()
		},
	}
}

// An Elasticsearch node's shutdown is registered once, however often the hook is delivered.
func elasticsearchDeliveredTwice() stories {
	const uid = "8c2f3c1e-52a5-4b5a-9c35-0d7f4f3f1a11"
	withUID := []string{"POD_UID=" + uid}
	rows := map[string]struct {
		env   []string
		cutOn fakees.API
		fault *fakees.Fault
		after bool // the cluster has done what it was asked for, and the hook does not know
		puts  int  // that take effect or try to
	}{
		"in the look-up":                 {withUID, fakees.NodesInfo, nil, false, 1},
		"before it is registered":        {withUID, fakees.PutShutdown, &fakees.Fault{On: fakees.PutShutdown, Times: 1, Effect: fakees.Hang()}, false, 2},
		"registered, not recorded":       {withUID, fakees.PutShutdown, nil, true, 1},
		"registered, without a pod's id": {nil, fakees.PutShutdown, nil, true, 1},
	}
	all := stories{
		"while it is waited for": func(s *stage) {
			c := s.elasticsearch()
			c.Script("", fakees.Phase{Polls: 4, PluginsBusy: true})
			first := s.deliver(withUID)
			s.logged(first, "shutdown is IN_PROGRESS")
			s.kill(first)
			s.registeredOnce(c, s.deliver(withUID), first, 1, uid)
		},
		"the second has a deadline of its own": func(s *stage) {
			c := s.elasticsearch()
			c.Script("", fakees.Phase{PluginsBusy: true})
			env := append(slices.Clone(withUID), "PRE_STOP_GRACE_PERIOD_SECONDS=5s", "PRE_STOP_RESERVE_SECONDS=500ms", "PRE_STOP_ADDITIONAL_WAIT_SECONDS=2s")
			const budget = 4500 * time.Millisecond
			first := s.deliver(env)
			s.logged(first, "shutdown is IN_PROGRESS")
			s.at(first.began.Add(time.Second))
			s.kill(first)
			second := s.deliver(env)
			s.ends(second, exitFailed, "IN_PROGRESS")
			s.usesUp(second, budget)
			s.check(c.Count(fakees.PutShutdown) == 1, "%d PUTs", c.Count(fakees.PutShutdown))
			s.noRecord()
		},
	}
	for name, r := range rows {
		all[name] = func(s *stage) {
			c := s.elasticsearch()
			if r.fault != nil {
				c.Fail(*r.fault)
			}
			came, cut := make(chan struct{}), make(chan struct{})
			var first *delivery
			var once sync.Once
			c.OnRequest(func(q fakees.Request) {
				if q.API == r.cutOn {
					once.Do(func() { close(came); <-cut })
				}
			})
			answered := make(chan struct{})
			var all sync.Once
			c.OnAnswer(func(q fakees.Request) {
				if q.API == r.cutOn {
					all.Do(func() { close(answered) })
				}
			})
			first = s.deliver(r.env)
			s.await("the request", came)
			if r.after {
				s.freeze(first)
				close(cut)
				s.await("the answer", answered)
				s.kill(first)
			} else {
				s.kill(first)
				close(cut)
			}
			id := uid
			if r.env == nil {
				id = "container "
			}
			s.registeredOnce(c, s.deliver(r.env), first, r.puts, id)
		}
	}
	return all
}

func (s *stage) registeredOnce(c *fakees.Cluster, second, first *delivery, puts int, id string) {
	s.ends(second, exitDone, "")
	s.lasted(second, first, deliveryFloor)
	s.check(c.Count(fakees.PutShutdown) == puts, "%d PUTs, want %d", c.Count(fakees.PutShutdown), puts)
	records := c.Records()
	s.check(len(records) == 1 && strings.Contains(records[0].Reason, id), "records %+v, want one with %s", records, id)
	s.check(puts > 1 || len(second.lines("registered already")) == 1 || len(second.lines("registering")) == 1, "the second does not say what it found")
	s.noRecord()
}

// A hook that is delivered while it runs.
func deliveredAtOnce() stories {
	const joins = "an earlier delivery of this hook still runs"
	together := func(s *stage, exit int, says string, all ...*delivery) {
		for _, d := range all {
			s.ends(d, exit, says)
			mine, first := s.record(d).report(), s.record(all[0]).report()
			s.check(mine != "" && mine == first, "they report %s and %s", mine, first)
			s.notLater("the end of one after the other", d.ended.Sub(all[0].ended).Abs(), 0)
		}
		s.noRecord()
	}
	return stories{
		"the second joins": func(s *stage) {
			call := s.hold("/one")
			first := s.deliver(nil, deliveryPlan(s, "")...)
			s.await("the call", call.came)
			second := s.deliver(nil, deliveryPlan(s, "")...)
			s.logged(second, joins)
			call.let()
			together(s, exitDone, "", first, second)
			s.lasted(second, first, deliveryFloor)
			s.expectCalls("/one", 1)
			s.expectCalls("/two", 1)
		},
		"the first fails": func(s *stage) {
			s.answers("/one", http.StatusForbidden)
			call := s.hold("/one")
			first := s.deliver(nil, deliveryPlan(s, "")...)
			s.await("the call", call.came)
			second := s.deliver(nil, deliveryPlan(s, "")...)
			s.logged(second, joins)
			call.let()
			together(s, exitFailed, "403", first, second)
			s.check(first.stderr.String() == second.stderr.String(), "they say %q and %q", &first.stderr, &second.stderr)
			s.expectCalls("/one", 1)
		},
		"three, a mistake in the configuration": func(s *stage) {
			var all []*delivery
			for range 3 {
				all = append(all, s.deliver(nil, "post "+s.url+"/one", "wait soon", "post "+s.url+"/two"))
			}
			together(s, exitConfiguration, "wait soon", all...)
			s.expectCalls("/one", 1)
			s.expectCalls("/two", 1)
		},
		"Elasticsearch": func(s *stage) {
			c := s.elasticsearch()
			c.Script("", fakees.Phase{Polls: 3, PluginsBusy: true})
			first := s.deliver(nil)
			s.logged(first, "shutdown is IN_PROGRESS")
			together(s, exitDone, "", first, s.deliver(nil))
			s.check(c.Count(fakees.PutShutdown) == 1, "%d PUTs", c.Count(fakees.PutShutdown))
		},
		"the first is killed in a call": func(s *stage) {
			call := s.hold("/one")
			first := s.deliver(nil, deliveryPlan(s, "")...)
			s.await("the call", call.came)
			second := s.deliver(nil, deliveryPlan(s, "")...)
			s.logged(second, joins)
			s.kill(first)
			s.ends(second, exitDone, "")
			s.lasted(second, first, deliveryFloor)
			s.expectCalls("/one", 2)
			s.expectCalls("/two", 1)
			s.between("the second call", s.call("/one", 0), s.call("/two", 0), waitBetween)
			s.noRecord()
		},
		"the first is killed in a wait": func(s *stage) {
			first := s.deliver(nil, "post "+s.url+"/one", "wait 3s", "post "+s.url+"/two")
			s.logged(first, "step begins", "wait 3s")
			second := s.deliver(nil, "post "+s.url+"/one", "wait 3s", "post "+s.url+"/two")
			s.logged(second, joins)
			s.at(first.began.Add(2500 * time.Millisecond))
			s.kill(first)
			s.ends(second, exitDone, "")
			s.lasted(second, first, deliveryFloor)
			s.expectCalls("/one", 1)
			s.expectCalls("/two", 1)
			s.between("the second call", s.call("/one", 0), s.call("/two", 0), 3*time.Second)
			s.noRecord()
		},
		"the first is killed in a wait that began after the second came": func(s *stage) {
			plan := []string{"wait 1900ms", "post " + s.url + "/one", "wait 2s", "post " + s.url + "/two"}
			first := s.deliver(nil, plan...)
			s.logged(first, "step begins", "wait 1900ms")
			second := s.deliver(nil, plan...)
			s.logged(second, joins)
			s.logged(first, "step begins", "wait 2s")
			s.at(time.Now().Add(1500 * time.Millisecond))
			s.kill(first)
			s.ends(second, exitDone, "")
			s.lasted(second, first, deliveryFloor)
			s.between("the second call", s.call("/one", 0), s.call("/two", 0), 2*time.Second)
			s.noRecord()
		},
		"the first is ended": func(s *stage) {
			call := s.hold("/one")
			first := s.deliver(nil, "post "+s.url+"/one")
			s.await("the call", call.came)
			second := s.deliver(nil, "post "+s.url+"/one")
			s.logged(second, joins)
			first.cmd.Process.Signal(syscall.SIGTERM)
			s.ends(first, exitSignal+int(syscall.SIGTERM), "ended by signal")
			s.ends(second, exitDone, "")
			s.lasted(second, second, deliveryFloor)
			s.expectCalls("/one", 2)
			s.noRecord()
		},
		"three, the first is ended": func(s *stage) {
			call := s.hold("/one")
			first := s.deliver(nil, "post "+s.url+"/one")
			s.await("the call", call.came)
			second, third := s.deliver(nil, "post "+s.url+"/one"), s.deliver(nil, "post "+s.url+"/one")
			s.logged(second, joins)
			s.logged(third, joins)
			first.cmd.Process.Signal(syscall.SIGTERM)
			together(s, exitDone, "", second, third)
			s.expectCalls("/one", 2)
		},
		"the second is ended": func(s *stage) {
			first := s.deliver(nil, deliveryPlan(s, "")...)
			s.logged(first, "step begins")
			for signal, exit := range map[syscall.Signal]int{syscall.SIGTERM: exitSignal + int(syscall.SIGTERM), syscall.SIGKILL: -1} {
				second := s.deliver(nil, deliveryPlan(s, "")...)
				s.logged(second, joins)
				second.cmd.Process.Signal(signal)
				s.awaitEnd(second)
				s.check(second.exit == exit, "the second's exit status is %d, want %d", second.exit, exit)
			}
			s.ends(first, exitDone, "")
			s.lasted(first, first, deliveryFloor)
			s.expectCalls("/one", 1)
			s.expectCalls("/two", 1)
			s.noRecord()
		},
		"while the report is not answered": func(s *stage) {
			env := []string{"PRE_STOP_GRACE_PERIOD_SECONDS=4s", "PRE_STOP_RESERVE_SECONDS=1s", "PRE_STOP_REPORT_URL=" + s.url + "/report"}
			call := s.hold("/report")
			first, second := s.deliver(env, "post "+s.url+"/one", "wait 20s"), s.deliver(env, "post "+s.url+"/one", "wait 20s")
			s.ends(first, exitDone, "")
			s.ends(second, exitDone, "")
			s.expectCalls("/report", 1)
			call.let()
			s.noRecord()
		},
		"the first hangs": func(s *stage) {
			env := []string{"PRE_STOP_GRACE_PERIOD_SECONDS=3s", "PRE_STOP_RESERVE_SECONDS=1s"}
			first := s.deliver(env, "wait 1s", "post "+s.url+"/one")
			s.logged(first, "step begins")
			s.freeze(first)
			second := s.deliver(env, "wait 1s", "post "+s.url+"/one")
			s.ends(second, exitFailed, "its share of the grace period is used up")
			s.usesUp(second, 2*time.Second)
			s.kill(first)
		},
	}
}

// Somebody tries the hook before the kubelet runs it: that run's calls and waits are not taken for its own.
func runByHandBefore() stories {
	half := func(s *stage, hand *delivery) {
		s.logged(hand, "step begins", "wait 1s")
		s.at(hand.began.Add(700 * time.Millisecond))
	}
	rows := map[string]struct {
		hand  func(*stage)
		calls int // by hand
	}{
		"to its end": {func(s *stage) {
			s.ends(s.deliver(nil, handPlan(s)...), exitDone, "")
		}, 1},
		"ended by SIGINT": {func(s *stage) {
			hand := s.deliver(nil, handPlan(s)...)
			half(s, hand)
			hand.cmd.Process.Signal(syscall.SIGINT)
			s.ends(hand, exitSignal+int(syscall.SIGINT), "ended by signal interrupt")
		}, 1},
		"ended by SIGTERM": {func(s *stage) {
			hand := s.deliver(nil, handPlan(s)...)
			half(s, hand)
			hand.cmd.Process.Signal(syscall.SIGTERM)
			s.ends(hand, exitSignal+int(syscall.SIGTERM), "ended by signal terminated")
		}, 1},
		"dry run": {func(s *stage) {
			s.ends(s.deliver(nil, append([]string{"--dry-run"}, handPlan(s)...)...), exitDone, "")
		}, 0},
		"killed at a terminal":           {killedAtTerminal(func(c *exec.Cmd, tty *os.File) { c.Stdin, c.Stdout, c.Stderr = tty, tty, tty }), 1},
		"killed, input from a terminal":  {killedAtTerminal(func(c *exec.Cmd, tty *os.File) { c.Stdin = tty }), 1},
		"killed, messages to a terminal": {killedAtTerminal(func(c *exec.Cmd, tty *os.File) { c.Stderr = tty }), 1},
		"killed in a call at a terminal": {killedInCallAtTerminal, 1},
		"still going on at a terminal":   {goingOnAtTerminal, 1},
	}
	all := make(stories)
	for name, r := range rows {
		all[name] = func(s *stage) {
			const floor = 2500 * time.Millisecond
			s.env = append(s.env, "PRE_STOP_ADDITIONAL_WAIT_SECONDS="+floor.String())
			r.hand(s)
			s.expectCalls("/one", r.calls)
			hook := s.deliver(nil, handPlan(s)...)
			s.ends(hook, exitDone, "")
			s.lasted(hook, hook, floor)
			s.expectCalls("/one", r.calls+1)
			s.between("the wait", s.call("/one", 0), s.call("/two", 0), time.Second)
			s.check(len(hook.lines("earlier delivery"))+len(hook.lines("delivered again")) == 0, "the hook believes in an earlier delivery")
			s.noRecord()
		}
	}
	return all
}

func handPlan(s *stage) []string {
	return []string{"post " + s.url + "/one", "wait 1s", "post " + s.url + "/two"}
}

// killedAtTerminal kills a run half-way through its wait, with some of its streams on a terminal.
func killedAtTerminal(streams func(*exec.Cmd, *os.File)) func(*stage) {
	return func(s *stage) {
		tty := s.terminal()
		hand := s.prepare(nil, handPlan(s)...)
		streams(hand.cmd, tty)
		s.start(hand)
		s.awaitCall("/one")
		s.at(hand.began.Add(700 * time.Millisecond))
		s.kill(hand)
		s.noRecord()
	}
}

func killedInCallAtTerminal(s *stage) {
	tty := s.terminal()
	call := s.hold("/one")
	hand := s.prepare(nil, handPlan(s)...)
	hand.cmd.Stdin, hand.cmd.Stdout, hand.cmd.Stderr = tty, tty, tty
	s.start(hand)
	s.await("the call", call.came)
	s.kill(hand)
	s.noRecord()
}

func goingOnAtTerminal(s *stage) {
	tty := s.terminal()
	hand := s.prepare(nil, "post "+s.url+"/one", "wait 1h")
	hand.cmd.Stdin, hand.cmd.Stdout, hand.cmd.Stderr = tty, tty, tty
	s.start(hand)
	s.awaitCall("/one")
}

// The record is for nobody else to read, says nothing secret, and is gone afterwards.
func recordFile(s *stage) {
	secrets := []string{"hunter2-url", "hunter2-token", "hunter2-query", "hunter2-header", "hunter2-variable", "hunter2-body"}
	token := filepath.Join(filepath.Dir(s.state), "token")
	s.must(os.WriteFile(token, []byte("hunter2-token\n"), 0o600))
	host := strings.TrimPrefix(s.url, "http://")
	plan := []string{
		"post http://user:hunter2-url@" + host + "/one?api_key=hunter2-query token-file=" + token,
		`post ` + s.url + `/two header=X-Secret:hunter2-header`,
		"post " + s.url + "/$(VARIABLE)",
		"post " + s.url + `/body body={"password":"$(BODY)"}`,
		"post " + s.url + "/last",
	}
	env := []string{"VARIABLE=hunter2-variable", "BODY=hunter2-body"}
	for _, path := range []string{"/one", "/two", "/hunter2-variable", "/body"} { // their errors are on record
		s.answers(path, http.StatusForbidden)
	}
	call := s.hold("/last")
	first := s.deliver(env, plan...)
	s.await("the call", call.came)
	look := func(when string) {
		info, err := os.Stat(s.journal())
		s.must(err)
		s.check(info.Mode() == 0o600, "%s: the record has mode %v, want 0600", when, info.Mode())
		text, err := os.ReadFile(s.journal())
		s.must(err)
		s.check(bytes.Count(text, []byte("403")) > 3 && bytes.Contains(text, []byte("***")), "%s: not all is on record: %s", when, text)
		for _, secret := range secrets {
			s.check(!bytes.Contains(text, []byte(secret)), "%s: %s is on record", when, secret)
		}
	}
	look("running")
	s.kill(first)
	look("killed")
	s.ends(s.deliver(env, plan...), exitFailed, "403")
	s.noRecord()
}

// Without a place for its record a hook warns and does what it has to.
func nowhereForTheRecord() stories {
	warns := func(s *stage, d *delivery, reason string) {
		s.ends(d, exitDone, "")
		s.lasted(d, d, time.Second)
		s.expectCalls("/one", 1)
		found := d.lines("second delivery of this hook would not")
		s.check(len(found) == 1 && strings.Contains(found[0], `"log.level":"warn"`) && strings.Contains(found[0], reason), "warnings %q, want one with %q", found, reason)
	}
	short := func(dir string) []string {
		return []string{"PRE_STOP_ADDITIONAL_WAIT_SECONDS=1", "PRE_STOP_STATE_DIR=" + dir, "TMPDIR=" + dir}
	}
	asUser := func(s *stage, name string, perm fs.FileMode) *delivery {
		dir := filepath.Join(s.reachable(), name)
		s.must(os.Mkdir(dir, 0o700))
		s.must(os.Chmod(dir, perm))
		d := s.prepare(short(dir), "post "+s.url+"/one")
		if os.Getuid() == 0 {
			inRole(d.cmd, role{UID: ordinaryUser})
		}
		s.start(d)
		return d
	}
	all := stories{
		"0555": func(s *stage) { warns(s, asUser(s, "readonly", 0o555), "permission denied") },
		"writable": func(s *stage) { // the rows above and below would fail otherwise
			d := asUser(s, "writable", 0o777)
			s.ends(d, exitDone, "")
			s.check(len(d.lines("second delivery")) == 0, "it warns")
		},
		"not there": func(s *stage) {
			warns(s, s.deliver(short("/no/such/directory"), "post "+s.url+"/one"), "no such file or directory")
		},
		"a file": func(s *stage) {
			file := filepath.Join(s.state, "file")
			s.must(os.WriteFile(file, nil, 0o600))
			warns(s, s.deliver(short(file), "post "+s.url+"/one"), "not a directory")
		},
		"a link in its place": func(s *stage) {
			call := s.hold("/one")
			d := s.deliver(short(s.state), "post "+s.url+"/one")
			s.await("the call", call.came)
			record := s.journal()
			call.let()
			s.ends(d, exitDone, "")
			s.must(os.Symlink("/etc/hosts", record))
			s.forget()
			warns(s, s.deliver(short(s.state), "post "+s.url+"/one"), "symbolic link")
		},
	}
	if os.Getuid() != 0 {
		return all
	}
	for name, row := range map[string]struct{ mount, says string }{
		"read-only file system": {"read-only", "read-only file system"},
		"full file system":      {"full", "no space left on device"},
	} {
		all[name] = func(s *stage) {
			d := s.prepare(short(s.state), "post "+s.url+"/one")
			inRole(d.cmd, role{Mount: map[string]string{s.state: row.mount}})
			s.start(d)
			warns(s, d, row.says)
		}
	}
	all["all but /dev/shm is read-only"] = func(s *stage) {
		d := s.prepare([]string{"PRE_STOP_STATE_DIR=", "PRE_STOP_ADDITIONAL_WAIT_SECONDS=3"}, "post "+s.url+"/one", "wait 1s")
		cut, deliver := s.pipe()
		s.contain(d, containerRole{Again: true}, role{}, map[string]string{"/tmp": "read-only", "/dev/shm": "empty"})
		d.cmd.Stdin = cut
		s.start(d)
		s.logged(d, "step begins", "wait 1s")
		s.at(d.began.Add(halfWay))
		deliver.Close()
		s.ends(d, exitDone, "")
		s.lasted(d, d, 3*time.Second)
		s.expectCalls("/one", 1)
		s.check(len(d.lines("going on from")) == 1, "the second delivery does not know of the first")
	}
	return all
}

// A stage is where a story is told: an HTTP server, a directory for the record, and the deliveries of a hook.
type stage struct {
	binary, state string
	url           string   // of the server
	env           []string // of each delivery
	end           chan struct{}
	told          chan struct{} // closed when the story is

	mu         sync.Mutex
	status     map[string]int // of the answers, by path; 200 unless given
	calls      []arrival
	held       map[string]*heldCall
	wrong      []string
	deliveries []*delivery
	closers    []func()
}

type arrival struct {
	path string
	at   time.Time
}

// A heldCall is answered when it is let.
type heldCall struct {
	came, letGo, answered chan struct{} // closed when it did
}

func (h *heldCall) let() { close(h.letGo) }

// stories are told each on a stage of its own.
type stories map[string]func(*stage)

// atOnce is how many stories are told at once: more than there are processors, since a hook mostly waits, and few enough
// for all to be told in time.
const atOnce = 24

// tell has stories told side by side; then each is a subtest.
func tell(t *testing.T, groups map[string]stories) {
	t.Helper()
	binary := builtBinary(t)
	const apart = 20 * time.Millisecond // lest all processes start at once
	next := time.Tick(apart)
	telling := make(chan struct{}, atOnce)
	stages := make(map[string]map[string]*stage)
	for group, all := range groups {
		stages[group] = make(map[string]*stage)
		for name, story := range all {
			s := newStage(t, binary)
			stages[group][name] = s
			telling <- struct{}{}
			go func() {
				defer func() { <-telling }()
				s.tell(story)
			}()
			<-next
		}
	}
	for _, group := range slices.Sorted(maps.Keys(stages)) {
		t.Run(group, func(t *testing.T) {
			for _, name := range slices.Sorted(maps.Keys(stages[group])) {
				t.Run(name, stages[group][name].report)
			}
		})
	}
}

func newStage(t *testing.T, binary string) *stage {
	s := &stage{
		binary: binary, state: t.TempDir(), end: make(chan struct{}), told: make(chan struct{}),
		status: make(map[string]int), held: make(map[string]*heldCall),
	}
	server := httptest.NewServer(http.HandlerFunc(s.serve))
	s.url = server.URL
	t.Cleanup(func() {
		<-s.told
		close(s.end)
		for _, d := range s.deliveries {
			d.cmd.Process.Kill()
			<-d.over
		}
		for _, c := range slices.Backward(s.closers) {
			c()
		}
		server.Close()
	})
	return s
}

// tell tells the story, in a goroutine of its own.
func (s *stage) tell(story func(*stage)) {
	defer close(s.told)
	story(s)
}

func (s *stage) report(t *testing.T) {
	<-s.told
	for _, text := range s.wrong {
		t.Error(text)
	}
	if t.Failed() {
		for i, d := range s.deliveries {
			t.Logf("delivery %d, begun at %s: stdout\n%s\nstderr %q", i+1, d.began.Format(time.StampMilli), &d.stdout, &d.stderr)
		}
	}
}

func (s *stage) serve(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.calls = append(s.calls, arrival{r.URL.Path, at})
	call, status := s.held[r.URL.Path], s.status[r.URL.Path]
	delete(s.held, r.URL.Path)
	s.mu.Unlock()
	if call != nil {
		close(call.came)
		defer close(call.answered)
		select {
		case <-call.letGo:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler) // who closes a connection may yet read an answer
		case <-s.end:
		}
	}
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(max(status, http.StatusOK))
	if status >= http.StatusBadRequest { // what it got, which may be secret
		fmt.Fprintf(w, "%s %s %s %s", r.Header.Get("Authorization"), r.Header.Get("X-Secret"), r.RequestURI, body)
	}
	http.NewResponseController(w).Flush()
}

// answers sets the status of a path's answers.
func (s *stage) answers(path string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status[path] = status
}

// hold has the next call of a path wait for its answer.
func (s *stage) hold(path string) *heldCall {
	call := &heldCall{make(chan struct{}), make(chan struct{}), make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[path] = call
	return call
}

// elasticsearch starts a cluster that the deliveries from now on are told of, one of whose nodes is their own.
func (s *stage) elasticsearch() *fakees.Cluster {
	c := fakees.New("9.2.0")
	c.AddNode(fakees.Node{Name: "es-0"})
	c.AddNode(fakees.Node{Name: "es-1"})
	server := httptest.NewServer(c.NodeHandler("es-1"))
	s.closers = append(s.closers, server.Close, c.Close)
	s.env = append(s.env, "PRE_STOP_ELASTICSEARCH_URL="+server.URL)
	return c
}

func (s *stage) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
}

// callsOf are the times at which a path was called.
func (s *stage) callsOf(path string) []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []time.Time
	for _, c := range s.calls {
		if c.path == path {
			all = append(all, c.at)
		}
	}
	return all
}

// call is the nth call of a path, from 1 on, or the last for 0. Without it the story is over.
func (s *stage) call(path string, n int) time.Time {
	all := s.callsOf(path)
	if n == 0 {
		n = len(all)
	}
	if n < 1 || n > len(all) {
		s.stop("%s was called %d times, not %d", path, len(all), n)
	}
	return all[n-1]
}

func (s *stage) expectCalls(path string, want int) {
	got := len(s.callsOf(path))
	s.check(got == want, "%s was called %d times, want %d", path, got, want)
}

// check keeps what is wrong for the report, and goes on.
func (s *stage) check(ok bool, format string, args ...any) {
	if !ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
	}
}

// stop ends the story.
func (s *stage) stop(format string, args ...any) {
	s.check(false, format, args...)
	runtime.Goexit()
}

func (s *stage) must(err error) {
	if err != nil {
		s.stop("%v", err)
	}
}

// endless is longer than anything here takes.
const endless = 30 * time.Second

func (s *stage) await(what string, c <-chan struct{}) {
	select {
	case <-c:
	case <-time.After(endless):
		s.stop("%s never came", what)
	}
}

// awaitUntil looks until something is so.
func (s *stage) awaitUntil(what string, so func() bool) {
	every := time.Tick(2 * time.Millisecond)
	for end := time.Now().Add(endless); !so(); <-every {
		if time.Now().After(end) {
			s.stop("%s never came", what)
		}
	}
}

func (s *stage) awaitCall(path string) {
	s.awaitUntil("the call of "+path, func() bool { return len(s.callsOf(path)) > 0 })
}

// at goes on at that time.
func (s *stage) at(when time.Time) { <-time.After(time.Until(when)) }

// between checks that two moments are as far apart as they should be.
func (s *stage) between(what string, from, to time.Time, want time.Duration) {
	got := to.Sub(from)
	s.check(got >= want, "%s came after %s, want %s", what, got, want)
	s.notLater(what, got, want)
}

// after checks how long after a delivery's start something was.
func (s *stage) after(d *delivery, what string, when time.Time, want time.Duration) {
	got := when.Sub(d.began)
	s.check(got >= want, "%s came %s after the start, want %s", what, got, want)
	s.notLater(what, got, want)
}

// notLater judges the wall's clock.
func (s *stage) notLater(what string, got, want time.Duration) {
	s.check(!timing.Judged || got < want+deliverySlack, "%s came %s after it should", what, got-want)
}

// lasted checks how long it was from the first delivery's start to the last one's end, and that the last one counted all its
// waits from that start.
func (s *stage) lasted(last, first *delivery, want time.Duration) {
	s.after(first, "the end", last.ended, want)
	for _, wrong := range s.record(last).waitsAnew(s.records(first)[0], want) {
		s.check(false, "%s", wrong)
	}
}

// usesUp checks that a delivery lasted until its deadline, and no longer.
func (s *stage) usesUp(d *delivery, budget time.Duration) {
	const engine = 200 * time.Millisecond // what it keeps to itself at the end
	s.after(d, "the end", d.ended, budget-engine)
	for _, wrong := range s.record(d).outlasts(budget) {
		s.check(false, "%s", wrong)
	}
}

// records are those of all deliveries that have written a delivery's log, record the last one's.
func (s *stage) records(d *delivery) []aRecord {
	all := recordsOf(d.stdout.String())
	if len(all) == 0 {
		s.stop("there is no log")
	}
	return all
}

func (s *stage) record(d *delivery) aRecord {
	all := s.records(d)
	return all[len(all)-1]
}

// journal is the path of the one record in the state directory.
func (s *stage) journal() string {
	all, _ := filepath.Glob(filepath.Join(s.state, "prestop-*.journal"))
	if len(all) != 1 {
		s.stop("the records are %q, want one", all)
	}
	return all[0]
}

func (s *stage) noRecord() {
	all, err := os.ReadDir(s.state)
	s.must(err)
	s.check(len(all) == 0, "there are records left: %v", all)
}

// reachable is a directory that every user can get to.
func (s *stage) reachable() string {
	dir, err := os.MkdirTemp("", "prestop-test-")
	s.must(err)
	s.closers = append(s.closers, func() { os.RemoveAll(dir) })
	s.must(os.Chmod(dir, 0o755))
	return dir
}

// terminal is one that nobody types at.
func (s *stage) terminal() *os.File {
	_, terminal := s.openTerminal()
	return terminal
}

func (s *stage) openTerminal() (screen, terminal *os.File) {
	screen, terminal, err := testterminal.Open()
	s.must(err)
	s.closers = append(s.closers, func() { screen.Close(); terminal.Close() })
	return screen, terminal
}

// A delivery is one run of the hook, as a kubelet would run it.
type delivery struct {
	cmd            *exec.Cmd
	stdout, stderr testbuffer.Buffer
	started        []func() // to be done when it is
	copies         sync.WaitGroup
	began          time.Time
	over           chan struct{} // closed when the following are known
	ended          time.Time
	exit           int // -1: killed
}

// prepare makes a delivery that is yet to be started.
func (s *stage) prepare(env []string, args ...string) *delivery {
	d := &delivery{cmd: exec.Command(s.binary, args...), over: make(chan struct{})}
	d.cmd.Env = slices.Concat([]string{
		"KUBERNETES_SERVICE_HOST=10.96.0.1", "POD_NAME=es-1", "PRE_STOP_LOG_TO=stdout", "PRE_STOP_STATE_DIR=" + s.state,
		"PRE_STOP_GRACE_PERIOD_SECONDS=" + deliveryGrace.String(), "PRE_STOP_RESERVE_SECONDS=" + deliveryReserve.String(),
		"PRE_STOP_ADDITIONAL_WAIT_SECONDS=" + deliveryFloor.String(),
	}, s.env, env)
	d.cmd.Stdout, d.cmd.Stderr = &d.stdout, &d.stderr
	return d
}

func (s *stage) start(d *delivery) {
	d.began = time.Now()
	s.must(d.cmd.Start())
	for _, f := range d.started {
		f()
	}
	s.mu.Lock()
	s.deliveries = append(s.deliveries, d)
	s.mu.Unlock()
	go d.watch()
}

func (s *stage) deliver(env []string, args ...string) *delivery {
	d := s.prepare(env, args...)
	s.start(d)
	return d
}

func (d *delivery) watch() {
	d.cmd.Wait()
	d.copies.Wait()
	d.ended = time.Now()
	d.exit = d.cmd.ProcessState.ExitCode()
	close(d.over)
}

// lines are the log's lines that hold all of these words.
func (d *delivery) lines(words ...string) []string {
	var all []string
	for text := range strings.Lines(d.stdout.String()) {
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) }) {
			all = append(all, text)
		}
	}
	return all
}

// logged waits for a line that holds all of these words.
func (s *stage) logged(d *delivery, words ...string) {
	s.awaitUntil(fmt.Sprintf("the log's line with %q", words), func() bool { return len(d.lines(words...)) > 0 })
}

func (s *stage) awaitEnd(d *delivery) { s.await("the end of a delivery", d.over) }

// kill is SIGKILL, and returns when the process is gone.
func (s *stage) kill(d *delivery) {
	d.cmd.Process.Kill()
	s.awaitEnd(d)
	s.check(d.exit == -1, "a delivery that was to be killed had ended with %d", d.exit)
}

// freeze is SIGSTOP, and returns when the whole process stands still.
func (s *stage) freeze(d *delivery) {
	s.must(d.cmd.Process.Signal(syscall.SIGSTOP))
	for err := error(unix.EINTR); err != nil; {
		if err = unix.Waitid(unix.P_PID, d.cmd.Process.Pid, nil, unix.WSTOPPED|unix.WNOWAIT, nil); err != unix.EINTR {
			s.must(err)
		}
	}
}

// ends checks exit status and stderr: one line with these words, or nothing.
func (s *stage) ends(d *delivery, exit int, says string) {
	s.awaitEnd(d)
	s.check(d.exit == exit, "exit status %d, want %d", d.exit, exit)
	text := d.stderr.String()
	if exit == exitDone {
		s.check(text == "", "stderr %q, want nothing", text)
		return
	}
	s.check(strings.Count(text, "\n") == 1 && strings.HasPrefix(text, "prestop: ") && strings.Contains(text, says), "stderr %q, want one line with %q", text, says)
}
