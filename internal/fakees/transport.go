package fakees

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"time"
)

// Reset drops the request and resets the connection. Note that Go's HTTP client then repeats a GET by itself,
// if it had used the connection before.
func Reset() Effect {
	return func(x *Exchange) { x.reset() }
}

// LoseAnswer carries the request out and resets the connection instead of answering.
func LoseAnswer() Effect {
	return func(x *Exchange) {
		x.Answer()
		x.reset()
	}
}

// CutBody carries the request out and resets the connection in the middle of the body.
func CutBody() Effect {
	return func(x *Exchange) {
		a := x.Answer()
		a.sendHead(x.Writer)
		_, _ = x.Writer.Write(a.Body[:len(a.Body)/2])
		x.flush()
		x.reset()
	}
}

// Hang drops the request and never answers.
func Hang() Effect {
	return func(x *Exchange) { x.wait() }
}

// HangInBody carries the request out and never sends the second half of the body.
func HangInBody() Effect {
	return func(x *Exchange) {
		a := x.Answer()
		a.sendHead(x.Writer)
		_, _ = x.Writer.Write(a.Body[:len(a.Body)/2])
		x.flush()
		x.wait()
	}
}

// DripBody carries the request out and sends a byte of the body now and then.
func DripBody(every time.Duration) Effect {
	return func(x *Exchange) {
		a := x.Answer()
		a.sendHead(x.Writer)
		x.drip(a.Body, every, func(b []byte) error {
			_, err := x.Writer.Write(b)
			x.flush()
			return err
		})
	}
}

// DripHead carries the request out and sends a byte of the status line, the headers and then the
// body now and then.
func DripHead(every time.Duration) Effect {
	return func(x *Exchange) {
		a := x.Answer()
		x.out.note(a.Status)
		x.onConnection(func(conn net.Conn) {
			x.drip(a.wire(x.Request), every, func(b []byte) error {
				_, err := conn.Write(b)
				return err
			})
		})
	}
}

// EndlessBody drops the request and answers 200 with a body that does not end.
func EndlessBody() Effect {
	return func(x *Exchange) {
		x.Writer.Header().Set("Content-Type", "application/json")
		x.Writer.WriteHeader(http.StatusOK)
		_, err := io.WriteString(x.Writer, `{"nodes":[`)
		chunk := bytes.Repeat([]byte(`{"status":"COMPLETE"},`), 1000)
		for err == nil && x.Request.Context().Err() == nil {
			_, err = x.Writer.Write(chunk)
		}
		panic(http.ErrAbortHandler)
	}
}

// Chunked carries the request out and answers without a Content-Length.
func Chunked() Effect {
	return func(x *Exchange) {
		a := x.Answer()
		for name, values := range a.Header {
			x.Writer.Header()[name] = values
		}
		x.Writer.WriteHeader(a.Status)
		x.flush()
		_, _ = x.Writer.Write(a.Body)
	}
}

// CloseConnection carries the request out and says that the connection ends with the answer.
func CloseConnection() Effect {
	return func(x *Exchange) {
		a := x.Answer()
		a.Header.Set("Connection", "close")
		a.Send(x.Writer)
	}
}

// DropIdle carries the request out and closes the connection after the answer. The answer does not say
// so, and the next request on the connection fails.
func DropIdle() Effect {
	return func(x *Exchange) {
		a := x.Answer()
		x.out.note(a.Status)
		x.onConnection(func(conn net.Conn) { _, _ = conn.Write(a.wire(x.Request)) })
	}
}

// wire is the answer as it goes over a connection that stays open.
func (a Answer) wire(r *http.Request) []byte {
	var b bytes.Buffer
	response := http.Response{
		StatusCode: a.Status, ProtoMajor: 1, ProtoMinor: 1, Header: a.Header, Request: r,
		ContentLength: int64(len(a.Body)), Body: io.NopCloser(bytes.NewReader(a.Body)),
	}
	if err := response.Write(&b); err != nil {
		panic("fakees: " + err.Error()) // nothing can fail in memory
	}
	return b.Bytes()
}

func (x *Exchange) wait() {
	<-x.Request.Context().Done()
	panic(http.ErrAbortHandler)
}

func (x *Exchange) flush() { _ = http.NewResponseController(x.Writer).Flush() }

func (x *Exchange) drip(b []byte, every time.Duration, send func([]byte) error) {
	tick := time.Tick(every)
	for i := range b {
		select {
		case <-tick:
		case <-x.Request.Context().Done():
			panic(http.ErrAbortHandler)
		}
		if send(b[i:i+1]) != nil {
			return
		}
	}
}

// reset ends the connection with a reset, and not with an orderly end.
func (x *Exchange) reset() {
	x.onConnection(func(conn net.Conn) {
		if secure, ok := conn.(*tls.Conn); ok {
			conn = secure.NetConn()
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	})
}

// onConnection takes the connection from the server and closes it afterwards. If there is no connection,
// for example with a recorder, it aborts as a server would.
func (x *Exchange) onConnection(use func(net.Conn)) {
	conn, _, err := http.NewResponseController(x.Writer).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	use(conn)
}
