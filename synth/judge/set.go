package judge

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"muonclip/synth/dataset"
	"muonclip/synth/env"
)

// Options says how a data set is judged.
type Options struct {
	Dir     string
	Limit   int // judge the first so many rows; 0 means all
	Planted int // defects of each kind to plant for the measured error; 0 measures none
	Workers int // 0 means one for each processor
}

// Failure is a dialogue that did not pass.
type Failure struct {
	Key     string  `json:"key"`
	Verdict Verdict `json:"verdict"`
}

// Report is what a judge says of a data set.
type Report struct {
	Judge     string        `json:"judge"`
	Rows      int           `json:"rows"`
	Passed    int           `json:"passed"`
	Failed    map[Fault]int `json:"failed"`
	Unknown   int           `json:"unknown"`
	Agreement float64       `json:"agreement"`          // mean over the rows
	Failures  []Failure     `json:"failures,omitempty"` // the first hundred
	Measured  *Measured     `json:"measured,omitempty"`
}

// batch is the number of rows that are judged together.
const batch = 256

// Run judges the dialogues of a data set, and measures the judge on defects that it plants into them.
func Run(ctx context.Context, j Judge, o Options) (*Report, error) {
	set, err := dataset.Open(o.Dir)
	if err != nil {
		return nil, err
	}
	tasks, err := TasksOf(ctx, set.Manifest)
	if err != nil {
		return nil, err
	}
	report := &Report{Judge: j.Name(), Failed: map[Fault]int{}}
	var base []*env.Trajectory // of the measurement; not every dialogue has room for every defect
	var rows []*dataset.Row
	flush := func() error {
		trs, err := each(ctx, o.Workers, len(rows), func(i int) (*env.Trajectory, error) { return tasks.Trajectory(rows[i]) })
		if err != nil {
			return err
		}
		verdicts, err := each(ctx, o.Workers, len(rows), func(i int) (Verdict, error) { return j.Judge(ctx, CaseOf(trs[i])) })
		if err != nil {
			return err
		}
		for i, v := range verdicts {
			report.add(rows[i].Key, v)
			if len(base) < 10*o.Planted {
				base = append(base, trs[i])
			}
		}
		rows = rows[:0]
		return nil
	}
	for r, err := range set.Rows() {
		if err != nil {
			return nil, err
		}
		if o.Limit > 0 && report.Rows+len(rows) == o.Limit {
			break
		}
		if rows = append(rows, r); len(rows) == batch {
			if err := flush(); err != nil {
				return nil, err
			}
		}
	}
	if err := flush(); err != nil {
		return nil, err
	}
	if report.Rows > 0 {
		report.Agreement /= float64(report.Rows)
	}
	if o.Planted > 0 {
		report.Measured, err = measureOn(ctx, j, base, o.Planted, set.Manifest.Config.Seed, o.Workers)
	}
	return report, err
}

// measureOn measures a judge on clean dialogues, and on defects planted into them.
func measureOn(ctx context.Context, j Judge, trs []*env.Trajectory, perKind int, seed uint64, workers int) (*Measured, error) {
	planted, err := Planted(ctx, trs, perKind, seed)
	if err != nil {
		return nil, err
	}
	clean := make([]Sample, len(trs))
	for i, tr := range trs {
		clean[i] = Sample{Case: CaseOf(tr)}
	}
	return Measure(ctx, j, clean, planted, workers)
}

func (r *Report) add(key string, v Verdict) {
	r.Rows++
	r.Agreement += v.Agreement // divided at the end
	switch v.Outcome {
	case Pass:
		r.Passed++
		return
	case Fail:
		r.Failed[v.Fault]++
	default:
		r.Unknown++
	}
	if len(r.Failures) < 100 {
		r.Failures = append(r.Failures, Failure{key, v})
	}
}

// Print writes the report as text.
func (r *Report) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "judge\t%s\n", r.Judge)
	fmt.Fprintf(t, "passed\t%s\n", NewRate(r.Passed, r.Rows))
	for _, f := range Faults() {
		fmt.Fprintf(t, "failed by the %s\t%d\n", f, r.Failed[f])
	}
	fmt.Fprintf(t, "not understood\t%d\n", r.Unknown)
	fmt.Fprintf(t, "mean agreement\t%.3f\n", r.Agreement)
	for i, f := range r.Failures {
		if i == 10 {
			fmt.Fprintf(t, "...\t%d more\n", r.Rows-r.Passed-i)
			break
		}
		fmt.Fprintf(t, "%s\t%s\n", f.Key, f.Verdict)
	}
	if err := t.Flush(); err != nil || r.Measured == nil {
		return err
	}
	if _, err := fmt.Fprintln(w, "\nmeasured on planted defects, with 95 % intervals"); err != nil {
		return err
	}
	return r.Measured.Print(w)
}
