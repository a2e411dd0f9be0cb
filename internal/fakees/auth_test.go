package fakees

import (
	"slices"
	"testing"
)

func TestAuth(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		version, header string
		status          int
		user, reason    string
		challenges      int
	}{
		{"9.4.0", "Basic aG9vazpzZWNyZXQ=", 200, "hook", "", 0},
		{"9.4.0", "Bearer token", 200, "_token", "", 0},
		{"9.4.0", "", 401, "", "missing authentication credentials for REST request [/?pretty]", 3},
		{"7.17.0", "", 401, "", "missing authentication credentials for REST request [/?pretty]", 1},
		{"9.4.0", "Basic aG9vazp3cm9uZw==", 401, "", "unable to authenticate user [hook] for REST request [/?pretty]", 3},
		{"9.4.0", "Bearer wrong", 401, "_token",
			"unable to authenticate with provided credentials and anonymous access is not allowed for REST request [/?pretty]", 3},
	} {
		c, _, h := cluster(t, test.version)
		c.Auth("hook", "secret")
		c.AuthToken("token")
		r := request("GET", "/?pretty", "")
		if test.header != "" {
			r.Header.Set("Authorization", test.header)
		}
		w := ask(h, r)
		body := want(t, w, test.status)
		if have := c.Requests()[0].User; test.status == 200 && have != test.user {
			t.Errorf("%s: user %q, want %q", test.header, have, test.user)
		}
		if test.status == 200 {
			continue
		}
		wantAt(t, body, "error.reason", test.reason)
		if have := w.Header().Values("WWW-Authenticate"); len(have) != test.challenges {
			t.Errorf("%s: have %q, want %d", test.header, have, test.challenges)
		}
		if _, several := at(t, body, "error.header").(map[string]any)["WWW-Authenticate"].([]any); several != (test.challenges > 1) {
			t.Errorf("%s: have %v in the body", test.header, at(t, body, "error.header"))
		}
	}
	// A 401 that heals: the users file was being reloaded.
	c, _, h := cluster(t, "9.4.0")
	c.Fail(Fault{Times: 2, Effect: Unauthorized()})
	var codes []int
	for range 3 {
		codes = append(codes, do(t, h, "GET", "/", "").Code)
	}
	if !slices.Equal(codes, []int{401, 401, 200}) {
		t.Errorf("have %v", codes)
	}
}
