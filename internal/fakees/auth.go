package fakees

import (
	"net/http"
	"strings"
)

// Auth makes the cluster ask for credentials. It lets this user in, besides the users of earlier calls.
func (c *Cluster) Auth(user, password string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users[user] = password
}

// AuthToken makes the cluster ask for credentials, and accept this bearer token.
func (c *Cluster) AuthToken(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = token
}

// authenticate tells who asks, and whether the credentials are good.
func (c *Cluster) authenticate(r *http.Request) (user string, ok bool) {
	if token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); found && c.token != "" {
		return "_token", token == c.token
	}
	name, password, _ := r.BasicAuth()
	if want, known := c.users[name]; known && password == want {
		return name, true
	}
	return "", len(c.users) == 0 && c.token == ""
}

func (c *Cluster) checkAuth(r *http.Request) *apiError {
	c.mu.Lock()
	_, ok := c.authenticate(r)
	c.mu.Unlock()
	if ok {
		return nil
	}
	problem := "missing authentication credentials"
	if name, _, given := r.BasicAuth(); given {
		problem = "unable to authenticate user [" + name + "]"
	} else if r.Header.Get("Authorization") != "" {
		problem = "unable to authenticate with provided credentials and anonymous access is not allowed"
	}
	return c.unauthorized(problem + " for REST request [" + r.URL.RequestURI() + "]")
}

// unauthorized has one challenge up to 7.x, as a string, and a list of challenges from 8.0 on.
func (c *Cluster) unauthorized(reason string) *apiError {
	challenges := []string{`Basic realm="security" charset="UTF-8"`}
	if c.version.since(8, 0) {
		challenges = append(challenges, `Bearer realm="security"`, "ApiKey")
	}
	return &apiError{
		status: 401, kind: "security_exception", reason: reason,
		header: []headerValues{{"WWW-Authenticate", challenges}},
	}
}
