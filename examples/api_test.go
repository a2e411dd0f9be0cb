package examples_test

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// What follows is Kubernetes' API as far as the examples use it, so that a misspelt field is found. A field that
// an example is the first to use is added here.

// str is a string that YAML must not take for anything else, since the API refuses it then.
type str string

func (s *str) UnmarshalYAML(n *yaml.Node) error {
	if n.ShortTag() != "!!str" {
		return fmt.Errorf("line %d: expected a string, got %q, which wants quotes", n.Line, n.Value)
	}
	*s = str(n.Value)
	return nil
}

type header struct {
	APIVersion str `yaml:"apiVersion"`
	Kind       str
	Metadata   metadata
}

type metadata struct {
	Name, Namespace     str
	Labels, Annotations map[string]str
}

type (
	deployment struct {
		header `yaml:",inline"`
		Spec   struct {
			Replicas int
			Selector selector
			Template template
		}
	}
	statefulSet struct {
		header `yaml:",inline"`
		Spec   struct {
			ServiceName          str `yaml:"serviceName"`
			Replicas             int
			PodManagementPolicy  str `yaml:"podManagementPolicy"`
			Selector             selector
			Template             template
			VolumeClaimTemplates []claim `yaml:"volumeClaimTemplates"`
		}
	}
	elasticsearch struct {
		header `yaml:",inline"`
		Spec   struct {
			Version  str
			NodeSets []struct {
				Name                 str
				Count                int
				PodTemplate          template `yaml:"podTemplate"`
				VolumeClaimTemplates []claim  `yaml:"volumeClaimTemplates"`
			} `yaml:"nodeSets"`
		}
	}
	service struct {
		header `yaml:",inline"`
		Spec   struct {
			Type                     str
			ClusterIP                str  `yaml:"clusterIP"`
			PublishNotReadyAddresses bool `yaml:"publishNotReadyAddresses"`
			Selector                 map[string]str
			Ports                    []struct {
				Name       str
				Port       int
				TargetPort yaml.Node `yaml:"targetPort"`
			}
		}
	}
	configMap struct {
		header `yaml:",inline"`
		Data   map[string]str
	}
	secret struct {
		header     `yaml:",inline"`
		Type       str
		StringData map[string]str `yaml:"stringData"`
	}
)

type selector struct {
	MatchLabels map[string]str `yaml:"matchLabels"`
}

type claim struct {
	Metadata metadata
	Spec     struct {
		AccessModes []str `yaml:"accessModes"`
		Resources   resources
	}
}

type resources struct{ Requests, Limits map[string]yaml.Node }

type template struct {
	Metadata metadata
	Spec     struct {
		TerminationGracePeriodSeconds *int  `yaml:"terminationGracePeriodSeconds"`
		AutomountServiceAccountToken  *bool `yaml:"automountServiceAccountToken"`
		SecurityContext               struct {
			RunAsNonRoot   bool  `yaml:"runAsNonRoot"`
			RunAsUser      int64 `yaml:"runAsUser"`
			RunAsGroup     int64 `yaml:"runAsGroup"`
			FSGroup        int64 `yaml:"fsGroup"`
			SeccompProfile struct {
				Type str
			} `yaml:"seccompProfile"`
		} `yaml:"securityContext"`
		InitContainers []container `yaml:"initContainers"`
		Containers     []container
		Volumes        []struct {
			Name     str
			EmptyDir *struct{} `yaml:"emptyDir"`
			Secret   *struct {
				SecretName str `yaml:"secretName"`
			}
			ConfigMap *struct{ Name str } `yaml:"configMap"`
			Image     *struct {
				Reference  str
				PullPolicy str `yaml:"pullPolicy"`
			}
		}
	}
}

type container struct {
	Name, Image     str
	Command, Args   []str
	Env             []variable
	Ports           []port
	Resources       resources
	SecurityContext struct {
		AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
		Capabilities             struct{ Drop []str }
	} `yaml:"securityContext"`
	Lifecycle struct {
		PreStop   *handler `yaml:"preStop"`
		PostStart *handler `yaml:"postStart"`
	}
	StartupProbe   *probe `yaml:"startupProbe"`
	ReadinessProbe *probe `yaml:"readinessProbe"`
	VolumeMounts   []struct {
		Name      str
		MountPath str  `yaml:"mountPath"`
		SubPath   str  `yaml:"subPath"`
		ReadOnly  bool `yaml:"readOnly"`
	} `yaml:"volumeMounts"`
}

type handler struct {
	Exec    *struct{ Command []str }
	HTTPGet *struct {
		Path, Port str
	} `yaml:"httpGet"`
	TCPSocket *struct{ Port str } `yaml:"tcpSocket"`
}

type probe struct {
	handler          `yaml:",inline"`
	PeriodSeconds    *int `yaml:"periodSeconds"`
	TimeoutSeconds   *int `yaml:"timeoutSeconds"`
	FailureThreshold *int `yaml:"failureThreshold"`
}

type variable struct {
	Name, Value str
	ValueFrom   *struct {
		FieldRef struct {
			FieldPath str `yaml:"fieldPath"`
		} `yaml:"fieldRef"`
	} `yaml:"valueFrom"`
}

type port struct {
	Name          str
	ContainerPort int `yaml:"containerPort"`
}
