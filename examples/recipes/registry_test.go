package recipes_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/prestop/prestop/internal/testmanifest"
	"github.com/prestop/prestop/internal/testserver"
)

// relay copies both ways until both have ended.
func relay(from net.Conn, address string) {
	defer from.Close()
	to, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer to.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(to, from)
		to.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(from, to)
	from.(*net.TCPConn).CloseWrite()
	<-done
}

func hostOf(t *testing.T, rawURL string) string {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// hears runs a hook that tells somebody, and wants these calls of it.
func hears(t *testing.T, got result, calls []string, want ...string) {
	t.Helper()
	if got.status != 0 || !slices.Equal(calls, want) {
		t.Errorf("it was told %q, want %q: %s", calls, want, got)
	}
}

func TestConsul(t *testing.T) {
	t.Parallel()
	inPod(t, "consul.yaml", func(t *testing.T, p *pod) {
		f := serveConsul(t, p)
		got := p.container(t).hook(t)
		leaves(t, got, 2*time.Second)
		hears(t, got, f.all(), "web-0")
	}, "- wait 20s\n", shortWait)
}

func TestEureka(t *testing.T) {
	t.Parallel()
	inPod(t, "eureka.yaml", func(t *testing.T, p *pod) {
		f := serveEureka(t, p)
		got := p.container(t).hook(t)
		leaves(t, got, 2*time.Second)
		hears(t, got, f.all(), "OUT_OF_SERVICE", "removed")
	}, "- wait 100s\n", shortWait)
}

func TestNacos(t *testing.T) {
	t.Parallel()
	inPod(t, "nacos.yaml", func(t *testing.T, p *pod) {
		f := serveNacos(t, p)
		got := p.container(t).hook(t)
		leaves(t, got, 2*time.Second)
		hears(t, got, f.all(), "127.0.0.1:8080 false")
		if f.lists("127.0.0.1:8080") {
			t.Error("it is still listed")
		}
	}, nacosWait, shortWait)
}

const nacosWait = "- wait 40s\n"

// A container that is only restarted comes back into service by its startup probe, when Nacos knows the service.
func TestNacosRestart(t *testing.T) {
	t.Parallel()
	inPod(t, "nacos.yaml", func(t *testing.T, p *pod) {
		f := serveNacos(t, p)
		c := p.container(t)
		if got := c.hook(t); got.status != 0 || f.lists("127.0.0.1:8080") {
			t.Errorf("the hook: %s", got)
		}
		probe := startupProbe(t, "nacos.yaml")
		f.register("")
		if got := c.exec(t, probe...); got.status != 1 || f.lists("127.0.0.1:8080") {
			t.Errorf("the probe before there is a service: %s", got)
		}
		f.register("DEFAULT_GROUP@@web")
		if got := c.exec(t, probe...); got.status != 0 || !f.lists("127.0.0.1:8080") {
			t.Errorf("the probe: %s", got)
		}
	}, nacosWait, noWait)
}

// startupProbe is the command of the only startup probe of a manifest with one document.
func startupProbe(t *testing.T, manifest string) []string {
	t.Helper()
	content, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	f, err := testmanifest.Read(string(content))
	if err != nil {
		t.Fatal(err)
	}
	return f.Pods[0].Spec.Containers[0].StartupProbe.Exec.Command
}

// A DELETE is answered as if it had been done, which is why the recipe has none.
func TestNacosDeleteDoesNothing(t *testing.T) {
	t.Parallel()
	inPod(t, "nacos.yaml", func(t *testing.T, p *pod) {
		f := serveNacos(t, p)
		if got := p.container(t).hook(t); got.status != 0 || !f.lists("127.0.0.1:8080") {
			t.Error(got)
		}
	}, nacosWait, noWait, "- put http", "- delete http")
}

func TestVaultStepsDown(t *testing.T) {
	t.Parallel()
	inPod(t, "vault-step-down.yaml", func(t *testing.T, p *pod) {
		f := serveVault(t, p, true)
		hears(t, p.container(t).hook(t), f.all(), "step-down")
	})
}

// Vault has a status for each kind of standby. None of them is waited out.
func TestVaultOtherStandby(t *testing.T) {
	t.Parallel()
	for _, status := range []int{472, 473, 474} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			inPod(t, "vault-step-down.yaml", func(t *testing.T, p *pod) {
				f := serveVault(t, p, true, func(f *fakeVault) { f.standby = status })
				got := p.container(t).hook(t)
				leaves(t, got, f.takes)
				hears(t, got, f.all(), "step-down")
			})
		})
	}
}

