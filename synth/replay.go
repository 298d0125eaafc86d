package synth

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"muonclip/internal/progress"
	"muonclip/synth/dataset"
)

// Prover proves a dialogue again from what is stored of it: it runs every call on a fresh world and checks state,
// facts and rubric. It gives what is wrong, nothing for a dialogue that is proved. It is called from several goroutines.
type Prover interface {
	Prove(ctx context.Context, r *dataset.Row) (problems []string, err error)
}

// ReplayReport says what Replay found.
type ReplayReport struct {
	Rows   int             `json:"rows"`
	Proved int             `json:"proved"`
	Failed []ReplayFailure `json:"failed,omitempty"` // the first hundred
}

// ReplayFailure is a dialogue that is not proved.
type ReplayFailure struct {
	ID       string   `json:"id"`
	Key      string   `json:"key"`
	Problems []string `json:"problems"`
}

// maxFailures is how many failures a report names.
const maxFailures = 100

// Replay proves every dialogue of a data set again: by prover where it is not nil, and, where sampler is not nil, by
// making it anew from its number and comparing every byte.
func Replay(ctx context.Context, dir string, prover Prover, sampler Sampler, workers int, show *progress.Display) (*ReplayReport, error) {
	set, err := dataset.Open(dir)
	if err != nil {
		return nil, err
	}
	report := new(ReplayReport)
	task := show.Start(progress.Spec{Name: "replay", Unit: "dialogues", Total: int64(set.Manifest.Rows)})
	err = dataset.Each(ctx, set, workers, func(r *dataset.Row) (ReplayFailure, error) {
		f := ReplayFailure{ID: r.Dialogue.ID, Key: r.Key}
		if prover != nil {
			problems, err := prove(ctx, prover, r)
			if err != nil {
				return f, err
			}
			f.Problems = problems
		}
		if sampler != nil {
			problem, err := remade(ctx, sampler, r)
			if err != nil {
				return f, err
			}
			if problem != "" {
				f.Problems = append(f.Problems, problem)
			}
		}
		task.Add(1)
		return f, nil
	}, func(f ReplayFailure) error {
		report.Rows++
		switch {
		case len(f.Problems) == 0:
			report.Proved++
		case len(report.Failed) < maxFailures:
			report.Failed = append(report.Failed, f)
		}
		return nil
	})
	if err != nil {
		task.Fail(err)
		return nil, err
	}
	task.Done(fmt.Sprintf("%d proved", report.Proved))
	return report, nil
}

// Print writes the report as text.
func (r *ReplayReport) Print(w io.Writer) error {
	p := &printer{w: w}
	p.line("%d of %d dialogues proved", r.Proved, r.Rows)
	for _, f := range r.Failed {
		p.line("%s (key %s)", f.ID, plain(f.Key))
		for _, problem := range f.Problems {
			p.line("  %s", plain(problem))
		}
	}
	return p.err
}

// prove makes a panic of the prover a problem of the dialogue.
func prove(ctx context.Context, p Prover, r *dataset.Row) (problems []string, err error) {
	defer func() {
		if x := recover(); x != nil {
			problems, err = []string{fmt.Sprintf("the proof panicked: %v", x)}, nil
		}
	}()
	return p.Prove(ctx, r)
}

// remade makes a dialogue anew and compares it.
func remade(ctx context.Context, s Sampler, r *dataset.Row) (problem string, err error) {
	again, refusal, err := s.Dialogue(ctx, r.Index)
	switch {
	case err != nil:
		return "", fmt.Errorf("synth: candidate %d: %w", r.Index, err)
	case refusal != nil:
		return fmt.Sprintf("made again it is refused: %s (%s)", refusal.Reason, refusal.Detail), nil
	}
	again.Index = r.Index
	again.Dialogue.ID = dataset.RowID(again.Key)
	if !bytes.Equal(dataset.AppendDialogue(nil, again), dataset.AppendDialogue(nil, r)) {
		return "made again it is another dialogue", nil
	}
	was, err := dataset.AppendRecord(nil, r)
	if err != nil {
		return "", err
	}
	is, err := dataset.AppendRecord(nil, again)
	if err != nil {
		return "", err
	}
	if !bytes.Equal(was, is) {
		return "made again it has another record", nil
	}
	return "", nil
}
