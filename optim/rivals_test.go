//go:build !cuda

package optim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"muonclip/internal/compute"
)

// naiveRule is one step of a rule on one matrix in float64, from its formula. It keeps its own state.
type naiveRule func(w, g *mat.Dense, lr float64)

const naiveDecay = 0.1

// decayAndAdd sets w to (1 - lr decay) w - rate u.
func decayAndAdd(w *mat.Dense, lr, rate float64, u mat.Matrix) {
	w.Apply(func(i, j int, v float64) float64 { return v*(1-lr*naiveDecay) - rate*u.At(i, j) }, w)
}

// naiveMomentum follows m = mu m + g and returns g + mu m.
func naiveMomentum() func(g *mat.Dense) *mat.Dense {
	var m *mat.Dense
	return func(g *mat.Dense) *mat.Dense {
		if m == nil {
			m = mat.NewDense(g.RawMatrix().Rows, g.RawMatrix().Cols, nil)
		}
		m.Scale(0.95, m)
		m.Add(m, g)
		var u mat.Dense
		u.Scale(0.95, m)
		u.Add(&u, g)
		return &u
	}
}

func naiveOrthogonal(u *mat.Dense) *mat.Dense {
	rows, cols := u.Dims()
	coef, _ := NewtonSchulz{}.schedule()
	return mat.NewDense(rows, cols, naiveNewtonSchulz(mat.DenseCopyOf(u).RawMatrix().Data, rows, cols, coef))
}

// naivePlainMuon is Keller Jordan's, with the momentum as he writes it, an average.
func naivePlainMuon() naiveRule {
	var m *mat.Dense
	return func(w, g *mat.Dense, lr float64) {
		rows, cols := w.Dims()
		if m == nil {
			m = mat.NewDense(rows, cols, nil)
		}
		m.Apply(func(i, j int, v float64) float64 { return v + 0.05*(g.At(i, j)-v) }, m)
		var u mat.Dense
		u.Apply(func(i, j int, v float64) float64 { return v + 0.95*(m.At(i, j)-v) }, g)
		decayAndAdd(w, lr, lr*math.Sqrt(max(1, float64(rows)/float64(cols))), naiveOrthogonal(&u))
	}
}

// naiveNorMuon is Algorithm 1 of arXiv 2510.05491; spectral is the scale of the authors' code.
func naiveNorMuon(spectral bool) naiveRule {
	momentum := naiveMomentum()
	var v []float64
	return func(w, g *mat.Dense, lr float64) {
		rows, cols := w.Dims()
		if v == nil {
			v = make([]float64, rows)
		}
		o := naiveOrthogonal(momentum(g))
		before := mat.Norm(o, 2)
		for i := range rows {
			var mean float64
			for j := range cols {
				mean += o.At(i, j) * o.At(i, j) / float64(cols)
			}
			v[i] = 0.95*v[i] + 0.05*mean
			for j := range cols {
				o.Set(i, j, o.At(i, j)/(math.Sqrt(v[i])+norMuonEps))
			}
		}
		size := 0.2 * math.Sqrt(float64(rows*cols))
		if spectral {
			size = math.Sqrt(max(1, float64(rows)/float64(cols))) * before
		}
		decayAndAdd(w, lr, lr*size/mat.Norm(o, 2), o)
	}
}

// naiveDion is Algorithm 1 of arXiv 2504.05295 with a Householder decomposition. q is the basis to begin with, cols x
// rank.
func naiveDion(q *mat.Dense, rms bool) naiveRule {
	var m *mat.Dense
	return func(w, g *mat.Dense, lr float64) {
		rows, cols := w.Dims()
		_, rank := q.Dims()
		if m == nil {
			m = mat.NewDense(rows, cols, nil)
		}
		var b, bq, full, r, low mat.Dense
		b.Add(m, g)
		bq.Mul(&b, q)
		var qr mat.QR
		qr.Factorize(&bq)
		qr.QTo(&full)
		p := full.Slice(0, rows, 0, rank)
		r.Mul(b.T(), p)
		low.Mul(p, r.T())
		low.Scale(1-0.95, &low)
		m.Sub(&b, &low)
		for j := range rank {
			col := mat.Col(nil, j, &r)
			norm := mat.Norm(mat.NewVecDense(cols, col), 2)
			for i := range col {
				q.Set(i, j, col[i]/norm)
			}
		}
		var u mat.Dense
		u.Mul(p, q.T())
		rate := lr * math.Sqrt(float64(rows)/float64(cols))
		if rms {
			rate = lr * 0.2 * math.Sqrt(float64(rows*cols)/float64(rank))
		}
		decayAndAdd(w, lr, rate, &u)
	}
}

