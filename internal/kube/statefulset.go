package kube

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A StatefulSet is the StatefulSet that owns the pod.
type StatefulSet struct {
	Metadata metadata
	Spec     struct {
		Replicas *int64
		Ordinals struct {
			Start int64
		}
	}
}

// Owner reads the StatefulSet that controls the pod. It is an error if no StatefulSet controls it.
func (a *API) Owner(ctx context.Context, p *Pod) (*StatefulSet, error) {
	o, err := p.owner()
	if err != nil {
		return nil, err
	}
	token, err := a.token()
	if err != nil {
		return nil, err
	}
	s := new(StatefulSet)
	if err := a.get(ctx, token, object{"apps/v1", "statefulsets", p.Metadata.Namespace, o.Name}, s); err != nil {
		return nil, err
	}
	if s.Metadata.UID != o.UID || s.Metadata.Name != o.Name {
		return nil, fmt.Errorf("the StatefulSet %s is another one of that name: expected the uid %s, got %q", o.Name, o.UID, s.Metadata.UID)
	}
	return s, nil
}

func (p *Pod) owner() (*owner, error) {
	for _, o := range p.Metadata.OwnerReferences {
		if !o.Controller {
			continue
		}
		if o.Kind != "StatefulSet" || !strings.HasPrefix(o.APIVersion, "apps/") || o.UID == "" {
			return nil, fmt.Errorf("the pod belongs to %s %s: expected a StatefulSet", o.Kind, o.Name)
		}
		return &o, nil
	}
	return nil, errors.New("the pod belongs to nothing: expected a StatefulSet")
}

// Beyond tells whether the set was scaled down so far that the pod will not come back, and says why. It is true only if all
// of this is certain: the pod is being deleted, and its uid was compared. The set is not being deleted and has replicas, and
// the pod's ordinal comes after the last replica.
func (s *StatefulSet) Beyond(p *Pod) (bool, string) {
	ordinal, err := p.ordinal(s.Metadata.Name)
	switch {
	case err != nil:
		return false, err.Error()
	case s.Spec.Replicas == nil:
		return false, "the StatefulSet " + s.Metadata.Name + " does not say how many replicas it has"
	}
	start, replicas := s.Spec.Ordinals.Start, *s.Spec.Replicas
	end := start + replicas
	numbers := fmt.Sprintf("ordinal %d, StatefulSet %s with %d replicas from %d on", ordinal, s.Metadata.Name, replicas, start)
	switch {
	case s.Metadata.DeletionTimestamp != nil:
		return false, numbers + ", which is being deleted"
	case replicas <= 0:
		return false, numbers + ", scaled to none"
	case start < 0 || end < start || ordinal >= start && ordinal < end:
		return false, numbers
	case ordinal < start:
		return false, numbers + ", which begin after it"
	case !p.Deleted():
		return false, numbers + ", but the pod is not being deleted"
	case !p.Certain:
		return false, numbers + ", but the pod is known by its name alone"
	}
	return true, numbers
}

// ordinal is the number at the end of the pod's name. If the label pod-index says another number, the ordinal is not known.
func (p *Pod) ordinal(set string) (int64, error) {
	text, ok := strings.CutPrefix(p.Metadata.Name, set+"-")
	n, err := strconv.ParseInt(text, 10, 32)
	if !ok || err != nil || n < 0 || strconv.FormatInt(n, 10) != text {
		return 0, fmt.Errorf("the pod's name is %s: expected %s- and an ordinal", p.Metadata.Name, set)
	}
	if index := p.Metadata.Labels.Index; index != "" && index != text {
		return 0, fmt.Errorf("the pod's name is %s, its label apps.kubernetes.io/pod-index %q: expected the same ordinal", p.Metadata.Name, index)
	}
	return n, nil
}
