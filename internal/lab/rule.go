package lab

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Rule is one condition of an experiment, held against intervals over its seeds. Exactly one of Of, Difference, Ratio,
// Least, Cost and Ladder says what is held against the bounds.
type Rule struct {
	Name       string    `yaml:"name"`       // the condition in words
	Quantity   string    `yaml:"quantity"`   // see Quantities; Cost and Ladder take val_loss
	Of         string    `yaml:"of"`         // the mean of one arm
	Difference []string  `yaml:"difference"` // [a, b]: the mean of a - b, paired by seed
	Ratio      []string  `yaml:"ratio"`      // [a, b]: the geometric mean of a / b, paired by seed
	Least      []string  `yaml:"least"`      // one of these arms has the least mean of all arms
	Cost       []string  `yaml:"cost"`       // [a, b]: FLOPs until a has the held-out loss that b ends with, over those of b
	Ladder     *Ladder   `yaml:"ladder"`     // the same ratio from power laws through the ends of a ladder of sizes
	Below      *float64  `yaml:"below"`      // the whole interval is below
	Above      *float64  `yaml:"above"`      // the whole interval is above
	Within     []float64 `yaml:"within"`     // the whole interval is between the two, or between minus and plus the one
	Confidence float64   `yaml:"confidence"` // of the interval; 0 means 0.95
}

// Ladder compares two arms over sizes: L = a C^b is fitted to the held-out loss at the end of each size, C in FLOPs, for
// each seed, and the FLOPs for equal loss are compared in the middle of the ladder.
type Ladder struct {
	Arms      []string     `yaml:"arms"`      // [a, b]: FLOPs of a over FLOPs of b
	Sizes     []string     `yaml:"sizes"`     // names of the axis' values; the cells are ARM-SIZE
	Published [][2]float64 `yaml:"published"` // coefficient and exponent of both published fits, C in PFLOP/s-days; for the report
}

// Finding is what became of a rule.
type Finding struct {
	Rule     Rule     `json:"-"`
	Text     string   `json:"rule"`
	Interval Interval `json:"interval"`
	Verdict  Verdict  `json:"verdict"`
	Note     string   `json:"note,omitempty"` // what is missing, or beside it
}

// Text says the rule in words.
func (r Rule) Text() string {
	var what string
	switch {
	case r.Of != "":
		what = r.Quantity + " of " + r.Of
	case r.Difference != nil:
		what = fmt.Sprintf("%s of %s less that of %s", r.Quantity, r.Difference[0], r.Difference[1])
	case r.Ratio != nil:
		what = fmt.Sprintf("%s of %s over that of %s", r.Quantity, r.Ratio[0], r.Ratio[1])
	case r.Least != nil:
		return fmt.Sprintf("the least %s of all arms is that of %s", r.Quantity, strings.Join(r.Least, " or "))
	case r.Cost != nil:
		what = fmt.Sprintf("FLOPs of %s until the final loss of %s, over those of %s", r.Cost[0], r.Cost[1], r.Cost[1])
	case r.Ladder != nil:
		what = fmt.Sprintf("FLOPs of %s over those of %s at equal loss, from fits over %s", r.Ladder.Arms[0], r.Ladder.Arms[1], strings.Join(r.Ladder.Sizes, ", "))
	}
	b := r.bounds()
	switch {
	case !math.IsNaN(b.low) && !math.IsNaN(b.high):
		return fmt.Sprintf("%s is between %s and %s", what, short(b.low), short(b.high))
	case !math.IsNaN(b.high):
		return what + " is below " + short(b.high)
	}
	return what + " is above " + short(b.low)
}

func (r Rule) bounds() bounds {
	b := bounds{math.NaN(), math.NaN()}
	if r.Below != nil {
		b.high = *r.Below
	}
	if r.Above != nil {
		b.low = *r.Above
	}
	switch len(r.Within) {
	case 1:
		b.low, b.high = -r.Within[0], r.Within[0]
	case 2:
		b.low, b.high = r.Within[0], r.Within[1]
	}
	return b
}

// check says what is wrong with a rule of an experiment with the given cells.
func (r *Rule) check(cells []string) error {
	r.normalize()
	kinds := 0
	for _, given := range []bool{r.Of != "", r.Difference != nil, r.Ratio != nil, r.Least != nil, r.Cost != nil, r.Ladder != nil} {
		if given {
			kinds++
		}
	}
	if kinds != 1 {
		return fmt.Errorf("it has %d of the keys of, difference, ratio, least, cost and ladder, want one", kinds)
	}
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !knownQuantity(r.Quantity) {
		bad("unknown quantity %q, did you mean %q?", r.Quantity, nearestQuantity(r.Quantity))
	}
	if r.Confidence <= 0 || r.Confidence >= 1 {
		bad("confidence is %g, want above 0 and below 1", r.Confidence)
	}
	for name, pair := range map[string][]string{"difference": r.Difference, "ratio": r.Ratio, "cost": r.Cost} {
		if pair != nil && len(pair) != 2 {
			bad("%s has %d arms, want two", name, len(pair))
		}
	}
	named := slices.Concat(r.Difference, r.Ratio, r.Least, r.Cost)
	if r.Of != "" {
		named = append(named, r.Of)
	}
	if l := r.Ladder; l != nil {
		if len(l.Arms) != 2 || len(l.Sizes) < 2 || len(l.Published) != 0 && len(l.Published) != 2 {
			bad("ladder has %d arms, %d sizes and %d published fits, want 2, at least 2, and 0 or 2", len(l.Arms), len(l.Sizes), len(l.Published))
		}
		named = append(named, l.cells()...)
	}
	for _, cell := range named {
		if !slices.Contains(cells, cell) {
			bad("there is no arm %q, there are %s", cell, strings.Join(cells, ", "))
		}
	}
	return errors.Join(append(errs, r.checkBounds())...)
}

