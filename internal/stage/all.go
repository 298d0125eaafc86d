package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"muonclip/internal/progress"
	"muonclip/internal/report"
)

// stages is the number of stages of All.
const stages = 4

// All does every stage that is not done yet: tokenizer, shards, pretraining, report.
func (r *Run) All(ctx context.Context) (*Summary, error) {
	tok, err := r.Tokenizer(ctx, 1, stages)
	if err != nil {
		return nil, err
	}
	if err := r.Shards(ctx, tok, 2, stages); err != nil {
		return nil, err
	}
	return r.PretrainAndReport(ctx, 3, stages)
}

// PretrainAndReport trains and draws the report, which a training that stopped early gets too.
func (r *Run) PretrainAndReport(ctx context.Context, stage, stages int) (*Summary, error) {
	sum, err := r.Pretrain(ctx, stage, stages)
	if err != nil && !r.began {
		return nil, err
	}
	task := r.Progress.Start(progress.Spec{Name: "report", Stage: stage + 1, Stages: stages})
	path, reportErr := report.Write(r.Dir)
	if reportErr != nil {
		task.Fail(failed(ctx))
	} else {
		task.Done(path)
	}
	if err = errors.Join(err, reportErr); err != nil {
		return nil, err
	}
	sum.Report = path
	return sum, nil
}

// Print says in a few lines what came out.
func (s *Summary) Print(w io.Writer) error {
	fmt.Fprintf(w, "\n%d steps, %d tokens\n", s.Step, s.Tokens)
	fmt.Fprintf(w, "training loss  %.4f nats/token (last step)\n", s.Loss)
	if s.ValLoss != nil {
		fmt.Fprintf(w, "held-out loss  %.4f nats/token; a unigram model has %.4f\n", *s.ValLoss, s.UnigramLoss)
	}
	report, err := filepath.Abs(s.Report)
	if err != nil {
		report = s.Report
	}
	_, err = fmt.Fprintf(w, "checkpoint     %s\nreport         %s\n", s.Checkpoint, report)
	return err
}
