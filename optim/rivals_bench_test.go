package optim

import (
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"
)

// BenchmarkRivals is one step of each rule over the 255 expert matrices of the mini preset.
func BenchmarkRivals(b *testing.B) {
	for _, rule := range Rules() {
		b.Run(string(rule), func(b *testing.B) {
			opt, err := New(miniExperts(), Config{Rule: rule, WeightDecay: 0.1})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				opt.Step(1e-4)
			}
		})
	}
}

// BenchmarkInstruments are the measures of one matrix of the mini preset and of a step that is observed.
func BenchmarkInstruments(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	d := dense[float32](normals(rng, 256*768, 1), 256, 768)
	b.Run("SingularValues/256x768", func(b *testing.B) {
		for b.Loop() {
			if _, err := SingularValues(d); err != nil {
				b.Fatal(err)
			}
		}
	})
	params := miniExperts()
	opt, err := New(params, Config{})
	if err != nil {
		b.Fatal(err)
	}
	opt.Step(1e-4)
	b.Run("ParamStats", func(b *testing.B) {
		var stats []ParamStats
		for b.Loop() {
			stats = opt.ParamStats(stats[:0])
		}
	})
	b.Run("ObservedStep", func(b *testing.B) {
		for b.Loop() {
			opt.Observe(nil, func(Param, *tensor.Dense) {})
			opt.Step(1e-4)
		}
	})
}
