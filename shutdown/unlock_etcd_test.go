package shutdown

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/testbuffer"
	"github.com/prestop/prestop/internal/testexpect"
	"github.com/prestop/prestop/internal/testserver"
	"github.com/prestop/prestop/internal/web"
)

func TestParseLease(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"694d77aa9e38260f":         0x694d77aa9e38260f,
		"694d77aa9e38260f\n":       0x694d77aa9e38260f,
		"0x694d77aa9e38260f\r\n":   0x694d77aa9e38260f,
		"694D77AA9E38260F":         0x694d77aa9e38260f,
		"7587848390987589135":      7587848390987589135,
		"  7587848390987589135 \n": 7587848390987589135,
		"12345678901234567":        12345678901234567,
		"9223372036854775807":      math.MaxInt64,
		"7fffffffffffffff":         math.MaxInt64,
		"1234567890123456":         0x1234567890123456, // 16 digits: hexadecimal
		"5":                        5,
		"0x10":                     16,
		"10":                       16,
		"0000000000000001":         1,
		"lease 694d77aa9e38260f granted with TTL(60s)":   0x694d77aa9e38260f,
		"lease 694d77aa9e38260f granted with TTL(60s)\n": 0x694d77aa9e38260f,
		"":                       0,
		"\n":                     0,
		"0":                      0,
		"0x":                     0,
		"0x0":                    0,
		"0000000000000000":       0,
		"9223372036854775808":    0,
		"99999999999999999999":   0,
		"8000000000000000":       0,
		"ffffffffffffffff":       0,
		"-1":                     0,
		"+5":                     0,
		"1_000":                  0,
		"0x1694d77aa9e38260f":    0,
		"1694d77aa9e38260f":      0, // 17 digits, not decimal
		"694d77aa 9e38260f":      0,
		"lease 694d77aa9e38260f": 0,
		"lease granted":          0,
		"lease lease granted":    0,
		"correct horse battery":  0,
		"{\"ID\":\"5\"}":         0,
	} {
		got, err := ParseLease(text)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: %d, %v, expected %d", text, got, err, want)
		}
		if err != nil && len(text) > 3 && strings.Contains(err.Error(), text) {
			t.Errorf("%q is said: %v", text, err)
		}
	}
}

func FuzzParseLease(f *testing.F) {
	for _, seed := range []string{"694d77aa9e38260f\n", "7587848390987589135", "0x5", "lease 694d77aa9e38260f granted with TTL(60s)", "-1", "9223372036854775808", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := ParseLease(text)
		if (err == nil) != (id > 0) {
			t.Fatalf("%q: %d, %v", text, id, err)
		}
		if err != nil {
			return
		}
		for _, form := range []string{"%x", "0x%x\n", "%016x", "lease %016x granted with TTL(5s)"} {
			if again, err := ParseLease(fmt.Sprintf(form, id)); again != id || err != nil {
				t.Errorf("%q as %q: %d, %v, expected %d", text, fmt.Sprintf(form, id), again, err, id)
			}
		}
		if again, err := ParseLease(strconv.FormatInt(id, 10)); id >= 1e16 && (again != id || err != nil) {
			t.Errorf("%d in decimal: %d, %v", id, again, err)
		}
	})
}

// etcd is a test's own client of the gateway.
type etcd struct {
	t      *testing.T
	url    string
	client *http.Client
	token  string
}

func (e etcd) call(path string, body map[string]any) map[string]any {
	e.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		e.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(e.t.Context(), http.MethodPost, e.url+path, bytes.NewReader(text))
	if err != nil {
		e.t.Fatal(err)
	}
	if e.token != "" {
		req.Header.Set("Authorization", e.token)
	}
	resp, err := e.client.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer := map[string]any{}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK {
		e.t.Fatalf("%s: %s %v %v", path, resp.Status, answer, err)
	}
	return answer
}

