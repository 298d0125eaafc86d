package stage

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"muonclip/data/chat"
	"muonclip/data/chat/schema"
	"muonclip/data/pack"
	"muonclip/internal/compute"
	"muonclip/internal/config"
	"muonclip/internal/metrics"
	"muonclip/internal/progress"
	"muonclip/internal/report"
	"muonclip/model/generate"
	"muonclip/rl"
	"muonclip/rl/reward/critic"
)

// checked is the number of episodes on which rewards are tried before training.
const checked = 20

// RL trains the model of a folder, or of the run's SFT where from is empty, by what it does in the environments of the
// tasks. It is a run of its own in the folder rl of the run.
func (r *Run) RL(ctx context.Context, from string, stage, stages int) (sum *Summary, err error) {
	defer compute.Guard(&err)
	if from == "" {
		from = r.path("sft")
	}
	base, err := OpenTrained(from, r.Config.Train.Threads, r.Log)
	if err != nil {
		return nil, err
	}
	if base.Tokenizer == nil {
		return nil, fmt.Errorf("%s has no tokenizer, so nobody can read what the model writes: put its tokenizer.json there", from)
	}
	cfg := r.Config.For(config.StageRL)
	cfg.Model = base.Model.Config
	sub, err := r.open("rl", cfg, base.Tokenizer)
	if err != nil {
		return nil, err
	}
	defer sub.Close()
	manifest, err := sub.goOn(base)
	if err != nil || manifest.Finished != "" {
		return sub.outcome(manifest, err)
	}
	j := job{
		name: "rl", model: base.Model, place: place{Backend: base.Backend}, tokenizer: base.Tokenizer, manifest: manifest, reset: cfg.RL.Updates,
	}
	if err := sub.use(&j); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	trainer, err := sub.trainer(ctx, base, &j)
	if err != nil {
		return nil, err
	}
	if err := sub.tryRewards(ctx, trainer, stage, stages); err != nil {
		return nil, err
	}
	if cfg.RL.PTXWeight > 0 {
		data, err := r.dialogues(ctx, base.Tokenizer, stage, stages)
		if err != nil {
			return nil, err
		}
		defer data.close()
		loader, err := pack.NewLoader(data.train, pack.Config{Seed: cfg.Seed + 1, Rows: cfg.RL.PTXRows, Cols: cfg.SFT.SeqLen})
		if err != nil {
			return nil, damaged(err)
		}
		trainer.PTX, trainer.PTXWeight, j.manifest.Shards = loader, cfg.RL.PTXWeight, data.prints
	}
	var last *rl.Iteration
	trainer.OnIteration = func(it *rl.Iteration) {
		last = it
		for _, w := range it.Warnings {
			sub.Log.Warn("reinforcement learning", "iteration", it.Iteration, "warning", w)
		}
	}
	j.data, j.start = trainer, func(done int) error { return trainer.Start(ctx, done) }
	j.fields = func(*metrics.Row) []progress.Field { return rlFields(last) }
	sum, err = sub.train(ctx, j, stage, stages)
	if err != nil && !sub.began {
		return nil, err
	}
	path, reportErr := report.Write(sub.Dir)
	if err = errors.Join(err, reportErr); err != nil {
		return nil, err
	}
	sum.Report = path
	return sum, nil
}

