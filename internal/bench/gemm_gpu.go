package bench

import (
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cuda"
	"muonclip/internal/rng"
)

// GPUGemm is the rate of every product of a training step on a GPU.
type GPUGemm struct {
	Machine    Machine      `json:"machine"`
	PeakTflops float64      `json:"peak_tflops"` // of a large product of bf16 matrices
	Rows       []GPUGemmRow `json:"shapes"`
}

// GPUGemmRow is one product, or Muon's update of all matrices of one shape.
type GPUGemmRow struct {
	Model       string  `json:"model"`
	Purpose     string  `json:"purpose"`
	Product     string  `json:"product"`
	Count       int     `json:"count"` // in one step
	FLOPs       float64 `json:"flops"` // of one
	Tflops      Spread  `json:"tflops"`
	PeakShare   float64 `json:"peak_share"` // of the median
	StepSeconds float64 `json:"step_seconds"`
}

// MeasureGemmGPU measures every product of the models' training steps on the GPU of the first. Operands keep their values
// between repetitions, so what the backend keeps of them in bf16 is made once.
func MeasureGemmGPU(o GemmOptions) (res *GPUGemm, err error) {
	defer compute.Guard(&err)
	if o.Rounds == 0 {
		o.Rounds = 5
	}
	if o.Sample == 0 {
		o.Sample = 5 * time.Millisecond
	}
	be, err := OpenGPU(*o.Models[0].Step.GPU)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, be.Close()) }()
	res = &GPUGemm{Machine: describeGPU(be), PeakTflops: be.Peak() / 1e12}
	var work []gpuWork
	for _, m := range o.Models {
		more, err := gpuWorkOf(m)
		if err != nil {
			return nil, err
		}
		work = append(work, more...)
	}
	bench := newGPUBench(be, work)
	for _, w := range work {
		row := w.GPUGemmRow
		row.Tflops = spread(bench.rates(w, o))
		row.PeakShare = row.Tflops.Median / res.PeakTflops
		row.StepSeconds = float64(row.Count) * row.FLOPs / (row.Tflops.Median * 1e12)
		res.Rows = append(res.Rows, row)
	}
	return res, nil
}

// gpuWork is what a row measures: a product, or an update.
type gpuWork struct {
	GPUGemmRow
	shape Shape
	muon  *compute.MuonBatch // nil for a product; its memory is given when it is measured
}

// elements are the sizes of the three pieces of memory that the work is done on.
func (w *gpuWork) elements() [3]int {
	if m := w.muon; m != nil {
		n := m.Batch * m.Rows * m.Cols
		return [3]int{n, n, n}
	}
	s := w.shape
	return [3]int{s.Batch * s.M * s.K, s.Batch * s.K * s.N, s.Batch * s.M * s.N}
}

// gpuWorkOf lists the work of a model's step.
func gpuWorkOf(m GemmModel) ([]gpuWork, error) {
	shapes, err := StepShapes(m.Step)
	if err != nil {
		return nil, err
	}
	var all []gpuWork
	for _, s := range shapes {
		if s.Purpose == NewtonSchulz {
			continue // a part of Muon here
		}
		row := GPUGemmRow{Model: m.Name, Purpose: s.Purpose, Product: s.String(), Count: s.Count * max(1, m.Step.MicroBatches), FLOPs: s.FLOPs()}
		all = append(all, gpuWork{GPUGemmRow: row, shape: s.Shape})
	}
	return append(all, muonWork(m)...), nil
}

// muonWork is Muon on all matrices of each shape, as if they lay evenly spaced. A GPU computes symmetric products in full.
func muonWork(m GemmModel) []gpuWork {
	steps := newtonSchulzSteps(m.Step.Optim)
	count := map[[2]int]int{}
	var order [][2]int
	for _, p := range m.Step.Model.Shapes() {
		if shape := [2]int{p.Rows, p.Cols}; p.Muon {
			if count[shape] == 0 {
				order = append(order, shape)
			}
			count[shape]++
		}
	}
	var all []gpuWork
	for _, shape := range order {
		rows, cols, batch := shape[0], shape[1], count[shape]
		b := &compute.MuonBatch{Rows: rows, Cols: cols, Batch: batch, Stride: rows * cols, Mu: 0.95, Eps: 1e-7, Keep: 1, Rate: 1e-4, Nesterov: true}
		for range steps {
			b.Coefficients = append(b.Coefficients, [3]float64{3.4445, -4.7750, 2.0315})
		}
		short, long := float64(min(rows, cols)), float64(max(rows, cols))
		row := GPUGemmRow{
			Model: m.Name, Purpose: "Muon", Product: fmt.Sprintf("%d x %dx%d", batch, rows, cols), Count: 1,
			FLOPs: float64(batch*steps) * (4*short*short*long + 2*short*short*short),
		}
		all = append(all, gpuWork{GPUGemmRow: row, muon: b})
	}
	return all
}

