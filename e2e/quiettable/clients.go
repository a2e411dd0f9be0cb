package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// A peer is one client of a run, with an address of its own.
type peer struct {
	lab      *lab
	row, run int
	port     int
	program  string
}

func (p peer) address() string {
	n := p.row*mostRuns + p.run
	return fmt.Sprintf("%s%d.%d", clientNet, 129+n/250, 1+n%250)
}

// goClient asks by net/http over one kept connection. protocol is http, tls, h2 or h2c. A server that wants a certificate gets one.
func (p peer) goClient(protocol string) *http.Client {
	t := &http.Transport{Protocols: new(http.Protocols), MaxConnsPerHost: 1, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "lab", Certificates: []tls.Certificate{p.lab.certificate()}},
		DialContext: func(context.Context, string, string) (net.Conn, error) { return p.lab.client.dial(p.address(), p.port) }}
	switch protocol {
	case "h2":
		t.Protocols.SetHTTP2(true)
	case "h2c":
		t.Protocols.SetUnencryptedHTTP2(true)
	default:
		t.Protocols.SetHTTP1(true)
	}
	return &http.Client{Transport: t}
}

func (p peer) url(protocol, path string) string {
	scheme := "http"
	if protocol == "tls" || protocol == "h2" {
		scheme = "https"
	}
	return fmt.Sprintf("%s://%s:%d%s", scheme, serverAddress, p.port, path)
}

func goAsk(ctx context.Context, c *http.Client, url string, body int) error {
	method, b := "GET", io.Reader(nil)
	if body > 0 {
		method, b = "POST", bytes.NewReader(make([]byte, body))
	}
	r, err := http.NewRequestWithContext(ctx, method, url, b)
	if err != nil {
		return err
	}
	return goDo(c, r)
}

func goDo(c *http.Client, r *http.Request) error {
	answer, err := c.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	if answer.StatusCode != 200 {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	return err
}

const pythonClient = `
import ssl, socket, sys, time
host,port,src,kind=sys.argv[1],int(sys.argv[2]),sys.argv[3],sys.argv[4]
print('ready',flush=True)
s=None
for l in sys.stdin:
  if not s:
    s=socket.create_connection((host,port),source_address=(src,0)); s.setsockopt(6,1,1)
    if kind!='http':
      c=ssl._create_unverified_context(); s=c.wrap_socket(s,server_hostname='lab')
  path,body=l.split(); n=int(body)
  m='POST' if n else 'GET'
  h='%s %s HTTP/1.1\r\nhost: lab\r\n'%(m,path)+('content-length: %d\r\n'%n if n else '')+'\r\n'
  s.sendall(h.encode()+b'x'*n)
  b=b''
  while b'\r\n\r\n' not in b: 
    d=s.recv(65536)
    if not d: print('closed',flush=True); sys.exit()
    b+=d
  head,_,rest=b.partition(b'\r\n\r\n'); hl=head.lower()
  if b'content-length' in hl:
    want=int(hl.split(b'content-length:')[1].split(b'\r\n')[0])
    while len(rest)<want:
      d=s.recv(65536)
      if not d: print('closed',flush=True); sys.exit()
      rest+=d
  else:
    while not rest.endswith(b'0\r\n\r\n'):
      d=s.recv(65536)
      if not d: print('closed',flush=True); sys.exit()
      rest+=d
  print('ok' if b' 200 ' in head else head.split(b'\r\n')[0].decode(),flush=True)
time.sleep(1000)
`

const nodeClient = `
const [host,port,src,kind]=process.argv.slice(2); const rl=require('readline').createInterface({input:process.stdin});
let ask;
if(kind=='h2'||kind=='h2c'){ let c; const http2=require('http2'),net=require('net'),tls=require('tls');
 ask=(path,n)=>new Promise(r=>{ if(!c){ const o={rejectUnauthorized:false,localAddress:src,servername:'lab'};
   if(kind=='h2') c=http2.connect('https://'+host+':'+port,{createConnection:()=>tls.connect({host,port:+port,...o,ALPNProtocols:['h2']})}); else c=http2.connect('http://'+host+':'+port,{createConnection:()=>net.connect({host,port:+port,localAddress:src})});
   c.on('error',e=>r(String(e))) }
  const q=c.request({':path':path,':method':n?'POST':'GET'}); let st; q.on('response',h=>{st=h[':status']}); q.on('error',e=>r(String(e))); q.resume(); q.on('end',()=>r(st==200?'ok':'status '+st)); if(n) q.end(Buffer.alloc(n)); else q.end() }) }
else { const m=require(kind=='http'?'http':'https'); const agent=new m.Agent({keepAlive:true,maxSockets:1});
 ask=(path,n)=>new Promise(r=>{ const q=m.request({host,port:+port,path,agent,localAddress:src,method:n?'POST':'GET',rejectUnauthorized:false,servername:'lab',headers:n?{'content-length':n}:{}},s=>{ s.resume(); s.on('end',()=>r(s.statusCode==200?'ok':'status '+s.statusCode)) }); q.on('error',e=>r(String(e))); if(n) q.end(Buffer.alloc(n)); else q.end() }) }
console.log('ready'); let last=Promise.resolve(); rl.on('line',l=>{ const [p,n]=l.split(' '); last=last.then(()=>ask(p,+n)).then(x=>console.log(x)) }); setInterval(()=>{},100000);
`

// javaClient asks by the HTTP client of the Java Development Kit.
const javaClient = `
import java.net.*; import java.net.http.*; import java.io.*; import javax.net.ssl.*; import java.security.cert.*; import java.security.SecureRandom;
public class Client {
  public static void main(String[] a) throws Exception {
    System.setProperty("jdk.internal.httpclient.disableHostnameVerification","true");
    boolean secure=a[3].equals("tls")||a[3].equals("h2");
    SSLContext s=SSLContext.getInstance("TLS");
    s.init(null,new TrustManager[]{new X509TrustManager(){
      public void checkClientTrusted(X509Certificate[] c,String t){} public void checkServerTrusted(X509Certificate[] c,String t){} public X509Certificate[] getAcceptedIssuers(){return new X509Certificate[0];} }},new SecureRandom());
    HttpClient c=HttpClient.newBuilder().sslContext(s).version(a[3].startsWith("h2")?HttpClient.Version.HTTP_2:HttpClient.Version.HTTP_1_1).build();
    System.out.println("ready");
    BufferedReader in=new BufferedReader(new InputStreamReader(System.in)); String l;
    while((l=in.readLine())!=null){ String[] w=l.split(" "); int n=Integer.parseInt(w[1]);
      HttpRequest.Builder b=HttpRequest.newBuilder(URI.create((secure?"https":"http")+"://"+a[0]+":"+a[1]+w[0]));
      if(n>0) b.POST(HttpRequest.BodyPublishers.ofByteArray(new byte[n]));
      try { HttpResponse<byte[]> r=c.send(b.build(),HttpResponse.BodyHandlers.ofByteArray()); System.out.println(r.statusCode()==200?"ok":"status "+r.statusCode()); }
      catch(Exception e){ System.out.println(e); } }
    Thread.sleep(1000000);
  }
}
`

// An asker makes requests one after the other over one kept connection.
type asker func(ctx context.Context, path string, body int) error

// client is the asker of the peer's program: go, python, node or java. What the asker holds ends with ctx.
func (p peer) client(ctx context.Context, protocol string) (asker, error) {
	switch p.program {
	case "go":
		c := p.goClient(protocol)
		return func(ctx context.Context, path string, body int) error {
			return goAsk(ctx, c, p.url(protocol, path), body)
		}, nil
	case "python":
		return p.process("/usr/bin/python3", "client.py", pythonClient, serverAddress, p.port, protocol)
	case "node":
		return p.process("node", "client.js", nodeClient, serverAddress, p.port, protocol)
	case "curl":
		return func(_ context.Context, path string, _ int) error { return p.curl(protocol, path) }, nil
	case "java":
		port, err := p.relay(ctx)
		if err != nil {
			return nil, err
		}
		class, err := p.lab.compiled()
		if err != nil {
			return nil, err
		}
		return p.asks("java", []string{"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-cp", class, "Client"}, "127.0.0.1", port, protocol)
	}
	return nil, fmt.Errorf("no client %q", p.program)
}

// curl is one request by curl, on a connection of its own. The protocol upgrade asks HTTP/1.1 for HTTP/2.
func (p peer) curl(protocol, path string) error {
	how := map[string]string{"http": "--http1.1", "h2c": "--http2-prior-knowledge", "upgrade": "--http2"}[protocol]
	var said bytes.Buffer
	cmd := exec.Command("curl", "-sSf", "-o", "/dev/null", "--interface", p.address(), how, p.url(protocol, path))
	cmd.Stderr = &said
	err := p.lab.client.start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return fmt.Errorf("curl: %w: %s", err, said.String())
	}
	return nil
}

