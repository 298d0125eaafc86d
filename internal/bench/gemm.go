package bench

import (
	"math"
	"time"

	"muonclip/internal/compute/cpu"
	"muonclip/internal/rng"
)

// GemmModel is a model whose products are measured.
type GemmModel struct {
	Name string // for the table
	Step TrainOptions
}

// GemmOptions says which matrix products to measure.
type GemmOptions struct {
	Models  []GemmModel
	Threads []int         // each is measured; nil means one and those of the first model's step
	Rounds  int           // alternations of ours and theirs; 0 means 5
	Sample  time.Duration // least length of one measurement; 0 means 5 ms
	Library string        // of OpenBLAS; "" means the system's
}

// GemmRate is one shape with one number of threads. Rates are in GFLOP/s.
type GemmRate struct {
	Threads   int     `json:"threads"`
	Ours      Spread  `json:"ours_gflops"`
	Theirs    *Spread `json:"openblas_gflops,omitempty"` // nil where there is no OpenBLAS
	Ratio     float64 `json:"ratio,omitempty"`           // median over the rounds of ours / theirs
	PeakShare float64 `json:"peak_share"`                // of the median of ours
}

// GemmRow is one shape.
type GemmRow struct {
	CountedShape
	Model string     `json:"model"`
	Rates []GemmRate `json:"rates"` // in the order of Gemm.Summary
}

// GemmSummary is all shapes together for one number of threads.
type GemmSummary struct {
	Threads    int     `json:"threads"`
	PeakGflops float64 `json:"peak_gflops"` // ours, of a product of 1024 cubed
	Geomean    float64 `json:"ratio_geometric_mean,omitempty"`
	Least      float64 `json:"ratio_least,omitempty"`
	LeastShape string  `json:"ratio_least_shape,omitempty"`
	Weighted   float64 `json:"ratio_of_total_time,omitempty"` // their time over ours for all products of one step of every model
	PeakShare  float64 `json:"peak_share"`                    // all products of one step of every model, over the peak
}

// Gemm is what was measured.
type Gemm struct {
	Machine  Machine       `json:"machine"`
	OpenBLAS string        `json:"openblas"`         // version and build, "" where absent
	Absent   string        `json:"absent,omitempty"` // why
	Rows     []GemmRow     `json:"shapes"`
	Summary  []GemmSummary `json:"summary"`
}

// MeasureGemm measures every product of the models' training steps, in turn with OpenBLAS where it can be loaded.
func MeasureGemm(o GemmOptions) (*Gemm, error) {
	if o.Rounds == 0 {
		o.Rounds = 5
	}
	if o.Sample == 0 {
		o.Sample = 5 * time.Millisecond
	}
	if o.Threads == nil {
		o.Threads = []int{1}
		if all := cpu.New[float32](o.Models[0].Step.Threads).Threads(); all > 1 {
			o.Threads = append(o.Threads, all)
		}
	}
	blas, err := LoadOpenBLAS(o.Library)
	res := &Gemm{}
	if err != nil {
		res.Absent = err.Error()
	} else {
		res.OpenBLAS = blas.Version
	}
	for _, m := range o.Models {
		shapes, err := StepShapes(m.Step)
		if err != nil {
			return nil, err
		}
		for _, s := range shapes {
			res.Rows = append(res.Rows, GemmRow{CountedShape: s, Model: m.Name})
		}
	}
	for _, threads := range o.Threads {
		be := cpu.New[float32](threads)
		res.Machine = DescribeMachine(be.Kernels(), 0)
		peak := be.Peak() / 1e9
		measured := map[Shape]GemmRate{}
		for i := range res.Rows {
			row := &res.Rows[i]
			rate, ok := measured[row.Shape]
			if !ok {
				if rate, err = measureShape(be, blas, row.Shape, o); err != nil {
					return nil, err
				}
				measured[row.Shape] = rate
			}
			row.Rates = append(row.Rates, rate)
		}
		peak = max(peak, be.Peak()/1e9)
		for i := range res.Rows {
			rate := &res.Rows[i].Rates[len(res.Summary)]
			rate.PeakShare = rate.Ours.Median / peak
		}
		res.Summary = append(res.Summary, summarize(res.Rows, len(res.Summary), threads, peak))
	}
	return res, nil
}

// measureShape alternates ours with theirs, each while nothing is left of the other.
func measureShape(be *cpu.Backend[float32], blas *OpenBLAS, s Shape, o GemmOptions) (GemmRate, error) {
	p := newProduct(s)
	var ours, theirs, ratios []float64
	for range o.Rounds {
		a := p.rate(func() { p.ours(be) }, o.Sample)
		ours = append(ours, a)
		if blas != nil {
			blas.Threads(be.Threads())
			b := p.rate(func() { p.theirs(blas) }, o.Sample)
			theirs, ratios = append(theirs, b), append(ratios, a/b)
			if err := blas.Settle(); err != nil {
				return GemmRate{}, err
			}
		}
	}
	r := GemmRate{Threads: be.Threads(), Ours: spread(ours)}
	if blas != nil {
		t := spread(theirs)
		r.Theirs, r.Ratio = &t, spread(ratios).Median
	}
	return r, nil
}

