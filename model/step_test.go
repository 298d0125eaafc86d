package model_test

import (
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
	"muonclip/internal/naive"
	"muonclip/model"
)

// fresh returns a model with drawn weights and a batch for it.
func fresh[T compute.Float](t *testing.T, cfg model.Config, threads, rows, cols int) (*model.Model[T], model.Input) {
	t.Helper()
	m, err := model.New(cfg, cpu.New[T](threads))
	if err != nil {
		t.Fatal(err)
	}
	m.Init(1)
	for _, bias := range m.RouterBiases() {
		for e := range bias {
			bias[e] = T(0.02 * math.Sin(float64(e)))
		}
	}
	in := input(naive.RandomTokens(cfg.VocabSize, rows, cols, 8), documents(rows, cols))
	in.Targets[cols/2] = -1
	if err := m.Check(in); err != nil {
		t.Fatal(err)
	}
	return m, in
}

// gradients copies all gradients.
func gradients[T compute.Float](m *model.Model[T]) []T {
	var all []T
	for _, p := range m.Params() {
		all = append(all, p.Grad...)
	}
	return all
}

// TestDirectionalDerivative moves all weights along a random direction and compares the change of the
// loss with the gradient, for sequences that take more than one block of queries.
func TestDirectionalDerivative(t *testing.T) {
	const rows, cols, h = 2, 70, 2e-6
	for name, cfg := range variants() {
		m, in := fresh[float64](t, cfg, 2, rows, cols)
		loss := func() float64 {
			m.ResetStats()
			return sum(m.Step(in, 1, float64(rows*cols))) + m.AuxLoss()
		}
		loss()
		r := rand.New(rand.NewPCG(5, 5))
		var along float64
		var direction [][]float64
		for _, p := range m.Params() {
			d := make([]float64, len(p.Value))
			if p.Trained {
				for i := range d {
					d[i] = r.NormFloat64() * 0.05
					along += d[i] * p.Grad[i]
				}
			}
			direction = append(direction, d)
		}
		load := wide(m.ExpertLoads()...)
		var diff float64
		for _, term := range []struct{ step, factor float64 }{{-2, 1}, {-1, -8}, {1, 8}, {2, -1}} {
			for i, p := range m.Params() {
				for j, d := range direction[i] {
					p.Value[j] += term.step * h * d
				}
			}
			diff += term.factor * loss() / (12 * h)
			if relativeError(wide(m.ExpertLoads()...), load) != 0 {
				t.Fatalf("%s: a token changed its expert, the loss is not smooth here", name)
			}
			for i, p := range m.Params() {
				for j, d := range direction[i] {
					p.Value[j] -= term.step * h * d
				}
			}
		}
		// Differences of a loss of some hundred nats are exact to about 1e-7, whatever the derivative.
		if err := math.Abs(diff-along) / math.Max(math.Abs(along), 1); !(err < 5e-7) {
			t.Errorf("%s: derivative %.12g, differences %.12g, error %.1e", name, along, diff, err)
		} else {
			t.Logf("%s: error %.1e", name, err)
		}
	}
}

