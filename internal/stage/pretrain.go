package stage

import (
	"context"
	"errors"
	"fmt"
	"math"

	"muonclip/data/batch"
	"muonclip/data/token"
	"muonclip/internal/checkpoint"
	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
	"muonclip/internal/config"
	"muonclip/internal/metrics"
	"muonclip/internal/plan"
	"muonclip/internal/progress"
	"muonclip/internal/train"
	"muonclip/model"
	"muonclip/model/hf"
	"muonclip/optim"
)

// Summary is the outcome of a pretraining, for people and programs.
type Summary struct {
	Dir         string   `json:"dir"`
	Step        int64    `json:"step"`
	Tokens      int64    `json:"tokens"`
	Loss        float64  `json:"loss"`         // of the last step, nats per token
	ValLoss     *float64 `json:"val_loss"`     // at the end, nats per token; nil where nothing is held out
	UnigramLoss float64  `json:"unigram_loss"` // of a unigram model on the same held-out tokens
	Checkpoint  string   `json:"checkpoint"`
	Report      string   `json:"report"`
}

// Pretrain trains the run's model on the run's shards, from its newest checkpoint on where there is
// one. A run that is done stays as it is. When ctx ends it saves a checkpoint and returns an error that
// wraps ErrInterrupted.
func (r *Run) Pretrain(ctx context.Context, stage, stages int) (sum *Summary, err error) {
	defer compute.Guard(&err)
	tok, err := r.LoadTokenizer()
	if err != nil {
		return nil, err
	}
	before := r.readManifest()
	if r.done(before, tok) {
		return r.summary(before)
	}
	r.warnOfMemory()
	set, err := r.openShards(tok)
	if err != nil {
		return nil, err
	}
	defer set.close()
	loader, heldOut, err := r.batches(tok, set)
	if err != nil {
		return nil, err
	}
	be := cpu.New[float32](r.Config.Train.Threads)
	m, err := r.NewModel(be, tok)
	if err != nil {
		return nil, err
	}
	manifest := r.begin(m, be, tok, before)
	set.describe(&manifest, loader, heldOut)
	j := job{name: "pretrain", model: m, place: place{Backend: be}, tokenizer: tok, manifest: manifest}
	if err := r.use(&j); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	j.sample = r.sampler(&j)
	if heldOut != nil {
		j.val = heldOut.Spread(ceil(r.Config.Train.EvalTokens, r.Config.Train.TokensPerStep()))
		unigram, err := batch.UnigramLoss(ctx, loader, j.val, m.Config.VocabSize, 1)
		if err != nil {
			return nil, err
		}
		j.manifest.UnigramLoss, j.manifest.TokensEval = unigram.Loss, unigram.Targets
	}
	feed := &feed{src: loader, next: -1}
	defer feed.close()
	j.data = feed
	return r.train(ctx, j, stage, stages)
}

// warnOfMemory says so before a run starts that this machine's memory will not hold.
func (r *Run) warnOfMemory() {
	if here := plan.FitsHere(r.Config, plan.ThisMachine()); !here.Fits {
		r.Log.Warn("the run may not fit into this machine's memory; see \"muonclip plan\"",
			"needs_gib", float64(here.Need.Total)/(1<<30), "available_gib", float64(here.Available)/(1<<30), "limit", here.Limit)
	}
}

// done reports whether a training of this configuration has come to its end, given the manifest.
func (r *Run) done(m Manifest, tok *token.Tokenizer) bool {
	if m.Finished == "" || m.ConfigFingerprint != r.Config.Fingerprint() || m.TokenizerFingerprint != tok.Fingerprint() {
		return false
	}
	c, _, err := checkpoint.Latest(r.Dir)
	return err == nil && c.State.Step == r.Config.Train.TotalSteps() && c.Match(r.Config.Identity(), tok.Fingerprint()) == nil
}

// summary reads the outcome from the run's files, so that it is there for a run that was done before.
func (r *Run) summary(m Manifest) (*Summary, error) {
	s := &Summary{Dir: r.Dir, UnigramLoss: m.UnigramLoss}
	for row, err := range metrics.Rows(r.Dir) {
		if err != nil {
			return nil, err
		}
		s.Step, s.Tokens, s.Loss = row.Step, row.Tokens, row.Loss
		if row.ValLoss != nil {
			s.ValLoss = row.ValLoss
		}
	}
	c, _, err := checkpoint.Latest(r.Dir)
	if err != nil {
		return nil, err
	}
	s.Checkpoint = c.Path
	return s, nil
}

// fields is what the progress line shows of a step, the most wanted first: a narrow one lacks the last.
func fields(row *metrics.Row, valLoss float64) []progress.Field {
	f := []progress.Field{
		progress.Float("loss", row.Loss), {Name: "tok/s", Value: fmt.Sprintf("%.0f", row.TokensPerSecond)}, progress.Float("max logit", row.LargestLogit()),
	}
	if !math.IsNaN(valLoss) {
		f = append(f, progress.Float("val", valLoss))
	}
	return f
}

