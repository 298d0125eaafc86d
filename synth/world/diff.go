package world

import "sort"

// Change is one difference between two worlds of a domain.
type Change struct {
	Kind   string `json:"kind"` // created, changed or removed
	Entity string `json:"entity"`
	ID     string `json:"id"`
	Field  string `json:"field,omitempty"` // "" when a whole record came or went
	Before any    `json:"before,omitempty"`
	After  any    `json:"after,omitempty"`
}

// Diff lists what changed, by entity in the order of the file, by id, and by field in the order of the file. A record
// that was created or removed is one change with the whole record as a map.
func Diff(before, after *World) []Change {
	var out []Change
	for i, e := range before.model.d.Entities {
		a, b := before.tables[i], after.tables[i]
		if a == b || a.sum == b.sum {
			continue
		}
		start := len(out)
		for _, r := range a.records {
			k := b.index(r.ID)
			if k < 0 {
				out = append(out, Change{Kind: "removed", Entity: e.Name, ID: r.ID, Before: r.Map()})
				continue
			}
			if n := b.records[k]; n != r {
				for j, f := range e.Fields {
					if !equal(r.values[j], n.values[j]) {
						out = append(out, Change{Kind: "changed", Entity: e.Name, ID: r.ID, Field: f.Name,
							Before: clone(r.values[j]), After: clone(n.values[j])})
					}
				}
			}
		}
		for _, r := range b.records {
			if a.index(r.ID) < 0 {
				out = append(out, Change{Kind: "created", Entity: e.Name, ID: r.ID, After: r.Map()})
			}
		}
		part := out[start:]
		sort.SliceStable(part, func(i, j int) bool { return part[i].ID < part[j].ID })
	}
	return out
}