func naiveSGD() naiveRule {
	momentum := naiveMomentum()
	return func(w, g *mat.Dense, lr float64) { decayAndAdd(w, lr, lr, momentum(g)) }
}

// rivals are the configurations that the tests below run through.
var rivals = map[string]Config{
	"plain muon":        {Rule: PlainMuon, WeightDecay: naiveDecay},
	"normuon":           {Rule: NorMuon, WeightDecay: naiveDecay},
	"normuon, spectral": {Rule: NorMuon, Scale: ScaleSpectral, WeightDecay: naiveDecay},
	"dion":              {Rule: Dion, WeightDecay: naiveDecay},
	"dion, rms":         {Rule: Dion, Scale: ScaleRMS, Rank: 0.6, WeightDecay: naiveDecay},
	"sgd":               {Rule: SGD, WeightDecay: naiveDecay},
	"adamw":             {Rule: AdamW, WeightDecay: naiveDecay},
	"muon by blocks":    {Blocks: twoBlocks, WeightDecay: naiveDecay},
	"normuon by blocks": {Rule: NorMuon, Blocks: twoBlocks, WeightDecay: naiveDecay},
	"dion by blocks":    {Rule: Dion, Blocks: twoBlocks, WeightDecay: naiveDecay},
	"polar express":     {NewtonSchulz: NewtonSchulz{Set: "polar-express", Steps: 5}, WeightDecay: naiveDecay},
}

// twoBlocks cuts every matrix in two.
func twoBlocks(Param) int { return 2 }

func TestRivalsMatchDefinition(t *testing.T) {
	t.Run("float64", func(t *testing.T) { testRivalsMatchDefinition[float64](t, 1e-10) })
	t.Run("float32", func(t *testing.T) { testRivalsMatchDefinition[float32](t, 3e-4) })
}

func testRivalsMatchDefinition[T compute.Float](t *testing.T, tol float64) {
	for name, cfg := range rivals {
		for _, shape := range [][2]int{{24, 40}, {40, 24}, {33, 33}, {80, 200}, {200, 80}} {
			rule, tol := naiveRuleOf(name, cfg, shape), tol
			if rule == nil {
				continue
			}
			if name == "plain muon" { // nsEps is not the same share of an average as of a sum
				tol = max(tol, 1e-7)
			}
			t.Run(fmt.Sprintf("%s %dx%d", name, shape[0], shape[1]), func(t *testing.T) { followRule[T](t, cfg, rule, shape, tol) })
		}
	}
}

// naiveRuleOf returns the definition of a rival, nil for those that have other tests.
func naiveRuleOf(name string, cfg Config, shape [2]int) naiveRule {
	switch name {
	case "plain muon":
		return naivePlainMuon()
	case "normuon", "normuon, spectral":
		return naiveNorMuon(cfg.Scale == ScaleSpectral)
	case "dion", "dion, rms":
		rank := int(math.Ceil(orDefault(cfg.Rank, 0.25) * float64(min(shape[0], shape[1]))))
		q := make([]float64, rank*shape[1])
		initBasis(q, "w")
		return naiveDion(mat.DenseCopyOf(mat.NewDense(rank, shape[1], q).T()), cfg.Scale == ScaleRMS)
	case "sgd":
		return naiveSGD()
	}
	return nil
}

