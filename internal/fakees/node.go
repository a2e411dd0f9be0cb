package fakees

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"slices"
	"strings"
)

// A Node is a member of the cluster. AddNode fills in the fields that are empty.
type Node struct {
	Name        string            // node.name, "es-0" and so on; several nodes may have the same
	ID          string            // 22 characters, the same in each run
	EphemeralID string            // another id, new with each start of the node
	IP          string            // 10.244.0.1 and so on
	Host        string            // the IP, unless given
	Attributes  map[string]string // node.attr.*
}

// AddNode lets a node join and returns it as it joined. It panics if its id is taken.
func (c *Cluster) AddNode(n Node) Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n.Name == "" {
		n.Name = fmt.Sprintf("es-%d", len(c.nodes))
	}
	if n.IP == "" {
		n.IP = fmt.Sprintf("10.244.%d.%d", (c.born+1)/256, (c.born+1)%256)
	}
	if n.Host == "" {
		n.Host = n.IP
	}
	if n.ID == "" {
		n.ID = c.newID("node", n.Name)
	}
	if n.EphemeralID == "" {
		n.EphemeralID = c.newID("ephemeral", n.Name)
	}
	if c.indexOf(n.ID) >= 0 {
		panic(fmt.Sprintf("fakees: the id %q of node %q is taken", n.ID, n.Name))
	}
	c.nodes = append(c.nodes, n)
	c.seen(n.ID)
	return n
}

// RemoveNode lets a node leave, given by name or id. Its record stays, and its handler drops every
// connection. It panics if there is no such node.
func (c *Cluster) RemoveNode(nameOrID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.mustIndex(nameOrID)
	delete(c.silent, c.nodes[i].ID)
	c.nodes = slices.Delete(c.nodes, i, i+1)
}

// RestartNode lets a node leave and come back. If its data survived, it keeps its id. If not (emptyDir), it
// has another id. It always has another ephemeral id. Records stay as they are. It panics if
// there is no such node.
func (c *Cluster) RestartNode(nameOrID string, keepID bool) Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := &c.nodes[c.mustIndex(nameOrID)]
	delete(c.silent, n.ID)
	n.EphemeralID = c.newID("ephemeral", n.Name)
	if !keepID {
		n.ID = c.newID("node", n.Name)
	}
	c.seen(n.ID)
	return *n
}

// Silence decides whether a node answers the other nodes. While it is silent, nodes-info
// counts it as failed, and _cat/nodes waits for it without end. It panics if there is no such node.
func (c *Cluster) Silence(nameOrID string, silent bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silent[c.nodes[c.mustIndex(nameOrID)].ID] = silent
}

// Nodes are the members, in no useful order, as the cluster itself lists them.
func (c *Cluster) Nodes() []Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.SortedFunc(slices.Values(c.nodes), func(a, b Node) int { return strings.Compare(a.ID, b.ID) })
}

// ReadinessOpen tells whether the node's readiness.port accepts connections. From 8.2 on it does while the
// node is a member, there is a master, and no shutdown record of any type has the node's id.
func (c *Cluster) ReadinessOpen(nameOrID string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.indexOf(nameOrID)
	if i < 0 || c.elected != nil || !c.version.hasReadiness() {
		return false
	}
	return c.records[c.nodes[i].ID] == nil
}

func (n Node) transportAddress() string { return net.JoinHostPort(n.IP, "9300") }

// publishAddress is the publish address of HTTP: host/ip:port if the host has a name of its own.
func (n Node) publishAddress() string {
	address := net.JoinHostPort(n.IP, "9200")
	if n.Host != n.IP {
		return n.Host + "/" + address
	}
	return address
}

func (c *Cluster) lookup(nameOrID string) (Node, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := c.indexOf(nameOrID); i >= 0 {
		return c.nodes[i], true
	}
	return Node{}, false
}

func (c *Cluster) indexOf(nameOrID string) int {
	i := slices.IndexFunc(c.nodes, func(n Node) bool { return n.ID == nameOrID })
	if i < 0 {
		i = slices.IndexFunc(c.nodes, func(n Node) bool { return n.Name == nameOrID })
	}
	return i
}

func (c *Cluster) mustIndex(nameOrID string) int {
	i := c.indexOf(nameOrID)
	if i < 0 {
		panic(fmt.Sprintf("fakees: no node %q", nameOrID))
	}
	return i
}

func (c *Cluster) newID(kind, name string) string {
	c.born++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d", kind, name, c.born))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