// normalize fills in what a file may leave out.
func (r *Rule) normalize() {
	if r.Confidence == 0 {
		r.Confidence = 0.95
	}
	if r.Quantity == "" && (r.Cost != nil || r.Ladder != nil) {
		r.Quantity = "val_loss"
	}
}

func (r *Rule) checkBounds() error {
	b, given := r.bounds(), 0
	for _, g := range []bool{r.Below != nil, r.Above != nil, r.Within != nil} {
		if g {
			given++
		}
	}
	switch {
	case r.Least != nil && given > 0:
		return errors.New("least takes no bound")
	case r.Least == nil && given != 1:
		return fmt.Errorf("it has %d of the bounds below, above and within, want one", given)
	case len(r.Within) > 2 || b.low >= b.high:
		return fmt.Errorf("within is %v, want one number above 0 or two that rise", r.Within)
	}
	return nil
}

func (l *Ladder) cells() []string {
	var out []string
	for _, arm := range l.Arms {
		for _, size := range l.Sizes {
			out = append(out, join(arm, size))
		}
	}
	return out
}

// judge holds the rule against results.
func (r Rule) judge(t *Table) Finding {
	f := Finding{Rule: r, Text: r.Text()}
	if r.Least != nil {
		return r.judgeLeast(t, f)
	}
	var values []float64
	logs := r.Ratio != nil || r.Cost != nil || r.Ladder != nil
	var missing []string
	for _, seed := range t.Seeds {
		v, note := r.value(t, seed)
		if note != "" {
			missing = append(missing, fmt.Sprintf("seed %d: %s", seed, note))
		}
		if math.IsNaN(v) {
			continue
		}
		if logs {
			v = math.Log(v)
		}
		values = append(values, v)
	}
	f.Interval = TInterval(values, r.Confidence)
	if logs {
		f.Interval = f.Interval.exp()
	}
	f.Verdict, f.Note = r.bounds().judge(f.Interval), strings.Join(missing, "; ")
	if len(values) < len(t.Seeds) {
		f.Verdict = Undecided // a seed that is left out could have said otherwise
	}
	if l := r.Ladder; l != nil && len(l.Published) == 2 {
		if mid := l.middle(t); !math.IsNaN(mid) {
			f.Note = join2(f.Note, fmt.Sprintf("the published fits give %s at %s FLOPs", short(l.implied(mid)), short(mid)))
		}
	}
	return f
}

func join2(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// value is what one seed says of the rule, NaN where it says nothing; the note says why, or what to know of it.
func (r Rule) value(t *Table, seed uint64) (float64, string) {
	get := func(cell string) (float64, string) {
		v := t.Value(cell, seed, r.Quantity)
		if math.IsNaN(v) {
			return v, fmt.Sprintf("%s has no %s", cell, r.Quantity)
		}
		return v, ""
	}
	pair := func(cells []string) (a, b float64, note string) {
		a, note = get(cells[0])
		b, other := get(cells[1])
		return a, b, join2(note, other)
	}
	switch {
	case r.Of != "":
		return get(r.Of)
	case r.Difference != nil:
		a, b, note := pair(r.Difference)
		return a - b, note
	case r.Ratio != nil:
		a, b, note := pair(r.Ratio)
		if a <= 0 || b <= 0 {
			return math.NaN(), fmt.Sprintf("%s is %s and %s, and only positive numbers have a ratio", r.Quantity, short(a), short(b))
		}
		return a / b, note
	case r.Cost != nil:
		return cost(t.Run(r.Cost[0], seed), t.Run(r.Cost[1], seed))
	default:
		return r.Ladder.value(t, seed)
	}
}

// judgeLeast: one of the named arms has the least mean. Every other arm must lie above the best of the named ones, with
// the confidence shared among the comparisons (Bonferroni).
func (r Rule) judgeLeast(t *Table, f Finding) Finding {
	best, lowest := "", math.Inf(1)
	for _, cell := range r.Least {
		if m := mean(t.Values(cell, r.Quantity)); m < lowest {
			best, lowest = cell, m
		}
	}
	f.Interval = TInterval(t.Values(best, r.Quantity), r.Confidence)
	var others []string
	for _, cell := range t.Cells {
		if !slices.Contains(r.Least, cell) {
			others = append(others, cell)
		}
	}
	if best == "" || len(others) == 0 {
		f.Verdict, f.Note = Undecided, "there are no runs to compare"
		return f
	}
	var verdicts []Verdict
	for _, cell := range others {
		rival := Rule{Quantity: r.Quantity, Difference: []string{cell, best}, Above: new(float64), Confidence: 1 - (1-r.Confidence)/float64(len(others))}
		found := rival.judge(t)
		verdicts = append(verdicts, found.Verdict)
		if found.Verdict != Reproduced {
			f.Note = join2(f.Note, fmt.Sprintf("%s less %s: %s", cell, best, found.Interval))
		}
	}
	f.Verdict = all(verdicts)
	return f
}