// grant makes a lease and a key that is attached to it.
func (e etcd) grant(ttl int, key string) (id int64) {
	e.t.Helper()
	id, err := strconv.ParseInt(e.call("/v3/lease/grant", map[string]any{"TTL": ttl})["ID"].(string), 10, 64)
	if err != nil {
		e.t.Fatal(err)
	}
	e.call("/v3/kv/put", map[string]any{"key": []byte(key), "value": []byte("us"), "lease": id})
	return id
}

func (e etcd) has(key string) bool {
	e.t.Helper()
	return e.call("/v3/kv/range", map[string]any{"key": []byte(key)})["count"] == "1"
}

func leaseAt(t *testing.T, url string, id int64) *EtcdLease {
	return &EtcdLease{Client: lockClient(t, new(net.Dialer).DialContext, web.TLS{}), URL: url, Lease: secretText(fmt.Sprintf("%x\n", id))}
}

func lockClient(t *testing.T, dial web.Dial, config web.TLS) *web.Client {
	c := web.New(dial, config, nil)
	t.Cleanup(c.Close)
	return c
}

func TestEtcdLease(t *testing.T) {
	t.Parallel()
	server := testserver.Etcd(t)
	admin := etcd{t: t, url: server.URL, client: http.DefaultClient}
	for _, test := range []struct {
		name           string
		set            func(*EtcdLease, int64)
		err, log, says string
		kept           bool
	}{
		{"ours", func(e *EtcdLease, id int64) {}, "", lockReleased, "held by us", false},
		{"in decimal", func(e *EtcdLease, id int64) { e.Lease = secretText(fmt.Sprint(id)) }, "", lockReleased, "ttl=", false},
		{"a line of etcdctl", func(e *EtcdLease, id int64) {
			e.Lease = secretText(fmt.Sprintf("lease %016x granted with TTL(600s)\n", id))
		}, "", lockReleased, "held by us", false},
		{"URL with a slash", func(e *EtcdLease, id int64) { e.URL += "/" }, "", lockReleased, "held by us", false},
		{"revoked", func(e *EtcdLease, id int64) { admin.call("/v3/lease/revoke", map[string]any{"ID": id}) }, "", lockGone, lockGone, false},
		{"never granted", func(e *EtcdLease, id int64) { e.Lease = secretText("5") }, "", lockGone, lockGone, true},
		{"a user, but no authentication", func(e *EtcdLease, id int64) { e.User, e.Password = "hook", secretText(lockPassword) }, "", lockReleased, "held by us", false},
		{"a user without a password", func(e *EtcdLease, id int64) { e.User = "hook" }, "a user needs a password", "", "", true},
		{"no id", func(e *EtcdLease, id int64) { e.Lease = secretText("\n") }, "lease: expected the id of a lease", "", "", true},
		{"unreadable", func(e *EtcdLease, id int64) {
			e.Lease = func() (string, error) { return "", errors.New("no such file") }
		}, "lease: no such file", "", "", true},
		{"another path", func(e *EtcdLease, id int64) { e.URL += "/v3" }, "no JSON gateway of etcd 3.4 or later answers there (404)", "", "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			admin := admin
			admin.t = t
			id := admin.grant(600, t.Name())
			lease := leaseAt(t, server.URL, id)
			test.set(lease, id)
			held := admin.has(t.Name())
			log := &testbuffer.Buffer{}
			lockOutcome(t, inTime(t, 10*time.Second, log, checking(lease)), log, test.err, test.says, lockPassword)
			if admin.has(t.Name()) != held {
				t.Error("Check changed something")
			}
			log = &testbuffer.Buffer{}
			lockOutcome(t, inTime(t, 10*time.Second, log, lease.Run), log, test.err, test.log, lockPassword)
			if got := admin.has(t.Name()); got != test.kept {
				t.Errorf("kept: %v, expected %v", got, test.kept)
			}
			if log.Count("trying again") > 0 {
				t.Errorf("not final at once:\n%s", log)
			}
		})
	}
}