// TestMicroBatches: four passes over one row each give the gradient, the statistics and the auxiliary
// loss of one pass over four rows.
func TestMicroBatches(t *testing.T) {
	const rows, cols = 4, 33
	for name, cfg := range variants() {
		whole, in := fresh[float64](t, cfg, 2, rows, cols)
		parts, _ := fresh[float64](t, cfg, 2, rows, cols)
		scale := 1 / float64(rows*cols-1)
		losses := wide(whole.Step(in, scale, 1))
		var partLosses []float64
		for b := range rows {
			lo, hi := b*cols, (b+1)*cols
			part := model.Input{Rows: 1, Cols: cols, IDs: in.IDs[lo:hi], Targets: in.Targets[lo:hi], DocStart: in.DocStart[lo:hi]}
			partLosses = append(partLosses, parts.Step(part, scale, 1.0/rows)...)
		}
		const tolerance = 1e-13
		near(t, name+": losses", partLosses, losses, tolerance)
		near(t, name+": gradients", gradients(parts), gradients(whole), tolerance)
		near(t, name+": max logits", wide(parts.MaxLogits()...), wide(whole.MaxLogits()...), tolerance)
		near(t, name+": expert load", wide(parts.ExpertLoads()...), wide(whole.ExpertLoads()...), 0)
		near(t, name+": auxiliary loss", []float64{parts.AuxLoss()}, []float64{whole.AuxLoss()}, tolerance)
		parts.ZeroGrad()
		parts.ResetStats()
		if g := gradients(parts); relativeError(g, make([]float64, len(g))) != 0 || sum(wide(parts.ExpertLoads()...)) != 0 || parts.AuxLoss() != 0 || !math.IsInf(parts.MaxLogits()[0][0], -1) {
			t.Errorf("%s: ZeroGrad and ResetStats left something", name)
		}
	}
}

// TestThreadsDoNotMatter: a step in float32 has the same bits on any number of threads and processors.
func TestThreadsDoNotMatter(t *testing.T) {
	const rows, cols = 3, 70
	for name, cfg := range variants() {
		var want []float32
		for _, threads := range []int{1, 2, 3, 5} {
			for _, procs := range []int{1, 2} {
				old := runtime.GOMAXPROCS(procs)
				m, in := fresh[float32](t, cfg, threads, rows, cols)
				got := append([]float32(nil), m.Step(in, 1, 1)...)
				got = append(got, m.Step(in, 1, 1)...) // with memory that has been used
				got = append(got, gradients(m)...)
				for _, heads := range m.MaxLogits() {
					got = append(got, heads...)
				}
				runtime.GOMAXPROCS(old)
				if want == nil {
					want = got
				}
				for i, v := range got {
					if math.Float32bits(v) != math.Float32bits(want[i]) {
						t.Fatalf("%s: element %d is %g on %d threads, %g on one", name, i, v, threads, want[i])
					}
				}
			}
		}
	}
}

// TestSteadyState: from the third step on the tape's memory stays and next to nothing is allocated.
func TestSteadyState(t *testing.T) {
	cfg := tiny()
	cfg.VocabSize, cfg.HiddenSize, cfg.NumHiddenLayers = 1024, 64, 4
	cfg.AuxLossAlpha, cfg.SeqAux = 0.01, true
	m, in := fresh[float32](t, cfg, 2, 4, 100)
	m.Step(in, 1, 1)
	memory := m.Memory()
	m.Step(in, 1, 1)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m.Step(in, 1, 1)
	runtime.ReadMemStats(&after)
	bytes := after.TotalAlloc - before.TotalAlloc
	t.Logf("%d bytes in %d allocations a step, %d elements on the tape", bytes, after.Mallocs-before.Mallocs, memory)
	if bytes > 1<<20 {
		t.Errorf("a step allocates %d bytes, want less than a megabyte", bytes)
	}
	if m.Memory() != memory {
		t.Errorf("the tape holds %d elements after three steps, %d after one", m.Memory(), memory)
	}
}

