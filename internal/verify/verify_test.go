package verify_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"muonclip/internal/naive"
	"muonclip/internal/referee"
	"muonclip/internal/verify"
	"muonclip/model"
)

// stand is a subject made of the referees themselves, with a place to put a mistake in.
type stand struct {
	cfg    model.Config
	w      map[string][]float64
	tamper func(r *reply) // changes an answer, may be nil
	noMask bool           // forget the document mask
	fail   error
}

// reply is what LossAndGrads gives.
type reply struct {
	loss     float64
	grads    map[string][]float64
	maxLogit [][]float64
	load     [][]int
	logits   []float64
}

func (s *stand) Set(w map[string][]float64) {
	s.w = map[string][]float64{}
	for name, data := range w {
		s.w[name] = slices.Clone(data)
	}
}

func (s *stand) answer(ids, docStart [][]int32) (*reply, error) {
	if s.fail != nil {
		return nil, s.fail
	}
	if s.noMask {
		docStart = nil
	}
	fwd, err := naive.Forward(s.cfg, s.w, ids, docStart)
	if err != nil {
		return nil, err
	}
	ref, err := referee.Run(s.cfg, s.w, ids, docStart)
	if err != nil {
		return nil, err
	}
	r := &reply{ref.Loss, ref.Grads, fwd.MaxLogit, fwd.ExpertLoad, ref.Logits}
	if s.tamper != nil {
		s.tamper(r)
	}
	return r, nil
}

func (s *stand) LossAndGrads(ids, docStart [][]int32) (float64, map[string][]float64, [][]float64, [][]int, error) {
	r, err := s.answer(ids, docStart)
	if err != nil {
		return 0, nil, nil, nil, err
	}
	return r.loss, r.grads, r.maxLogit, r.load, nil
}

func (s *stand) Logits(ids [][]int32) ([]float64, error) {
	r, err := s.answer(ids, nil)
	if err != nil {
		return nil, err
	}
	return r.logits, nil
}

// k2 is the published config of Kimi K2 with the auxiliary loss that it names.
func k2() model.Config {
	return model.Config{
		VocabSize: 163840, HiddenSize: 7168, IntermediateSize: 18432, MoeIntermediateSize: 2048, NumHiddenLayers: 61,
		NumAttentionHeads: 64, NumKeyValueHeads: 64, NSharedExperts: 1, NRoutedExperts: 384, NumExpertsPerTok: 8,
		RoutedScalingFactor: 2.827, NormTopkProb: true, FirstKDenseReplace: 1, AuxLossAlpha: 0.001, SeqAux: true,
		QLoraRank: 1536, KVLoraRank: 512, QKNopeHeadDim: 128, QKRopeHeadDim: 64, VHeadDim: 128, RMSNormEps: 1e-6,
		RopeTheta: 50000, MaxPositionEmbeddings: 131072, BosTokenID: 163584,
		RopeScaling: &model.RopeScaling{Type: "yarn", Factor: 32, OriginalMaxPositionEmbeddings: 4096, BetaFast: 1, BetaSlow: 1, Mscale: 1, MscaleAllDim: 1},
	}
}

// llama is a dense model with 32 query heads on 8 key heads and a tied head.
func llama() model.Config {
	return model.Config{
		VocabSize: 32000, HiddenSize: 4096, IntermediateSize: 14336, NumHiddenLayers: 32, NumAttentionHeads: 32, NumKeyValueHeads: 8,
		HeadDim: 128, RMSNormEps: 1e-5, RopeTheta: 500000, MaxPositionEmbeddings: 8192, TieWordEmbeddings: true,
	}
}

