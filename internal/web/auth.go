package web

import (
	"errors"
	"net/http"
	"strings"
)

// Auth puts credentials on a request. It is called for each try, so that a file that was replaced in the meantime counts.
type Auth func(*http.Request) error

// Secret reads a password or token.
type Secret func() (string, error)

// Basic is HTTP basic authentication.
func Basic(user string, password Secret) Auth {
	return func(r *http.Request) error {
		p, err := password()
		if err != nil {
			return err
		}
		r.SetBasicAuth(user, p)
		return nil
	}
}

// Token is the bearer token of a file. A token that names its scheme itself, as in "ApiKey abc", is sent as it is.
func Token(path string, token Secret) Auth {
	return func(r *http.Request) error {
		t, err := token()
		if err != nil {
			return err
		}
		t = strings.Trim(t, " ")
		if t == "" || strings.ContainsFunc(t, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return errors.New(path + ": the token is no single line of text")
		}
		if !strings.Contains(t, " ") {
			t = "Bearer " + t
		}
		r.Header.Set("Authorization", t)
		return nil
	}
}
