package judge

import (
	"context"
	"fmt"
	"maps"

	"muonclip/synth"
	"muonclip/synth/dataset"
)

// CheckName is the name of the check that Filter adds to rows.
const CheckName = "judge"

// Filter is a Sampler that asks a judge about each dialogue of another one. What the judge fails is refused with the
// reason judge_user, judge_tool or judge_agent, and what it says nothing usable about with judge_unknown. The verdict on
// what it passes is a check of the row.
type Filter struct {
	Sampler synth.Sampler
	Judge   Judge
	// Case makes the case of a row, such as Tasks.Case; nil means CaseOfRow, by which the judge does not know the task.
	Case func(*dataset.Row) (Case, error)
}

var _ synth.Sampler = Filter{}

// Describe is the description of the sampler with the name of the judge.
func (f Filter) Describe() map[string]string {
	out := maps.Clone(f.Sampler.Describe())
	if out == nil {
		out = map[string]string{}
	}
	out["judge"] = f.Judge.Name()
	return out
}

// Dialogue makes a candidate and has it judged.
func (f Filter) Dialogue(ctx context.Context, index int64) (*dataset.Row, *synth.Refusal, error) {
	row, refusal, err := f.Sampler.Dialogue(ctx, index)
	if err != nil || refusal != nil {
		return nil, refusal, err
	}
	makeCase := f.Case
	if makeCase == nil {
		makeCase = CaseOfRow
	}
	c, err := makeCase(row)
	if err != nil {
		return nil, nil, err
	}
	v, err := f.Judge.Judge(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	switch v.Outcome {
	case Pass:
		row.Checks = append(row.Checks, dataset.Check{Name: CheckName, Pass: true, Detail: fmt.Sprintf("%s, agreement %.2f", f.Judge.Name(), v.Agreement)})
		return row, nil, nil
	case Fail:
		return nil, &synth.Refusal{Reason: "judge_" + string(v.Fault), Detail: row.Key + ": " + v.String()}, nil
	}
	return nil, &synth.Refusal{Reason: "judge_unknown", Detail: row.Key + ": " + v.Reason}, nil
}
