package optim

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestScheduleValues(t *testing.T) {
	k2 := Schedule{Kind: WSD, Peak: 2e-4, Warmup: 500, Steps: 231_000, Decay: 82_000, MinRatio: 0.1}
	cases := []struct {
		name string
		s    Schedule
		step int
		want float64
	}{
		{"constant without warm-up", Schedule{Peak: 3}, 0, 3},
		{"constant later", Schedule{Kind: Constant, Peak: 3, Warmup: 4}, 1000, 3},
		{"first step moves", Schedule{Peak: 1, Warmup: 4}, 0, 0.25},
		{"warm-up ends at the peak", Schedule{Peak: 1, Warmup: 4}, 3, 1},
		{"negative step counts as the first", Schedule{Peak: 1, Warmup: 4}, -3, 0.25},
		{"linear half", Schedule{Kind: Linear, Peak: 1, Steps: 10}, 4, 0.5},
		{"linear end", Schedule{Kind: Linear, Peak: 1, Steps: 10, MinRatio: 0.1}, 9, 0.1},
		{"linear past the end", Schedule{Kind: Linear, Peak: 1, Steps: 10, MinRatio: 0.1}, 50, 0.1},
		{"cosine half", Schedule{Kind: Cosine, Peak: 2, Warmup: 10, Steps: 30, MinRatio: 0.5}, 19, 1.5},
		{"cosine quarter", Schedule{Kind: Cosine, Peak: 1, Steps: 8}, 1, (1 + math.Cos(math.Pi/4)) / 2},
		{"k2 warm-up", k2, 249, 1e-4},
		{"k2 stable", k2, 100_000, 2e-4},
		{"k2 last stable", k2, 148_999, 2e-4},
		{"k2 middle of decay", k2, 189_999, 1.1e-4},
		{"k2 end", k2, 230_999, 2e-5},
		{"wsd default decay is a third", Schedule{Kind: WSD, Peak: 1, Steps: 30, Shape: Linear}, 24, 0.5},
		{"wsd 1-sqrt", Schedule{Kind: WSD, Peak: 1, Steps: 20, Decay: 4, Shape: OneMinusSqrt}, 16, 0.5},
		{"wsd 1-sqrt end", Schedule{Kind: WSD, Peak: 1, Steps: 20, Decay: 4, Shape: OneMinusSqrt, MinRatio: 0.2}, 19, 0.2},
		{"all warm-up", Schedule{Kind: Cosine, Peak: 1, Warmup: 5, Steps: 5, MinRatio: 0.3}, 5, 0.3},
	}
	for _, c := range cases {
		if err := c.s.Validate(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := c.s.LR(c.step); math.Abs(got-c.want) > 1e-12*math.Max(1, c.want) {
			t.Errorf("%s: step %d has %g, want %g", c.name, c.step, got, c.want)
		}
	}
}

func TestScheduleShape(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := Schedule{
			Kind:     rapid.SampledFrom([]string{Constant, Linear, Cosine, WSD}).Draw(r, "kind"),
			Peak:     rapid.Float64Range(1e-6, 1).Draw(r, "peak"),
			Warmup:   rapid.IntRange(0, 20).Draw(r, "warmup"),
			MinRatio: rapid.Float64Range(0, 1).Draw(r, "min"),
			Shape:    rapid.SampledFrom([]string{"", Cosine, Linear, OneMinusSqrt}).Draw(r, "shape"),
		}
		s.Steps = s.Warmup + rapid.IntRange(1, 60).Draw(r, "steps")
		s.Decay = rapid.IntRange(0, s.Steps-s.Warmup).Draw(r, "decay")
		if err := s.Validate(); err != nil {
			r.Fatal(err)
		}
		for step := range s.Steps + 5 {
			lr := s.LR(step)
			if !(lr > 0 || s.MinRatio == 0 && lr >= 0) || lr > s.Peak {
				r.Fatalf("step %d has %g, want at most the peak %g", step, lr, s.Peak)
			}
			if step > 0 && step < s.Warmup && lr <= s.LR(step-1) {
				r.Fatalf("warm-up does not rise at step %d", step)
			}
			if step > s.Warmup && lr > s.LR(step-1) {
				r.Fatalf("rises at step %d after warm-up", step)
			}
		}
		decays := s.Kind == Linear || s.Kind == Cosine || s.Kind == WSD && (s.Decay > 0 || s.Steps-s.Warmup >= 3)
		if end := s.LR(s.Steps - 1); decays && end != s.Peak*s.MinRatio {
			r.Fatalf("ends at %g, want %g", end, s.Peak*s.MinRatio)
		}
	})
}

func TestScheduleErrors(t *testing.T) {
	for _, c := range []struct {
		want string
		s    Schedule
	}{
		{"kind", Schedule{Kind: "cosin", Peak: 1}},
		{"shape", Schedule{Kind: WSD, Steps: 5, Shape: "sqrt"}},
		{"peak", Schedule{Peak: math.NaN()}},
		{"peak", Schedule{Peak: -1}},
		{"min ratio", Schedule{MinRatio: 2}},
		{"needs the number of steps", Schedule{Kind: Cosine}},
		{"longer than the run", Schedule{Kind: Linear, Warmup: 9, Steps: 8}},
		{"do not fit", Schedule{Kind: WSD, Warmup: 5, Decay: 6, Steps: 10}},
		{"negative", Schedule{Warmup: -1}},
	} {
		if err := c.s.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error is %v, want one with %q", c.s, err, c.want)
		}
	}
}
