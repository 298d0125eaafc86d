package lab

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"muonclip/internal/config"
)

// point is one arm of the laid out grid.
type point struct {
	arm    string // full name: the arm's, then the value of each axis
	cell   string // the same without the value of the tuned axis
	value  string // of the tuned axis; empty where none is tuned
	from   string // arm that it goes on from
	set    Settings
	config config.Config // with the first seed
}

// Job is one run of an experiment.
type Job struct {
	Arm    string // folder is ARM-seedN
	Cell   string // what rules and tables speak of: Arm, without the value of the tuned axis
	Value  string // of the tuned axis; empty where none is tuned
	Seed   uint64
	From   string // arm whose run of the same seed it goes on from; empty for pretraining
	Set    Settings
	Config config.Config
}

// Folder is the name of the job's run folder.
func (j Job) Folder() string { return j.Arm + "-seed" + strconv.FormatUint(j.Seed, 10) }

// points lays out the grid and resolves every configuration.
func (e *Experiment) points() ([]point, error) {
	arms := e.Grid.Arms
	if len(arms) == 0 {
		arms = []Arm{{}}
	}
	var out []point
	for _, a := range arms {
		out = append(out, point{arm: a.Name, cell: a.Name, from: a.From, set: a.Set})
	}
	for _, x := range e.Grid.Axes {
		var next []point
		for _, p := range out {
			for _, v := range x.Values {
				q := point{arm: join(p.arm, v.Name), cell: p.cell, value: p.value, set: p.set.with(v.Set)}
				if p.from != "" {
					q.from = join(p.from, v.Name)
				}
				if x.Tune {
					q.value = v.Name
				} else {
					q.cell = join(p.cell, v.Name)
				}
				next = append(next, q)
			}
		}
		out = next
	}
	var errs []error
	for i := range out {
		var err error
		if out[i].config, err = e.resolve(out[i].set); err != nil {
			errs = append(errs, fmt.Errorf("lab: %s: arm %s: %w", e.Name, out[i].arm, err))
		}
	}
	return out, errors.Join(errs...)
}

func join(a, b string) string { return strings.Trim(a+"-"+b, "-") }

// resolve gives the configuration of an arm with the first seed. Later settings win: base, budget, arm and axes.
func (e *Experiment) resolve(arm Settings) (config.Config, error) {
	preset, set, err := e.Base.settings()
	if err != nil {
		return config.Config{}, err
	}
	switch b := e.Budget; {
	case b.Steps > 0 && b.Tokens > 0:
		return config.Config{}, fmt.Errorf("budget has %d steps and %d tokens, want one of them", b.Steps, b.Tokens)
	case b.Steps > 0:
		set = set.with(Settings{{"train.steps", strconv.Itoa(b.Steps)}})
	case b.Tokens > 0:
		set = set.with(Settings{{"train.tokens", strconv.FormatInt(b.Tokens, 10)}})
	}
	set = set.with(arm)
	cfg, _, err := config.Load(config.Options{Preset: preset, Set: set.assignments()})
	if err != nil {
		return cfg, err
	}
	if len(e.Seeds) > 0 {
		cfg.Seed = e.Seeds[0]
	}
	return cfg, nil
}

// Jobs lists every run that the experiment may need, seed by seed. Of a tuned axis that is every value with every
// seed, of which only some are run: see Axis.Tune.
func (e *Experiment) Jobs() ([]Job, error) {
	points, err := e.points()
	if err != nil {
		return nil, err
	}
	var jobs []Job
	for _, seed := range e.Seeds {
		for _, p := range points {
			j := Job{Arm: p.arm, Cell: p.cell, Value: p.value, Seed: seed, From: p.from, Set: p.set, Config: p.config}
			j.Config.Seed = seed
			jobs = append(jobs, j)
		}
	}
	return jobs, nil
}

// Cells lists what rules and tables speak of, in the order of the grid.
func (e *Experiment) Cells() []string {
	var out []string
	seen := map[string]bool{}
	points, err := e.points()
	if err != nil {
		return nil // an experiment that Parse accepted has none
	}
	for _, p := range points {
		if !seen[p.cell] {
			seen[p.cell] = true
			out = append(out, p.cell)
		}
	}
	return out
}

// tuned reports whether one axis is tuned.
func (e *Experiment) tuned() bool {
	for _, x := range e.Grid.Axes {
		if x.Tune {
			return true
		}
	}
	return false
}
