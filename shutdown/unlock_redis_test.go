package shutdown

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/prestop/prestop/internal/dns"
	"github.com/prestop/prestop/internal/testbuffer"
	"github.com/prestop/prestop/internal/testexpect"
	"github.com/prestop/prestop/internal/testserver"
	"github.com/prestop/prestop/internal/web"
)

const (
	lockValue    = "pod-1:7f3a"
	lockPassword = "correct-horse"
	lockKey      = "lock:jobs"
)

// command sends commands, each a line, on a connection of its own.
func command(t *testing.T, address string, lines ...string) any {
	t.Helper()
	conn, err := redis.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var last any
	for _, line := range lines {
		words := strings.Fields(line)
		args := make([]any, len(words)-1)
		for i, word := range words[1:] {
			args[i] = word
		}
		if last, err = conn.Do(words[0], args...); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	return last
}

func lockAt(address string) *RedisLock {
	return &RedisLock{Dial: new(net.Dialer).DialContext, Address: address, Key: lockKey, Value: secretText(lockValue + "\n")}
}

// Who answers for the host is said.
func TestRedisLockCheckResolves(t *testing.T) {
	t.Parallel()
	server := testserver.Redis(t)
	ip, port, _ := net.SplitHostPort(server.Address)
	hosts := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(hosts, []byte(ip+" locks\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	lock := lockAt("locks:" + port)
	lock.Dial = (&dns.Resolver{Hosts: hosts}).DialContext
	log := &testbuffer.Buffer{}
	lockOutcome(t, inTime(t, 5*time.Second, log, checking(lock)), log, "", "resolved to "+ip+" by "+hosts)
	lockOutcome(t, nil, log, "", lockGone)
}

// inTime runs do within a share of time.
func inTime(t *testing.T, share time.Duration, log *testbuffer.Buffer, do stepFunc) error {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), share, errShare)
	defer cancel()
	return do(ctx, log.Logger())
}

func TestRedisLock(t *testing.T) {
	t.Parallel()
	server := testserver.Redis(t, "--user", "default", "on", "nopass", "~*", "&*", "+@all")
	command(t, server.Address,
		"ACL SETUSER app on >"+lockPassword+" ~lock:* +watch +get +multi +del +exec +discard +select",
		"ACL SETUSER reader on >"+lockPassword+" ~lock:* +@read +@transaction",
		"ACL SETUSER noget on >"+lockPassword+" ~lock:* +@transaction +del",
		"ACL SETUSER elsewhere on >"+lockPassword+" ~other:* +@all",
		"ACL SETUSER off off >"+lockPassword+" ~lock:* +@all")
	user := func(name, password string) func(*RedisLock) {
		return func(r *RedisLock) { r.User, r.Password = name, secretText(password) }
	}
	const ours = "SET KEY " + lockValue
	tests := []struct {
		name           string
		before         string // KEY is the row's own
		set            func(*RedisLock)
		err, log, says string // of Run, and what Check logs
		kept           bool
	}{
		{"ours", ours, nil, "", lockReleased, "held by us", false},
		{"ours with a time to live", ours + " PX 60000", nil, "", lockReleased, "held by us", false},
		{"another's", "SET KEY pod-2:11", nil, "", lockAnothers, lockAnothers, true},
		{"another's, which is empty", "EVAL redis.call('SET',ARGV[1],'') 0 KEY", nil, "", lockAnothers, lockAnothers, true},
		{"another's, which begins like ours", ours + "0", nil, "", lockAnothers, lockAnothers, true},
		{"another's, of which ours is more", "SET KEY pod-1", nil, "", lockAnothers, lockAnothers, true},
		{"absent", "PING", nil, "", lockGone, lockGone, false},
		{"expired", ours + " PX 1", nil, "", lockGone, lockGone, false},
		{"value without a line end", ours, func(r *RedisLock) { r.Value = secretText(lockValue) }, "", lockReleased, "", false},
		{"value with CR LF", ours, func(r *RedisLock) { r.Value = secretText(lockValue + "\r\n") }, "", lockReleased, "", false},
		{"value with two line ends", ours, func(r *RedisLock) { r.Value = secretText(lockValue + "\n\n") }, "", lockAnothers, "", true},
		{"value with CR alone", ours, func(r *RedisLock) { r.Value = secretText(lockValue + "\r") }, "", lockAnothers, "", true},
		{"empty value", ours, func(r *RedisLock) { r.Value = secretText("\n") }, "value: expected the lock's value, got nothing", "", "", true},
		{"value unreadable", ours, func(r *RedisLock) { r.Value = func() (string, error) { return "", errors.New("no such file") } }, "value: no such file", "", "", true},
		{"in another database", ours, func(r *RedisLock) { r.DB = 3 }, "", lockGone, lockGone, true},
		{"a database that is not there", ours, func(r *RedisLock) { r.DB = 99 }, "SELECT: ERR DB index is out of range", "", "", true},
		{"no string", "RPUSH KEY " + lockValue, nil, "GET: WRONGTYPE", "", "", true},
		{"a user", ours, user("app", lockPassword), "", lockReleased, "held by us", false},
		{"a user in database 0", ours, func(r *RedisLock) { user("app", lockPassword)(r); r.DB = 0 }, "", lockReleased, "held by us", false},
		{"a wrong password", ours, user("app", "wrong-horse"), "the user or password is wrong", "", "", true},
		{"an unknown user", ours, user("nobody", lockPassword), "the user or password is wrong", "", "", true},
		{"a user who is off", ours, user("off", lockPassword), "the user or password is wrong", "", "", true},
		{"a user who may not delete", ours, user("reader", lockPassword), "NOPERM", "", "", true},
		{"a user who may not read", ours, user("noget", lockPassword), "GET: NOPERM", "", "", true},
		{"a user of other keys", ours, user("elsewhere", lockPassword), "NOPERM", "", "", true},
		{"a user without a password", ours, func(r *RedisLock) { r.User = "app" }, "a user needs a password", "", "", true},
		{"a password unreadable", ours, func(r *RedisLock) { r.Password = func() (string, error) { return "", errors.New("no such file") } }, "password: no such file", "", "", true},
		{"a password where none is wanted", ours, user("", lockPassword), "the server has none for the default user", "", "", true},
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			lock := lockAt(server.Address)
			lock.Key = fmt.Sprintf("lock:%d", i)
			if test.set != nil {
				test.set(lock)
			}
			command(t, server.Address, strings.ReplaceAll(test.before, "KEY", lock.Key))
			if strings.HasSuffix(test.before, "PX 1") {
				testexpect.Soon(t, "expiry", func() bool { return command(t, server.Address, "EXISTS "+lock.Key) == int64(0) })
			}
			dump := command(t, server.Address, "DUMP "+lock.Key)

			log := &testbuffer.Buffer{}
			err := inTime(t, 10*time.Second, log, checking(lock))
			lockOutcome(t, err, log, test.err, test.says, lockValue, lockPassword)
			if in := log.Count("logged in") == 1; err == nil && in != (lock.Password != nil) {
				t.Errorf("the log is\n%s", log)
			}
			if after := command(t, server.Address, "DUMP "+lock.Key); fmt.Sprint(after) != fmt.Sprint(dump) {
				t.Error("Check changed the key")
			}
			log, begin := &testbuffer.Buffer{}, time.Now()
			err = inTime(t, 10*time.Second, log, lock.Run)
			lockOutcome(t, err, log, test.err, test.log, lockValue, lockPassword)
			if left := command(t, server.Address, "EXISTS "+lock.Key) == int64(1); left != test.kept {
				t.Errorf("kept: %v, expected %v", left, test.kept)
			}
			if took := time.Since(begin); took > 5*time.Second || log.Count("trying again") > 0 {
				t.Errorf("not final at once: %v\n%s", took, log)
			}
		})
	}
}

