// Package eck recognises a pod that Elastic Cloud on Kubernetes (ECK) made, by what ECK mounts into its
// Elasticsearch container, and says how Elasticsearch is reached from there.
//
// It only reads files. The paths are those of ECK's own hook, user and certificates (verified against ECK 3.x;
// unchanged since 2.x).
package eck

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/prestop/prestop/internal/regular"
)

const (
	labelsFile = "/mnt/elastic-internal/downward-api/labels"
	users      = "/mnt/elastic-internal/pod-mounted-users"
	httpCerts  = "/usr/share/elasticsearch/config/http-certs"
	clientCert = "/usr/share/elasticsearch/config/client-cert"

	// User is the user that ECK made for its own preStop hook.
	User = "elastic-internal-pre-stop"

	// ClusterLabel is the label of each pod that ECK made. Its value is the cluster's name.
	ClusterLabel = "elasticsearch.k8s.elastic.co/cluster-name"
	labelScheme  = "elasticsearch.k8s.elastic.co/http-scheme"
	labelVersion = "elasticsearch.k8s.elastic.co/version"
)

// A Pod is what an ECK pod's mounts say. Files that are not mounted are empty.
type Pod struct {
	Cluster, Version string
	URLs             []string // the internal Service, then the public one
	PasswordFile     string
	Unreadable       error  // why the password cannot be read; nil: it can
	CAFile, LeafFile string // LeafFile: the certificate that our own node serves
	CertFile         string // our client certificate
	KeyFile          string
}

// Find looks below root. Root is empty except in tests. False: this is not an ECK pod, since no labels file has a cluster's name.
// The password of ECK's hook may be missing in a pod whose volumes were overwritten.
func Find(root, namespace string) (Pod, bool) {
	labels, err := readLabels(filepath.Join(root, labelsFile))
	cluster := labels[ClusterLabel]
	if err != nil || cluster == "" {
		return Pod{}, false
	}
	password := filepath.Join(root, users, User)
	_, unreadable := regular.Read(password)
	p := Pod{
		Cluster: cluster, Version: labels[labelVersion],
		URLs:         urls(labels[labelScheme], cluster, namespace),
		PasswordFile: password, Unreadable: unreadable,
		CAFile:   exists(root, httpCerts, "ca.crt"),
		LeafFile: exists(root, httpCerts, "tls.crt"),
	}
	// A node from a time before client authentication has only the certificate that it serves.
	for _, dir := range []string{clientCert, httpCerts} {
		if cert, key := exists(root, dir, "tls.crt"), exists(root, dir, "tls.key"); cert != "" && key != "" {
			p.CertFile, p.KeyFile = cert, key
			break
		}
	}
	return p, true
}

func urls(scheme, cluster, namespace string) []string {
	var domain string
	if namespace != "" {
		domain = "." + namespace + ".svc"
	}
	var all []string
	for _, service := range []string{"internal-http", "http"} {
		all = append(all, fmt.Sprintf("%s://%s-es-%s%s:9200", cmp.Or(scheme, "https"), cluster, service, domain))
	}
	return all
}

// exists is the path of a file that can be read; empty: it cannot be read.
func exists(root string, path ...string) string {
	file := filepath.Join(append([]string{root}, path...)...)
	f, err := regular.Open(file)
	if err != nil {
		return ""
	}
	f.Close()
	return file
}

// readLabels reads a downward API file: key="value" lines, the value quoted as in Go.
func readLabels(file string) (map[string]string, error) {
	text, err := regular.Read(file)
	if err != nil {
		return nil, err
	}
	labels := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		key, quoted, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if value, err := strconv.Unquote(quoted); err == nil {
			labels[key] = value
		}
	}
	return labels, nil
}
