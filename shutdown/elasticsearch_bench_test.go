package shutdown

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prestop/prestop/internal/fakees"
)

// BenchmarkAnswers is what is made of Elasticsearch's answers in a cluster of so many nodes: of the one that our own node is
// found in, of its shutdown's, and of one with a shutdown of each node.
func BenchmarkAnswers(b *testing.B) {
	for _, n := range []int{10, 1000} {
		c := fakees.New("9.4.0")
		b.Cleanup(c.Close)
		var id string
		for range n {
			id = c.AddNode(fakees.Node{}).ID
			c.Put(fakees.Record{NodeID: id, Type: "RESTART", Reason: "preStop"})
		}
		for _, test := range []struct {
			name, path string
			read       func([]byte) (int, error)
			want       int
		}{
			{"member", "/_nodes/_local/http?" + memberFields.Encode(), countMembers, 1},
			{"shutdown", "/_nodes/" + id + "/shutdown", countRecords, 1},
			{"shutdowns", "/_nodes/shutdown", countRecords, n},
		} {
			b.Run(fmt.Sprintf("%s/%d", test.name, n), func(b *testing.B) {
				answer := httptest.NewRecorder()
				c.NodeHandler("es-0").ServeHTTP(answer, httptest.NewRequest(http.MethodGet, test.path, nil))
				body := answer.Body.Bytes()
				b.SetBytes(int64(len(body)))
				b.ReportAllocs()
				for b.Loop() {
					if got, err := test.read(body); err != nil || got != test.want {
						b.Fatalf("%d, %v, expected %d", got, err, test.want)
					}
				}
				b.ReportMetric(float64(len(body)), "answer-B")
			})
		}
	}
}

func countMembers(body []byte) (int, error) {
	all, err := readMembers(body)
	return len(all), err
}

func countRecords(body []byte) (int, error) {
	all, err := readRecords(body)
	return len(all), err
}
