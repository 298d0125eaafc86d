//go:build !cuda

package optim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"muonclip/internal/compute"
)

// valueGrad is a gorgonia.ValueGrad without a graph.
type valueGrad struct {
	name  string
	value gorgonia.Value
	grad  gorgonia.Value
	err   error
}

func (v *valueGrad) Name() string                  { return v.name }
func (v *valueGrad) Value() gorgonia.Value         { return v.value }
func (v *valueGrad) Grad() (gorgonia.Value, error) { return v.grad, v.err }

func TestSolverMatchesOptimizer(t *testing.T) {
	t.Run("float32", testSolverMatchesOptimizer[float32])
	t.Run("float64", testSolverMatchesOptimizer[float64])
}

// The solver must take every kind of value that Gorgonia has, and give gradients in new memory each time no chance.
func testSolverMatchesOptimizer[T compute.Float](t *testing.T) {
	shapes := []struct {
		name  string
		shape []int
		muon  bool
	}{
		{"w", []int{6, 4}, true},
		{"w", []int{4, 6}, true}, // the same name, as Gorgonia allows
		{"embed", []int{8, 3}, false},
		{"row", []int{1, 5}, false},
		{"vector", []int{7}, false},
		{"cube", []int{2, 3, 2}, false},
	}
	rng := rand.New(rand.NewPCG(1, 1))
	var model []gorgonia.ValueGrad
	var params []Param
	for i, s := range shapes {
		n := tensor.Shape(s.shape).TotalSize()
		start := normals(rng, n, 1)
		model = append(model, &valueGrad{name: s.name, value: dense[T](start, s.shape...)})
		flat := s.shape
		if len(flat) == 3 {
			flat = []int{n}
		}
		params = append(params, Param{Name: fmt.Sprint(s.name, i), Value: dense[T](start, flat...), Grad: dense[T](make([]float64, n), flat...), Muon: s.muon})
	}
	var scalar gorgonia.Value = gorgonia.NewF64(0.5)
	if dtypeOf[T]() == tensor.Float32 {
		scalar = gorgonia.NewF32(0.5)
	}
	model = append(model, &valueGrad{name: "scalar", value: scalar})
	model = append(model, &valueGrad{name: "scalar tensor", value: tensor.New(tensor.FromScalar(T(0.5)))})
	for i := range 2 {
		params = append(params, Param{Name: fmt.Sprint("scalar", i), Value: dense[T]([]float64{0.5}, 1), Grad: dense[T]([]float64{0}, 1)})
	}

	cfg := Config{WeightDecay: 0.1}
	schedule := Schedule{Kind: Cosine, Peak: 0.1, Warmup: 2, Steps: 5}
	solver, err := NewSolver(SolverConfig{
		Config: cfg, Schedule: schedule, ClipNorm: 2,
		AdamW: func(v gorgonia.ValueGrad) bool { return v.(gorgonia.Namer).Name() == "embed" },
	})
	if err != nil {
		t.Fatal(err)
	}
	opt, err := New(params, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for step := range 4 {
		for i, p := range params {
			x := normals(rng, p.Grad.DataSize(), 1)
			copyDense(p.Grad, dense[T](x, p.Grad.Shape()...))
			v := model[i].(*valueGrad)
			switch old := v.value.(type) {
			case *gorgonia.F64:
				v.grad = gorgonia.NewF64(x[0])
			case *gorgonia.F32:
				v.grad = gorgonia.NewF32(float32(x[0]))
			case *tensor.Dense:
				if old.IsScalar() {
					v.grad = tensor.New(tensor.FromScalar(T(x[0])))
				} else {
					v.grad = dense[T](x, old.Shape()...)
				}
			}
		}
		if err := solver.Step(model); err != nil {
			t.Fatal(err)
		}
		if _, err := opt.ClipGradNorm(2); err != nil {
			t.Fatal(err)
		}
		if st := opt.Step(schedule.LR(step)); solver.Stats().LR != st.LR || solver.Stats().Step != st.Step {
			t.Errorf("solver reports %+v, want %+v", solver.Stats(), st)
		}
		for i, p := range params {
			val, err := asDense(model[i].Value())
			if err != nil {
				t.Fatal(err)
			}
			wantSameBits(t, fmt.Sprintf("step %d %s", step, p.Name), elems[T](val), elems[T](p.Value))
			grad, err := asDense(model[i].(*valueGrad).grad)
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range elems[T](grad) {
				if g != 0 {
					t.Fatalf("gradient of %s is %g after Step, want zero", p.Name, g)
				}
			}
		}
	}
	var names []string
	for _, s := range solver.Optimizer().State().Tensors[:3] {
		names = append(names, s.Name)
	}
	if got := strings.Join(names, " "); got != "momentum.w momentum.w#1 exp_avg.embed" {
		t.Errorf("state begins with %s", got)
	}
}

func TestSolverErrorsLeaveWeightsAlone(t *testing.T) {
	value := dense[float64]([]float64{1, 2, 3, 4}, 2, 2)
	v := &valueGrad{name: "w", value: value, grad: dense[float64]([]float64{1, math.NaN(), 1, 1}, 2, 2)}
	solver, err := NewSolver(SolverConfig{Schedule: Schedule{Peak: 1}})
	if err != nil {
		t.Fatal(err)
	}
	step := func(want string, model ...gorgonia.ValueGrad) {
		t.Helper()
		err := solver.Step(model)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
		wantSameBits(t, "weights", value.Float64s(), []float64{1, 2, 3, 4})
	}
	step("gradient of w is NaN at element 1", v)
	if v.grad.(*tensor.Dense).Float64s()[1] != 0 {
		t.Error("a bad gradient stays for the next run to add to")
	}
	step("same list", v, v)
	v.err = fmt.Errorf("no dual value")
	step("BindDualValues", v)
	v.err, v.grad = nil, dense[float64](make([]float64, 6), 2, 3)
	step("shape", v)
	v.grad = gorgonia.NewI(1)
	step("is a *gorgonia.I", v)
	v.grad = dense[float64](make([]float64, 4), 2, 2)
	v.value = dense[float32](make([]float64, 4), 2, 2)
	step("float32", v)
	v.value = nil
	step("is not set", v)

	if _, err := NewSolver(SolverConfig{Config: Config{Beta1: 2}}); err == nil {
		t.Error("a bad constant was accepted")
	}
	if _, err := NewSolver(SolverConfig{Schedule: Schedule{Kind: "none"}}); err == nil {
		t.Error("a bad schedule was accepted")
	}
}

// A graph that is trained in two halves, with the state saved between them, ends as one trained at once.
func TestSolverOnGraphResumes(t *testing.T) {
	type run struct {
		w      *tensor.Dense
		solver *Solver
		model  []gorgonia.ValueGrad
		step   func()
	}
	start := func(w []float64) *run {
		rng := rand.New(rand.NewPCG(3, 3))
		g := gorgonia.NewGraph()
		x := gorgonia.NewMatrix(g, tensor.Float64, gorgonia.WithName("x"), gorgonia.WithShape(8, 5), gorgonia.WithValue(dense[float64](normals(rng, 40, 1), 8, 5)))
		y := gorgonia.NewMatrix(g, tensor.Float64, gorgonia.WithName("y"), gorgonia.WithShape(8, 3), gorgonia.WithValue(dense[float64](normals(rng, 24, 1), 8, 3)))
		r := &run{w: dense[float64](w, 5, 3)}
		wn := gorgonia.NewMatrix(g, tensor.Float64, gorgonia.WithName("w"), gorgonia.WithShape(5, 3), gorgonia.WithValue(r.w))
		loss := gorgonia.Must(gorgonia.Mean(gorgonia.Must(gorgonia.Square(gorgonia.Must(gorgonia.Sub(gorgonia.Must(gorgonia.Mul(x, wn)), y))))))
		if _, err := gorgonia.Grad(loss, wn); err != nil {
			t.Fatal(err)
		}
		vm := gorgonia.NewTapeMachine(g, gorgonia.BindDualValues(wn))
		t.Cleanup(func() { vm.Close() })
		var err error
		if r.solver, err = NewSolver(SolverConfig{Schedule: Schedule{Peak: 0.05}, Config: Config{WeightDecay: 0.1}}); err != nil {
			t.Fatal(err)
		}
		r.model = gorgonia.NodesToValueGrads(gorgonia.Nodes{wn})
		r.step = func() {
			if err := vm.RunAll(); err != nil {
				t.Fatal(err)
			}
			if err := r.solver.Step(r.model); err != nil {
				t.Fatal(err)
			}
			vm.Reset()
		}
		return r
	}
	w0 := normals(rand.New(rand.NewPCG(4, 4)), 15, 1)
	whole := start(w0)
	for range 3 {
		whole.step()
	}
	state, half := saved(whole.solver.Optimizer().State()), append([]float64(nil), whole.w.Float64s()...)
	for range 3 {
		whole.step()
	}
	second := start(half)
	if err := second.solver.Init(second.model); err != nil {
		t.Fatal(err)
	}
	if err := second.solver.Optimizer().LoadState(state); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		second.step()
	}
	wantSameBits(t, "weights", second.w.Float64s(), whole.w.Float64s())
}
