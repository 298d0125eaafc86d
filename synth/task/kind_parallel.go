package task

import (
	"muonclip/synth/domain"
	"muonclip/synth/task/value"
	"muonclip/synth/tool"
)

// parallel is one request about several records, whose calls do not wait for one another.
func (b *builder) parallel() *Segment {
	e := choose(b.r, b.d.Entities)
	t := b.p.getters[e.Name]
	n := 2 + b.r.IntN(3)
	if t == nil || len(b.w.Records(e.Name)) < n {
		return nil
	}
	var seg *Segment
	switch b.r.IntN(6) {
	case 0, 1:
		seg = b.parallelChange(n)
	case 2:
		seg = b.bulk()
	case 3:
		seg = b.compare()
	}
	if seg != nil {
		return seg
	}
	seg = b.segment(Parallel, ActRead, t, e)
	var f *domain.Field
	for _, x := range shuffled(b.r, e.Fields) {
		if x.Type != domain.Object && x.Type != domain.Bool && x.Name != e.Label {
			f = x
			break
		}
	}
	if f == nil {
		return nil
	}
	label := fieldName(f)
	seg.Intent.Asks = []string{label}
	for _, rec := range shuffled(b.r, b.w.Records(e.Name))[:n] {
		id, _ := b.locate(seg, rec, RoleTarget, byID)
		call := b.call(seg, t, arg(required(t)[0], id))
		seg.Steps[call].Group = 1
		seg.Facts = append(seg.Facts, &Fact{Label: label + " of " + rec.ID, Value: value.Value{Type: f.Type, Unit: f.Unit}, From: result(call, t.Key(f.Name))})
	}
	b.report(seg)
	return seg
}

// parallelChange moves several records to another state at once.
func (b *builder) parallelChange(n int) *Segment {
	d, ok := b.draw(func(t *tool.Tool) bool { return mild(t) && t.Kind == "transition" })
	if !ok {
		return nil
	}
	seg := b.segment(Parallel, ActTransition, d.tool, d.rec.Entity)
	b.intend(seg, d.tool)
	var reason *Slot
	for _, rec := range shuffled(b.r, b.w.Records(d.rec.Entity.Name)) {
		if n == 0 {
			break
		}
		args := map[string]any{}
		for i := range d.tool.Params {
			p := &d.tool.Params[i]
			if v := d.tool.At(d.args, p); v != nil {
				d.tool.Put(args, p, v)
			}
		}
		d.tool.Put(args, d.main, rec.ID)
		one := &deed{tool: d.tool, args: args, rec: rec, main: d.main}
		if b.used[rec.ID] || !b.lawful(one) || !b.works(one) {
			continue
		}
		id, _ := b.locate(seg, rec, RoleTarget, byID)
		var list []Arg
		for i := range d.tool.Params {
			p := &d.tool.Params[i]
			v := d.tool.At(args, p)
			switch {
			case v == nil:
			case p == d.main:
				list = append(list, arg(p, id))
			default:
				if reason == nil {
					reason = b.valueSlot(seg, p, v)
				} else if reason.Param != p.Name {
					return nil
				}
				list = append(list, arg(p, fromSlot(reason)))
			}
		}
		call := b.call(seg, d.tool, list...)
		seg.Steps[call].Group = 1
		state := d.rec.Entity.State
		seg.Facts = append(seg.Facts, &Fact{Label: value.Words(state) + " of " + rec.ID, Value: value.Value{Type: domain.Enum}, From: result(call, d.tool.Key(state))})
		b.used[rec.ID] = true
		n--
	}
	if len(seg.Facts) < 2 {
		return nil
	}
	b.report(seg)
	return seg
}
