package verify

import (
	"context"
	"fmt"
	"math"
	"slices"

	"muonclip/internal/compute/cpu"
	"muonclip/internal/naive"
	"muonclip/internal/train"
	"muonclip/model"
	"muonclip/model/generate"
	"muonclip/optim"
)

// All shrinks a user's configuration and runs every check of `muonclip verify` on the program's own
// model: the referees of Run, the promises of QK-Clip, and generation from the cache.
func All(ctx context.Context, cfg model.Config, opt Options) ([]Check, error) {
	cfg = Reduce(cfg)
	subject, err := NewModelSubject(cfg)
	if err != nil {
		return nil, err
	}
	checks, err := Run(ctx, cfg, subject, opt)
	if err != nil {
		return nil, err
	}
	m, be, err := randomModel(cfg, opt.Seed)
	if err != nil {
		return nil, err
	}
	in := randomInput(cfg, orDefault(opt.Rows, 2), orDefault(opt.Cols, 8), opt.Seed)
	if !cfg.QKNorm { // else QK-Clip has no hold on the logits
		clip, err := checkClip(m, in)
		if err != nil {
			return nil, err
		}
		checks = append(checks, clip...)
	}
	if cfg.QKNorm && cfg.MLA() {
		return checks, nil // such a model cannot generate
	}
	cache, err := checkCache(m, be, in)
	if err != nil {
		return nil, err
	}
	return append(checks, cache), nil
}

func randomModel(cfg model.Config, seed uint64) (*model.Model[float64], *cpu.Backend[float64], error) {
	be := cpu.New[float64](0)
	m, err := model.New(cfg, be)
	if err != nil {
		return nil, nil, err
	}
	for name, w := range naive.RandomWeights(naive.Params(cfg), seed) {
		copy(m.Param(name).Value, w)
	}
	return m, be, nil
}

func randomInput(cfg model.Config, rows, cols int, seed uint64) model.Input {
	in := model.Input{Rows: rows, Cols: cols}
	for _, row := range naive.RandomTokens(cfg.VocabSize, rows, cols, seed) {
		in.IDs = append(in.IDs, row[:cols]...)
		in.Targets = append(in.Targets, row[1:]...)
	}
	return in
}

// checkClip clips one layer after the other at half its largest logit. On the same batch the heads
// above must then have gamma times their logit, and the heads below, like every weight outside the
// clipped rows, must be what they were.
func checkClip(m *model.Model[float64], in model.Input) ([]Check, error) {
	logit := Check{Name: "qk-clip-logit", What: "largest logits after a clip against gamma times those before", Tolerance: 1e-10}
	rest := Check{Name: "qk-clip-rest", What: "heads below the threshold and all other weights, bit for bit"}
	layers := train.AttentionLayers(m.Config, train.OptimParams(m))
	clipped := 0
	for l := range layers {
		saved := map[string][]float64{}
		for _, p := range m.Params() {
			saved[p.Name] = slices.Clone(p.Value)
		}
		before := peaks(m, in, l)
		tau := slices.Max(before) / 2
		if tau <= 0 {
			continue // a positive threshold cannot clip this layer
		}
		table := optim.NewMaxLogits(len(layers), m.Config.NumAttentionHeads)
		optim.ObserveLayer(table, l, before)
		events, err := optim.QKClip{Tau: tau}.Apply(layers[l:l+1], table)
		if err != nil {
			return nil, err
		}
		clipped += len(events)
		want := slices.Clone(before)
		for _, e := range events {
			want[e.Head] = e.Gamma * e.MaxLogit
		}
		for h, s := range peaks(m, in, l) {
			logit.Worst = math.Max(logit.Worst, math.Abs(s-want[h])/math.Max(math.Abs(want[h]), 1e-12))
		}
		changed := 0
		for _, p := range m.Params() {
			changed += countChanged(m.Config, p, saved[p.Name], l, events)
			copy(p.Value, saved[p.Name])
		}
		rest.Worst = math.Max(rest.Worst, float64(changed))
	}
	logit.Detail = fmt.Sprintf("%d heads clipped", clipped)
	logit.OK, rest.OK = clipped > 0 && logit.Worst <= logit.Tolerance, rest.Worst == 0
	return []Check{logit, rest}, nil
}

// countChanged counts the elements of a weight that differ although no event allows it.
func countChanged(cfg model.Config, p *model.Param[float64], before []float64, layer int, events []optim.ClipEvent) int {
	prefix := fmt.Sprintf("model.layers.%d.self_attn.", layer)
	allowed := func(int) bool { return false }
	clipped := func(head int) bool {
		return slices.ContainsFunc(events, func(e optim.ClipEvent) bool { return e.Head == head })
	}
	switch p.Name {
	case prefix + "q_b_proj.weight", prefix + "q_proj.weight":
		allowed = func(row int) bool { return clipped(row / cfg.QKHeadDim()) }
	case prefix + "kv_b_proj.weight":
		width := cfg.QKNopeHeadDim + cfg.VHeadDim
		allowed = func(row int) bool { return row%width < cfg.QKNopeHeadDim && clipped(row/width) }
	case prefix + "k_proj.weight":
		group := cfg.NumAttentionHeads / cfg.KVHeads()
		allowed = func(row int) bool { // a shared key moves only when all its heads are clipped
			for h := row / cfg.HeadDim * group; h < (row/cfg.HeadDim+1)*group; h++ {
				if !clipped(h) {
					return false
				}
			}
			return true
		}
	}
	n := 0
	for i, v := range p.Value {
		if v != before[i] && !allowed(i/max(p.Cols, 1)) {
			n++
		}
	}
	return n
}

// peaks are the largest logits of one layer's heads on a batch.
func peaks(m *model.Model[float64], in model.Input, layer int) []float64 {
	m.ResetStats()
	m.Losses(in)
	return slices.Clone(m.MaxLogits()[layer])
}

// checkCache reads each sequence partly at once and partly token by token from the cache and compares
// the logits with those of the training forward pass.
func checkCache(m *model.Model[float64], be *cpu.Backend[float64], in model.Input) (Check, error) {
	c := Check{Name: "cache", What: "logits from the generation cache against the training forward pass", Tolerance: 1e-10}
	want := slices.Clone(m.Logits(in))
	engine := generate.New(m, be)
	vocab := m.Config.VocabSize
	for r := range in.Rows {
		seq := engine.NewSequence()
		ids := in.IDs[r*in.Cols : (r+1)*in.Cols]
		first := (len(ids) + 1) / 2
		for t := first - 1; t < len(ids); t++ {
			var logits []float64
			var err error
			if t == first-1 {
				logits, err = engine.Prefill([]*generate.Sequence[float64]{seq}, ids[:first])
			} else {
				logits, err = engine.Step([]*generate.Sequence[float64]{seq}, ids[t:t+1])
			}
			if err != nil {
				return c, err
			}
			at := (r*in.Cols + t) * vocab
			c.Worst = math.Max(c.Worst, relative(logits, want[at:at+vocab]))
		}
	}
	c.OK = c.Worst <= c.Tolerance
	return c, nil
}

// relative is the norm of the difference over the norm of want.
func relative(got, want []float64) float64 {
	var diff, norm float64
	for i, v := range want {
		diff += (got[i] - v) * (got[i] - v)
		norm += v * v
	}
	return math.Sqrt(diff / math.Max(norm, 1e-300))
}