func TestRedisLockDatabase(t *testing.T) {
	t.Parallel()
	server := testserver.Redis(t)
	command(t, server.Address, "SET "+lockKey+" "+lockValue, "SELECT 3", "SET "+lockKey+" "+lockValue)
	lock, log := lockAt(server.Address), &testbuffer.Buffer{}
	lock.DB = 3
	lockOutcome(t, inTime(t, 5*time.Second, log, lock.Run), log, "", lockReleased, lockValue)
	if got := command(t, server.Address, "SELECT 3", "DBSIZE"); got != int64(0) {
		t.Errorf("database 3 has %v keys", got)
	}
	if got := command(t, server.Address, "DBSIZE"); got != int64(1) {
		t.Errorf("database 0 has %v keys", got)
	}
}

func TestRedisLockDefaultUser(t *testing.T) {
	t.Parallel()
	server := testserver.Redis(t, "--requirepass", lockPassword)
	auth := "AUTH " + lockPassword
	for _, test := range []struct {
		name string
		set  func(*RedisLock)
		err  string
	}{
		{"no password", func(r *RedisLock) {}, "the server wants a user and password"},
		{"a wrong one", func(r *RedisLock) { r.Password = secretText("wrong-horse") }, "the user or password is wrong"},
		{"the password", func(r *RedisLock) { r.Password = secretText(lockPassword) }, ""},
		{"the user by name", func(r *RedisLock) { r.User, r.Password = "default", secretText(lockPassword) }, ""},
	} {
		command(t, server.Address, auth, "SET "+lockKey+" "+lockValue)
		lock, log := lockAt(server.Address), &testbuffer.Buffer{}
		test.set(lock)
		lockOutcome(t, inTime(t, 5*time.Second, log, lock.Run), log, test.err, "", lockValue, lockPassword, "wrong-horse")
		if left := command(t, server.Address, auth, "EXISTS "+lockKey) == int64(1); left != (test.err != "") {
			t.Errorf("%s: kept: %v", test.name, left)
		}
	}
}

