package main

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/eck"
	"github.com/prestop/prestop/internal/fakees"
	"github.com/prestop/prestop/internal/testserver"
)

// The built binary against real TLS servers, with a private CA, client certificates and credentials. What is refused
// is said in one line, on stderr and in the log, and the wait is kept.
func TestTLS(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		testserver.Lacks(t, "needs root: the hook runs below a root directory of its own, with a hosts file of its own")
	}
	p := newPKI(t)
	tell(t, map[string]stories{
		"Elasticsearch": elasticsearchOverTLS(p),
		"app":           appOverTLS(p),
		"apart":         credentialsApart(p),
		"ECK":           eckPods(p),
	})
}

const (
	tlsFloor = 2 * time.Second
	tlsGrace = 8 * time.Second // where tries go on to its end
	esHost   = "es-http.test"
	appHost  = "app.test"
	awayHost = "away.test"
	esUser   = "prestop"
	password = "correct horse"
	appToken = "app-token-1"
)

// mutual are settings for a server that wants to know everything.
var mutual = []string{
	"PRE_STOP_ELASTICSEARCH_CA_FILE=/ca.crt",
	"PRE_STOP_ELASTICSEARCH_CERT_FILE=/client.crt", "PRE_STOP_ELASTICSEARCH_KEY_FILE=/client.key",
	"PRE_STOP_ELASTICSEARCH_USERNAME=" + esUser, "PRE_STOP_ELASTICSEARCH_PASSWORD_FILE=/password",
}

// but is settings changed; empty unsets one.
func but(settings []string, changes ...string) []string {
	return append(slices.Clone(settings), changes...)
}

