package task

import (
	"slices"

	"muonclip/synth/domain"
	"muonclip/synth/task/value"
	"muonclip/synth/world"
)

// dependent is a request about a record that has to be found first.
func (b *builder) dependent() *Segment {
	w := []way{byLabel, byLabel, byOwner}[b.r.IntN(3)]
	if b.r.IntN(5) < 3 {
		return b.change(Dependent, w, b.r.IntN(3) == 0)
	}
	e := choose(b.r, b.d.Entities)
	rec := b.record(e.Name, nil)
	if rec == nil {
		return nil
	}
	seg := b.segment(Dependent, ActRead, nil, e)
	id, ok := b.locate(seg, rec, RoleTarget, w)
	if !ok {
		return nil
	}
	if ref := b.hop(seg, rec, id); !ref && !b.read(seg, rec, id, 1+b.r.IntN(2)) || len(seg.Steps) < 2 {
		return nil
	}
	b.report(seg)
	return seg
}

// hop continues from a record to one that it refers to and asks for a field of that.
func (b *builder) hop(seg *Segment, rec *world.Record, id Source) bool {
	t := b.p.getters[rec.Entity.Name]
	if t == nil || b.r.IntN(2) == 0 {
		return false
	}
	for _, f := range shuffled(b.r, rec.Entity.Fields) {
		ref, ok := rec.Get(f.Name).(string)
		next := b.p.getters[f.To]
		if f.Type != domain.Ref || !ok || next == nil || !t.Shows(f.Name) || slices.ContainsFunc(seg.Slots, func(s *Slot) bool { return s.Role == RoleOwner && s.Entity == value.Words(f.To) }) {
			continue // not back to where the search began
		}
		to, there := b.w.Get(f.To, ref)
		if !there {
			continue
		}
		var from Source
		if id.Kind == FromPicked && b.tools[seg.Steps[id.Step].Tool].Shown == nil { // the look-up has given the whole record
			from = picked(id.Step, b.tools[seg.Steps[id.Step].Tool].Key(f.Name))
		} else {
			from = result(b.call(seg, t, arg(required(t)[0], id)), t.Key(f.Name))
		}
		call := b.call(seg, next, arg(required(next)[0], from))
		for _, g := range shuffled(b.r, to.Entity.Fields) {
			if to.Get(g.Name) != nil && next.Shows(g.Name) && g.Type != domain.Object && g.Type != domain.Bool {
				label := fieldName(g) + " of the " + value.Words(f.Name)
				seg.Facts = append(seg.Facts, &Fact{Label: label, Value: value.Value{Type: g.Type, Unit: g.Unit}, From: result(call, next.Key(g.Name))})
				seg.Intent.Asks = []string{label}
				return true
			}
		}
	}
	return false
}
