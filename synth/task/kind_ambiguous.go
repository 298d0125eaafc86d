package task

import (
	"slices"

	"muonclip/synth/domain"
	"muonclip/synth/task/value"
	"muonclip/synth/tool"
	"muonclip/synth/world"
)

// ambiguous is a request about a record whose name another one shares, or that belongs to somebody who has several.
func (b *builder) ambiguous() *Segment {
	for range 10 {
		d, ok := b.draw(func(t *tool.Tool) bool { return mild(t) && (t.Kind == "transition" || t.Kind == "edit") })
		if !ok {
			return nil
		}
		seg := b.segment(Ambiguous, ActDo, d.tool, d.rec.Entity)
		b.intend(seg, d.tool)
		var i int
		var found bool
		if b.r.IntN(2) == 0 && len(b.segs) == 0 {
			i, found = b.namesakes(seg, d.rec)
		} else {
			i, found = b.siblings(seg, d.rec)
		}
		if !found || !b.lawful(d) || !b.works(d) {
			continue
		}
		call := b.plan(seg, d, picked(i, "id"))
		seg.Facts = append(seg.Facts, &Fact{Label: value.Words(d.rec.Entity.Name), Value: value.Value{Type: domain.Ref}, From: picked(i, "id")})
		b.outcome(seg, d, call)
		b.probe(seg, d, call)
		b.report(seg)
		b.used[d.rec.ID] = true
		return seg
	}
	return nil
}

// namesakes gives another record the same name before anything happens, and plans the question which is meant.
func (b *builder) namesakes(seg *Segment, rec *world.Record) (int, bool) {
	e := rec.Entity
	t := b.p.finders[e.Name][e.Label]
	name, ok := rec.Get(e.Label).(string)
	if t == nil || !ok || e.Label == "id" || t.Returns.Shape == "record" {
		return 0, false
	}
	var other *world.Record
	for _, r := range shuffled(b.r, b.w.Records(e.Name)) {
		if r.ID != rec.ID && !b.used[r.ID] {
			other = r
			break
		}
	}
	if other == nil {
		return 0, false
	}
	w := b.start.Clone()
	if w.Update(e.Name, other.ID, map[string]any{e.Label: name}) != nil {
		return 0, false
	}
	other, _ = w.Get(e.Name, other.ID)
	f := b.telling(rec, []*world.Record{other}, e.Label)
	if f == nil {
		return 0, false
	}
	b.start, b.w = w, w.Clone()
	b.gold.world = b.w
	i := b.lookup(seg, t, e, RoleTarget, name)
	b.which(seg, rec, f, t, i)
	return i, true
}

// siblings refers to a record through an owner that has several.
func (b *builder) siblings(seg *Segment, rec *world.Record) (int, bool) {
	e := rec.Entity
	for _, f := range shuffled(b.r, e.Fields) {
		t := b.p.children[e.Name][f.Name]
		id, ok := rec.Get(f.Name).(string)
		if f.Type != domain.Ref || t == nil || !ok || t.Returns.Shape != "records" {
			continue
		}
		var others []*world.Record
		for _, r := range b.w.Records(e.Name) {
			if r.ID != rec.ID && r.Get(f.Name) == id {
				others = append(others, r)
			}
		}
		owner, there := b.w.Get(f.To, id)
		if len(others) == 0 || len(others) > 5 || !there {
			continue
		}
		tell := b.telling(rec, others, f.Name)
		if tell == nil {
			continue
		}
		from, ok := b.byLabel(seg, owner, RoleOwner)
		if !ok {
			from, _ = b.locate(seg, owner, RoleOwner, byID)
		}
		i := b.call(seg, t, arg(paramFor(t, f.Name), from))
		b.which(seg, rec, tell, t, i)
		return i, true
	}
	return 0, false
}

// telling finds a field in which a record differs from all others.
func (b *builder) telling(rec *world.Record, others []*world.Record, not string) *domain.Field {
	for _, f := range shuffled(b.r, rec.Entity.Fields) {
		v := rec.Get(f.Name)
		switch f.Type {
		case domain.Bool, domain.Object, domain.List, domain.Refs, domain.Text, domain.Ref, domain.URL:
			continue
		}
		if v == nil || f.Name == not || slices.ContainsFunc(others, func(o *world.Record) bool { return o.Get(f.Name) == nil || value.Equal(o.Get(f.Name), v) }) {
			continue
		}
		return f
	}
	return nil
}

// which plans the question that tells a record from its namesakes or siblings.
func (b *builder) which(seg *Segment, rec *world.Record, f *domain.Field, t *tool.Tool, i int) {
	s := b.slot(seg, Slot{Label: fieldName(f), About: f.About, Entity: value.Words(rec.Entity.Name), Param: f.Name, Role: RoleWhich, Reveal: OnAsk, Value: value.Value{V: rec.Get(f.Name), Type: f.Type, Unit: f.Unit}})
	seg.Steps[i].Pick = append(seg.Steps[i].Pick, Cond{Field: t.Key(f.Name), Slot: s.Name})
	b.step(seg, Step{Do: DoChoose, Slot: s.Name, Step: i})
}