func TestRedisLockTLS(t *testing.T) {
	t.Parallel()
	ca, other := newLockCA(t), newLockCA(t)
	cert, key := ca.issue(lockHost)
	clientCert, clientKey := ca.issue("hook")
	otherCert, otherKey := other.issue("hook")
	server := testserver.RedisTLS(t, ca.file, cert, key)
	good := web.TLS{CAFile: ca.file, CertFile: clientCert, KeyFile: clientKey}
	for _, test := range []struct {
		name, address, at string
		tls               *web.TLS
		err               string
	}{
		{"good", lockHost + ":6379", server.TLSAddress, &good, ""},
		{"a name given", "redis:6379", server.TLSAddress, &web.TLS{CAFile: ca.file, CertFile: clientCert, KeyFile: clientKey, ServerName: lockHost}, ""},
		{"another name", "redis:6379", server.TLSAddress, &good, "certificate is valid for lock.test, not redis"},
		{"another CA", lockHost + ":6379", server.TLSAddress, &web.TLS{CAFile: other.file, CertFile: clientCert, KeyFile: clientKey}, "certificate signed by unknown authority"},
		{"no client certificate", lockHost + ":6379", server.TLSAddress, &web.TLS{CAFile: ca.file}, "remote error: tls:"},
		{"client certificate of another CA", lockHost + ":6379", server.TLSAddress, &web.TLS{CAFile: ca.file, CertFile: otherCert, KeyFile: otherKey}, "remote error: tls:"},
		{"no CA file", lockHost + ":6379", server.TLSAddress, &web.TLS{CAFile: "/nonexistent"}, "/nonexistent"},
	} {
		t.Run(test.name, func(t *testing.T) {
			command(t, server.Address, "SET "+lockKey+" "+lockValue)
			lock, log := lockAt(test.address), &testbuffer.Buffer{}
			lock.Dial = lockDial(test.at)
			if test.tls != nil {
				lock.TLS = test.tls.Config
			}
			lockOutcome(t, inTime(t, 5*time.Second, log, checking(lock)), log, test.err, "", lockValue)
			lockOutcome(t, inTime(t, 5*time.Second, log, lock.Run), log, test.err, "", lockValue)
			if left := command(t, server.Address, "EXISTS "+lockKey) == int64(1); left != (test.err != "") {
				t.Errorf("kept: %v", left)
			}
			if log.Count("trying again") > 0 {
				t.Errorf("not final at once:\n%s", log)
			}
		})
	}
}

// broken is a connection that fails to send from a moment on.
type broken struct {
	net.Conn
	now atomic.Bool
}

func (b *broken) Write(p []byte) (int, error) {
	if b.now.Load() {
		return 0, syscall.ECONNRESET
	}
	return b.Conn.Write(p)
}

