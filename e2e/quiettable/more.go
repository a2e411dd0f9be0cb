package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
)

// udp is a socket in the client's namespace.
func (l *lab) udp(from string) (c *net.UDPConn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and not unlocked: the thread ends with the goroutine
		if err = unix.Setns(l.client.ns, unix.CLONE_NEWNET); err == nil {
			c, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(from)})
		}
	}()
	<-done
	return c, err
}

// datagram asks a UDP server, and waits for its answer. It asks again after a second, as clients of DNS do: the wire loses packets while
// other rows flood it.
func (l *lab) datagram(p peer) error {
	c, err := l.udp(p.address())
	if err != nil {
		return err
	}
	defer c.Close()
	for range 10 {
		if _, err = c.WriteToUDP([]byte("request"), &net.UDPAddr{IP: net.ParseIP(serverAddress), Port: p.port}); err != nil {
			return err
		}
		c.SetReadDeadline(time.Now().Add(time.Second))
		if _, err = c.Read(make([]byte, 100)); !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
	return err
}

func (l *lab) certificate() tls.Certificate {
	c, err := tls.LoadX509KeyPair(filepath.Join(l.dir, "tls.crt"), filepath.Join(l.dir, "tls.key"))
	if err != nil {
		panic(err)
	}
	return c
}

type slowHealth struct {
	grpc_health_v1.UnimplementedHealthServer
}

// Check answers after as many milliseconds as the service's name says.
func (slowHealth) Check(ctx context.Context, r *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	n, _ := strconv.Atoi(r.Service)
	pause(ctx, time.Duration(n)*time.Millisecond)
	return &grpc_health_v1.HealthCheckResponse{}, nil
}

// stopAfter is how long after its first request an app stops, if it is one that stops. Each run has connected by then.
const stopAfter = 5 * time.Second

// stopping is a Go server that is shut down while it answers: it stops listening, and answers what it has been asked.
func stopping(certificate string, protocols ...string) func(*lab, int) error {
	return func(l *lab, port int) error {
		s := &http.Server{}
		var once sync.Once
		s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			once.Do(func() { time.AfterFunc(stopAfter, func() { s.Shutdown(context.Background()) }) })
			handler(w, r)
		})
		return l.serve(s, port, certificate, protocols...)
	}
}

// grpcStopping is the same for gRPC.
func grpcStopping(secure bool) func(*lab, int) error {
	return func(l *lab, port int) error {
		var s *grpc.Server
		var once sync.Once
		s = l.grpcServer(secure, grpc.UnaryInterceptor(func(ctx context.Context, r any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			once.Do(func() { time.AfterFunc(stopAfter, s.GracefulStop) })
			return handle(ctx, r)
		}))
		return l.serveGRPC(s, port)
	}
}

// grpcServer pings its clients every 10 s, or permits them to ping it.
func grpcServer(secure, pings bool) func(*lab, int) error {
	return func(l *lab, port int) error {
		if pings {
			return l.serveGRPC(l.grpcServer(secure, grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingEvery})), port)
		}
		return l.serveGRPC(l.grpcServer(secure, grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true})), port)
	}
}

// grpcAged says goodbye to each connection after 5 s, and answers what was asked there.
func grpcAged(secure bool) func(*lab, int) error {
	return func(l *lab, port int) error {
		return l.serveGRPC(l.grpcServer(secure, grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: 5 * time.Second})), port)
	}
}

func (l *lab) grpcServer(secure bool, options ...grpc.ServerOption) *grpc.Server {
	if secure {
		c := l.certificate()
		options = append(options, grpc.Creds(credentials.NewServerTLSFromCert(&c)))
	}
	s := grpc.NewServer(options...)
	grpc_health_v1.RegisterHealthServer(s, slowHealth{})
	return s
}

// bytesCodec sends messages as they are.
type bytesCodec struct{}

func (bytesCodec) Marshal(v any) ([]byte, error)      { return *v.(*[]byte), nil }
func (bytesCodec) Unmarshal(text []byte, v any) error { *v.(*[]byte) = bytes.Clone(text); return nil }
func (bytesCodec) Name() string                       { return "bytes" }

// grpcStreams reads all messages of a call, and answers 18 s later.
func grpcStreams(secure bool) func(*lab, int) error {
	return func(l *lab, port int) error {
		return l.serveGRPC(l.grpcServer(secure, grpc.ForceServerCodec(bytesCodec{}), grpc.UnknownServiceHandler(func(_ any, call grpc.ServerStream) error {
			var message []byte
			for {
				err := call.RecvMsg(&message)
				if err == io.EOF {
					break
				}
				if err != nil {
					return err
				}
			}
			pause(call.Context(), 18*time.Second)
			return call.SendMsg(new([]byte))
		})), port)
	}
}

