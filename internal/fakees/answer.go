package fakees

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// productHeader is on every answer but 401 and 403.
const productHeader = "X-Elastic-Product"

// An Answer is what goes out.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Send writes the answer as a whole.
func (a Answer) Send(w http.ResponseWriter) {
	a.sendHead(w)
	_, _ = w.Write(a.Body) // the client may have gone
}

func (a Answer) sendHead(w http.ResponseWriter) {
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.Body)))
	w.Header()["Date"] = nil // Elasticsearch has no clock on the wire
	w.WriteHeader(a.Status)
}

// text is an answer of /_cat.
type text string

// reply is the answer of 200 with this body: an object, a list, or a text.
func (c *Cluster) reply(r *call, body any) Answer {
	switch body := body.(type) {
	case object:
		c.mu.Lock()
		body = append(body, c.extra...)
		c.mu.Unlock()
		if r.params.Has("filter_path") {
			body = parseFilterPath(r.params.Get("filter_path")).apply(body)
		}
		return c.encode(r, http.StatusOK, body)
	case text:
		return c.answer(http.StatusOK, "text/plain; charset=UTF-8", []byte(body))
	}
	return c.encode(r, http.StatusOK, body)
}

func (c *Cluster) encode(r *call, status int, body any) Answer {
	b, err := encode(body)
	if err != nil {
		panic("fakees: " + err.Error()) // JSON has no form for a field that AddField got
	}
	if r.flag("pretty") {
		b = indent(b)
	}
	mediaType := "application/json"
	if !c.version.since(8, 0) {
		mediaType += "; charset=UTF-8"
	}
	return c.answer(status, mediaType, b)
}

func (c *Cluster) answer(status int, mediaType string, body []byte) Answer {
	a := Answer{Status: status, Header: http.Header{"Content-Type": {mediaType}}, Body: body}
	if c.version.hasProductHeader() {
		a.Header.Set(productHeader, "Elasticsearch")
	}
	return a
}

// indent returns the text as it is if it is not JSON.
func indent(b []byte) []byte {
	var pretty bytes.Buffer
	if json.Indent(&pretty, b, "", "  ") != nil {
		return b
	}
	pretty.WriteByte('\n')
	return pretty.Bytes()
}

func acceptsJSON(r *call) bool {
	return r.params.Get("format") == "json" || !r.params.Has("format") && strings.Contains(r.Header.Get("Accept"), "json")
}
