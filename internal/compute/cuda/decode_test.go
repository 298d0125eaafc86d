package cuda

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"muonclip/internal/compute/cpu"
	"muonclip/model"
	"muonclip/model/generate"
)

// generating is a small model of every kind that generates in its own way.
func generating() map[string]model.Config {
	latent := small()
	latent.AuxLossAlpha, latent.SeqAux, latent.MaxPositionEmbeddings, latent.InitializerRange = 0, false, 1024, 0.2
	dense := latent
	dense.NRoutedExperts, dense.NSharedExperts, dense.NumExpertsPerTok, dense.QLoraRank, dense.NumHiddenLayers = 0, 0, 0, 0, 2
	unshared := latent
	unshared.NSharedExperts, unshared.FirstKDenseReplace, unshared.NumHiddenLayers = 0, 0, 2
	grouped := dense
	grouped.KVLoraRank, grouped.HeadDim, grouped.NumKeyValueHeads, grouped.TieWordEmbeddings = 0, 10, 2, true
	normed := unshared
	normed.KVLoraRank, normed.QLoraRank, normed.HeadDim, normed.NumKeyValueHeads, normed.QKNorm = 0, 0, 12, 1, true
	return map[string]model.Config{
		"latent, experts": latent, "latent, dense": dense, "latent, no shared expert": unshared, "grouped, tied": grouped, "grouped, experts, normalised heads": normed,
	}
}

type (
	engine   = generate.Engine[float32]
	sequence = generate.Sequence[float32]
)

// engines makes an engine on a processor and one on the fake device over the same weights.
func engines(t *testing.T, cfg model.Config, o Options) (host, dev *engine, be *Backend, f *fake) {
	t.Helper()
	h, d, be, f := pair(t, cfg, o)
	return generate.New(h, cpu.New[float32](1)), generate.New(d, be), be, f
}

func tokens(seed uint64, n, vocab int) []int32 {
	r := rand.New(rand.NewPCG(seed, 3))
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(r.IntN(vocab))
	}
	return ids
}

// converse reads prompts of many lengths together, advances several sequences, forks one within a page, forgets a part of one,
// uses pages again and reads a long prompt. It returns all logits.
func converse(t *testing.T, e *engine) [][]float32 {
	t.Helper()
	vocab := e.Config().VocabSize
	var all [][]float32
	keep := func(logits []float32, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, slices.Clone(logits))
	}
	a, b, c := e.NewSequence(), e.NewSequence(), e.NewSequence()
	seqs := []*sequence{a, b, c}
	keep(e.Prefill(seqs, tokens(1, 3, vocab), tokens(2, 70, vocab), tokens(3, 1, vocab)))
	keep(e.Step(seqs, []int32{5, 6, 7}))
	fork := b.Fork()
	keep(e.Step([]*sequence{fork, b, a}, []int32{8, 9, 10}))
	keep(e.Step([]*sequence{b, fork}, []int32{11, 11}))
	a.Release()
	b.Truncate(64)
	long := e.NewSequence()
	keep(e.Prefill([]*sequence{long, b, c}, tokens(6, 514, vocab), tokens(4, 2, vocab), tokens(5, 66, vocab)))
	keep(e.Step([]*sequence{c, fork, long, b}, []int32{1, 2, 3, 4}))
	keep(e.Step([]*sequence{c, fork, long, b}, []int32{1, 2, 3, 4}))
	for _, s := range []*sequence{b, c, fork, long} {
		s.Release()
	}
	return all
}

// compareConversation holds an engine against one on a processor, and against itself when all is done again.
func compareConversation(t *testing.T, host, dev *engine, tolerance float64) {
	t.Helper()
	want, got := converse(t, host), converse(t, dev)
	for i, w := range want {
		if d := distance(got[i], w); !(d <= tolerance) {
			t.Errorf("logits of call %d: relative error %.1e", i, d)
		}
	}
	for i, again := range converse(t, dev) {
		if !slices.Equal(again, got[i]) {
			t.Errorf("logits of call %d have other bits the second time", i)
		}
	}
}

