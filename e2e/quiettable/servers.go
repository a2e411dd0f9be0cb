package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A lab is one wire with the servers that have been started on it.
type lab struct {
	server, client *side
	dir            string
	ports          map[string]int
	next           int
	hooks          *hooks
	javac          sync.Once  // makes the Java client
	failure        error      // of javac
	files          sync.Mutex // held while a file in dir is looked at and written
	datagrams      sync.Mutex // held by the run that sends datagrams: the kernel counts those of all runs together
}

func newLab(dir string, roundTrip time.Duration, loss float64) (*lab, error) {
	server, client, err := newWire(roundTrip, loss)
	if err != nil {
		return nil, err
	}
	l := &lab{server: server, client: client, dir: dir, ports: map[string]int{}, next: 8000}
	if err := writeCertificates(dir); err != nil {
		return nil, err
	}
	return l, l.startHooks()
}

// err is what went wrong besides the rows.
func (l *lab) err() error { return l.failure }

// port starts a server of this kind once, and is where it listens.
func (l *lab) port(kind string) (int, error) {
	if port := l.ports[kind]; port > 0 {
		return port, nil
	}
	port, err := l.start(kind)
	l.ports[kind] = port
	return port, err
}

// start starts a server of this kind, and gives the port where it listens.
func (l *lab) start(kind string) (int, error) {
	l.next++
	port, start := l.next, servers()[kind]
	if start == nil {
		return 0, fmt.Errorf("no server %q", kind)
	}
	if err := start(l, port); err != nil {
		return 0, fmt.Errorf("%s: %w", kind, err)
	}
	return port, l.await(port)
}

func (l *lab) await(port int) error {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		c, err := l.client.dial("10.77.255.254", port)
		if err == nil {
			c.Close()
			return nil
		}
		<-time.After(100 * time.Millisecond)
	}
	return fmt.Errorf("port %d is not listened on", port)
}

// behind is the port of the application that proxies speak to.
func (l *lab) behind() (int, error) { return l.port("go http") }

func (l *lab) file(name, text string) string {
	l.files.Lock()
	defer l.files.Unlock()
	path := filepath.Join(l.dir, fmt.Sprintf("%d-%s", l.next, name))
	if old, err := os.ReadFile(path); err == nil && string(old) == text { // others may be reading it
		return path
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		panic(err)
	}
	return path
}

func (l *lab) program(name string, args ...string) error {
	out, err := os.Create(filepath.Join(l.dir, fmt.Sprintf("%d-%s.log", l.next, filepath.Base(name))))
	if err != nil {
		return err
	}
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = l.dir, out, out
	cmd.Env = append(os.Environ(), "HOME="+l.dir, "XDG_DATA_HOME="+l.dir, "XDG_CONFIG_HOME="+l.dir)
	return l.server.start(cmd)
}

// writeCertificates makes tls.crt and tls.key (RSA), and both in tls.pem, as HAProxy takes them. ec.crt, ec.key and ec.pem are the same
// with ECDSA, and names.crt, names.key and names.pem are for many names. ocsp.der is what servers staple to a handshake.
func writeCertificates(dir string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lab"}, DNSNames: []string{"lab", "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	for name, k := range map[string]crypto.Signer{"tls": key, "ec": ec, "names": key} {
		about := *about
		if name == "names" {
			for n := range 400 {
				about.DNSNames = append(about.DNSNames, fmt.Sprintf("host-%d.some-long-domain-name.example.com", n))
			}
		}
		der, err := x509.CreateCertificate(rand.Reader, &about, &about, k.Public(), k)
		if err != nil {
			return err
		}
		secret, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			return err
		}
		crt := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
		pk := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
		for file, text := range map[string][]byte{name + ".crt": crt, name + ".key": pk, name + ".pem": append(append([]byte{}, crt...), pk...)} {
			if err := os.WriteFile(filepath.Join(dir, file), text, 0o644); err != nil {
				return err
			}
		}
	}
	return writeStaple(filepath.Join(dir, "ocsp.der"))
}

// writeStaple makes an answer of OCSP (RFC 6960, 4.2.1) that has the right form and size. Nobody looks into it.
func writeStaple(path string) error {
	type responseBytes struct {
		Kind asn1.ObjectIdentifier
		Text []byte
	}
	der, err := asn1.Marshal(struct {
		Status asn1.Enumerated
		Bytes  responseBytes `asn1:"explicit,tag:0"`
	}{0, responseBytes{asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1}, make([]byte, 1200)}})
	if err != nil {
		return err
	}
	return os.WriteFile(path, der, 0o644)
}

