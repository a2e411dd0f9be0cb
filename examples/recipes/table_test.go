package recipes_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/testmanifest"
)

// A recipe is what a table needs to know of one: which container's hook it is, what stands in for the world, and how the
// hook is made short where everything goes well.
type recipe struct {
	container string
	serve     func(t *testing.T, p *pod)
	short     []string
}

// hookFor is how long the hooks of these tests may last. One that has waited so long, but for the second that is kept for a
// step after the wait, has held.
const (
	hookFor = 3 * time.Second
	held    = hookFor - 1200*time.Millisecond
)

func limit(c *container) {
	c.set(graceVariable, strconv.Itoa(int(2*hookFor/time.Second)))
	c.set("PRE_STOP_RESERVE_SECONDS", strconv.Itoa(int(hookFor/time.Second)))
}

// changed is a hook of which one word is another, and what comes of it.
type changed struct {
	name, manifest string
	old, new       string
	status         int
	holds          bool // until its time is up; where that is the default max, it is no failure
}

const otherToken, otherAddress = "/etc/dispatcher/other", "10.1.2.3"

func checkChanged(t *testing.T, recipes map[string]recipe, tests []changed) {
	for _, test := range tests {
		t.Run(test.manifest+" "+test.name, func(t *testing.T) {
			t.Parallel()
			recipe := recipes[test.manifest]
			replace := slices.Clone(recipe.short)
			if test.old != "" {
				replace = append([]string{test.old, test.new}, replace...)
			}
			inPod(t, test.manifest, func(t *testing.T, p *pod) {
				recipe.serve(t, p)
				c := p.container(t, recipe.container)
				limit(c)
				c.write(t, otherToken, "YW5vdGhlciBvbmU\n")
				addAddress(t, otherAddress)
				got := c.hook(t)
				isUnmet := test.holds && test.status == 0
				if got.status != test.status || strings.Contains(got.log, unmet) != isUnmet || test.holds && !got.hasHeld() {
					t.Errorf("expected exit status %d, and that it holds: %t; %s", test.status, test.holds, got)
				}
			}, replace...)
		})
	}
}

// unmet is part of the line for a wait that has reached its max, where that is no failure.
const unmet = `"message":"not met"`

// addAddress gives the pod an address that is not loopback.
func addAddress(t *testing.T, address string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	alias, err := unix.NewIfreq("lo:1")
	if err != nil {
		t.Fatal(err)
	}
	var ip [4]byte
	for i, part := range strings.Split(address, ".") {
		n, _ := strconv.Atoi(part)
		ip[i] = byte(n)
	}
	if err := alias.SetInet4Addr(ip[:]); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFADDR, alias); err != nil {
		t.Fatal(err)
	}
}

func checkNobody(t *testing.T, recipes map[string]recipe) {
	for manifest, recipe := range recipes {
		t.Run(manifest, func(t *testing.T) {
			t.Parallel()
			inPod(t, manifest, func(t *testing.T, p *pod) {
				for _, host := range []string{"dispatcher.example.com", "eureka", "nacos", "redis", "etcd"} {
					p.host(host, "127.0.0.2")
				}
				c := p.container(t, recipe.container)
				limit(c)
				got := c.hook(t)
				if got.status != 1 || waits(c) && !got.hasHeld() || got.took > hookFor+2*time.Second {
					t.Errorf("expected exit status 1 by %s, and that it holds if it waits: %s", hookFor, got)
				}
			})
		})
	}
}

// waits tells whether the container's hook waits for anything.
func waits(c *container) bool {
	return slices.ContainsFunc(testmanifest.Hook(c.spec), func(step string) bool {
		return strings.HasPrefix(step, "wait ") || strings.HasPrefix(step, "until ")
	})
}

func checkDryRun(t *testing.T, recipes map[string]recipe) {
	for manifest, recipe := range recipes {
		t.Run(manifest, func(t *testing.T) {
			t.Parallel()
			inPod(t, manifest, func(t *testing.T, p *pod) {
				recipe.serve(t, p)
				for name, c := range p.containers {
					if hook := testmanifest.Hook(c.spec); len(hook) > 0 {
						dryRun(t, name, c)
					}
				}
			})
		})
	}
}

func dryRun(t *testing.T, name string, c *container) {
	t.Helper()
	hook := testmanifest.Hook(c.spec)
	c.run(t)
	got := c.exec(t, slices.Concat(hook[:1], []string{"--dry-run"}, hook[1:])...)
	for _, bad := range []string{"would fail", "warning", "shortened", "problem"} {
		if got.status != 0 || strings.Contains(got.output, bad) {
			t.Errorf("%s: expected exit status 0, and no %q: %s", name, bad, got)
		}
	}
	if testing.Verbose() {
		t.Logf("%s:\n%s", name, got.output)
	}
}