// A server that refuses our certificate may have broken the connection off before we send: then its alert is waiting.
func TestRedisLockRefusedCertificate(t *testing.T) {
	t.Parallel()
	ca := newLockCA(t)
	cert, key := ca.issue(lockHost)
	config, err := web.TLS{CertFile: cert, KeyFile: key}.Config()
	if err != nil {
		t.Fatal(err)
	}
	config.ClientAuth = tls.RequireAnyClientCert
	refused := make(chan error, 1)
	address := newFakeRedis(t, func(c net.Conn) { refused <- tls.Server(c, config).Handshake() })
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw := &broken{Conn: conn}
	lock := lockAt(lockHost + ":6379")
	lock.TLS = web.TLS{CAFile: ca.file}.Config
	secure, err := lock.secure(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-refused; err == nil {
		t.Fatal("the server took us without a certificate")
	}
	raw.now.Store(true)
	if _, err := secure.Write([]byte("PING\r\n")); err == nil || !web.Final(err) || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("error %v, expected the alert", err)
	}
}

// wire is a connection on which a test steps in.
type wire struct {
	net.Conn
	before func(sent []byte)             // what is sent reaches the server
	after  func(sent []byte, c net.Conn) // it has
}

func (w *wire) Write(p []byte) (int, error) {
	if w.before != nil {
		w.before(p)
	}
	n, err := w.Conn.Write(p)
	if w.after != nil {
		w.after(p, w.Conn)
	}
	return n, err
}

func wired(w wire) web.Dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		w := w
		w.Conn = conn
		return &w, nil
	}
}

// The key is changed between GET and EXEC.
func TestRedisLockRace(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, change string
		times        int // that it is changed
		err, log     string
		kept         any
	}{
		{"taken by another", "SET KEY pod-2", 1, "", lockAnothers, []byte("pod-2")},
		{"gone", "DEL KEY", 1, "", lockGone, nil},
		{"prolonged by ourselves", "PEXPIRE KEY 60000", 1, "", lockReleased, nil},
		{"prolonged three times", "PEXPIRE KEY 60000", 3, "", lockReleased, nil},
		{"prolonged until another try", "PEXPIRE KEY 60000", maxLooks + 1, "", lockReleased, nil},
		{"prolonged for ever", "PEXPIRE KEY 60000", 1 << 20, "the key is changed again and again", "", []byte(lockValue)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := testserver.Redis(t)
			command(t, server.Address, "SET "+lockKey+" "+lockValue+" PX 60000")
			changed := 0
			lock, log := lockAt(server.Address), &testbuffer.Buffer{}
			lock.Dial = wired(wire{before: func(sent []byte) {
				if bytes.Contains(sent, []byte("EXEC")) && changed < test.times {
					changed++
					command(t, server.Address, strings.ReplaceAll(test.change, "KEY", lockKey))
				}
			}})
			lockOutcome(t, inTime(t, 3*time.Second, log, lock.Run), log, test.err, test.log, lockValue, "pod-2")
			if got := command(t, server.Address, "GET "+lockKey); fmt.Sprint(got) != fmt.Sprint(test.kept) {
				t.Errorf("the key holds %q, expected %q", got, test.kept)
			}
			if changed == 0 {
				t.Error("no EXEC was seen")
			}
		})
	}
}

// The connection breaks when EXEC has been done and its answer not been read: the lock is ours no longer.
func TestRedisLockBreaksAfterExec(t *testing.T) {
	t.Parallel()
	server := testserver.Redis(t)
	command(t, server.Address, "SET "+lockKey+" "+lockValue)
	broken := false
	lock, log := lockAt(server.Address), &testbuffer.Buffer{}
	lock.Dial = wired(wire{after: func(sent []byte, c net.Conn) {
		if !broken && bytes.Contains(sent, []byte("EXEC")) {
			broken = true
			testexpect.Soon(t, "EXEC", func() bool { return command(t, server.Address, "EXISTS "+lockKey) == int64(0) })
			c.Close()
		}
	}})
	lockOutcome(t, inTime(t, 5*time.Second, log, lock.Run), log, "", lockGone, lockValue)
	if log.Count("trying again") != 1 || !broken {
		t.Errorf("broken: %v\n%s", broken, log)
	}
}

