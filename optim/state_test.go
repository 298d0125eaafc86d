package optim

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorgonia.org/tensor"
)

// saved is a copy of a state, as a checkpoint would hold it.
func saved(s State) State {
	out := State{Step: s.Step}
	for _, t := range s.Tensors {
		out.Tensors = append(out.Tensors, StateTensor{Name: t.Name, Value: t.Value.Clone().(*tensor.Dense)})
	}
	return out
}

func TestStateContinuesBitForBit(t *testing.T) {
	cfg := Config{WeightDecay: 0.1}
	params := testModel[float32](7)
	opt := newTestOptimizer[float32](t, params, cfg)
	run := func(o *Optimizer, p []Param, from, to int) {
		for step := from; step < to; step++ {
			fillGrads[float32](p, step)
			o.Step(1e-2)
		}
	}
	run(opt, params, 0, 2)
	state := saved(opt.State())
	weights := testModel[float32](8) // other weights, to be overwritten
	for i, p := range params {
		copyDense(weights[i].Value, p.Value)
	}
	run(opt, params, 2, 4)

	again := newTestOptimizer[float32](t, weights, cfg)
	if err := again.LoadState(state); err != nil {
		t.Fatal(err)
	}
	if again.Steps() != 2 {
		t.Errorf("step is %d after loading, want 2", again.Steps())
	}
	run(again, weights, 2, 4)
	for i, p := range params {
		wantSameBits(t, p.Name, weights[i].Value.Float32s(), p.Value.Float32s())
	}
	for i, s := range opt.State().Tensors {
		wantSameBits(t, s.Name, again.State().Tensors[i].Value.Float32s(), s.Value.Float32s())
	}
}

func TestStateNamesAndOrder(t *testing.T) {
	params := []Param{
		{Name: "b", Value: dense[float32](make([]float64, 4), 2, 2), Grad: dense[float32](make([]float64, 4), 2, 2), Muon: true},
		{Name: "a", Value: dense[float32](make([]float64, 3), 3), Grad: dense[float32](make([]float64, 3), 3)},
	}
	opt, err := New(params, Config{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range opt.State().Tensors {
		got = append(got, fmt.Sprint(s.Name, s.Value.Shape()))
	}
	want := []string{"momentum.b(2, 2)", "exp_avg.a(3)", "exp_avg_sq.a(3)"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("state (-want +got):\n%s", d)
	}
}

func TestLoadStateErrors(t *testing.T) {
	params := testModel[float32](9)
	opt := newTestOptimizer[float32](t, params, Config{})
	fillGrads[float32](params, 0)
	opt.Step(0.1)
	before := saved(opt.State())
	cases := []struct {
		name, want string
		change     func(*State)
	}{
		{"missing", "momentum.wide is missing", func(s *State) {
			for i := range s.Tensors {
				if s.Tensors[i].Name == "momentum.wide" {
					s.Tensors = append(s.Tensors[:i], s.Tensors[i+1:]...)
					return
				}
			}
		}},
		{"extra", "momentum.other belongs to no parameter", func(s *State) {
			s.Tensors = append(s.Tensors, StateTensor{"momentum.other", s.Tensors[0].Value})
		}},
		{"twice", "is there twice", func(s *State) { s.Tensors = append(s.Tensors, s.Tensors[0]) }},
		{"shape", "exp_avg.embed has shape (64, 300), want (300, 64)", func(s *State) {
			s.Tensors[0].Value = dense[float32](make([]float64, 300*64), 64, 300)
		}},
		{"dtype", "is float64, want float32", func(s *State) {
			s.Tensors[0].Value = dense[float64](make([]float64, 300*64), 300, 64)
		}},
		{"nil", "is nil", func(s *State) { s.Tensors[0].Value = nil }},
		{"step", "step is -1", func(s *State) { s.Step = -1 }},
	}
	for _, c := range cases {
		s := State{Step: 5}
		for _, x := range before.Tensors {
			v := x.Value.Clone().(*tensor.Dense)
			v.Float32s()[0] = 77
			s.Tensors = append(s.Tensors, StateTensor{x.Name, v})
		}
		c.change(&s)
		if err := opt.LoadState(s); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", c.name, err, c.want)
		}
		if opt.Steps() != 1 {
			t.Errorf("%s: a failed load changed the step to %d", c.name, opt.Steps())
		}
		for i, x := range opt.State().Tensors {
			wantSameBits(t, c.name+": "+x.Name, x.Value.Float32s(), before.Tensors[i].Value.Float32s())
		}
	}
}

func TestReset(t *testing.T) {
	params := testModel[float64](10)
	opt := newTestOptimizer[float64](t, params, Config{})
	fillGrads[float64](params, 0)
	opt.Step(0.1)
	opt.Reset()
	if opt.Steps() != 0 {
		t.Errorf("step is %d after Reset, want 0", opt.Steps())
	}
	for _, s := range opt.State().Tensors {
		for _, v := range s.Value.Float64s() {
			if v != 0 {
				t.Fatalf("%s holds %g after Reset", s.Name, v)
			}
		}
	}
}
