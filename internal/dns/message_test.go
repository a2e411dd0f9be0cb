package dns

import (
	"testing"

	mdns "github.com/miekg/dns"
)

func FuzzMessage(f *testing.F) {
	known := zone{"a.test.": {"b.test. 5 IN A 10.0.0.1", "a.test. 5 IN CNAME b.test.", "a.test. 5 IN AAAA fd00::1"}}
	question := newMessage(mdns.Question{Name: "a.test.", Qtype: mdns.TypeA, Qclass: mdns.ClassINET})
	question.Id = 7
	for _, m := range []*mdns.Msg{question, known.answer(question), zone{}.answer(question), new(mdns.Msg).SetRcode(question, mdns.RcodeFormatError)} {
		wire, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
		f.Add(wire[:len(wire)-1])
		f.Add(wire[:12])
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		m, err := readMessage(wire, question)
		if err != nil {
			return
		}
		r := read(m, question.Question[0])
		if (r.err == nil) != (len(r.addrs) > 0) {
			t.Errorf("%v, %v of %v", r.addrs, r.err, m)
		}
		if r.err != nil && !r.err.empty() {
			return
		}
		if m.Id != 7 || !m.Response || len(m.Question) != 1 {
			t.Errorf("believed: %v", m)
		}
	})
}