// The server goes away between GET and EXEC, and comes back with the key.
func TestRedisLockServerRestarts(t *testing.T) {
	t.Parallel()
	server := testserver.Redis(t, "--appendonly", "yes", "--appendfsync", "always")
	command(t, server.Address, "SET "+lockKey+" "+lockValue)
	var once sync.Once
	lock, log, done := lockAt(server.Address), &testbuffer.Buffer{}, make(chan error)
	lock.Dial = wired(wire{before: func(sent []byte) {
		if bytes.Contains(sent, []byte("EXEC")) {
			once.Do(server.Stop)
		}
	}})
	go func() { done <- inTime(t, 30*time.Second, log, lock.Run) }()
	testexpect.Soon(t, "trying again", func() bool { return log.Count("trying again", "connection refused") > 0 })
	server.Restart()
	if got := command(t, server.Address, "DBSIZE"); got != int64(1) && log.Count(lockReleased) == 0 {
		t.Fatalf("came back with %v keys", got)
	}
	lockOutcome(t, <-done, log, "", lockReleased, lockValue)
	if got := command(t, server.Address, "DBSIZE"); got != int64(0) {
		t.Errorf("%v keys are left", got)
	}
}

// What passes is tried again: here a replica that becomes the primary, and a cluster that gets its slots.
func TestRedisLockWaitsForTheServer(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name         string
		args         []string
		before, then string
		says         string
	}{
		{"read-only", nil, "REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", "READONLY"},
		{"without its primary", []string{"--replica-serve-stale-data", "no"}, "REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", "MASTERDOWN"},
		{"too many clients", nil, "CONFIG SET maxclients 1", "", "has as many clients as it takes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := testserver.Redis(t, test.args...)
			admin, err := redis.Dial("tcp", server.Address)
			if err != nil {
				t.Fatal(err)
			}
			defer admin.Close()
			do := func(line string) error {
				words := strings.Fields(line)
				args := make([]any, len(words)-1)
				for i, word := range words[1:] {
					args[i] = word
				}
				_, err := admin.Do(words[0], args...)
				return err
			}
			if err := do("SET " + lockKey + " " + lockValue); err != nil {
				t.Fatal(err)
			}
			if err := do(test.before); err != nil {
				t.Fatal(err)
			}
			lock, log, done := lockAt(server.Address), &testbuffer.Buffer{}, make(chan error)
			go func() { done <- inTime(t, 20*time.Second, log, lock.Run) }()
			testexpect.Soon(t, test.says, func() bool { return log.Count("trying again", test.says) > 0 })
			if test.then == "" {
				admin.Close() // the one client
			} else if err := do(test.then); err != nil {
				t.Fatal(err)
			}
			lockOutcome(t, <-done, log, "", lockReleased, lockValue)
		})
	}
}

func TestRedisLockCluster(t *testing.T) {
	t.Parallel()
	server := testserver.Redis(t, "--cluster-enabled", "yes")
	lock, log, done := lockAt(server.Address), &testbuffer.Buffer{}, make(chan error)
	go func() { done <- inTime(t, 20*time.Second, log, lock.Run) }()
	testexpect.Soon(t, "trying again", func() bool { return log.Count("trying again", "CLUSTERDOWN") > 0 })
	command(t, server.Address, "CLUSTER ADDSLOTSRANGE 0 16383")
	lockOutcome(t, <-done, log, "", lockGone, lockValue)

	testexpect.Soon(t, "the cluster", func() bool {
		conn, err := redis.Dial("tcp", server.Address)
		if err != nil {
			return false
		}
		defer conn.Close()
		_, err = conn.Do("SET", lockKey, lockValue)
		return err == nil
	})
	lock.DB, log = 1, &testbuffer.Buffer{}
	lockOutcome(t, inTime(t, 5*time.Second, log, lock.Run), log, "SELECT: ERR SELECT is not allowed in cluster mode", "", lockValue)
	lock.DB, log = 0, &testbuffer.Buffer{}
	lockOutcome(t, inTime(t, 5*time.Second, log, lock.Run), log, "", lockReleased, lockValue)
}

