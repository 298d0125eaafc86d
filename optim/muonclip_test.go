package optim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
)

func orthogonalizeOnWorkers(g *tensor.Dense) *tensor.Dense {
	rows, cols := rowsCols(g)
	coef, _ := NewtonSchulz{}.schedule()
	out := make([]float32, rows*cols)
	cpu.New[float32](2).For(3, func(w *cpu.Worker[float32], i int) {
		ws := newWorkspace[float32]()
		ws.grow(rows, cols)
		copy(ws.y, g.Float32s())
		ws.iterate(serial[float32]{w}, frobenius(ws.y, ws.part, rows, cols), coef)
		if i != 0 {
			return
		}
		if rows > cols {
			ws.vec.Transpose(out, cols, ws.x, rows, cols, rows)
		} else {
			copy(out, ws.x)
		}
	})
	return wrap(out, rows, cols)
}

func wantSameBits[T compute.Float](t *testing.T, what string, got, want []T) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	for i := range got {
		if math.Float64bits(float64(got[i])) != math.Float64bits(float64(want[i])) {
			t.Fatalf("%s: element %d is %v, want %v to the bit", what, i, got[i], want[i])
		}
	}
}

// testModel is a set of parameters that reaches every path: both orientations, matrices for one worker and for all of
// them, vectors longer than a block, an expert without gradient.
func testModel[T compute.Float](seed uint64) []Param {
	rng := rand.New(rand.NewPCG(seed, 99))
	var params []Param
	add := func(name, kind string, muon bool, shape ...int) {
		n := 1
		for _, d := range shape {
			n *= d
		}
		params = append(params, Param{
			Name: name, Kind: kind, Muon: muon,
			Value: dense[T](normals(rng, n, 0.02), shape...), Grad: dense[T](make([]float64, n), shape...),
		})
	}
	add("embed", "embedding", false, 300, 64)
	for e := range 6 {
		add(fmt.Sprintf("experts.%d.up", e), "expert", true, 32, 48)
		add(fmt.Sprintf("experts.%d.down", e), "expert", true, 48, 32)
	}
	add("wide", "dense", true, 130, 180) // above testThreadedCost
	add("tall", "dense", true, 180, 130)
	add("norm", "norm", false, 64)
	return params
}

// testThreadedCost stands in for ThreadedCost, so that small models reach the path of large matrices.
const testThreadedCost = 1 << 20

func newTestOptimizer[T compute.Float](t testing.TB, params []Param, cfg Config) *Optimizer {
	t.Helper()
	opt, err := New(params, cfg)
	if err != nil {
		t.Fatal(err)
	}
	opt.core.(*core[T]).split(testThreadedCost)
	return opt
}

// fillGrads sets the gradients of step t; the last expert gets none after the first step.
func fillGrads[T compute.Float](params []Param, t int) {
	for i, p := range params {
		rng := rand.New(rand.NewPCG(uint64(t), uint64(i)))
		g := elems[T](p.Grad)
		for j := range g {
			g[j] = T(rng.NormFloat64())
		}
		if t > 0 && strings.HasPrefix(p.Name, "experts.5.") {
			clear(g)
		}
	}
}

// naiveStep is the definition of one step in float64, on copies.
func naiveStep(w, g, m, v []float64, rows, cols int, muon bool, t int, lr float64) {
	for i := range g {
		if muon {
			m[i] = 0.95*m[i] + g[i]
		} else {
			m[i] = 0.9*m[i] + 0.1*g[i]
			v[i] = 0.95*v[i] + 0.05*g[i]*g[i]
			u := m[i] / (1 - math.Pow(0.9, float64(t))) / (math.Sqrt(v[i]/(1-math.Pow(0.95, float64(t)))) + 1e-8)
			w[i] = w[i]*(1-lr*0.1) - lr*u
		}
	}
	if !muon {
		return
	}
	u := make([]float64, len(g))
	for i := range u {
		u[i] = g[i] + 0.95*m[i]
	}
	coef, _ := NewtonSchulz{}.schedule()
	o := naiveNewtonSchulz(u, rows, cols, coef)
	for i := range w {
		w[i] = w[i]*(1-lr*0.1) - lr*0.2*math.Sqrt(float64(max(rows, cols)))*o[i]
	}
}

func TestStepMatchesDefinition(t *testing.T) {
	t.Run("float64", func(t *testing.T) { testStepMatchesDefinition[float64](t, 1e-11) })
	t.Run("float32", func(t *testing.T) { testStepMatchesDefinition[float32](t, 2e-5) })
}

