package lab

import (
	"fmt"
	"math"
	"path/filepath"

	"muonclip/internal/config"
	"muonclip/internal/stage"
)

// Outcome is what the runs of an experiment say so far.
type Outcome struct {
	Experiment *Experiment
	Dir        string
	Table      *Table
	Missing    []string // folders of runs that are not done
	Findings   []Finding
	Verdict    Verdict
	Tuned      map[string][]Tried // by cell: what was tried with the first seed
	Changed    bool               // the accept rules are not those that the first run began with
}

// Tried is one value of a tuned axis with the first seed.
type Tried struct {
	Value   string
	ValLoss float64 // NaN where the run diverged or is not done
	Chosen  bool
}

// Collect reads the runs of an experiment and judges its rules.
func Collect(e *Experiment, o Options) (*Outcome, error) {
	out := &Outcome{Experiment: e, Dir: o.Folder(e), Table: newTable(e.Cells(), e.Seeds), Tuned: map[string][]Tried{}}
	if o.Seeds > 0 {
		out.Table.Seeds = e.Seeds[:min(o.Seeds, len(e.Seeds))]
	}
	jobs, err := e.chosen(Options{Seeds: o.Seeds})
	if err != nil {
		return nil, err
	}
	best, err := e.best(out.Dir)
	if err != nil {
		return nil, err
	}
	for _, j := range jobs {
		first := e.tuned() && j.Seed == e.Seeds[0]
		chosen := !e.tuned() || best[j.Cell] == j.Value
		if !first && !chosen {
			continue
		}
		r, err := result(filepath.Join(out.Dir, j.Folder()), j)
		if err != nil {
			return nil, err
		}
		if first {
			t := Tried{Value: j.Value, ValLoss: math.NaN(), Chosen: chosen}
			if r != nil {
				if v, ok := r.Values["val_loss"]; ok {
					t.ValLoss = v
				}
			}
			out.Tuned[j.Cell] = append(out.Tuned[j.Cell], t)
		}
		switch {
		case r == nil && (first || chosen):
			out.Missing = append(out.Missing, j.Folder())
		case chosen:
			out.Table.add(r)
		}
	}
	for _, rule := range e.Accept {
		out.Findings = append(out.Findings, rule.judge(out.Table))
	}
	var verdicts []Verdict
	for _, f := range out.Findings {
		verdicts = append(verdicts, f.Verdict)
	}
	out.Verdict = all(verdicts)
	if len(out.Missing) > 0 {
		out.Verdict = Undecided
	}
	out.Changed = e.rulesChanged(out.Dir)
	return out, nil
}

// result reads one run; it is nil where the run is not done.
func result(dir string, j Job) (*Result, error) {
	o, ok, err := outcomeOf(dir)
	if !ok || err != nil {
		return nil, err
	}
	if err := sameConfig(dir, j.Config); err != nil {
		return nil, err
	}
	cfg := j.Config
	if o.Folder != "" {
		if cfg, err = config.Read(filepath.Join(dir, o.Folder, "config.yaml")); err != nil {
			return nil, stage.DamagedError{Err: fmt.Errorf("lab: %w", err)}
		}
	}
	r, err := read(filepath.Join(dir, o.Folder), cfg)
	if err != nil {
		return nil, err
	}
	j.Config = cfg
	r.Job = j
	r.end(o.Status, o.UnigramLoss)
	return r, nil
}

// best is the value of the tuned axis for each cell: that with the least held-out loss with the first seed. Cells without
// a run that ended well have none.
func (e *Experiment) best(dir string) (map[string]string, error) {
	best := map[string]string{}
	if !e.tuned() {
		return best, nil
	}
	jobs, err := e.Jobs()
	if err != nil {
		return nil, err
	}
	least := map[string]float64{}
	for _, j := range jobs {
		if j.Seed != e.Seeds[0] {
			continue
		}
		r, err := result(filepath.Join(dir, j.Folder()), j)
		if err != nil {
			return nil, err
		}
		if r == nil {
			continue
		}
		v, ok := r.Values["val_loss"]
		if was, seen := least[j.Cell]; ok && !math.IsNaN(v) && (!seen || v < was) {
			least[j.Cell], best[j.Cell] = v, j.Value
		}
	}
	return best, nil
}
