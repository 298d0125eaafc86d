package task

import (
	"fmt"

	"muonclip/synth/task/value"
	"muonclip/synth/tool"
	"muonclip/synth/world"
)

// gold executes plans on a world as they go when nothing fails on the way.
type gold struct {
	world *world.World
	tools map[string]*tool.Tool
	calls []DoneCall
	write int // calls that changed something
	rules []string
}

// run executes a segment. The binder that it returns holds all results.
func (g *gold) run(seg *Segment) (*Binder, error) {
	b := NewBinder(len(seg.Steps))
	seg.Unserved = nil
	for _, s := range seg.Slots {
		b.Slots[s.Name] = s.Value.V
	}
	for i, step := range seg.Steps {
		switch step.Do {
		case DoConsent:
			if seg.Outcome == Declined {
				return b, nil
			}
		case DoCall:
			if step.Fatal {
				return b, nil
			}
			if err := g.call(seg, b, i); err != nil {
				return nil, err
			}
		}
	}
	return b, nil
}

// call executes one step.
func (g *gold) call(seg *Segment, b *Binder, i int) error {
	step := seg.Steps[i]
	sets, err := b.Args(seg.Steps, i)
	if err != nil {
		return err
	}
	if step.Each >= 0 && len(sets) == 0 {
		return fmt.Errorf("task: the loop of step %d is empty", i)
	}
	t := g.tools[step.Tool]
	if t == nil {
		return fmt.Errorf("task: the plan calls %s, which is not offered", step.Tool)
	}
	failed := 0
	for k, args := range sets {
		res, code, err := g.once(t, args)
		if err != nil {
			return err
		}
		b.Results[i] = append(b.Results[i], res)
		switch {
		case code == step.Code:
		case step.MayFail && code != "":
			failed++
			id, _ := b.Picked(seg.Steps, step.Each)[k]["id"].(string)
			seg.Unserved = append(seg.Unserved, id)
		default:
			return fmt.Errorf("task: %s ended with %q, the plan expects %q", step.Tool, code, step.Code)
		}
	}
	if step.MayFail && (failed == 0 || failed == len(sets)) {
		return fmt.Errorf("task: %d of %d calls of %s fail, the plan expects some", failed, len(sets), step.Tool)
	}
	return nil
}

// once executes one call; the error is not the call's but one of the plan.
func (g *gold) once(t *tool.Tool, args map[string]any) (any, string, error) {
	raw := t.Encode(args)
	if problems := t.Validate(raw); len(problems) > 0 {
		return nil, "", fmt.Errorf("task: the plan's arguments of %s are not valid: %v", t.Name, problems[0])
	}
	var before *world.World
	if t.Writes {
		rules, err := t.Violations(g.world, args)
		if err != nil {
			return nil, "", err
		}
		for _, r := range rules {
			g.rules = append(g.rules, r.Say)
		}
		before = g.world.Clone()
	}
	res, err := t.Call(g.world, raw)
	code := string(world.CodeOf(err))
	g.calls = append(g.calls, DoneCall{Tool: t.Name, Args: args, Code: code})
	if err != nil {
		return nil, code, nil
	}
	v, err := value.Decode(res.JSON())
	g.calls[len(g.calls)-1].Result = v
	if before != nil && before.Hash() != g.world.Hash() {
		g.write++
	}
	return v, "", err
}