// TestManySequences: steps of one size that is rounded up from several numbers of sequences are one graph, which sees the tokens
// of each.
func TestManySequences(t *testing.T) {
	cfg := generating()["latent, dense"]
	cfg.NumHiddenLayers = 1
	host, dev, _, f := engines(t, cfg, Options{})
	const all = 1000
	steps := func(e *engine) (last []float32) {
		seqs, prompts := make([]*sequence, all), make([][]int32, all)
		for i := range seqs {
			seqs[i], prompts[i] = e.NewSequence(), tokens(uint64(i), 1, cfg.VocabSize)
		}
		prompts[0] = tokens(1, 257, cfg.VocabSize)
		if err := e.Read(seqs, prompts...); err != nil {
			t.Fatal(err)
		}
		for i, n := range []int{600, 600, 600, all} {
			if err := e.Advance(seqs[:n], tokens(uint64(i), n, cfg.VocabSize)); err != nil {
				t.Fatal(err)
			}
		}
		last, err := e.Logits()
		if err != nil {
			t.Fatal(err)
		}
		return last
	}
	if d := distance(steps(dev), steps(host)); !(d <= 1e-4) {
		t.Errorf("logits: relative error %.1e", d)
	}
	if !slices.Contains(f.started(), "replay") {
		t.Error("no step was repeated as a graph")
	}
}

// TestGenerate: an engine on the device has the logits of one on a processor, and the same bits when all is done again.
func TestGenerate(t *testing.T) {
	for name, cfg := range generating() {
		t.Run(name, func(t *testing.T) {
			host, dev, _, f := engines(t, cfg, Options{})
			compareConversation(t, host, dev, 1e-4)
			if !slices.Contains(f.started(), "replay") {
				t.Error("no step was repeated as a graph")
			}
		})
	}
}

// TestGenerateBF16: with operands and cache rounded to bfloat16 the logits are near those of float32, of models that have no
// experts, or no choice among them.
func TestGenerateBF16(t *testing.T) {
	all := generating()
	wide := all["latent, dense"]
	wide.QKRopeHeadDim = 16 // so that the tensor cores take it
	experts := all["latent, no shared expert"]
	experts.NRoutedExperts = experts.NumExpertsPerTok
	for name, cfg := range map[string]model.Config{"latent, dense": all["latent, dense"], "latent, 32 wide": wide, "grouped, tied": all["grouped, tied"], "experts": experts} {
		host, dev, _, f := engines(t, cfg, Options{Precision: BF16})
		compareConversation(t, host, dev, 0.03)
		started := f.started()
		for kernel, of := range map[string]string{"decode_latent_mma": "latent, 32 wide", "few_rows_bf16": "experts"} {
			if slices.Contains(started, kernel) != (name == of) {
				t.Errorf("%s: %s is started: %v", name, kernel, name != of)
			}
		}
		if 2*dev.BytesPerToken() != host.BytesPerToken() {
			t.Errorf("%s: a token takes %d bytes of the cache, %d on a processor", name, dev.BytesPerToken(), host.BytesPerToken())
		}
	}
}

