package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/testserver"
	"github.com/prestop/prestop/internal/timing"
)

// The times of every run under a fault.
const (
	faultGrace    = 10 * time.Second
	faultReserve  = 2 * time.Second
	faultWait     = 4 * time.Second
	faultDeadline = faultGrace - faultReserve
	faultSlack    = 100 * time.Millisecond
	faultApart    = 25 * time.Millisecond
	faultMemory   = 16 << 10 // KiB
)

// A fault is something that goes wrong at the other end.
type fault struct {
	name   string
	listen func(t *testing.T, root string) string // begins it; the place that is then called
	says   string                                 // in the one line on stderr
	// answered: whoever looks at the status alone has its answer, and nothing is wrong.
	answered bool
	// unmet: whoever waits for another status sees that it is not there yet, which is only a warning.
	unmet bool
}

// wants is how much of an answer a verb must understand.
type wants int

const (
	aCall   wants = iota // a status that is done
	aStatus              // any status
	aBody                // what the answer says
)

// faultVerbs are the ways to call a place, and what else than a fault's own words they say of it.
var faultVerbs = []struct {
	name  string
	env   func(url string) string
	wants wants
	says  map[string]string
}{
	{"app", func(url string) string { return "PRE_STOP_APP_URL=" + url + "/shutdown" }, aCall, nil},
	{"get", steps("get %s/drain"), aCall, nil},
	{"post", steps("post %s/drain"), aCall, nil},
	{"put", steps("put %s/drain"), aCall, nil},
	{"patch", steps("patch %s/drain"), aCall, nil},
	{"delete", steps("delete %s/drain"), aCall, nil},
	{"elasticsearch", func(url string) string { return "PRE_STOP_ELASTICSEARCH_URL=" + url }, aBody, nil},
	{"until", func(url string) string { return "PRE_STOP_STEPS=until " + url + "/drained" }, aStatus, nil},
	{"until json", func(url string) string { return "PRE_STOP_STEPS=until " + url + "/state json=.state in=drained" }, aBody,
		map[string]string{"malformed JSON": "no JSON", "deeply nested JSON": "no JSON"}},
	{"until metric", func(url string) string { return "PRE_STOP_STEPS=until " + url + "/metrics metric=active at-most=0" }, aBody,
		map[string]string{"reset in mid-body": "connection reset", "malformed JSON": "the JSON breaks off", "deeply nested JSON": "expected an object", "endless body": "line 1: it is longer than"}},
	{"unlock etcd", unlocks("etcd", "lease-file=/lock"), aBody, map[string]string{
		"endless body": "no JSON gateway of etcd", "malformed JSON": "no JSON gateway of etcd", "deeply nested JSON": "no JSON gateway of etcd"}},
	{"unlock redis", unlocks("redis", "key=lock value-file=/lock"), aBody, notRedis()},
}

func unlocks(scheme, options string) func(url string) string {
	return func(url string) string {
		return "PRE_STOP_STEPS=unlock " + scheme + strings.TrimPrefix(url, "http") + " " + options + "\nwait 4s"
	}
}

// notRedis is what is said of servers that answer in HTTP.
func notRedis() map[string]string {
	says := map[string]string{"reset in mid-body": "not Redis' protocol"}
	for _, name := range []string{"slow drip in the head", "slow drip in the body", "endless body", "redirect loop", "redirect away", "401", "403", "404", "410",
		"429 with Retry-After 120", "500", "502 with HTML", "503 with null reason", "malformed JSON", "deeply nested JSON"} {
		says[name] = "not Redis' protocol"
	}
	return says
}

// steps is a plan of one call, and the wait after it.
func steps(call string) func(url string) string {
	return func(url string) string { return "PRE_STOP_STEPS=" + fmt.Sprintf(call, url) + "\nwait 4s" }
}

