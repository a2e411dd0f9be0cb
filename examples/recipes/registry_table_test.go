package recipes_test

import (
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/testserver"
)

const (
	consulToken = "b3c1ac6e-7d2e-4b6f-9e13-2a5cf0d6a5f1"
	vaultToken  = "hvs.CAESIJRM-T1q5lEjI"
	basicLogin  = "Basic cGF0cm9uaTpob3JzZS1iYXR0ZXJ5"
	redisLogin  = "correct-horse"
	lockValue   = "worker-0:7f3a"
)

// registryRecipes are those that tell somebody else: a registry, a cluster of one's own, a lock.
var registryRecipes = map[string]recipe{
	"consul.yaml":             {"web", func(t *testing.T, p *pod) { serveConsul(t, p) }, []string{"- wait 20s\n", noWait}},
	"eureka.yaml":             {"web", func(t *testing.T, p *pod) { serveEureka(t, p) }, []string{"- wait 100s\n", noWait}},
	"nacos.yaml":              {"web", func(t *testing.T, p *pod) { serveNacos(t, p) }, []string{"- wait 40s\n", noWait}},
	"vault-step-down.yaml":    {"vault", func(t *testing.T, p *pod) { serveVault(t, p, true) }, nil},
	"patroni-switchover.yaml": {"postgres", func(t *testing.T, p *pod) { servePatroni(t, p, true) }, nil},
	"trino.yaml":              {"trino-worker", func(t *testing.T, p *pod) { serveTrino(t, p, 500*time.Millisecond) }, nil},
	"rabbitmq.yaml":           {"rabbitmq", func(t *testing.T, p *pod) { serveRabbitMQ(t, p, 0) }, nil},
	"redis-lock.yaml":         {"worker", func(t *testing.T, p *pod) { serveRedisLock(t, p) }, nil},
	"etcd-lease.yaml":         {"worker", func(t *testing.T, p *pod) { serveEtcdLease(t, p) }, nil},
}

func serveConsul(t *testing.T, p *pod) *fakeConsul {
	t.Helper()
	f := &fakeConsul{token: consulToken, service: "web-0"}
	p.serve(t, "127.0.0.1:8500", f)
	p.container(t).write(t, "/etc/consul/token", consulToken+"\n")
	return f
}

func serveEureka(t *testing.T, p *pod) *fakeEureka {
	t.Helper()
	f := &fakeEureka{app: "WEB", instance: "web-0:web:8080"}
	p.host("eureka", "127.0.0.2")
	p.serve(t, "127.0.0.2:8761", f)
	return f
}

func serveNacos(t *testing.T, p *pod) *fakeNacos {
	t.Helper()
	f := &fakeNacos{service: "DEFAULT_GROUP@@web", enabled: map[string]bool{}}
	p.host("nacos", "127.0.0.2")
	p.serve(t, "127.0.0.2:8848", f)
	return f
}

func serveVault(t *testing.T, p *pod, active bool, change ...func(*fakeVault)) *fakeVault {
	t.Helper()
	f := &fakeVault{token: vaultToken, standby: http.StatusTooManyRequests, takes: 500 * time.Millisecond}
	f.active.Store(active)
	for _, c := range change {
		c(f)
	}
	c := p.container(t)
	c.write(t, "/vault/hook/token", vaultToken+"\n")
	c.write(t, "/vault/hook/ca.crt", serveTLS(t, "127.0.0.1:8200", "127.0.0.1", f))
	return f
}

func servePatroni(t *testing.T, p *pod, leads bool, change ...func(*fakePatroni)) *fakePatroni {
	t.Helper()
	f := &fakePatroni{login: basicLogin, name: "postgres-0", takes: 500 * time.Millisecond, elects: 500 * time.Millisecond}
	f.leads.Store(leads)
	for _, c := range change {
		c(f)
	}
	p.serve(t, "127.0.0.1:8008", f)
	p.container(t).write(t, "/etc/patroni-api/login", basicLogin+"\n")
	return f
}

func serveTrino(t *testing.T, p *pod, takes time.Duration) *fakeTrino {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:8080")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeTrino{takes: takes, close: func() { l.Close() }}
	server := &http.Server{Handler: f}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() { server.Close(); <-ended })
	return f
}