// handler is the application of the Go servers. It reads the body, waits ms milliseconds, and answers with n+5 bytes. With head it sends
// the header before it waits.
func handler(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	n, _ := strconv.Atoi(r.FormValue("n"))
	wait, _ := strconv.Atoi(r.FormValue("ms"))
	beat, _ := strconv.Atoi(r.FormValue("beat"))
	w.Header().Set("Content-Type", "text/plain")
	if beat > 0 { // an event stream that only says that it lives
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(200)
		http.NewResponseController(w).Flush()
		for r.Context().Err() == nil {
			pause(r.Context(), time.Duration(beat)*time.Millisecond)
			io.WriteString(w, ": ping\n\n")
			http.NewResponseController(w).Flush()
		}
		return
	}
	if r.FormValue("head") != "" {
		w.WriteHeader(200)
		http.NewResponseController(w).Flush()
	}
	pause(r.Context(), time.Duration(wait)*time.Millisecond)
	w.Write(make([]byte, n+5))
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// oneByOne answers one connection after the other, and lets five others wait.
func oneByOne(l *lab, port int) error {
	listener, err := l.server.listen(port)
	if err != nil {
		return err
	}
	raw, err := listener.(*net.TCPListener).SyscallConn()
	if err != nil {
		return err
	}
	if errControl := raw.Control(func(fd uintptr) { err = unix.Listen(int(fd), 5) }); errControl != nil || err != nil {
		return cmp.Or(errControl, err)
	}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				wait, _ := strconv.Atoi(r.FormValue("ms"))
				pause(context.Background(), time.Duration(wait)*time.Millisecond)
				io.WriteString(c, "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n"+strings.Repeat("x", 100))
			}
			c.Close()
		}
	}()
	return nil
}

func goServer(certificate string, most uint16, protocols ...string) func(*lab, int) error {
	return func(l *lab, port int) error {
		return l.serve(&http.Server{Handler: http.HandlerFunc(handler), TLSConfig: &tls.Config{MaxVersion: most}}, port, certificate, protocols...)
	}
}

// mutual is a Go server that wants a certificate of its clients too.
func mutual(l *lab, port int) error {
	return l.serve(&http.Server{Handler: http.HandlerFunc(handler), TLSConfig: &tls.Config{ClientAuth: tls.RequireAnyClientCert}}, port, "tls", "http1")
}

// serve has a Go server listen. Without a certificate it speaks no TLS.
func (l *lab) serve(s *http.Server, port int, certificate string, protocols ...string) error {
	listener, err := l.server.listen(port)
	if err != nil {
		return err
	}
	s.Protocols = new(http.Protocols)
	for _, p := range protocols {
		switch p {
		case "http1":
			s.Protocols.SetHTTP1(true)
		case "http2":
			s.Protocols.SetHTTP2(true)
		case "h2c":
			s.Protocols.SetUnencryptedHTTP2(true)
		}
	}
	if certificate == "" {
		go s.Serve(listener)
	} else {
		go s.ServeTLS(listener, filepath.Join(l.dir, certificate+".crt"), filepath.Join(l.dir, certificate+".key"))
	}
	return nil
}

// nginx is one process here: a worker would outlive a master that is killed.
const nginxConfig = `daemon off; master_process off; pid %[1]s/nginx-%[2]d.pid; error_log stderr;
events {} 
http { access_log off; client_body_temp_path %[1]s/b%[2]d; proxy_temp_path %[1]s/p%[2]d; fastcgi_temp_path %[1]s/f%[2]d; uwsgi_temp_path %[1]s/u%[2]d; scgi_temp_path %[1]s/s%[2]d;
proxy_read_timeout 300s; keepalive_timeout 300s; proxy_http_version 1.1;
server { listen %[2]d %[3]s; ssl_certificate %[1]s/tls.crt; ssl_certificate_key %[1]s/tls.key; %[5]s location / { proxy_pass http://127.0.0.1:%[4]d; proxy_request_buffering off; proxy_buffering off; } } }
`

func nginx(listen, more string) func(*lab, int) error {
	return func(l *lab, port int) error {
		behind, err := l.behind()
		if err != nil {
			return err
		}
		return l.program("nginx", "-c", l.file("nginx.conf", fmt.Sprintf(nginxConfig, l.dir, port, listen, behind, more)))
	}
}

func redis(l *lab, port int) error {
	return l.program("redis-server", "--port", strconv.Itoa(port), "--bind", serverAddress, "--save", "", "--protected-mode", "no")
}

const haproxyConfig = `defaults
  mode http
  timeout client 300s
  timeout server 300s
  timeout connect 5s
frontend f
  bind :%d %s
  default_backend b
backend b
  server s 127.0.0.1:%d
`

