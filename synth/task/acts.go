package task

import (
	"maps"
	"slices"
	"strings"

	"muonclip/synth/domain"
	"muonclip/synth/task/value"
	"muonclip/synth/tool"
	"muonclip/synth/world"
)

// deed is a call that changes something, drawn but not yet planned.
type deed struct {
	tool *tool.Tool
	args map[string]any
	rec  *world.Record // the record that it is about; nil for creations
	main *tool.Param   // the parameter that takes its id
}

// draw samples a change for which ok holds: valid, effective, breaking no rule. free is whether it may touch records
// of earlier segments.
func (b *builder) draw(ok func(*tool.Tool) bool) (*deed, bool) {
	for range 12 {
		t := choose(b.r, b.p.writes)
		if ok != nil && !ok(t) || !wordable(t) {
			continue
		}
		args, fine := t.Sample(b.w, b.r)
		if !fine {
			continue
		}
		b.prune(t, args)
		d := &deed{tool: t, args: args}
		for i := range t.Params {
			p := &t.Params[i]
			if id, isID := t.At(args, p).(string); isID && p.Role == tool.RoleID {
				rec, there := b.w.Get(p.Entity, id)
				if !there || b.used[id] {
					fine = false
					break
				}
				if d.main == nil && (p.Entity == t.Entity || t.Entity == "") {
					d.rec, d.main = rec, p
				}
			}
		}
		if fine && b.lawful(d) && b.works(d) {
			return d, true
		}
	}
	return nil, false
}

// wordable reports whether people can ask for what a tool does.
func wordable(t *tool.Tool) bool {
	if t.Program == nil || t.ByRole(tool.RoleIDs) != nil {
		return false
	}
	switch t.Kind {
	case "transition", "edit", "create", "action", "update":
		return true
	}
	return false
}

// prune drops optional arguments that only arrange the answer, and most of the others.
func (b *builder) prune(t *tool.Tool, args map[string]any) {
	kept := 0
	for i := range t.Params {
		p := &t.Params[i]
		v := t.At(args, p)
		if v == nil || p.Required {
			continue
		}
		arranges := p.Role == tool.RoleSort || p.Role == tool.RoleOrder || p.Role == tool.RoleLimit || p.Role == tool.RoleOffset
		_, object := v.(map[string]any)
		if arranges || object || kept > 2 || p.Role != tool.RoleReason && b.r.IntN(2) == 0 && (kept > 0 || t.Kind != "update") {
			remove(args, p)
			continue
		}
		kept++
	}
}

func remove(args map[string]any, p *tool.Param) {
	if p.Group == "" {
		delete(args, p.Name)
		return
	}
	if m, ok := args[p.Group].(map[string]any); ok {
		delete(m, p.Name)
		if len(m) == 0 {
			delete(args, p.Group)
		}
	}
}

// lawful reports whether a deed breaks no rule.
func (b *builder) lawful(d *deed) bool {
	rules, err := d.tool.Violations(b.w, d.args)
	return err == nil && len(rules) == 0
}

// works reports whether a deed succeeds and changes something.
func (b *builder) works(d *deed) bool {
	raw := d.tool.Encode(d.args)
	if len(d.tool.Validate(raw)) > 0 {
		return false
	}
	w := b.w.Clone()
	before := w.Hash()
	_, err := d.tool.Call(w, raw)
	return err == nil && w.Hash() != before
}

// intend fills the words of a segment's intent for a deed or a question.
func (b *builder) intend(seg *Segment, t *tool.Tool) {
	in := &seg.Intent
	in.Tool = t
	in.Verb = t.Operation[strings.IndexByte(t.Operation, '.')+1:]
	switch t.Kind {
	case "transition":
		in.Act = ActTransition
	case "edit", "update":
		in.Act = ActEdit
	case "create":
		in.Act = ActCreate
	default:
		in.Act = ActDo
		if a := b.d.Action(in.Verb); a != nil && b.r.IntN(2) == 0 && imperative(a.About) {
			in.Phrase = lowerFirst(a.About)
		}
	}
}

