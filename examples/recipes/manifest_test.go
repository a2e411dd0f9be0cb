package recipes_test

import (
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/prestop/prestop/internal/testmanifest"
)

// A manifest is one workload and what belongs to it.
type manifest struct {
	testmanifest.Pod
	data map[string]map[string]string // of each ConfigMap and Secret, as manifests has it
}

func parse(text string) (manifest, error) {
	f, err := testmanifest.Read(text)
	if err == nil && len(f.Pods) != 1 {
		err = fmt.Errorf("expected one workload, got %d", len(f.Pods))
	}
	if err != nil {
		return manifest{}, err
	}
	return manifest{f.Pods[0], f.Data}, nil
}

// files are those of a ConfigMap or a Secret, if the volume is one.
func (m manifest) files(volume string) map[string]string {
	for _, v := range m.Spec.Volumes {
		switch {
		case v.Name != volume:
		case v.ConfigMap != nil:
			return m.data["ConfigMap/"+v.ConfigMap.Name]
		case v.Secret != nil:
			return m.data["Secret/"+v.Secret.SecretName]
		}
	}
	return nil
}

// containers are all but those that install prestop, which is there anyway.
func (m manifest) containers() []corev1.Container {
	return slices.DeleteFunc(slices.Concat(m.Spec.InitContainers, m.Spec.Containers), func(c corev1.Container) bool {
		return path.Dir(c.Image) == "prestop"
	})
}

// environment is what the kubelet gives to the container's processes.
func (m manifest) environment(c corev1.Container) map[string]string {
	env := map[string]string{
		"HOSTNAME": m.Name, "HOME": "/root", "KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443",
		"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	}
	for _, v := range c.Env {
		value := v.Value
		for known, is := range env { // $(VAR), of those that come before
			value = strings.ReplaceAll(value, "$("+known+")", is)
		}
		switch from := v.ValueFrom; {
		case from == nil:
		case from.FieldRef != nil:
			value, _ = m.Field(from.FieldRef.FieldPath)
		case from.SecretKeyRef != nil:
			value = m.data["Secret/"+from.SecretKeyRef.Name][from.SecretKeyRef.Key]
		case from.ConfigMapKeyRef != nil:
			value = m.data["ConfigMap/"+from.ConfigMapKeyRef.Name][from.ConfigMapKeyRef.Key]
		}
		env[v.Name] = value
	}
	return env
}
