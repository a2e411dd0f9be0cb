package workloads

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
)

const (
	// maxAnswer is how many bytes one answer may have. A page of 500 objects has some 5 MB.
	maxAnswer = 128 << 20
	// maxAnswers is how many bytes all answers may have together. The largest cluster that Kubernetes is made for has 150,000 pods, of some 10 kB
	// (kubernetes.io, "Considerations for large clusters").
	maxAnswers = 8 << 30
)

// limit keeps a server from filling this machine's memory.
func limit(next http.RoundTripper) http.RoundTripper {
	return &limited{next: next, one: maxAnswer, all: maxAnswers}
}

// A limited transport refuses answers that are too long.
type limited struct {
	next http.RoundTripper
	one  int64 // bytes of an answer, at most
	all  int64 // bytes of all answers, at most
	read atomic.Int64
}

// RoundTrip does what the transport below does. Reading the body of an answer that is too long fails.
func (l *limited) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := l.next.RoundTrip(request)
	if err == nil {
		answer.Body = &limitedBody{ReadCloser: answer.Body, of: l}
	}
	return answer, err
}

// WrappedRoundTripper is the transport below. client-go looks for it when a request is given up.
func (l *limited) WrappedRoundTripper() http.RoundTripper { return l.next }

type limitedBody struct {
	io.ReadCloser
	of   *limited
	read int64
}

func (b *limitedBody) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	b.read += int64(n)
	switch all := b.of.read.Add(int64(n)); {
	case b.read > b.of.one:
		return n, fmt.Errorf("the server's answer is too long: expected at most %d MiB", b.of.one>>20)
	case all > b.of.all:
		return n, fmt.Errorf("the server's answers are too long: expected at most %d MiB in all", b.of.all>>20)
	}
	return n, err
}