func elasticsearchOverTLS(p *pki) stories {
	rows := map[string]struct {
		leaf  tls.Certificate // that the server shows; p.es unless given
		env   []string        // mutual unless given
		host  string          // of the URL; esHost unless given
		plain bool            // the server speaks no TLS
		url   string          // its scheme; https unless given
		says  string          // empty: it works
		seen  bool            // requests get as far as the server's handler, although it fails
	}{
		"CA, client certificate, password":     {},
		"chain with an intermediate CA":        {leaf: p.chained},
		"an IP address for a host":             {leaf: p.ca.issue(names("127.0.0.1")), host: "127.0.0.1"},
		"several CAs in the file":              {env: but(mutual, "PRE_STOP_ELASTICSEARCH_CA_FILE=/both-ca.crt")},
		"another name, which is asked for":     {leaf: p.ca.issue(names("es.internal")), env: but(mutual, "PRE_STOP_ELASTICSEARCH_TLS_SERVER_NAME=es.internal")},
		"wrong CA, nothing verified":           {leaf: p.other.issue(names(esHost)), env: but(mutual, "PRE_STOP_ELASTICSEARCH_INSECURE_SKIP_VERIFY=true")},
		"expired, nothing verified":            {leaf: p.ca.issue(names(esHost), expired), env: but(mutual, "PRE_STOP_ELASTICSEARCH_INSECURE_SKIP_VERIFY=true")},
		"wrong CA":                             {leaf: p.other.issue(names(esHost)), says: "certificate signed by unknown authority"},
		"self-signed":                          {leaf: p.selfSigned, says: "certificate signed by unknown authority"},
		"system CAs":                           {env: but(mutual, "PRE_STOP_ELASTICSEARCH_CA_FILE="), says: "certificate signed by unknown authority"},
		"wrong name":                           {leaf: p.ca.issue(names("other.test")), says: "certificate is valid for other.test, not " + esHost},
		"name of our own address alone":        {leaf: p.ca.issue(names("127.0.0.1")), says: "certificate is not valid for any names, but wanted to match " + esHost},
		"an IP address not in the certificate": {host: "127.0.0.1", says: "127.0.0.1 because it doesn't contain any IP SANs"},
		"a name that is asked for and wrong":   {env: but(mutual, "PRE_STOP_ELASTICSEARCH_TLS_SERVER_NAME=es.internal"), says: "not es.internal"},
		"expired":                              {leaf: p.ca.issue(names(esHost), expired), says: "certificate has expired or is not yet valid"},
		"not yet valid":                        {leaf: p.ca.issue(names(esHost), notYet), says: "certificate has expired or is not yet valid"},
		"a certificate for clients":            {leaf: p.ca.issue(names(esHost), forClients), says: "incompatible key usage"},
		"no client certificate":                {env: but(mutual, "PRE_STOP_ELASTICSEARCH_CERT_FILE=", "PRE_STOP_ELASTICSEARCH_KEY_FILE="), says: "certificate required"},
		"client certificate of another CA":     {env: but(mutual, "PRE_STOP_ELASTICSEARCH_CERT_FILE=/other-client.crt", "PRE_STOP_ELASTICSEARCH_KEY_FILE=/other-client.key"), says: "remote error: tls: "},
		"wrong password":                       {env: but(mutual, "PRE_STOP_ELASTICSEARCH_PASSWORD_FILE=/wrong-password"), says: "credentials are missing or wrong", seen: true},
		"no password":                          {env: but(mutual, "PRE_STOP_ELASTICSEARCH_PASSWORD_FILE=", "PRE_STOP_ELASTICSEARCH_USERNAME="), says: "credentials are missing or wrong", seen: true},
		"password file missing":                {env: but(mutual, "PRE_STOP_ELASTICSEARCH_PASSWORD_FILE=/missing"), says: "open /missing: no such file or directory"},
		"key file missing":                     {env: but(mutual, "PRE_STOP_ELASTICSEARCH_KEY_FILE=/missing"), says: "client certificate /client.crt with key /missing: open /missing"},
		"key of another certificate":           {env: but(mutual, "PRE_STOP_ELASTICSEARCH_KEY_FILE=/other-client.key"), says: "private key does not match public key"},
		"CA file missing":                      {env: but(mutual, "PRE_STOP_ELASTICSEARCH_CA_FILE=/missing"), says: "open /missing: no such file or directory"},
		"CA file that is no PEM":               {env: but(mutual, "PRE_STOP_ELASTICSEARCH_CA_FILE=/password"), says: "/password: expected a certificate in PEM, found none"},
		"CA file with a key":                   {env: but(mutual, "PRE_STOP_ELASTICSEARCH_CA_FILE=/client.key"), says: "/client.key: expected a certificate in PEM, found none"},
		"CA file that is cut":                  {env: but(mutual, "PRE_STOP_ELASTICSEARCH_CA_FILE=/cut-ca.crt"), says: "/cut-ca.crt: "},
		"plain HTTP behind https":              {plain: true, says: "server gave HTTP response to HTTPS client"},
		"TLS behind http":                      {url: "http", says: "400 Bad Request"},
	}
	all := make(stories)
	for name, r := range rows {
		all[name] = func(s *stage) {
			leaf, env := r.leaf, r.env
			if leaf.Certificate == nil {
				leaf = p.es
			}
			if env == nil {
				env = mutual
			}
			c, server := s.secureElasticsearch(p, leaf, r.plain)
			where := url.URL{Scheme: cmp.Or(r.url, "https"), Host: cmp.Or(r.host, esHost) + ":" + server.port()}
			d := s.deliverInRoot(p, nil, but(env, "PRE_STOP_ELASTICSEARCH_URL="+where.String())...)
			if r.says != "" {
				s.refused(d, "elasticsearch "+where.String(), r.says)
				s.check(c.Count(fakees.PutShutdown) == 0, "it was registered")
				s.check(r.seen || len(server.requests()) == 0, "requests got through: %v", server.requests())
				return
			}
			s.ends(d, exitDone, "")
			s.check(d.ended.Sub(d.began) >= tlsFloor, "the wait is not kept")
			s.check(c.Count(fakees.PutShutdown) == 1, "%d PUTs", c.Count(fakees.PutShutdown))
			for _, q := range c.Requests() {
				s.check(q.User == esUser && q.Certificate == "hook", "%s %s came from user %q with certificate %q", q.Method, q.Path, q.User, q.Certificate)
			}
			for _, q := range server.requests() {
				s.check(q.host == "127.0.0.1:"+server.port(), "a request for %s, want our own node", q.host)
			}
		}
	}
	return all
}

