package task

import (
	"slices"

	"muonclip/synth/domain"
	"muonclip/synth/task/value"
	"muonclip/synth/tool"
	"muonclip/synth/world"
)

// forbidden is a request that a rule of the house does not allow for this record.
func (b *builder) forbidden() *Segment {
	for _, rule := range shuffled(b.r, b.d.Rules) {
		op := rule.Forbid
		e := b.d.Entity(rule.Entity())
		tools := b.p.set.Using(op)
		if e == nil || len(tools) == 0 || b.p.getters[e.Name] == nil {
			continue
		}
		t := choose(b.r, tools)
		rec := b.record(e.Name, func(r *world.Record) bool {
			if tr := e.Transition(rule.Verb()); tr != nil && !slices.Contains(tr.From, r.Text(e.State)) {
				return false
			}
			rules, err := b.p.set.Model.Violations(b.w, op, r)
			return err == nil && len(rules) == 1 && rules[0].Say == rule.Say
		})
		main := t.ByRole(tool.RoleID)
		if rec == nil || main == nil || !wordable(t) {
			continue
		}
		seg := b.segment(Forbidden, ActDo, t, e)
		seg.Outcome, seg.Rule, seg.Insists = Refused, rule, b.r.IntN(3) == 0
		b.intend(seg, t)
		w := []way{byID, byID, byLabel}[b.r.IntN(3)]
		id, ok := b.locate(seg, rec, RoleTarget, w)
		if !ok {
			if id, ok = b.locate(seg, rec, RoleTarget, byID); !ok {
				continue
			}
		}
		if id.Kind == FromSlot {
			b.look(seg, e, id)
		}
		if args, ok := t.Sample(b.w, b.r); ok { // the values that the user wants to set
			b.prune(t, args)
			for i := range t.Params {
				if p := &t.Params[i]; p != main && t.At(args, p) != nil {
					b.valueSlot(seg, p, t.At(args, p))
				}
			}
		}
		seg.Facts = append(seg.Facts, &Fact{Label: "the rule", Gist: true, Value: value.Value{V: rule.Say, Type: domain.Text}})
		b.report(seg)
		b.offer(t)
		b.used[rec.ID] = true
		return seg
	}
	return nil
}

// consent is a change to which the user has to agree, and sometimes does not.
func (b *builder) consent() *Segment {
	d, ok := b.draw(func(t *tool.Tool) bool { return t.Consent })
	if !ok || d.rec == nil {
		return nil
	}
	seg := b.segment(Consent, ActDo, d.tool, d.rec.Entity)
	b.intend(seg, d.tool)
	w := byID
	if b.r.IntN(3) == 0 {
		w = byLabel
	}
	declined := b.r.IntN(4) == 0
	if b.finish(seg, d, w, declined || b.r.IntN(2) == 0, func() { b.step(seg, Step{Do: DoConsent}) }) == nil {
		return nil
	}
	if declined {
		seg.Outcome, seg.Facts = Declined, nil
		for _, s := range seg.Steps {
			if s.Do == DoCall {
				return seg // something is read, so that doing nothing at all is not enough
			}
		}
		return nil
	}
	return seg
}
