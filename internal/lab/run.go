package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"muonclip/internal/atomicfile"
	"muonclip/internal/progress"
	"muonclip/internal/stage"
)

// Options says how to run an experiment.
type Options struct {
	Dir      string   // folder of all experiments; empty means runs/lab
	Only     []string // arms or cells to run; empty means all
	Seeds    int      // run only the first seeds; 0 means all
	Jobs     int      // runs side by side; 0 means one for each processor
	Log      *slog.Logger
	Progress *progress.Display
	Command  string // as a person would type it, for the manifests
}

// Folder is where the runs of an experiment are.
func (o Options) Folder(e *Experiment) string {
	return filepath.Join(cmp.Or(o.Dir, filepath.Join("runs", "lab")), e.Name)
}

// lockFile keeps other processes out of a folder.
const lockFile = ".lock"

// experimentFile is a copy of the experiment as it was when its first run began.
const experimentFile = "experiment.yaml"

// grid is an experiment being run.
type grid struct {
	Options
	e    *Experiment
	dir  string
	jobs []Job

	threads int
	mu      sync.Mutex
	task    *progress.Task
	done    float64 // GFLOP of all runs so far
	ended   int     // runs
	planned int
}

// Run does every run of an experiment that is not done yet. When ctx ends it saves what is under way and returns an error
// that wraps stage.ErrInterrupted; the same call goes on from there. A run whose numbers stop being finite is a result.
func Run(ctx context.Context, e *Experiment, o Options) error {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	g := &grid{Options: o, e: e, dir: o.Folder(e)}
	var err error
	if g.jobs, err = e.chosen(o); err != nil {
		return err
	}
	if err := os.MkdirAll(g.dir, 0o755); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	held, err := atomicfile.TryLock(filepath.Join(g.dir, lockFile))
	switch {
	case errors.Is(err, atomicfile.ErrInUse):
		return fmt.Errorf("lab: %s is %w; wait for it", g.dir, err)
	case err != nil:
		return fmt.Errorf("lab: %w", err)
	}
	defer func() { _ = held.Close() }() // which frees the lock
	if err := g.keepExperiment(); err != nil {
		return err
	}
	procs := runtime.GOMAXPROCS(0)
	if g.Jobs <= 0 {
		g.Jobs = procs
	}
	g.Jobs = min(g.Jobs, len(g.jobs))
	g.threads = max(1, procs/g.Jobs)
	if err := g.prepareData(ctx); err != nil {
		return err
	}
	return g.runAll(ctx)
}

// chosen lists the jobs that the options leave, with those that they go on from.
func (e *Experiment) chosen(o Options) ([]Job, error) {
	jobs, err := e.Jobs()
	if err != nil {
		return nil, err
	}
	wanted := func(j Job) bool {
		return len(o.Only) == 0 || slices.Contains(o.Only, j.Arm) || slices.Contains(o.Only, j.Cell)
	}
	for _, name := range o.Only {
		if !slices.ContainsFunc(jobs, func(j Job) bool { return j.Arm == name || j.Cell == name }) {
			return nil, stage.UsageError{Err: fmt.Errorf("lab: %s has no arm %q, there are %v", e.Name, name, e.Cells())}
		}
	}
	needed := map[string]bool{}
	for _, j := range slices.Backward(jobs) { // sources come before those that go on from them
		if wanted(j) || needed[j.Arm] {
			needed[j.Arm], needed[j.From] = true, true
		}
	}
	seeds := e.Seeds
	if o.Seeds > 0 {
		seeds = seeds[:min(o.Seeds, len(seeds))]
	}
	return slices.DeleteFunc(jobs, func(j Job) bool { return !needed[j.Arm] || !slices.Contains(seeds, j.Seed) }), nil
}

// keepExperiment writes down what was asked before the first answer is known.
func (g *grid) keepExperiment() error {
	path := filepath.Join(g.dir, experimentFile)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return atomicfile.WriteFile(path, g.e.text)
}

// prepareData makes all tokenizers and shards that the jobs share.
func (g *grid) prepareData(ctx context.Context) error {
	made := map[string]bool{}
	for _, j := range g.jobs {
		dir := g.shared(j)
		if j.From != "" || made[dir] {
			continue
		}
		made[dir] = true
		cfg := j.Config
		cfg.Seed = g.e.Seeds[0]
		if err := prepare(ctx, dir, cfg, g.Options); err != nil {
			return err
		}
	}
	return nil
}

func (g *grid) shared(j Job) string {
	return filepath.Join(filepath.Dir(g.dir), dataFolder(j.Config, g.e.Seeds[0]))
}

// runAll runs the jobs in phases: those of a later one depend on results of earlier ones.
func (g *grid) runAll(ctx context.Context) error {
	first := g.e.Seeds[0]
	var early, late []Job
	for _, j := range g.jobs {
		if g.e.tuned() && j.Seed != first {
			late = append(late, j)
		} else {
			early = append(early, j)
		}
	}
	values := 0
	total := 0.0
	for _, j := range g.jobs {
		share := 1.0
		if g.e.tuned() && j.Seed != first { // one value of each cell
			share = float64(len(g.e.Cells())) / float64(max(1, len(late))) * float64(len(g.e.Seeds)-1)
			values++
		}
		total += share * work(j)
	}
	g.planned = len(early)
	if values > 0 {
		g.planned += len(g.e.Cells()) * (len(g.e.Seeds) - 1)
	}
	g.task = g.Progress.Start(progress.Spec{Name: "lab " + g.e.Name, Unit: "GFLOP", Total: int64(math.Ceil(total))})
	err := g.phase(ctx, early)
	if err == nil && len(late) > 0 {
		var best map[string]string
		if best, err = g.e.best(g.dir); err == nil {
			late = slices.DeleteFunc(late, func(j Job) bool { return best[j.Cell] != j.Value })
			err = g.phase(ctx, late)
		}
	}
	if err != nil {
		if ctx.Err() != nil {
			g.task.Fail(errors.New("interrupted"))
		} else {
			g.task.Fail(errors.New("failed"))
		}
		return err
	}
	g.task.Done(fmt.Sprintf("%d runs", g.ended))
	return nil
}

// phase runs jobs side by side, those that others go on from first.
func (g *grid) phase(ctx context.Context, jobs []Job) error {
	for len(jobs) > 0 {
		var now, later []Job
		for _, j := range jobs {
			if j.From != "" && slices.ContainsFunc(jobs, func(k Job) bool { return k.Arm == j.From && k.Seed == j.Seed }) {
				later = append(later, j)
			} else {
				now = append(now, j)
			}
		}
		// The longest first, so that the processors end together.
		slices.SortStableFunc(now, func(a, b Job) int { return cmp.Compare(work(b), work(a)) })
		group, inner := errgroup.WithContext(ctx)
		group.SetLimit(g.Jobs)
		for _, j := range now {
			group.Go(func() error {
				if err := inner.Err(); err != nil {
					return errors.Join(stage.ErrInterrupted, err)
				}
				if err := g.one(inner, j); err != nil {
					return fmt.Errorf("%s: %w", j.Folder(), err)
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		jobs = later
	}
	return nil
}