// clientStream is a call whose client sends large messages with pauses between.
func clientStream(secure bool) func(context.Context, peer, *running) error {
	return func(ctx context.Context, p peer, r *running) error {
		c, _, err := p.grpc(secure, grpc.WithDefaultCallOptions(grpc.ForceCodec(bytesCodec{})))
		if err != nil {
			return err
		}
		defer c.Close()
		p.begins(ctx, r)
		defer r.over()
		call, err := c.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, "/lab/collect")
		if err != nil {
			return err
		}
		message := make([]byte, 300<<10)
		for n := range 3 {
			if n > 0 {
				pause(ctx, 6*time.Second)
			}
			if err := call.SendMsg(&message); err != nil {
				return err
			}
		}
		if err := call.CloseSend(); err != nil {
			return err
		}
		return call.RecvMsg(&message)
	}
}

// serveGRPC has a gRPC server listen.
func (l *lab) serveGRPC(s *grpc.Server, port int) error {
	listener, err := l.server.listen(port)
	if err != nil {
		return err
	}
	go s.Serve(listener)
	return nil
}

// pingEvery is how often whoever pings does so.
const pingEvery = 10 * time.Second

// pinging is a client that pings the server.
var pinging = grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingEvery, PermitWithoutStream: true})

func (p peer) grpc(secure bool, options ...grpc.DialOption) (*grpc.ClientConn, grpc_health_v1.HealthClient, error) {
	creds := insecure.NewCredentials()
	if secure {
		creds = credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})
	}
	options = append(options, grpc.WithTransportCredentials(creds),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return p.lab.client.dial(p.address(), p.port) }))
	c, err := grpc.NewClient("passthrough:server", options...)
	if err != nil {
		return nil, nil, err
	}
	return c, grpc_health_v1.NewHealthClient(c), nil
}

// slowCall is one call of 20 s. Half of the runs make other calls first. Some runs of the other half make the call before the hook begins.
func slowCall(secure bool) func(context.Context, peer, *running) error {
	return func(ctx context.Context, p peer, r *running) error {
		c, client, err := p.grpc(secure, pinging)
		if err != nil {
			return err
		}
		defer c.Close()
		others := p.run%2 == 1
		if others || p.run%4 == 0 {
			r.there()
			pause(ctx, 500*time.Millisecond)
		} else {
			go func() { pause(ctx, 700*time.Millisecond); r.there() }()
		}
		if others {
			if err := shortCalls(ctx, client); err != nil {
				return err
			}
			pause(ctx, 2*time.Second) // so that there is a look while nothing is under way, also on a busy machine
		}
		defer r.over()
		return longCall(ctx, client)
	}
}

// slowCallOver is one call of 20 s on a channel of its own.
func slowCallOver(secure bool) func(context.Context, peer) error {
	return func(ctx context.Context, p peer) error {
		c, client, err := p.grpc(secure, pinging)
		if err != nil {
			return err
		}
		defer c.Close()
		return longCall(ctx, client)
	}
}

// calledBefore is one call of 20 s, right after others, and all of them before the hook begins.
func calledBefore(secure bool) func(context.Context, peer, *running) error {
	return func(ctx context.Context, p peer, r *running) error {
		c, client, err := p.grpc(secure, pinging)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := shortCalls(ctx, client); err != nil {
			return err
		}
		go func() { pause(ctx, 500*time.Millisecond); r.there() }()
		defer r.over()
		return longCall(ctx, client)
	}
}

func shortCalls(ctx context.Context, client grpc_health_v1.HealthClient) error {
	for range 3 {
		if _, err := client.Check(ctx, &grpc_health_v1.HealthCheckRequest{}); err != nil {
			return err
		}
	}
	return nil
}

func longCall(ctx context.Context, client grpc_health_v1.HealthClient) error {
	_, err := client.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: "20000"})
	return err
}

// heldChannels is how many channels or WebSockets a client holds. They carry nothing but pings.
const heldChannels = 15

// A held says how channels or WebSockets are held that have been used, and now carry nothing but pings.
type held struct {
	secure   bool
	just     bool // all have been pinged within the last two seconds before the hook
	byServer bool // the server pings, not the client
	unused   bool // nothing was ever asked
}

