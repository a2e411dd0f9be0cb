package main

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/prestop/prestop/internal/kube"
)

// apiserver makes the script's pod one of an API server over TLS: environment, service account, mounts. The server answers
// a GET with the file of that path below the script's directory api, read each time. A file that begins with a line of
// three digits has another status than 200, one that is the word hang is never answered, one that is not there is 404. The token
// opaque, which says nothing of the pod, is good too.
func (s *scene) apiserver(args []string) {
	token, objects := podToken(scriptUID), s.MkAbs("api")
	w := startWitnessBy(httptest.NewTLSServer, func(out http.ResponseWriter, in sentRequest) {
		out.Header().Set("Content-Type", "application/json")
		text, err := os.ReadFile(filepath.Join(objects, filepath.Clean(in.URL.Path)))
		first, rest, _ := strings.Cut(string(text), "\n")
		status, numeric := strconv.Atoi(first)
		switch {
		case in.Header.Get("Authorization") != "Bearer "+token && in.Header.Get("Authorization") != "Bearer opaque":
			refuse(out, http.StatusUnauthorized)
		case err != nil:
			refuse(out, http.StatusNotFound)
		case first == "hang":
			<-in.Context().Done()
			panic(http.ErrAbortHandler) // who closes a connection may yet read an answer
		case numeric == nil:
			out.WriteHeader(status)
			io.WriteString(out, rest)
		default:
			out.Write(text)
		}
	})
	s.Defer(w.Close)
	s.servers[args[0]] = w

	root := s.MkAbs("root")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.Certificate().Raw})
	for name, text := range map[string]string{
		kube.Account + "/token": token + "\n", kube.Account + "/namespace": "shop", kube.Account + "/ca.crt": string(ca),
		"/proc/self/mountinfo": "9 8 8:1 /var/lib/kubelet/pods/" + scriptUID + "/containers/web/1a2b3c4d /dev/termination-log rw - ext4 /dev/sda rw\n",
	} {
		s.Check(os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
		s.Check(os.WriteFile(filepath.Join(root, name), []byte(text), fs.FileMode(0o644)))
	}
	address := w.Listener.Addr().(*net.TCPAddr)
	for name, value := range map[string]string{
		"TEST_ROOT": root, "ACCOUNT": root + kube.Account, "TOKEN": token, "UID": scriptUID, "PRE_STOP_LOG_TO": "stdout",
		"KUBERNETES_SERVICE_HOST": address.IP.String(), "KUBERNETES_SERVICE_PORT": strconv.Itoa(address.Port),
	} {
		s.Setenv(name, value)
	}
}

const scriptUID = "4f1c9c0e-6a53-4a6e-9a0b-0d8f1e5d2c37"

// podToken is bound to the pod web-3 in the namespace shop.
func podToken(uid string) string {
	claims := fmt.Sprintf(`{"kubernetes.io":{"namespace":"shop","pod":{"name":"web-3","uid":%q}}}`, uid)
	return "aGVhZA." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2VjcmV0LXNpZ25hdHVyZQ"
}

func refuse(w http.ResponseWriter, status int) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"kind":"Status","message":"refused for a test"}`)
}
