package task

import (
	"strings"

	"muonclip/synth/domain"
	"muonclip/synth/task/value"
	"muonclip/synth/tool"
	"muonclip/synth/world"
)

// most is the length of the longest list that a user is told in full.
const most = 8

// read plans a question for some fields of one record, whose id comes from a look-up or from the user. The steps that
// find it are in seg already.
func (b *builder) read(seg *Segment, rec *world.Record, id Source, n int) bool {
	if id.Kind == FromPicked {
		if t := b.tools[seg.Steps[id.Step].Tool]; t.Shown == nil { // the look-up has given the whole record
			return b.fields(seg, rec, t, id, n)
		}
	}
	t := b.p.getters[rec.Entity.Name]
	if t == nil {
		return false
	}
	call := b.call(seg, t, arg(required(t)[0], id))
	return b.fields(seg, rec, t, result(call), n)
}

// fields makes n fields of a record the facts that are asked for.
func (b *builder) fields(seg *Segment, rec *world.Record, t *tool.Tool, from Source, n int) bool {
	for _, f := range shuffled(b.r, rec.Entity.Fields) {
		if n == 0 {
			break
		}
		v := rec.Get(f.Name)
		if v == nil && b.r.IntN(4) > 0 || f.Type == domain.Bool && (n > 1 || len(seg.Facts) > 0) || f.Type == domain.Object || f.Type == domain.Ref && b.r.IntN(2) == 0 || f.Name == rec.Entity.Label || !t.Shows(f.Name) {
			continue
		}
		label := b.label(f)
		at := from
		at.Path = []string{t.Key(f.Name)}
		seg.Facts = append(seg.Facts, &Fact{Label: label, Value: value.Value{Type: f.Type, Unit: f.Unit}, From: at})
		seg.Intent.Asks = append(seg.Intent.Asks, label)
		n--
	}
	if len(seg.Intent.Asks) > 1 { // indirect questions do not stand in a list of nouns
		for i, a := range seg.Intent.Asks {
			if question(a) {
				for _, f := range seg.Facts {
					if f.Label == a {
						f.Label = value.Words(fieldOf(rec.Entity, t, f.From.Path[0]))
						seg.Intent.Asks[i] = f.Label
					}
				}
			}
		}
	}
	return len(seg.Intent.Asks) > 0
}

// fieldOf finds the name of the field that has this key in results.
func fieldOf(e *domain.Entity, t *tool.Tool, key string) string {
	for _, f := range e.Fields {
		if t.Key(f.Name) == key {
			return f.Name
		}
	}
	return key
}

// ask plans a question that one call of some reading tool answers.
func (b *builder) ask(k Kind) *Segment {
	pools := [...][]*tool.Tool{b.p.reads, b.p.lists}
	for range 16 {
		list := pools[b.r.IntN(2)]
		if len(list) == 0 {
			continue
		}
		t := choose(b.r, list)
		args, ok := t.Sample(b.w, b.r)
		if !ok {
			continue
		}
		b.prune(t, args)
		if seg := b.question(k, t, args); seg != nil {
			return seg
		}
	}
	return nil
}

// question words a call of a reading tool; nil when people would not ask for that.
func (b *builder) question(k Kind, t *tool.Tool, args map[string]any) *Segment {
	seg := b.segment(k, ActAsk, t, b.d.Entity(t.Entity))
	in := &seg.Intent
	e := b.d.Entity(t.Returns.Entity)
	plural := ""
	if e != nil {
		plural = value.Words(e.Plural)
	}
	switch t.Kind {
	case "list", "list_by", "range", "on_day":
		in.Noun, in.Join = "the "+plural, " with "
		if len(args) == 0 {
			return nil
		}
	case "list_of":
		if t.Returns.Shape == "groups" || t.ByRole(tool.RoleID) == nil {
			return nil
		}
		in.Noun, in.Join = "the "+plural, choose(b.r, []string{" of ", " that belong to "})
	case "count":
		in.Noun, in.Join = "how many "+plural+" there are", " with "
		if t.Returns.Shape == "groups" {
			in.Noun += " for each " + value.Words(t.Returns.Field)
		}
	case "breakdown":
		in.Noun, in.Join = "how many "+plural+" there are for each "+value.Words(t.Returns.Field), " with "
	case "overdue":
		in.Noun, in.Join = "which "+plural+" are overdue", " with "
	case "available":
		if t.Returns.Shape != "records" {
			return nil
		}
		in.Noun, in.Join = "which "+plural+" are free", " with "
	case "total":
		f := strings.TrimPrefix(t.Returns.Field, "total_")
		if t.Returns.Shape != "value" || f == t.Returns.Field {
			return nil
		}
		in.Noun, in.Join = "the total "+totalled(e, f)+" of the "+plural, " with "
	case "action":
		a := b.d.Action(strings.TrimPrefix(t.Operation, "action."))
		if a == nil {
			for _, x := range b.d.Actions {
				if bare(t.Name) == bare(x.Name) || strings.HasSuffix(bare(t.Name), bare(x.Name)) {
					a = x
				}
			}
		}
		if a == nil || t.Writes {
			return nil
		}
		in.Verb = a.Name
		if imperative(a.About) {
			in.Phrase = lowerFirst(a.About)
		} else {
			in.Noun = lowerFirst(a.About)
			if !question(in.Noun) {
				in.Noun = "the " + strings.TrimPrefix(in.Noun, "the ")
			}
		}
	case "value", "status", "related":
		return b.direct(seg, t, args)
	case "can":
		return b.may(seg, t, args)
	default:
		return nil
	}
	var list []Arg
	for i := range t.Params {
		p := &t.Params[i]
		v := t.At(args, p)
		if v == nil {
			continue
		}
		if id, ok := v.(string); ok && p.Role == tool.RoleID {
			rec, there := b.w.Get(p.Entity, id)
			if !there {
				return nil
			}
			from, _ := b.locate(seg, rec, RoleTarget, byID)
			list = append(list, arg(p, from))
			continue
		}
		list = append(list, arg(p, fromSlot(b.valueSlot(seg, p, v))))
	}
	call := b.call(seg, t, list...)
	b.report(seg)
	if !b.answers(seg, t, call, args) {
		return nil
	}
	return seg
}