func TestVaultStandbyDoesNot(t *testing.T) {
	t.Parallel()
	inPod(t, "vault-step-down.yaml", func(t *testing.T, p *pod) {
		f := serveVault(t, p, false)
		hears(t, p.container(t).hook(t), f.all())
	})
}

func TestPatroniSwitchesOver(t *testing.T) {
	t.Parallel()
	inPod(t, "patroni-switchover.yaml", func(t *testing.T, p *pod) {
		f := servePatroni(t, p, true)
		hears(t, p.container(t).hook(t), f.all(), "switchover")
	})
}

// A switchover that lasts longer than one try is asked for again, and what is said then is no failure.
func TestPatroniSlowSwitchover(t *testing.T) {
	t.Parallel()
	inPod(t, "patroni-switchover.yaml", func(t *testing.T, p *pod) {
		f := servePatroni(t, p, true, func(f *fakePatroni) { f.elects = 12 * time.Second })
		got := p.container(t).hook(t)
		leaves(t, got, 10*time.Second)
		hears(t, got, f.all(), "switchover")
	})
}

// Where nobody can take over, this node goes on leading, and the hook says so.
func TestPatroniNobodyTakesOver(t *testing.T) {
	t.Parallel()
	inPod(t, "patroni-switchover.yaml", func(t *testing.T, p *pod) {
		f := servePatroni(t, p, true, func(f *fakePatroni) { f.name = "another" }) // 412
		got := p.container(t).hook(t)
		leaves(t, got, 2*time.Second)
		hears(t, got, f.all())
		if !strings.Contains(got.log, unmet) {
			t.Error(got)
		}
	}, "max=60s", "max=2s")
}

func TestPatroniReplicaDoesNot(t *testing.T) {
	t.Parallel()
	inPod(t, "patroni-switchover.yaml", func(t *testing.T, p *pod) {
		f := servePatroni(t, p, false)
		hears(t, p.container(t).hook(t), f.all())
	})
}

func TestTrino(t *testing.T) {
	t.Parallel()
	inPod(t, "trino.yaml", func(t *testing.T, p *pod) {
		f := serveTrino(t, p, 2*time.Second)
		got := p.container(t).hook(t)
		leaves(t, got, 2*time.Second)
		hears(t, got, f.all(), "SHUTTING_DOWN")
	})
}

// The drain comes when the check has passed, and not before.
func TestRabbitMQ(t *testing.T) {
	t.Parallel()
	inPod(t, "rabbitmq.yaml", func(t *testing.T, p *pod) {
		f := serveRabbitMQ(t, p, 2*time.Second)
		c := p.container(t)
		got := c.hook(t)
		leaves(t, got, f.critical)
		hears(t, got, f.all(), "checked")
		drained, err := os.Stat(c.path("/tmp/drained"))
		if err != nil || drained.ModTime().Before(f.uncritical().Add(-50*time.Millisecond)) {
			t.Errorf("drained: %v (%v), critical until %v", drained, err, f.uncritical())
		}
	})
}

// Where the node stays critical, the drain comes all the same, when the time for the gate is over.
func TestRabbitMQStaysCritical(t *testing.T) {
	t.Parallel()
	inPod(t, "rabbitmq.yaml", func(t *testing.T, p *pod) {
		serveRabbitMQ(t, p, time.Hour)
		c := p.container(t)
		got := c.hook(t)
		leaves(t, got, 2*time.Second)
		if _, err := os.Stat(c.path("/tmp/drained")); err != nil || !strings.Contains(got.log, unmet) {
			t.Errorf("%v: %s", err, got)
		}
	}, "max=600s", "max=2s")
}