func TestRightSubject(t *testing.T) {
	for name, full := range map[string]model.Config{"k2": k2(), "llama": llama()} {
		t.Run(name, func(t *testing.T) {
			cfg := verify.Reduce(full)
			start := time.Now()
			checks, err := verify.Run(context.Background(), cfg, &stand{cfg: cfg}, verify.Options{Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			var table bytes.Buffer
			if err := verify.Table(&table, checks); err != nil {
				t.Fatal(err)
			}
			t.Logf("%v\n%s", time.Since(start).Round(time.Millisecond), table.String())
			if !verify.AllOK(checks) {
				t.Error("not all checks passed")
			}
			want := 6
			if full.NRoutedExperts == 0 {
				want = 5 // no expert load
			}
			if len(checks) != want {
				t.Errorf("%d checks, want %d", len(checks), want)
			}
		})
	}
}

// TestWrongSubject puts small mistakes into a right subject and wants exactly the checks that
// should see them to fail, at the right place.
func TestWrongSubject(t *testing.T) {
	cfg := verify.Reduce(k2())
	cfg.NRoutedExperts, cfg.HiddenSize = 4, 8 // small, since every mistake takes a run
	const weight = "model.layers.1.self_attn.q_b_proj.weight"
	gradients := []string{"gradients-gorgonia", "gradients-differences"}
	for name, c := range map[string]struct {
		subject stand
		fails   []string
		detail  string
	}{
		"small gradient error": {stand{tamper: func(r *reply) {
			for i := range r.grads[weight] {
				r.grads[weight][i] *= 1 + 3e-9
			}
		}}, []string{"gradients-gorgonia"}, weight},
		"large gradient error": {stand{tamper: func(r *reply) {
			for i := range r.grads[weight] {
				r.grads[weight][i] *= 1.001
			}
		}}, gradients, weight},
		"missing gradient":    {stand{tamper: func(r *reply) { delete(r.grads, weight) }}, gradients, weight},
		"foreign gradient":    {stand{tamper: func(r *reply) { r.grads["other"] = nil }}, gradients[:1], "other"},
		"nan gradient":        {stand{tamper: func(r *reply) { r.grads[weight][0] = math.NaN() }}, gradients[:1], weight},
		"loss":                {stand{tamper: func(r *reply) { r.loss += 1e-10 }}, []string{"loss"}, ", want"},
		"logits":              {stand{tamper: func(r *reply) { r.logits[5] += 1e-6 }}, []string{"logits"}, "plain"},
		"swapped heads":       {stand{tamper: func(r *reply) { slices.Reverse(r.maxLogit[1]) }}, []string{"max-logit"}, "layer 1"},
		"missing layer":       {stand{tamper: func(r *reply) { r.maxLogit = r.maxLogit[1:] }}, []string{"max-logit"}, "each layer and head"},
		"one token elsewhere": {stand{tamper: func(r *reply) { r.load[1][0]++ }}, []string{"expert-load"}, "MoE layer 1 expert 0"},
		"no document mask":    {stand{noMask: true}, []string{"loss", "max-logit", "expert-load", gradients[0], gradients[1]}, "documents"},
	} {
		t.Run(name, func(t *testing.T) {
			c.subject.cfg = cfg
			checks, err := verify.Run(context.Background(), cfg, &c.subject, verify.Options{Seed: 1, Rows: 1, Cols: 6, Coordinates: 1})
			if err != nil {
				t.Fatal(err)
			}
			for _, check := range checks {
				if want := slices.Contains(c.fails, check.Name); check.OK == want {
					t.Errorf("%s: ok %v with error %.1e, want ok %v", check.Name, check.OK, check.Worst, !want)
				} else if want && !strings.Contains(check.Detail, c.detail) {
					t.Errorf("%s: detail %q does not name %q", check.Name, check.Detail, c.detail)
				}
			}
			if verify.AllOK(checks) {
				t.Error("all checks passed")
			}
		})
	}
}

func TestFailingSubject(t *testing.T) {
	cfg := verify.Reduce(llama())
	broken := errors.New("no such kernel")
	if _, err := verify.Run(context.Background(), cfg, &stand{cfg: cfg, fail: broken}, verify.Options{}); !errors.Is(err, broken) {
		t.Errorf("error %v, want the subject's", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := verify.Run(ctx, cfg, &stand{cfg: cfg}, verify.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context canceled", err)
	}
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	checks := []verify.Check{
		{Name: "loss", What: "loss against loops", Worst: 2e-16, Tolerance: 1e-12, OK: true, Detail: "plain"},
		{Name: "logits", What: "logits against loops", Worst: 0.5, Tolerance: 1e-10, Detail: "plain: 640 values"},
	}
	if err := verify.Table(&out, checks); err != nil {
		t.Fatal(err)
	}
	want := "check   worst error  allowed  result  what\n" +
		"loss    2.0e-16      1e-12    ok      loss against loops\n" +
		"logits  5.0e-01      1e-10    FAILED  logits against loops\n" +
		"logits failed, worst at plain: 640 values\n"
	if out.String() != want {
		t.Errorf("table\n%swant\n%s", out.String(), want)
	}
	if verify.AllOK(checks) || !verify.AllOK(checks[:1]) || verify.AllOK(nil) {
		t.Error("AllOK is wrong")
	}
}
