package dns

import (
	"net"
	"net/netip"
	"testing"

	mdns "github.com/miekg/dns"
)

// BenchmarkExchange is one question and its answer over loopback, the nameserver's part included.
func BenchmarkExchange(b *testing.B) {
	const name = "web.default.svc.cluster.local."
	known := zone{name: {name + " 5 IN A 10.0.0.1", name + " 5 IN A 10.0.0.2"}}
	question := mdns.Question{Name: name, Qtype: mdns.TypeA, Qclass: mdns.ClassINET}
	for _, over := range []string{"udp", "tcp"} {
		b.Run(over, func(b *testing.B) {
			server := answering(b, over, known)
			b.ReportAllocs()
			for b.Loop() {
				answer, err := exchange(b.Context(), server, question, over == "tcp")
				if err != nil || len(answer.Answer) != 2 {
					b.Fatalf("%v, %v, expected two addresses", answer, err)
				}
			}
		})
	}
}

// answering is a nameserver that keeps nothing of what it was asked.
func answering(b *testing.B, over string, known zone) netip.AddrPort {
	b.Helper()
	server := &mdns.Server{Handler: mdns.HandlerFunc(known.handle)}
	address, err := listenOver(server, over)
	if err != nil {
		b.Fatal(err)
	}
	started, ended := make(chan struct{}), make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	go func() {
		defer close(ended)
		server.ActivateAndServe()
	}()
	<-started
	b.Cleanup(func() {
		server.Shutdown()
		<-ended
	})
	return netip.MustParseAddrPort(address.String())
}

func listenOver(server *mdns.Server, over string) (at net.Addr, err error) {
	if over == "udp" {
		if server.PacketConn, err = net.ListenPacket("udp", "127.0.0.1:0"); err == nil {
			at = server.PacketConn.LocalAddr()
		}
		return at, err
	}
	if server.Listener, err = net.Listen("tcp", "127.0.0.1:0"); err == nil {
		at = server.Listener.Addr()
	}
	return at, err
}