func haproxy(bind string) func(*lab, int) error {
	return func(l *lab, port int) error {
		behind, err := l.behind()
		if err != nil {
			return err
		}
		if bind != "" && bind != "proto h2" {
			bind = "ssl crt " + l.dir + "/tls.pem " + bind
		}
		return l.program("haproxy", "-db", "-f", l.file("haproxy.cfg", fmt.Sprintf(haproxyConfig, port, bind, behind)))
	}
}

const caddyConfig = `{
  admin off
  auto_https off
  servers {
    protocols h1 h2 h2c
  }
}
%s:%d {
  %s
  reverse_proxy 127.0.0.1:%d
}
`

func caddy(scheme, tlsLine string) func(*lab, int) error {
	return func(l *lab, port int) error {
		behind, err := l.behind()
		if err != nil {
			return err
		}
		if tlsLine != "" {
			tlsLine = "tls " + l.dir + "/tls.crt " + l.dir + "/tls.key " + tlsLine
		}
		return l.program("caddy", "run", "--adapter", "caddyfile", "--config", l.file("Caddyfile", fmt.Sprintf(caddyConfig, scheme, port, tlsLine, behind)))
	}
}

const nodeServer = `
const fs=require('fs'), dir=%q, port=%d, kind=%q;
const app=(q,s)=>{ q.resume(); q.on('end',()=>{ const u=new URL(q.url,'http://x'); const n=+(u.searchParams.get('n')||0), ms=+(u.searchParams.get('ms')||0), beat=+(u.searchParams.get('beat')||0);
 if(beat){ s.writeHead(200,{'content-type':'text/event-stream'}); s.flushHeaders&&s.flushHeaders(); const t=setInterval(()=>s.write(': ping\n\n'),beat); s.on('close',()=>clearInterval(t)); return }
 if(u.searchParams.get('head')){ s.writeHead(200,{'content-type':'text/plain'}); s.flushHeaders&&s.flushHeaders(); }
 setTimeout(()=>{ s.end(Buffer.alloc(n+5)) },ms) }) };
const o={key:fs.readFileSync(dir+'/tls.key'),cert:fs.readFileSync(dir+'/tls.crt'),allowHTTP1:true};
if(kind=='tls12') o.maxVersion='TLSv1.2';
const s = kind=='http'?require('http').createServer(app): kind=='h2c'?require('http2').createServer(app): kind=='h2'?require('http2').createSecureServer(o,app): require('https').createServer(o,app);
s.keepAliveTimeout=300000; s.requestTimeout=0; s.timeout=0; s.listen(port,'0.0.0.0');
`

func node(kind string) func(*lab, int) error {
	return func(l *lab, port int) error {
		return l.program("node", l.file("server.js", fmt.Sprintf(nodeServer, l.dir, port, kind)))
	}
}

const pythonServer = `
import ssl, time, socketserver, threading, urllib.parse as U
from http.server import *
class H(BaseHTTPRequestHandler):
  protocol_version='HTTP/1.1'
  def do_GET(self):
    n=int(self.headers.get('content-length') or 0); self.rfile.read(n)
    q=dict(U.parse_qsl(U.urlparse(self.path).query)); body=b'x'*(int(q.get('n',0))+5)
    if q.get('head'):
      self.send_response(200); self.send_header('content-length',str(len(body))); self.end_headers(); self.wfile.flush()
    time.sleep(int(q.get('ms',0))/1000)
    if not q.get('head'):
      self.send_response(200); self.send_header('content-length',str(len(body))); self.end_headers()
    self.wfile.write(body)
  do_POST=do_GET
  def log_message(self,*a): pass
s=ThreadingHTTPServer(('0.0.0.0',%[2]d),H); s.daemon_threads=True
kind=%[3]q
if kind!='http':
  c=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain(%[1]q+'/tls.crt',%[1]q+'/tls.key')
  if kind=='tls12': c.maximum_version=ssl.TLSVersion.TLSv1_2
  s.socket=c.wrap_socket(s.socket,server_side=True,do_handshake_on_connect=False)
s.serve_forever()
`

func python(kind string) func(*lab, int) error {
	return func(l *lab, port int) error {
		return l.program("/usr/bin/python3", l.file("server.py", fmt.Sprintf(pythonServer, l.dir, port, kind)))
	}
}

const asgi = `
import asyncio, urllib.parse as U
async def app(scope, receive, send):
  if scope['type']!='http': return
  while True:
    m=await receive()
    if not m.get('more_body'): break
  q=dict(U.parse_qsl(scope['query_string'].decode()))
  h={'type':'http.response.start','status':200,'headers':[(b'content-type',b'text/plain')]}
  if q.get('head'): await send(h)
  await asyncio.sleep(int(q.get('ms',0))/1000)
  if not q.get('head'): await send(h)
  await send({'type':'http.response.body','body':b'x'*(int(q.get('n',0))+5)})
`