// TestGenerateTokens: requests give the tokens of a processor, whatever draws them, and log-probabilities within 1e-4. Samples that wait for
// room get the same tokens.
func TestGenerateTokens(t *testing.T) {
	cfg := generating()["latent, experts"]
	host, dev, _, f := engines(t, cfg, Options{})
	prompts := [][]int32{tokens(1, 5, cfg.VocabSize), tokens(2, 9, cfg.VocabSize)}
	for name, o := range map[string]generate.SampleOptions{
		"greedy": {}, "plain": {Temperature: 1, Seed: 3}, "warm": {Temperature: 0.7, Seed: 4},
		"cut": {Temperature: 1.2, TopK: 20, TopP: 0.9, Seed: 5}, "penalised": {Temperature: 0, RepetitionPenalty: 1.3},
	} {
		f.started()
		for _, room := range []int{3, 8} {
			r := generate.Request{Prompts: prompts, Samples: 3, MaxTokens: 6, Sample: o, MaxBatch: room}
			want, err := host.Generate(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			got, err := dev.Generate(t.Context(), r)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for i, w := range want {
				g := got[i]
				if !slices.Equal(g.IDs, w.IDs) {
					t.Errorf("%s: completion %d is %v, want %v", name, i, g.IDs, w.IDs)
					continue
				}
				for k := range w.IDs {
					if d := max(w.LogProbs[k]-g.LogProbs[k], g.LogProbs[k]-w.LogProbs[k], w.SampledLogProbs[k]-g.SampledLogProbs[k], g.SampledLogProbs[k]-w.SampledLogProbs[k]); !(d < 1e-4) {
						t.Errorf("%s: completion %d, token %d: log-probabilities %g and %g, want %g and %g", name, i, k, g.LogProbs[k], g.SampledLogProbs[k], w.LogProbs[k], w.SampledLogProbs[k])
					}
				}
			}
		}
		if drawn, cut := slices.Contains(f.started(), "draw_token"), o.TopK > 0 || o.RepetitionPenalty > 0; drawn == cut {
			t.Errorf("%s: drawn on the device: %v", name, drawn)
		}
	}
}

// TestGenerateAgrees: the log-probabilities of what a model wrote are those that its training pass computes on the device, before and
// after a change of the weights.
func TestGenerateAgrees(t *testing.T) {
	cfg := generating()["latent, experts"]
	_, m, be, _ := pair(t, cfg, Options{})
	e := generate.New(m, be)
	prompt := tokens(1, 9, cfg.VocabSize)
	for _, seed := range []uint64{1, 2} {
		m.Init(seed)
		e.Refresh()
		done, err := e.Generate(t.Context(), generate.Request{Prompts: [][]int32{prompt}, MaxTokens: 6, Sample: generate.SampleOptions{Temperature: 1, Seed: seed}})
		if err != nil {
			t.Fatal(err)
		}
		all := slices.Concat(prompt, done[0].IDs)
		n := len(all) - 1
		losses := m.Losses(model.Input{Rows: 1, Cols: n, IDs: all[:n], Targets: all[1:]})
		for i, p := range done[0].LogProbs {
			if d := p + float64(losses[len(prompt)-1+i]); !(max(d, -d) < 1e-4) {
				t.Errorf("seed %d, token %d: log-probability %g, the training pass computes %g", seed, i, p, -losses[len(prompt)-1+i])
			}
		}
	}
}

// TestGenerateFails: logits that are not finite, a cache without room and a lost device are errors that say so.
func TestGenerateFails(t *testing.T) {
	cfg := generating()["grouped, tied"]
	_, m, be, f := pair(t, cfg, Options{})
	dev := generate.New(m, be)
	r := generate.Request{Prompts: [][]int32{tokens(1, 70, cfg.VocabSize)}, MaxTokens: 2, Sample: generate.SampleOptions{Temperature: 1}}
	fails := func(what string, want ...string) error {
		t.Helper()
		_, err := dev.Generate(t.Context(), r)
		for _, w := range want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%s: want an error with %q, got %v", what, w, err)
			}
		}
		return err
	}
	limit := be.limit
	be.limit = be.used + 1000
	fails("no room", "no memory for the keys and values of 128 more tokens", "fewer sequences")
	be.limit = limit
	if fails("room again") != nil {
		t.Error("an engine that had no room does not go on")
	}
	taken := dev.CacheBytes()
	for _, v := range []float32{float32(math.NaN()), 1} {
		m.Param("model.norm.weight").Value[3] = v
		switch {
		case v != v:
			fails("logits of NaN", "token 0", "not finite")
		case fails("numbers again") != nil:
			t.Error("an engine that met NaN does not go on")
		}
	}
	if dev.CacheBytes() != taken {
		t.Errorf("the cache has %d bytes, %d before a failure", dev.CacheBytes(), taken)
	}
	f.failing["decode_grouped_float"] = 719
	if err := fails("lost", "decode_grouped_float"); !errors.Is(err, ErrDeviceLost) {
		t.Errorf("a lost device: %v", err)
	}
}
