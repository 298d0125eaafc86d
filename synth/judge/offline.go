package judge

import (
	"context"
	"errors"

	"muonclip/data/chat"
	"muonclip/synth/env"
	"muonclip/synth/proof"
)

// Offline judges by the checks of package proof. It needs the trajectory of the case. A dialogue that passes all checks
// passes; of another one it says who failed:
//
//   - a tool, where running the calls again gives another result than the dialogue shows;
//   - the user, where their words contradict what the task says of them, or where they leave a question unanswered;
//   - the agent otherwise.
//
// The zero Offline is ready.
type Offline struct{ checker proof.Checker }

var _ Judge = (*Offline)(nil)

// Name is offline checks.
func (o *Offline) Name() string { return "offline checks" }

// Judge judges a case that has its trajectory.
func (o *Offline) Judge(_ context.Context, c Case) (Verdict, error) {
	tr := c.Trajectory
	if tr == nil {
		return Verdict{}, errors.New("judge: the offline judge needs the task of the dialogue")
	}
	report := o.checker.Prove(tr)
	if report.OK() {
		return Verdict{Outcome: Pass, Message: -1, Votes: 1, Agreement: 1}, nil
	}
	first := report.Findings[0]
	v := Verdict{Outcome: Fail, Fault: Agent, Criterion: first.Check, Message: first.Message, Reason: first.Detail, Votes: 1, Agreement: 1}
	if at := firstWrongResult(tr); at >= 0 {
		v.Fault, v.Criterion, v.Message = Tool, proof.Replayed, at
		v.Reason = "the result is another one when the call is made again"
		return v, nil
	}
	if at, why := contradiction(tr); at >= 0 {
		v.Fault, v.Criterion, v.Message, v.Reason = User, "user", at, why
	}
	return v, nil
}

// firstWrongResult finds the first result that differs from what the environment really gives; -1 when there is none.
func firstWrongResult(tr *env.Trajectory) int {
	again := env.Rerun(tr.Task, tr.Dialogue.Messages).Dialogue.Messages
	for i, m := range tr.Dialogue.Messages {
		if i >= len(again) || again[i].Role != m.Role {
			return -1 // a result is missing or one too many; whoever did this, it was not a tool
		}
		if m.Role == chat.RoleTool && m.Content != again[i].Content {
			return i
		}
	}
	return -1
}
