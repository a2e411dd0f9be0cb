// Command quiettable runs the table of docs/quiet.md against real servers. A row is a pattern of traffic, with the earliest and
// the latest moment at which until quiet may end. Servers and clients are in network namespaces of their own, with a wire
// between them that takes a while. It needs root, /dev/net/tun, and the servers. All but those in Go are Debian's.
//
//	go run ./quiettable                      # all rows, ten runs each, 0, 2 and 10 ms of round trip
//	go run ./quiettable -runs 1 -delays 2ms -late=false  # for CI
//	go run ./quiettable -rows 'tls13.*node'  # some of them
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "hook" {
		hookMain()
		return
	}
	runs := flag.Int("runs", 10, "how often each row is run")
	delays := flag.String("delays", "0s,2ms,10ms", "round trips of the wire")
	loss := flag.Float64("loss", 0, "how many of a hundred packets the wire loses each way; ends are then late at times, and still never early")
	only := flag.String("rows", "", "a regular expression: only rows with it in \"pattern / protocol / server / client\"")
	without := flag.String("without", "", "a regular expression: no rows with it in their names")
	late := flag.Bool("late", true, "fail for ends that are late, too: that needs a calm machine")
	side := flag.Int("side", 10, "rows that run side by side")
	verbose := flag.Bool("v", false, "print what the hooks said")
	list := flag.Bool("table", false, "print the table for the docs, and run nothing")
	flag.Parse()
	if *list {
		fmt.Print(docTable())
		return
	}
	if *runs > mostRuns {
		fmt.Fprintf(os.Stderr, "-runs: expected at most %d, got %d: each run has an address of its own\n", mostRuns, *runs)
		os.Exit(2)
	}
	match, errMatch := regexp.Compile(*only)
	leave, errLeave := regexp.Compile(*without)
	if err := cmp.Or(errMatch, errLeave); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	wanted := func(r row) bool {
		return match.MatchString(r.name()) && (*without == "" || !leave.MatchString(r.name()))
	}
	each := strings.Split(*delays, ",")
	if len(each) == 1 {
		delay, err := time.ParseDuration(each[0])
		failed := false
		if err == nil {
			failed, err = runAll(delay, *loss, *runs, *side, wanted, *late, *verbose)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		if failed {
			os.Exit(1)
		}
		return
	}
	status := 0
	runtime.LockOSThread()       // Pdeathsig is sent when the thread that started the process ends
	for _, delay := range each { // in a process of its own: its servers end with that process
		cmd := exec.Command("/proc/self/exe", append(slices.Clone(os.Args[1:]), "-delays", delay)...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if cmd.Run() != nil {
			status = max(status, 1, cmd.ProcessState.ExitCode())
		}
	}
	os.Exit(status)
}

// runAll runs all rows over one wire.
func runAll(delay time.Duration, loss float64, runs, side int, wanted func(row) bool, late, verbose bool) (failed bool, err error) {
	dir, err := os.MkdirTemp("", "quiettable")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	l, err := newLab(dir, delay, loss)
	if err != nil {
		return false, err
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	turns := make(chan struct{}, side)
	table, order := rows(), []int(nil)
	for _, udp := range []bool{true, false} { // those with datagrams take longest, since their runs come one after the other
		for n, r := range table {
			if r.udp == udp && wanted(r) {
				order = append(order, n)
			}
		}
	}
	for _, n := range order {
		r := table[n]
		ports, err := r.ports(l, runs)
		if err != nil {
			fmt.Printf("%-6s %-95s could not be run: %v\n", delay, r.name(), err)
			failed = true
			continue
		}
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			result := r.run(l, n, ports)
			mu.Lock()
			defer mu.Unlock()
			failed = failed || result.early+result.broken > 0 || late && result.late > 0
			fmt.Printf("%-6s %-95s %s\n", delay, r.name(), result)
			if verbose {
				for _, o := range result.outcomes {
					if o.verdict != inOrder {
						fmt.Println("       ", o)
					}
				}
			}
		})
	}
	all.Wait()
	return failed, l.err()
}

// A result counts the runs of a row.
type result struct {
	runs, early, late, broken int
	worst                     time.Duration // the largest after of the outcomes
	outcomes                  []outcome
}

// An outcome is what came of one run of a row.
type outcome struct {
	verdict verdict
	text    string
	after   time.Duration // from the end of what was waited for to the hook's end, without for=; 0: nobody knows
}

func (o outcome) String() string { return fmt.Sprintf("%s: %s", o.verdict, o.text) }

// A verdict says whether until quiet ended when it should.
type verdict string

const (
	inOrder  verdict = "ok"
	tooEarly verdict = "early"
	tooLate  verdict = "late"
	noRun    verdict = "broken" // the traffic was not as it should be
)

func (r result) String() string {
	return fmt.Sprintf("%d runs, %d early, %d late, %d broken; at most %.1fs after", r.runs, r.early, r.late, r.broken, r.worst.Seconds())
}

// A running is one run of a row, to its traffic.
type running struct {
	before chan struct{} // closed once everything is there that must be there before the hook begins
	once   sync.Once     // of closing before

	mu   sync.Mutex
	done time.Time // when what is to be waited for was over
}

