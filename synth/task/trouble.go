package task

import (
	"maps"
	"muonclip/synth/domain"
	"muonclip/synth/task/value"
	"muonclip/synth/tool"
	"slices"
)

// fault plans a failure of one call of a segment that is not executed yet. lasting allows failures after which the
// request cannot be served.
func (b *builder) fault(seg *Segment, lasting bool) (*Fault, error) {
	trial := b.gold
	trial.world = b.w.Clone()
	bind, err := trial.run(seg)
	if err != nil {
		return nil, refuse(GoldFails, "%v", err)
	}
	for _, kind := range shuffled(b.r, FaultKinds()) {
		if b.want != "" && kind != b.want {
			continue
		}
		for _, i := range b.r.Perm(len(seg.Steps)) {
			step := seg.Steps[i]
			if step.Do != DoCall || step.Code != "" || step.MayFail || b.shifted[step.Tool] || len(bind.Results[i]) == 0 {
				continue // or it is never made
			}
			f := &Fault{Kind: kind, Tool: step.Tool, Times: 1, Nth: b.nth(seg, bind, i)}
			if b.befall(seg, step, f, bind.Results[i], lasting) {
				b.shifted[step.Tool] = true
				if step.Check != nil {
					b.shifted[step.Check.Tool] = true
				}
				return f, nil
			}
		}
	}
	return nil, refuse(NoFault, "%s", seg.Kind)
}

// nth counts the calls of a step's tool that the plan makes before one of its calls.
func (b *builder) nth(seg *Segment, bind *Binder, step int) int {
	n := 0
	name := seg.Steps[step].Tool
	for _, c := range b.gold.calls {
		if c.Tool == name {
			n++
		}
	}
	for i, s := range seg.Steps[:step] {
		if s.Do == DoCall && s.Tool == name {
			n += len(bind.Results[i])
		}
	}
	if k := len(bind.Results[step]); k > 1 {
		n += b.r.IntN(k)
	}
	return n
}

// befall completes a fault of the given kind for a step; false when it cannot befall it.
func (b *builder) befall(seg *Segment, step *Step, f *Fault, results []any, lasting bool) bool {
	t := b.tools[step.Tool]
	single := step.Each < 0 && step.Group == 0
	switch f.Kind {
	case Timeout:
		f.Lost = b.r.IntN(2) == 0
		return !step.Write || step.Check != nil && b.offer(b.p.set.Tool(step.Check.Tool))
	case Transient:
		f.Times = 1 + b.r.IntN(2)
		if lasting && single && b.r.IntN(4) == 0 {
			f.Times = 0
			b.end(seg, step)
		}
	case RateLimit:
		f.Times, f.Wait = 0, 5*(1+b.r.IntN(12))
		b.offer(b.wait())
	case Partial:
		n := 0
		for _, res := range results {
			n = len(records(res, step.Items))
		}
		if step.Items == "" || n < 2 || step.Each >= 0 || t.Returns.Shape != "records" && t.Returns.Shape != "page" {
			return false
		}
		f.Keep = 1 + b.r.IntN(n-1)
		b.offer(b.more())
	case Stale:
		return t.Returns.Shape == "record" && single && !step.Write && len(results) == 1 && b.age(seg, step, f, results[0])
	case Denied:
		if step.Write || !single {
			return false
		}
		f.Times = 0
		if other := b.another(t, step); other != nil {
			step.Other = other
			return true
		}
		if !lasting {
			return false
		}
		b.end(seg, step)
	}
	return true
}

// end makes a call the last one of its segment, because it fails for good.
func (b *builder) end(seg *Segment, step *Step) {
	step.Fatal = true
	seg.Outcome, seg.Facts = Failed, nil
}

// age chooses what a stale read shows: another value of a field, preferably of one that the user asks for.
func (b *builder) age(seg *Segment, step *Step, f *Fault, res any) bool {
	rec, _ := res.(map[string]any)
	e := b.d.Entity(b.tools[step.Tool].Returns.Entity)
	if e == nil || rec == nil {
		return false
	}
	f.Seed = b.r.Uint64() >> 40
	keys := make([]string, 0, 4)
	for _, fact := range seg.Facts {
		if fact.From.Kind == FromResult && seg.Steps[fact.From.Step] == step {
			keys = append(keys, fact.From.Path...)
		}
	}
	asked := len(keys)
	for i, k := range append(keys, shuffled(b.r, slices.Sorted(maps.Keys(rec)))...) {
		if i == asked && b.want == Stale && b.r.IntN(4) > 0 {
			return false // mostly, what is old must be what the user wants to know
		}
		field := e.Field(fieldOf(e, b.tools[step.Tool], k))
		if field == nil || rec[k] == nil {
			continue
		}
		switch field.Type {
		case domain.Int, domain.Money, domain.Float, domain.Date, domain.Enum, domain.Percent, domain.Minutes:
		default:
			continue
		}
		for range 5 {
			old := b.w.Draw(b.r, field)
			if old == nil || value.Equal(old, rec[k]) {
				continue
			}
			f.Entry, f.Old = k, old
			for _, fact := range seg.Facts {
				if fact.From.Kind == FromResult && seg.Steps[fact.From.Step] == step && fact.From.Path[0] == k {
					fact.Stale = old
				}
			}
			return true
		}
	}
	return false
}

// another finds a second tool that leads to the same records by the same value.
func (b *builder) another(t *tool.Tool, step *Step) *Step {
	if len(step.Args) != 1 {
		return nil
	}
	p := t.Param(step.Args[0].Param)
	if p == nil || p.Role != tool.RoleFilter && p.Role != tool.RoleQuery {
		return nil
	}
	for _, x := range b.p.ways[t.Returns.Entity][p.Field] {
		if x != t && x.Returns.Shape != "page" && (x.Returns.Items == step.Items || x.Returns.Shape == "record") && b.offer(x) {
			return &Step{Do: DoCall, Tool: x.Name, Args: []Arg{arg(paramFor(x, p.Field), step.Args[0].From)}, Each: -1}
		}
	}
	return nil
}

// wait is the tool of the environment that lets time pass.
func (b *builder) wait() *tool.Tool {
	for _, t := range b.pool.wait {
		if b.tools[t.Name] != nil {
			return t
		}
	}
	return choose(b.r, b.pool.wait)
}

// more is the tool of the environment that completes results.
func (b *builder) more() *tool.Tool {
	for _, t := range b.pool.more {
		if b.tools[t.Name] != nil {
			return t
		}
	}
	return choose(b.r, b.pool.more)
}
