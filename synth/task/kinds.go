package task

import (
	"muonclip/synth/task/value"
	"muonclip/synth/tool"
)

// make plans one segment of a kind; nil when this world and these tools do not give one.
func (b *builder) make(k Kind) *Segment {
	switch k {
	case Single:
		return b.single()
	case Dependent:
		return b.dependent()
	case Parallel:
		return b.parallel()
	case Loop:
		return b.loop()
	case Missing:
		return b.missing(false)
	case Ambiguous:
		return b.ambiguous()
	case Changed:
		return b.missing(true)
	case Forbidden:
		return b.forbidden()
	case Consent:
		return b.consent()
	case Impossible:
		return b.impossible()
	case NoTool:
		return b.noTool()
	}
	return nil
}

// mild reports whether a tool changes something without asking first.
func mild(t *tool.Tool) bool { return !t.Consent }

// single is a request that one call serves.
func (b *builder) single() *Segment {
	switch b.r.IntN(5) {
	case 0, 1:
		if seg := b.ask(Single); seg != nil {
			return seg
		}
	case 2:
		e := choose(b.r, b.d.Entities)
		rec := b.record(e.Name, nil)
		if rec == nil {
			return nil
		}
		seg := b.segment(Single, ActRead, nil, e)
		id, _ := b.locate(seg, rec, RoleTarget, byID)
		if !b.read(seg, rec, id, 1+b.r.IntN(3)) {
			return nil
		}
		b.report(seg)
		return seg
	}
	return b.change(Single, byID, false)
}

// change plans a change of one record that the user names in this way; first is whether the record is read before.
func (b *builder) change(k Kind, w way, first bool) *Segment {
	d, ok := b.draw(func(t *tool.Tool) bool { return mild(t) && (w == byID || t.Entity != "" && t.Kind != "create") })
	if !ok || d.rec == nil && w != byID {
		return nil
	}
	seg := b.segment(k, ActDo, d.tool, b.d.Entity(d.tool.Entity))
	b.intend(seg, d.tool)
	return b.finish(seg, d, w, first, nil)
}

// finish plans the calls of a change: find the record, maybe read it, do between, change it, tell.
func (b *builder) finish(seg *Segment, d *deed, w way, first bool, between func()) *Segment {
	var id Source
	if d.main != nil {
		if seg.Intent.Entity == nil || seg.Intent.Entity != d.rec.Entity {
			seg.Intent.Entity = d.rec.Entity
		}
		var ok bool
		if id, ok = b.locate(seg, d.rec, RoleTarget, w); !ok {
			return nil
		}
		if first && id.Kind == FromSlot { // a look-up by name has shown the record already
			b.look(seg, d.rec.Entity, id)
		}
		b.used[d.rec.ID] = true
	}
	if between != nil {
		between()
	}
	call := b.plan(seg, d, id)
	b.outcome(seg, d, call)
	b.probe(seg, d, call)
	if d.tool.Kind == "action" {
		w := b.w.Clone()
		if res, err := d.tool.Call(w, d.tool.Encode(d.args)); err == nil {
			v, _ := value.Decode(res.JSON())
			b.loose(seg, call, v, d.args, 3)
		}
	}
	b.report(seg)
	return seg
}

// probe says how to see whether a change was made, where the product has a tool that reads the record.
func (b *builder) probe(seg *Segment, d *deed, call int) {
	if d.rec == nil || d.tool.Kind != "transition" && d.tool.Kind != "edit" {
		return
	}
	t := b.p.getters[d.rec.Entity.Name]
	if t == nil {
		return
	}
	step := seg.Steps[call]
	c := &Check{Tool: t.Name}
	for _, a := range step.Args {
		if a.Param == d.main.Name {
			c.Args = []Arg{arg(required(t)[0], a.From)}
		}
	}
	if d.tool.Kind == "transition" {
		verb := d.rec.Entity.Transition(seg.Intent.Verb)
		if verb == nil {
			return
		}
		c.Field, c.Want = t.Key(d.rec.Entity.State), verb.To
	} else {
		for i := range d.tool.Params {
			if p := &d.tool.Params[i]; p.Role == tool.RoleValue {
				c.Field, c.Want = t.Key(p.Field), d.tool.At(d.args, p)
			}
		}
	}
	if c.Field != "" && c.Args != nil && !value.Equal(d.rec.Get(fieldOf(d.rec.Entity, t, c.Field)), c.Want) {
		step.Check = c
	}
}