func TestRedisLock(t *testing.T) {
	t.Parallel()
	for _, held := range []string{lockValue, "worker-1:99aa"} {
		t.Run(held, func(t *testing.T) {
			t.Parallel()
			inPod(t, "redis-lock.yaml", func(t *testing.T, p *pod) {
				r := serveRedisLock(t, p)
				conn := login(t, r)
				if _, err := conn.Do("SET", "locks/reports", held); err != nil {
					t.Fatal(err)
				}
				if got := p.container(t).hook(t); got.status != 0 || strings.Contains(got.log, lockValue) || strings.Contains(got.log, redisLogin) {
					t.Errorf("%s", got)
				}
				left, err := redis.String(conn.Do("GET", "locks/reports"))
				if ours := held == lockValue; ours != errors.Is(err, redis.ErrNil) || !ours && left != held {
					t.Errorf("the lock of %s reads %q (%v) afterwards", held, left, err)
				}
			})
		})
	}
}

func login(t *testing.T, r *testserver.RedisServer) redis.Conn {
	t.Helper()
	conn, err := redis.Dial("tcp", r.Address, redis.DialPassword(redisLogin))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestEtcdLease(t *testing.T) {
	t.Parallel()
	inPod(t, "etcd-lease.yaml", func(t *testing.T, p *pod) {
		e := serveEtcdLease(t, p)
		if got := p.container(t).hook(t); got.status != 0 {
			t.Error(got)
		}
		var leases struct{ Leases []struct{ ID string } }
		askEtcd(t, e.URL, "/v3/lease/leases", `{}`, &leases)
		if len(leases.Leases) > 0 {
			t.Errorf("leases %v are left", leases.Leases)
		}
	})
}

// grant makes a lease, and says its id as etcdctl does.
func grant(t *testing.T, at string) string {
	t.Helper()
	var lease struct{ ID string }
	askEtcd(t, at, "/v3/lease/grant", `{"TTL": 600}`, &lease)
	id, err := strconv.ParseInt(lease.ID, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return strconv.FormatInt(id, 16)
}

func askEtcd(t *testing.T, at, path, body string, into any) {
	t.Helper()
	resp, err := http.Post(at+path, "application/json", bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}

func TestLoadBalancer(t *testing.T) {
	t.Parallel()
	inPod(t, "load-balancer.yaml", func(t *testing.T, p *pod) {
		leaves(t, p.container(t).hook(t), 2*time.Second)
	}, "wait 130s", "wait 2s")
}

// It ends soon after the load balancer has stopped sending, when as few connections carry payload as are allowed, and health
// checks do not hold it.
func TestLoadBalancerCondition(t *testing.T) {
	t.Parallel()
	inPod(t, "load-balancer-condition.yaml", func(t *testing.T, p *pod) {
		app := &fakeApp{}
		p.serve(t, "127.0.0.1:8080", app)
		stopped := make(chan time.Time, 1)
		go func() { stopped <- balance(t, 3*time.Second) }()
		got := p.container(t).hook(t)
		ended := time.Now()
		if after := ended.Sub(<-stopped); got.status != 0 || after < 300*time.Millisecond || after > 4*time.Second || app.times() != 1 {
			t.Errorf("it ended %s after the last request: %s", after, got)
		}
	}, "for=10s min=30s", "for=1s min=1s", "max=130s", "max=20s")
}

// balance sends a request every 100 ms for a while, and checks the health every 500 ms for longer. It returns when the last
// request was answered.
func balance(t *testing.T, d time.Duration) (last time.Time) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	tick := time.Tick(100 * time.Millisecond)
	for n, end := 0, time.Now().Add(d); time.Now().Before(end.Add(4 * time.Second)); n++ {
		if time.Now().Before(end) {
			if resp, err := client.Get("http://127.0.0.1:8080/ready"); err == nil {
				resp.Body.Close()
			}
			last = time.Now()
		} else if n%5 == 0 {
			if resp, err := client.Get("http://127.0.0.1:8080/ready"); err == nil {
				resp.Body.Close()
			}
		}
		select {
		case <-tick:
		case <-t.Context().Done():
			return last
		}
	}
	return last
}