func hypercorn(secure bool) func(*lab, int) error {
	return func(l *lab, port int) error {
		if err := os.WriteFile(filepath.Join(l.dir, "asgi.py"), []byte(asgi), 0o644); err != nil {
			return err
		}
		args := []string{"/usr/bin/hypercorn", "asgi:app", "--bind", fmt.Sprintf("0.0.0.0:%d", port), "--keep-alive", "300"}
		if secure {
			args = append(args, "--certfile", l.dir+"/tls.crt", "--keyfile", l.dir+"/tls.key")
		}
		return l.program("/usr/bin/python3", args...)
	}
}

const rack = `
run ->(env) { env['rack.input'].read; q=Hash[env['QUERY_STRING'].split('&').map{|x| x.split('=')}]; sleep(q['ms'].to_i/1000.0); [200, {'content-type'=>'text/plain'}, ['x'*(q['n'].to_i+5)]] }
`

func puma(secure bool) func(*lab, int) error {
	return func(l *lab, port int) error {
		bind := fmt.Sprintf("tcp://0.0.0.0:%d", port)
		if secure {
			bind = fmt.Sprintf("ssl://0.0.0.0:%d?key=%s/tls.key&cert=%s/tls.crt&verify_mode=none", port, l.dir, l.dir)
		}
		return l.program("puma", "-t", "64:64", "-b", bind, l.file("config.ru", rack))
	}
}

func line(l *lab, port int) error {
	listener, err := l.server.listen(port)
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go answerLines(c)
		}
	}()
	return nil
}

// answerLines answers +OK to whatever comes.
func answerLines(c net.Conn) {
	defer c.Close()
	buffer := make([]byte, 4096)
	for {
		if _, err := c.Read(buffer); err != nil {
			return
		}
		if _, err := io.WriteString(c, "+OK\r\n"); err != nil {
			return
		}
	}
}

// servers start the servers, by their kinds.
func servers() map[string]func(*lab, int) error {
	return map[string]func(*lab, int) error{
		"go http": goServer("", 0, "http1"), "go h2c": goServer("", 0, "http1", "h2c"),
		"go tls13": goServer("tls", 0, "http1"), "go tls12": goServer("tls", tls.VersionTLS12, "http1"), "go h2": goServer("tls", 0, "http1", "http2"), "go tls13 ecdsa": goServer("ec", 0, "http1"), "go tls13 mutual": mutual,
		"nginx http": nginx("", ""), "nginx tls13": nginx("ssl", "ssl_protocols TLSv1.2 TLSv1.3;"), "nginx tls13 names": nginx("ssl", "ssl_certificate names.crt; ssl_certificate_key names.key;"), "nginx tls13 stapled": nginx("ssl", "ssl_stapling on; ssl_stapling_file ocsp.der;"), "nginx tls12": nginx("ssl", "ssl_protocols TLSv1.2;"), "nginx h2": nginx("ssl http2", "ssl_protocols TLSv1.2 TLSv1.3;"), "nginx h2c": nginx("http2", ""),
		"haproxy http": haproxy(""), "haproxy tls13": haproxy("alpn http/1.1"), "haproxy tls12": haproxy("ssl-max-ver TLSv1.2"), "haproxy h2": haproxy("alpn h2,http/1.1"), "haproxy h2c": haproxy("proto h2"),
		"caddy http": caddy("http://", ""), "caddy h2": caddy("https://", " "), "caddy h2c": caddy("http://", ""),
		"node http": node("http"), "node tls13": node("tls13"), "node tls12": node("tls12"), "node h2": node("h2"), "node h2c": node("h2c"),
		"python http": python("http"), "python tls13": python("tls13"), "python tls12": python("tls12"),
		"hypercorn http": hypercorn(false), "hypercorn h2c": hypercorn(false), "hypercorn h2": hypercorn(true),
		"puma http": puma(false), "puma tls13": puma(true),
		"line": line, "go one by one": oneByOne, "redis": redis, "udp": udpServer, "websocket": webSocketServer(false, false), "websocket tls": webSocketServer(true, false),
		"websocket pinging": webSocketServer(false, true), "websocket pinging tls": webSocketServer(true, true),
		"go stopping": stopping("", "http1"), "go stopping tls13": stopping("tls", "http1"), "go stopping h2": stopping("tls", "http2"),
		"grpc aged": grpcAged(false), "grpc aged tls": grpcAged(true), "grpc stopping": grpcStopping(false), "grpc stopping tls": grpcStopping(true),
		"grpc plain": grpcServer(false, false), "grpc tls": grpcServer(true, false), "grpc pinging plain": grpcServer(false, true), "grpc pinging tls": grpcServer(true, true), "quic": quicServer,
		"grpc streams": grpcStreams(false), "grpc streams tls": grpcStreams(true),
	}
}