func TestEtcdLeaseExpires(t *testing.T) {
	t.Parallel()
	server := testserver.Etcd(t)
	admin := etcd{t: t, url: server.URL, client: http.DefaultClient}
	lease, log := leaseAt(t, server.URL, admin.grant(1, "k")), &testbuffer.Buffer{}
	testexpect.Soon(t, "expiry", func() bool { return !admin.has("k") })
	lockOutcome(t, inTime(t, 10*time.Second, log, lease.Run), log, "", lockGone)
}

func TestEtcdLeaseUsers(t *testing.T) {
	t.Parallel()
	server := testserver.Etcd(t)
	root := etcd{t: t, url: server.URL, client: http.DefaultClient}
	for _, user := range []string{"root", "hook", "reader"} {
		root.call("/v3/auth/user/add", map[string]any{"name": user, "password": lockPassword})
		root.call("/v3/auth/role/add", map[string]any{"name": user})
		root.call("/v3/auth/user/grant", map[string]any{"user": user, "role": user})
	}
	for user, kind := range map[string]string{"hook": "READWRITE", "reader": "READ"} {
		root.call("/v3/auth/role/grant", map[string]any{"name": user, "perm": map[string]any{"permType": kind, "key": []byte("lock/"), "range_end": []byte("lock0")}})
	}
	root.call("/v3/auth/enable", map[string]any{})
	root.token = root.call("/v3/auth/authenticate", map[string]any{"name": "root", "password": lockPassword})["token"].(string)
	for _, test := range []struct {
		name, user, password, err string
	}{
		{"who may", "hook", lockPassword, ""},
		{"wrong password", "hook", "wrong-horse", "the user or password is wrong"},
		{"unknown", "nobody", lockPassword, "the user or password is wrong"},
		{"who may only read", "reader", lockPassword, "403 Forbidden: etcdserver: permission denied"},
		{"nobody", "", "", "etcdserver: user name is empty"},
	} {
		t.Run(test.name, func(t *testing.T) {
			lease, log := leaseAt(t, server.URL, root.grant(600, "lock/a")), &testbuffer.Buffer{}
			if test.user != "" {
				lease.User, lease.Password = test.user, secretText(test.password)
			}
			lockOutcome(t, inTime(t, 10*time.Second, log, lease.Run), log, test.err, "", lockPassword, "wrong-horse")
			if got := root.has("lock/a"); got != (test.err != "") {
				t.Errorf("kept: %v", got)
			}
			if log.Count("trying again") > 0 {
				t.Errorf("not final at once:\n%s", log)
			}
		})
	}
}

func TestEtcdLeaseTLS(t *testing.T) {
	t.Parallel()
	ca, other := newLockCA(t), newLockCA(t)
	cert, key := ca.issue(lockHost)
	clientCert, clientKey := ca.issue("hook")
	server := testserver.EtcdTLS(t, ca.file, cert, key)
	address := strings.TrimPrefix(server.URL, "https://")
	good := web.TLS{CAFile: ca.file, CertFile: clientCert, KeyFile: clientKey, ServerName: lockHost}
	config, err := good.Config()
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: config}
	t.Cleanup(transport.CloseIdleConnections)
	admin := etcd{t: t, url: server.URL, client: &http.Client{Transport: transport}}
	for _, test := range []struct {
		name, url string
		tls       web.TLS
		err       string
	}{
		{"good", "https://" + lockHost + ":2379", good, ""},
		{"another CA", "https://" + lockHost + ":2379", web.TLS{CAFile: other.file, CertFile: clientCert, KeyFile: clientKey}, "certificate signed by unknown authority"},
		{"another name", "https://etcd:2379", web.TLS{CAFile: ca.file, CertFile: clientCert, KeyFile: clientKey}, "certificate is valid for lock.test, not etcd"},
		{"no client certificate", "https://" + lockHost + ":2379", web.TLS{CAFile: ca.file}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			lease, log := leaseAt(t, test.url, admin.grant(600, "k")), &testbuffer.Buffer{}
			lease.Client = lockClient(t, lockDial(address), test.tls)
			err := inTime(t, 3*time.Second, log, lease.Run)
			if test.name == "no client certificate" {
				if err == nil || !admin.has("k") {
					t.Errorf("error %v", err)
				}
				return
			}
			lockOutcome(t, err, log, test.err, "")
			if got := admin.has("k"); got != (test.err != "") {
				t.Errorf("kept: %v", got)
			}
		})
	}
}

