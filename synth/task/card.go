package task

import "strings"

// Card is what readers and files are told of a task: all of it but the world and the tools.
type Card struct {
	ID         string     `json:"id"`
	Kind       Kind       `json:"kind"`
	Difficulty int        `json:"difficulty"`
	Domain     string     `json:"domain"`
	Category   string     `json:"category"`
	Agent      string     `json:"agent"`
	Persona    Persona    `json:"persona"`
	Policy     []string   `json:"policy"`
	Segments   []CardPart `json:"segments"`
	Faults     []Fault    `json:"faults,omitempty"`
	Initial    string     `json:"initial_state"`
	Goal       string     `json:"goal_state"`
	Calls      int        `json:"planned_calls"`
	Writes     int        `json:"planned_changes"`
	Facts      []CardFact `json:"facts"`
	Rubric     Rubric     `json:"rubric"`
	Refusals   []Reason   `json:"refused_attempts,omitempty"`
}

// CardPart is a segment of a card.
type CardPart struct {
	Kind    Kind    `json:"kind"`
	Outcome Outcome `json:"outcome"`
	Act     Act     `json:"act"`
	Tool    string  `json:"tool,omitempty"`
	Plan    string  `json:"plan"` // the steps in short: get>consent>cancel*
}

// CardFact is a fact of a card.
type CardFact struct {
	Label string `json:"label"`
	Value any    `json:"value"`
	Unit  string `json:"unit,omitempty"`
}

// Card describes the task.
func (t *Task) Card() Card {
	c := Card{ID: t.ID(), Kind: t.Kind, Difficulty: t.Difficulty, Domain: t.Domain.Name, Category: t.Domain.Category, Agent: t.Agent, Persona: t.Persona, Policy: t.Policy,
		Faults: t.Faults, Initial: t.Initial, Goal: t.Goal, Calls: t.Calls, Writes: t.Writes, Rubric: t.Rubric, Refusals: t.Refusals}
	for _, s := range t.Segments {
		p := CardPart{Kind: s.Kind, Outcome: s.Outcome, Act: s.Intent.Act, Plan: t.Shape(s)}
		if s.Intent.Tool != nil {
			p.Tool = s.Intent.Tool.Name
		}
		c.Segments = append(c.Segments, p)
	}
	for _, f := range t.Rubric.Facts {
		c.Facts = append(c.Facts, CardFact{f.Label, f.Value.V, f.Value.Unit})
	}
	return c
}

// Shape writes a segment's plan by the families of its tools: search>get>ask>edit. Calls that go out together are joined by +, a loop ends in
// *, a call that fails for good in !.
func (t *Task) Shape(s *Segment) string {
	var b strings.Builder
	for i, step := range s.Steps {
		word := string(step.Do)
		if x := t.Tool(step.Tool); step.Do == DoCall && x != nil {
			word = string(x.Kind)
		}
		switch {
		case i == 0:
		case step.Group > 0 && s.Steps[i-1].Group == step.Group:
			b.WriteByte('+')
		default:
			b.WriteByte('>')
		}
		b.WriteString(word)
		if step.Each >= 0 {
			b.WriteByte('*')
		}
		if step.Fatal {
			b.WriteByte('!')
		}
	}
	return b.String()
}