func testStepMatchesDefinition[T compute.Float](t *testing.T, tol float64) {
	params := testModel[T](1)
	var w, m, v [][]float64
	for _, p := range params {
		w = append(w, append([]float64(nil), float64s(p.Value)...))
		m, v = append(m, make([]float64, p.Value.DataSize())), append(v, make([]float64, p.Value.DataSize()))
	}
	opt := newTestOptimizer[T](t, params, Config{WeightDecay: 0.1, WeightRMS: true})
	var st Stats
	const lr = 3e-3
	for step := range 3 {
		fillGrads[T](params, step)
		before := make([][]float64, len(params))
		for i, p := range params {
			rows, cols := rowsCols(p.Value)
			before[i] = append([]float64(nil), w[i]...)
			naiveStep(w[i], float64s(p.Grad), m[i], v[i], rows, cols, p.Muon, step+1, lr)
		}
		st = opt.Step(lr)
		for i, p := range params {
			wantClose(t, fmt.Sprintf("step %d %s", step, p.Name), float64s(p.Value), w[i], tol)
		}
		// The statistics are those of the change without decay.
		sq, n, wsq := map[string]float64{}, map[string]float64{}, map[string]float64{}
		for i, p := range params {
			for j := range w[i] {
				d := w[i][j] - before[i][j]*(1-lr*0.1)
				sq[p.Kind] += d * d
				wsq[p.Kind] += w[i][j] * w[i][j]
				n[p.Kind]++
			}
		}
		for kind := range sq {
			wantClose(t, "update RMS of "+kind, []float64{st.UpdateRMS[kind]}, []float64{math.Sqrt(sq[kind] / n[kind])}, 1e-4)
			wantClose(t, "weight RMS of "+kind, []float64{st.WeightRMS[kind]}, []float64{math.Sqrt(wsq[kind] / n[kind])}, 1e-4)
		}
	}
	if st.Step != 3 || st.LR != lr || opt.Steps() != 3 {
		t.Errorf("step %d lr %g steps %d, want 3, %g, 3", st.Step, st.LR, opt.Steps(), lr)
	}
	if r := st.ClassRMS[Muon] / lr; r < 0.15 || r > 0.25 {
		t.Errorf("Muon's update RMS is %.3f of the learning rate, want about 0.2", r)
	}
}

func TestStepIndependentOfThreads(t *testing.T) {
	old := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(old)
	var want [][]float32
	var wantStats Stats
	for _, procs := range []int{1, 2, 4} {
		runtime.GOMAXPROCS(procs)
		params := testModel[float32](2)
		opt := newTestOptimizer[float32](t, params, Config{WeightDecay: 0.1})
		var st Stats
		for step := range 2 {
			fillGrads[float32](params, step)
			if _, err := opt.ClipGradNorm(1); err != nil {
				t.Fatal(err)
			}
			st = opt.Step(1e-2)
		}
		var got [][]float32
		for _, p := range params {
			got = append(got, p.Value.Float32s())
		}
		for _, s := range opt.State().Tensors {
			got = append(got, s.Value.Float32s())
		}
		if want == nil {
			want, wantStats = got, st
			continue
		}
		for i := range got {
			wantSameBits(t, fmt.Sprintf("GOMAXPROCS %d, array %d", procs, i), got[i], want[i])
		}
		for k, v := range wantStats.UpdateRMS {
			if st.UpdateRMS[k] != v {
				t.Errorf("GOMAXPROCS %d: update RMS of %s is %v, want %v", procs, k, st.UpdateRMS[k], v)
			}
		}
	}
}

func TestIdleExpertStillMoves(t *testing.T) {
	params := testModel[float32](3)
	opt := newTestOptimizer[float32](t, params, Config{WeightDecay: 0.1})
	fillGrads[float32](params, 0)
	opt.Step(1e-2)
	fillGrads[float32](params, 1)
	for _, p := range params {
		if p.Name != "experts.5.up" {
			continue
		}
		decayed := make([]float64, p.Value.DataSize())
		for j, v := range p.Value.Float32s() {
			decayed[j] = float64(v) * (1 - 1e-2*0.1)
		}
		opt.Step(1e-2)
		if e := relErr(float64s(p.Value), decayed); e < 1e-2 {
			t.Errorf("an expert without gradient moved by %.2g beyond decay, want its momentum followed", e)
		}
	}
}

func TestNoDecayAndZeroGradient(t *testing.T) {
	params := testModel[float64](4)
	opt := newTestOptimizer[float64](t, params, Config{WeightDecay: 0.5, NoDecay: func(p Param) bool { return p.Kind == "norm" }})
	var before [][]float64
	for _, p := range params {
		before = append(before, append([]float64(nil), p.Value.Float64s()...))
	}
	opt.Step(0.1)
	for i, p := range params {
		keep := 1 - 0.1*0.5
		if p.Kind == "norm" {
			keep = 1
		}
		for j, v := range p.Value.Float64s() {
			if v != before[i][j]*keep {
				t.Fatalf("%s[%d] is %g, want %g: without any gradient there is only decay", p.Name, j, v, before[i][j]*keep)
			}
		}
	}
}

