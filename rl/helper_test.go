package rl

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"testing"

	"muonclip/data/batch"
	"muonclip/data/chat"
	"muonclip/data/token"
	"muonclip/internal/compute/cpu"
	"muonclip/internal/rng"
	"muonclip/internal/train"
	"muonclip/model"
	"muonclip/model/generate"
	"muonclip/optim"
	"muonclip/rl/env"
	"muonclip/rl/reward"
)

// copycat is an environment that a model can learn within seconds: come to an end, and say the letter that the user
// said, as many turns long as asked for.
type copycat struct {
	turns   int
	broken  func(key env.Key) error // what Score fails with
	hang    bool
	opening string
}

func (c copycat) Name() string { return "copycat" }
func (c copycat) Len() uint64  { return 0 }

func (c copycat) Reset(_ context.Context, key env.Key) (env.Episode, error) {
	r := rng.New(key.Seed, "copycat", key.Index)
	e := &copyEpisode{copycat: c, key: key}
	for range max(1, c.turns) {
		e.letters = append(e.letters, string("abcd"[r.IntN(4)]))
	}
	return e, nil
}

type copyEpisode struct {
	copycat
	key     env.Key
	letters []string
	said    []string
}

func (e *copyEpisode) Info() env.Info {
	return env.Info{Kind: "letter", Difficulty: 1, MaxTurns: len(e.letters), MaxTokens: 6 * len(e.letters)}
}

func (e *copyEpisode) Opening() chat.Dialogue {
	return chat.Dialogue{Messages: []chat.Message{{Role: chat.RoleUser, Content: e.opening + e.letters[0]}}}
}

func (e *copyEpisode) Step(ctx context.Context, turn chat.Output) ([]chat.Message, bool, error) {
	if e.hang {
		select {} // not even its context wakes it
	}
	e.said = append(e.said, turn.Content)
	if len(e.said) == len(e.letters) {
		return nil, true, nil
	}
	return []chat.Message{{Role: chat.RoleUser, Content: e.letters[len(e.said)]}}, false, nil
}

func (e *copyEpisode) Score(context.Context) ([]reward.Component, error) {
	if e.broken != nil {
		if err := e.broken(e.key); err != nil {
			return nil, err
		}
	}
	right := 0.0
	for i, s := range e.said {
		right += 0.5 // it came to an end
		if strings.Contains(s, e.letters[i]) {
			right += 0.5
		}
	}
	return []reward.Component{{Name: "correct", Value: right / float64(len(e.letters))}}, nil
}

func (e *copyEpisode) Gold() env.Policy { return nil }

