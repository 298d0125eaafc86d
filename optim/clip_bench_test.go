package optim

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkQKClip looks at every head of the six layers of the preset mini, with all of them below the threshold and with all
// of them a little above it.
func BenchmarkQKClip(b *testing.B) {
	const layerCount, heads, nope, rope, v, latent, query = 6, 8, 32, 16, 32, 64, 128
	rng := rand.New(rand.NewPCG(1, 1))
	var layers []Attention
	for l := range layerCount {
		layers = append(layers, Attention{
			Layer: l, Heads: heads, Nope: nope, Rope: rope, V: v,
			Q:   dense[float32](normals(rng, heads*(nope+rope)*query, 0.02), heads*(nope+rope), query),
			KVB: dense[float32](normals(rng, heads*(nope+v)*latent, 0.02), heads*(nope+v), latent),
		})
	}
	for _, c := range []struct {
		name  string
		logit float64
	}{{"none", 1}, {"all", 100 * (1 + 1e-9)}} { // so near that the weights stay as they are
		b.Run(c.name, func(b *testing.B) {
			logits := NewMaxLogits(layerCount, heads)
			for l := range layerCount {
				for h := range heads {
					logits.Observe(l, h, c.logit)
				}
			}
			events := 0
			for b.Loop() {
				done, err := QKClip{Tau: 100}.Apply(layers, logits)
				if err != nil {
					b.Fatal(err)
				}
				events = len(done)
			}
			b.ReportMetric(float64(events), "heads-clipped")
		})
	}
}

// BenchmarkClipGradNorm measures the norm of the gradients of the expert matrices of the preset mini, and scaling them.
func BenchmarkClipGradNorm(b *testing.B) {
	params := miniExperts()
	opt, err := New(params, Config{})
	if err != nil {
		b.Fatal(err)
	}
	var elems int64
	for _, p := range params {
		elems += int64(p.Grad.Shape().TotalSize())
	}
	for _, c := range []struct {
		name   string
		passes int64 // over the gradients, reads and writes
		step   func() error
	}{
		{"norm", 1, func() error {
			_, err := opt.ClipGradNorm(0)
			return err
		}},
		{"scale", 2, func() error {
			opt.core.scaleGrads(1)
			return nil
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(4 * c.passes * elems)
			for b.Loop() {
				if err := c.step(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
