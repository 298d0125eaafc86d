package cuda

import (
	"context"
	"iter"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"

	"muonclip/data/chat"
	"muonclip/data/token"
	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
	"muonclip/internal/metrics"
	"muonclip/internal/rng"
	"muonclip/internal/train"
	"muonclip/model"
	"muonclip/model/generate"
	"muonclip/optim"
	"muonclip/rl"
	"muonclip/rl/env"
	"muonclip/rl/reward"
)

// letters is an environment of two turns that wants the letter that the user said.
type letters struct{}

func (letters) Name() string { return "letters" }
func (letters) Len() uint64  { return 0 }

func (letters) Reset(_ context.Context, key env.Key) (env.Episode, error) {
	return &spelling{want: string("abcd"[rng.New(key.Seed, "letters", key.Index).IntN(4)])}, nil
}

type spelling struct {
	want string
	said []string
}

func (*spelling) Info() env.Info {
	return env.Info{Kind: "letter", Difficulty: 1, MaxTurns: 2, MaxTokens: 8}
}
func (*spelling) Gold() env.Policy { return nil }

func (s *spelling) Opening() chat.Dialogue {
	return chat.Dialogue{Messages: []chat.Message{{Role: chat.RoleUser, Content: s.want}}}
}

func (s *spelling) Step(_ context.Context, turn chat.Output) ([]chat.Message, bool, error) {
	s.said = append(s.said, turn.Content)
	return []chat.Message{{Role: chat.RoleUser, Content: s.want}}, len(s.said) == 2, nil
}

func (s *spelling) Score(context.Context) ([]reward.Component, error) {
	text, right := strings.Join(s.said, " "), 0.0
	for _, letter := range "abcd" {
		right += 0.1 * float64(strings.Count(text, string(letter))) // so that samples of a group differ
	}
	if strings.Contains(text, s.want) {
		right++
	}
	return []reward.Component{{Name: "right", Value: math.Min(right, 2) / 2}}, nil
}

// learned is what came of some reinforcement learning.
type learned struct {
	rollouts []*rl.Rollout
	losses   []float64
	apart    []float64 // largest difference of recorded log-probabilities from those of training, by iteration
}

// learn lets a model act, and trains it for two iterations.
func learn(t *testing.T, m *model.Model[float32], opt *optim.Optimizer, be compute.Backend[float32]) (out learned) {
	t.Helper()
	docs := iter.Seq2[[]byte, error](func(yield func([]byte, error) bool) {
		yield([]byte(strings.Repeat("a b c d assistant user system You are a helpful assistant\n", 3)), nil)
	})
	tok, err := token.Train(t.Context(), token.TrainOptions{VocabSize: 300, Specials: token.K2Specials()}, docs)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := &rl.Collector{Engine: generate.New(m, be), Tokenizer: tok, Format: chat.K2{}, MaxBatch: 4, Arenas: map[string]*rl.Arena{"letters": {Environment: letters{}}}}
	tr := &rl.Trainer{
		Collector: c, Model: m, Dir: dir, Seed: 3, Shares: []rl.Share{{Arena: "letters", Weight: 1}}, Prompts: 2, Samples: 2, Updates: 1,
		Objective: rl.Objective{Kind: rl.K2, Tau: 0.05}, Iterations: 2, Temperature: 1, FinalTemperature: 1, MicroBatch: 2, Log: slog.New(slog.DiscardHandler),
		OnIteration: func(it *rl.Iteration) { out.apart = append(out.apart, it.LogProbMax) },
	}
	groups, err := c.Play(t.Context(), "letters", 3, 5, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		out.rollouts = append(out.rollouts, g.Rollouts...)
	}
	loop, err := train.New(m, opt, tr, nil, train.Options{
		Dir: dir, Steps: 2, MicroBatch: 2, Schedule: optim.Schedule{Kind: optim.Constant, Peak: 0.01, Steps: 2}, GradClip: 1, ResetEvery: 1,
		OnRow: func(r *metrics.Row) { out.losses = append(out.losses, r.Loss) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Start(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if err := loop.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestReinforcementLearning: rollouts on the weights of the device are those of a processor, their log-probabilities are those
// that its training pass computes, and training on them goes the same way.
func TestReinforcementLearning(t *testing.T) {
	cfg := generating()["latent, no shared expert"]
	cfg.VocabSize, cfg.MaxPositionEmbeddings, cfg.InitializerRange = 304, 256, 0.1
	h, d, be, _ := pair(t, cfg, Options{})
	compareLearning(t, h, d, be)
}

// compareLearning lets a model on a device learn what the same model on a processor does.
func compareLearning(t *testing.T, h, d *model.Model[float32], be *Backend) {
	t.Helper()
	processor := cpu.New[float32](1)
	hostOpt, err := optim.NewOn(processor, train.OptimParams(h), optim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	devOpt, err := optim.NewOnDevice(be, train.OptimParams(d), optim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	want, got := learn(t, h, hostOpt, processor), learn(t, d, devOpt, be)
	for i, w := range want.rollouts {
		g := got.rollouts[i]
		if !slices.Equal(g.IDs, w.IDs) || g.Reward != w.Reward || g.Finish != w.Finish {
			t.Errorf("rollout %d: %v with %g, %s; want %v with %g, %s", i, g.IDs, g.Reward, g.Finish, w.IDs, w.Reward, w.Finish)
			continue
		}
		if d := g.LogProb() - w.LogProb(); math.Abs(d) > 1e-3 {
			t.Errorf("rollout %d: log-probability %g, want %g", i, g.LogProb(), w.LogProb())
		}
	}
	for i, apart := range got.apart {
		if apart > 1e-4 {
			t.Errorf("iteration %d: log-probabilities of training are %g from those recorded", i, apart)
		}
	}
	if len(got.apart) != 2 || len(got.losses) != 2 {
		t.Fatalf("iterations %v, losses %v", got.apart, got.losses)
	}
	for i, w := range want.losses {
		if math.Abs(got.losses[i]-w) > 1e-3*math.Abs(w) {
			t.Errorf("loss of step %d is %g, want %g", i, got.losses[i], w)
		}
	}
}
