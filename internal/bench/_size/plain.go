// A program that makes one request over TLS, as the hook does. It shows how much memory Go and its TLS take by themselves.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	if err := ask(os.Getenv("PRE_STOP_ELASTICSEARCH_URL")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func ask(url string) error {
	ca, err := os.ReadFile(os.Getenv("PRE_STOP_ELASTICSEARCH_CA_FILE"))
	if err != nil {
		return err
	}
	password, err := os.ReadFile(os.Getenv("PRE_STOP_ELASTICSEARCH_PASSWORD_FILE"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	q, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	q.SetBasicAuth(os.Getenv("PRE_STOP_ELASTICSEARCH_USERNAME"), strings.TrimSpace(string(password)))
	answer, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}).Do(q)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}
