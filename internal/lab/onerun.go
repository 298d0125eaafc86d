package lab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"muonclip/internal/metrics"
	"muonclip/internal/progress"
	"muonclip/internal/stage"
	"muonclip/internal/train"
	"muonclip/optim"
)

// work is the GFLOP of a run; that of a fine-tuning is not known before its data is made.
func work(j Job) float64 {
	if j.From != "" {
		return 0
	}
	return j.Config.Model.TrainFLOPs(j.Config.Train.SeqLen).Total() * float64(j.Config.Train.TotalTokens()) / 1e9
}

// one does one run, unless it is done.
func (g *grid) one(ctx context.Context, j Job) error {
	dir := filepath.Join(g.dir, j.Folder())
	if err := sameConfig(dir, j.Config); err != nil {
		return err
	}
	if _, ok, err := outcomeOf(dir); ok || err != nil {
		g.advance(j, nil)
		return err
	}
	if j.From == "" {
		if err := link(dir, g.shared(j)); err != nil {
			return err
		}
	}
	j.Config.Train.Threads = g.threads
	before := 0.0
	log := slog.New(slog.DiscardHandler) // what a run meets is in its own events
	if g.Log.Enabled(ctx, slog.LevelDebug) {
		log = g.Log.With("run", j.Folder())
	}
	r, err := stage.Open(stage.Run{
		Dir: dir, Config: j.Config, Log: log, Command: g.Command,
		OnRow: func(row *metrics.Row) {
			if j.From != "" {
				return
			}
			now := work(j) * float64(row.Step) / float64(j.Config.Train.TotalSteps())
			g.add(now-before, j)
			before = now
		},
	})
	if err != nil {
		return err
	}
	defer r.Close()
	out := outcome{Experiment: g.e.Name, Arm: j.Arm, Seed: j.Seed, Status: Finished}
	sum, err := g.train(ctx, r, j, &out)
	var notFinite *optim.NonFiniteError
	switch {
	case err == nil:
		out.UnigramLoss = sum.UnigramLoss
	case errors.Is(err, train.ErrDiverged) || errors.As(err, &notFinite):
		out.Status, out.Message = Diverged, err.Error()
		g.Log.Warn("a run diverged, which is a result", "run", j.Folder(), "error", err)
	default:
		return err
	}
	if err := out.write(dir); err != nil {
		return err
	}
	g.add(work(j)-before, j)
	g.advance(j, &out)
	return nil
}

// train does the work of one run: pretraining, or fine-tuning of another run's model.
func (g *grid) train(ctx context.Context, r *stage.Run, j Job, out *outcome) (*stage.Summary, error) {
	if j.From == "" {
		return r.PretrainAndReport(ctx, 1, 2)
	}
	out.Folder = "sft"
	source := Job{Arm: j.From, Seed: j.Seed}
	if o, ok, err := outcomeOf(filepath.Join(g.dir, source.Folder())); err != nil {
		return nil, err
	} else if !ok || o.Status != Finished {
		return nil, fmt.Errorf("lab: %s did not finish, so there is nothing to go on from", source.Folder())
	}
	if err := r.Dialogues(ctx, 0, 0); err != nil {
		return nil, err
	}
	return r.SFT(ctx, filepath.Join(g.dir, source.Folder()), 0, 0)
}

func (g *grid) add(gflop float64, j Job) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.done += gflop
	runs := progress.Field{Name: "runs", Value: fmt.Sprintf("%d/%d", g.ended, g.planned)}
	g.task.Set(int64(g.done), runs, progress.Field{Name: "now", Value: j.Folder()})
}

// advance counts a run as done; out is nil where it was done before.
func (g *grid) advance(j Job, out *outcome) {
	g.mu.Lock()
	g.ended++
	g.mu.Unlock()
	if out == nil {
		g.add(work(j), j)
		return
	}
	g.Log.Debug("a run is done", "run", j.Folder(), "status", out.Status)
	g.add(0, j)
}