func testTokenizer(t testing.TB) *token.Tokenizer {
	t.Helper()
	docs := iter.Seq2[[]byte, error](func(yield func([]byte, error) bool) {
		yield([]byte(strings.Repeat("a b c d assistant user system You are a helpful assistant\n", 3)), nil)
	})
	tok, err := token.Train(t.Context(), token.TrainOptions{VocabSize: 300, Specials: token.K2Specials()}, docs)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// learner is a small model with all it takes to train it in an environment.
type learner struct {
	trainer *Trainer
	loop    func(dir string, iterations int) (*train.Loop, error)
	model   *model.Model[float32]
}

func newLearner(t testing.TB, e env.Environment, dir string) *learner {
	t.Helper()
	return longLearner(t, e, dir, 256)
}

// longLearner is newLearner with a model that reads so many tokens.
func longLearner(t testing.TB, e env.Environment, dir string, context int) *learner {
	t.Helper()
	tok := testTokenizer(t)
	be := cpu.New[float32](2)
	cfg := model.Config{
		VocabSize: 304, HiddenSize: 32, IntermediateSize: 64, MoeIntermediateSize: 32, NumHiddenLayers: 2, NumAttentionHeads: 2, NumKeyValueHeads: 2,
		NSharedExperts: 1, NRoutedExperts: 4, NumExpertsPerTok: 2, FirstKDenseReplace: 1, NormTopkProb: true, RoutedScalingFactor: 1, ScoringFunc: "sigmoid", TopkMethod: "noaux_tc",
		NGroup: 1, TopkGroup: 1, MoeLayerFreq: 1, HiddenAct: "silu",
		KVLoraRank: 16, QKNopeHeadDim: 8, QKRopeHeadDim: 8, VHeadDim: 8, MaxPositionEmbeddings: context, RopeTheta: 10000, RMSNormEps: 1e-6, InitializerRange: 0.05,
	}
	m, err := model.New(cfg, be)
	if err != nil {
		t.Fatal(err)
	}
	m.Init(5)
	opt, err := optim.NewOn(be, train.OptimParams(m), optim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	c := &Collector{
		Engine: generate.New(m, be), Tokenizer: tok, Format: chat.K2{}, MaxBatch: 16,
		Arenas: map[string]*Arena{"copycat": {Environment: e}},
	}
	tr := &Trainer{
		Collector: c, Model: m, Dir: dir, Seed: 3, Shares: []Share{{"copycat", 1}}, Prompts: 8, Samples: 8, Updates: 2,
		Objective: Objective{Kind: K2, Tau: 0.05}, Iterations: 12, Temperature: 1, FinalTemperature: 0.8, MicroBatch: 8, Log: slog.New(slog.DiscardHandler),
	}
	l := &learner{trainer: tr, model: m}
	l.loop = func(dir string, iterations int) (*train.Loop, error) {
		return train.New(m, opt, tr, nil, train.Options{
			Dir: dir, Steps: iterations * tr.Updates, MicroBatch: 8, Schedule: optim.Schedule{Kind: optim.Constant, Peak: 0.01, Steps: iterations * tr.Updates},
			GradClip: 1, QKClip: &optim.QKClip{Tau: 100, Alpha: 0.5}, ResetEvery: tr.Updates, CheckpointEvery: 1, KeepLast: 3,
		})
	}
	return l
}

// learn trains up to an iteration, going on from what the folder holds.
func (l *learner) learn(ctx context.Context, iterations int) error {
	loop, err := l.loop(l.trainer.Dir, iterations)
	if err != nil {
		return err
	}
	if err := l.trainer.Start(ctx, loop.Done()); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	return loop.Run(ctx)
}

// steer raises the logits of some tokens by about so many nats, everywhere: one element of the residual stream becomes a
// constant, of which the head makes them. A random model has 304 tokens of about the same probability.
func (l *learner) steer(raise map[int32]float64) {
	embed, head := l.model.Param("model.embed_tokens.weight").Value, l.model.Param("lm_head.weight").Value
	for i := 0; i < len(embed); i += 32 {
		embed[i], head[i] = 1, 0
	}
	for id, nats := range raise {
		head[32*id] = float32(nats / 5.4) // what the constant is behind the last norm
	}
}

// id is the token of a text.
func (l *learner) id(t testing.TB, text string) int32 {
	t.Helper()
	if id, ok := l.trainer.Tokenizer.ID(text); ok {
		return id
	}
	id, ok := l.trainer.Tokenizer.TokenID([]byte(text))
	if !ok {
		t.Fatalf("%q is no token", text)
	}
	return id
}

// talk makes the model write the letters a to d and end its turns after some of them.
func (l *learner) talk(t testing.TB) {
	t.Helper()
	l.steer(map[int32]float64{l.id(t, "a"): 5, l.id(t, "b"): 5, l.id(t, "c"): 5, l.id(t, "d"): 5, l.id(t, "<|im_end|>"): 5.5})
}

// iteration starts the trainer and prepares a batch of its first iteration.
func (l *learner) iteration(t testing.TB) batch.Batch {
	t.Helper()
	if err := l.trainer.Start(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	var b batch.Batch
	if err := l.trainer.At(0, &b); err != nil {
		t.Fatal(err)
	}
	return b
}

// hooked is copycat with something before its calls, and with other rewards and limits.
type hooked struct {
	copycat
	size       uint64
	before     func(call string, key env.Key) // call is reset, info, step or score
	value      func(said, letters []string) float64
	difficulty func(key env.Key) int
	limit      env.Info // its MaxTurns and MaxTokens where they are not 0
	gold       env.Policy
}

func (h hooked) Len() uint64 { return h.size }

func (h hooked) hook(call string, key env.Key) {
	if h.before != nil {
		h.before(call, key)
	}
}

func (h hooked) Reset(ctx context.Context, key env.Key) (env.Episode, error) {
	h.hook("reset", key)
	e, err := h.copycat.Reset(ctx, key)
	return &hookedEpisode{e.(*copyEpisode), h}, err
}

type hookedEpisode struct {
	*copyEpisode
	hooked hooked
}

func (e *hookedEpisode) Info() env.Info {
	e.hooked.hook("info", e.key)
	i := e.copyEpisode.Info()
	i.MaxTurns, i.MaxTokens = cmp.Or(e.hooked.limit.MaxTurns, i.MaxTurns), cmp.Or(e.hooked.limit.MaxTokens, i.MaxTokens)
	if e.hooked.difficulty != nil {
		i.Difficulty = e.hooked.difficulty(e.key)
	}
	return i
}

func (e *hookedEpisode) Step(ctx context.Context, turn chat.Output) ([]chat.Message, bool, error) {
	e.hooked.hook("step", e.key)
	return e.copyEpisode.Step(ctx, turn)
}

func (e *hookedEpisode) Score(ctx context.Context) ([]reward.Component, error) {
	e.hooked.hook("score", e.key)
	if e.hooked.value != nil {
		return []reward.Component{{Name: "correct", Value: e.hooked.value(e.said, e.letters)}}, nil
	}
	return e.copyEpisode.Score(ctx)
}

func (e *hookedEpisode) Gold() env.Policy { return e.hooked.gold }