// followRule compares four steps of an optimizer over one matrix with the definition of its rule.
func followRule[T compute.Float](t *testing.T, cfg Config, rule naiveRule, shape [2]int, tol float64) {
	rows, cols := shape[0], shape[1]
	rng := rand.New(rand.NewPCG(uint64(rows), uint64(cols)))
	p := Param{Name: "w", Muon: true, Value: dense[T](normals(rng, rows*cols, 0.02), rows, cols), Grad: dense[T](make([]float64, rows*cols), rows, cols)}
	opt, err := New([]Param{p}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := mat.NewDense(rows, cols, slices.Clone(float64s(p.Value)))
	for step := range 4 {
		lr := 0.02 / float64(step+1)
		copyDense(p.Grad, dense[T](normals(rng, rows*cols, 1), rows, cols))
		before := mat.DenseCopyOf(w)
		rule(w, mat.NewDense(rows, cols, slices.Clone(float64s(p.Grad))), lr)
		st := opt.Step(lr)
		wantClose(t, fmt.Sprintf("step %d", step), float64s(p.Value), w.RawMatrix().Data, tol)
		before.Scale(1-lr*naiveDecay, before)
		before.Sub(w, before)
		rms := mat.Norm(before, 2) / math.Sqrt(float64(rows*cols))
		wantClose(t, "update RMS", []float64{st.UpdateRMS["other"]}, []float64{rms}, 1e-4)
		wantClose(t, "update RMS of its class", []float64{st.ClassRMS[cfg.Rule]}, []float64{rms}, 1e-4)
	}
}

// NorMuon's update has the RMS that Moonlight asks for, and every row of it about the same norm.
func TestNorMuonEvensRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	g := normals(rng, 30*50, 1)
	for i := range 50 {
		g[7*50+i] *= 1e-3 // a neuron with next to no gradient
	}
	rowNorms := func(rule Class) (least, most, rms float64) {
		p := Param{Name: "w", Muon: true, Value: dense[float64](make([]float64, 30*50), 30, 50), Grad: dense[float64](g, 30, 50)}
		opt, err := New([]Param{p}, Config{Rule: rule})
		if err != nil {
			t.Fatal(err)
		}
		st := opt.Step(1)
		least = math.Inf(1)
		for i := range 30 {
			norm := math.Sqrt(sumSquares(p.Value.Float64s()[i*50 : (i+1)*50]))
			least, most = min(least, norm), max(most, norm)
		}
		return least, most, st.UpdateRMS["other"]
	}
	least, most, rms := rowNorms(NorMuon)
	if math.Abs(rms-0.2) > 1e-12 || most/least > 1+1e-6 {
		t.Errorf("update RMS %.6f, row norms from %g to %g; want 0.2 and equal rows in the first step", rms, least, most)
	}
	if least, most, _ := rowNorms(Muon); most/least < 1.2 {
		t.Errorf("row norms of Muon from %g to %g: the test shows nothing", least, most)
	}
}

// The singular values of Dion's update are what it promises: as many as its rank, P orthonormal, Q of unit columns.
func TestDionUpdateHasItsRank(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	const rows, cols, rank = 40, 32, 8
	p := Param{Name: "w", Muon: true, Value: dense[float32](normals(rng, rows*cols, 0.1), rows, cols), Grad: dense[float32](normals(rng, rows*cols, 1), rows, cols)}
	opt, err := New([]Param{p}, Config{Rule: Dion})
	if err != nil {
		t.Fatal(err)
	}
	var s []float64
	opt.Observe(nil, func(_ Param, u *tensor.Dense) {
		if s, err = SingularValues(u); err != nil {
			t.Fatal(err)
		}
	})
	opt.Step(1)
	var sq float64
	for _, v := range s[:rank] {
		sq += v * v
	}
	scale := float64(rows) / float64(cols)
	if wantSq := rank * scale; math.Abs(sq-wantSq) > 1e-4*wantSq || s[rank] > 1e-5 {
		t.Errorf("singular values %.3g: squares sum to %.6f, want %g, and none beyond the %dth", s, sq, wantSq, rank)
	}
}