var faults = []fault{
	{name: "refused", listen: refusing, says: "connection refused"},
	{name: "reset in mid-body", listen: raw(resetInBody), says: "broke off"},
	{name: "black hole", listen: raw(blackHole), says: "no complete answer in time"},
	{name: "slow drip in the head", listen: raw(dripHead), says: "no complete answer in time"},
	{name: "slow drip in the body", listen: raw(dripBody), says: "no complete answer in time"},
	{name: "endless body", listen: raw(endlessBody), says: "longer than", answered: true},
	{name: "redirect loop", listen: answering(307, "Location", "/again"), says: "not followed"},
	{name: "redirect away", listen: answering(307, "Location", "http://127.0.0.2:1/away"), says: "redirect to http://127.0.0.2:1/away"},
	{name: "401", listen: answering(401), says: "401"},
	{name: "403", listen: answering(403), says: "403"},
	{name: "404", listen: answering(404), says: "404", unmet: true},
	{name: "410", listen: answering(410), says: "410", unmet: true},
	{name: "429 with Retry-After 120", listen: answering(429, "Retry-After", "120"), says: "429", unmet: true},
	{name: "500", listen: answering(500), says: "500"},
	{name: "502 with HTML", listen: answering(502, "Content-Type", "text/html", "", "<html>\n<h1>Bad\x1b[31m Gateway</h1></html>"), says: "502"},
	{name: "503 with null reason", listen: answering(503, "Content-Type", "application/json", "", `{"error":{"type":"master_not_discovered_exception","reason":null},"status":503}`), says: "503", unmet: true},
	{name: "malformed JSON", listen: answering(200, "Content-Type", "application/json", "", `{"nodes":[{"node_id":`), says: "unreadable answer", answered: true},
	{name: "deeply nested JSON", listen: answering(200, "Content-Type", "application/json", "", strings.Repeat("[", 500_000)), says: "unreadable answer", answered: true},
	{name: "NXDOMAIN", listen: nameserver(rcode(3), nil), says: "NXDOMAIN"},
	{name: "SERVFAIL", listen: nameserver(rcode(2), nil), says: "SERVFAIL"},
	{name: "DNS timeout", listen: nameserver(func([]byte) []byte { return nil }, nil), says: "timeout"},
	{name: "no nameserver", listen: nameserver(nil, nil), says: "no nameserver reachable"},
	{name: "truncated DNS, TCP silent", listen: nameserver(truncated, func(c net.Conn) { io.Copy(io.Discard, c) }), says: "app.test"},
}

// Whatever happens at the other end: over by the deadline, not before the wait, one line for a person, little memory.
func TestFaults(t *testing.T) {
	if os.Getuid() != 0 {
		testserver.Lacks(t, "needs root: the hook runs below a root directory of its own, with a resolv.conf of its own")
	}
	binary := builtBinary(t)
	const most = 138              // at the same time: what two processors can run without being late
	next := time.Tick(faultApart) // lest all processes begin, and end, at once
	var running []faultRow
	for _, v := range faultVerbs {
		for _, f := range faults {
			if len(running) == most {
				t.Run(running[0].name, running[0].check)
				running = running[1:]
			}
			root := t.TempDir()
			says := cmp.Or(v.says[f.name], f.says)
			if f.answered && v.wants != aBody || f.unmet && v.wants == aStatus {
				says = ""
			}
			running = append(running, faultRow{f.name + "/" + v.name, says, startHook(t, binary, root, v.env(f.listen(t, root)))})
			<-next
		}
	}
	for _, r := range running {
		t.Run(r.name, r.check)
	}
}

// faultRow is a run under a fault.
type faultRow struct {
	name string
	says string // on stderr; empty: nothing is wrong
	*hooked
}

func (r faultRow) check(t *testing.T) {
	<-r.ended
	want := exitFailed
	if r.says == "" {
		want = exitDone
	}
	if r.exit != want {
		t.Errorf("exit status %d, want %d", r.exit, want)
	}
	r.lasted(t, faultWait, faultDeadline, faultDeadline)
	if r.peak == 0 || r.peak > faultMemory {
		t.Errorf("peak memory %d KiB, want at most %d", r.peak, faultMemory)
	}
	line := r.stderr.String()
	if want == exitDone && line != "" || want == exitFailed && (strings.Count(line, "\n") != 1 || !r.named(line)) {
		t.Errorf("stderr %q, want one line with %q", line, r.says)
	}
	if t.Failed() {
		t.Log(r.stdout.String())
	}
}

// named tells whether a line says what the fault is. On a busy machine the last try may come so late that all it says is that no time
// was left; then the log has it from the tries before.
func (r faultRow) named(line string) bool {
	late := strings.Contains(line, "in time") || strings.Contains(line, "held the hook")
	return strings.Contains(line, r.says) || !timing.Judged && late && strings.Contains(r.stdout.String(), r.says)
}

