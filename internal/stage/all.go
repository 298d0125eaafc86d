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

// All does every stage that is not done yet: dialogues, tokenizer, shards, pretraining, SFT, reinforcement learning,
// evaluation, report. Where the configuration has no tasks, those that need them are left out.
func (r *Run) All(ctx context.Context) (*Summary, error) {
	later := len(r.Config.Tasks) > 0
	stages := 4
	if later {
		stages = 8
	}
	next := 0
	number := func() int { next++; return next }
	if later {
		if err := r.Dialogues(ctx, number(), stages); err != nil {
			return nil, err
		}
	}
	tok, err := r.Tokenizer(ctx, number(), stages)
	if err != nil {
		return nil, err
	}
	if err := r.Shards(ctx, tok, number(), stages); err != nil {
		return nil, err
	}
	if !later {
		return r.PretrainAndReport(ctx, number(), stages)
	}
	sum, err := r.Pretrain(ctx, number(), stages)
	if err != nil && !r.began {
		return nil, err
	}
	if err == nil {
		err = r.learnTasks(ctx, number, stages)
	}
	if reportErr := r.report(ctx, number(), stages, sum); err != nil || reportErr != nil {
		return nil, errors.Join(err, reportErr)
	}
	return sum, nil
}

// learnTasks does the stages after pretraining.
func (r *Run) learnTasks(ctx context.Context, number func() int, stages int) error {
	if _, err := r.SFT(ctx, "", number(), stages); err != nil {
		return err
	}
	if r.Config.RL.Iterations > 0 {
		if _, err := r.RL(ctx, "", number(), stages); err != nil {
			return err
		}
	}
	return r.Compare(ctx, number(), stages)
}

// PretrainAndReport trains and draws the report, which a training that stopped early gets too.
func (r *Run) PretrainAndReport(ctx context.Context, stage, stages int) (*Summary, error) {
	sum, err := r.Pretrain(ctx, stage, stages)
	if err != nil && !r.began {
		return nil, err
	}
	if reportErr := r.report(ctx, stage+1, stages, sum); err != nil || reportErr != nil {
		return nil, errors.Join(err, reportErr)
	}
	return sum, nil
}

// report draws the report of the run and notes its path in the summary, where there is one.
func (r *Run) report(ctx context.Context, stage, stages int, sum *Summary) error {
	task := r.Progress.Start(progress.Spec{Name: "report", Stage: stage, Stages: stages})
	path, err := report.Write(r.Dir)
	if err != nil {
		task.Fail(failed(ctx))
		return err
	}
	task.Done(path)
	if sum != nil {
		sum.Report = path
	}
	return nil
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
