package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
)

// lower serves an admission webhook on port 8443, with the certificate of CERT and KEY. The webhook shortens a pod's grace period to what
// the argument says, if it is longer.
func lower(args []string) error {
	most, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	cert, err := tls.X509KeyPair([]byte(os.Getenv("CERT")), []byte(os.Getenv("KEY")))
	if err != nil {
		return err
	}
	go func() { <-told(); os.Exit(0) }()
	server := &http.Server{
		Addr: ":8443", TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { review(w, r, most) }),
	}
	return server.ListenAndServeTLS("", "")
}

// review answers an AdmissionReview.
func review(w http.ResponseWriter, r *http.Request, most int) {
	var asked struct {
		Request struct {
			UID    string
			Object struct {
				Spec struct{ TerminationGracePeriodSeconds int }
			}
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	response := map[string]any{"uid": asked.Request.UID, "allowed": true}
	if asked.Request.Object.Spec.TerminationGracePeriodSeconds > most {
		response["patchType"] = "JSONPatch"
		response["patch"] = fmt.Appendf(nil, `[{"op":"replace","path":"/spec/terminationGracePeriodSeconds","value":%d}]`, most)
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
}
