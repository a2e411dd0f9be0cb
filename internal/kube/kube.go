// Package kube reads two objects from Kubernetes' API server with the pod's service account: the pod itself, and the
// StatefulSet that owns it. It makes one GET for each, and uses no client library. It decodes only the parts that are used.
//
// [API.Ask] is the whole conversation. [API.Pod] finds the pod that the caller runs in, and makes sure that the answer is about
// this pod. [Pod] says which grace period the kubelet gives, and why the pod stops. [StatefulSet] says whether it still has a place
// for the pod.
//
// The package makes no plan and logs nothing. An answer says what it means for the waits and for the shutdown type auto, in
// sentences that name the settings. An error says what was expected and what to do, and the caller goes on without an answer. The
// service account's token appears in no error. It is for cmd/prestop, and for internal/hook, which makes a plan with the answer.
package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/prestop/prestop/internal/web"
)

// Account is where a kubelet mounts the files of a pod's service account.
const Account = "/var/run/secrets/kubernetes.io/serviceaccount"

// API is the API server, as a pod reaches it.
type API struct {
	Host, Port string // KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT
	Dir        string // the service account's files: token, ca.crt, namespace

	// Token reads the file token in Dir. It is asked once for each object, because a kubelet replaces the token.
	Token web.Secret
	Dial  web.Dial
}

// token reads the token. If there is none, the reason is mostly the pod's configuration.
func (a *API) token() (string, error) {
	token, err := a.Token()
	if err == nil && strings.TrimSpace(token) == "" {
		err = errors.New("the service account's token is empty")
	}
	if err != nil {
		err = fmt.Errorf("%w: expected the pod to have a service account, and automountServiceAccountToken not to be false", err)
	}
	return token, err
}

// namespace is the namespace of the service account, and so of the pod; empty: it cannot be read.
func (a *API) namespace() string {
	text, _ := os.ReadFile(filepath.Join(a.Dir, "namespace"))
	return strings.TrimSpace(string(text))
}

// An object is what is asked for.
type object struct{ group, resource, namespace, name string }

func (o object) path() string {
	base := "/apis/" + o.group
	if o.group == "v1" {
		base = "/api/v1"
	}
	return base + "/namespaces/" + url.PathEscape(o.namespace) + "/" + o.resource + "/" + url.PathEscape(o.name)
}

// get reads an object into a value.
func (a *API) get(ctx context.Context, token string, o object, into any) error {
	if a.Host == "" {
		return errors.New("KUBERNETES_SERVICE_HOST is not set: expected to run in a pod")
	}
	client := web.New(a.Dial, web.TLS{CAFile: filepath.Join(a.Dir, "ca.crt")}, web.Token(filepath.Join(a.Dir, "token"), func() (string, error) { return token, nil }))
	defer client.Close()
	answer, err := client.Send(ctx, web.Request{
		Method: http.MethodGet,
		URL:    "https://" + net.JoinHostPort(strings.Trim(a.Host, "[]"), cmp.Or(a.Port, "443")) + o.path(),
		Header: http.Header{"Accept": {"application/json"}, "User-Agent": {"prestop"}},
	})
	switch {
	case err != nil:
		return err
	case answer.Status != http.StatusOK:
		return o.refused(answer)
	case answer.Partial:
		return fmt.Errorf("the answer for %s is longer than %d MiB", o.resource, web.MaxBody>>20)
	}
	if err := json.Unmarshal(answer.Body, into); err != nil {
		return fmt.Errorf("the answer for %s cannot be read: %w", o.resource, err)
	}
	return nil
}

// refused says what an answer other than 200 means, and what to do.
func (o object) refused(a web.Answer) error {
	switch a.Status {
	case http.StatusUnauthorized:
		return fmt.Errorf("401 Unauthorized: expected a token of the service account that is mounted and has not expired%s", said(a))
	case http.StatusForbidden:
		return fmt.Errorf("403 Forbidden: expected a Role in the namespace %s with the verb get on %s, bound to the pod's service account%s", o.namespace, o.resource, said(a))
	case http.StatusNotFound:
		because := ""
		if o.resource == "pods" {
			because = ": it was deleted by force, or POD_NAME is not its name"
		}
		return fmt.Errorf("404 Not Found: expected %s in the namespace %s to have %s%s%s", o.resource, o.namespace, o.name, because, said(a))
	}
	return errors.New(a.String())
}

// said is the API server's own explanation.
func said(a web.Answer) string {
	var status struct{ Message string }
	if json.Unmarshal(a.Body, &status) != nil || status.Message == "" || len(status.Message) > 300 {
		return ""
	}
	return "; " + strings.Join(strings.Fields(status.Message), " ")
}