// A server that takes connections and says nothing.
func TestRedisLockBlackHole(t *testing.T) {
	t.Parallel()
	ca := newLockCA(t)
	cert, key := ca.issue(lockHost)
	server := testserver.RedisTLS(t, ca.file, cert, key)
	server.Freeze()
	plain := lockAt(server.Address)
	secure := lockAt(lockHost + ":6379")
	secure.Dial, secure.TLS = lockDial(server.TLSAddress), web.TLS{CAFile: ca.file, CertFile: cert, KeyFile: key}.Config
	for name, lock := range map[string]*RedisLock{"plain": plain, "TLS": secure} {
		endsWithItsShare(t, lock.Run, checking(lock))
		ctx, cancel := context.WithCancelCause(t.Context())
		dial, dialled := lock.Dial, make(chan struct{})
		lock.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			defer close(dialled)
			return dial(ctx, network, address)
		}
		done := make(chan error)
		go func() { done <- lock.Run(ctx, new(testbuffer.Buffer).Logger()) }()
		<-dialled
		begin := time.Now()
		cancel(errShare)
		if err := <-done; !errors.Is(err, errShare) {
			t.Errorf("%s: %v", name, err)
		}
		testexpect.Took(t, time.Since(begin), 0, soon/2)
	}
}

// A try is bounded, and another is made.
func TestRedisLockSilentTry(t *testing.T) {
	t.Parallel()
	var conns atomic.Int32
	server := newFakeRedis(t, func(c net.Conn) {
		if conns.Add(1) == 1 {
			io.Copy(io.Discard, c)
			return
		}
		answerRedis(c, "+OK\r\n", "$-1\r\n")
	})
	lock, log := lockAt(server), &testbuffer.Buffer{}
	lock.Timeout = 200 * time.Millisecond
	lockOutcome(t, inTime(t, 10*time.Second, log, lock.Run), log, "", lockGone, lockValue)
	if log.Count("trying again", "no complete answer in time (200ms)") != 1 {
		t.Errorf("not tried again:\n%s", log)
	}
}

// newFakeRedis serves connections by do, each of which is closed after it.
func newFakeRedis(t *testing.T, do func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	ended := make(chan struct{})
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				stop := make(chan struct{})
				serving.Go(func() {
					select {
					case <-ended:
					case <-stop:
					}
					c.Close()
				})
				do(c)
				close(stop)
			})
		}
	})
	t.Cleanup(func() { close(ended); l.Close(); serving.Wait() })
	return l.Addr().String()
}

// answerRedis gives one answer to whatever comes, and the last one for good.
func answerRedis(c net.Conn, answers ...string) {
	buffer := make([]byte, 64<<10)
	for i := 0; ; i++ {
		if _, err := c.Read(buffer); err != nil {
			return
		}
		if _, err := io.WriteString(c, answers[min(i, len(answers)-1)]); err != nil {
			return
		}
	}
}