func appOverTLS(p *pki) stories {
	settings := []string{"PRE_STOP_APP_CA_FILE=/ca.crt", "PRE_STOP_APP_TOKEN_FILE=/token"}
	rows := map[string]struct {
		leaf tls.Certificate
		env  []string
		says string
		seen bool
	}{
		"CA and token":       {p.app, settings, "", true},
		"wrong CA":           {p.other.issue(names(appHost)), settings, "certificate signed by unknown authority", false},
		"system CAs":         {p.app, settings[1:], "certificate signed by unknown authority", false},
		"wrong name":         {p.es, settings, "certificate is valid for " + esHost + ", not " + appHost, false},
		"expired":            {p.ca.issue(names(appHost), expired), settings, "certificate has expired or is not yet valid", false},
		"not yet valid":      {p.ca.issue(names(appHost), notYet), settings, "certificate has expired or is not yet valid", false},
		"CA file missing":    {p.app, but(settings, "PRE_STOP_APP_CA_FILE=/missing"), "open /missing: no such file or directory", false},
		"token file missing": {p.app, but(settings, "PRE_STOP_APP_TOKEN_FILE=/missing"), "open /missing: no such file or directory", false},
		"no token":           {p.app, settings[:1], "401 Unauthorized", true},
		// What is for Elasticsearch is not for the app.
		"name and CA for another":   {p.other.issue(names("es.internal")), but(settings, "PRE_STOP_ELASTICSEARCH_CA_FILE=/other-ca.crt", "PRE_STOP_ELASTICSEARCH_TLS_SERVER_NAME=es.internal"), "not " + appHost, false},
		"not verified, for another": {p.other.issue(names(appHost)), but(settings, "PRE_STOP_ELASTICSEARCH_INSECURE_SKIP_VERIFY=true"), "certificate signed by unknown authority", false},
	}
	all := make(stories)
	for name, r := range rows {
		all[name] = func(s *stage) {
			server := s.secureServer(&tls.Config{Certificates: []tls.Certificate{r.leaf}}, appHandler(http.StatusOK))
			where := "https://" + appHost + ":" + server.port() + "/shutdown"
			d := s.deliverInRoot(p, nil, but(r.env, "PRE_STOP_APP_URL="+where)...)
			if r.says == "" {
				s.ends(d, exitDone, "")
				s.check(d.ended.Sub(d.began) >= tlsFloor, "the wait is not kept")
			} else {
				s.refused(d, "post "+where, r.says)
			}
			s.check(r.seen == (len(server.requests()) > 0), "requests: %v", server.requests())
		}
	}
	return all
}

// appHandler wants the app's token.
func appHandler(status int, header ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+appToken {
			status = http.StatusUnauthorized
		} else if len(header) > 0 {
			w.Header().Set(header[0], header[1])
		}
		w.WriteHeader(status)
	})
}

