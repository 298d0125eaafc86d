package task

import (
	"slices"
	"strings"

	"muonclip/synth/domain"
	"muonclip/synth/task/value"
	"muonclip/synth/world"
)

// impossible is a request for a record that does not exist or whose state does not allow it.
func (b *builder) impossible() *Segment {
	if b.r.IntN(2) == 0 {
		return b.absent()
	}
	for _, e := range shuffled(b.r, b.d.Entities) {
		for _, tr := range shuffled(b.r, e.Transitions) {
			tools := b.p.set.Using(e.Name + "." + tr.Verb)
			t := b.p.getters[e.Name]
			if len(tools) == 0 || t == nil {
				continue
			}
			rec := b.record(e.Name, func(r *world.Record) bool { return !slices.Contains(tr.From, r.Text(e.State)) })
			tl := choose(b.r, tools)
			if rec == nil || tl.Kind != "transition" {
				continue
			}
			seg := b.segment(Impossible, ActTransition, tl, e)
			seg.Outcome, seg.Why, seg.Needs = Blocked, WhyState, tr.From
			b.intend(seg, tl)
			id, ok := b.locate(seg, rec, RoleTarget, []way{byID, byLabel}[b.r.IntN(2)])
			if !ok {
				continue
			}
			from := id
			if id.Kind == FromSlot {
				call := b.call(seg, t, arg(required(t)[0], id))
				from = result(call)
			}
			from.Path = []string{b.tools[seg.Steps[from.Step].Tool].Key(e.State)}
			seg.Facts = append(seg.Facts, &Fact{Label: value.Words(e.State), Value: value.Value{Type: domain.Enum}, From: from})
			b.report(seg)
			b.offer(tl)
			return seg
		}
	}
	return nil
}

// absent asks for a record that nobody has.
func (b *builder) absent() *Segment {
	e := choose(b.r, b.d.Entities)
	t := b.p.getters[e.Name]
	if t == nil {
		return nil
	}
	seg := b.segment(Impossible, ActRead, t, e)
	seg.Outcome, seg.Why = Blocked, WhyMissing
	f := choose(b.r, e.Fields)
	seg.Intent.Asks = []string{b.label(f)}
	if finder := b.p.finders[e.Name][e.Label]; finder != nil && e.Field(e.Label) != nil && b.r.IntN(2) == 0 {
		for range 6 {
			name, ok := b.w.Draw(b.r, e.Field(e.Label)).(string)
			if !ok || len(b.w.ByLabel(e.Name, name)) > 0 || e.Field(e.Label).Type == domain.Title {
				continue
			}
			i := b.lookup(seg, finder, e, RoleTarget, name)
			if finder.Returns.Shape == "record" {
				seg.Steps[i].Code = string(world.NotFound)
			}
			b.report(seg)
			return seg
		}
		return nil
	}
	for range 6 {
		id := e.NewID(b.r.IntN)
		if _, there := b.w.Get(e.Name, id); there {
			continue
		}
		s := b.slot(seg, Slot{Label: value.Words(e.Name) + " number", Entity: value.Words(e.Name), Param: "id", Role: RoleTarget, Value: value.Value{V: id, Type: domain.Ref}})
		i := b.call(seg, t, arg(required(t)[0], fromSlot(s)))
		seg.Steps[i].Code = string(world.NotFound)
		b.report(seg)
		return seg
	}
	return nil
}

// noTool is a question that the agent's instructions answer.
func (b *builder) noTool() *Segment {
	if b.r.IntN(4) == 0 || len(b.d.Rules) == 0 {
		seg := b.segment(NoTool, ActScope, nil, nil)
		seg.Outcome = Answered
		seg.Facts = append(seg.Facts, &Fact{Label: "what the service is for", Gist: true, Value: value.Value{V: b.d.About, Type: domain.Text}})
		b.report(seg)
		return seg
	}
	rule := choose(b.r, b.d.Rules)
	seg := b.segment(NoTool, ActPolicy, nil, b.d.Entity(rule.Entity()))
	seg.Outcome, seg.Rule = Answered, rule
	seg.Intent.Phrase = policyPhrase(rule)
	seg.Facts = append(seg.Facts, &Fact{Label: "the rule", Gist: true, Value: value.Value{V: rule.Say, Type: domain.Text}})
	b.report(seg)
	return seg
}

// policyPhrase words what a rule is about: "cancel a reservation".
func policyPhrase(rule *domain.Rule) string {
	e := value.Words(rule.Entity())
	verb := value.Words(rule.Verb())
	if strings.Contains(verb, " ") {
		return verb + " for " + an(e)
	}
	return verb + " " + an(e)
}

func an(noun string) string {
	if noun != "" && strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}
