package kube

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	uid   = "4f1c9c0e-6a53-4a6e-9a0b-0d8f1e5d2c37"
	other = "aaaaaaaa-6a53-4a6e-9a0b-0d8f1e5d2c37"
)

// boundToken is one as a kubelet mounts it, for a pod.
func boundToken(namespace, name, uid string) string {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	claims, _ := json.Marshal(map[string]any{
		"aud":           []string{"https://kubernetes.default.svc"},
		"kubernetes.io": map[string]any{"namespace": namespace, "pod": map[string]string{"name": name, "uid": uid}},
	})
	return part(`{"alg":"RS256"}`) + "." + part(string(claims)) + "." + part("signature")
}

// fake is an API server over TLS, and the files of an account for it.
func fake(t *testing.T, token string, handler http.HandlerFunc) *API {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes
	server.StartTLS()
	t.Cleanup(server.Close)
	dir := t.TempDir()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for name, text := range map[string]string{"token": token, "ca.crt": string(ca), "namespace": "shop"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	host, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return &API{
		Host: host, Port: port, Dir: dir,
		Token: func() (string, error) {
			text, err := os.ReadFile(filepath.Join(dir, "token"))
			return strings.TrimRight(string(text), "\r\n"), err
		},
		Dial: new(net.Dialer).DialContext,
	}
}

// objects answers with these, by their paths, whoever carries the token.
func objects(token string, all map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, `{"kind":"Status","message":"Unauthorized"}`)
			return
		}
		text, ok := all[r.URL.EscapedPath()]
		if !ok || r.Method != http.MethodGet {
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"kind":"Status","message":"pods \"x\" not found"}`)
			return
		}
		io.WriteString(w, text)
	}
}

const path = "/api/v1/namespaces/shop/pods/es-0"

func podJSON(namespace, name, uid, more string) string {
	return `{"kind":"Pod","metadata":{"name":"` + name + `","namespace":"` + namespace + `","uid":"` + uid + `"` + more + `},"spec":{"terminationGracePeriodSeconds":30}}`
}

func TestPod(t *testing.T) {
	t.Parallel()
	mounts := "36 35 8:1 /var/lib/kubelet/pods/" + uid + "/etc-hosts /etc/hosts rw - ext4 /dev/sda rw\n"
	for name, test := range map[string]struct {
		token   string
		self    Self
		answer  string
		certain bool
	}{
		"a bound token says all":    {boundToken("shop", "es-0", uid), Self{}, podJSON("shop", "es-0", uid, ""), true},
		"and beats the environment": {boundToken("shop", "es-0", uid), Self{Name: "node-7", Namespace: "other"}, podJSON("shop", "es-0", uid, ""), true},
		"POD_UID":                   {"opaque", Self{Name: "es-0", UID: uid}, podJSON("shop", "es-0", uid, ""), true},
		"the mounts":                {"opaque", Self{Name: "es-0", Mounts: mounts}, podJSON("shop", "es-0", uid, ""), true},
		"the name alone":            {"opaque", Self{Name: "es-0"}, podJSON("shop", "es-0", uid, ""), false},
		"a newline after the token": {"opaque\n", Self{Name: "es-0", UID: uid}, podJSON("shop", "es-0", uid, ""), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := fake(t, test.token, objects(strings.TrimSpace(test.token), map[string]string{path: test.answer}))
			p, err := api.Pod(t.Context(), test.self)
			if err != nil {
				t.Fatal(err)
			}
			if p.Certain != test.certain || p.String() != "shop/es-0" || p.Grace() != 30*time.Second {
				t.Errorf("%+v, want certain %v", p, test.certain)
			}
		})
	}
}

// Each failure names what was expected, and no secret.
func TestPodIsNotRead(t *testing.T) {
	t.Parallel()
	self := Self{Namespace: "shop", Name: "es-0", UID: uid}
	status := func(code int, message string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			json.NewEncoder(w).Encode(map[string]string{"kind": "Status", "message": message})
		}
	}
	body := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, text) }
	}
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		change  func(t *testing.T, a *API)
		self    Self
		want    []string
	}{
		"401": {handler: status(401, "Unauthorized"), want: []string{"401 Unauthorized", "expected a token", "expired"}},
		"403": {handler: status(403, `pods "es-0" is forbidden: User "system:serviceaccount:shop:es" cannot get resource "pods"`),
			want: []string{"403 Forbidden", "a Role in the namespace shop with the verb get on pods", `User "system:serviceaccount:shop:es"`}},
		"403 without JSON": {handler: body403, want: []string{"the verb get on pods"}},
		"404":              {handler: status(404, `pods "es-0" not found`), want: []string{"404 Not Found", "shop", "es-0", "deleted by force", "POD_NAME"}},
		"429":              {handler: status(429, "slow down"), want: []string{"429 Too Many Requests"}},
		"500":              {handler: status(500, "etcdserver: request timed out"), want: []string{"500 Internal Server Error", "etcdserver"}},
		"204":              {handler: status(204, ""), want: []string{"204 No Content"}},
		"redirect elsewhere": {handler: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.invalid/x", http.StatusFound)
		}, want: []string{"302", "elsewhere.invalid"}},
		"redirect for ever":  {handler: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, want: []string{"302"}},
		"garbage":            {handler: body("<html>"), want: []string{"cannot be read", "invalid character"}},
		"nothing":            {handler: body(""), want: []string{"cannot be read"}},
		"half an object":     {handler: body(podJSON("shop", "es-0", uid, "")[:60]), want: []string{"cannot be read"}},
		"another type":       {handler: body(`{"metadata":{"name":"es-0","namespace":"shop","uid":"` + uid + `","deletionTimestamp":"x","deletionGracePeriodSeconds":"30"}}`), want: []string{"cannot be read"}},
		"too large a number": {handler: body(strings.Replace(podJSON("shop", "es-0", uid, ""), ":30", ":99999999999999999999", 1)), want: []string{"cannot be read"}},
		"null":               {handler: body("null"), want: []string{"another pod"}},
		"an empty object":    {handler: body("{}"), want: []string{"another pod"}},
		"a list":             {handler: body("[]"), want: []string{"cannot be read"}},
		"huge":               {handler: body(podJSON("shop", "es-0", uid, `,"x":"`+strings.Repeat("x", 2<<20)+`"`)), want: []string{"longer than 1 MiB"}},
		"another uid":        {handler: body(podJSON("shop", "es-0", other, "")), want: []string{"another one of that name", uid, other, "POD_UID"}},
		"no uid":             {handler: body(podJSON("shop", "es-0", "", "")), want: []string{"no uid"}},
		"another name":       {handler: body(podJSON("shop", "es-1", uid, "")), want: []string{"another pod", "es-1"}},
		"another namespace":  {handler: body(podJSON("bank", "es-0", uid, "")), want: []string{"another pod", "bank"}},
		"no grace":           {handler: body(`{"metadata":{"name":"es-0","namespace":"shop","uid":"` + uid + `"}}`), want: []string{"no grace period"}},
		"no deletion grace":  {handler: body(podJSON("shop", "es-0", uid, `,"deletionTimestamp":"2026-01-01T00:00:00Z"`)), want: []string{"no grace period"}},
		"breaks off": {handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, "{")
		}, want: []string{"broke off"}},
		"hangs":             {handler: hang, want: []string{"the time is over"}},
		"no token":          {change: remove("token"), want: []string{"token: no such file", "automountServiceAccountToken"}},
		"an empty token":    {change: replace("token", "\n"), want: []string{"is empty", "automountServiceAccountToken"}},
		"a token of lines":  {change: replace("token", "secret-a\nsecret-b"), want: []string{"/token: the token is no single line of text"}},
		"no CA":             {change: remove("ca.crt"), want: []string{"ca.crt: no such file"}},
		"a CA that is none": {change: replace("ca.crt", "hello"), want: []string{"expected a certificate in PEM"}},
		"another CA":        {change: anotherCA, want: []string{"unknown authority"}},
		"an expired CA":     {change: expired, want: []string{"has expired"}},
		"not in a pod":      {change: func(_ *testing.T, a *API) { a.Host = "" }, want: []string{"KUBERNETES_SERVICE_HOST is not set"}},
		"nobody there":      {change: func(_ *testing.T, a *API) { a.Port = "1" }, want: []string{"connection refused"}},
		"a bad port":        {change: func(_ *testing.T, a *API) { a.Port = "tcp://10.0.0.1:443" }, want: []string{"URL cannot be used"}},
		"no name":           {self: Self{Namespace: "shop"}, want: []string{"POD_NAME"}},
		"no namespace":      {self: Self{Name: "es-0"}, change: remove("namespace"), want: []string{"POD_NAMESPACE"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const token = "secret-token-1"
			handler := test.handler
			if handler == nil {
				handler = objects(token, map[string]string{path: podJSON("shop", "es-0", uid, "")})
			}
			api := fake(t, token, handler)
			if test.change != nil {
				test.change(t, api)
			}
			who := self
			if test.self != (Self{}) {
				who = test.self
			}
			limit := 20 * time.Second
			if name == "hangs" {
				limit = 300 * time.Millisecond
			}
			ctx, cancel := context.WithTimeoutCause(t.Context(), limit, errors.New("the time is over"))
			defer cancel()
			begun := time.Now()
			p, err := api.Pod(ctx, who)
			if err == nil || p != nil {
				t.Fatalf("%+v, %v; want an error", p, err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "secret-") || strings.Contains(err.Error(), "\n") || len(err.Error()) > 600 {
				t.Errorf("the error holds the token, several lines or too much: %q", err)
			}
			if name == "hangs" && time.Since(begun) > 5*time.Second {
				t.Errorf("it took %s", time.Since(begun))
			}
		})
	}
}

func hang(_ http.ResponseWriter, r *http.Request) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler) // who closes a connection may yet read an answer
}

func body403(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusForbidden)
	io.WriteString(w, "no")
}

func remove(name string) func(*testing.T, *API) {
	return func(t *testing.T, a *API) {
		if err := os.Remove(filepath.Join(a.Dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func replace(name, text string) func(*testing.T, *API) {
	return func(t *testing.T, a *API) {
		if err := os.WriteFile(filepath.Join(a.Dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// authority is a certificate for 127.0.0.1 that signed itself, and its PEM.
func authority(t *testing.T, until time.Time) (tls.Certificate, string) {
	t.Helper()
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: until.Add(-2 * time.Hour), NotAfter: until, IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// expired gives the API server a certificate that is over, and its CA to the account.
func expired(t *testing.T, a *API) {
	pair, ca := authority(t, time.Now().Add(-time.Hour))
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	t.Cleanup(server.Close)
	a.Port = strconv.Itoa(server.Listener.Addr().(*net.TCPAddr).Port)
	replace("ca.crt", ca)(t, a)
}

func anotherCA(t *testing.T, a *API) {
	_, ca := authority(t, time.Now().Add(time.Hour))
	replace("ca.crt", ca)(t, a)
}

// A token that was replaced meanwhile is the one that counts, and no redirect takes it elsewhere.
func TestTokenIsReadAfresh(t *testing.T) {
	t.Parallel()
	var seen []string
	api := fake(t, "first", func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
		io.WriteString(w, podJSON("shop", "es-0", uid, ""))
	})
	for _, token := range []string{"first", "second"} {
		replace("token", token+"\n")(t, api)
		if _, err := api.Pod(t.Context(), Self{Name: "es-0"}); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Join(seen, ",") != "Bearer first,Bearer second" {
		t.Errorf("sent %q", seen)
	}
}

// Names are no paths.
func TestNamesAreEscaped(t *testing.T) {
	t.Parallel()
	var seen string
	api := fake(t, "x", func(w http.ResponseWriter, r *http.Request) { seen = r.RequestURI; w.WriteHeader(404) })
	api.Pod(t.Context(), Self{Name: "../secrets/a?b"})
	if seen != "/api/v1/namespaces/shop/pods/..%2Fsecrets%2Fa%3Fb" {
		t.Errorf("asked for %s", seen)
	}
}

// The API server's address may be IPv6.
func TestIPv6(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"fd00::1", "[fd00::1]"} {
		var dialed string
		api := &API{Host: host, Port: "", Dir: t.TempDir(), Token: func() (string, error) { return "x", nil }}
		_, ca := authority(t, time.Now().Add(time.Hour))
		if err := os.WriteFile(filepath.Join(api.Dir, "ca.crt"), []byte(ca), 0o600); err != nil {
			t.Fatal(err)
		}
		api.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
			dialed = address
			return nil, errors.New("not now")
		}
		api.Pod(t.Context(), Self{Namespace: "shop", Name: "es-0"})
		if dialed != "[fd00::1]:443" {
			t.Errorf("%s: dialed %q", host, dialed)
		}
	}
}

func TestOwner(t *testing.T) {
	t.Parallel()
	const setPath, setUID = "/apis/apps/v1/namespaces/shop/statefulsets/es", "55555555-6a53-4a6e-9a0b-0d8f1e5d2c37"
	owned := func(apiVersion, kind, uid string, controller bool) []owner {
		return []owner{{"v1", "Node", "n", "x", false}, {apiVersion, kind, "es", uid, controller}}
	}
	set := func(uid string) string {
		return `{"metadata":{"name":"es","uid":"` + uid + `"},"spec":{"replicas":3,"ordinals":{"start":2}}}`
	}
	for name, test := range map[string]struct {
		owners []owner
		answer string
		want   string // in the error; empty: read
	}{
		"its StatefulSet":      {owned("apps/v1", "StatefulSet", setUID, true), set(setUID), ""},
		"another of that name": {owned("apps/v1", "StatefulSet", setUID, true), set(uid), "another one of that name"},
		"a ReplicaSet":         {owned("apps/v1", "ReplicaSet", setUID, true), set(setUID), "belongs to ReplicaSet es: expected a StatefulSet"},
		"somebody else's kind": {owned("example.org/v1", "StatefulSet", setUID, true), set(setUID), "expected a StatefulSet"},
		"no controller":        {owned("apps/v1", "StatefulSet", setUID, false), set(setUID), "belongs to nothing"},
		"nothing":              {nil, set(setUID), "belongs to nothing"},
		"no uid":               {owned("apps/v1", "StatefulSet", "", true), set(""), "expected a StatefulSet"},
		"not there":            {owned("apps/v1", "StatefulSet", setUID, true), "", "404 Not Found: expected statefulsets in the namespace shop"},
		"garbage":              {owned("apps/v1", "StatefulSet", setUID, true), "[", "the answer for statefulsets cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := map[string]string{setPath: test.answer}
			if test.answer == "" {
				delete(all, setPath)
			}
			api := fake(t, "x", objects("x", all))
			p := &Pod{Metadata: metadata{Name: "es-0", Namespace: "shop", OwnerReferences: test.owners}}
			s, err := api.Owner(t.Context(), p)
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want %s", err, test.want)
				}
			} else if err != nil || *s.Spec.Replicas != 3 || s.Spec.Ordinals.Start != 2 || s.Metadata.UID != setUID {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
}