// NewModel makes the model of the run with its initial weights.
func (r *Run) NewModel(be *cpu.Backend[float32], tok *token.Tokenizer) (*model.Model[float32], error) {
	cfg, err := ModelConfig(r.Config, tok)
	if err != nil {
		return nil, err
	}
	m, err := model.New(cfg, be)
	if err != nil {
		return nil, err
	}
	if from := r.Config.Train.InitFrom; from != "" {
		return m, hf.Import(from, train.Tensors(m))
	}
	m.Init(r.Config.Seed)
	return m, nil
}

// ModelConfig is the model section with the special tokens of the tokenizer.
func ModelConfig(cfg config.Config, tok *token.Tokenizer) (model.Config, error) {
	m := cfg.Model
	if n := tok.VocabSize(); n > m.VocabSize {
		return m, DamagedError{fmt.Errorf("the tokenizer has %d tokens and model.vocab_size is %d: use another tokenizer, or set model.vocab_size=%d", n, m.VocabSize, n)}
	}
	roles := tok.Roles()
	for name, id := range map[string]*int{roles.BOS: &m.BosTokenID, roles.EOS: &m.EosTokenID, roles.PAD: &m.PadTokenID} {
		if v, ok := tok.ID(name); ok {
			*id = int(v)
		}
	}
	return m, nil
}

// NewOptimizer makes the optimizer of a configuration for a model.
func NewOptimizer(be *cpu.Backend[float32], m *model.Model[float32], cfg config.Config) (*optim.Optimizer, error) {
	return optim.NewOn(be, train.OptimParams(m), OptimConfig(cfg))
}

// OptimConfig is the optimizer of a configuration.
func OptimConfig(cfg config.Config) optim.Config {
	o := cfg.Optim
	c := optim.Config{
		Rule: optim.Class(o.Kind), Momentum: zeroIsNone(o.Muon.Momentum), PlainMomentum: !o.Muon.Nesterov,
		NewtonSchulz: optim.NewtonSchulz{Steps: o.Muon.NSSteps, Coefficients: []optim.Coefficients{o.Muon.NSCoefficients}},
		UpdateScale:  o.Muon.UpdateScale, Rank: o.Muon.Rank,
		Beta1: o.AdamW.Beta1, Beta2: o.AdamW.Beta2, Eps: o.AdamW.Eps, AdamWRatio: o.AdamW.Ratio, WeightDecay: o.WeightDecay,
	}
	if o.Muon.NSSet != "" {
		c.NewtonSchulz = optim.NewtonSchulz{Steps: o.Muon.NSSteps, Set: o.Muon.NSSet}
	}
	if o.Muon.Scale != "auto" {
		c.Scale = optim.Scale(o.Muon.Scale)
	}
	if o.Muon.PerHead {
		c.Blocks = train.HeadBlocks(cfg.Model)
	}
	return c
}

// zeroIsNone turns the configuration's zero, which means no momentum, into the optimizer's word for it.
func zeroIsNone(momentum float64) float64 {
	if momentum == 0 {
		return -1
	}
	return momentum
}

func (r *Run) trainOptions(m *model.Model[float32], tok *token.Tokenizer, peak float64) train.Options {
	t := r.Config.Train
	o := train.Options{
		Dir: r.Dir, Steps: t.TotalSteps(), MicroBatch: t.MicroBatch(), GradClip: t.GradClip, BiasRate: t.RouterBiasUpdateRate,
		Schedule: optim.Schedule{
			Kind: t.Schedule, Peak: t.LR, Warmup: t.WarmupSteps, Steps: t.TotalSteps(), Decay: t.WSDDecaySteps(), MinRatio: t.MinLRRatio,
		},
		CheckpointEvery: t.CheckpointEvery, KeepLast: t.KeepLast, KeepEvery: t.KeepEvery, EvalEvery: t.EvalEvery, SampleEvery: t.SampleEvery,
		ConfigFingerprint: r.Config.Identity(), TokenizerFingerprint: tok.Fingerprint(),
		PeakFlops: peak, FlopsPerToken: m.Config.TrainFLOPs(t.SeqLen).Total(), Log: r.Log,
	}
	if t.Spike.Action != "off" {
		o.Spike = train.Spike{Action: t.Spike.Action, Window: t.Spike.Window, ZLoss: t.Spike.ZLoss, ZGrad: t.Spike.ZGrad}
	}
	if q := r.Config.Optim.QKClip; q.Enabled {
		o.QKClip = &optim.QKClip{Tau: q.Tau, Alpha: q.Alpha}
	}
	return o
}

func ceil(a, b int64) int64 { return (a + b - 1) / b }

func (m *Manifest) describeModel(cfg model.Config, be *cpu.Backend[float32]) {
	size := cfg.Size()
	m.ParametersTotal, m.ParametersActivated = size.Total, size.Activated
	m.Kernels, m.Threads, m.PeakGflops = be.Kernels(), be.Threads(), be.Peak()/1e9
}

var (
	// ErrNoData is wrapped by errors about a run folder without tokenizer or shards.
	ErrNoData = errors.New("no data yet")
	// ErrInterrupted is wrapped by errors about work that was ended early after saving it.
	ErrInterrupted = train.ErrInterrupted
)
