package drain

import (
	"testing"
	"time"

	"github.com/prestop/prestop/internal/sockdiag"
)

// What may be a request, and what may be an answer, where HTTP/2's frames go besides. The numbers are of real servers.
func TestFrames(t *testing.T) {
	at := func(in, bytesIn, out, bytesOut uint32, received, sent time.Duration) sockdiag.Socket {
		return sockdiag.Socket{State: sockdiag.Established, Received: in, BytesReceived: bytesIn, Sent: out, BytesAcked: bytesOut, Acks: 2, SinceReceived: received, SinceSent: sent, SinceAck: sent}
	}
	far := func(s sockdiag.Socket) sockdiag.Socket { s.RoundTrip = 150 * ms; return s }
	resent := func(s sockdiag.Socket, segments uint32) sockdiag.Socket { s.Resent = segments; return s }
	acknowledged := func(s sockdiag.Socket, ago time.Duration) sockdiag.Socket { s.SinceAck = ago; return s }
	unknown, none, stopped := greeting{}, greeting{known: true}, greeting{stopped: true}
	h2 := greeting{known: true, tls: true, http2: true, bytes: 1800, late: 500, segments: 4}
	resumed := greeting{known: true, tls: true, bytes: 1932, late: 558, segments: 4}
	golang := greeting{known: true, tls: true, http2: true, bytes: 1900, late: 108, segments: 2, hybrid: true}
	stateful := greeting{known: true, tls: true, bytes: 1414, late: 158, segments: 3}
	nginx := greeting{known: true, tls: true, bytes: 1766, late: 510, segments: 3}
	nginx2 := greeting{known: true, tls: true, http2: true, bytes: 1817, late: 571, segments: 4}
	node := greeting{known: true, tls: true, http2: true, bytes: 1866, late: 614, segments: 3}
	tomcat := greeting{known: true, tls: true, http2: true, bytes: 2252, late: 1031, segments: 5}
	busy := at(50, 90_000, 60, 200_000, s, 900*ms)
	for _, test := range []struct {
		name  string
		of    greeting
		looks []sockdiag.Socket
		want  claim
	}{
		{"Go's first words, and a request", unknown, []sockdiag.Socket{at(3, 131, 2, 61, s, 900*ms)}, waiting},
		{"and its answer", unknown, []sockdiag.Socket{at(3, 131, 2, 61, s, 900*ms), at(3, 131, 4, 121, 2*s, s)}, nothing},
		{"nginx' first words come in three segments", unknown, []sockdiag.Socket{at(3, 120, 3, 75, s, 900*ms)}, waiting},
		{"those of gRPC's C core, by the word", greeting{http2: true}, []sockdiag.Socket{at(2, 351, 2, 85, s, s-4*ms)}, waiting},
		{"those of gRPC's Java, by the word", greeting{http2: true}, []sockdiag.Socket{at(4, 157, 2, 66, s, s-4*ms)}, waiting},
		{"and its answer", greeting{http2: true}, []sockdiag.Socket{at(2, 351, 2, 85, s, s-4*ms), at(3, 368, 4, 237, 2*s, s)}, nothing},
		{"a short first request, and settings that are sent again", greeting{http2: true}, []sockdiag.Socket{resent(at(3, 60, 3, 61, s, 900*ms), 1)}, waiting},
		{"the same, without the word", unknown, []sockdiag.Socket{at(2, 351, 2, 85, s, s-4*ms)}, maybe},
		{"a channel that is opened in advance", unknown, []sockdiag.Socket{at(2, 42, 2, 48, 900*ms, s)}, maybe},
		{"a small request and its answer", unknown, []sockdiag.Socket{at(1, 27, 1, 5, s, 900*ms)}, maybe},
		{"an HTTP/1 answer", unknown, []sockdiag.Socket{at(1, 90, 1, 106, s, 900*ms)}, nothing},
		{"an upload over HTTP/2, node's server", unknown, []sockdiag.Socket{at(17, 20155, 2, 18, s, 900*ms)}, waiting},
		{"Go's, whose frames come together", unknown, []sockdiag.Socket{at(17, 20156, 2, 87, s, 960*ms)}, waiting},
		{"in a tick", unknown, []sockdiag.Socket{at(17, 20156, 3, 100, s, s)}, waiting},
		{"nginx'", none, []sockdiag.Socket{at(15, 20092, 7, 127, s, 900*ms)}, waiting},
		{"an upload over HTTP/2, where two segments of Go's server became one", unknown, []sockdiag.Socket{at(18, 20156, 2, 113, s, s-40*ms)}, waiting},
		{"an upload over gRPC, where each segment has a ping and two permissions", none, []sockdiag.Socket{at(219, 307_558, 6, 274, s, s)}, maybe},
		{"later, while the hook looks", none, []sockdiag.Socket{busy, at(268, 397_436, 65, 200_181, s, 900*ms)}, maybe},
		{"the same in two segments", none, []sockdiag.Socket{busy, at(98, 155_537, 62, 200_086, s, s)}, maybe},
		{"the same, while a call that uploads waits", none, []sockdiag.Socket{at(50, 90_000, 6, 154, s, 2*s), at(98, 155_537, 8, 223, s, s)}, waiting},
		{"permission for a piece of a body over TLS", h2, []sockdiag.Socket{busy, at(51, 90_250, 60, 200_000, s, 2*s), at(52, 90_381, 62, 200_070, s, s-8*ms)}, waiting},
		{"of which the kernel sends a segment again", h2, []sockdiag.Socket{busy, at(51, 90_250, 60, 200_000, s, 2*s), resent(at(52, 90_381, 63, 200_070, s, s-8*ms), 1)}, waiting},
		{"and the answer after it", h2, []sockdiag.Socket{busy, at(51, 90_250, 60, 200_000, s, 2*s), at(52, 90_381, 62, 200_070, s, s-8*ms), at(52, 90_381, 63, 200_170, 9*s, s)}, nothing},
		{"Java's, in a padded record", tomcat, []sockdiag.Socket{at(7, 1809, 6, 1376, 340*ms, 344*ms), at(8, 1940, 7, 1427, s, s-8*ms)}, waiting},
		{"the same, while the port is asked what it speaks", greeting{asking: true}, []sockdiag.Socket{at(7, 1809, 6, 1376, 340*ms, 344*ms), at(8, 1940, 7, 1427, s, s-8*ms)}, waiting},
		{"a large piece, and permission in three long segments, while the port is asked", greeting{asking: true}, []sockdiag.Socket{at(5, 1739, 4, 1842, 380*ms, 500*ms), at(54, 67_543, 7, 2116, s, s-40*ms)}, maybe},
		{"tickets that come long after the rest of a handshake, while the port is asked", greeting{asking: true}, []sockdiag.Socket{at(2, 536, 4, 1232, 300*ms, 340*ms), at(2, 536, 6, 1408, s+644*ms, s)}, maybe},
		{"or an answer, where nothing can be asked", unknown, []sockdiag.Socket{at(2, 536, 4, 1232, 300*ms, 340*ms), at(2, 536, 6, 1408, s+644*ms, s)}, nothing},
		{"an upload, and permission after settings were read, while the port is asked", greeting{asking: true}, []sockdiag.Socket{at(2, 1504, 0, 0, s, s), at(21, 21_885, 4, 1241, s, 1100*ms), at(22, 21_916, 7, 1460, s, s-12*ms)}, maybe},
		{"and when it is known that the port speaks HTTP/1", resumed, []sockdiag.Socket{at(5, 1739, 4, 1842, 380*ms, 500*ms), at(54, 67_543, 7, 2116, s, s-40*ms)}, nothing},
		{"and with a ping besides, in a tick", tomcat, []sockdiag.Socket{at(7, 1809, 6, 1376, 340*ms, 344*ms), at(8, 1940, 7, 1427, s, s-8*ms), at(10, 2071+39, 9, 1427+106, s, s)}, waiting},
		{"and a ping alone, in a tick with the client's answer to it", tomcat, []sockdiag.Socket{at(7, 1809, 6, 1376, 2*s, 3*s), at(9, 1909, 7, 1431, s, s)}, waiting},
		{"and then the answer", tomcat, []sockdiag.Socket{at(7, 1809, 6, 1376, 340*ms, 344*ms), at(8, 1940, 7, 1427, s, s-8*ms), at(8, 1940, 9, 1568, 9*s, s)}, nothing},
		{"as much without TLS", none, []sockdiag.Socket{busy, at(51, 90_250, 60, 200_000, s, 2*s), at(52, 90_381, 62, 200_070, s, s-8*ms)}, nothing},
		{"a request right after others, whose frames the client acknowledges later", h2, []sockdiag.Socket{acknowledged(at(40, 9155, 30, 33_053, s, s), 956*ms)}, maybe},
		{"an answer that takes its time", h2, []sockdiag.Socket{acknowledged(at(40, 9155, 30, 33_053, s, 900*ms), 860*ms)}, nothing},
		{"permission over TLS, of which the kernel makes two segments", h2, []sockdiag.Socket{busy, at(51, 90_046, 60, 200_000, s, 2*s), at(97, 155_723, 62, 200_252, s, s-8*ms)}, waiting},
		{"the same without TLS, by the word", greeting{known: true, http2: true}, []sockdiag.Socket{busy, at(51, 90_046, 60, 200_000, s, 2*s), at(97, 155_591, 62, 200_208, s, s-8*ms)}, waiting},
		{"and without the word, where it is as long as an answer of HTTP/1", none, []sockdiag.Socket{busy, at(51, 90_200, 60, 200_000, s, 2*s), at(97, 155_745, 62, 200_208, s, s-8*ms)}, nothing},
		{"consent to speak HTTP/2, in three segments", none, []sockdiag.Socket{at(3, 253, 3, 172, s, s-40*ms)}, maybe},
		{"and the answer after it", none, []sockdiag.Socket{at(3, 253, 3, 172, 900*ms, 860*ms), at(3, 253, 4, 300, 9*s, s)}, nothing},
		{"answers of HTTP/1 as short as it", none, []sockdiag.Socket{at(2, 253, 2, 172, s, 900*ms)}, nothing},
		{"small answers that are no frames", unknown, []sockdiag.Socket{at(4, 160, 4, 20, s, 900*ms)}, maybe},
		{"an upload whose permissions come one by one", unknown, []sockdiag.Socket{at(3, 138, 1, 30, s, 900*ms), at(6, 3165, 4, 108, s, s), at(7, 4174, 5, 134, s, s), at(8, 5183, 6, 160, s, s)}, waiting},
		{"an upload over HTTP/1, answered in two segments", unknown, []sockdiag.Socket{at(15, 20092, 2, 140, s, 900*ms)}, nothing},
		{"an upload over HTTP/1", unknown, []sockdiag.Socket{at(15, 20092, 1, 127, s, 900*ms)}, nothing},
		{"an upload of little, and some frames", unknown, []sockdiag.Socket{busy, at(52, 92_000, 62, 200_052, s, 900*ms)}, maybe},
		{"an upload on a connection that has carried others", h2, []sockdiag.Socket{busy, at(65, 110_000, 66, 200_300, s, 900*ms)}, waiting},
		{"and its answer", h2, []sockdiag.Socket{busy, at(65, 110_000, 66, 200_300, s, 900*ms), at(65, 110_000, 67, 200_400, 2*s, s)}, nothing},
		{"permission that comes when the upload is read", h2, []sockdiag.Socket{busy, at(65, 110_000, 60, 200_000, s, 3*s), at(65, 110_000, 64, 200_250, 2*s, s)}, waiting},
		{"and an answer, long after it", h2, []sockdiag.Socket{busy, at(65, 110_000, 60, 200_000, s, 3*s), at(65, 110_000, 62, 200_100, 20*s, s)}, nothing},
		{"the same, of a client that sends a ping when it is answered", h2, []sockdiag.Socket{busy, at(65, 110_000, 60, 200_000, 20*s, 23*s), at(66, 110_039, 62, 200_100, s, s)}, nothing},
		{"the same, soon after another ping", h2, []sockdiag.Socket{busy, at(65, 110_000, 60, 200_000, 20*s, 23*s), at(66, 110_039, 61, 200_039, s, s), at(67, 110_078, 63, 200_139, s, s)}, nothing},
		{"an answer soon after a ping", h2, []sockdiag.Socket{busy, at(65, 110_000, 60, 200_000, 20*s, 23*s), at(66, 110_039, 61, 200_039, s, s), at(66, 110_039, 62, 200_105, 2*s, s)}, nothing},
		{"permission and a ping, soon after the upload", h2, []sockdiag.Socket{busy, at(65, 110_000, 60, 200_000, s, 3*s), at(66, 110_039, 62, 200_100, s, s)}, waiting},
		{"that server speaks no HTTP/2", greeting{known: true, tls: true, bytes: 1800, segments: 3}, []sockdiag.Socket{busy, at(65, 110_000, 66, 200_300, s, 900*ms)}, nothing},
		{"permission to send more, after a download", h2, []sockdiag.Socket{busy, at(53, 90_200, 160, 400_000, 900*ms, 910*ms)}, maybe},
		{"of a busy client", h2, []sockdiag.Socket{busy, at(53, 90_200, 160, 400_000, 700*ms, 910*ms)}, maybe},
		{"after a download whose request was seen to wait", h2, []sockdiag.Socket{at(5, 1733, 4, 1848, 900*ms, 904*ms), at(34, 2009, 728, 1_005_245, 1276*ms, 1280*ms)}, maybe},
		{"a request, long after a download", h2, []sockdiag.Socket{busy, at(53, 90_200, 160, 400_000, 400*ms, 910*ms)}, waiting},
		{"a first request with early data, and its answer", resumed, []sockdiag.Socket{at(2, 745, 2, 508, s, s), at(2, 745, 3, 743, 9*s, s)}, nothing},
		{"the same, and then its ticket", resumed, []sockdiag.Socket{at(2, 745, 1, 245, s, s), at(2, 745, 2, 508, 9*s, s)}, waiting},
		{"a resumed handshake of a busy server, whose settings come later", golang, []sockdiag.Socket{at(3, 900, 1, 245, s, 1100*ms), at(3, 900, 2, 306, 2*s, s/2)}, waiting},
		{"the same, and that it has read the client's", golang, []sockdiag.Socket{at(3, 900, 1, 245, s, 1100*ms), at(3, 900, 3, 337, 2*s, s/2)}, waiting},
		{"the same, of a server whose ticket has come", nginx2, []sockdiag.Socket{at(3, 900, 2, 500, s, 1100*ms), at(3, 900, 4, 592, 2*s, s/2)}, waiting},
		{"a resumed handshake whose short ticket comes later", stateful, []sockdiag.Socket{at(3, 750, 1, 245, s, 1100*ms), at(3, 750, 2, 324, 2*s, s/2)}, waiting},
		{"a resumed handshake of Java, whose ticket comes later", greeting{known: true, tls: true, bytes: 2231, late: 1003, segments: 4}, []sockdiag.Socket{at(3, 1600, 3, 261, s, 1100*ms), at(3, 1600, 4, 349, 2*s, s/2)}, waiting},
		{"an answer of TLS 1.2 after a resumed handshake", nginx, []sockdiag.Socket{at(3, 750, 2, 330, s, 900*ms)}, maybe},
		{"HTTP/2's first request, while it waits", h2, []sockdiag.Socket{at(5, 1733, 4, 1848, 900*ms, 904*ms)}, waiting},
		{"its answer, and that the settings were read", h2, []sockdiag.Socket{at(6, 1764, 3, 2264, 900*ms, 904*ms)}, maybe},
		{"a second request, long after", h2, []sockdiag.Socket{at(6, 1764, 3, 2264, 400*ms, 904*ms)}, waiting},
		{"that the settings were read, over a slow wire", h2, []sockdiag.Socket{far(at(6, 1764, 3, 2264, 400*ms, 580*ms))}, maybe},
		{"a small frame", unknown, []sockdiag.Socket{busy, at(51, 90_013, 60, 200_000, 900*ms, 2*s)}, maybe},
		{"a small frame while one waits", unknown, []sockdiag.Socket{busy, at(51, 90_200, 60, 200_000, 900*ms, 2*s), at(52, 90_213, 60, 200_000, s, 4*s)}, waiting},
		{"the server asks, and is answered", unknown, []sockdiag.Socket{busy, at(51, 90_017, 61, 200_017, 900*ms, 910*ms)}, nothing},
		{"the client asks, and is permitted to send more", unknown, []sockdiag.Socket{busy, at(51, 90_027, 61, 200_026, 960*ms, 950*ms)}, maybe},
		{"in TLS", h2, []sockdiag.Socket{busy, at(51, 90_045, 61, 200_035, 960*ms, 950*ms)}, maybe},
		{"and is answered", unknown, []sockdiag.Socket{busy, at(51, 90_027, 61, 200_026, 1960*ms, 1950*ms), at(51, 90_027, 62, 200_080, 2*s, 900*ms)}, nothing},
		{"after something small that it was sent, the client asks", unknown, []sockdiag.Socket{busy, at(51, 90_030, 61, 200_005, 900*ms, 950*ms)}, maybe},
		{"one WebSocket message more than the other way, in a tick", greeting{messages: true}, []sockdiag.Socket{{State: sockdiag.Established, Received: 6, BytesReceived: 260, Sent: 5, BytesAcked: 340, Acks: 1, SinceReceived: s, SinceSent: s, SinceAck: s}}, maybe},
		{"one segment of HTTP/2 more than the other way, in a tick", greeting{http2: true}, []sockdiag.Socket{{State: sockdiag.Established, Received: 6, BytesReceived: 260, Sent: 5, BytesAcked: 340, Acks: 1, SinceReceived: s, SinceSent: s, SinceAck: s}}, maybe},
		{"a request in two segments and its answer, or a second request, in a tick", none, []sockdiag.Socket{{State: sockdiag.Established, Received: 2, BytesReceived: 399, Sent: 1, BytesAcked: 408, Acks: 2, SinceReceived: s, SinceSent: s, SinceAck: s}}, maybe},
		{"one request more than answers, in a tick", unknown, []sockdiag.Socket{{State: sockdiag.Established, Received: 6, BytesReceived: 160, Sent: 5, BytesAcked: 2040, Acks: 1, SinceReceived: s, SinceSent: s, SinceAck: s}}, waiting},
		{"gRPC's farewell while a call waits", stopped, []sockdiag.Socket{at(4, 157, 2, 61, s, 2*s), at(5, 174, 5, 131, s, s)}, waiting},
		{"in two looks", stopped, []sockdiag.Socket{at(4, 157, 2, 61, s, 2*s), at(4, 157, 4, 95, 3*s, s), at(5, 174, 5, 131, s, s)}, waiting},
		{"while one may wait", stopped, []sockdiag.Socket{at(9, 388, 6, 337, s, s), at(10, 405, 8, 414, s, s)}, maybe},
		{"and the answer after it", stopped, []sockdiag.Socket{at(4, 157, 2, 61, s, 2*s), at(5, 174, 5, 131, s, s), at(5, 174, 6, 231, 2*s, s)}, nothing},
		{"that of Node.js, and then a ping of the client", greeting{known: true, http2: true}, []sockdiag.Socket{at(3, 140, 2, 30, s, 2*s), at(3, 140, 3, 71, 6*s, s), at(4, 157, 4, 88, s, s-80*ms)}, waiting},
		{"and the answer after it", greeting{known: true, http2: true}, []sockdiag.Socket{at(3, 140, 2, 30, s, 2*s), at(3, 140, 3, 71, 6*s, s), at(4, 157, 4, 88, s, s-80*ms), at(4, 157, 5, 160, 9*s, s)}, nothing},
		{"that of Node.js over TLS", node, []sockdiag.Socket{busy, at(51, 90_200, 60, 200_000, s, 2*s), at(51, 90_200, 61, 200_063, 6*s, s)}, waiting},
		{"and the answer after it", node, []sockdiag.Socket{busy, at(51, 90_200, 60, 200_000, s, 2*s), at(51, 90_200, 61, 200_063, 6*s, s), at(51, 90_200, 62, 200_203, 9*s, s)}, nothing},
		{"calls of Go, and Node.js answers a ping of the last but one", node, []sockdiag.Socket{at(10, 2053, 12, 2377, 804*ms, 800*ms)}, maybe},
		{"the same without TLS, by the word", greeting{known: true, http2: true}, []sockdiag.Socket{at(8, 320, 13, 300, 600*ms, 592*ms)}, maybe},
		{"an answer that took its time", node, []sockdiag.Socket{at(10, 2053, 12, 2377, 900*ms, 800*ms)}, nothing},
		{"an answer of HTTP/1 that came soon", nginx, []sockdiag.Socket{at(10, 2053, 40, 50_377, 804*ms, 800*ms)}, nothing},
		{"over TLS, and the client does not answer the ping yet", greeting{known: true, tls: true, http2: true, stopped: true}, []sockdiag.Socket{busy, at(51, 90_200, 60, 200_000, 900*ms, 2*s), at(51, 90_200, 62, 200_091, 2*s, s)}, waiting},
		{"HTTP/1, which has no farewell", stopped, []sockdiag.Socket{busy, at(51, 90_200, 60, 200_000, 900*ms, 2*s), at(51, 90_200, 62, 200_091, 2*s, s)}, nothing},
		{"gRPC's farewell to an old connection, while a call waits", unknown, []sockdiag.Socket{at(4, 161, 3, 54, s, s), at(5, 178, 5, 119, s, s)}, waiting},
		{"by a server that gives no reason", none, []sockdiag.Socket{at(4, 161, 3, 54, s, s), at(5, 178, 5, 105, s, s)}, waiting},
		{"by one whose kernel sends a segment again", none, []sockdiag.Socket{at(4, 161, 3, 54, s, s), resent(at(5, 178, 6, 105, s, s), 1)}, waiting},
		{"by one that sends each frame in a segment, as Java's", none, []sockdiag.Socket{at(4, 157, 3, 66, s, s), at(5, 174, 6, 131, s, s-4*ms)}, waiting},
		{"by one that also permits to send more", none, []sockdiag.Socket{at(8, 813, 8, 347, s, 2*s), at(9, 830, 10, 411, s, s-28*ms)}, waiting},
		{"over TLS", h2, []sockdiag.Socket{busy, at(51, 90_200, 60, 200_000, s, 2*s), at(52, 90_239, 62, 200_109, s, s)}, waiting},
		{"the answer to a health check, and the ping of a client of gRPC's C core", golang, []sockdiag.Socket{at(5, 798, 4, 933, s, s), at(6, 837, 6, 1064, s, s)}, nothing},
		{"and the answer after it", h2, []sockdiag.Socket{busy, at(51, 90_200, 60, 200_000, s, 2*s), at(52, 90_239, 62, 200_109, s, s), at(52, 90_239, 63, 200_209, 2*s, s)}, nothing},
		{"an answer as long as a farewell, and then a request as short as a ping", none, []sockdiag.Socket{at(10, 170, 20, 510, 2*s, s), at(11, 187, 20, 510, s, 3*s), at(12, 204, 22, 561, s, 1100*ms)}, waiting},
		{"the same without HTTP/2, over TLS", nginx, []sockdiag.Socket{busy, at(51, 90_200, 60, 200_000, s, 2*s), at(52, 90_239, 62, 200_095, s, s)}, nothing},
		{"a farewell over TLS, where it is not known whether the port speaks HTTP/2", greeting{known: true, tls: true}, []sockdiag.Socket{at(5, 900, 4, 1900, s, 2*s), at(6, 939, 6, 2009, s, s)}, waiting},
		{"the same, of an app that has stopped listening", greeting{known: true, tls: true, stopped: true}, []sockdiag.Socket{at(5, 900, 4, 1900, s, 2*s), at(6, 939, 6, 2009, s, s)}, waiting},
		{"a farewell soon after an upload, and then the answer", h2, []sockdiag.Socket{busy, at(65, 110_000, 60, 200_000, 20*s, 23*s), at(66, 110_039, 62, 200_109, s, s), at(66, 110_039, 63, 200_175, 3*s, s)}, nothing},
		{"two of these frames over TLS, each in a segment, of another server", h2, []sockdiag.Socket{busy, at(51, 90_200, 60, 200_000, s, 2*s), at(52, 90_239, 63, 200_131, s, s)}, nothing},
		{"a ping and an answer of another size", h2, []sockdiag.Socket{busy, at(51, 90_200, 60, 200_000, s, 2*s), at(52, 90_239, 62, 200_129, s, s)}, nothing},
		{"what may be a farewell, before the first look", stopped, []sockdiag.Socket{at(5, 174, 4, 131, s, s)}, maybe},
		{"an answer that took its time, of an app that has stopped", stopped, []sockdiag.Socket{at(5, 174, 4, 431, 2*s, s)}, nothing},
		{"an answer and a ping, of an app that listens", unknown, []sockdiag.Socket{at(4, 157, 2, 61, s, 2*s), at(5, 174, 5, 131, s, s)}, nothing},
	} {
		h, got := newHistory(true), nothing
		for n, s := range test.looks {
			_, got = h.look(time.Duration(n)*time.Second, &s, test.of)
		}
		if got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// Between the hook's beginning and the first look of until quiet nobody looks, so requests and answers of that time are not told apart.
func TestHolds(t *testing.T) {
	call := sockdiag.Socket{State: sockdiag.Established, Received: 4, BytesReceived: 157, Sent: 2, BytesAcked: 61, Acks: 2, SinceReceived: s, SinceSent: 2 * s, SinceAck: 2 * s}
	farewell, old, more := call, call, call
	farewell.Received, farewell.BytesReceived, farewell.Sent, farewell.BytesAcked = 5, 174, 5, 131
	old.Received, old.BytesReceived, old.Sent, old.BytesAcked, old.SinceSent = 5, 174, 4, 126, s
	late := old
	late.SinceSent = 2 * s
	more.Received, more.BytesReceived, more.Sent, more.BytesAcked = 6, 457, 4, 861
	for _, test := range []struct {
		name  string
		now   sockdiag.Socket
		of    greeting
		holds bool
	}{
		{"nothing went", call, greeting{}, true},
		{"a farewell", farewell, greeting{stopped: true}, true},
		{"the same, while the app listens", farewell, greeting{}, false},
		{"a farewell to an old connection", old, greeting{}, true},
		{"an answer as long, and then a request", late, greeting{}, false},
		{"an answer, and another request", more, greeting{stopped: true}, false},
	} {
		h := newHistory(true)
		h.look(0, &call, greeting{})
		if got := h.holds(&test.now, test.of); got != test.holds {
			t.Errorf("%s: %t", test.name, got)
		}
	}
}

// A machine that stands still between two questions to the kernel must not take a farewell for an answer.
func TestFarewellInAStall(t *testing.T) {
	call := sockdiag.Socket{State: sockdiag.Established, Received: 4, BytesReceived: 157, Sent: 2, BytesAcked: 61, Acks: 2, SinceReceived: s, SinceSent: 2 * s, SinceAck: 2 * s}
	farewell := sockdiag.Socket{State: sockdiag.Established, Received: 5, BytesReceived: 174, Sent: 5, BytesAcked: 131, Acks: 2, SinceReceived: 400 * ms, SinceSent: 400 * ms, SinceAck: 400 * ms}
	h := newHistory(true)
	h.look(0, &call, greeting{})
	h.look(s, &farewell, greeting{age: 500 * ms}) // it listened 500 ms ago
	if _, got := h.look(2*s, &farewell, greeting{stopped: true}); got != waiting {
		t.Errorf("%v, want %v", got, waiting)
	}
}

// What was judged before it was known what the port speaks is judged anew, unless something came or went since.
func TestKnownLater(t *testing.T) {
	h2 := greeting{known: true, tls: true, http2: true, bytes: 1800, late: 500, segments: 4}
	download := sockdiag.Socket{State: sockdiag.Established, Received: 128, BytesReceived: 7622, Sent: 705, BytesAcked: 1_005_829, Acks: 30,
		SinceReceived: 900 * ms, SinceSent: 904 * ms, SinceAck: 900 * ms}
	for _, test := range []struct {
		name string
		then func(s *sockdiag.Socket)
		want claim
	}{
		{"a ping since", func(s *sockdiag.Socket) {
			s.Received, s.BytesReceived, s.SinceReceived = 129, 7661, 500*ms
			s.Sent, s.BytesAcked, s.SinceSent = 706, 1_005_868, 500*ms
		}, maybe},
		{"nothing since", func(*sockdiag.Socket) {}, maybe},
		{"a request since", func(s *sockdiag.Socket) { s.Received, s.BytesReceived, s.SinceReceived = 129, 7822, 500*ms }, waiting},
	} {
		h := newHistory(true)
		if _, got := h.look(0, &download, greeting{}); got != waiting {
			t.Errorf("%s: %v before it is known, want %v", test.name, got, waiting)
		}
		socket := download
		test.then(&socket)
		h.look(s, &socket, greeting{})
		if _, got := h.look(2*s, &socket, h2); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// While the port is asked what it speaks, nobody knows whether tickets that come late are an answer. The handshake tells.
func TestLateTickets(t *testing.T) {
	first := sockdiag.Socket{State: sockdiag.Established, Received: 2, BytesReceived: 536, Sent: 4, BytesAcked: 1232, Acks: 2, SinceReceived: 300 * ms, SinceSent: 340 * ms, SinceAck: 300 * ms, SegmentSize: 1448}
	then := first
	then.Sent, then.BytesAcked, then.SinceReceived, then.SinceSent, then.SinceAck = 6, 1408, s+644*ms, s, s
	for _, test := range []struct {
		name  string
		known greeting
		want  claim
	}{
		{"tickets of Jetty", greeting{known: true, tls: true, bytes: 2231, late: 1003, segments: 4}, waiting},
		{"an answer without TLS", greeting{known: true}, nothing},
	} {
		h := newHistory(false)
		h.look(0, &first, greeting{asking: true})
		if _, got := h.look(s, &then, greeting{asking: true}); got != maybe {
			t.Errorf("%s: %v while the port is asked, want %v", test.name, got, maybe)
		}
		if _, got := h.look(2*s, &then, test.known); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// A client that waits goes on waiting if a ping goes before it is known what the port speaks.
func TestPingedBeforeKnown(t *testing.T) {
	h2 := greeting{known: true, tls: true, http2: true, bytes: 1800, late: 500, segments: 4}
	for _, test := range []struct {
		name  string
		call  sockdiag.Socket
		ping  uint32
		word  Protocol
		known greeting
	}{
		{"the pong was acknowledged", sockdiag.Socket{Received: 20, BytesReceived: 3000, Sent: 20, BytesAcked: 6000, Acks: 5, SinceReceived: 5 * s, SinceSent: 9 * s, SinceAck: 5 * s}, 39, "", h2},
		{"by the word", sockdiag.Socket{Received: 4, BytesReceived: 257, Sent: 2, BytesAcked: 61, Acks: 2, SinceReceived: 9 * s, SinceSent: 10 * s, SinceAck: 9 * s}, 17, HTTP2, greeting{known: true, http2: true}},
		{"maybe a handshake alone", sockdiag.Socket{Received: 3, BytesReceived: 650, Sent: 3, BytesAcked: 1831, Acks: 1, SinceReceived: 9 * s, SinceSent: 9*s - 10*ms, SinceAck: 9*s - 10*ms}, 39, "", h2},
	} {
		h, q := newHistory(true), Quiet{Protocol: test.word, For: s}
		before := q.speaks(greeting{})
		look := func(now time.Duration, s *sockdiag.Socket, g greeting) claim {
			s.State = sockdiag.Established
			h.note(now, s, g, &q)
			_, c := h.look(now, s, g)
			return c
		}
		if c := look(0, &test.call, before); c == nothing {
			t.Errorf("%s: at first, nobody waits", test.name)
		}
		ping := test.call
		ping.Received, ping.Sent, ping.BytesReceived, ping.BytesAcked = ping.Received+1, ping.Sent+1, ping.BytesReceived+test.ping, ping.BytesAcked+test.ping
		for now := 2 * s; now < 4*s; now += 100 * ms { // the ping comes after 1.9 s
			g := before
			if now > 2200*ms {
				g = test.known
			}
			ping.SinceReceived, ping.SinceSent, ping.SinceAck = now-1900*ms, now-1900*ms, now-1900*ms
			if now > 2*s { // 40 ms later
				ping.SinceAck -= 40 * ms
			}
			if c := look(now, &ping, g); c == nothing {
				t.Errorf("%s: after %s, nobody waits", test.name, now)
				break
			}
		}
	}
}

// A channel that the server pings is idle. If it was pinged before the hook began, its client seems to ask. A ping that is seen before
// it is answered changes nothing, whenever it is known what the port speaks.
func TestPingedByServer(t *testing.T) {
	h2 := greeting{known: true, tls: true, http2: true, bytes: 2514, late: 500, segments: 4}
	at := func(pings uint32, ago, answered time.Duration) *sockdiag.Socket {
		s := sockdiag.Socket{State: sockdiag.Established, Received: 12 + pings, BytesReceived: 2146 + 39*pings, Sent: 11 + pings, BytesAcked: 2893 + 39*pings, Acks: 3,
			SinceSent: ago, SinceReceived: answered, SinceAck: answered, RoundTrip: 2 * ms}
		if answered > ago {
			s.Sent, s.Unacked = s.Sent+1, 39
		}
		return &s
	}
	for _, known := range []int{0, 1, 2, 3, 4} {
		h := newHistory(true)
		for n, socket := range []*sockdiag.Socket{at(0, 5*s, 5*s-3*ms), at(0, 5*s+250*ms, 5*s+247*ms), at(0, ms, 5*s+500*ms), at(1, 251*ms, 248*ms), at(1, 501*ms, 498*ms)} {
			g := greeting{}
			if n >= known {
				g = h2
			}
			asked, c := h.look(time.Duration(n)*250*ms, socket, g)
			if settled := socket.SinceReceived >= settleTime && socket.SinceSent >= settleTime; settled && g.known && (c != maybe || asked > 0) {
				t.Errorf("known from look %d on: in look %d it is %d since %s", known, n, c, asked)
			}
		}
	}
}

// What a client sends soon after the server has spoken may be the answer to a ping, unless the client was never answered.
func TestMayBePong(t *testing.T) {
	h2, known := greeting{known: true, tls: true, http2: true, bytes: 2514, late: 500, segments: 4}, greeting{known: true}
	channel := sockdiag.Socket{Received: 12, BytesReceived: 600, Sent: 11, BytesAcked: 700}
	upload := sockdiag.Socket{Received: 20, BytesReceived: 20_300, Sent: 8, BytesAcked: 180}
	for _, test := range []struct {
		name string
		word Protocol
		of   greeting
		at   sockdiag.Socket
		soon time.Duration // after the server
		want claim
	}{
		{"HTTP/2 by the word", HTTP2, known, channel, 3 * ms, maybe},
		{"the same, on a way that is slower than usual", HTTP2, known, channel, 54 * ms, maybe},
		{"the same, a second later", HTTP2, known, channel, s, waiting},
		{"HTTP/2 in TLS", "", h2, sockdiag.Socket{Received: 12, BytesReceived: 2146, Sent: 11, BytesAcked: 2893}, 3 * ms, maybe},
		{"the first upload of HTTP/2", HTTP2, known, upload, 3 * ms, waiting},
		{"the first upload of HTTP/2 in TLS", "", h2, sockdiag.Socket{Received: 24, BytesReceived: 21_000, Sent: 12, BytesAcked: 2514 + 180}, 3 * ms, waiting},
		{"a WebSocket", WebSocket, known, channel, 3 * ms, waiting},
		{"a WebSocket of a server that says more", WebSocket, known, sockdiag.Socket{Received: 11, BytesReceived: 600, Sent: 11, BytesAcked: 700}, 3 * ms, maybe},
		{"the first message of a WebSocket", WebSocket, known, sockdiag.Socket{Received: 2, BytesReceived: 300, Sent: 1, BytesAcked: 129}, 3 * ms, waiting},
		{"a WebSocket in TLS", WebSocket, greeting{known: true, tls: true, bytes: 2468, late: 500, segments: 4}, sockdiag.Socket{Received: 9, BytesReceived: 2093, Sent: 12, BytesAcked: 2900}, 3 * ms, maybe},
		{"nobody knows what", "", known, channel, 3 * ms, waiting},
	} {
		test.at.State, test.at.Acks, test.at.RoundTrip = sockdiag.Established, 5, 2*ms
		test.at.SinceSent, test.at.SinceReceived, test.at.SinceAck = 5*s, 5*s-test.soon, 5*s-test.soon
		h, q := newHistory(true), Quiet{Protocol: test.word}
		if _, c := h.look(0, &test.at, q.speaks(test.of)); c != test.want {
			t.Errorf("%s: %d, want %d", test.name, c, test.want)
		}
	}
}

// A channel of HTTP/2 that was never used is idle, however often it was pinged. With a request it waits.
func TestNeverUsed(t *testing.T) {
	const opening, request = 42, 75 // bytes that grpc-go sends
	for _, word := range []Protocol{HTTP2, ""} {
		q := Quiet{Protocol: word}
		for pings := range uint32(8) {
			for _, asked := range []uint32{0, 1} {
				socket := sockdiag.Socket{State: sockdiag.Established, Received: 2 + pings + asked, BytesReceived: opening + 17*pings + request*asked, Sent: 2 + pings, BytesAcked: 24 + 17*pings,
					Acks: 3, SinceSent: 4 * s, SinceReceived: 4*s - ms, SinceAck: 4*s - ms}
				if asked > 0 {
					socket.SinceReceived, socket.SinceAck = s, s
				}
				h := newHistory(true)
				_, c := h.look(0, &socket, q.speaks(greeting{known: true}))
				if want := maybe + claim(asked); word != "" && c != want || word == "" && c == nothing {
					t.Errorf("word %q, %d pings, %d requests: %d", word, pings, asked, c)
				}
			}
		}
	}
}

// Heartbeats count as payload, unless it is known that they are none.
func TestBeating(t *testing.T) {
	at := func(in, bytesIn, out, bytesOut uint32, ago time.Duration) sockdiag.Socket {
		return sockdiag.Socket{State: sockdiag.Established, Received: in, BytesReceived: bytesIn, Sent: out, BytesAcked: bytesOut, SinceReceived: ago, SinceSent: ago - ms}
	}
	const silent = 10 * s // after the first look
	for _, test := range []struct {
		name                       string
		of                         greeting
		word                       Protocol
		in, bytesIn, out, bytesOut uint32 // of the heartbeat
		after                      time.Duration
		want                       bool
	}{
		{"HTTP/2's ping", greeting{http2: true}, "", 1, 17, 1, 17, silent, true},
		{"in TLS", greeting{http2: true}, "", 1, 39, 1, 39, silent, true},
		{"by the word", greeting{}, HTTP2, 1, 17, 1, 17, silent, true},
		{"of nobody knows what", greeting{}, "", 1, 17, 1, 17, silent, false},
		{"without silence", greeting{http2: true}, "", 1, 17, 1, 17, 2 * s, false},
		{"a small request of HTTP/2", greeting{http2: true}, "", 1, 20, 1, 60, silent, false},
		{"two requests of its size", greeting{http2: true}, "", 2, 34, 2, 34, silent, false},
		{"a WebSocket's ping", greeting{}, WebSocket, 1, 10, 1, 6, silent, true},
		{"its heartbeat, one way", greeting{}, WebSocket, 1, 7, 0, 0, silent, true},
		{"its message", greeting{}, WebSocket, 1, 100, 0, 0, silent, false},
		{"an event stream's", greeting{}, SSE, 0, 0, 1, 14, silent, true},
		{"an event", greeting{}, SSE, 0, 0, 1, 300, silent, false},
		{"a request", greeting{}, SSE, 1, 40, 1, 14, silent, false},
		{"by another word", greeting{}, TLS, 1, 17, 1, 17, silent, false},
	} {
		q := &Quiet{Protocol: test.word, For: defaultFor}
		g := q.speaks(test.of)
		h := newHistory(true)
		before := at(20, 9000, 20, 9000, s)
		h.note(0, &before, g, q)
		h.look(0, &before, g)
		s := at(20+test.in, 9000+test.bytesIn, 20+test.out, 9000+test.bytesOut, 100*ms)
		h.note(test.after, &s, g, q)
		if got := h.active.since() < 0; got != test.want || h.beats != test.want {
			t.Errorf("%s: %v, want %v", test.name, h.beats, test.want)
		}
	}
}

// A ping of HTTP/2 is answered at once. What is as long, and is not answered, may be a request.
func TestUnansweredPing(t *testing.T) {
	before := sockdiag.Socket{State: sockdiag.Established, Received: 20, BytesReceived: 9000, Sent: 20, BytesAcked: 9000, SinceReceived: s, SinceSent: s - reactionTime}
	q, g := &Quiet{For: defaultFor}, greeting{known: true, http2: true}
	for _, test := range []struct {
		ago   time.Duration
		claim claim
		beats bool
	}{{settleTime - ms, nothing, true}, {settleTime, maybe, false}, {9 * s, maybe, false}} {
		h := newHistory(true)
		h.note(0, &before, g, q)
		h.look(0, &before, g)
		asked := before
		asked.Received, asked.BytesReceived, asked.SinceReceived, asked.SinceSent = 21, 9017, test.ago, 20*s
		h.note(20*s, &asked, g, q)
		if _, got := h.look(20*s, &asked, g); got != test.claim || h.beats != test.beats {
			t.Errorf("%v ago: %v, a heartbeat %v; want %v, %v", test.ago, got, h.beats, test.claim, test.beats)
		}
	}
}

// A small request of HTTP/2 waits until it is answered, unless it is as long as frames that a client sends unasked. A control frame of a
// protocol that nobody knows may have any size.
func TestSmallRequest(t *testing.T) {
	for _, test := range []struct {
		name    string
		of      greeting
		in, out uint32
		want    claim
	}{
		{"a request", greeting{known: true, http2: true}, 25, 0, waiting},
		{"a request over TLS", greeting{known: true, tls: true, http2: true}, 46, 0, waiting},
		{"a request, where TLS is not known", greeting{http2: true}, 25, 0, waiting},
		{"a ping", greeting{known: true, http2: true}, 17, 0, maybe},
		{"a ping over TLS", greeting{known: true, tls: true, http2: true}, 39, 0, maybe},
		{"a ping, where TLS is not known", greeting{http2: true}, 39, 0, maybe},
		{"permission to send more", greeting{known: true, http2: true}, 26, 0, maybe},
		{"as long as permission over TLS would be", greeting{known: true, http2: true}, 35, 0, waiting},
		{"after a ping of the server", greeting{known: true, http2: true}, 25, 17, maybe},
		{"a protocol that nobody knows", greeting{known: true}, 25, 0, maybe},
	} {
		h := newHistory(true)
		socket := sockdiag.Socket{State: sockdiag.Established, Received: 9, Sent: 9, BytesReceived: 900, BytesAcked: 9000, SinceReceived: 3 * s, SinceSent: 2 * s, SinceAck: 2 * s}
		h.look(0, &socket, test.of)
		socket.Received, socket.BytesReceived, socket.BytesAcked = 10, 900+test.in, 9000+test.out
		socket.SinceReceived, socket.SinceSent, socket.SinceAck = s, 3*s, s
		if test.out > 0 {
			socket.Sent, socket.SinceSent = 10, s+100*ms
		}
		if _, c := h.look(s, &socket, test.of); c != test.want {
			t.Errorf("%s: %d", test.name, c)
		}
	}
}

// A worker that asks for the next piece of work, in a few bytes, as soon as it has got one: its doubt counts anew from each request.
func TestNextSmallRequest(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name          string
		in, out, acks uint32
		acknowledged  time.Duration
		want          time.Duration // when the client asked
	}{
		{"the next request waits", 36, 25, 1, s, 20 * s},
		{"it was answered too", 36, 25, 0, s, 10 * s},
		{"the client acknowledged the answer", 36, 25, 1, s - 40*ms, 10 * s},
		{"the server pings, and the client answers", 17, 17, 1, s, 10 * s},
	} {
		h, g := newHistory(true), greeting{known: true}
		socket := sockdiag.Socket{State: sockdiag.Established, Received: 9, Sent: 9, Acks: 1, BytesReceived: 900, BytesAcked: 900, SinceReceived: s, SinceSent: s - 4*ms, SinceAck: s - 4*ms}
		h.look(0, &socket, g)
		socket.Received, socket.BytesReceived, socket.Acks, socket.SinceReceived, socket.SinceSent, socket.SinceAck = 10, 936, 2, s, 12*s, s
		h.look(11*s, &socket, g)
		socket.Received, socket.BytesReceived, socket.Sent, socket.BytesAcked = 11, 936+test.in, 10, 900+test.out
		socket.Acks, socket.SinceReceived, socket.SinceSent, socket.SinceAck = 2+test.acks, s, s, test.acknowledged
		if asked, c := h.look(21*s, &socket, g); c != maybe || asked != test.want {
			t.Errorf("%s: %v since %v, want since %v", test.name, c, asked, test.want)
		}
	}
}