// channels are those of gRPC.
func (h held) channels() func(context.Context, peer, *running) error {
	var options []grpc.DialOption
	if !h.byServer {
		options = append(options, pinging)
	}
	return func(ctx context.Context, p peer, r *running) error {
		for range heldChannels {
			c, client, err := p.grpc(h.secure, options...)
			if err != nil {
				return err
			}
			defer c.Close()
			if h.unused {
				c.Connect()
			} else if err := shortCalls(ctx, client); err != nil {
				return err
			}
			pause(ctx, 100*time.Millisecond)
		}
		pause(ctx, h.idle(17*time.Second, p.run))
		r.there()
		<-ctx.Done()
		return nil
	}
}

// idle is how long they are idle before the hook begins: another time in each run, or just as long as it takes until all were pinged.
func (h held) idle(usual time.Duration, run int) time.Duration {
	if h.just {
		return pingEvery + time.Duration(20*run)*time.Millisecond
	}
	return usual + time.Duration(300*run)*time.Millisecond
}

// ping pings until ctx is done.
func ping(ctx context.Context, c *websocket.Conn) {
	for ctx.Err() == nil {
		pause(ctx, pingEvery)
		_ = c.Ping(ctx)
	}
}

// webSocketServer sends back what it is sent, and pings its clients if it is to.
func webSocketServer(secure, pings bool) func(*lab, int) error {
	return func(l *lab, port int) error {
		listener, err := l.server.listen(port)
		if err != nil {
			return err
		}
		if secure {
			listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{l.certificate()}})
		}
		go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := websocket.Accept(w, r, nil)
			if err != nil {
				return
			}
			if pings {
				go ping(r.Context(), c)
			}
			for {
				kind, text, err := c.Read(r.Context())
				if err != nil {
					return
				}
				if c.Write(r.Context(), kind, text) != nil {
					return
				}
			}
		}))
		return nil
	}
}

// webSockets are held as channels are.
func (h held) webSockets() func(context.Context, peer, *running) error {
	scheme, protocol := "ws", "http"
	if h.secure {
		scheme, protocol = "wss", "tls"
	}
	return func(ctx context.Context, p peer, r *running) error {
		url := fmt.Sprintf("%s://%s:%d/", scheme, serverAddress, p.port)
		for range heldChannels {
			c, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: p.goClient(protocol)})
			if err != nil {
				return err
			}
			defer c.CloseNow()
			for range 3 {
				if err := c.Write(ctx, websocket.MessageText, []byte("a message that is longer than a ping, and is sent back")); err != nil {
					return err
				}
				if _, _, err := c.Read(ctx); err != nil {
					return err
				}
			}
			if ctx := c.CloseRead(ctx); !h.byServer {
				go ping(ctx, c)
			}
			pause(ctx, 100*time.Millisecond)
		}
		pause(ctx, h.idle(8*time.Second, p.run))
		r.there()
		<-ctx.Done()
		return nil
	}
}

func quicServer(l *lab, port int) error {
	if err := line(l, port); err != nil { // TCP on the same port, as browsers ask first
		return err
	}
	c, err := l.server.listenUDP(port)
	if err != nil {
		return err
	}
	s := &http3.Server{Handler: http.HandlerFunc(handler), TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{l.certificate()}})}
	go s.Serve(c)
	return nil
}

// http3Requests are some requests over one connection, a second apart.
func http3Requests(ctx context.Context, p peer, r *running) error {
	c, err := p.lab.udp(p.address())
	if err != nil {
		return err
	}
	defer c.Close()
	t := &http3.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Dial: func(ctx context.Context, _ string, config *tls.Config, q *quic.Config) (*quic.Conn, error) {
		return quic.Dial(ctx, c, &net.UDPAddr{IP: net.ParseIP(serverAddress), Port: p.port}, config, q)
	}}
	defer t.Close()
	r.there()
	for range 8 {
		if err := goAsk(ctx, &http.Client{Transport: t}, p.url("h2", "/?n=300"), 0); err != nil {
			return err
		}
		r.over()
		pause(ctx, time.Second)
	}
	return nil
}

func udpServer(l *lab, port int) error {
	if err := line(l, port); err != nil { // TCP on the same port
		return err
	}
	c, err := l.server.listenUDP(port)
	if err != nil {
		return err
	}
	go func() {
		buffer := make([]byte, 100)
		for {
			n, from, err := c.ReadFromUDP(buffer)
			if err != nil {
				return
			}
			c.WriteToUDP(buffer[:n], from)
		}
	}()
	return nil
}