// compiled is the folder with Java's client.
func (l *lab) compiled() (string, error) {
	l.javac.Do(func() {
		source := filepath.Join(l.dir, "Client.java")
		if l.failure = os.WriteFile(source, []byte(javaClient), 0o644); l.failure == nil {
			l.failure = exec.Command("javac", "-d", l.dir, source).Run()
		}
	})
	return l.dir, l.failure
}

// relay is a port in the client's namespace that leads to the server, by connections from the client's address. It is for a program that
// cannot choose its address.
func (p peer) relay(ctx context.Context) (port int, err error) {
	listener, err := p.lab.client.listen(0)
	if err != nil {
		return 0, err
	}
	context.AfterFunc(ctx, func() { listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := p.lab.client.dial(p.address(), p.port)
			if err != nil {
				near.Close()
				continue
			}
			go func() { io.Copy(far, near); far.Close() }()
			go func() { io.Copy(near, far); near.Close() }()
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// process is a client that reads a request a line, and says ok for each.
func (p peer) process(program, name, text, host string, port int, protocol string) (asker, error) {
	return p.asks(program, []string{p.lab.file(name, text)}, host, port, protocol)
}

func (p peer) asks(program string, args []string, host string, port int, protocol string) (asker, error) {
	cmd := exec.Command(program, append(args, host, strconv.Itoa(port), p.address(), protocol)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.lab.client.start(cmd); err != nil {
		return nil, err
	}
	lines := bufio.NewReader(out)
	if said, err := lines.ReadString('\n'); said != "ready\n" {
		return nil, fmt.Errorf("%s: not ready: %q (%v)", program, said, err)
	}
	return func(_ context.Context, path string, body int) error {
		if _, err := fmt.Fprintf(in, "%s %d\n", path, body); err != nil {
			return err
		}
		said, err := lines.ReadString('\n')
		if err == nil && said != "ok\n" {
			err = fmt.Errorf("%s: %s", program, strings.TrimSpace(said))
		}
		return err
	}, nil
}
