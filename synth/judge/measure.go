package judge

import (
	"context"
	"fmt"
	"io"
	"muonclip/internal/wilson"
	"runtime"
	"text/tabwriter"

	"golang.org/x/sync/errgroup"
)

// Rate is a share with its 95 % interval by Wilson's score (1927), which holds for few samples and for shares near 0 and 1.
type Rate struct {
	Hits  int     `json:"hits"`
	Of    int     `json:"of"`
	Share float64 `json:"share"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// NewRate makes the rate of hits among of.
func NewRate(hits, of int) Rate {
	if of == 0 {
		return Rate{High: 1}
	}
	p := float64(hits) / float64(of)
	low, high := wilson.Interval(p, float64(of))
	return Rate{hits, of, p, low, high}
}

// String gives the share, the counts and the interval.
func (r Rate) String() string {
	if r.Of == 0 {
		return "no samples"
	}
	return fmt.Sprintf("%.1f %% (%d of %d, %.1f to %.1f)", 100*r.Share, r.Hits, r.Of, 100*r.Low, 100*r.High)
}

// Measured is the error of a judge.
type Measured struct {
	Judge       string      `json:"judge"`
	FalseAlarms Rate        `json:"false_alarms"` // clean dialogues that it fails
	Unknown     Rate        `json:"unknown"`      // verdicts that could not be understood, of all samples
	Recall      Rate        `json:"recall"`       // planted defects that it fails
	Attributed  Rate        `json:"attributed"`   // failed ones whose culprit it names
	Defects     []DefectRow `json:"defects"`
	// Confusion counts verdicts by the truth (clean, user, tool, agent) and by what the judge says (pass, user, tool,
	// agent, unknown).
	Confusion map[string]map[string]int `json:"confusion"`
}

// DefectRow is the error on one kind of defect.
type DefectRow struct {
	Defect     string `json:"defect"`
	Culprit    Fault  `json:"culprit"`
	Recall     Rate   `json:"recall"`
	Attributed Rate   `json:"attributed"` // of those that are failed
	Unknown    int    `json:"unknown"`
}

// Measure runs a judge over clean dialogues and over dialogues with planted defects and counts its errors. workers 0
// means one for each processor; the result does not depend on it.
func Measure(ctx context.Context, j Judge, clean, planted []Sample, workers int) (*Measured, error) {
	all := append(append([]Sample(nil), clean...), planted...)
	verdicts, err := each(ctx, workers, len(all), func(i int) (Verdict, error) { return j.Judge(ctx, all[i].Case) })
	if err != nil {
		return nil, err
	}
	m := &Measured{Judge: j.Name(), Confusion: map[string]map[string]int{}}
	type tally struct{ of, failed, right, unknown int }
	var total, none tally
	byKind := map[string]*tally{}
	unknown := 0
	for i, v := range verdicts {
		truth, t := "clean", &none
		if k := all[i].Defect; k.Culprit != Nobody {
			truth = string(k.Culprit)
			if t = byKind[k.Name]; t == nil {
				t = &tally{}
				byKind[k.Name] = t
			}
		}
		says := string(v.Outcome)
		t.of++
		switch v.Outcome {
		case Fail:
			says = string(v.Fault)
			t.failed++
			if says == truth {
				t.right++
			}
		case Unknown:
			t.unknown++
			unknown++
		}
		if m.Confusion[truth] == nil {
			m.Confusion[truth] = map[string]int{}
		}
		m.Confusion[truth][says]++
	}
	for _, k := range Kinds() {
		t := byKind[k.Name]
		if t == nil {
			t = &tally{}
		}
		total.of, total.failed, total.right = total.of+t.of, total.failed+t.failed, total.right+t.right
		m.Defects = append(m.Defects, DefectRow{k.Name, k.Culprit, NewRate(t.failed, t.of), NewRate(t.right, t.failed), t.unknown})
	}
	m.FalseAlarms = NewRate(none.failed, none.of)
	m.Unknown = NewRate(unknown, len(all))
	m.Recall, m.Attributed = NewRate(total.failed, total.of), NewRate(total.right, total.failed)
	return m, nil
}

// each runs work for 0 to n-1 in parallel and gives the results in their order. workers 0 means one for each processor.
func each[T any](ctx context.Context, workers, n int, work func(i int) (T, error)) ([]T, error) {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	out := make([]T, n)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	for i := range n {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			var err error
			out[i], err = work(i)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return out, nil
}

// Print writes the error as tables.
func (m *Measured) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "judge\t%s\n", m.Judge)
	fmt.Fprintf(t, "false alarms\t%s\n", m.FalseAlarms)
	fmt.Fprintf(t, "defects caught\t%s\n", m.Recall)
	fmt.Fprintf(t, "culprit named\t%s\n", m.Attributed)
	fmt.Fprintf(t, "not understood\t%s\n\n", m.Unknown)
	fmt.Fprintf(t, "defect\tculprit\tcaught\tculprit named\tunknown\n")
	for _, d := range m.Defects {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\n", d.Defect, d.Culprit, d.Recall, d.Attributed, d.Unknown)
	}
	says := []string{string(Pass), string(User), string(Tool), string(Agent), string(Unknown)}
	fmt.Fprintf(t, "\ntruth")
	for _, s := range says {
		fmt.Fprintf(t, "\tsays %s", s)
	}
	fmt.Fprintln(t)
	for _, truth := range []string{"clean", string(User), string(Tool), string(Agent)} {
		fmt.Fprint(t, truth)
		for _, s := range says {
			fmt.Fprintf(t, "\t%d", m.Confusion[truth][s])
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}
