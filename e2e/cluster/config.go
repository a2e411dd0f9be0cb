package cluster

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// object is a Kubernetes configuration: its loaders read JSON as well as YAML.
type object map[string]any

func (o object) write(file string) error {
	text, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return err
	}
	// The file is replaced as a whole: kube-proxy ends when it sees its file written to.
	part := file + "~"
	if err := os.WriteFile(part, text, 0o600); err != nil {
		return err
	}
	return os.Rename(part, file)
}

// identify makes a certificate for a user and a kubeconfig with it.
func (c *Cluster) identify(name, user string, groups ...string) error {
	if err := c.ca.client(name, user, groups...); err != nil {
		return err
	}
	return object{
		"apiVersion": "v1", "kind": "Config", "current-context": "e2e",
		"clusters": []object{{"name": "e2e", "cluster": object{"server": "https://" + control + ":6443", "certificate-authority": c.pki("ca.crt")}}},
		"users":    []object{{"name": name, "user": object{"client-certificate": c.pki(name + ".crt"), "client-key": c.pki(name + ".key")}}},
		"contexts": []object{{"name": "e2e", "context": object{"cluster": "e2e", "user": name}}},
	}.write(c.kubeconfig(name))
}

func (c *Cluster) kubeconfig(name string) string {
	return filepath.Join(c.own.dir, "pki", name+".kubeconfig")
}
