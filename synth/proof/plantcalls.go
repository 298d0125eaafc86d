package proof

import (
	"encoding/json"
	"slices"
	"strings"

	"muonclip/data/chat"
	"muonclip/synth/task"
	"muonclip/synth/task/value"
	"muonclip/synth/tool"
)

// args decodes the arguments of a call.
func args(raw json.RawMessage) map[string]any {
	v, err := value.Decode(raw)
	if err != nil {
		return nil
	}
	m, _ := v.(map[string]any)
	return m
}

// set replaces the arguments of a call.
func (p *planter) set(c place, a map[string]any) bool {
	t := p.tr.Task.Tool(c.call.Tool)
	raw := task.Encode(t, a)
	if len(task.Validate(t, raw)) > 0 || string(raw) == string(c.call.Args) {
		return false
	}
	p.turns[c.turn].ToolCalls[c.at].Arguments = raw
	return true
}

// wrongArgument gives a change another value than the one that it should have.
func (p *planter) wrongArgument() bool {
	c, ok := p.pick(effective)
	if !ok {
		return false
	}
	t := p.tr.Task.Tool(c.call.Tool)
	for _, i := range p.r.Perm(len(t.Params)) {
		param := &t.Params[i]
		a := args(c.call.Args)
		v, ok := other(p, param, t.At(a, param))
		if !ok {
			continue
		}
		t.Put(a, param, v)
		if p.set(c, a) {
			return true
		}
	}
	return false
}

// other makes another value of the same sort.
func other(p *planter, param *tool.Param, v any) (any, bool) {
	switch x := v.(type) {
	case int64:
		return x + 1 + int64(p.r.IntN(3)), true
	case float64:
		return x + 1.5, true
	case bool:
		return !x, true
	case string:
		if len(param.Values) > 1 {
			for range 10 {
				if s := param.Values[p.r.IntN(len(param.Values))]; s != x {
					return s, true
				}
			}
		}
		if param.Role == tool.RoleID {
			for _, rec := range p.tr.Task.World.Records(param.Entity) {
				if rec.ID != x {
					return rec.ID, true
				}
			}
		}
		if d, ok := value.Date(x); ok {
			return value.ISO(d.AddDate(0, 0, 1+p.r.IntN(5))), true
		}
	}
	return nil, false
}

// skippedStep leaves out a message of calls that mattered.
func (p *planter) skippedStep() bool {
	if len(p.tr.Task.Faults) > 0 {
		return false
	}
	c, ok := p.pick(func(c place) bool { return effective(c) || c.call.Code == "" && p.tr.Task.Calls <= 4 })
	if !ok {
		return false
	}
	p.drop(c.turn)
	return true
}

// forbiddenAction does what a rule forbids instead of refusing it.
func (p *planter) forbiddenAction() bool {
	for _, seg := range p.tr.Task.Segments {
		if seg.Outcome != task.Refused {
			continue
		}
		t := seg.Intent.Tool
		main := t.ByRole(tool.RoleID)
		a := map[string]any{}
		for _, s := range seg.Slots {
			if param := t.Param(s.Param); param != nil && s.Role != task.RoleTarget {
				t.Put(a, param, s.Value.V)
			}
		}
		for i, m := range p.turns {
			if m.Role != chat.RoleAssistant || len(m.ToolCalls) > 0 || !strings.Contains(value.Normalize(m.Content), strings.TrimSuffix(value.Normalize(seg.Rule.Say), ".")) {
				continue
			}
			for _, rec := range p.tr.Task.World.Records(seg.Intent.Entity.Name) {
				if !p.about(seg, rec.ID, rec.Text(rec.Entity.Label)) {
					continue
				}
				t.Put(a, main, rec.ID)
				raw := t.Encode(a)
				w := p.tr.World.Clone()
				before := w.Hash()
				if _, err := t.Call(w, raw); err != nil || w.Hash() == before || len(t.Validate(raw)) > 0 {
					return false
				}
				p.turns[i].Content = "Done, as you asked."
				p.insert(i, calling(t.Name, raw))
				return true
			}
		}
	}
	return false
}

// about reports whether a segment's target is called so.
func (p *planter) about(seg *task.Segment, names ...string) bool {
	for _, s := range seg.Slots {
		if v, ok := s.Value.V.(string); ok && s.Role == task.RoleTarget && slices.Contains(names, v) {
			return true
		}
	}
	return false
}

// ignoredFault goes on after a failure as if nothing had happened.
func (p *planter) ignoredFault() bool {
	for _, c := range p.calls {
		f := c.call.Fault
		if f == nil || f.Kind == task.Denied && p.outcomes(task.Failed) || p.outcomes(task.Failed) {
			continue
		}
		var gone []int
		for i := c.turn + 1; i < len(p.turns); i++ {
			m := p.turns[i]
			if m.Role == chat.RoleUser || len(m.ToolCalls) == 0 {
				break
			}
			name := m.ToolCalls[0].Name
			if name == c.call.Tool || task.RuntimeTool(p.tr.Task.Tool(name)) != "" || f.Kind == task.Denied {
				gone = append(gone, i)
			}
			if name == c.call.Tool || f.Kind == task.Denied {
				break
			}
		}
		if f.Kind == task.Timeout && f.Lost { // the look at the record is the recovery
			gone = nil
			if c.turn+1 < len(p.turns) && len(p.turns[c.turn+1].ToolCalls) > 0 {
				gone = []int{c.turn + 1}
			}
		}
		if len(gone) == 0 {
			return false
		}
		p.drop(gone...)
		return true
	}
	return false
}

// wrongRecord acts on another of the records between which the user had to choose.
func (p *planter) wrongRecord() bool {
	for _, seg := range p.tr.Task.Segments {
		if seg.Kind != task.Ambiguous {
			continue
		}
		c, ok := p.pick(func(c place) bool { return effective(c) && c.call.Tool == seg.Intent.Tool.Name })
		if !ok {
			return false
		}
		t := seg.Intent.Tool
		main := t.ByRole(tool.RoleID)
		a := args(c.call.Args)
		for _, look := range p.calls {
			if look.turn >= c.turn || look.call.Code != "" {
				continue
			}
			v, _ := value.Decode(look.call.Result)
			for _, id := range ids(v) {
				rec, ok := p.tr.Task.World.Get(main.Entity, id)
				if ok && rec.ID != t.At(a, main) {
					t.Put(a, main, id)
					return p.set(c, a)
				}
			}
		}
	}
	return false
}

// ids lists the ids in a result.
func ids(v any) []string {
	var out []string
	switch x := v.(type) {
	case map[string]any:
		if s, ok := x["id"].(string); ok {
			out = append(out, s)
		}
		for _, k := range []string{"items", "results", "data"} {
			out = append(out, ids(x[k])...)
		}
		if len(out) == 0 {
			for _, e := range x {
				if _, list := e.([]any); list {
					out = append(out, ids(e)...)
				}
			}
		}
	case []any:
		for _, e := range x {
			out = append(out, ids(e)...)
		}
	}
	return out
}
