package stage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"muonclip/data/token"
	"muonclip/internal/atomicfile"
	"muonclip/internal/config"
	"muonclip/internal/progress"
	"muonclip/internal/report"
	"muonclip/internal/train"
	"muonclip/model/generate"
	"muonclip/rl"
)

const (
	// shown is the number of episodes of each task that are kept as text.
	shown = 4
	// heldOutSeed keeps the episodes of comparisons apart from those that training evaluates itself on.
	heldOutSeed = 7_000_000
)

// Compare lets the models of all stages act in the same held-out episodes and writes eval.json. It is done again where
// any of the models has changed.
func (r *Run) Compare(ctx context.Context, stage, stages int) error {
	folders := []struct{ name, dir string }{{"base", r.Dir}, {"sft", r.path("sft")}, {"rl", r.path("rl")}}
	path := r.path(report.EvaluationFile)
	var before report.Evaluation
	if data, err := os.ReadFile(path); err == nil {
		_ = json.Unmarshal(data, &before) // what cannot be read is made again
	}
	var now report.Evaluation
	played := map[string]map[string][]*rl.Group{} // by model and task
	for _, f := range folders {
		if !exists(filepath.Join(f.dir, "config.yaml")) {
			continue
		}
		m, err := OpenTrained(f.dir, r.Config.Train.Threads, r.Log)
		if err != nil {
			return err
		}
		weights := train.Fingerprint(m.Model)
		if i := slices.IndexFunc(before.Models, func(e report.Evaluated) bool { return e.Name == f.name && e.Weights == weights }); i >= 0 {
			now.Models = append(now.Models, before.Models[i])
			continue
		}
		task := r.Progress.Start(progress.Spec{Name: "evaluate " + f.name, Stage: stage, Stages: stages, Unit: "tasks", Total: int64(len(r.Config.Tasks))})
		groups, rates, err := r.actOnce(ctx, m, r.Config.RL.EvalEpisodes, temperatures, func(n int) { task.Set(int64(n)) })
		if err != nil {
			task.Fail(failed(ctx))
			return err
		}
		task.Done("")
		played[f.name] = groups
		now.Models = append(now.Models, report.Evaluated{Name: f.name, Weights: weights, Tasks: rates})
	}
	if len(played) == 0 {
		return nil
	}
	if len(played) < len(now.Models) { // samples are of all models, so those that were kept act again in a few episodes
		for _, f := range folders {
			if played[f.name] != nil || !slices.ContainsFunc(now.Models, func(e report.Evaluated) bool { return e.Name == f.name }) {
				continue
			}
			m, err := OpenTrained(f.dir, r.Config.Train.Threads, r.Log)
			if err != nil {
				return err
			}
			if played[f.name], _, err = r.actOnce(ctx, m, shown, temperatures[:1], func(int) {}); err != nil {
				return err
			}
		}
	}
	tok, err := r.LoadTokenizer()
	if err != nil {
		return err
	}
	now.Samples = compared(r.Config.Tasks, played, tok)
	data, err := json.MarshalIndent(now, "", " ")
	if err != nil {
		return fmt.Errorf("evaluation: %w", err)
	}
	return atomicfile.WriteFile(path, data)
}

// temperatures at which models are compared: the likeliest token everywhere, and the policy as reinforcement learning
// samples it. The first shows what a model knows, the second also how sure it is.
var temperatures = []float64{0, 1}

// actOnce is act with a model that nobody needs afterwards, where the run trains.
func (r *Run) actOnce(ctx context.Context, m *Trained, n int, temperatures []float64, done func(tasks int)) (groups map[string][]*rl.Group, rates map[string]rl.Rates, err error) {
	if err := m.Move(r.Config.Train.Device, r.Log); err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	return r.act(ctx, m, n, temperatures, done)
}

// act lets a model act in n held-out episodes of every task at each temperature. The groups are those of the first.
func (r *Run) act(ctx context.Context, m *Trained, n int, temperatures []float64, done func(tasks int)) (map[string][]*rl.Group, map[string]rl.Rates, error) {
	c, err := r.collector(ctx, m, generate.New(m.Model, m.Place()), true)
	if err != nil {
		return nil, nil, err
	}
	c.CutPenalty = 0
	groups, rates := map[string][]*rl.Group{}, map[string]rl.Rates{}
	for i, name := range slices.Sorted(maps.Keys(c.Arenas)) {
		for k, t := range temperatures {
			played, err := c.Play(ctx, name, n, heldOutSeed+r.Config.Seed, t)
			if err != nil {
				return nil, nil, err
			}
			if k == 0 {
				groups[name] = played
			}
			label := name
			if t > 0 {
				label = fmt.Sprintf("%s at temperature %g", name, t)
			}
			rates[label] = rl.Summarize(played)
		}
		done(i + 1)
	}
	return groups, rates, nil
}

// compared puts what the models did in the first episodes of each task side by side.
func compared(tasks []config.Task, played map[string]map[string][]*rl.Group, tok *token.Tokenizer) []report.Compared {
	text := func(ids []int32) string {
		out, err := tok.Decode(nil, ids)
		if err != nil {
			return err.Error()
		}
		return string(out)
	}
	var out []report.Compared
	for _, t := range tasks {
		for i := range shown {
			c := report.Compared{Task: t.Label(), Turns: map[string]string{}, Rewards: map[string]float64{}}
			for _, model := range slices.Sorted(maps.Keys(played)) {
				groups := played[model][t.Label()]
				if i >= len(groups) || len(groups[i].Rollouts[0].Turns) == 0 {
					continue
				}
				r := groups[i].Rollouts[0]
				c.Key, c.Prompt = r.Key.String(), text(r.IDs[:r.Turns[0].Start])
				c.Turns[model], c.Rewards[model] = text(r.IDs[r.Turns[0].Start:]), r.Reward
			}
			if len(c.Turns) > 0 {
				out = append(out, c)
			}
		}
	}
	return out
}
