package fakees

import (
	"net/http"
	"strings"
)

// Error answers in the form of Elasticsearch's errors, without doing what was asked.
func Error(status int, kind, reason string) Effect {
	return func(x *Exchange) { x.Refusal(status, kind, reason).Send(x.Writer) }
}

// Unauthorized is 401, without the product header, whatever the credentials.
func Unauthorized() Effect {
	return func(x *Exchange) {
		x.refusal(x.cluster.unauthorized("unable to authenticate user [fakees]")).Send(x.Writer)
	}
}

// Forbidden is 403 for want of a privilege, without the product header.
func Forbidden() Effect {
	return func(x *Exchange) {
		reason := "action is unauthorized for user [" + x.call.User + "], this action is granted by the cluster privileges [manage,all]"
		x.Refusal(http.StatusForbidden, "security_exception", reason).Send(x.Writer)
	}
}

// ReadOnly is 403 because of cluster.blocks.read_only. That refuses the GET of a shutdown too, and
// has nothing to do with privileges.
func ReadOnly() Effect {
	return Error(http.StatusForbidden, "cluster_block_exception", "blocked by: [FORBIDDEN/6/cluster read-only (api)];")
}

// Breaker is 429 from a node that is short of memory. Such a node answers so to the calls of TripsBreaker.
func Breaker() Effect {
	return func(x *Exchange) {
		x.refusal(&apiError{
			status: http.StatusTooManyRequests, kind: "circuit_breaking_exception",
			reason: "[parent] Data too large, data for [<http_request>] would be larger than limit",
			more:   object{{"bytes_wanted", 1073741824}, {"bytes_limit", 1020054732}, {"durability", "TRANSIENT"}},
		}).Send(x.Writer)
	}
}

// QueueFull is the refusal of a master that did not get to the request in time: 429, or 503
// before Elasticsearch 9.
func QueueFull() Effect {
	return func(x *Exchange) {
		status := http.StatusTooManyRequests
		if !x.cluster.version.since(9, 0) {
			status = http.StatusServiceUnavailable
		}
		reason := "failed to process cluster event (put-node-shutdown) within 30s"
		x.Refusal(status, "process_cluster_event_timeout_exception", reason).Send(x.Writer)
	}
}

// TooManyRequests is 429 with a Retry-After header, from a proxy.
func TooManyRequests(retryAfter string) Effect {
	return func(x *Exchange) {
		a := x.Refusal(http.StatusTooManyRequests, "too_many_requests", "slow down")
		a.Header.Set("Retry-After", retryAfter)
		a.Send(x.Writer)
	}
}

// NodeClosed is 500 from a node that is stopping. From 9.1 on it closes the connection as well.
func NodeClosed() Effect {
	return func(x *Exchange) {
		n := x.call.by
		a := x.Refusal(http.StatusInternalServerError, "node_closed_exception", "node closed {"+n.Name+"}{"+n.ID+"}")
		if x.cluster.version.since(9, 1) {
			a.Header.Set("Connection", "close")
		}
		a.Send(x.Writer)
	}
}

// NoMaster is 503 with a null reason, at once. LoseMaster holds the request first.
func NoMaster() Effect {
	return func(x *Exchange) { x.refusal(noMaster()).Send(x.Writer) }
}

// Gone is 410, as serverless answers.
func Gone() Effect {
	return func(x *Exchange) { x.refusal(x.call.notInServerless()).Send(x.Writer) }
}

// Body answers with this body instead of what was asked for. The HTML page of a proxy is
// Body(502, "text/html", …). If a filter_path leaves nothing, that is Body(200, "application/json", "{}").
func Body(status int, mediaType, body string) Effect {
	return func(x *Exchange) {
		Answer{Status: status, Header: http.Header{"Content-Type": {mediaType}}, Body: []byte(body)}.Send(x.Writer)
	}
}

// BadGateway is 502 with the HTML of a proxy.
func BadGateway() Effect {
	return Body(http.StatusBadGateway, "text/html",
		"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>502 Bad Gateway</h1></body>\r\n</html>\r\n")
}

// Redirect is 307 to another address.
func Redirect(location string) Effect {
	return func(x *Exchange) {
		Answer{Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {location}}}.Send(x.Writer)
	}
}

// Malformed carries the request out and answers with half of its JSON, as if that were all.
func Malformed() Effect {
	return func(x *Exchange) {
		a := x.Answer()
		a.Body = a.Body[:len(a.Body)/2]
		a.Send(x.Writer)
	}
}

// Nested answers 200 with arrays this deep within each other.
func Nested(depth int) Effect {
	return Body(http.StatusOK, "application/json",
		`{"nodes":`+strings.Repeat("[", depth)+strings.Repeat("]", depth)+"}")
}

// Pretty carries the request out and answers with one field per line.
func Pretty() Effect {
	return func(x *Exchange) {
		a := x.Answer()
		a.Body = indent(a.Body)
		a.Send(x.Writer)
	}
}