// gpuBench is memory of the GPU that all work is done on.
type gpuBench struct {
	be      *cuda.Backend
	a, b, c []float32
	ends    []int32
}

func newGPUBench(be *cuda.Backend, work []gpuWork) *gpuBench {
	var most [3]int
	experts, matrices := 1, 1
	for _, w := range work {
		for i, n := range w.elements() {
			most[i] = max(most[i], n)
		}
		if w.muon != nil {
			matrices = max(matrices, w.muon.Batch)
		} else {
			experts = max(experts, w.shape.Batch)
		}
	}
	be.ReserveSums(2 * matrices)
	g := &gpuBench{be: be, a: be.Alloc(most[0]), b: be.Alloc(most[1]), c: be.Alloc(most[2]), ends: be.AllocInts(experts)}
	r := rng.New(1, "bench operands")
	part := make([]float32, 1<<20)
	for i := range part {
		part[i] = r.Float32() - 0.5
	}
	for _, x := range [][]float32{g.a, g.b} {
		for len(x) > 0 {
			n := min(len(x), len(part))
			be.Upload(x[:n], part[:n])
			x = x[n:]
		}
	}
	return g
}

// rates are the TFLOP/s of each round.
func (g *gpuBench) rates(w gpuWork, o GemmOptions) []float64 {
	do := g.prepare(&w)
	seconds := func(n int) float64 {
		g.be.Sync()
		start := time.Now()
		for range n {
			do()
		}
		g.be.Sync()
		return time.Since(start).Seconds()
	}
	seconds(1) // scratch memory, kernels
	n := max(1, int(math.Ceil(o.Sample.Seconds()/seconds(1))))
	var rates []float64
	for range o.Rounds {
		rates = append(rates, w.FLOPs*float64(n)/seconds(n)/1e12)
	}
	return rates
}

// prepare returns what does the work once. C is cleared first, so that sums of many repetitions stay small.
func (g *gpuBench) prepare(w *gpuWork) func() {
	n := w.elements()
	a, b, c := g.a[:n[0]], g.b[:n[1]], g.c[:n[2]]
	g.be.Zero(c)
	if m := w.muon; m != nil {
		m.G, m.M, m.W = a, b, c
		return func() { g.be.Muon(m, 0) }
	}
	p := &operands{Shape: w.shape}
	ends := make([]int32, p.Batch)
	rows := p.M
	if p.TransA {
		rows = p.K
	}
	for e := range ends {
		ends[e] = int32((e + 1) * rows)
	}
	g.be.UploadInts(g.ends[:len(ends)], ends)
	on := g.ends[:len(ends)]
	switch {
	case p.grouped && p.TransA: // dW = dyᵀ x
		return func() { g.be.GroupedGemmWeights(p.beta(), c, a, nil, b, nil, on, p.M*p.N, p.M, p.N) }
	case p.grouped:
		return func() { g.be.GroupedGemm(c, a, nil, b, on, p.K*p.N, p.N, p.K, p.TransB) }
	}
	lda, ldb := p.lds()
	return func() { g.be.Gemm(p.TransA, p.TransB, p.M, p.N, p.K, 1, a, lda, b, ldb, p.beta(), c, p.N) }
}

// Print writes the figures as a table.
func (g *GPUGemm) Print(w io.Writer) error {
	tab := newTable(w)
	tab.put("machine\t%s\npeak\t%.0f TFLOP/s\n", g.Machine, g.PeakTflops)
	if err := tab.Flush(); err != nil {
		return err
	}
	tab = newTable(w)
	tab.put("\nmodel\tpurpose\tproduct\ttimes\tTFLOP/s\tmin\tmax\tof peak\tms of a step\n")
	for _, r := range g.Rows {
		tab.put("%s\t%s\t%s\t%d\t%.1f\t%.1f\t%.1f\t%s\t%.3g\n", r.Model, r.Purpose, r.Product, r.Count, r.Tflops.Median, r.Tflops.Min, r.Tflops.Max,
			percent(r.PeakShare), r.StepSeconds*1e3)
	}
	return tab.Flush()
}