func TestEtcdLeaseServerRestarts(t *testing.T) {
	t.Parallel()
	server := testserver.Etcd(t)
	admin := etcd{t: t, url: server.URL, client: http.DefaultClient}
	lease, log, done := leaseAt(t, server.URL, admin.grant(600, "k")), &testbuffer.Buffer{}, make(chan error)
	server.Stop()
	go func() { done <- inTime(t, 30*time.Second, log, lease.Run) }()
	testexpect.Soon(t, "trying again", func() bool { return log.Count("trying again", "connection refused") > 0 })
	server.Restart()
	lockOutcome(t, <-done, log, "", lockReleased)
	if admin.has("k") {
		t.Error("the key is still there")
	}
}

func TestEtcdLeaseBlackHole(t *testing.T) {
	t.Parallel()
	server := testserver.Etcd(t)
	lease := leaseAt(t, server.URL, 5)
	server.Freeze()
	endsWithItsShare(t, lease.Run, checking(lease))
}

// What others than etcd 3.4 answer, and what its members do in a bad hour.
func TestEtcdLeaseAnswers(t *testing.T) {
	t.Parallel()
	const done = `{"header":{"cluster_id":"1","revision":"7"}}`
	const unknown = `{"error":"etcdserver: requested lease not found","code":5,"message":"etcdserver: requested lease not found"}`
	type reply struct {
		status int
		body   string
	}
	for _, test := range []struct {
		name     string
		user     bool
		login    reply
		replies  []reply
		err, log string
		tries    int
	}{
		{"done", false, reply{}, []reply{{200, done}}, "", lockReleased, 1},
		{"unknown", false, reply{}, []reply{{404, unknown}}, "", lockGone, 1},
		{"unknown, as 3.6 says it", false, reply{}, []reply{{404, `{"code":5,"message":"etcdserver: requested lease not found","details":[]}`}}, "", lockGone, 1},
		{"another gateway's 404", false, reply{}, []reply{{404, `{"code":5,"message":"Not Found","details":[]}`}}, "no JSON gateway of etcd 3.4 or later answers there (404)", "", 1},
		{"an error of that name without the code", false, reply{}, []reply{{404, `{"message":"requested lease not found"}`}}, "(404)", "", 1},
		{"a web server's 404", false, reply{}, []reply{{404, "404 page not found"}}, "no JSON gateway of etcd 3.4 or later answers there (404)", "", 1},
		{"lease not found, in a page", false, reply{}, []reply{{404, "requested lease not found"}}, "(404)", "", 1},
		{"a web server's 200", false, reply{}, []reply{{200, "<html>"}}, "no JSON gateway", "", 1},
		{"an empty 200", false, reply{}, []reply{{200, ""}}, "no JSON gateway", "", 1},
		{"another JSON", false, reply{}, []reply{{200, `{"ok":true}`}}, "no JSON gateway", "", 1},
		{"an array", false, reply{}, []reply{{200, `[]`}}, "no JSON gateway", "", 1},
		{"JSON cut", false, reply{}, []reply{{200, done[:len(done)-2]}}, "no JSON gateway", "", 1},
		{"too much", false, reply{}, []reply{{200, done + strings.Repeat(" ", web.MaxBody)}}, "no JSON gateway", "", 1},
		{"no leader, then one", false, reply{}, []reply{{503, `{"code":14,"message":"etcdserver: no leader"}`}, {200, done}}, "", lockReleased, 2},
		{"broken off, then known no more", false, reply{}, []reply{{0, ""}, {404, unknown}}, "", lockGone, 2},
		{"forbidden", false, reply{}, []reply{{403, `{"code":7,"message":"etcdserver: permission denied"}`}}, "403 Forbidden: etcdserver: permission denied", "", 1},
		{"a message without an end", false, reply{}, []reply{{400, `{"code":3,"message":"` + strings.Repeat("x", 5000) + `"}`}}, "400 Bad Request: a text of 5000 bytes, not shown", "", 1},
		{"a token", true, reply{200, `{"header":{"cluster_id":"1"},"token":"tok.7"}`}, []reply{{200, done}}, "", lockReleased, 1},
		{"a token that is forgotten", true, reply{200, `{"header":{"cluster_id":"1"},"token":"tok.7"}`}, []reply{{401, `{"code":16,"message":"etcdserver: invalid auth token"}`}, {200, done}}, "", lockReleased, 2},
		{"no token", true, reply{200, `{"header":{"cluster_id":"1"}}`}, []reply{{200, done}}, "no JSON gateway", "", 0},
		{"an empty login", true, reply{200, ``}, []reply{{200, done}}, "no JSON gateway", "", 0},
		{"wrong password", true, reply{400, `{"code":3,"message":"etcdserver: authentication failed, invalid user ID or password"}`}, nil, errWrongLogin.Error(), "", 0},
		{"a login that repeats the password", true, reply{403, `{"code":7,"message":"not with ` + lockPassword + `"}`}, nil, "403 Forbidden: a text that holds a secret, not shown", "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			tries := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				body, _ := io.ReadAll(r.Body)
				answer := test.login
				switch got := fmt.Sprintf("%s %s %s %q %s", r.Method, r.URL, r.Header.Get("Content-Type"), r.Header.Get("Authorization"), body); {
				case got == `POST /v3/auth/authenticate application/json "" {"name":"hook","password":"`+lockPassword+`"}` && test.user:
				case got == `POST /v3/lease/revoke application/json "" {"ID":"5"}` && !test.user, got == `POST /v3/lease/revoke application/json "tok.7" {"ID":"5"}` && test.user:
					answer = test.replies[min(tries, len(test.replies)-1)]
					tries++
				default:
					t.Errorf("got %s", got)
				}
				if answer.status == 0 {
					panic(http.ErrAbortHandler)
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(answer.status)
				io.WriteString(w, answer.body)
			}))
			t.Cleanup(server.Close)
			lease, log := leaseAt(t, server.URL, 5), &testbuffer.Buffer{}
			if test.user {
				lease.User, lease.Password = "hook", secretText(lockPassword)
			}
			lockOutcome(t, inTime(t, 10*time.Second, log, lease.Run), log, test.err, test.log, lockPassword)
			if mu.Lock(); tries != test.tries {
				t.Errorf("%d calls, expected %d", tries, test.tries)
			}
			mu.Unlock()
		})
	}
}

func TestEtcdAtAnAddressWithAZone(t *testing.T) {
	lockURL := func(scheme string) string {
		u, _ := url.Parse(scheme + "://[fe80::1%25eth0]:2379")
		s := &lockSpec{url: &url.URL{Scheme: u.Scheme, Host: net.JoinHostPort(u.Hostname(), u.Port())}}
		d, err := s.Bind(&step.Means{Keep: func(func()) {}})
		if err != nil {
			t.Fatal(err)
		}
		return d.(*EtcdLease).URL
	}
	_, err := web.ParseURL(lockURL("etcd") + "/v3/lease/revoke")
	if err != nil {
		t.Errorf("%s: %v", lockURL("etcd"), err)
	}
}

// Another try logs in anew.
func TestEtcdOldRevisionIsNotFinal(t *testing.T) {
	err := readEtcd(web.Answer{Status: 400, Body: []byte(`{"code":3,"message":"etcdserver: revision of auth store is old"}`)}, &etcdAnswer{}, nil)
	if web.Final(err) {
		t.Errorf("final: %v", err)
	}
}
