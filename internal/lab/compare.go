package lab

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"muonclip/internal/config"
	"muonclip/internal/stage"
)

// CompareOptions says how runs are compared.
type CompareOptions struct {
	Runs  []string // run folders; the first is what the others are compared with
	Align string   // tokens, flops, time or steps; empty means tokens
	Out   string   // HTML file to write; empty writes none
}

// Comparison is several runs beside the first of them. Folders that differ only in -seedN at the end are one entry.
type Comparison struct {
	Align   string     `json:"align"`
	End     float64    `json:"end"` // of the range that all runs cover, in the unit of Align
	Entries []Compared `json:"runs"`

	groups []group
}

// Compared is one run, or one arm over its seeds. Differences are less the first entry.
type Compared struct {
	Name        string   `json:"name"`
	Runs        int      `json:"runs"`
	Loss        Number   `json:"loss"`             // training loss, mean of the last fifth of the common range
	ValLoss     Number   `json:"val_loss"`         // held-out loss where the common range ends
	Difference  Interval `json:"loss_difference"`  // of the training loss, over the last fifth
	ValDiff     Interval `json:"val_difference"`   // of the held-out loss, where the common range ends
	Ratio       Interval `json:"cost_ratio"`       // of tokens, FLOPs or time until the first entry's held-out loss there
	Method      string   `json:"method"`           // how the intervals were made
	AtLeast     bool     `json:"ratio_is_a_bound"` // some run never had that loss
	LargestHead Number   `json:"max_logit"`
}

// group is the runs of one entry.
type group struct {
	name string
	runs []*Result
}

var seedSuffix = regexp.MustCompile(`-seed(\d+)$`)

// Compare reads the runs and compares them over the range that all of them cover.
func Compare(o CompareOptions) (*Comparison, error) {
	c := &Comparison{Align: cmp.Or(o.Align, "tokens")}
	if axisOf(c.Align) == nil {
		return nil, stage.UsageError{Err: fmt.Errorf("lab: curves are aligned by tokens, flops, time or steps, not by %q", c.Align)}
	}
	for _, dir := range o.Runs {
		r, err := Open(dir)
		if err != nil {
			return nil, err
		}
		c.add(dir, r)
	}
	if len(c.groups) < 2 {
		return nil, stage.UsageError{Err: fmt.Errorf("lab: %d different runs to compare, want at least two; folders that differ only in -seedN are one", len(c.groups))}
	}
	c.End = math.Inf(1)
	for _, g := range c.groups {
		for _, r := range g.runs {
			x := c.x(r)
			c.End = math.Min(c.End, x[len(x)-1])
		}
	}
	for _, g := range c.groups {
		c.Entries = append(c.Entries, c.compared(c.groups[0], g))
	}
	if o.Out == "" {
		return c, nil
	}
	return c, c.writeHTML(o.Out)
}

// Open reads any run folder.
func Open(dir string) (*Result, error) {
	cfg, err := config.Read(filepath.Join(dir, "config.yaml"))
	if err != nil {
		return nil, stage.UsageError{Err: fmt.Errorf("lab: %s is no run folder: %w", dir, err)}
	}
	r, err := read(dir, cfg)
	if err != nil {
		return nil, err
	}
	r.Seed = cfg.Seed
	return r, nil
}

// add puts a run to those with the same name but for the seed.
func (c *Comparison) add(dir string, r *Result) {
	name := filepath.ToSlash(filepath.Clean(dir))
	if m := seedSuffix.FindStringSubmatch(name); m != nil {
		name = strings.TrimSuffix(name, m[0])
		if seed, err := strconv.ParseUint(m[1], 10, 64); err == nil {
			r.Seed = seed
		}
	}
	for i := range c.groups {
		if c.groups[i].name == name {
			c.groups[i].runs = append(c.groups[i].runs, r)
			return
		}
	}
	c.groups = append(c.groups, group{name, []*Result{r}})
}

// axisOf gives the curve of a run that an alignment goes by, at steps and at evaluations; nil for an unknown one.
func axisOf(align string) func(*Result) (steps, evaluations []float64) {
	switch align {
	case "tokens":
		return func(r *Result) ([]float64, []float64) { return r.Tokens, r.ValTokens }
	case "flops":
		return func(r *Result) ([]float64, []float64) { return r.FLOPs, r.ValFLOPs }
	case "time":
		return func(r *Result) ([]float64, []float64) { return r.Seconds, r.ValSecs }
	case "steps":
		return func(r *Result) ([]float64, []float64) { return r.Steps, r.ValSteps }
	}
	return nil
}

func (c *Comparison) x(r *Result) []float64 {
	x, _ := axisOf(c.Align)(r)
	return x
}