func TestSteadyStateAllocations(t *testing.T) {
	params := testModel[float32](5)
	opt := newTestOptimizer[float32](t, params, Config{WeightDecay: 0.1, Threads: 2})
	fillGrads[float32](params, 0)
	step := func() {
		if _, err := opt.ClipGradNorm(1); err != nil {
			t.Fatal(err)
		}
		opt.Step(1e-4)
		opt.ZeroGrad()
	}
	step()
	step()
	var a, b runtime.MemStats
	runtime.ReadMemStats(&a)
	const n = 5
	allocs := testing.AllocsPerRun(n, step)
	runtime.ReadMemStats(&b)
	bytes := (b.TotalAlloc - a.TotalAlloc) / (n + 1)
	t.Logf("%.0f allocations, %d bytes in a step", allocs, bytes)
	if bytes > 64<<10 {
		t.Errorf("%d bytes allocated in a step, want at most 64 KiB", bytes)
	}
}

func TestNewErrors(t *testing.T) {
	vec := func() *tensor.Dense { return dense[float32](make([]float64, 6), 6) }
	mat := func() *tensor.Dense { return dense[float32](make([]float64, 6), 2, 3) }
	good := func() Param { return Param{Name: "w", Value: mat(), Grad: mat(), Muon: true} }
	one := func(change func(*Param)) []Param {
		p := good()
		change(&p)
		return []Param{p}
	}
	transposed := mat()
	if err := transposed.T(); err != nil {
		t.Fatal(err)
	}
	tied := good()
	tied.Name = "tied"
	shared := good()
	tied.Value = shared.Value
	cases := []struct {
		name, want string
		params     []Param
		cfg        Config
	}{
		{"none", "no parameters", nil, Config{}},
		{"vector on Muon", "set Muon to false", one(func(p *Param) { p.Value, p.Grad = vec(), vec() }), Config{}},
		{"no name", "has no name", one(func(p *Param) { p.Name = "" }), Config{}},
		{"no gradient", "gradient of w is nil", one(func(p *Param) { p.Grad = nil }), Config{}},
		{"other shape", "gradient", one(func(p *Param) { p.Grad = dense[float32](make([]float64, 6), 3, 2) }), Config{}},
		{"other dtype", "gradient", one(func(p *Param) { p.Grad = dense[float64](make([]float64, 6), 2, 3) }), Config{}},
		{"integers", "dtype", one(func(p *Param) { p.Value = tensor.New(tensor.WithBacking([]int{1, 2}), tensor.WithShape(2)) }), Config{}},
		{"transposed view", "contiguous", one(func(p *Param) { p.Value = transposed }), Config{}},
		{"duplicate name", "two parameters are named w", []Param{good(), good()}, Config{}},
		{"tied weights", "shares memory", []Param{shared, tied}, Config{}},
		{"mixed dtypes", "one optimizer for each dtype", []Param{good(), {Name: "d", Value: dense[float64]([]float64{1}, 1), Grad: dense[float64]([]float64{1}, 1)}}, Config{}},
		{"momentum", "Momentum", []Param{good()}, Config{Momentum: 1}},
		{"beta", "Beta2", []Param{good()}, Config{Beta2: 1.5}},
		{"decay", "WeightDecay", []Param{good()}, Config{WeightDecay: math.NaN()}},
		{"coefficients", "Newton-Schulz", []Param{good()}, Config{NewtonSchulz: NewtonSchulz{Steps: -2}}},
	}
	for _, c := range cases {
		_, err := New(c.params, c.cfg)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", c.name, err, c.want)
		}
	}
}

// A row slice of a larger tensor is contiguous and is updated where it lies.
func TestRowSliceIsUpdatedInPlace(t *testing.T) {
	whole := dense[float32](make([]float64, 12), 4, 3)
	view, err := whole.Slice(tensor.S(1, 3))
	if err != nil {
		t.Fatal(err)
	}
	g := dense[float32]([]float64{1, 2, 3, 4, 5, 7}, 2, 3)
	opt, err := New([]Param{{Name: "rows", Value: view.(*tensor.Dense), Grad: g, Muon: true}}, Config{})
	if err != nil {
		t.Fatal(err)
	}
	opt.Step(1)
	for i, v := range whole.Float32s() {
		if inside := i >= 3 && i < 9; inside != (v != 0) {
			t.Errorf("element %d is %g", i, v)
		}
	}
}