// What is for one place goes to no other.
func credentialsApart(p *pki) stories {
	app := []string{"PRE_STOP_APP_CA_FILE=/ca.crt", "PRE_STOP_APP_TOKEN_FILE=/token"}
	// away is a place that answers everything and wants nothing, but takes a client certificate.
	away := func(s *stage) *secureServer {
		return s.secureServer(&tls.Config{Certificates: []tls.Certificate{p.away}, ClientAuth: tls.RequestClientCert},
			http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"nodes":{}}`) }))
	}
	onlyToken := func(s *stage, all []tlsRequest) {
		for _, q := range all {
			s.check(q.authorization == "Bearer "+appToken && q.certificate == "", "the app got %+v", q)
		}
	}
	onlyPassword := func(s *stage, all []tlsRequest) {
		for _, q := range all {
			s.check(strings.HasPrefix(q.authorization, "Basic ") && q.certificate == "hook", "Elasticsearch got %+v", q)
		}
	}
	stories := stories{
		"app and Elasticsearch": func(s *stage) {
			c, es := s.secureElasticsearch(p, p.es, false)
			server := s.secureServer(&tls.Config{Certificates: []tls.Certificate{p.app}, ClientAuth: tls.RequestClientCert}, appHandler(http.StatusOK))
			d := s.deliverInRoot(p, nil, slices.Concat(mutual, app, []string{
				"PRE_STOP_APP_URL=https://" + appHost + ":" + server.port() + "/", "PRE_STOP_ELASTICSEARCH_URL=https://" + esHost + ":" + es.port()})...)
			s.ends(d, exitDone, "")
			s.check(len(server.requests()) == 1 && c.Count(fakees.PutShutdown) == 1, "the app got %v", server.requests())
			onlyToken(s, server.requests())
			onlyPassword(s, es.requests())
		},
		"both at one place": func(s *stage) {
			c := s.cluster()
			both := http.NewServeMux()
			both.Handle("/app", appHandler(http.StatusOK))
			both.Handle("/", c.NodeHandler("es-1"))
			server := s.secureServer(&tls.Config{Certificates: []tls.Certificate{p.es}, ClientAuth: tls.RequestClientCert}, both)
			place := "https://" + esHost + ":" + server.port()
			d := s.deliverInRoot(p, nil, slices.Concat(mutual, app, []string{"PRE_STOP_APP_URL=" + place + "/app", "PRE_STOP_ELASTICSEARCH_URL=" + place})...)
			s.ends(d, exitDone, "")
			all := server.requests()
			s.check(len(all) > 3 && all[0].path == "/app" && c.Count(fakees.PutShutdown) == 1, "requests %v", all)
			onlyToken(s, all[:1])
			onlyPassword(s, all[1:])
		},
		"a step's URL beside Elasticsearch's": func(s *stage) {
			c, es := s.secureElasticsearch(p, p.es, false)
			other := s.secureServer(&tls.Config{Certificates: []tls.Certificate{p.away}, ClientAuth: tls.RequestClientCert}, c.NodeHandler("es-1"))
			place := "https://" + awayHost + ":" + other.port()
			d := s.deliverInRoot(p, []string{"elasticsearch " + place, "post " + place + "/x ca-file=/ca.crt", "elasticsearch"},
				but(mutual, "PRE_STOP_ELASTICSEARCH_URL=https://"+esHost+":"+es.port(), "PRE_STOP_ELASTICSEARCH_INSECURE_SKIP_VERIFY=true")...)
			s.awaitEnd(d)
			s.check(d.exit == exitFailed, "exit status %d", d.exit)
			s.check(len(d.lines(`"log.level":"error"`, "step not done", "unknown authority")) == 1, "the other place is trusted: %s", &d.stdout)
			for _, q := range other.requests() {
				s.check(q.authorization == "" && q.certificate == "", "the other place got %+v", q)
			}
			s.check(len(other.requests()) == 1 && c.Count(fakees.PutShutdown) == 1, "requests: %v", other.requests())
		},
	}
	// A redirect, or a Location, to another place: it is not even called.
	for name, to := range map[string]func(own, away string) string{
		"another host":   func(_, away string) string { return "https://" + awayHost + ":" + away },
		"another port":   func(_, away string) string { return "https://" + esHost + ":" + away },
		"another scheme": func(own, _ string) string { return "http://" + esHost + ":" + own },
	} {
		stories["redirect to "+name] = func(s *stage) {
			away := away(s)
			c, es := s.secureElasticsearch(p, p.es, false)
			c.Fail(fakees.Fault{Effect: func(x *fakees.Exchange) {
				fakees.Redirect(to(es.port(), away.port()) + x.Request.URL.RequestURI())(x)
			}})
			where := "https://" + esHost + ":" + es.port()
			d := s.deliverInRoot(p, nil, but(mutual, "PRE_STOP_ELASTICSEARCH_URL="+where)...)
			s.refused(d, "elasticsearch "+where, "a redirect to "+to(es.port(), away.port()))
			s.check(len(away.requests()) == 0 && away.certificates() == 0, "the other place got %v", away.requests())
			s.check(len(es.requests()) > 0, "nobody was asked")
			onlyPassword(s, es.requests())
		}
	}
	for name, status := range map[string]int{"redirect": http.StatusTemporaryRedirect, "Location of a 202": http.StatusAccepted} {
		stories["app, "+name] = func(s *stage) {
			away := away(s)
			to := "https://" + awayHost + ":" + away.port()
			server := s.secureServer(&tls.Config{Certificates: []tls.Certificate{p.app}}, appHandler(status, "Location", to+"/status"))
			where := "https://" + appHost + ":" + server.port() + "/shutdown"
			d := s.deliverInRoot(p, nil, but(app, "PRE_STOP_APP_URL="+where)...)
			s.refused(d, "post "+where, to)
			s.check(len(away.requests()) == 0 && away.certificates() == 0, "the other place got %v", away.requests())
			onlyToken(s, server.requests())
		}
	}
	return stories
}

// In an ECK pod all comes from the mounts; our own node is known by its certificate, whoever signed it.
func eckPods(p *pki) stories {
	const service, public, cluster = "quickstart-es-internal-http.search.svc", "quickstart-es-http.search.svc", "quickstart"
	unknown := p.unknown.issue(names("fits.nothing.test"))
	rows := map[string]struct {
		own, service tls.Certificate // of our own node, and of another behind the Service; none: nothing listens
		mounted      tls.Certificate // unknown unless given
		env          []string
		want         string // which of them is asked in the end
		says         string
	}{
		"own node":                        {own: unknown, want: "own"},
		"own node with expired leaf":      {own: p.mountedExpired, mounted: p.mountedExpired, want: "own"},
		"own node, and a Service":         {own: unknown, service: p.ca.issue(names(service)), want: "own"},
		"another leaf":                    {own: p.unknown.issue(names("fits.nothing.test")), says: "certificate is valid for fits.nothing.test"},
		"another leaf with the name":      {own: p.unknown.issue(names(service)), says: "certificate signed by unknown authority"},
		"another leaf, then a Service":    {own: p.unknown.issue(names("fits.nothing.test")), service: p.ca.issue(names(service)), want: "service"},
		"a Service alone":                 {service: p.ca.issue(names(service, public)), want: "service"},
		"the public Service alone":        {service: p.ca.issue(names(public)), want: "service"},
		"a Service with the wrong name":   {service: p.ca.issue(names("other.test")), says: "certificate is valid for other.test, not " + public},
		"a Service that has expired":      {service: p.ca.issue(names(service, public), expired), says: "certificate has expired or is not yet valid"},
		"a Service with another CA":       {service: p.other.issue(names(service, public)), says: "certificate signed by unknown authority"},
		"not wanted":                      {own: unknown, env: []string{"PRE_STOP_ELASTICSEARCH_URL=none"}, want: "nobody"},
		"a password that is given":        {own: unknown, env: []string{"PRE_STOP_ELASTICSEARCH_USERNAME=" + esUser, "PRE_STOP_ELASTICSEARCH_PASSWORD_FILE=/wrong-password"}, says: "credentials are missing or wrong"},
		"an IP address for a server name": {service: p.ca.issue(names("other.test")), env: []string{"PRE_STOP_ELASTICSEARCH_TLS_SERVER_NAME=10.0.0.1"}, says: "10.0.0.1"},
	}
	all := make(stories)
	number := 0
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		r := rows[name]
		number++
		ownIP, serviceIP := fmt.Sprintf("127.9.%d.%d", os.Getpid()%200+1, number), fmt.Sprintf("127.10.%d.%d", os.Getpid()%200+1, number)
		all[name] = func(s *stage) {
			c := s.cluster()
			c.Auth(eck.User, password)
			mounted := r.mounted
			if mounted.Certificate == nil {
				mounted = unknown
			}
			servers := map[string]*secureServer{"own": {}, "service": {}}
			for name, leaf := range map[string]tls.Certificate{"own": r.own, "service": r.service} {
				if leaf.Certificate == nil {
					continue
				}
				at, handler := ownIP, c.NodeHandler("es-1")
				if name == "service" {
					at, handler = serviceIP, c.ServiceHandler("es-0")
				}
				config := &tls.Config{Certificates: []tls.Certificate{leaf}, ClientAuth: tls.RequireAnyClientCert}
				servers[name] = s.secureServerAt(at+":9200", config, handler)
			}
			root := s.root(p)
			write := func(path, text string) {
				path = filepath.Join(root, path)
				s.must(os.MkdirAll(filepath.Dir(path), 0o755))
				s.must(os.WriteFile(path, []byte(text), 0o600))
			}
			write("etc/hosts", fmt.Sprintf("%s %s %s\n", serviceIP, service, public))
			write("mnt/elastic-internal/downward-api/labels", "elasticsearch.k8s.elastic.co/cluster-name=\""+cluster+"\"\nelasticsearch.k8s.elastic.co/version=\"9.2.0\"\n")
			write("mnt/elastic-internal/pod-mounted-users/"+eck.User, password)
			write("usr/share/elasticsearch/config/http-certs/tls.crt", certificatePEM(mounted.Certificate...))
			write("usr/share/elasticsearch/config/http-certs/tls.key", keyPEM(mounted.PrivateKey))
			write("usr/share/elasticsearch/config/http-certs/ca.crt", certificatePEM(p.ca.cert.Raw))
			env := but(r.env, "POD_IP="+ownIP, "POD_NAMESPACE=search")
			if r.says != "" {
				env = but(env, "PRE_STOP_GRACE_PERIOD_SECONDS="+tlsGrace.String())
			}
			d := s.deliverIn(root, nil, env...)

			step := "elasticsearch https://" + service + ":9200,https://" + public + ":9200"
			if r.says != "" {
				s.refused(d, step, r.says)
				s.check(c.Count(fakees.PutShutdown) == 0, "it was registered")
				return
			}
			s.ends(d, exitDone, "")
			s.check(d.ended.Sub(d.began) >= tlsFloor, "the wait is not kept")
			for name, server := range servers {
				s.check((r.want == name) == (len(server.requests()) > 2), "%s got %v", name, server.requests())
			}
			if r.want == "nobody" {
				return
			}
			s.check(len(d.lines("this is an ECK pod", cluster)) == 1, "it does not say that this is an ECK pod")
			s.check(c.Count(fakees.PutShutdown) == 1, "%d PUTs", c.Count(fakees.PutShutdown))
			for _, q := range c.Requests() {
				s.check(q.User == eck.User, "a request of user %q", q.User)
			}
			for _, q := range servers[r.want].requests() {
				s.check(q.certificate == "fits.nothing.test", "a request with certificate %q, want the mounted one", q.certificate)
			}
		}
	}
	return all
}

// refused checks a hook whose one step could not be done: one line on stderr, one in the log, the wait is kept.
func (s *stage) refused(d *delivery, step, says string) {
	s.ends(d, exitFailed, "prestop: 1 of 1 steps not done: "+step+": ")
	s.check(strings.Contains(d.stderr.String(), says), "stderr %q, want %q", &d.stderr, says)
	took := d.ended.Sub(d.began)
	s.check(took >= tlsFloor, "took %s, want %s", took, tlsFloor)
	if len(d.lines("trying again")) == 0 { // the wait goes on where it was refused
		s.notLater("the end", took, tlsFloor+2*time.Second)
		for _, wrong := range s.record(d).waitsAnew(s.record(d), tlsFloor) {
			s.check(false, "%s", wrong)
		}
	}
	failed := d.lines(`"log.level":"error"`, `"message":"step not done"`)
	s.check(len(failed) == 1 && strings.Contains(failed[0], step) && strings.Contains(failed[0], says), "the log has %q, want one with %q", failed, says)
	for _, secret := range []string{password, appToken} {
		s.check(!strings.Contains(d.stdout.String()+d.stderr.String(), secret), "%s is seen", secret)
	}
}

// deliverInRoot runs a hook below a root directory with the pki's files and a hosts file.
func (s *stage) deliverInRoot(p *pki, args []string, env ...string) *delivery {
	return s.deliverIn(s.root(p), args, env...)
}

func (s *stage) deliverIn(root string, args []string, env ...string) *delivery {
	d := s.prepare(append([]string{"PRE_STOP_ADDITIONAL_WAIT_SECONDS=" + tlsFloor.String()}, env...), args...)
	d.cmd.Path, d.cmd.Dir = "/prestop", "/"
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	s.start(d)
	return d
}

func (s *stage) root(p *pki) string {
	root := s.reachable()
	s.must(os.Link(s.binary, filepath.Join(root, "prestop"))) // a copy could not be executed while another process is forked
	s.must(os.Mkdir(filepath.Join(root, "etc"), 0o755))
	files := maps.Clone(p.files)
	files["etc/hosts"] = fmt.Sprintf("127.0.0.1 %s %s %s\n", esHost, appHost, awayHost)
	for name, text := range files {
		s.must(os.WriteFile(filepath.Join(root, name), []byte(text), 0o600))
	}
	return root
}

// cluster is one that wants a password.
func (s *stage) cluster() *fakees.Cluster {
	c := fakees.New("9.2.0")
	c.AddNode(fakees.Node{Name: "es-0"})
	c.AddNode(fakees.Node{Name: "es-1"})
	c.Auth(esUser, password)
	s.closers = append(s.closers, c.Close)
	return c
}

// secureElasticsearch wants a client certificate and a password.
func (s *stage) secureElasticsearch(p *pki, leaf tls.Certificate, plain bool) (*fakees.Cluster, *secureServer) {
	c := s.cluster()
	if plain {
		return c, s.secureServer(nil, c.NodeHandler("es-1"))
	}
	clients := x509.NewCertPool()
	clients.AddCert(p.ca.cert)
	config := &tls.Config{Certificates: []tls.Certificate{leaf}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	return c, s.secureServer(config, c.NodeHandler("es-1"))
}

// A secureServer keeps what it was sent, and whose certificates it saw.
type secureServer struct {
	address string

	mu   sync.Mutex
	got  []tlsRequest
	seen int
}

type tlsRequest struct{ method, host, path, authorization, certificate string }

func (s *stage) secureServer(config *tls.Config, handler http.Handler) *secureServer {
	return s.secureServerAt("127.0.0.1:0", config, handler)
}

// secureServerAt listens at an address; without a configuration it speaks no TLS.
func (s *stage) secureServerAt(address string, config *tls.Config, handler http.Handler) *secureServer {
	l, err := net.Listen("tcp", address)
	s.must(err)
	server := &secureServer{address: l.Addr().String()}
	h := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		server.keep(r)
		handler.ServeHTTP(w, r)
	}))
	h.Listener.Close()
	h.Listener = l
	h.Config.ErrorLog = log.New(io.Discard, "", 0)
	if config == nil {
		h.Start()
	} else {
		config.VerifyConnection = server.look
		h.TLS = config
		h.StartTLS()
	}
	s.closers = append(s.closers, h.Close)
	return server
}

func (s *secureServer) look(state tls.ConnectionState) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen += len(state.PeerCertificates)
	return nil
}

func (s *secureServer) keep(r *http.Request) {
	q := tlsRequest{method: r.Method, host: r.Host, path: r.URL.Path, authorization: r.Header.Get("Authorization")}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		q.certificate = r.TLS.PeerCertificates[0].Subject.CommonName
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, q)
}

func (s *secureServer) requests() []tlsRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// certificates is how many it was shown.
func (s *secureServer) certificates() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

func (s *secureServer) port() string {
	_, port, _ := net.SplitHostPort(s.address)
	return port
}

// pki is every key and certificate, and the files that a hook finds.
type pki struct {
	ca, other, unknown                                 *authority
	es, app, away, chained, selfSigned, mountedExpired tls.Certificate
	files                                              map[string]string // below its root
}

func newPKI(t *testing.T) *pki {
	p := &pki{ca: newAuthority(t, "CA", nil), other: newAuthority(t, "another CA", nil), unknown: newAuthority(t, "unknown CA", nil)}
	p.es, p.app, p.away = p.ca.issue(names(esHost)), p.ca.issue(names(appHost)), p.ca.issue(names(awayHost))
	intermediate := newAuthority(t, "intermediate CA", p.ca)
	p.chained = intermediate.issue(names(esHost))
	p.chained.Certificate = append(p.chained.Certificate, intermediate.cert.Raw)
	p.selfSigned = newAuthority(t, "itself", nil).itself(names(esHost))
	p.mountedExpired = p.unknown.issue(names("fits.nothing.test"), expired)
	client, otherClient := p.ca.issue(names("hook"), forClients), p.other.issue(names("hook"), forClients)
	ca := certificatePEM(p.ca.cert.Raw)
	p.files = map[string]string{
		"ca.crt": ca, "other-ca.crt": certificatePEM(p.other.cert.Raw), "both-ca.crt": certificatePEM(p.other.cert.Raw) + "# and ours\n" + ca,
		"cut-ca.crt": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
		"client.crt": certificatePEM(client.Certificate...), "client.key": keyPEM(client.PrivateKey),
		"other-client.crt": certificatePEM(otherClient.Certificate...), "other-client.key": keyPEM(otherClient.PrivateKey),
		"password": password + "\n", "wrong-password": "wrong horse\n", "token": appToken + "\n",
	}
	return p
}

// An authority signs certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newAuthority makes a CA, signed by itself or by another.
func newAuthority(t *testing.T, name string, by *authority) *authority {
	a := &authority{t: t, key: newKey(t)}
	template := blank(name)
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	parent, key := template, a.key
	if by != nil {
		parent, key = by.cert, by.key
	}
	a.cert = sign(t, template, parent, a.key, key)
	return a
}

// issue signs a certificate for a server, with changes.
func (a *authority) issue(changes ...func(*x509.Certificate)) tls.Certificate {
	key := newKey(a.t)
	cert := sign(a.t, leafWith(changes), a.cert, key, a.key)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

// itself is a leaf that is signed by its own key.
func (a *authority) itself(changes ...func(*x509.Certificate)) tls.Certificate {
	template := leafWith(changes)
	return tls.Certificate{Certificate: [][]byte{sign(a.t, template, template, a.key, a.key).Raw}, PrivateKey: a.key}
}

func leafWith(changes []func(*x509.Certificate)) *x509.Certificate {
	template := blank("")
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, change := range changes {
		change(template)
	}
	return template
}

func blank(name string) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		panic(err)
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
}

// names are DNS names or IP addresses; the first is the common name too.
func names(all ...string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.Subject.CommonName = all[0]
		for _, name := range all {
			if ip := net.ParseIP(name); ip != nil {
				c.IPAddresses = append(c.IPAddresses, ip)
			} else {
				c.DNSNames = append(c.DNSNames, name)
			}
		}
	}
}

func expired(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
}

func notYet(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = time.Now().Add(24*time.Hour), time.Now().Add(48*time.Hour)
}

func forClients(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }

func newKey(t *testing.T) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t *testing.T, template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func certificatePEM(chain ...[]byte) string {
	var text strings.Builder
	for _, raw := range chain {
		pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: raw})
	}
	return text.String()
}

func keyPEM(key any) string {
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}
