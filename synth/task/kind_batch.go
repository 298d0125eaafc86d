package task

import (
	"slices"
	"strings"

	"muonclip/synth/domain"
	"muonclip/synth/task/value"
	"muonclip/synth/tool"
	"muonclip/synth/world"
)

// may asks whether an operation is possible for a record, and why not.
func (b *builder) may(seg *Segment, t *tool.Tool, args map[string]any) *Segment {
	p := t.ByRole(tool.RoleID)
	if p == nil || t.Asks == "" {
		return nil
	}
	id, _ := t.At(args, p).(string)
	rec, ok := b.w.Get(p.Entity, id)
	res, err := t.Call(b.w.Clone(), t.Encode(args))
	if !ok || err != nil {
		return nil
	}
	v, err := value.Decode(res.JSON())
	if err != nil {
		return nil
	}
	_, verb, _ := strings.Cut(t.Asks, ".")
	seg.Intent.Act, seg.Intent.Entity, seg.Intent.Verb = ActMay, rec.Entity, verb
	from, _ := b.locate(seg, rec, RoleTarget, byID)
	call := b.call(seg, t, arg(p, from))
	seg.Facts = append(seg.Facts, &Fact{Label: "possible", Value: value.Value{Type: domain.Bool}, From: result(call, t.Key("allowed"))})
	if list, _ := value.At(v, t.Key("reasons")).([]any); len(list) > 0 {
		seg.Facts = append(seg.Facts, &Fact{Label: "reasons", Value: value.Value{Type: domain.List}, From: result(call, t.Key("reasons"))})
	}
	b.report(seg)
	return seg
}

// targets lets the user name several records by their ids. It returns where the list of the ids comes from.
func (b *builder) targets(seg *Segment, records []*world.Record) Source {
	from := Source{Kind: FromSlots}
	for _, rec := range records {
		s, _ := b.locate(seg, rec, RoleTarget, byID)
		from.List = append(from.List, s.Slot)
	}
	return from
}

// bulk changes several records in one call.
func (b *builder) bulk() *Segment {
	for range 12 {
		t := choose(b.r, b.p.writes)
		ids := t.ByRole(tool.RoleIDs)
		if t.Kind != "bulk" || t.Consent || ids == nil {
			continue
		}
		args, ok := t.Sample(b.w, b.r)
		if !ok || !common(t) {
			continue
		}
		b.prune(t, args)
		records := b.free(ids.Entity, t.At(args, ids))
		d := &deed{tool: t, args: args}
		if len(records) < 2 || !b.lawful(d) || !b.works(d) || !b.complete(d, len(records)) {
			continue
		}
		e := records[0].Entity
		seg := b.segment(Parallel, ActEdit, t, e)
		seg.Intent.Verb = t.Operation[strings.IndexByte(t.Operation, '.')+1:]
		if e.Transition(seg.Intent.Verb) != nil {
			seg.Intent.Act = ActTransition
		}
		list := []Arg{arg(ids, b.targets(seg, records))}
		for i := range t.Params {
			if p := &t.Params[i]; p != ids && t.At(args, p) != nil {
				list = append(list, arg(p, fromSlot(b.valueSlot(seg, p, t.At(args, p)))))
			}
		}
		call := b.call(seg, t, list...)
		seg.Facts = append(seg.Facts, &Fact{Label: value.Words(e.Plural) + " changed", Value: value.Value{Type: domain.Refs}, From: result(call, t.Key("done"))})
		b.report(seg)
		for _, rec := range records {
			b.used[rec.ID] = true
		}
		return seg
	}
	return nil
}

// free finds the records of ids; nil where one of them was the matter of an earlier request.
func (b *builder) free(entity string, ids any) []*world.Record {
	list, _ := ids.([]any)
	var out []*world.Record
	for _, v := range list {
		id, _ := v.(string)
		rec, ok := b.w.Get(entity, id)
		if !ok || b.used[id] {
			return nil
		}
		out = append(out, rec)
	}
	return out
}

// complete reports whether a call changes each of n records and nothing else.
func (b *builder) complete(d *deed, n int) bool {
	w := b.w.Clone()
	if _, err := d.tool.Call(w, d.tool.Encode(d.args)); err != nil {
		return false
	}
	changed := map[string]bool{}
	for _, c := range world.Diff(b.w, w) {
		changed[c.ID] = true
	}
	return len(changed) == n
}

// compare asks in what records differ.
func (b *builder) compare() *Segment {
	at := slices.IndexFunc(b.p.reads, func(t *tool.Tool) bool { return t.Kind == "compare" })
	if at < 0 {
		return nil
	}
	var tools []*tool.Tool
	for _, t := range b.p.reads[at:] {
		if t.Kind == "compare" {
			tools = append(tools, t)
		}
	}
	t := choose(b.r, tools)
	ids := t.ByRole(tool.RoleIDs)
	e := b.d.Entity(t.Entity)
	records := shuffled(b.r, b.w.Records(e.Name))
	if len(records) < 2 || ids == nil {
		return nil
	}
	records = records[:min(len(records), 2+b.r.IntN(2))]
	var fields []*domain.Field
	for _, f := range shuffled(b.r, e.Fields) {
		if len(fields) == 2 || f.Type == domain.Object || f.Type == domain.List || f.Type == domain.Refs || f.Type == domain.Bool || f.Type == domain.Text {
			continue
		}
		first := records[0].Get(f.Name)
		differs := slices.ContainsFunc(records, func(r *world.Record) bool { return !value.Equal(r.Get(f.Name), first) })
		if differs && f.Name != e.Label && strings.Contains(t.Source, `"`+f.Name+`"`) {
			fields = append(fields, f)
		}
	}
	if len(fields) == 0 {
		return nil
	}
	seg := b.segment(Parallel, ActAsk, t, e)
	call := b.call(seg, t, arg(ids, b.targets(seg, records)))
	var names []string
	for _, f := range fields {
		label := fieldName(f)
		names = append(names, "the "+label)
		for n, rec := range records {
			seg.Facts = append(seg.Facts, &Fact{Label: label + " of " + rec.ID, Value: value.Value{Type: f.Type, Unit: f.Unit},
				From: Source{Kind: FromCell, Step: call, Path: []string{"differences", "field", f.Name, "values"}, Nth: n}})
		}
	}
	differ := " differ"
	if len(fields) == 1 {
		differ = " differs"
	}
	seg.Intent.Noun, seg.Intent.Join = "how "+value.Join(names)+differ, " between "
	b.report(seg)
	return seg
}