// imperative reports whether a description orders something, as the first word of its verb does.
func imperative(about string) bool {
	first, _, _ := strings.Cut(strings.ToLower(about), " ")
	switch first {
	case "whether", "price", "sum", "the", "a", "an", "all", "how", "what", "which", "number", "amount", "total", "first", "due", "grams", "kilograms":
		return false
	}
	return !strings.HasSuffix(first, "s") && !strings.HasSuffix(first, "ed") && !strings.HasSuffix(first, "ing")
}

// plan adds the slots and the call of a deed whose main record comes from id. It returns the number of the call.
func (b *builder) plan(seg *Segment, d *deed, id Source) int {
	var args []Arg
	for i := range d.tool.Params {
		p := &d.tool.Params[i]
		v := d.tool.At(d.args, p)
		if v == nil {
			continue
		}
		if p == d.main {
			args = append(args, arg(p, id))
			continue
		}
		args = append(args, arg(p, fromSlot(b.valueSlot(seg, p, v))))
	}
	return b.call(seg, d.tool, args...)
}

// valueSlot lets the user know the value of a parameter.
func (b *builder) valueSlot(seg *Segment, p *tool.Param, v any) *Slot {
	s := Slot{Param: p.Name, Role: RoleValue, Value: value.Value{V: v, Type: p.Type}}
	s.Label = value.Words(p.Local)
	if p.Spec != nil {
		s.Value.Unit, s.About, s.Label = p.Spec.Unit, p.Spec.About, fieldName(p.Spec)
	}
	s.Label = strings.TrimSuffix(strings.TrimSpace(s.Label), " id")
	switch p.Role {
	case tool.RoleReason:
		s.Role, s.Label, s.Value.Type = RoleReason, "reason", domain.Text
	case tool.RoleFilter, tool.RoleQuery:
		s.Role = RoleFilter
	case tool.RoleFrom:
		s.Role, s.Label = RoleFilter, s.Label+" from"
	case tool.RoleUntil:
		s.Role, s.Label = RoleFilter, s.Label+" until"
	case tool.RoleMin:
		s.Role, s.Label = RoleFilter, s.Label+" at least"
	case tool.RoleMax:
		s.Role, s.Label = RoleFilter, s.Label+" at most"
	case tool.RoleID:
		s.Value.Type, s.Entity = domain.Ref, value.Words(p.Entity)
	}
	return b.slot(seg, s)
}

// outcome adds the facts that a change leaves the user with.
func (b *builder) outcome(seg *Segment, d *deed, call int) {
	t := d.tool
	e := b.d.Entity(t.Entity)
	fact := func(label string, v value.Value, from Source) {
		seg.Facts = append(seg.Facts, &Fact{Label: label, Value: v, From: from})
	}
	switch t.Kind {
	case "transition":
		f := e.Field(e.State)
		fact(value.Words(f.Name), value.Value{Type: f.Type}, result(call, t.Key(f.Name)))
	case "edit", "update":
		for i := range t.Params {
			if p := &t.Params[i]; p.Role == tool.RoleValue && t.At(d.args, p) != nil && e.Field(p.Field) != nil {
				f := e.Field(p.Field)
				fact(fieldName(f), value.Value{Type: f.Type, Unit: f.Unit}, result(call, t.Key(f.Name)))
			}
		}
	case "create":
		fact(value.Words(e.Name)+" number", value.Value{Type: domain.Ref}, result(call, "id"))
		if e.State != "" && b.r.IntN(2) == 0 {
			fact(value.Words(e.State), value.Value{Type: domain.Enum}, result(call, t.Key(e.State)))
		}
	}
}

// loose adds facts from a result whose keys no declaration describes: what a trade's own tools return.
func (b *builder) loose(seg *Segment, call int, res any, args map[string]any, most int) {
	m, _ := res.(map[string]any)
	for _, k := range slices.Sorted(maps.Keys(m)) {
		v := m[k]
		if most == 0 || v == nil || k == "id" {
			continue
		}
		given := false
		for _, a := range args {
			given = given || value.Equal(a, v)
		}
		if list, ok := v.([]any); ok {
			texts := len(list) > 0 && len(list) <= 8
			for _, x := range list {
				_, s := x.(string)
				texts = texts && s
			}
			if !texts {
				continue
			}
		}
		if _, object := v.(map[string]any); object || given {
			continue
		}
		seg.Facts = append(seg.Facts, &Fact{Label: value.Words(k), Value: value.Value{Type: value.Guess(v)}, From: result(call, k)})
		most--
	}
}
