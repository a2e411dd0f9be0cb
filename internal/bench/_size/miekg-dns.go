package main

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/miekg/dns"
)

func init() { uses = append(uses, resolve) }

func resolve(ctx context.Context, _ *http.Client, args []string) error {
	wire, err := new(dns.Msg).SetQuestion(args[0], dns.TypeA).SetEdns0(1232, false).Pack()
	if err != nil {
		return err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "udp", args[0])
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write(wire); err != nil {
		return err
	}
	buf := make([]byte, 4096)
	n, err := conn.Read(buf)
	if err != nil {
		return err
	}
	answer := new(dns.Msg)
	if err := answer.Unpack(buf[:n]); err != nil || answer.Rcode != dns.RcodeSuccess {
		return fmt.Errorf("%s: %w", dns.RcodeToString[answer.Rcode], err)
	}
	for _, rr := range answer.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			fmt.Println(rr.Hdr.Name, rr.Hdr.Ttl, rr.A)
		case *dns.AAAA:
			fmt.Println(rr.Hdr.Name, rr.Hdr.Ttl, rr.AAAA)
		case *dns.CNAME:
			fmt.Println(rr.Hdr.Name, rr.Hdr.Ttl, rr.Target)
		}
	}
	return nil
}