// there is called once the hook may begin.
func (r *running) there() { r.once.Do(func() { close(r.before) }) }

// over is called each time something is done that must not be cut off.
func (r *running) over() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = time.Now()
}

const (
	rowFor  = 3 * time.Second
	rowMin  = 3 * time.Second
	rowMax  = 60 * time.Second
	slack   = 1600 * time.Millisecond // 1 s, and a busy machine
	holding = -1
)

// What until quiet does by itself.
const (
	defaultMin = 10 * time.Second // min= where it is not set
	doubt      = 15 * time.Second // it holds for what nobody can tell
	pingDoubt  = 13 * time.Second // the same, where pings are usual
)

// ports are where the servers of a row's runs listen.
func (r row) ports(l *lab, runs int) (all []int, err error) {
	start := l.port
	if r.stops || r.apart {
		start = l.start
	}
	for n := range runs {
		if n > 0 && !r.apart {
			all = append(all, all[0])
			continue
		}
		port, err := start(r.server)
		if err != nil {
			return nil, err
		}
		all = append(all, port)
	}
	return all, nil
}

// run runs a row once for each of the ports, side by side. Rows with datagrams have one run after the other. Each run has a client's address and a
// hook of its own. The hook ignores all other addresses.
func (r row) run(l *lab, n int, ports []int) (result result) {
	result.runs = len(ports)
	var all sync.WaitGroup
	var mu sync.Mutex
	for i, port := range ports {
		all.Go(func() {
			o := r.once(l, peer{lab: l, row: n, run: i, port: port, program: r.client})
			mu.Lock()
			defer mu.Unlock()
			switch o.verdict {
			case tooEarly:
				result.early++
			case noRun:
				result.broken++
			case tooLate:
				result.late++
			}
			result.worst = max(result.worst, o.after)
			result.outcomes = append(result.outcomes, o)
		})
		<-time.After(170 * time.Millisecond) // another moment between two looks
	}
	all.Wait()
	return result
}

func (r row) once(l *lab, p peer) outcome {
	if r.udp {
		l.datagrams.Lock()
		defer l.datagrams.Unlock()
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	state := &running{before: make(chan struct{}), done: time.Now()}
	traffic := make(chan error, 1)
	go func() { defer state.there(); traffic <- r.traffic(ctx, p, state) }()
	select {
	case <-state.before:
	case <-time.After(40 * time.Second):
		return outcome{verdict: noRun, text: "the traffic never began"}
	}
	least, span := cmp.Or(r.min, rowMin), rowMax
	if r.latest == holding {
		span = 20 * time.Second
	}
	begin := time.Now()
	told := l.hook(question{Port: uint16(p.port), UDP: r.udp, Peer: p.address(), For: max(rowFor, r.quietFor), Min: least, Max: span, Word: r.word, NoProbe: r.noProbe, Before: r.before})
	seen := told.Said
	ended := time.Now()
	state.mu.Lock()
	done := state.done
	state.mu.Unlock()
	select {
	case err := <-traffic:
		if err != nil {
			return outcome{verdict: noRun, text: err.Error()}
		}
	default:
		if r.untold > 0 && ended.Sub(begin) > r.untold-2*time.Second { // it was asked before
			return outcome{verdict: inOrder, text: "given up"}
		}
		if r.latest != holding && !r.endless {
			return outcome{verdict: tooEarly, text: fmt.Sprintf("ended %.1fs after it began, while the traffic goes on\n%s", ended.Sub(begin).Seconds(), seen)}
		}
	}
	cancel()
	due := begin.Add(max(least, r.quietFor))
	if quiet := done.Add(max(rowFor, r.quietFor)); !r.endless && quiet.After(due) {
		due = quiet
	}
	o := outcome{verdict: inOrder, after: ended.Sub(due)}
	o.text = fmt.Sprintf("after %.1fs, the machine late by %.1fs\n%s", o.after.Seconds(), told.Stall.Seconds(), seen)
	held := strings.Contains(seen, "not met")
	switch {
	case r.latest == holding && held:
		return outcome{verdict: inOrder, text: "held"}
	case r.latest == holding:
		o.verdict = tooEarly
	case held || o.after > r.latest+slack+3*told.Stall:
		o.verdict = tooLate
	}
	return o
}

// docTable is the table of the docs.
func docTable() string {
	text := "| pattern | protocol | servers | ends at the earliest | at the latest |\n|---|---|---|---|---|\n"
	type key struct{ pattern, protocol, earliest, latest string }
	servers := map[key][]string{}
	var order []key
	for _, r := range rows() {
		k := key{r.pattern, r.protocol, r.earliest(), r.end()}
		if servers[k] == nil {
			order = append(order, k)
		}
		if name := r.program(); !strings.Contains(strings.Join(servers[k], ", ")+",", name+",") {
			servers[k] = append(servers[k], name)
		}
	}
	for _, k := range order {
		text += fmt.Sprintf("| %s | %s | %s | %s | %s |\n", k.pattern, k.protocol, strings.Join(servers[k], ", "), k.earliest, k.latest)
	}
	return text
}
