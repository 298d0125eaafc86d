package judge

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"muonclip/synth"
	"muonclip/synth/dataset"
	"muonclip/synth/env"
	"muonclip/synth/task"
)

// Tasks finds the tasks behind the rows of a data set again. It may be used by many goroutines.
type Tasks struct {
	// Sample makes the task of a key, such as (*task.Pool).Sample.
	Sample func(task.Key) (*task.Task, error)
}

// TasksOf makes the tasks that a data set came from, by what its manifest says.
func TasksOf(ctx context.Context, m *dataset.Manifest) (*Tasks, error) {
	from := m.Config.Source
	toolSeed, err := strconv.ParseUint(from["tool_seed"], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("judge: %s: the manifest does not say what the dialogues were made by", m.Config.Name)
	}
	var weights map[task.Kind]int
	if err := json.Unmarshal([]byte(from["kind_weights"]), &weights); err != nil {
		return nil, fmt.Errorf("judge: %s: kind_weights of the manifest: %w", m.Config.Name, err)
	}
	var domains []string
	if names := from["domain_names"]; names != "" {
		domains = strings.Split(names, ",")
	}
	sets, err := synth.Tools(ctx, toolSeed, domains)
	if err != nil {
		return nil, err
	}
	pool, err := task.NewPool(sets, task.Config{Weights: weights})
	if err != nil {
		return nil, fmt.Errorf("judge: %w", err)
	}
	return &Tasks{Sample: pool.Sample}, nil
}

// Trajectory makes the trajectory of a row: its task, its dialogue as it is stored, and the record of the calls as they
// are executed now.
func (t *Tasks) Trajectory(r *dataset.Row) (*env.Trajectory, error) {
	seed, index, _ := strings.Cut(r.Key, "-")
	a, errA := strconv.ParseUint(seed, 10, 64)
	b, errB := strconv.ParseUint(index, 10, 64)
	if errA != nil || errB != nil {
		return nil, fmt.Errorf("judge: the key %q is not SEED-INDEX", r.Key)
	}
	x, err := t.Sample(task.Key{Seed: a, Index: b})
	if err != nil {
		return nil, fmt.Errorf("judge: the task of %s cannot be sampled: %w", r.Key, err)
	}
	if x.Initial != r.Record.StartHash {
		return nil, fmt.Errorf("judge: the world of %s begins as %s, the row says %s: use the program and the domains that made the data set",
			r.Key, x.Initial, r.Record.StartHash)
	}
	out := env.Rerun(x, r.Dialogue.Messages)
	out.Dialogue = r.Dialogue
	return out, nil
}

// Case makes the case of a row with its task.
func (t *Tasks) Case(r *dataset.Row) (Case, error) {
	tr, err := t.Trajectory(r)
	if err != nil {
		return Case{}, err
	}
	return CaseOf(tr), nil
}