// Servers that are none, or hostile.
func TestRedisLockHostile(t *testing.T) {
	t.Parallel()
	const final, again = true, false
	tests := []struct {
		name    string
		answers []string // the last: the connection is closed after it
		err     string
		final   bool
	}{
		{"closed at once", []string{""}, errHungUp.Error(), again},
		{"half a line", []string{"+O"}, errHungUp.Error(), again},
		{"half a string", []string{"+OK\r\n", "$10\r\npod"}, errHungUp.Error(), again},
		{"half an array", []string{"+OK\r\n", "$10\r\n" + lockValue + "\r\n", "+OK\r\n+QUEUED\r\n*1\r\n"}, errHungUp.Error(), again},
		{"HTTP", []string{"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n" + lockValue}, errNotRedis.Error(), final},
		{"SSH", []string{"SSH-2.0-OpenSSH_9.2\r\n"}, errNotRedis.Error(), final},
		{"a TLS alert", []string{"\x15\x03\x01\x00\x02\x02\x16"}, errNotRedis.Error(), final},
		{"no CR", []string{"+OK\n"}, errNotRedis.Error(), final},
		{"an empty line", []string{"\r\n"}, errNotRedis.Error(), final},
		{"no length", []string{"+OK\r\n", "$\r\n"}, errNotRedis.Error(), final},
		{"a length that is no number", []string{"+OK\r\n", "$1x\r\n"}, errNotRedis.Error(), final},
		{"a length below zero", []string{"+OK\r\n", "$-2\r\n"}, errNotRedis.Error(), final},
		{"a string longer than announced", []string{"+OK\r\n", "$3\r\n" + lockValue + "\r\n"}, errNotRedis.Error(), final},
		{"a huge string", []string{"+OK\r\n", "$9999999999\r\n"}, errBigAnswer.Error(), final},
		{"a length that overflows", []string{"+OK\r\n", "$18446744073709551626\r\n" + lockValue + "\r\n"}, errBigAnswer.Error(), final},
		{"a long length", []string{"+OK\r\n", "$" + strings.Repeat("9", 10000)}, errBigAnswer.Error(), final},
		{"a huge array", []string{"*4294967296\r\n"}, errBigAnswer.Error(), final},
		{"nested arrays", []string{strings.Repeat("*1\r\n", 100000)}, errBigAnswer.Error(), final},
		{"many arrays", []string{"*16\r\n" + strings.Repeat("*0\r\n", 16)}, errBigAnswer.Error(), final},
		{"a string just too long", []string{"+OK\r\n", fmt.Sprintf("$%d\r\n%s\r\n", maxRedisBytes-10, strings.Repeat("x", maxRedisBytes))}, errBigAnswer.Error(), final},
		{"a number for a string", []string{"+OK\r\n", ":1\r\n"}, errNotRedis.Error(), final},
		{"no array for EXEC", []string{"+OK\r\n", "$10\r\n" + lockValue + "\r\n", "+OK\r\n+QUEUED\r\n+OK\r\n"}, errNotRedis.Error(), final},
		{"an array of two for EXEC", []string{"+OK\r\n", "$10\r\n" + lockValue + "\r\n", "+OK\r\n+QUEUED\r\n*2\r\n:1\r\n:1\r\n"}, errNotRedis.Error(), final},
		{"an error within EXEC's array", []string{"+OK\r\n", "$10\r\n" + lockValue + "\r\n", "+OK\r\n+QUEUED\r\n*1\r\n-ERR no\r\n"}, errNotRedis.Error(), final},
		{"two keys deleted", []string{"+OK\r\n", "$10\r\n" + lockValue + "\r\n", "+OK\r\n+QUEUED\r\n*1\r\n:2\r\n"}, errNotRedis.Error(), final},
		{"MOVED", []string{"+OK\r\n", "-MOVED 3999 10.0.0.7:6381\r\n"}, "a cluster that has the key at another node: expected the name of that one (slot and node: 3999 10.0.0.7:6381)", final},
		{"MOVED nowhere", []string{"-MOVED\r\n"}, "at another node", final},
		{"MOVED to our value", []string{"-MOVED " + lockValue + "\r\n"}, "at another node", final},
		{"LOADING", []string{"-LOADING Redis is loading the dataset in memory\r\n"}, "LOADING Redis is loading", again},
		{"a proxy's error", []string{"-upstream failure\r\n"}, "upstream failure", again},
		{"protected mode", []string{"-DENIED Redis is running in protected mode because " + strings.Repeat("x", 1000) + "\r\n"}, "protected mode", final},
		{"a sentinel", []string{"-ERR unknown command 'WATCH', with args beginning with: 'lock:jobs' \r\n"}, "ERR unknown command", final},
		{"an error that holds the value", []string{"+OK\r\n", "-ERR it is " + lockValue + "\r\n"}, "GET: a text that holds a secret", again},
		{"an error that never ends", []string{"-ERR " + strings.Repeat("x", 2*maxRedisBytes)}, errBigAnswer.Error(), final},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			address := newFakeRedis(t, func(c net.Conn) {
				buffer := make([]byte, 64<<10)
				for _, answer := range test.answers {
					if _, err := c.Read(buffer); err != nil {
						return
					}
					io.WriteString(c, answer)
				}
			})
			lock, log := lockAt(address), &testbuffer.Buffer{}
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			done := make(chan error, 1)
			go func() { done <- lock.Run(ctx, log.Logger()) }()
			testexpect.Soon(t, "an end or another try", func() bool { return len(done) > 0 || log.Count("trying again") > 0 })
			cancel(errShare)
			lockOutcome(t, <-done, log, test.err, "", lockValue)
			if got := log.Count("trying again") == 0; got != test.final {
				t.Errorf("final: %v, expected %v:\n%s", got, test.final, log)
			}
		})
	}
}

// What comes without an end is cut.
func TestRedisLockEndless(t *testing.T) {
	t.Parallel()
	for name, chunk := range map[string]string{"lines": "+OK\r\n", "one line": "xxxxxxxx", "strings": "$5\r\nhello\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := newFakeRedis(t, func(c net.Conn) {
				answer := []byte(strings.Repeat(chunk, 1000))
				if name == "one line" {
					io.WriteString(c, "+")
				}
				for {
					if _, err := c.Write(answer); err != nil {
						return
					}
				}
			})
			lock, log := lockAt(address), &testbuffer.Buffer{}
			err := inTime(t, 5*time.Second, log, lock.Run)
			if err == nil {
				t.Errorf("done:\n%s", log)
			}
		})
	}
}