// What does not go over the network keeps the same rules.
func TestFaultsInTheContainer(t *testing.T) {
	if os.Getuid() != 0 {
		testserver.Lacks(t, "needs root: the hook runs below a root directory of its own")
	}
	binary := builtBinary(t)
	tests := []struct{ step, says string }{
		{"exec /no/such/program", "/no/such/program"},
		{"exec /etc", "is a directory"},
		{"exec /prestop install", "exit status 2; it said: prestop: install"},
		{"exec /prestop --additional-wait=0 --grace-period=300 'wait 200s'", "/prestop is killed"},
		{"exec /prestop --log-to=nowhere --additional-wait=0 --grace-period=300 'wait 200s'", "/prestop is killed"},
		{"touch /no/such/file", "there is no directory /no/such: is its volume mounted?"},
		{"touch /etc", "/etc: "},
		{"signal TERM", "/proc"}, // which is not mounted here
		{"signal TERM wait=false", "/proc"},
		{"until file /no/such/file", ""},
		{"until file /etc", "expected a file, found a directory"},
		{"post http+unix:/no/such.sock:/drain", "no such file or directory"},
		{"post http+unix:/etc:/drain", "connection refused"},
		{"until http+unix:/no/such.sock:/drained", "no such file or directory"},
		{"post http://127.0.0.1:1 body=@/no/such/file", "/no/such/file: no such file or directory"},
		{"post https://127.0.0.1:1 ca-file=/no/such/file", "/no/such/file: no such file or directory"},
		{"until http://127.0.0.1:1 token-file=/no/such/file", "/no/such/file: no such file or directory"},
	}
	var rows []faultRow
	for _, test := range tests {
		root := t.TempDir()
		if err := errors.Join(os.Mkdir(filepath.Join(root, "dev"), 0o755), os.WriteFile(filepath.Join(root, "dev", "null"), nil, 0o666)); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, faultRow{test.step, test.says, startHook(t, binary, root, "PRE_STOP_STEPS="+test.step+"\nwait 4s")})
	}
	for _, r := range rows {
		t.Run(r.name, r.check)
	}
}

// hooked is a run of the built binary as a kubelet would run it.
type hooked struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	ended          chan struct{} // closed when the following are known
	exit           int
	took           time.Duration
	peak           int // KiB
}

// lasted checks that the hook was over between two moments after its start. By its own clock it may take until own, which is where
// it would be only if something were wrong.
func (h *hooked) lasted(t *testing.T, least, most, own time.Duration) {
	t.Helper()
	if h.took < least || timing.Judged && h.took > most+faultSlack {
		t.Errorf("took %v, want %v to %v", h.took, least, most)
	}
	log := recordsOf(h.stdout.String())
	if len(log) != 1 {
		t.Fatalf("%d deliveries in the log, want one", len(log))
	}
	for _, wrong := range log[0].outlasts(own) {
		t.Error(wrong)
	}
}

// startHook runs the binary below a root directory that holds nothing else but etc and tmp.
func startHook(t *testing.T, binary, root string, env ...string) *hooked {
	t.Helper()
	for _, dir := range []string{"etc", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(binary, filepath.Join(root, "prestop")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "lock"), []byte("694d77aa9e38260f\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := &hooked{cmd: exec.Command("/prestop"), ended: make(chan struct{})}
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	h.cmd.Dir = "/"
	h.cmd.Env = append([]string{"KUBERNETES_SERVICE_HOST=10.96.0.1", "POD_NAME=es-1", "PRE_STOP_LOG_TO=stdout",
		"PRE_STOP_GRACE_PERIOD_SECONDS=" + strconv.Itoa(int(faultGrace.Seconds())), "PRE_STOP_RESERVE_SECONDS=" + strconv.Itoa(int(faultReserve.Seconds())),
		"PRE_STOP_ADDITIONAL_WAIT_SECONDS=" + strconv.Itoa(int(faultWait.Seconds()))}, env...)
	h.begin(t)
	return h
}

// startHookIn runs the binary as it is, with this environment and no other.
func startHookIn(t *testing.T, binary string, env ...string) *hooked {
	t.Helper()
	h := &hooked{cmd: exec.Command(binary), ended: make(chan struct{})}
	h.cmd.Env = append([]string{"TMPDIR=" + t.TempDir(), "PRE_STOP_LOG_TO=stdout"}, env...)
	h.begin(t)
	return h
}

func (h *hooked) begin(t *testing.T) {
	t.Helper()
	h.cmd.Stdout, h.cmd.Stderr = &h.stdout, &h.stderr
	begun := time.Now()
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go h.watch(begun)
}

// watch looks at the memory until the process has ended: the kernel's own figure for an ended child counts the
// parent's memory before exec.
func (h *hooked) watch(begun time.Time) {
	done := make(chan struct{})
	go func() {
		h.cmd.Wait()
		h.took = time.Since(begun)
		close(done)
	}()
	every := time.Tick(20 * time.Millisecond)
	for {
		h.peak = max(h.peak, highWater(h.cmd.Process.Pid))
		select {
		case <-every:
		case <-done:
			h.exit = h.cmd.ProcessState.ExitCode()
			close(h.ended)
			return
		}
	}
}

func highWater(pid int) int {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kib int
	fmt.Sscan(rest, &kib)
	return kib
}

// release is what is shipped, built once for all tests that want it; TestMain removes it.
var release struct {
	once sync.Once
	dir  string
	err  error
}

func builtBinary(t *testing.T) string {
	t.Helper()
	if err := releaseBuilt(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(release.dir, "prestop")
}

func releaseBuilt() error {
	release.once.Do(func() { release.dir, release.err = buildRelease() })
	return release.err
}

func buildRelease() (string, error) {
	dir, err := os.MkdirTemp("", "prestop-test-")
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-trimpath", "-tags", "nethttpomithttp2", "-ldflags", "-s -w", "-o", filepath.Join(dir, "prestop"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("%w: %s", err, out)
	}
	return dir, os.Chmod(dir, 0o755) // for ordinary
}

// refusing is a port on which nothing ever listens; a free one might be taken by another row.
func refusing(*testing.T, string) string { return "http://127.0.0.1:1" }

// answering gives every request the same answer: header names and values, and under the name "" the body.
func answering(status int, header ...string) func(*testing.T, string) string {
	return func(t *testing.T, _ string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var body string
			for i := 0; i < len(header); i += 2 {
				if header[i] == "" {
					body = header[i+1]
				} else {
					w.Header().Set(header[i], header[i+1])
				}
			}
			w.WriteHeader(status)
			io.WriteString(w, body)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
}

// raw gives every connection to serve, once a request's first bytes have come.
func raw(serve func(c net.Conn, closed <-chan struct{})) func(*testing.T, string) string {
	return func(t *testing.T, _ string) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		closed := make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				all.Go(func() {
					defer c.Close()
					c.Read(make([]byte, 4096))
					serve(c, closed)
				})
			}
		})
		t.Cleanup(func() { close(closed); l.Close(); all.Wait() })
		return "http://" + l.Addr().String()
	}
}

