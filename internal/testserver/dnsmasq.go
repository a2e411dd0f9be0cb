package testserver

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Hosts is what a dnsmasq knows by itself: the lines of a hosts file. They can change while it runs.
type Hosts struct {
	*Process
	t    testing.TB
	file string
}

// Dnsmasq starts a dnsmasq on an address from [Address]. It answers from a hosts file, with a TTL. It asks nobody else
// about a zone such as "svc.test".
func Dnsmasq(t testing.TB, address, zone string, ttl time.Duration) *Hosts {
	t.Helper()
	h := &Hosts{t: t, file: filepath.Join(t.TempDir(), "hosts")}
	h.write(nil)
	h.Process = startDnsmasq(t, address, zone, "--local=/"+zone+"/", "--addn-hosts="+h.file, fmt.Sprintf("--local-ttl=%d", ttl/time.Second))
	return h
}

// Set replaces everything in the hosts file by hosts(5) lines, as "10.0.0.7 web.svc.test".
func (h *Hosts) Set(lines []string) {
	h.t.Helper()
	h.write(lines)
	h.Signal(syscall.SIGHUP)
}

func (h *Hosts) write(lines []string) {
	h.t.Helper()
	if err := os.WriteFile(h.file, []byte(strings.Join(append(lines, ""), "\n")), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// DnsmasqCache starts a dnsmasq that asks another nameserver and keeps its answers.
func DnsmasqCache(t testing.TB, address, upstream, zone string) *Process {
	t.Helper()
	at := netip.MustParseAddrPort(upstream)
	return startDnsmasq(t, address, zone, fmt.Sprintf("--server=%s#%d", at.Addr(), at.Port()))
}

func startDnsmasq(t testing.TB, address, zone string, options ...string) *Process {
	t.Helper()
	at := netip.MustParseAddrPort(address)
	// If dnsmasq is started by root, it stays root: no other user may enter the test's directories.
	args := append([]string{"--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--user=", "--group=", "--pid-file=", "--log-facility=-",
		"--bind-interfaces", "--except-interface=nothing", fmt.Sprintf("--listen-address=%s", at.Addr()), fmt.Sprintf("--port=%d", at.Port())}, options...)
	return Start(t, exec.Command(Program(t, "dnsmasq-base", "dnsmasq", "/usr/sbin/dnsmasq"), args...), answers(address, "ready."+zone+"."))
}