// A server that does not know AUTH repeats what came with it.
func TestRedisLockRefusedLogin(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		"-ERR unknown command 'AUTH', with args beginning with: '" + lockPassword + "' ": errAuth.Error(),
		"-ERR unknown command 'AUTH', with args beginning with: '" + lockPassword[:5]:    errAuth.Error(),
		"-" + lockPassword:                                   errAuth.Error(),
		"-ERR invalid password":                              errWrongLogin.Error(),
		"-WRONGPASS " + lockPassword:                         errWrongLogin.Error(),
		"-ERR Client sent AUTH, but no password is set":      errNoLogin.Error(),
		"-ERR max number of clients reached " + lockPassword: errManyClients.Error(),
	} {
		address := newFakeRedis(t, func(c net.Conn) { answerRedis(c, answer+"\r\n") })
		lock, log := lockAt(address), &testbuffer.Buffer{}
		lock.Password = secretText(lockPassword)
		lockOutcome(t, inTime(t, time.Second, log, lock.Run), log, want, "", lockPassword[:5])
	}
}

// said is a server's side of a connection: it says everything at once, in pieces, and hangs up.
type said struct {
	net.Conn
	r io.Reader
}

func (s said) Read(p []byte) (int, error)    { return s.r.Read(p[:min(len(p), 7)]) }
func (s said) Write(p []byte) (int, error)   { return len(p), nil }
func (said) Close() error                    { return nil }
func (said) SetReadDeadline(time.Time) error { return nil }

func FuzzRedisAnswers(f *testing.F) {
	good := "+OK\r\n$10\r\n" + lockValue + "\r\n+OK\r\n+QUEUED\r\n*1\r\n:1\r\n"
	for _, seed := range []string{
		good, "+OK\r\n$-1\r\n", "+OK\r\n$0\r\n\r\n", "+OK\r\n*-1\r\n", "*3\r\n*1\r\n:1\r\n$1\r\na\r\n-ERR x\r\n", "-MOVED 1 a:1\r\n",
		"$99999999999\r\n", "$1048576\r\n", "*16\r\n", "HTTP/1.1 200 OK\r\n\r\n", "+OK\r\n$10\r\n" + lockValue + "\r\n+OK\r\n+QUEUED\r\n*-1\r\n" + good,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answers []byte) {
		lock := lockAt("redis:6379")
		lock.Dial = func(context.Context, string, string) (net.Conn, error) { return said{r: bytes.NewReader(answers)}, nil }
		var found string
		err := lock.with(t.Context(), func(s *redisSession) (err error) { found, err = s.release(); return err })
		switch {
		case err != nil && strings.Contains(err.Error(), lockValue):
			t.Errorf("the value is said: %v", err)
		case err == nil && found != lockReleased && found != lockGone && found != lockAnothers:
			t.Errorf("found %q", found)
		case found == lockReleased && !bytes.Contains(answers, []byte("$10\r\n"+lockValue+"\r\n")):
			t.Errorf("released, though it was never ours: %q", answers)
		}
	})
}

type noWrite struct {
	net.Conn
	broken bool
}

func (n *noWrite) Write(p []byte) (int, error) {
	if n.broken {
		return 0, errors.New("broken pipe")
	}
	return n.Conn.Write(p)
}

// A write that fails while the server has said something already is an error, and no panic.
func TestAlertOfAServerThatSpeaksFirst(t *testing.T) {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	defer l.Close()
	go func() {
		c, _ := l.Accept()
		x := tls.Server(c, &tls.Config{Certificates: s.TLS.Certificates})
		x.Write([]byte("-ERR max number of clients reached\r\n"))
		io.Copy(io.Discard, c)
	}()
	raw, _ := net.Dial("tcp", l.Addr().String())
	n := &noWrite{Conn: raw}
	c := tls.Client(n, &tls.Config{InsecureSkipVerify: true})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	n.broken = true
	if _, err := (alerted{c}).Write([]byte("PING\r\n")); err == nil {
		t.Error("a write to a broken connection worked")
	}
}
