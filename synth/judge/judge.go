// Package judge says of finished dialogues whether they are good and, where not, whose fault it was: the user's, a tool's
// or the agent's. A judge is a language model behind an endpoint, or the offline checks of package proof in the same
// form. Whoever judges is measured first: dialogues with planted defects, whose culprit is known, show what the judge
// misses, what it blames without reason, and whom it confuses with whom.
package judge

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"muonclip/data/chat"
	"muonclip/synth/dataset"
	"muonclip/synth/env"
	"muonclip/synth/task"
	"muonclip/synth/task/value"
)

// Outcome is what a judge says of a dialogue.
type Outcome string

// The outcomes. Unknown is what a judge says that could not be understood; it is counted and never taken for a pass.
const (
	Pass    Outcome = "pass"
	Fail    Outcome = "fail"
	Unknown Outcome = "unknown"
)

// Fault is who failed.
type Fault string

// Those who may be at fault; "" is nobody.
const (
	Nobody Fault = ""
	User   Fault = "user"
	Tool   Fault = "tool"
	Agent  Fault = "agent"
)

// Faults lists those who may be at fault.
func Faults() []Fault { return []Fault{User, Tool, Agent} }

// Verdict is the judgement of one dialogue.
type Verdict struct {
	Outcome   Outcome `json:"verdict"`
	Fault     Fault   `json:"fault,omitempty"`     // of a failed dialogue
	Criterion string  `json:"criterion,omitempty"` // what is not met
	Message   int     `json:"message"`             // index of the message that shows it; -1 where none does
	Reason    string  `json:"reason,omitempty"`
	Votes     int     `json:"votes"`     // samples taken
	Agreement float64 `json:"agreement"` // share of the votes that say the same, fault included
}

// String gives the verdict in one line.
func (v Verdict) String() string {
	s := string(v.Outcome)
	if v.Fault != Nobody {
		s += " by the " + string(v.Fault)
	}
	if v.Criterion != "" {
		s += ", " + v.Criterion
	}
	if v.Message >= 0 {
		s += fmt.Sprintf(", at message %d", v.Message)
	}
	if v.Reason != "" {
		s += ": " + v.Reason
	}
	return s
}

// Case is a dialogue with what a judge may know of its task.
type Case struct {
	Dialogue chat.Dialogue
	Wants    []string // what the user is after and what they know, request by request
	Policy   []string // what the assistant must observe
	Criteria []string // what a good dialogue fulfils
	// Trajectory is the dialogue with its task and its record, which only the offline judge looks at. nil where the task
	// is not at hand.
	Trajectory *env.Trajectory
}

// Judge judges dialogues. It is safe for concurrent use. An error is about the judge, such as an endpoint that is down,
// never about the dialogue.
type Judge interface {
	Judge(ctx context.Context, c Case) (Verdict, error)
	// Name says who judges, for manifests and tables; equal names judge equally.
	Name() string
}

// CaseOf makes the case of a trajectory.
func CaseOf(tr *env.Trajectory) Case {
	t := tr.Task
	return Case{Dialogue: tr.Dialogue, Wants: wants(t), Policy: t.Policy, Criteria: t.Rubric.Criteria, Trajectory: tr}
}

// CaseOfRow makes a case from what a data set stores: the dialogue and the criteria. What the user wanted is not known
// then; Tasks knows it.
func CaseOfRow(r *dataset.Row) (Case, error) {
	c := Case{Dialogue: r.Dialogue}
	if len(r.Rubric) > 0 {
		var rubric struct {
			Criteria []string `json:"criteria"`
		}
		if err := json.Unmarshal(r.Rubric, &rubric); err != nil {
			return Case{}, fmt.Errorf("judge: rubric of %s: %w", r.Key, err)
		}
		c.Criteria = rubric.Criteria
	}
	return c, nil
}

// wants writes down what the user of a task is after.
func wants(t *task.Task) []string {
	var out []string
	for i, seg := range t.Segments {
		var b strings.Builder
		fmt.Fprintf(&b, "Request %d: %s.", i+1, want(seg))
		for _, s := range seg.Slots {
			raw, err := json.Marshal(s.Value.V)
			if err != nil {
				continue
			}
			fmt.Fprintf(&b, " %s = %s", s.Label, raw)
			switch {
			case s.First != nil:
				fmt.Fprintf(&b, " (says %v first and then corrects it)", s.First.V)
			case s.Reveal == task.OnAsk:
				b.WriteString(" (says it when asked)")
			case s.Reveal == task.Known:
				b.WriteString(" (the assistant knows it already)")
			}
			b.WriteByte(';')
		}
		switch seg.Outcome {
		case task.Refused:
			b.WriteString(" The policy forbids it.")
		case task.Blocked:
			b.WriteString(" It turns out to be impossible.")
		case task.Declined:
			b.WriteString(" The user does not agree in the end.")
		case task.NoMeans:
			b.WriteString(" No tool serves it.")
		case task.Failed:
			b.WriteString(" The service fails for good.")
		}
		out = append(out, b.String())
	}
	return out
}

// want names the request of a segment in a few words.
func want(seg *task.Segment) string {
	in := &seg.Intent
	var parts []string
	switch {
	case in.Phrase != "":
		parts = append(parts, in.Phrase)
	case in.Noun != "":
		parts = append(parts, in.Noun)
	case len(in.Asks) > 0:
		parts = append(parts, "to know "+value.Join(in.Asks))
	case in.Verb != "":
		parts = append(parts, value.Words(in.Verb))
	default:
		parts = append(parts, value.Words(string(in.Act)))
	}
	if in.Entity != nil && in.Phrase == "" {
		parts = append(parts, "("+value.Words(in.Entity.Name)+")")
	}
	if in.Each != "" {
		parts = append(parts, "for "+in.Each)
	}
	return strings.TrimSpace(strings.Join(parts, " ") + in.Tail)
}
