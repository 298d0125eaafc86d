package lab

import (
	"math"
	"strings"
	"testing"
)

func number(v float64) *float64 { return &v }

func TestTInterval(t *testing.T) {
	// By hand: mean 2, deviation 1, t of 2 degrees of freedom at 0.975 is 4.30265.
	iv := TInterval([]float64{1, 2, 3}, 0.95)
	if half := 4.30265 / math.Sqrt(3); math.Abs(iv.Mean-2) > 1e-12 || math.Abs(iv.High-2-half) > 1e-4 || math.Abs(2-iv.Low-half) > 1e-4 {
		t.Errorf("%+v", iv)
	}
	if one := TInterval([]float64{5}, 0.95); !math.IsNaN(one.Low) || one.String() != "5.000 (one seed)" {
		t.Errorf("%+v %s", one, one)
	}
	if none := TInterval(nil, 0.95); none.String() != "–" {
		t.Errorf("%s", none)
	}
}

// TestBlockBootstrap: the interval of a series is the same every time, covers its mean, and is wider where neighbours
// depend on each other.
func TestBlockBootstrap(t *testing.T) {
	independent, dependent := make([]float64, 400), make([]float64, 400)
	state, walk := uint64(1), 0.0
	for i := range independent {
		state = state*6364136223846793005 + 1442695040888963407
		v := float64(state>>11)/(1<<53) - 0.5
		independent[i] = v
		walk = 0.95*walk + v*math.Sqrt(1-0.95*0.95)
		dependent[i] = walk
	}
	a, b := BlockBootstrap(independent, 0.95, 500), BlockBootstrap(dependent, 0.95, 500)
	if a != BlockBootstrap(independent, 0.95, 500) {
		t.Error("two calls differ")
	}
	if !(a.Low < a.Mean && a.Mean < a.High) || !(b.High-b.Low > 2*(a.High-a.Low)) {
		t.Errorf("%+v and %+v", a, b)
	}
	if few := BlockBootstrap([]float64{1, 2}, 0.95, 10); !math.IsNaN(few.Low) {
		t.Errorf("%+v", few)
	}
}

func TestRules(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct {
		name   string
		rule   Rule
		values map[string][]float64
		want   Verdict
		note   string
	}{
		{"clearly below", Rule{Difference: []string{"a", "b"}, Below: number(0)}, map[string][]float64{"a": {1, 1.1, 0.9}, "b": {2, 2.1, 2}}, Reproduced, ""},
		{"clearly above", Rule{Difference: []string{"b", "a"}, Below: number(0)}, map[string][]float64{"a": {1, 1.1, 0.9}, "b": {2, 2.1, 2}}, NotReproduced, ""},
		{"across", Rule{Difference: []string{"a", "b"}, Below: number(0)}, map[string][]float64{"a": {1, 2.5, 0.9}, "b": {2, 2.1, 2}}, Undecided, ""},
		{"paired by seed", Rule{Difference: []string{"a", "b"}, Below: number(0)}, map[string][]float64{"a": {1, 5, 9}, "b": {1.1, 5.1, 9.12}}, Reproduced, ""},
		{"equal within a margin", Rule{Difference: []string{"a", "b"}, Within: []float64{0.1}}, map[string][]float64{"a": {1, 2, 3}, "b": {1.01, 2, 2.99}}, Reproduced, ""},
		{"too noisy for the margin", Rule{Difference: []string{"a", "b"}, Within: []float64{0.1}}, map[string][]float64{"a": {1, 2, 3}, "b": {1.2, 2, 2.8}}, Undecided, ""},
		{"outside the margin", Rule{Difference: []string{"a", "b"}, Within: []float64{0.1}}, map[string][]float64{"a": {1, 2, 3}, "b": {2, 3, 4.01}}, NotReproduced, ""},
		{"mean of an arm", Rule{Of: "a", Above: number(30)}, map[string][]float64{"a": {100, 110, 105}, "b": {0, 0, 0}}, Reproduced, ""},
		{"a ratio", Rule{Ratio: []string{"a", "b"}, Within: []float64{1.9, 2.1}}, map[string][]float64{"a": {2, 4, 8.1}, "b": {1, 2, 4}}, Reproduced, ""},
		{"no ratio of a negative", Rule{Ratio: []string{"a", "b"}, Above: number(1)}, map[string][]float64{"a": {-2, 4, 8}, "b": {1, 2, 4}}, Undecided, "only positive numbers"},
		{"one seed decides nothing", Rule{Difference: []string{"a", "b"}, Below: number(0)}, map[string][]float64{"a": {1}, "b": {2}}, Undecided, ""},
		{"a diverged run", Rule{Difference: []string{"a", "b"}, Below: number(0)}, map[string][]float64{"a": {1, 1.1, 0.9}, "b": {2, nan, 2}}, Undecided, "seed 2: b has no val_loss"},
		{"the least of all", Rule{Least: []string{"a", "b"}}, map[string][]float64{"a": {1, 1.01, 1}, "b": {1, 1.02, 1.01}, "c": {3, 3.1, 3}}, Reproduced, ""},
		{"another is lower", Rule{Least: []string{"a", "b"}}, map[string][]float64{"a": {1, 1.01, 1}, "b": {1, 1.02, 1.01}, "c": {0.3, 0.31, 0.3}}, NotReproduced, "c less a"},
		{"another may be lower", Rule{Least: []string{"a", "b"}}, map[string][]float64{"a": {1, 1.01, 1}, "b": {1, 1.02, 1.01}, "c": {1, 1.2, 0.8}}, Undecided, "c less a"},
	} {
		tt.rule.Quantity = "val_loss"
		cells := []string{"a", "b"}
		if tt.values["c"] != nil {
			cells = append(cells, "c")
		}
		if err := tt.rule.check(cells); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		f := tt.rule.judge(table("val_loss", tt.values, cells...))
		if f.Verdict != tt.want || !strings.Contains(f.Note, tt.note) {
			t.Errorf("%s: %s, %s, %q", tt.name, f.Verdict, f.Interval, f.Note)
		}
	}
}

