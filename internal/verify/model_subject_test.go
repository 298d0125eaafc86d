package verify_test

import (
	"bytes"
	"context"
	"math"
	"strings"
	"testing"

	"muonclip/internal/naive"
	"muonclip/internal/verify"
	"muonclip/model"
)

// subjectConfigs are reduced models that differ in what they are made of.
func subjectConfigs() map[string]model.Config {
	mini := model.Config{
		VocabSize: 4096, HiddenSize: 256, IntermediateSize: 768, MoeIntermediateSize: 128, NumHiddenLayers: 6, NumAttentionHeads: 8,
		NumKeyValueHeads: 8, NSharedExperts: 1, NRoutedExperts: 16, NumExpertsPerTok: 4, RoutedScalingFactor: 2, NormTopkProb: true,
		FirstKDenseReplace: 1, QLoraRank: 128, KVLoraRank: 64, QKNopeHeadDim: 32, QKRopeHeadDim: 16, VHeadDim: 32,
		RMSNormEps: 1e-6, RopeTheta: 50000, MaxPositionEmbeddings: 1024,
	}
	raw, noAux, grouped := mini, k2(), llama()
	raw.QLoraRank, raw.NormTopkProb, raw.NSharedExperts, raw.FirstKDenseReplace = 0, false, 0, 0
	raw.AuxLossAlpha, raw.SeqAux, raw.TieWordEmbeddings, raw.NumExpertsPerTok = 0.3, true, true, 1
	noAux.AuxLossAlpha = 0
	noAux.RopeScaling = &model.RopeScaling{Type: "yarn", Factor: 16, OriginalMaxPositionEmbeddings: 64, Mscale: 0.7, MscaleAllDim: 0.4}
	grouped.NumKeyValueHeads, grouped.TieWordEmbeddings = 0, false
	groupedExperts := mini
	groupedExperts.KVLoraRank, groupedExperts.HeadDim, groupedExperts.NumKeyValueHeads = 0, 32, 2
	groupedExperts.AuxLossAlpha, groupedExperts.SeqAux = 0.1, true
	return map[string]model.Config{
		"k2 with its auxiliary loss and YaRN": k2(),
		"k2 with another YaRN":                noAux,
		"mini":                                mini,
		"tied, no query rank, one raw expert, large aux": raw,
		"grouped dense tied":                             llama(),
		"ungrouped dense":                                grouped,
		"grouped with experts":                           groupedExperts,
	}
}

// TestModel is the same run as `muonclip verify`: the model that training uses against all referees.
func TestModel(t *testing.T) {
	for name, full := range subjectConfigs() {
		t.Run(name, func(t *testing.T) {
			cfg := verify.Reduce(full)
			subject, err := verify.NewModelSubject(cfg)
			if err != nil {
				t.Fatal(err)
			}
			opt := verify.Options{Seed: 5}
			if testing.Short() {
				opt = verify.Options{Seed: 5, Rows: 1, Cols: 5, Coordinates: 1}
			}
			checks, err := verify.Run(context.Background(), cfg, subject, opt)
			if err != nil {
				t.Fatal(err)
			}
			var table bytes.Buffer
			if err := verify.Table(&table, checks); err != nil {
				t.Fatal(err)
			}
			t.Logf("\n%s", table.String())
			if !verify.AllOK(checks) {
				t.Error("not all checks passed")
			}
		})
	}
}

// TestModelWithoutTargets: only the auxiliary loss is left, and without one the loss and all gradients
// are zero.
func TestModelWithoutTargets(t *testing.T) {
	for _, alpha := range []float64{0, 0.2} {
		full := k2()
		full.AuxLossAlpha = alpha
		cfg := verify.Reduce(full)
		subject, err := verify.NewModelSubject(cfg)
		if err != nil {
			t.Fatal(err)
		}
		w := naive.RandomWeights(naive.Params(cfg), 3)
		subject.Set(w)
		ids := [][]int32{{4, -1, -1, -1}}
		want, err := naive.Forward(cfg, w, ids, nil)
		if err != nil {
			t.Fatal(err)
		}
		loss, grads, _, _, err := subject.LossAndGrads(ids, nil)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(loss-want.Loss) > 1e-12 || want.CrossEntropy != 0 {
			t.Errorf("alpha %g: loss %g, want %g, all of it auxiliary", alpha, loss, want.Loss)
		}
		size := 0.0
		for _, g := range grads {
			for _, v := range g {
				size += math.Abs(v)
			}
		}
		if (size > 0) != (alpha > 0) || math.IsNaN(size) {
			t.Errorf("alpha %g: gradients add up to %g", alpha, size)
		}
	}
}

func TestModelSubjectErrors(t *testing.T) {
	if _, err := verify.NewModelSubject(model.Config{}); err == nil || !strings.Contains(err.Error(), "vocab_size") {
		t.Errorf("error %v for an empty config, want one that names vocab_size", err)
	}
	cfg := verify.Reduce(llama())
	subject, err := verify.NewModelSubject(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ ids, docStart [][]int32 }{
		"no rows":          {nil, nil},
		"one id":           {[][]int32{{1}}, nil},
		"ragged rows":      {[][]int32{{1, 2, 3}, {1, 2}}, nil},
		"short doc starts": {[][]int32{{1, 2, 3}}, [][]int32{{0}}},
		"foreign id":       {[][]int32{{1, int32(cfg.VocabSize), 3}}, nil},
	} {
		if _, _, _, _, err := subject.LossAndGrads(c.ids, c.docStart); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
