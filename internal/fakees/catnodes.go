package fakees

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// catNodes is GET /_cat/nodes. It needs a master, and asks every node of the cluster without a
// timeout. Ids are cut to four characters unless full_id is given; rows come in no order.
func (c *Cluster) catNodes(ctx context.Context, r *call) (any, *apiError) {
	known := []string{"h", "v", "s", "full_id", "bytes", "time", "ts", "local", "master_timeout", "include_unloaded_segments"}
	if refusal := r.refuseUnknown(known...); refusal != nil {
		return nil, refusal
	}
	if refusal := c.awaitMaster(ctx, r); refusal != nil {
		return nil, refusal
	}
	members := c.Nodes()
	if slices.ContainsFunc(members, c.isSilent) {
		<-ctx.Done()
	}
	rows := c.catRows(r, members)
	if acceptsJSON(r) {
		return catJSON(rows), nil
	}
	return catText(rows, r.flag("v")), nil
}

// catRows are the wanted columns of each node. Columns that do not exist are left out.
func (c *Cluster) catRows(r *call, members []Node) [][]member {
	names := strings.Split(cmp.Or(r.params.Get("h"), "ip,heap.percent,cpu,node.role,master,name"), ",")
	var rows [][]member
	for i, n := range members {
		cells := c.cells(n, r.flag("full_id"), i == 0)
		var row []member
		for _, name := range names {
			if value, ok := cells[name]; ok {
				row = append(row, member{name, value})
			}
		}
		rows = append(rows, row)
	}
	for _, by := range slices.Backward(strings.Split(r.params.Get("s"), ",")) {
		slices.SortStableFunc(rows, func(a, b []member) int { return cmp.Compare(cell(a, by), cell(b, by)) })
	}
	return rows
}

func (c *Cluster) cells(n Node, fullID, master bool) map[string]string {
	id, star := n.ID, "-"
	if !fullID && len(id) > 4 {
		id = id[:4]
	}
	if master {
		star = "*"
	}
	return map[string]string{
		"id": id, "name": n.Name, "ip": n.IP, "http": n.publishAddress(), "port": "9300",
		"version": c.version.number, "node.role": "dimr", "master": star,
		"heap.percent": "42", "cpu": "1",
	}
}

func cell(row []member, name string) string {
	for _, m := range row {
		if m.name == name {
			return m.value.(string)
		}
	}
	return ""
}

func catJSON(rows [][]member) []any {
	items := []any{}
	for _, row := range rows {
		items = append(items, object(row))
	}
	return items
}

// catText pads all columns but the last.
func catText(rows [][]member, header bool) text {
	if header && len(rows) > 0 {
		var names []member
		for _, m := range rows[0] {
			names = append(names, member{m.name, m.name})
		}
		rows = append([][]member{names}, rows...)
	}
	widths := columnWidths(rows)
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for _, m := range row {
			fmt.Fprintf(&line, "%-*s ", widths[m.name], m.value)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return text(b.String())
}

func columnWidths(rows [][]member) map[string]int {
	widths := map[string]int{}
	for _, row := range rows {
		for _, m := range row {
			widths[m.name] = max(widths[m.name], len(m.value.(string)))
		}
	}
	return widths
}
