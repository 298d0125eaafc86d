package proof

import (
	"encoding/json"
	"slices"
	"strings"

	"muonclip/data/chat"
	"muonclip/synth/env"
	"muonclip/synth/task"
	"muonclip/synth/task/value"
)

// duplicatedWrite makes a change twice.
func (p *planter) duplicatedWrite() bool {
	c, ok := p.pick(effective)
	if !ok {
		return false
	}
	p.insert(c.turn+1, calling(c.call.Tool, c.call.Args))
	return true
}

// extraWrite changes something that nobody asked for.
func (p *planter) extraWrite() bool {
	reports := p.reports()
	for range 20 {
		t := p.tr.Task.Tools[p.r.IntN(len(p.tr.Task.Tools))]
		if !t.Writes || t.Program == nil || t.Domain != p.tr.Task.Domain.Name {
			continue
		}
		w := p.tr.World.Clone()
		before := w.Hash()
		a, ok := t.Sample(w, p.r)
		if !ok {
			continue
		}
		raw := t.Encode(a)
		if _, err := t.Call(w, raw); err != nil || w.Hash() == before || len(t.Validate(raw)) > 0 {
			continue
		}
		p.insert(reports[len(reports)-1], calling(t.Name, raw))
		return true
	}
	return false
}

// reordered makes a call before the one that gives it its argument.
func (p *planter) reordered() bool {
	for i := range p.calls {
		for j := i + 1; j < len(p.calls) && p.calls[j].turn <= p.calls[i].turn+1; j++ {
			a, b := p.calls[i], p.calls[j]
			if b.turn != a.turn+1 || a.call.Code != "" || len(p.turns[a.turn].ToolCalls) > 1 || a.call.Tool == b.call.Tool && string(a.call.Args) == string(b.call.Args) {
				continue
			}
			res, _ := value.Decode(a.call.Result)
			for _, v := range args(b.call.Args) {
				s, ok := v.(string)
				if ok && shows(res, s) && !p.said(s, a.turn) {
					p.turns[a.turn], p.turns[b.turn] = p.turns[b.turn], p.turns[a.turn]
					return true
				}
			}
		}
	}
	return false
}

// said reports whether a text stands in a turn or result before one.
func (p *planter) said(s string, before int) bool {
	for _, m := range p.turns[:before] {
		if strings.Contains(strings.ToLower(m.Content), strings.ToLower(s)) {
			return true
		}
	}
	for _, c := range p.calls {
		if c.turn < before && strings.Contains(string(c.call.Result), s) {
			return true
		}
	}
	return false
}

// malformed breaks the arguments of a call: as JSON, or against the schema.
func (p *planter) malformed() bool {
	c, ok := p.pick(func(c place) bool { return c.call.Code == "" && len(c.call.Args) > 4 })
	if !ok {
		return false
	}
	raw := string(c.call.Args)
	switch p.r.IntN(3) {
	case 0:
		raw = raw[:len(raw)-1]
	case 1:
		raw = strings.Replace(raw, ":", "", 1)
	default:
		t := p.tr.Task.Tool(c.call.Tool)
		a := args(c.call.Args)
		for i := range t.Params {
			if t.Params[i].Required && t.Params[i].Group == "" {
				delete(a, t.Params[i].Name)
			}
		}
		b, err := json.Marshal(a)
		if err != nil || len(task.Validate(t, b)) == 0 {
			return false
		}
		raw = string(b)
	}
	p.turns[c.turn].ToolCalls[c.at].Arguments = json.RawMessage(raw)
	return true
}

// wrongTool calls another tool with the same arguments where they fit, else with some that do.
func (p *planter) wrongTool() bool {
	c, ok := p.pick(effective)
	if !ok {
		return false
	}
	right := p.tr.Task.Tool(c.call.Tool)
	for _, i := range p.r.Perm(len(p.tr.Task.Tools)) {
		t := p.tr.Task.Tools[i]
		if t == right || t.Program == nil || t.Operation != "" && t.Operation == right.Operation {
			continue
		}
		call := &p.turns[c.turn].ToolCalls[c.at]
		call.Name = t.Name
		return true
	}
	return false
}

// editedResult changes what a tool answered, in the dialogue alone or in the record too.
func (p *planter) editedResult() (*env.Trajectory, bool) {
	c, ok := p.pick(func(c place) bool {
		return c.call.Code == "" && strings.ContainsAny(string(c.call.Result), "123456789")
	})
	if !ok {
		return nil, false
	}
	raw := []byte(string(c.call.Result))
	var digits []int
	for i, b := range raw {
		if b >= '1' && b <= '9' {
			digits = append(digits, i)
		}
	}
	at := digits[p.r.IntN(len(digits))]
	raw[at] = '1' + (raw[at]-'1'+1+byte(p.r.IntN(8)))%9
	if string(raw) == string(c.call.Result) {
		return nil, false
	}
	out := *p.tr
	out.Dialogue = p.tr.Dialogue.Clone()
	n := -1
	for i := range out.Dialogue.Messages {
		if out.Dialogue.Messages[i].Role == chat.RoleTool {
			if n++; n == c.call.Index {
				out.Dialogue.Messages[i].Content = string(raw)
			}
		}
	}
	if p.r.IntN(2) == 0 {
		rec := *p.tr.Record
		rec.Calls = slices.Clone(rec.Calls)
		rec.Calls[c.call.Index].Result = raw
		out.Record = &rec
	}
	return &out, true
}
