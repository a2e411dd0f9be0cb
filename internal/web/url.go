package web

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Unix is the scheme of a URL whose place is a unix socket. [ParseURL] reads the two ways to write one:
//
//	http+unix:/run/admin.sock:/drain
//	http+unix://%2Frun%2Fadmin.sock/drain
//
// Other programs read the second one too. The Host of such a URL is the socket's path.
const Unix = "http+unix"

// ParseURL reads an absolute URL of the scheme http, https or [Unix]. Its errors say what was expected and do not repeat
// the text, which may hold a password.
func ParseURL(text string) (*url.URL, error) {
	if scheme, rest, ok := strings.Cut(text, ":"); ok && strings.EqualFold(scheme, Unix) {
		return parseUnix(rest)
	}
	return parse(text, "http://, https:// or http+unix:")
}

// IsBase tells whether an API's path can be added to a URL: behind a ? or a # the path would be lost.
func IsBase(u *url.URL) bool { return u.RawQuery == "" && !u.ForceQuery && u.Fragment == "" }

// ParseHTTP is [ParseURL] without unix sockets.
func ParseHTTP(text string) (*url.URL, error) { return parse(text, "http:// or https://") }

// ErrURL is the error of a text that is no URL.
var ErrURL = errors.New("expected a URL such as http://localhost:8080/path; this one cannot be read")

// WrongPort tells whether a text that is no URL would be one without its port. A password that is not encoded is not taken for a port.
func WrongPort(text string) bool {
	scheme, rest, _ := strings.Cut(text, "://")
	authority := rest[:strings.IndexAny(rest+"/", "/?#")]
	at := strings.LastIndex(authority, ":")
	if at < 0 || strings.Contains(text, "@") {
		return false
	}
	_, err := url.Parse(scheme + "://" + authority[:at] + rest[len(authority):])
	return err == nil
}

func parse(text, beginnings string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil && WrongPort(text):
		return nil, errors.New("expected a port from 1 to 65535 after the host, as in http://localhost:8080/path")
	case err != nil || strings.Contains(u.RawQuery, " "): // a blank would break the request in two
		return nil, ErrURL
	case u.Scheme == "":
		return nil, fmt.Errorf("expected a URL that begins with %s, got none of them", beginnings)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("expected a URL that begins with %s, got the scheme %q", beginnings, u.Scheme)
	case strings.HasPrefix(u.Host, "[") && strings.ContainsFunc(u.Host, notPlain):
		return nil, errors.New("expected an IPv6 address and a zone of plain letters, as in http://[fe80::1%25eth0]:8080/path")
	case strings.ContainsFunc(u.Host, notPlain): // only net/http would translate it: a dry run and a lock would not
		return nil, errors.New("expected a host's name in the letters of DNS, as in http://xn--bcher-kva.example/path for bücher.example")
	case u.Hostname() == "" || strings.Contains(u.Host, ","):
		return nil, errors.New("expected a URL with a host, as in http://localhost:8080/path")
	case strings.HasSuffix(u.Host, ":"): // a variable that was empty
		return nil, errors.New("expected a port after the colon, as in http://localhost:8080/path")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, fmt.Errorf("expected a port from 1 to 65535, got %s", port)
		}
	}
	return u, nil
}

var errUnix = errors.New("expected a socket's path and the request's, as in http+unix:/run/admin.sock:/drain")

// parseUnix reads what follows the scheme.
func parseUnix(text string) (*url.URL, error) {
	socket, request, ok := strings.Cut(text, ":")
	if escaped, authority := strings.CutPrefix(text, "//"); authority {
		var err error
		at := strings.IndexAny(escaped+"/", "/?#")
		if socket, err = url.PathUnescape(escaped[:at]); err != nil {
			return nil, errUnix
		}
		request, ok = escaped[at:], true
		if !strings.HasPrefix(request, "/") {
			request = "/" + request
		}
	}
	if !ok || !isSocket(socket) || !strings.HasPrefix(request, "/") {
		return nil, errUnix
	}
	u, err := url.Parse("http://localhost" + request)
	if err != nil || strings.Contains(u.RawQuery, " ") {
		return nil, errUnix
	}
	u.Scheme, u.Host = Unix, socket
	return u, nil
}

// isSocket tells whether a URL's host is the path of a socket. A colon would look like a port, and what is not ASCII
// would be taken for an international name.
func isSocket(host string) bool {
	return strings.HasPrefix(host, "/") && !strings.ContainsFunc(host, notPlain) && !strings.Contains(host, ":")
}

func notPlain(r rune) bool { return r <= ' ' || r >= 0x7f }

// wire is u as a transport takes it: the scheme is http, and [Dial.inTime] recognises the host as a socket.
func wire(u *url.URL) *url.URL {
	if u.Scheme != Unix {
		return u
	}
	w := *u
	w.Scheme = "http"
	return &w
}

// unwire undoes wire.
func unwire(u *url.URL) *url.URL {
	if !isSocket(u.Host) {
		return u
	}
	named := *u
	named.Scheme = Unix
	return &named
}

// SamePlace tells whether two URLs have the same scheme, host and port, also if only one of them writes out the default port. Then the
// credentials of one are fit for the other.
func SamePlace(a, b *url.URL) bool { return a.Scheme == b.Scheme && Origin(a) == Origin(b) }

// Origin is the same for two URLs of the same place, see [SamePlace].
func Origin(u *url.URL) string {
	if isSocket(u.Host) {
		return Place(u)
	}
	return u.Scheme + "://" + strings.ToLower(address(u))
}

// Place names a URL without path, query and credentials.
func Place(u *url.URL) string {
	if isSocket(u.Host) {
		return Unix + ":" + u.Host
	}
	return u.Scheme + "://" + u.Host
}
