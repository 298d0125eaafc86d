package optim

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"
)

// miniExperts are the expert matrices of the mini preset: 5 layers of 16 experts and a shared one.
func miniExperts() []Param {
	rng := rand.New(rand.NewPCG(1, 1))
	var params []Param
	for e := range 5 * 17 {
		for i, shape := range [][]int{{128, 256}, {128, 256}, {256, 128}} {
			n := shape[0] * shape[1]
			params = append(params, Param{
				Name: fmt.Sprintf("experts.%d.%d", e, i), Kind: "expert", Muon: true,
				Value: dense[float32](normals(rng, n, 0.02), shape...), Grad: dense[float32](normals(rng, n, 1), shape...),
			})
		}
	}
	return params
}

// flops counts the multiplications and additions of five Newton-Schulz steps, symmetric products at half cost.
func flops(params []Param) float64 {
	var f float64
	for _, p := range params {
		if p.Muon {
			rows, cols := rowsCols(p.Value)
			m, n := float64(min(rows, cols)), float64(max(rows, cols))
			f += 5 * (m*m*n + m*m*m + 2*m*m*n)
		}
	}
	return f
}

// BenchmarkStepMiniExperts is one Muon step over the 255 expert matrices of the mini preset.
func BenchmarkStepMiniExperts(b *testing.B) {
	params := miniExperts()
	opt, err := New(params, Config{WeightDecay: 0.1})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		opt.Step(1e-4)
	}
	b.ReportMetric(flops(params)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

// BenchmarkStepLargeMatrix is one Muon step over a single matrix that all workers share.
func BenchmarkStepLargeMatrix(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	n := 1024 * 1536
	params := []Param{{
		Name: "w", Muon: true,
		Value: dense[float32](normals(rng, n, 0.02), 1024, 1536), Grad: dense[float32](normals(rng, n, 1), 1024, 1536),
	}}
	opt, err := New(params, Config{WeightDecay: 0.1})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		opt.Step(1e-4)
	}
	b.ReportMetric(flops(params)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

// BenchmarkAdamW is one AdamW step over the embedding and the head of the mini preset.
func BenchmarkAdamW(b *testing.B) {
	n := 2 * 4096 * 256
	rng := rand.New(rand.NewPCG(1, 1))
	params := []Param{{Name: "w", Value: dense[float32](normals(rng, n, 0.02), n), Grad: dense[float32](normals(rng, n, 1), n)}}
	opt, err := New(params, Config{WeightDecay: 0.1})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(n * 4))
	for b.Loop() {
		opt.Step(1e-4)
	}
}

// BenchmarkOrthogonalize is Newton-Schulz alone, with its allocations.
func BenchmarkOrthogonalize(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, s := range [][2]int{{128, 256}, {256, 128}, {512, 512}} {
		g := dense[float32](normals(rng, s[0]*s[1], 1), s[0], s[1])
		b.Run(fmt.Sprintf("%dx%d", s[0], s[1]), func(b *testing.B) {
			var out *tensor.Dense
			for b.Loop() {
				out, _ = NewtonSchulz{}.Orthogonalize(g)
			}
			_ = out
		})
	}
}