// compared holds a group against the first one.
func (c *Comparison) compared(base, g group) Compared {
	out := Compared{Name: g.name, Runs: len(g.runs)}
	var losses, vals []float64
	for _, r := range g.runs {
		if tail := c.tail(r, r); len(tail) > 0 {
			losses = append(losses, mean(tail))
		}
		if v := c.valAt(r); !math.IsNaN(v) {
			vals = append(vals, v)
		}
		out.LargestHead = max(out.LargestHead, Number(r.Values["max_logit"]))
	}
	out.Loss, out.ValLoss = Number(mean(losses)), Number(mean(vals))
	if g.name == base.name {
		out.Difference, out.ValDiff, out.Ratio = TInterval(nil, 0.95), TInterval(nil, 0.95), TInterval(nil, 0.95)
		return out
	}
	var byStep []float64
	var diffs, valDiffs, ratios []float64
	for _, r := range g.runs {
		i := slices.IndexFunc(base.runs, func(b *Result) bool { return b.Seed == r.Seed })
		if i < 0 && len(base.runs) == 1 && len(g.runs) == 1 {
			i = 0
		}
		if i < 0 {
			continue
		}
		b := base.runs[i]
		mine, theirs := c.tail(r, b), c.tail(b, b)
		d := make([]float64, 0, len(mine))
		for k := range mine {
			if v := mine[k] - theirs[k]; !math.IsNaN(v) {
				d = append(d, v)
			}
		}
		byStep = d
		diffs = append(diffs, mean(d))
		if v := c.valAt(r) - c.valAt(b); !math.IsNaN(v) {
			valDiffs = append(valDiffs, v)
		}
		if v, bound := c.reach(r, c.valAt(b)); !math.IsNaN(v) {
			ratios = append(ratios, math.Log(v/c.End))
			out.AtLeast = out.AtLeast || bound
		}
	}
	out.Difference, out.ValDiff = TInterval(diffs, 0.95), TInterval(valDiffs, 0.95)
	out.Ratio = TInterval(ratios, 0.95).exp()
	out.Method = fmt.Sprintf("t over %d seeds, paired", len(diffs))
	if len(diffs) == 1 {
		out.Difference = BlockBootstrap(byStep, 0.95, 2000)
		out.Method = fmt.Sprintf("block bootstrap over %d steps of one run each, paired; it knows nothing of other seeds", len(byStep))
	}
	return out
}

// tail reads the training loss of r at the points of grid in the last fifth of the common range.
func (c *Comparison) tail(r, grid *Result) []float64 {
	var out []float64
	x, points := c.x(r), c.x(grid)
	for _, at := range points {
		if at >= 0.8*c.End && at <= c.End {
			out = append(out, interpolate(x, r.Loss, at))
		}
	}
	return out
}

// valAt is the held-out loss where the common range ends, between evaluations read off the curve.
func (c *Comparison) valAt(r *Result) float64 {
	_, x := axisOf(c.Align)(r)
	if len(x) == 0 {
		return math.NaN()
	}
	if c.End >= x[len(x)-1] {
		return r.Val[len(x)-1]
	}
	return interpolate(x, r.Val, c.End)
}

// reach is where a run's held-out loss comes to a target; bound says that it never does and the end of the run stands for it.
func (c *Comparison) reach(r *Result, target float64) (at float64, bound bool) {
	_, x := axisOf(c.Align)(r)
	if len(x) == 0 || math.IsNaN(target) {
		return math.NaN(), false
	}
	for i, v := range r.Val {
		if v > target {
			continue
		}
		if i > 0 && r.Val[i-1] > v {
			return x[i-1] + (r.Val[i-1]-target)/(r.Val[i-1]-v)*(x[i]-x[i-1]), false
		}
		return x[i], false
	}
	return x[len(x)-1], true
}

// Print writes the comparison as a table.
func (c *Comparison) Print(w io.Writer) error {
	fmt.Fprintf(w, "aligned by %s, up to %s, which all runs cover; differences are less the first line\n", c.Align, short(c.End))
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tab, "run\truns\ttraining loss\theld-out\tdifference in training\theld-out\t%s for equal held-out loss\tlargest logit\n", c.Align)
	for i, e := range c.Entries {
		diff, val, ratio := e.Difference.String(), e.ValDiff.String(), e.Ratio.String()
		if i == 0 {
			diff, val, ratio = "", "", ""
		} else if e.AtLeast {
			ratio = "more than " + ratio
		}
		fmt.Fprintf(tab, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n",
			e.Name, e.Runs, short(float64(e.Loss)), short(float64(e.ValLoss)), diff, val, ratio, short(float64(e.LargestHead)))
	}
	if err := tab.Flush(); err != nil {
		return err
	}
	for _, e := range c.Entries[1:] {
		fmt.Fprintf(w, "%s: %s\n", e.Name, e.Method)
	}
	return nil
}
