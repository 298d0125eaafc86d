package proof

import (
	"context"
	"slices"
	"strings"
	"testing"

	"muonclip/synth/actor"
	"muonclip/synth/env"
	"muonclip/synth/task"
	"muonclip/synth/task/value"
	"muonclip/synth/tool"
	"muonclip/synth/tool/tooltest"
)

// TestOverwrittenMistake: a wrong value is found although a later request sets the field again, so that the final state
// is the goal.
func TestOverwrittenMistake(t *testing.T) {
	p, err := task.NewPool(tooltest.Sets(t), task.Config{Weights: map[task.Kind]int{task.Changed: 1}})
	if err != nil {
		t.Fatal(err)
	}
	var c Checker
	found := 0
	for i := range uint64(150) {
		x, err := p.Sample(task.Key{Seed: 17, Index: i})
		if err != nil {
			t.Fatal(err)
		}
		// A correction afterwards sets the same field of the same record a second time.
		at := slices.IndexFunc(x.Segments, func(s *task.Segment) bool { return s.Intent.Act == task.ActCorrect })
		if at < 1 {
			continue
		}
		tr, err := actor.Play(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		edit := x.Segments[at].Intent.Tool
		pl := &planter{tr: tr}
		for _, m := range tr.Dialogue.Messages {
			if m.Role != "tool" {
				m.ToolCalls = slices.Clone(m.ToolCalls)
				pl.turns = append(pl.turns, m)
			}
		}
		if !spoil(pl, edit) {
			continue
		}
		bad := env.Rerun(x, pl.turns)
		bad.Ended = tr.Ended
		if bad.Record.Final != x.Goal {
			continue // the service refused the second change
		}
		found++
		report := c.Prove(bad)
		if !slices.ContainsFunc(report.Findings, func(f Finding) bool { return f.Check == State && strings.Contains(f.Detail, "never set to") }) {
			t.Errorf("%s: the mistake is not found: %v", x.ID(), report.Findings)
		}
	}
	if found < 3 {
		t.Errorf("only %d dialogues were fit for the test", found)
	}
	t.Logf("%d mistakes that a later change hides", found)
}

// spoil changes the value of the first call of a tool.
func spoil(p *planter, t *tool.Tool) bool {
	for i := range p.turns {
		for j, call := range p.turns[i].ToolCalls {
			if call.Name != t.Name {
				continue
			}
			v, err := value.Decode(call.Arguments)
			a, ok := v.(map[string]any)
			if err != nil || !ok {
				return false
			}
			param := t.ByRole(tool.RoleValue)
			n, ok := t.At(a, param).(int64)
			if !ok {
				return false
			}
			t.Put(a, param, n+1)
			raw := t.Encode(a)
			if len(t.Validate(raw)) > 0 {
				return false
			}
			p.turns[i].ToolCalls[j].Arguments = raw
			return true
		}
	}
	return false
}