// totalled is how people call a field of which a sum is wanted.
func totalled(e *domain.Entity, field string) string {
	if f := e.Field(field); f != nil {
		return fieldName(f)
	}
	return value.Words(field)
}

// direct plans a question for one value of one record by a tool that gives just that.
func (b *builder) direct(seg *Segment, t *tool.Tool, args map[string]any) *Segment {
	must := required(t)
	if len(must) != 1 || must[0].Role != tool.RoleID {
		return nil
	}
	id, _ := t.At(args, must[0]).(string)
	rec, ok := b.w.Get(must[0].Entity, id)
	if !ok || len(args) != 1 {
		return nil
	}
	seg.Intent.Act, seg.Intent.Entity = ActRead, rec.Entity
	from, _ := b.locate(seg, rec, RoleTarget, byID)
	call := b.call(seg, t, arg(must[0], from))
	if t.Kind == "related" {
		to := b.d.Entity(t.Returns.Entity)
		for _, f := range shuffled(b.r, to.Fields) {
			if f.Type != domain.Object && f.Type != domain.Bool && t.Shows(f.Name) {
				label := fieldName(f) + " of the " + value.Words(to.Name)
				seg.Facts = append(seg.Facts, &Fact{Label: label, Value: value.Value{Type: f.Type, Unit: f.Unit}, From: result(call, t.Key(f.Name))})
				seg.Intent.Asks = []string{label}
				b.report(seg)
				return seg
			}
		}
		return nil
	}
	f := rec.Entity.Field(t.Returns.Field)
	if f == nil || f.Type == domain.Object {
		return nil
	}
	label := b.label(f)
	seg.Facts = append(seg.Facts, &Fact{Label: label, Value: value.Value{Type: f.Type, Unit: f.Unit}, From: result(call, t.Key(f.Name))})
	seg.Intent.Asks = []string{label}
	b.report(seg)
	return seg
}

// answers adds the facts of a question by the shape of the result; false when the result says nothing worth telling.
func (b *builder) answers(seg *Segment, t *tool.Tool, call int, args map[string]any) bool {
	res, err := t.Call(b.w.Clone(), t.Encode(args))
	if err != nil {
		return false
	}
	v, err := value.Decode(res.JSON())
	if err != nil {
		return false
	}
	e := b.d.Entity(t.Returns.Entity)
	switch t.Returns.Shape {
	case "records", "page":
		n := len(records(v, t.Returns.Items))
		if total, ok := value.Number(value.At(v, "total")); n == 0 || n > most || ok && int(total) != n {
			return false
		}
		seg.Facts = append(seg.Facts, &Fact{Label: "number of " + value.Words(e.Plural), Value: value.Value{Type: domain.Int}, From: Source{Kind: FromCount, Step: call}})
		field, typ := "id", domain.Ref
		if e.Label != "id" && b.r.IntN(2) == 0 {
			field, typ = e.Label, e.Field(e.Label).Type
		}
		seg.Facts = append(seg.Facts, &Fact{Label: value.Words(e.Plural), Value: value.Value{Type: typ}, From: Source{Kind: FromList, Step: call, Path: []string{t.Key(field)}}})
	case "groups":
		table := map[string]any{}
		for _, g := range records(v, t.Returns.Items) {
			if k, ok := g[t.Key(t.Returns.Field)].(string); ok && g["count"] != nil {
				table[k] = g["count"]
			}
		}
		if len(table) == 0 || len(table) > most || len(table) != len(records(v, t.Returns.Items)) {
			return false
		}
		seg.Facts = append(seg.Facts, &Fact{Label: "number by " + value.Words(t.Returns.Field), Value: value.Value{Type: domain.Object}, From: Source{Kind: FromTable, Step: call, Path: []string{t.Key(t.Returns.Field), "count"}}})
	case "value":
		key := t.Key(t.Returns.Field)
		switch value.At(v, key).(type) {
		case nil, map[string]any, []any:
			return false
		}
		f := e.Field(strings.TrimPrefix(t.Returns.Field, "total_"))
		fact := &Fact{Label: value.Words(t.Returns.Field), Value: value.Value{Type: value.Guess(value.At(v, key)), Unit: unit(f)}, From: result(call, key)}
		if f != nil && f.Type.Numeric() {
			fact.Value.Type = f.Type
			if strings.HasPrefix(t.Returns.Field, "total_") {
				fact.Label = "total " + fieldName(f)
			}
		}
		seg.Facts = append(seg.Facts, fact)
	default:
		b.loose(seg, call, v, args, 4)
	}
	return len(seg.Facts) > 0
}

// bare is a name without what styles put between its words.
func bare(s string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", ".", "").Replace(s))
}
