package task

import (
	"muonclip/synth/domain"
	"muonclip/synth/task/value"
	"muonclip/synth/tool"
	"muonclip/synth/world"
)

// loop is a request that is repeated over what a list gives.
func (b *builder) loop() *Segment {
	for range 8 {
		d, ok := b.draw(func(t *tool.Tool) bool { return mild(t) && (t.Kind == "transition" || t.Kind == "edit" && common(t)) })
		if !ok {
			return nil
		}
		if seg := b.loopOver(d); seg != nil {
			return seg
		}
	}
	return nil
}

// common reports whether several records may well have the value that a tool sets, as a status or a limit and unlike an
// address.
func common(t *tool.Tool) bool {
	for i := range t.Params {
		if p := &t.Params[i]; p.Role == tool.RoleValue && p.Type != domain.Enum && p.Type != domain.Date && p.Type != domain.Time && !p.Type.Numeric() {
			return false
		}
	}
	return true
}

// loopOver repeats a change over the records that share something with its own.
func (b *builder) loopOver(d *deed) *Segment {
	e := d.rec.Entity
	seg := b.segment(Loop, ActDo, d.tool, e)
	b.intend(seg, d.tool)
	var list int
	var member func(*world.Record) bool
	var whose string
	if f := b.shared(e, d.rec); f != nil && f.Type == domain.Enum {
		t := b.p.finders[e.Name][f.Name]
		v := d.rec.Get(f.Name)
		s := b.slot(seg, Slot{Label: value.Words(f.Name), Entity: value.Words(e.Name), Param: f.Name, Role: RoleFilter, Value: value.Value{V: v, Type: f.Type}})
		list = b.call(seg, t, arg(paramFor(t, f.Name), fromSlot(s)))
		member = func(r *world.Record) bool { return r.Get(f.Name) == v }
		whose = choose(b.r, []string{"whose " + s.Label + " is " + value.Words(v.(string)), "with " + s.Label + " " + value.Words(v.(string))})
	} else if f != nil {
		t := b.p.children[e.Name][f.Name]
		ref, _ := d.rec.Get(f.Name).(string)
		owner, ok := b.w.Get(f.To, ref)
		if !ok {
			return nil
		}
		from, ok := b.byLabel(seg, owner, RoleOwner)
		name := owner.Text(owner.Entity.Label)
		if !ok {
			from, _ = b.locate(seg, owner, RoleOwner, byID)
			name = owner.ID
		}
		list = b.call(seg, t, arg(paramFor(t, f.Name), from))
		member = func(r *world.Record) bool { return r.Get(f.Name) == ref }
		whose = choose(b.r, []string{"of ", "that belong to "}) + value.Words(f.To) + " " + name
	} else {
		return nil
	}
	count, fine, bad := 0, 0, 0
	for _, rec := range b.w.Records(e.Name) {
		if !member(rec) {
			continue
		}
		count++
		one := &deed{tool: d.tool, args: map[string]any{}, rec: rec, main: d.main}
		for i := range d.tool.Params {
			if p := &d.tool.Params[i]; d.tool.At(d.args, p) != nil {
				d.tool.Put(one.args, p, d.tool.At(d.args, p))
			}
		}
		d.tool.Put(one.args, d.main, rec.ID)
		if b.used[rec.ID] || !b.lawful(one) {
			return nil
		}
		if b.works(one) {
			fine++
		} else {
			bad++
		}
	}
	if count < 2 || count > 14 || fine < 2 || bad > 0 && d.tool.Kind != "transition" {
		return nil
	}
	return b.loopCalls(seg, d, list, whose, bad > 0)
}

// loopCalls adds the repeated call and its facts.
func (b *builder) loopCalls(seg *Segment, d *deed, list int, whose string, mixed bool) *Segment {
	e := d.rec.Entity
	var args []Arg
	var with string
	for i := range d.tool.Params {
		p := &d.tool.Params[i]
		v := d.tool.At(d.args, p)
		switch {
		case v == nil:
		case p == d.main:
			args = append(args, arg(p, Source{Kind: FromItem, Path: []string{"id"}}))
		default:
			s := b.valueSlot(seg, p, v)
			args = append(args, arg(p, fromSlot(s)))
			if s.Role == RoleReason {
				with += ", reason: " + value.Say(s.Value, b.today, b.r)
			} else {
				with += " to " + value.Say(s.Value, b.today, b.r)
			}
		}
	}
	call := b.call(seg, d.tool, args...)
	step := seg.Steps[call]
	step.Each, step.MayFail, step.Serial = list, mixed, b.r.IntN(3) == 0
	all := choose(b.r, []string{"all ", "every one of the ", "all the "}) + value.Words(e.Plural) + " " + whose
	seg.Intent.Each, seg.Intent.Tail = all, with
	if mixed {
		seg.Outcome, seg.Intent.Tail = Partly, with+" where possible"
	}
	seg.Facts = append(seg.Facts[:0:0], &Fact{Label: value.Words(e.Plural) + " changed", Value: value.Value{Type: domain.Refs}, From: Source{Kind: FromAll, Step: call, Path: []string{"id"}}})
	b.report(seg)
	return seg
}

// shared finds a field that records have in common and by which they can be listed.
func (b *builder) shared(e *domain.Entity, rec *world.Record) *domain.Field {
	for _, f := range shuffled(b.r, e.Fields) {
		if rec.Get(f.Name) == nil {
			continue
		}
		switch {
		case f.Type == domain.Enum && b.p.finders[e.Name][f.Name] != nil && b.p.finders[e.Name][f.Name].Returns.Shape == "records":
			return f
		case f.Type == domain.Ref && b.p.children[e.Name][f.Name] != nil && b.p.children[e.Name][f.Name].Returns.Shape == "records":
			return f
		}
	}
	return nil
}
