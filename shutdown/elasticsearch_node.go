package shutdown

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/prestop/prestop/internal/web"
)

// find finds our own node and settles which places are asked from then on: our own node, if it answers and is
// ours, then the others.
func (c *cluster) find(ctx context.Context) (member, error) {
	if err := nameable(c.Node); err != nil {
		return member{}, err
	}
	var found member
	noOwn := c.Away // no node of ours will join
	err := c.persist(ctx, func(ctx context.Context) (web.Answer, error) {
		asked := 0
		return c.sweep(ctx, c.all(), func(ctx context.Context, p Place) (a web.Answer, err error) {
			asked++
			if asked <= len(c.Own) {
				found, err = c.askOwn(ctx, p)
				noOwn = noOwn || errors.Is(err, errStranger)
				c.places = append([]Place{p}, c.Other...)
				return web.Answer{}, err
			}
			var all []member
			if all, a, err = c.members(ctx, p, url.PathEscape(c.Node)); err == nil { // any node of the cluster knows ours
				found, err = c.pick(all)
			}
			c.places = c.Other
			if _, ok := errors.AsType[noNode](err); ok && noOwn {
				err = web.Permanent(err)
			}
			return a, err
		})
	})
	return found, err
}

// nameable refuses names that the API would take for more than one node's.
func nameable(name string) error {
	switch {
	case name == "":
		return errors.New("the node's own name is not known: expected it in POD_NAME")
	case strings.HasPrefix(name, "_") || strings.ContainsAny(name, "*?,:"):
		return fmt.Errorf("the node's name %q cannot be looked up: expected no _ at its beginning and none of * ? , : in it", name)
	}
	return nil
}

// memberFields asks only for what is needed, so that the answer is as small in a large cluster as in a small one.
var memberFields = url.Values{"filter_path": {"_nodes.failed,nodes.*.name,nodes.*.http.publish_address"}}

// askOwn asks a node who it is. The answer is about the node that got the question, so it is believed only from our own node. It needs
// no master and no other node.
func (c *cluster) askOwn(ctx context.Context, p Place) (member, error) {
	all, a, err := c.members(ctx, p, "_local")
	if err != nil {
		return member{}, err
	}
	switch {
	case len(all) != 1:
		return member{}, fmt.Errorf("%s: does not say which node answers, and is not believed", web.Place(a.URL))
	case all[0].Name != c.Node:
		return member{}, fmt.Errorf("%s: answers for another node than %s and %w", web.Place(a.URL), shorten(c.Node), errStranger)
	}
	return all[0], nil
}

var errStranger = errors.New("is not believed")

// A noNode is the name of a node that is not in the cluster. It may be joining.
type noNode string

func (n noNode) Error() string { return fmt.Sprintf("no node called %s is in the cluster", string(n)) }

func (c *cluster) members(ctx context.Context, p Place, spec string) ([]member, web.Answer, error) {
	a, err := c.send(ctx, p, &apiCall{method: http.MethodGet, path: "/_nodes/" + spec + "/http?" + memberFields.Encode()})
	if err != nil {
		return nil, a, err
	}
	all, err := readMembers(a.Body)
	return all, a, of(a, err)
}

// pick takes the member that has our name. The API also returns members whose host name matches. If several have our name, pick takes
// the one with our address.
func (c *cluster) pick(all []member) (member, error) {
	named := slices.DeleteFunc(all, func(m member) bool { return m.Name != c.Node })
	ours := slices.DeleteFunc(slices.Clone(named), func(m member) bool { return !m.has(c.IP) })
	switch {
	case len(named) == 0:
		return member{}, noNode(shorten(c.Node))
	case len(named) == 1:
		return named[0], nil
	case len(ours) == 1:
		return ours[0], nil
	}
	return member{}, fmt.Errorf("%d nodes are called %s, and the pod's address (POD_IP %q) does not tell which is ours", len(named), shorten(c.Node), c.IP)
}
