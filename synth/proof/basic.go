package proof

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"muonclip/data/chat"
	"muonclip/synth/env"
	"muonclip/synth/task"
	"muonclip/synth/world"
)

// format checks the dialogue's form and its arguments.
func (p *prover) format() {
	var list []error
	if err := chat.Validate(p.tr.Dialogue, nil); err != nil {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			list = joined.Unwrap()
		} else {
			list = []error{err}
		}
	}
	for _, err := range list {
		at := -1
		var problem *chat.Problem
		if errors.As(err, &problem) {
			at = problem.Message
		}
		p.found(Format, at, err.Error())
	}
	for _, c := range p.calls {
		if c.tool == nil {
			p.found(Schema, c.message, "the tool "+c.name+" is not offered")
			continue
		}
		if problems := task.Validate(c.tool, []byte(c.raw)); len(problems) > 0 {
			p.found(Schema, c.message, c.name+": "+strings.TrimSpace(problems[0].Path+" "+problems[0].Message))
		}
	}
}

// recorded compares the dialogue with the record.
func (p *prover) recorded() {
	rec := p.tr.Record
	if len(rec.Calls) != len(p.calls) {
		p.found(Recorded, -1, fmt.Sprintf("the dialogue has %d calls, the record %d", len(p.calls), len(rec.Calls)))
		return
	}
	for i, c := range p.calls {
		r := &rec.Calls[i]
		switch {
		case r.Tool != c.name || string(r.Args) != c.raw || r.Message != c.message:
			p.found(Recorded, c.message, fmt.Sprintf("call %d is of %s with %s, the record says %s with %s", i, c.name, c.raw, r.Tool, r.Args))
		case c.result < 0:
			p.found(Recorded, c.message, fmt.Sprintf("call %d of %s has no result", i, c.name))
		case string(r.Result) != p.tr.Dialogue.Messages[c.result].Content:
			p.found(Recorded, c.result, fmt.Sprintf("the result of call %d is not the recorded one", i))
		}
	}
}

// replayed runs the calls again.
func (p *prover) replayed() {
	if err := env.Replay(p.tr); err != nil {
		p.found(Replayed, -1, err.Error())
	}
	if p.tr.World != nil && p.tr.Task.Writes > 0 {
		if err := p.tr.World.Check(); err != nil {
			p.found(Invariants, -1, err.Error())
		}
	}
}

// rubric compares state, pattern and number of changes with the task's rubric.
func (p *prover) rubric() {
	for _, f := range p.tr.Task.Rubric.Judge(env.EvidenceOf(p.tr)) {
		switch f.What {
		case "state":
			p.found(State, -1, f.Detail)
		case "writes":
			p.found(Writes, -1, f.Detail)
		case "pattern":
			p.found(Pattern, -1, f.Detail)
		case "notice":
			p.found(Told, -1, f.Detail)
		}
	}
}

// changes checks that every change of the plan was made at some time: where a later request sets the same field again, the
// final state does not tell.
func (p *prover) changes() {
	for _, seg := range p.tr.Task.Segments {
		for _, want := range seg.Changes {
			if !slices.ContainsFunc(p.tr.Record.Calls, func(c env.Call) bool {
				return slices.ContainsFunc(c.Diff, func(got world.Change) bool { return sameChange(want, got) })
			}) {
				p.found(State, -1, fmt.Sprintf("%s of %s %s is never set to %v", want.Field, want.Entity, want.ID, want.After))
			}
		}
	}
}

func sameChange(a, b world.Change) bool {
	return a.Kind == b.Kind && a.Entity == b.Entity && a.ID == b.ID && a.Field == b.Field && (a.Field == "" || reflect.DeepEqual(a.After, b.After))
}

// writes checks that no more calls that change something succeeded than the plan needs.
func (p *prover) writes() {
	n := 0
	done := map[string]bool{} // changes that succeeded since the user spoke
	for i, c := range p.calls {
		if i > 0 && !p.sameTurn(&p.calls[i-1], &p.calls[i]) {
			clear(done)
		}
		if c.tool != nil && c.tool.Writes {
			key := c.name + " " + c.raw
			if done[key] && (c.rec == nil || !c.rec.Applied) {
				p.found(Writes, c.message, c.name+" is called again with the same arguments although it had succeeded")
			}
			done[key] = done[key] || !c.failed || c.rec != nil && c.rec.Applied
		}
		if c.tool != nil && c.tool.Writes && (!c.failed || c.rec != nil && c.rec.Applied) {
			if n++; n > p.tr.Task.Rubric.MaxWrites {
				p.found(Writes, c.message, fmt.Sprintf("%s is change number %d, %d are needed", c.name, n, p.tr.Task.Rubric.MaxWrites))
				return
			}
		}
	}
}

// policy checks that no call that took effect broke a rule.
func (p *prover) policy() {
	for i := range p.tr.Record.Calls {
		if c := &p.tr.Record.Calls[i]; c.Applied && len(c.Violated) > 0 {
			p.found(Policy, c.Message, c.Tool+" against the rule: "+c.Violated[0])
		}
	}
}

// ended checks that the dialogue was brought to its end by an answer of the assistant.
func (p *prover) ended() {
	msgs := p.tr.Dialogue.Messages
	if len(msgs) == 0 {
		return
	}
	last := msgs[len(msgs)-1]
	if p.tr.Ended != "user" || last.Role != chat.RoleAssistant || len(last.ToolCalls) > 0 || strings.TrimSpace(last.Content) == "" {
		p.found(Ended, len(msgs)-1, "the dialogue does not end with an answer of the assistant")
	}
	for i, m := range msgs {
		if m.Role == chat.RoleUser && i > 0 && msgs[i-1].Role == chat.RoleUser {
			p.found(Ended, i, "the user speaks twice in a row")
		}
	}
}