// serveRabbitMQ gives the container a rabbitmq-upgrade that does nothing but drain, and says so in a file.
func serveRabbitMQ(t *testing.T, p *pod, critical time.Duration) *fakeRabbitMQ {
	t.Helper()
	f := &fakeRabbitMQ{login: basicLogin, critical: critical}
	p.serve(t, "127.0.0.1:15672", f)
	c := p.container(t)
	c.write(t, "/etc/rabbitmq-monitor/login", basicLogin+"\n")
	c.write(t, "/tmp/bin/rabbitmq-upgrade", "#!/bin/sh\n[ \"$*\" = drain ] || { echo \"unknown command: $*\" >&2; exit 64; }\necho draining\n: >/tmp/drained\n")
	if err := os.Chmod(c.path("/tmp/bin/rabbitmq-upgrade"), 0o755); err != nil {
		t.Fatal(err)
	}
	c.set("PATH", "/tmp/bin:/usr/bin:/bin")
	return f
}

func TestChangedRegistryRequestFails(t *testing.T) {
	t.Parallel()
	checkChanged(t, registryRecipes, []changed{
		{"nothing", "consul.yaml", "", "", 0, false},
		{"method", "consul.yaml", "put http", "get http", 1, false},
		{"path", "consul.yaml", "service/deregister", "service/remove", 1, false},
		{"another service", "consul.yaml", "deregister/$(POD_NAME)", "deregister/web", 1, false},
		{"no token", "consul.yaml", "token-file=/etc/consul/token", "", 1, false},
		{"another token", "consul.yaml", "/etc/consul/token", otherToken, 1, false},
		{"another agent", "consul.yaml", "$(HOST_IP)", otherAddress, 1, false},

		{"nothing", "eureka.yaml", "", "", 0, false},
		{"method of the status", "eureka.yaml", "put http", "post http", 1, false},
		{"status", "eureka.yaml", "OUT_OF_SERVICE\n", "OUT\n", 1, false},
		{"application", "eureka.yaml", "put http://eureka:8761/eureka/apps/WEB", "put http://eureka:8761/eureka/apps/SHOP", 1, false},
		{"instance", "eureka.yaml", "$(POD_NAME):web:8080/status", "$(POD_NAME):8080/status", 1, false},
		{"method of the removal", "eureka.yaml", "- delete http", "- post http", 1, false},

		{"nothing", "nacos.yaml", "", "", 0, false},
		{"method", "nacos.yaml", "- put http", "- patch http", 1, false},
		{"path", "nacos.yaml", "/v2/", "/v3/", 1, false},
		{"no service", "nacos.yaml", "serviceName=web", "service=web", 1, false},
		{"another service", "nacos.yaml", "serviceName=web", "serviceName=shop", 1, false},
		{"another group", "nacos.yaml", "DEFAULT_GROUP", "OTHER_GROUP", 1, false},
		{"no address", "nacos.yaml", "ip=$(POD_IP)&", "", 1, false},
		{"no port", "nacos.yaml", "&port=8080", "", 1, false},
		{"no truth", "nacos.yaml", "enabled=false", "enabled=never", 1, false},

		{"nothing", "vault-step-down.yaml", "", "", 0, false},
		{"method", "vault-step-down.yaml", "put https", "get https", 1, true},
		{"path", "vault-step-down.yaml", "sys/step-down", "sys/stepdown", 1, true},
		{"status", "vault-step-down.yaml", "expect=204", "expect=200", 1, false},
		{"no token", "vault-step-down.yaml", "token-file=/vault/hook/token", "", 1, true},
		{"another token", "vault-step-down.yaml", "/vault/hook/token", otherToken, 1, true},
		{"unknown authority", "vault-step-down.yaml", "token-file=/vault/hook/token ca-file=/vault/hook/ca.crt", "token-file=/vault/hook/token", 1, true},
		{"another condition", "vault-step-down.yaml", "only-if=https://127.0.0.1:8200/v1/sys/health", "only-if=https://127.0.0.1:8200/v1/sys/leader", 1, true},
		{"another health", "vault-step-down.yaml", "until https://127.0.0.1:8200/v1/sys/health", "until https://127.0.0.1:8200/v1/sys/leader", 1, true},

		{"nothing", "patroni-switchover.yaml", "", "", 0, false},
		{"method", "patroni-switchover.yaml", "post http", "put http", 1, true},
		{"path", "patroni-switchover.yaml", "8008/switchover", "8008/failover", 1, true},
		{"another leader", "patroni-switchover.yaml", `\"$(POD_NAME)\"`, `\"postgres-1\"`, 1, true},
		{"another member", "patroni-switchover.yaml", `\"leader\"`, `\"master\"`, 1, true},
		{"no JSON", "patroni-switchover.yaml", `"{\"leader\": \"$(POD_NAME)\"}"`, "leader", 1, true},
		{"no login", "patroni-switchover.yaml", "token-file=/etc/patroni-api/login", "", 1, true},
		{"another login", "patroni-switchover.yaml", "/etc/patroni-api/login", otherToken, 1, true},
		{"another condition", "patroni-switchover.yaml", "only-if=http://localhost:8008/leader", "only-if=http://localhost:8008/standby", 1, true},
		{"another state", "patroni-switchover.yaml", "until http://localhost:8008/leader", "until http://localhost:8008/readiness", 1, true},

		{"nothing", "trino.yaml", "", "", 0, false},
		{"method", "trino.yaml", "put http", "post http", 1, true},
		{"path", "trino.yaml", "/v1/info/state", "/v1/info/status", 1, true},
		{"another state", "trino.yaml", "SHUTTING_DOWN", "SHUTDOWN", 1, true},
		{"no JSON text", "trino.yaml", `''"SHUTTING_DOWN"''`, "SHUTTING_DOWN", 1, true},
		{"no user", "trino.yaml", " header=X-Trino-User:admin", "", 1, true},
		{"another user", "trino.yaml", "User:admin", "User:nobody", 1, true},
		{"another port", "trino.yaml", "closed 8080", "closed 8081", 1, true},

		{"nothing", "rabbitmq.yaml", "", "", 0, false},
		{"path", "rabbitmq.yaml", "node-is-quorum-critical", "node-is-critical", 1, true},
		{"no login", "rabbitmq.yaml", "token-file=/etc/rabbitmq-monitor/login", "", 1, true},
		{"another login", "rabbitmq.yaml", "/etc/rabbitmq-monitor/login", otherToken, 1, true},
		{"another command", "rabbitmq.yaml", "upgrade drain", "upgrade revive", 1, false},
		{"another program", "rabbitmq.yaml", "exec rabbitmq-upgrade", "exec rabbitmq-drain", 1, false},

		{"nothing", "redis-lock.yaml", "", "", 0, false},
		{"no password", "redis-lock.yaml", "password-file=/etc/redis/login", "", 1, false},
		{"another password", "redis-lock.yaml", "/etc/redis/login", otherToken, 1, false},
		{"no value", "redis-lock.yaml", "/tmp/lock-value", "/tmp/lock-values", 1, false},
		{"TLS", "redis-lock.yaml", "redis://", "rediss://", 1, false},
		{"another port", "redis-lock.yaml", "redis:6379", "redis:6380", 1, false},

		{"nothing", "etcd-lease.yaml", "", "", 0, false},
		{"no lease", "etcd-lease.yaml", "/tmp/lease", "/tmp/leases", 1, false},
		{"no number", "etcd-lease.yaml", "/tmp/lease", otherToken, 1, false},
		{"TLS", "etcd-lease.yaml", "etcd://", "etcds://", 1, false},
		{"another port", "etcd-lease.yaml", "etcd:2379", "etcd:2380", 1, false},
	})
}