// trainer makes what collects rollouts with the weights that a job trains, and turns them into batches.
func (r *Run) trainer(ctx context.Context, base *Trained, j *job) (*rl.Trainer, error) {
	c := r.Config.RL
	t := &rl.Trainer{
		Model: j.model, Dir: r.Dir, Seed: r.Config.Seed, Prompts: c.Prompts, Samples: c.Samples, Updates: c.Updates,
		Objective: rl.Objective{Kind: c.Objective, Tau: c.Tau, Clip: c.Clip}, Iterations: c.Iterations, Temperature: c.Temperature,
		FinalTemperature: c.FinalTemperature, TopP: c.TopP, Tokens: c.TokenBudget, MicroBatch: c.MicroBatchSize,
		EvalEvery: c.EvalEvery, EvalEpisodes: c.EvalEpisodes, Log: r.Log,
	}
	engine := generate.New(j.model, j.Place())
	var err error
	if t.Collector, err = r.collector(ctx, base, engine, false); err != nil {
		return nil, err
	}
	if t.HeldOut, err = r.collector(ctx, base, engine, true); err != nil {
		return nil, err
	}
	t.HeldOut.CutPenalty = 0 // success is success
	for _, task := range r.Config.Tasks {
		if task.Share > 0 {
			t.Shares = append(t.Shares, rl.Share{Arena: task.Label(), Weight: task.Share})
		}
	}
	if c.Critic {
		if t.Critique, err = r.critique(); err != nil {
			return nil, err
		}
	}
	if len(t.Shares) == 0 {
		return nil, UsageError{errors.New("no task has a share of the prompts: set tasks[].share above 0")}
	}
	return t, nil
}

// critique has open answers ranked by the policy itself, and lets programs that verify mathematics, code and
// instructions keep it honest.
func (r *Run) critique() (*rl.Critique, error) {
	q := &rl.Critique{}
	if path := r.Config.RL.Rubrics; path != "" {
		own, err := critic.LoadRubrics(path)
		if err != nil {
			return nil, UsageError{err}
		}
		q.Rubrics = slices.Concat(critic.Core(), critic.Prescriptive(), own)
	}
	for _, t := range r.Config.Tasks {
		switch t.Env {
		case "open":
			q.Arenas = append(q.Arenas, t.Label())
		case "math", "code", "instructions":
			q.Verifiable = append(q.Verifiable, t.Label())
		}
	}
	return q, nil
}

// collector makes what lets a model act in the environments of the tasks.
func (r *Run) collector(ctx context.Context, base *Trained, engine *generate.Engine[float32], heldOut bool) (*rl.Collector, error) {
	format, err := chat.ByName(r.Config.SFT.Format)
	if err != nil {
		return nil, UsageError{err}
	}
	arenas, err := r.arenas(ctx, heldOut)
	if err != nil {
		return nil, err
	}
	c := r.Config.RL
	return &rl.Collector{
		Engine: engine, Tokenizer: base.Tokenizer, Format: format,
		Arguments: &schema.Validator{}, Arenas: arenas, MaxBatch: c.MaxBatch, MaxLength: c.MaxLength, CutPenalty: c.CutPenalty,
	}, nil
}

// tryRewards makes sure that rewards reward what they should, before anything is trained on them.
func (r *Run) tryRewards(ctx context.Context, t *rl.Trainer, stage, stages int) error {
	task := r.Progress.Start(progress.Spec{Name: "try rewards", Stage: stage, Stages: stages, Unit: "environments", Total: int64(len(t.Shares))})
	for i, s := range t.Shares {
		p, err := t.Arenas[s.Arena].Check(ctx, checked, r.Config.Seed+1)
		if err != nil {
			task.Fail(failed(ctx))
			return err
		}
		r.Log.Debug("rewards tried", "environment", s.Arena, "gold", p.Gold.Share, "silent", p.Silent.Share, "random", p.Random.Share)
		task.Set(int64(i + 1))
	}
	task.Done("")
	return nil
}

// rlFields is what the progress line shows of the iteration in progress.
func rlFields(it *rl.Iteration) []progress.Field {
	if it == nil {
		return nil
	}
	f := []progress.Field{progress.Float("reward", it.Reward), {Name: "tokens", Value: fmt.Sprintf("%.0f", it.Length)}}
	if s := it.Seconds.Collection; s > 0 {
		f = append(f, progress.Field{Name: "tok/s", Value: fmt.Sprintf("%.0f", float64(it.Written)/s)})
	}
	for name, rates := range it.HeldOut {
		f = append(f, progress.Float("held-out "+name, rates.Success.Share))
	}
	return f
}