// TestInspect plants a NaN in a weight and wants to hear of the operation that meets it first.
func TestInspect(t *testing.T) {
	for _, c := range []struct {
		weight, op string
		layer      int
	}{
		{"model.embed_tokens.weight", "embedding", -1},
		{"model.layers.0.self_attn.kv_a_layernorm.weight", "norm", 0},
		{"model.layers.1.self_attn.o_proj.weight", "linear", 1},
		{"model.layers.0.mlp.down_proj.weight", "feed-forward", 0},
		{"model.layers.2.mlp.experts.7.up_proj.weight", "experts", 2},
		{"model.layers.2.mlp.shared_experts.up_proj.weight", "feed-forward", 2},
		{"model.norm.weight", "norm", -1},
		{"lm_head.weight", "loss", -1},
	} {
		m, in := fresh[float32](t, tiny(), 2, 2, 40)
		weights := m.Param(c.weight).Value
		for i := range weights {
			weights[i] = float32(math.NaN())
		}
		var op string
		var layer int
		m.Inspect(func(name string, l int, backward bool, data []float32) {
			for _, v := range data {
				if v != v && op == "" && !backward {
					op, layer = name, l
				}
			}
		})
		m.Step(in, 1, 1)
		if op != c.op || layer != c.layer {
			t.Errorf("NaN in %s: seen first in %q of layer %d, want %q of layer %d", c.weight, op, layer, c.op, c.layer)
		}
		op = ""
		m.Inspect(nil)
		m.Step(in, 1, 1)
		if op != "" {
			t.Error("still inspected after Inspect(nil)")
		}
	}
}

func TestCheck(t *testing.T) {
	m, good := fresh[float32](t, tiny(), 1, 2, 5)
	for name, c := range map[string]struct {
		change func(in *model.Input)
		want   string
	}{
		"too long":           {func(in *model.Input) { in.Cols = 129 }, "longer than max_position_embeddings 128"},
		"wrong count":        {func(in *model.Input) { in.IDs = in.IDs[1:] }, "9 ids, 10 targets, 10 document starts and 0 weights for 2 sequences of 5 tokens"},
		"empty":              {func(in *model.Input) { in.Rows = 0 }, "0 sequences of 5 tokens is empty"},
		"few targets":        {func(in *model.Input) { in.Targets = in.Targets[:4] }, "10 ids, 4 targets"},
		"few starts":         {func(in *model.Input) { in.DocStart = make([]int32, 3) }, "3 document starts"},
		"few weights":        {func(in *model.Input) { in.Weights = make([]float32, 9) }, "9 weights"},
		"start ahead":        {func(in *model.Input) { in.DocStart = []int32{0, 2, 2, 2, 2, 0, 0, 0, 0, 0} }, "document start 2 at sequence 0 position 1"},
		"falling start":      {func(in *model.Input) { in.DocStart = []int32{0, 0, 0, 0, 0, 0, 1, 0, 0, 0} }, "document start 0 at sequence 1 position 2"},
		"negative id":        {func(in *model.Input) { in.IDs[7] = -1 }, "token id -1 at sequence 1 position 2"},
		"id of another size": {func(in *model.Input) { in.IDs[0] = 97 }, "outside the vocabulary of 97"},
		"foreign target":     {func(in *model.Input) { in.Targets[9] = 97 }, "target id 97 at sequence 1 position 4"},
		"negative target":    {func(in *model.Input) { in.Targets[0] = -2 }, "target id -2"},
	} {
		bad := good
		bad.IDs, bad.Targets = append([]int32(nil), good.IDs...), append([]int32(nil), good.Targets...)
		c.change(&bad)
		if err := m.Check(bad); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, c.want)
		}
	}
}

// TestRenew: gradients that are declared void are overwritten, those of parameters that a step does not reach become
// zero, and a second micro-batch adds to the first.
func TestRenew(t *testing.T) {
	const rows, cols = 2, 17
	for name, cfg := range variants() {
		cleared, in := fresh[float64](t, cfg, 2, rows, cols)
		void, _ := fresh[float64](t, cfg, 2, rows, cols)
		void.Step(in, 3, 1) // leaves something behind
		void.Renew()
		void.ResetStats()
		for range 2 {
			cleared.Step(in, 0.5, 1)
			void.Step(in, 0.5, 1)
			near(t, name+": gradients", gradients(void), gradients(cleared), 0)
		}
		void.Renew()
		for i := range in.Targets {
			in.Targets[i] = -1
		}
		void.Step(in, 0.5, 0)
		if g := gradients(void); relativeError(g, make([]float64, len(g))) != 0 {
			t.Errorf("%s: a step without targets left gradients", name)
		}
	}
}
