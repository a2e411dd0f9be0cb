package recipes_test

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// What follows is Kubernetes' API as far as a pod is run here. Whether a manifest is well-formed is seen elsewhere.

type document struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		Template struct{ Spec podSpec }
		podSpec  `yaml:",inline"` // of a Pod
	}
	Data       map[string]string // of a ConfigMap
	StringData map[string]string `yaml:"stringData"` // of a Secret
}

type podSpec struct {
	InitContainers []containerSpec `yaml:"initContainers"`
	Containers     []containerSpec
	Volumes        []struct {
		Name      string
		ConfigMap struct{ Name string } `yaml:"configMap"`
		Secret    struct {
			SecretName string `yaml:"secretName"`
		}
	}
}

type containerSpec struct {
	Name          string
	Image         string
	Command, Args []string
	Env           []struct {
		Name, Value string
		ValueFrom   struct {
			FieldRef struct {
				FieldPath string `yaml:"fieldPath"`
			} `yaml:"fieldRef"`
			SecretKeyRef    keyRef `yaml:"secretKeyRef"`
			ConfigMapKeyRef keyRef `yaml:"configMapKeyRef"`
		} `yaml:"valueFrom"`
	}
	Lifecycle struct {
		PreStop struct {
			Exec struct{ Command []string }
		} `yaml:"preStop"`
	}
	VolumeMounts []volumeMount `yaml:"volumeMounts"`
}

type keyRef struct{ Name, Key string }

type volumeMount struct {
	Name      string
	MountPath string `yaml:"mountPath"`
	SubPath   string `yaml:"subPath"`
	ReadOnly  bool   `yaml:"readOnly"`
}

// A manifest is one workload and what belongs to it.
type manifest struct {
	name string // the workload's
	spec podSpec
	data map[string]map[string]string // of each ConfigMap and Secret, by "ConfigMap/NAME" or "Secret/NAME"
}

func parse(text string) (manifest, error) {
	m := manifest{data: map[string]map[string]string{}}
	for decoder := yaml.NewDecoder(strings.NewReader(text)); ; {
		var d document
		err := decoder.Decode(&d)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return m, err
		}
		switch name := d.Metadata.Name; d.Kind {
		case "ConfigMap":
			m.data["ConfigMap/"+name] = d.Data
		case "Secret":
			m.data["Secret/"+name] = d.StringData
		case "Deployment", "StatefulSet", "DaemonSet", "Pod":
			if m.name != "" {
				return m, fmt.Errorf("expected one workload, got %s and %s", m.name, name)
			}
			m.name, m.spec = name, d.Spec.Template.Spec
			if d.Kind == "Pod" {
				m.spec = d.Spec.podSpec
			}
		}
	}
	if m.name == "" {
		return m, errors.New("no workload")
	}
	return m, nil
}

// files are those of a ConfigMap or a Secret, if the volume is one.
func (m manifest) files(volume string) map[string]string {
	for _, v := range m.spec.Volumes {
		if v.Name == volume && v.ConfigMap.Name != "" {
			return m.data["ConfigMap/"+v.ConfigMap.Name]
		}
		if v.Name == volume && v.Secret.SecretName != "" {
			return m.data["Secret/"+v.Secret.SecretName]
		}
	}
	return nil
}

// containers are all but those that install prestop, which is there anyway.
func (m manifest) containers() []containerSpec {
	return slices.DeleteFunc(slices.Concat(m.spec.InitContainers, m.spec.Containers), func(c containerSpec) bool {
		return path.Dir(c.Image) == "prestop"
	})
}

// environment is what the kubelet gives to the container's processes.
func (m manifest) environment(c containerSpec) map[string]string {
	name := m.name + "-0"
	env := map[string]string{
		"HOSTNAME": name, "HOME": "/root", "KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443",
		"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	}
	fields := map[string]string{
		"metadata.name": name, "metadata.namespace": "default", "status.podIP": "127.0.0.1", "status.hostIP": "127.0.0.1",
		"metadata.uid": "4f1c9c0e-6a53-4a6e-9a0b-0d8f1e5d2c37", "spec.nodeName": "node-0",
	}
	for _, v := range c.Env {
		value := v.Value
		for known, is := range env { // $(VAR), of those that come before
			value = strings.ReplaceAll(value, "$("+known+")", is)
		}
		from := v.ValueFrom
		value += fields[from.FieldRef.FieldPath]
		value += m.data["Secret/"+from.SecretKeyRef.Name][from.SecretKeyRef.Key]
		value += m.data["ConfigMap/"+from.ConfigMapKeyRef.Name][from.ConfigMapKeyRef.Key]
		env[v.Name] = value
	}
	return env
}