func blackHole(_ net.Conn, closed <-chan struct{}) { <-closed }

func resetInBody(c net.Conn, _ <-chan struct{}) {
	io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
	c.(*net.TCPConn).SetLinger(0)
}

func dripHead(c net.Conn, closed <-chan struct{}) { drip(c, closed, "HTTP/1.1 200 OK\r\nX-Drip: ") }

func dripBody(c net.Conn, closed <-chan struct{}) {
	drip(c, closed, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
}

func drip(c net.Conn, closed <-chan struct{}, text string) {
	every := time.Tick(100 * time.Millisecond)
	for _, err := io.WriteString(c, text); err == nil; _, err = io.WriteString(c, "x") {
		select {
		case <-closed:
			return
		case <-every:
		}
	}
}

func endlessBody(c net.Conn, closed <-chan struct{}) {
	io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
	block := bytes.Repeat([]byte("x"), 64<<10)
	for err := error(nil); err == nil; {
		_, err = c.Write(block)
	}
}

// lastNameserver counts the loopback addresses that fake nameservers have taken: resolv.conf knows no ports.
var lastNameserver struct {
	sync.Mutex
	n int
}

func nameserverAddress() string {
	lastNameserver.Lock()
	defer lastNameserver.Unlock()
	lastNameserver.n++
	return fmt.Sprintf("127.%d.%d.%d", 77+lastNameserver.n/250, os.Getpid()%200+1, lastNameserver.n%250+1)
}

// nameserver answers by UDP and TCP; nil: nothing listens.
func nameserver(udp func(query []byte) []byte, tcp func(net.Conn)) func(*testing.T, string) string {
	return func(t *testing.T, root string) string {
		ip := nameserverAddress()
		etc := filepath.Join(root, "etc")
		if err := os.MkdirAll(etc, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(etc, "resolv.conf"), []byte("nameserver "+ip+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		if udp != nil {
			c, err := net.ListenPacket("udp", ip+":53")
			if err != nil {
				t.Fatal(err)
			}
			all.Go(func() { serveUDP(c, udp) })
			t.Cleanup(func() { c.Close(); all.Wait() })
		}
		if tcp != nil {
			l, err := net.Listen("tcp", ip+":53")
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					go func() { defer c.Close(); tcp(c) }()
				}
			}()
			t.Cleanup(func() { l.Close() })
		}
		return "http://app.test:9200"
	}
}

func serveUDP(c net.PacketConn, answer func([]byte) []byte) {
	buf := make([]byte, 4096)
	for {
		n, from, err := c.ReadFrom(buf)
		if err != nil {
			return
		}
		if out := answer(buf[:n]); out != nil {
			c.WriteTo(out, from)
		}
	}
}

// reply is a DNS answer without records to a query of one question.
func reply(query []byte, flags uint16) []byte {
	end := 12
	for end < len(query) && query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5
	out := append([]byte(nil), query[:min(end, len(query))]...)
	out[2], out[3] = byte(flags>>8), byte(flags)
	copy(out[4:12], []byte{0, 1, 0, 0, 0, 0, 0, 0})
	return out
}

func rcode(code uint16) func([]byte) []byte {
	return func(query []byte) []byte { return reply(query, 0x8180|code) }
}

func truncated(query []byte) []byte { return reply(query, 0x8380) }
