package judge

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"

	"muonclip/data/chat"
	"muonclip/synth/actor"
	"muonclip/synth/domain"
	"muonclip/synth/env"
	"muonclip/synth/proof"
	"muonclip/synth/task"
	"muonclip/synth/task/value"
)

// agentChecks find what only an agent can have done.
var agentChecks = []string{proof.Format, proof.Schema, proof.Policy, proof.Consented, proof.Sourced,
	proof.Grounded, proof.Recovered, proof.Honest, proof.Asked, proof.Ended}

// wrongValue plays the dialogue again with a user who has one value wrong. The agent serves what it hears, so it does
// nothing wrong, but what the task asks for is not reached. Only dialogues that the proofs refuse count as failed, so the
// offline judge catches all of these by construction; what its figures say of them is whom it blames.
func wrongValue(ctx context.Context, tr *env.Trajectory, r *rand.Rand) (*env.Trajectory, bool) {
	type place struct{ segment, slot int }
	var places []place
	for i, seg := range tr.Task.Segments {
		for j, s := range seg.Slots {
			if (s.Reveal == task.AtOnce || s.Reveal == task.OnAsk) && s.First == nil {
				places = append(places, place{i, j})
			}
		}
	}
	r.Shuffle(len(places), func(i, j int) { places[i], places[j] = places[j], places[i] })
	var checker proof.Checker
	for _, p := range places[:min(len(places), 6)] {
		seg := *tr.Task.Segments[p.segment]
		slot := *seg.Slots[p.slot]
		v, ok := another(tr.Task, &slot, r)
		if !ok {
			continue
		}
		slot.Value.V = v
		seg.Slots = slices.Clone(seg.Slots)
		seg.Slots[p.slot] = &slot
		mistaken := *tr.Task
		mistaken.Segments = slices.Clone(mistaken.Segments)
		mistaken.Segments[p.segment] = &seg
		out, err := actor.Play(ctx, &mistaken)
		if err != nil {
			continue
		}
		out.Task = tr.Task
		report := checker.Prove(out)
		if report.OK() || slices.ContainsFunc(report.Failed(), func(c string) bool { return slices.Contains(agentChecks, c) }) {
			continue // what was asked for serves the task all the same, or the agent failed too
		}
		return out, true
	}
	return nil, false
}

// another draws another value for a slot, of the same kind.
func another(t *task.Task, s *task.Slot, r *rand.Rand) (any, bool) {
	switch x := s.Value.V.(type) {
	case int64:
		return x + 1 + r.Int64N(3), true
	case float64:
		return x + float64(10+r.IntN(50)), true
	case string:
		if day, ok := value.Date(x); ok && s.Value.Type == domain.Date {
			return value.ISO(day.AddDate(0, 0, 1+r.IntN(6))), true
		}
		if list := choices(s, t); len(list) > 1 {
			i := slices.IndexFunc(list, func(c string) bool { return value.Equal(c, x) })
			return list[(i+1+r.IntN(len(list)-1))%len(list)], true
		}
		if e := t.Domain.EntityOfID(x); e != nil {
			records := t.World.Records(e.Name)
			if other := records[r.IntN(len(records))]; other.ID != x {
				return other.ID, true
			}
		}
	}
	return nil, false
}

// What users say who leave, and what the assistant answers.
var (
	goodbyes  = []string{"Never mind, I have to go.", "Forget it, this takes too long.", "I'll come back another time."}
	farewells = []string{"All right.", "Of course. Have a good day.", "Understood."}
)

// givesUp lets the user leave where they were asked for a value that they had not said.
func givesUp(tr *env.Trajectory, r *rand.Rand) (*env.Trajectory, bool) {
	msgs := tr.Dialogue.Messages
	var places []int
	for i := 1; i < len(msgs); i++ {
		if msgs[i].Role != chat.RoleUser || msgs[i-1].Role != chat.RoleAssistant || !strings.Contains(msgs[i-1].Content, "?") {
			continue
		}
		question, answer := value.Read(msgs[i-1].Content, tr.Task.Today), value.Read(msgs[i].Content, tr.Task.Today)
		for _, s := range unsaidBefore(tr, i) {
			if question.Contains(s.Label) && answer.Has(s.Value) {
				places = append(places, i)
				break
			}
		}
	}
	if len(places) == 0 {
		return nil, false
	}
	at := places[r.IntN(len(places))]
	turns := append(slices.Clone(msgs[:at]),
		chat.Message{Role: chat.RoleUser, Content: goodbyes[r.IntN(len(goodbyes))]}, chat.Message{Role: chat.RoleAssistant, Content: farewells[r.IntN(len(farewells))]})
	out := env.Rerun(tr.Task, turns)
	var checker proof.Checker
	if checker.Prove(out).OK() {
		return nil, false
	}
	return out, true
}

// unsaidBefore lists the values that are said when asked for and that the user says in no message before number i.
func unsaidBefore(tr *env.Trajectory, i int) []*task.Slot {
	before := *tr
	before.Dialogue.Messages = tr.Dialogue.Messages[:i]
	return slices.DeleteFunc(unsaidSlots(&before), func(s *task.Slot) bool { return s.Reveal != task.OnAsk })
}