// Gradients of low rank, and none at all, are nothing special to Dion: every value stays finite, a gradient of zero
// moves nothing, and the update has the rank that there is.
func TestDionWithoutDirections(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	const rows, cols = 24, 20
	p := Param{Name: "w", Muon: true, Value: dense[float32](make([]float64, rows*cols), rows, cols), Grad: dense[float32](make([]float64, rows*cols), rows, cols)}
	opt, err := New([]Param{p}, Config{Rule: Dion, Rank: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	if st := opt.Step(1); st.UpdateRMS["other"] != 0 || slices.ContainsFunc(p.Value.Float32s(), func(v float32) bool { return v != 0 }) {
		t.Errorf("without a gradient the weights moved by %g", st.UpdateRMS["other"])
	}
	a, b := normals(rng, rows, 1), normals(rng, cols, 1) // a gradient of rank two
	c, d := normals(rng, rows, 1), normals(rng, cols, 1)
	g := p.Grad.Float32s()
	for i := range rows {
		for j := range cols {
			g[i*cols+j] = float32(a[i]*b[j] + c[i]*d[j])
		}
	}
	opt.Step(1)
	s, err := SingularValues(p.Value)
	if err != nil {
		t.Fatal(err)
	}
	if s[1] < 0.1 || s[2] > 1e-4 {
		t.Errorf("singular values %.3g after a gradient of rank two, want two", s)
	}
	for range 20 {
		copyDense(p.Grad, dense[float32](normals(rng, rows*cols, 1), rows, cols))
		opt.Step(0.1)
	}
	if err := opt.CheckValues(); err != nil {
		t.Error(err)
	}
	if s, _ = SingularValues(p.Value); s[9] < 0.1 {
		t.Errorf("singular values %.3g: directions that were left out have not come back", s)
	}
}

// A matrix cut into blocks is updated as the blocks alone would be, each under its own name.
func TestBlocksAreMatricesOfTheirOwn(t *testing.T) {
	const heads, rows, cols = 3, 60, 45
	rng := rand.New(rand.NewPCG(8, 8))
	for _, rule := range []Class{Muon, PlainMuon, NorMuon} {
		start, grad := normals(rng, rows*cols, 0.1), normals(rng, rows*cols, 1)
		whole := Param{Name: "q_proj", Muon: true, Value: dense[float32](start, rows, cols), Grad: dense[float32](grad, rows, cols)}
		var parts []Param
		for h := range heads {
			lo, hi := h*rows/heads*cols, (h+1)*rows/heads*cols
			parts = append(parts, Param{
				Name: fmt.Sprint("head.", h), Muon: true,
				Value: dense[float32](start[lo:hi], rows/heads, cols), Grad: dense[float32](grad[lo:hi], rows/heads, cols),
			})
		}
		a, err := New([]Param{whole}, Config{Rule: rule, Blocks: func(Param) int { return heads }})
		if err != nil {
			t.Fatal(err)
		}
		b, err := New(parts, Config{Rule: rule})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			sa, sb := a.Step(0.1), b.Step(0.1)
			wantClose(t, "update RMS", []float64{sa.UpdateRMS["other"]}, []float64{sb.UpdateRMS["other"]}, 1e-12)
		}
		for h, p := range parts {
			n := rows / heads * cols
			wantSameBits(t, fmt.Sprint(rule, " head ", h), whole.Value.Float32s()[h*n:(h+1)*n], p.Value.Float32s())
		}
	}
}

func TestRivalsIndependentOfThreads(t *testing.T) {
	old := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(old)
	for name, cfg := range rivals {
		var want [][]float32
		for _, procs := range []int{1, 2, 5} {
			runtime.GOMAXPROCS(procs)
			params := testModel[float32](2)
			opt := newTestOptimizer[float32](t, params, cfg)
			for step := range 2 {
				fillGrads[float32](params, step)
				opt.Step(1e-2)
			}
			var got [][]float32
			for _, p := range params {
				got = append(got, p.Value.Float32s())
			}
			for _, s := range opt.State().Tensors {
				got = append(got, s.Value.Float32s())
			}
			if want == nil {
				want = got
			}
			for i := range got {
				wantSameBits(t, fmt.Sprintf("%s, GOMAXPROCS %d, array %d", name, procs, i), got[i], want[i])
			}
		}
	}
}

func TestRivalsContinueBitForBit(t *testing.T) {
	for name, cfg := range rivals {
		params, again := testModel[float32](7), testModel[float32](8)
		run := func(o *Optimizer, p []Param, from, to int) {
			for step := from; step < to; step++ {
				fillGrads[float32](p, step)
				o.Step(1e-2)
			}
		}
		opt := newTestOptimizer[float32](t, params, cfg)
		run(opt, params, 0, 2)
		state := saved(opt.State())
		other := newTestOptimizer[float32](t, again, cfg)
		run(other, again, 0, 1) // what it did before must not show
		if err := other.LoadState(state); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i, p := range params {
			copyDense(again[i].Value, p.Value)
		}
		run(opt, params, 2, 4)
		run(other, again, 2, 4)
		for i, p := range params {
			wantSameBits(t, name+" "+p.Name, again[i].Value.Float32s(), p.Value.Float32s())
		}
		for i, s := range opt.State().Tensors {
			wantSameBits(t, name+" "+s.Name, other.State().Tensors[i].Value.Float32s(), s.Value.Float32s())
		}
	}
}

// After Reset an optimizer is as new, Dion's basis included.
func TestRivalsReset(t *testing.T) {
	for name, cfg := range rivals {
		params := testModel[float32](10)
		opt := newTestOptimizer[float32](t, params, cfg)
		fresh := saved(opt.State())
		fillGrads[float32](params, 0)
		opt.Step(0.1)
		opt.Reset()
		for i, s := range opt.State().Tensors {
			wantSameBits(t, name+" "+s.Name, s.Value.Float32s(), fresh.Tensors[i].Value.Float32s())
		}
	}
}

// The quietest of several steps counts: a worker that first gets a matrix late makes its memory late.
func TestRivalsDoNotAllocate(t *testing.T) {
	for name, cfg := range rivals {
		cfg.Threads = 2
		params := testModel[float32](5)
		opt := newTestOptimizer[float32](t, params, cfg)
		fillGrads[float32](params, 0)
		least := uint64(math.MaxUint64)
		for range 8 {
			var a, b runtime.MemStats
			runtime.ReadMemStats(&a)
			opt.Step(1e-4)
			runtime.ReadMemStats(&b)
			least = min(least, b.TotalAlloc-a.TotalAlloc)
		}
		if least > 32<<10 {
			t.Errorf("%s: %d bytes allocated in a step, want at most 32 KiB", name, least)
		}
	}
}

// The solver of a Gorgonia program takes every rule, and Blocks when values move to other memory.
func TestSolverTakesRivals(t *testing.T) {
	for name, cfg := range rivals {
		rng := rand.New(rand.NewPCG(9, 9))
		start := normals(rng, 12*8, 1)
		solver, err := NewSolver(SolverConfig{Config: cfg, Schedule: Schedule{Peak: 0.01}})
		if err != nil {
			t.Fatal(err)
		}
		p := Param{Name: "w", Muon: true, Value: dense[float64](start, 12, 8), Grad: dense[float64](make([]float64, 12*8), 12, 8)}
		opt, err := New([]Param{p}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		v := &valueGrad{name: "w", value: dense[float64](start, 12, 8)}
		for range 3 {
			g := normals(rng, 12*8, 1)
			copyDense(p.Grad, dense[float64](g, 12, 8))
			v.value, v.grad = v.value.(*tensor.Dense).Clone().(*tensor.Dense), dense[float64](g, 12, 8)
			opt.Step(0.01)
			if err := solver.Step([]gorgonia.ValueGrad{v}); err != nil {
				t.Fatal(err)
			}
		}
		wantSameBits(t, name, v.value.(*tensor.Dense).Float64s(), p.Value.Float64s())
	}
}

func TestRivalConfigErrors(t *testing.T) {
	p := Param{Name: "w", Muon: true, Value: dense[float32](make([]float64, 6), 2, 3), Grad: dense[float32](make([]float64, 6), 2, 3)}
	for want, cfg := range map[string]Config{
		`Rule is "moun"`:          {Rule: "moun"},
		`Scale is "big"`:          {Scale: "big"},
		"Rank is 1.5":             {Rank: 1.5},
		"AdamWRatio is -1":        {AdamWRatio: -1},
		"cuts the 2 rows of w":    {Blocks: func(Param) int { return 3 }},
		`are named "quartic"`:     {NewtonSchulz: NewtonSchulz{Set: "quartic"}},
		"both Set":                {NewtonSchulz: NewtonSchulz{Set: "cubic", Coefficients: []Coefficients{quintic}}},
		"Newton-Schulz steps is ": {NewtonSchulz: NewtonSchulz{Set: "cubic", Steps: -1}},
	} {
		if _, err := New([]Param{p}, cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
}
