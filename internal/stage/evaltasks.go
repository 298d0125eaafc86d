package stage

import (
	"context"
	"errors"
	"log/slog"

	"muonclip/rl"
)

// EvalTasksOptions says which model to try in which episodes.
type EvalTasksOptions struct {
	Model    string // run or checkpoint folder
	Episodes int    // of each task
	Seed     uint64 // of the episodes
	Threads  int
	Device   string // cpu, cuda or auto; empty means that of the run
	// Temperature of the tokens; 0 takes the likeliest.
	Temperature float64
	Log         *slog.Logger // gets warnings; may be nil
}

// EvalTasks lets a model act in held-out episodes of the tasks of its configuration, and reports by task.
func EvalTasks(ctx context.Context, o EvalTasksOptions) (rates map[string]rl.Rates, err error) {
	m, err := OpenTrained(o.Model, o.Threads, o.Log)
	if err != nil {
		return nil, err
	}
	if len(m.Config.Tasks) == 0 {
		return nil, UsageError{errors.New("the configuration of " + o.Model + " has no tasks")}
	}
	if err := m.Move(o.Device, o.Log); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	r := &Run{Dir: o.Model, Config: m.Config, Log: o.Log}
	r.Config.Seed += o.Seed
	_, rates, err = r.act(ctx, m, o.Episodes, []float64{o.Temperature}, func(int) {})
	return rates, errors.Join(err, r.endArenas())
}
