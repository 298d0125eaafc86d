package optim

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorgonia.org/tensor"
)

// The observer sees what the rule did, without decay, of the parameters that it wants, for one step.
func TestObserve(t *testing.T) {
	for name, cfg := range rivals {
		cfg.AdamWRatio = 0.5
		params := testModel[float64](11)
		opt := newTestOptimizer[float64](t, params, cfg)
		fillGrads[float64](params, 0)
		opt.Step(1e-2)

		before := map[string][]float64{}
		for _, p := range params {
			before[p.Name] = slices.Clone(p.Value.Float64s())
		}
		fillGrads[float64](params, 1)
		const lr = 2e-2
		var seen []string
		rms := map[string]float64{}
		opt.Observe(func(p Param) bool { return p.Kind != "expert" }, func(p Param, u *tensor.Dense) {
			seen = append(seen, p.Name)
			if !u.Shape().Eq(p.Value.Shape()) {
				t.Errorf("%s: the update of %s has shape %v", name, p.Name, u.Shape())
			}
			own := lr
			if cfg.Class(p) == AdamW {
				own *= 0.5
			}
			var want []float64
			for i, w := range p.Value.Float64s() {
				want = append(want, w-before[p.Name][i]*(1-own*naiveDecay))
			}
			wantClose(t, name+" "+p.Name, u.Float64s(), want, 1e-9)
			rms[p.Name] = math.Sqrt(sumSquares(u.Float64s()) / float64(u.DataSize()))
		})
		opt.Step(lr)
		if d := cmp.Diff([]string{"embed", "wide", "tall", "norm"}, seen); d != "" {
			t.Errorf("%s: seen (-want +got):\n%s", name, d)
		}
		stats := opt.ParamStats(nil)
		for i, p := range params {
			s := stats[i]
			if want, ok := rms[p.Name]; ok {
				wantClose(t, name+": update RMS of "+p.Name, []float64{s.UpdateRMS}, []float64{want}, 1e-6)
			}
			weight := math.Sqrt(sumSquares(p.Value.Float64s()) / float64(p.Value.DataSize()))
			wantClose(t, name+": weight RMS of "+p.Name, []float64{s.WeightRMS}, []float64{weight}, 1e-12)
			if s.Name != p.Name || s.Ratio() != s.UpdateRMS/s.WeightRMS {
				t.Errorf("%s: statistics %+v of %s", name, s, p.Name)
			}
		}
		opt.Step(lr)
		if len(seen) != 4 {
			t.Errorf("%s: a step that was not asked for was shown", name)
		}
	}
}

// Looking changes nothing.
func TestObservedStepIsTheSame(t *testing.T) {
	run := func(look bool) []Param {
		params := testModel[float32](12)
		opt := newTestOptimizer[float32](t, params, Config{WeightDecay: 0.1})
		for step := range 3 {
			fillGrads[float32](params, step)
			if look {
				opt.Observe(nil, func(Param, *tensor.Dense) {})
			}
			st := opt.Step(1e-2)
			opt.ParamStats(nil)
			if st.UpdateRMS["expert"] == 0 {
				t.Error("no statistics")
			}
		}
		return params
	}
	want := run(false)
	for i, p := range run(true) {
		wantSameBits(t, p.Name, p.Value.Float32s(), want[i].Value.Float32s())
	}
}

func TestParamStatsBeforeTheFirstStep(t *testing.T) {
	params := testModel[float32](13)
	opt := newTestOptimizer[float32](t, params, Config{})
	for _, s := range opt.ParamStats(nil) {
		if s.UpdateRMS != 0 || s.WeightRMS == 0 || s.Ratio() != 0 {
			t.Errorf("%+v before any step", s)
		}
	}
	if (ParamStats{UpdateRMS: 1}).Ratio() != 0 {
		t.Error("weights of zero have a ratio")
	}
}
