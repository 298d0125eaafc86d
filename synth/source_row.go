package synth

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"muonclip/data/chat"
	"muonclip/synth/dataset"
	"muonclip/synth/env"
	"muonclip/synth/world"
)

// rowOf makes a row of a proved trajectory.
func rowOf(tr *env.Trajectory, checks []dataset.Check) (*dataset.Row, error) {
	t := tr.Task
	rubric, err := json.Marshal(t.Rubric)
	if err != nil {
		return nil, fmt.Errorf("rubric of %s: %w", t.ID(), err)
	}
	row := &dataset.Row{
		Key: t.ID(), Dialogue: tr.Dialogue, Domain: t.Domain.Name, Category: t.Domain.Category, Kinds: []string{string(t.Kind)},
		Difficulty: t.Difficulty, Persona: fmt.Sprintf("%s, %s", t.Persona.Name, t.Persona.Style), Plan: plan(tr), Rubric: rubric, Checks: checks,
		Record: dataset.Record{World: t.World.Seed(), Today: t.World.Today(), StartHash: tr.Record.Initial, EndHash: tr.Record.Final},
	}
	for _, s := range t.Segments {
		if k := string(s.Kind); !slices.Contains(row.Kinds, k) {
			row.Kinds = append(row.Kinds, k)
		}
	}
	for _, c := range tr.Record.Calls {
		out := dataset.CallRecord{ID: chat.CallID(c.Tool, c.Index), Error: c.Code}
		if c.Fault != nil {
			out.Fault = string(c.Fault.Kind)
		}
		if out.Changes, err = changes(c.Diff); err != nil {
			return nil, fmt.Errorf("call %d of %s: %w", c.Index, t.ID(), err)
		}
		if out.Fault != "" || out.Error != "" || len(out.Changes) > 0 {
			row.Record.Calls = append(row.Record.Calls, out)
		}
	}
	return row, nil
}

func changes(diff []world.Change) ([]dataset.Change, error) {
	var out []dataset.Change
	for _, d := range diff {
		c := dataset.Change{Kind: d.Kind, Entity: d.Entity, ID: d.ID, Field: d.Field}
		for _, side := range []struct {
			from any
			to   *json.RawMessage
		}{{d.Before, &c.Before}, {d.After, &c.After}} {
			if side.from == nil {
				continue
			}
			raw, err := json.Marshal(side.from)
			if err != nil {
				return nil, err
			}
			*side.to = raw
		}
		out = append(out, c)
	}
	return out, nil
}

// plan is the sequence of kinds of the tools called: "+" between calls of one turn, ">" between turns, "/" where the user
// spoke in between, and "!" after a call that failed.
func plan(tr *env.Trajectory) string {
	var b strings.Builder
	last := -1
	for _, c := range tr.Record.Calls {
		switch {
		case last < 0:
		case c.Message == last:
			b.WriteByte('+')
		case userBetween(tr.Dialogue.Messages[last+1 : c.Message]):
			b.WriteByte('/')
		default:
			b.WriteByte('>')
		}
		last = c.Message
		kind := c.Tool
		if t := tr.Task.Tool(c.Tool); t != nil {
			kind = string(t.Kind)
		}
		b.WriteString(kind)
		if c.Code != "" {
			b.WriteByte('!')
		}
	}
	return b.String()
}

func userBetween(messages []chat.Message) bool {
	return slices.ContainsFunc(messages, func(m chat.Message) bool { return m.Role == chat.RoleUser })
}