func TestNoRegistryThere(t *testing.T) {
	t.Parallel()
	checkNobody(t, registryRecipes)
}

func TestRegistryDryRun(t *testing.T) {
	t.Parallel()
	checkDryRun(t, registryRecipes)
}

// forward gives a server an address more, which is the one in the manifest.
func forward(t *testing.T, address, to string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			go relay(from, to)
		}
	}()
}

func serveRedisLock(t *testing.T, p *pod) *testserver.RedisServer {
	t.Helper()
	r := testserver.Redis(t, "--requirepass", redisLogin)
	p.host("redis", "127.0.0.2")
	forward(t, "127.0.0.2:6379", r.Address)
	p.serve(t, "127.0.0.1:8080", &fakeApp{})
	c := p.container(t)
	c.write(t, "/etc/redis/login", redisLogin+"\n")
	c.write(t, "/tmp/lock-value", lockValue+"\n")
	return r
}

func serveEtcdLease(t *testing.T, p *pod) *testserver.EtcdServer {
	t.Helper()
	e := testserver.Etcd(t)
	p.host("etcd", "127.0.0.2")
	forward(t, "127.0.0.2:2379", hostOf(t, e.URL))
	p.serve(t, "127.0.0.1:8080", &fakeApp{})
	p.container(t).write(t, "/tmp/lease", grant(t, e.URL)+"\n")
	return e
}
