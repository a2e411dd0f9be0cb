// Package injecttest has pods of all kinds: some are given a hook, and some are not. It is for the tests of internal/inject, and of the
// packages that say the same rules in other words.
package injecttest

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/prestop/prestop/internal/inject"
)

//go:embed pods.yaml
var pods []byte

// Pods are all, by their names.
func Pods() ([]*corev1.Pod, error) {
	var all []*corev1.Pod
	d := yaml.NewDecoder(bytes.NewReader(pods))
	for {
		var document any
		err := d.Decode(&document)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(document)
		if err != nil {
			return nil, err
		}
		into := json.NewDecoder(bytes.NewReader(text))
		into.DisallowUnknownFields()
		p := &corev1.Pod{}
		if err := into.Decode(p); err != nil {
			return nil, fmt.Errorf("pod %d: %w", len(all)+1, err)
		}
		all = append(all, p)
	}
}

// Pod is a pod as inject takes it.
func Pod(p *corev1.Pod) inject.Pod {
	i := inject.Pod{Annotations: p.Annotations, Spec: p.Spec}
	for _, o := range p.OwnerReferences {
		i.Owners = append(i.Owners, o.Kind)
	}
	return i
}