func TestAll(t *testing.T) {
	for _, tt := range []struct {
		in   []Verdict
		want Verdict
	}{
		{nil, Reproduced},
		{[]Verdict{Reproduced, Reproduced}, Reproduced},
		{[]Verdict{Reproduced, Undecided}, Undecided},
		{[]Verdict{Undecided, NotReproduced, Reproduced}, NotReproduced},
	} {
		if got := all(tt.in); got != tt.want {
			t.Errorf("%v: %s", tt.in, got)
		}
	}
}

// TestCost: where a's loss is a power of its FLOPs and b's the same at twice the FLOPs, a needs half.
func TestCost(t *testing.T) {
	curve := func(factor float64, points int) *Result {
		r := &Result{Job: Job{Cell: "a"}}
		for i := range points {
			c := math.Pow(2, float64(i)) * 1e9
			r.ValFLOPs, r.Val = append(r.ValFLOPs, c), append(r.Val, 10-math.Log(c*factor))
		}
		return r
	}
	if v, note := cost(curve(2, 10), curve(1, 10)); math.Abs(v-0.5) > 1e-9 || note != "" {
		t.Errorf("%g, %s", v, note)
	}
	if v, note := cost(curve(1, 10), curve(2, 10)); v != 1 || !strings.Contains(note, "more than stated") {
		t.Errorf("%g, %s", v, note)
	}
	if v, note := cost(nil, curve(2, 10)); !math.IsNaN(v) || note == "" {
		t.Errorf("%g, %s", v, note)
	}
}

// TestLadder: laws of which a needs 40 % of the FLOPs at every loss, with seeds that differ by a factor of both.
func TestLadder(t *testing.T) {
	l := &Ladder{Arms: []string{"a", "b"}, Sizes: []string{"s1", "s2", "s3"}, Published: [][2]float64{{2.506, -0.052}, {2.608, -0.054}}}
	rule := Rule{Ladder: l, Within: []float64{0.39, 0.41}}
	if err := rule.check(l.cells()); err != nil {
		t.Fatal(err)
	}
	results := newTable(l.cells(), []uint64{1, 2, 3})
	for seed := uint64(1); seed <= 3; seed++ {
		for i, size := range l.Sizes {
			for arm, advantage := range map[string]float64{"a": 1 / 0.4, "b": 1} {
				c := math.Pow(10, float64(11+i))
				r := &Result{Job: Job{Cell: join(arm, size), Seed: seed}, Values: map[string]float64{
					"flops": c, "val_loss": (1 + 0.001*float64(seed)) * 20 * math.Pow(c*advantage, -0.06),
				}}
				results.add(r)
			}
		}
	}
	f := rule.judge(results)
	if f.Verdict != Reproduced || math.Abs(f.Interval.Mean-0.4) > 1e-6 || !strings.Contains(f.Note, "the published fits give 0.2") {
		t.Errorf("%s %s %s", f.Verdict, f.Interval, f.Note)
	}
	// Moonlight's fits at 10 PFLOP/s-days, computed from their coefficients.
	if v := l.implied(10 * 1e15 * 86400); math.Abs(v-0.507) > 2e-3 {
		t.Errorf("%g", v)
	}
	delete(results.runs["a-s2"], 2)
	if f := rule.judge(results); f.Verdict != Undecided || !strings.Contains(f.Note, "seed 2: a-s2 has no val_loss") {
		t.Errorf("%s %s", f.Verdict, f.Note)
	}
}