func summarize(rows []GemmRow, i, threads int, peak float64) GemmSummary {
	s := GemmSummary{Threads: threads, PeakGflops: peak, Least: math.Inf(1)}
	var ratios []float64
	var work, ours, theirs float64
	seen := map[Shape]bool{}
	for _, row := range rows {
		r := row.Rates[i]
		gflop := float64(row.Count) * row.FLOPs() / 1e9
		work += gflop
		ours += gflop / r.Ours.Median
		if r.Theirs == nil {
			continue
		}
		theirs += gflop / r.Theirs.Median
		if seen[row.Shape] { // models share it
			continue
		}
		seen[row.Shape] = true
		ratios = append(ratios, r.Ratio)
		if r.Ratio < s.Least {
			s.Least, s.LeastShape = r.Ratio, row.Model+" "+row.Shape.String()
		}
	}
	s.PeakShare = work / ours / peak
	if len(ratios) == 0 {
		s.Least = 0
		return s
	}
	s.Geomean, s.Weighted = geomean(ratios), theirs/ours
	return s
}

// operands is one shape with memory to work on.
type operands struct {
	Shape
	a, b, c []float32
	ends    []int32
}

// sideBySide is how many equal small matrices of the optimizer are measured together. In training other shapes run beside
// them, so what matters is that every core has the same work.
const sideBySide = 16

func newProduct(s Shape) *operands {
	if s.Purpose == NewtonSchulz {
		if s.Batch = sideBySide; s.large {
			s.Batch = 1
		}
	}
	p := &operands{Shape: s}
	r := rng.New(1, "bench operands")
	fill := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = r.Float32() - 0.5
		}
		return x
	}
	p.a, p.c = fill(s.Batch*s.M*s.K), make([]float32, s.Batch*s.M*s.N)
	if !s.Symmetric {
		p.b = fill(s.Batch * s.K * s.N)
	}
	rows := s.M
	if s.TransA {
		rows = s.K
	}
	for e := range s.Batch {
		p.ends = append(p.ends, int32((e+1)*rows))
	}
	return p
}

// lds are the distances between rows.
func (p *operands) lds() (lda, ldb int) {
	lda, ldb = p.K, p.N
	if p.TransA {
		lda = p.M
	}
	if p.TransB {
		ldb = p.K
	}
	return lda, ldb
}

func (p *operands) beta() float32 {
	if p.Add {
		return 1
	}
	return 0
}

// one is the e-th product of the batch.
func (p *operands) one(e int) (a, b, c []float32) {
	a, c = p.a[e*p.M*p.K:(e+1)*p.M*p.K], p.c[e*p.M*p.N:(e+1)*p.M*p.N]
	if !p.Symmetric {
		b = p.b[e*p.K*p.N : (e+1)*p.K*p.N]
	}
	return a, b, c
}

// theirs does the batch one after the other, each on all threads.
func (p *operands) theirs(blas *OpenBLAS) {
	lda, ldb := p.lds()
	for e := range p.Batch {
		a, b, c := p.one(e)
		if p.Symmetric {
			blas.Syrk(p.M, p.K, a, lda, p.beta(), c, p.N)
		} else {
			blas.Gemm(p.TransA, p.TransB, p.M, p.N, p.K, a, lda, b, ldb, p.beta(), c, p.N)
		}
	}
}

// ours does the batch as training does: experts by the grouped kernels, small matrices of the optimizer one on each
// thread, and what is large on all of them.
func (p *operands) ours(be *cpu.Backend[float32]) {
	lda, ldb := p.lds()
	switch {
	case p.grouped && p.TransA: // dW = dyᵀ x
		be.GroupedGemmWeights(1, p.c, p.a, nil, p.b, nil, p.ends, p.M*p.N, p.M, p.N)
	case p.grouped:
		be.GroupedGemm(p.c, p.a, nil, p.b, p.ends, p.K*p.N, p.N, p.K, p.TransB)
	case p.Batch > 1:
		be.For(p.Batch, func(w *cpu.Worker[float32], e int) {
			a, b, c := p.one(e)
			if p.Symmetric {
				w.Syrk(p.M, p.K, 1, a, lda, p.beta(), c, p.N)
			} else {
				w.Gemm(p.TransA, p.TransB, p.M, p.N, p.K, 1, a, lda, b, ldb, p.beta(), c, p.N)
			}
		})
	case p.Symmetric:
		be.Syrk(p.M, p.K, 1, p.a, lda, p.beta(), p.c, p.N)
	default:
		be.Gemm(p.TransA, p.TransB, p.M, p.N, p.K, 1, p.a, lda, p.b, ldb, p.beta(), p.c, p.N)
	}
}

// rate is the GFLOP/s of f, which does the batch once, repeated for at least the sample's time after one call that is not
// counted. C is cleared first, so that sums of many repetitions stay small.
func (p *operands) rate(f func(), sample time.Duration) float64 {
	clear(p.c)
	start := time.Now()
	f()
	n := max(1, int(math.Ceil(sample.Seconds()/time.Since(start).Seconds())))
	start = time.Now()
	for range n {
		f()
	}
	return p.FLOPs() * float64(n) / time.Since(start).Seconds() / 1e9
}
