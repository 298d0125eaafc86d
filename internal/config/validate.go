package config

import (
	"errors"
	"fmt"
	"strings"
)

// Validate checks the values against each other and names every one that is wrong, joined in one
// error. A model is needed; data sources are not, because some commands read none.
func (c Config) Validate() error {
	var ck checker
	if c.Model.NumAttentionHeads <= 0 { // most likely there is no model at all
		ck.bad("model.num_attention_heads is %d, want a positive number; a file that describes no model needs a line such as extends: tiny", c.Model.NumAttentionHeads)
	} else if err := c.Model.Validate(); err != nil {
		ck.errs = append(ck.errs, err)
	}
	c.checkQKNorm(&ck)
	c.checkTokenizer(&ck)
	c.Data.check(&ck)
	c.checkTrain(&ck)
	c.Optim.check(&ck)
	c.checkLater(&ck)
	c.Generate.check(&ck)
	c.Cluster.check(&ck)
	return errors.Join(ck.errs...)
}

// checker collects errors that name key, value and what is wanted.
type checker struct{ errs []error }

func (ck *checker) bad(format string, args ...any) {
	ck.errs = append(ck.errs, fmt.Errorf(format, args...))
}

func (ck *checker) positive(key string, v float64) {
	if v <= 0 {
		ck.bad("%s is %g, want a positive number", key, v)
	}
}

func (ck *checker) notNegative(key string, v float64) {
	if v < 0 {
		ck.bad("%s is %g, want 0 or more", key, v)
	}
}

// within checks low <= v <= high.
func (ck *checker) within(key string, v, low, high float64) {
	if v < low || v > high {
		ck.bad("%s is %g, want %g to %g", key, v, low, high)
	}
}

// share checks 0 <= v < 1.
func (ck *checker) share(key string, v float64) {
	if v < 0 || v >= 1 {
		ck.bad("%s is %g, want 0 to below 1", key, v)
	}
}

// checkQKNorm refuses what the norm of query and key heads makes void or impossible.
func (c Config) checkQKNorm(ck *checker) {
	if !c.Model.QKNorm {
		return
	}
	if c.Optim.QKClip.Enabled {
		ck.bad("model.use_qk_norm and optim.qk_clip.enabled are both true, want at most one: the norm undoes what QK-Clip does to the weights before it")
	}
	if c.Model.MLA() && (len(c.Train.SamplePrompts) > 0 || len(c.Tasks) > 0) {
		ck.bad("model.use_qk_norm with kv_lora_rank %d is given %d train.sample_prompts and %d tasks, want none: "+
			"such a model cannot generate, because its cache holds no keys that a norm could be taken of", c.Model.KVLoraRank, len(c.Train.SamplePrompts), len(c.Tasks))
	}
}

// byteTokens is the smallest vocabulary of a byte-level tokenizer: one token for every byte.
const byteTokens = 256

func (c Config) checkTokenizer(ck *checker) {
	t := c.Tokenizer
	ck.notNegative("tokenizer.train_bytes", float64(t.TrainBytes))
	ck.notNegative("tokenizer.vocab_size", float64(t.VocabSize))
	if t.VocabSize > c.Model.VocabSize {
		ck.bad("tokenizer.vocab_size %d is above model.vocab_size %d, want at most as many", t.VocabSize, c.Model.VocabSize)
	}
	if n := c.TokenizerVocab(); t.Path == "" && n > 0 && n < byteTokens {
		ck.bad("the tokenizer's vocabulary is %d, want at least %d: one token for each byte", n, byteTokens)
	}
	for _, id := range []struct {
		key string
		id  int
	}{
		{"model.bos_token_id", c.Model.BosTokenID}, {"model.eos_token_id", c.Model.EosTokenID}, {"model.pad_token_id", c.Model.PadTokenID},
	} {
		if c.Model.VocabSize > 0 && (id.id < 0 || id.id >= c.Model.VocabSize) {
			ck.bad("%s is %d, want 0 to model.vocab_size-1 = %d", id.key, id.id, c.Model.VocabSize-1)
		}
	}
}

func (d Data) check(ck *checker) {
	ck.share("data.val_fraction", d.ValFraction)
	ck.notNegative("data.max_bytes", float64(d.MaxBytes))
	ck.notNegative("data.min_bytes", float64(d.MinBytes))
	ck.notNegative("data.max_bytes_per_doc", float64(d.MaxBytesPerDoc))
	ck.positive("data.shard_tokens", float64(d.ShardTokens))
	if d.MaxBytesPerDoc > 0 && d.MinBytes > d.MaxBytesPerDoc {
		ck.bad("data.min_bytes %d is above data.max_bytes_per_doc %d", d.MinBytes, d.MaxBytesPerDoc)
	}
	if d.DedupNear && (d.NearThreshold <= 0 || d.NearThreshold > 1) {
		ck.bad("data.near_threshold is %g, want above 0 to 1", d.NearThreshold)
	}
	names := map[string]int{}
	weighted := 0
	for i, s := range d.Sources {
		key := fmt.Sprintf("data.sources[%d]", i)
		if s.Path == "" {
			ck.bad("%s.path is empty, want a file or a folder, or goroot", key)
		}
		ck.notNegative(key+".weight", s.Weight)
		if s.Weight > 0 {
			weighted++
		}
		if j, twice := names[s.Label()]; twice {
			ck.bad("data.sources[%d] and [%d] are both named %q, give each its own name", j, i, s.Label())
		}
		names[s.Label()] = i
	}
	if weighted > 0 && weighted < len(d.Sources) {
		ck.bad("%d of %d data.sources have a weight, want all or none", weighted, len(d.Sources))
	}
}

func (c Config) checkTrain(ck *checker) {
	t := c.Train
	switch {
	case t.Steps < 0 || t.Tokens < 0:
		ck.bad("train.steps is %d and train.tokens is %d, want no negative number", t.Steps, t.Tokens)
	case (t.Steps > 0) == (t.Tokens > 0):
		ck.bad("train.steps is %d and train.tokens is %d, want exactly one of them above 0", t.Steps, t.Tokens)
	}
	ck.positive("train.batch_size", float64(t.BatchSize))
	ck.positive("train.seq_len", float64(t.SeqLen))
	ck.positive("train.lr", t.LR)
	// The steps of reinforcement learning have as many rows as there are rollouts to learn from, which no number divides.
	if t.MicroBatchSize < 0 || c.Stage != StageRL && t.MicroBatchSize > 0 && t.BatchSize%t.MicroBatchSize != 0 {
		ck.bad("train.micro_batch_size is %d, want a divisor of train.batch_size %d, or 0", t.MicroBatchSize, t.BatchSize)
	}
	if t.SeqLen > c.Model.MaxPositionEmbeddings {
		ck.bad("train.seq_len %d is above model.max_position_embeddings %d", t.SeqLen, c.Model.MaxPositionEmbeddings)
	}
	c.checkSchedule(ck)
	for _, n := range []struct {
		key string
		v   float64
	}{
		{"grad_clip", t.GradClip}, {"router_bias_update_rate", t.RouterBiasUpdateRate},
		{"eval_every", float64(t.EvalEvery)}, {"eval_tokens", float64(t.EvalTokens)}, {"sample_every", float64(t.SampleEvery)},
		{"checkpoint_every", float64(t.CheckpointEvery)}, {"keep_last", float64(t.KeepLast)}, {"keep_every", float64(t.KeepEvery)},
		{"log_every", float64(t.LogEvery)}, {"threads", float64(t.Threads)}, {"instruments_every", float64(t.InstrumentsEvery)}, {"spike.z_loss", t.Spike.ZLoss}, {"spike.z_grad", t.Spike.ZGrad},
	} {
		ck.notNegative("train."+n.key, n.v)
	}
	if on := t.Spike.Action != "off" && t.Spike.Action != ""; on && t.Spike.Window < 2 {
		ck.bad("train.spike.window is %d, want at least 2 steps", t.Spike.Window)
	}
	if t.Spike.Action == "rollback" && t.CheckpointEvery == 0 {
		ck.bad("train.spike.action rollback needs checkpoints to return to, set train.checkpoint_every")
	}
}

func (c Config) checkSchedule(ck *checker) {
	t := c.Train
	ck.within("train.min_lr_ratio", t.MinLRRatio, 0, 1)
	ck.within("train.decay_fraction", t.DecayFraction, 0, 1)
	ck.notNegative("train.warmup_steps", float64(t.WarmupSteps))
	ck.notNegative("train.decay_steps", float64(t.DecaySteps))
	if t.Schedule == "" {
		ck.bad("train.schedule is empty, want wsd, cosine, linear or constant")
	}
	total := t.TotalSteps()
	if total > 0 && t.WarmupSteps >= total {
		ck.bad("train.warmup_steps %d leaves nothing of the run's %d steps", t.WarmupSteps, total)
	}
	if t.Schedule != "wsd" {
		return
	}
	if t.DecaySteps > 0 && t.DecayFraction > 0 {
		ck.bad("train.decay_steps is %d and train.decay_fraction is %g, want at most one of them above 0", t.DecaySteps, t.DecayFraction)
	} else if d := t.WSDDecaySteps(); total > 0 && d+t.WarmupSteps > total {
		ck.bad("train.warmup_steps %d and the %d decay steps are more than the run's %d steps", t.WarmupSteps, d, total)
	}
}

func (o Optim) check(ck *checker) {
	if o.Kind == "" {
		ck.bad("optim.kind is empty, want muon, or adamw or another rule as a baseline")
	}
	ck.notNegative("optim.weight_decay", o.WeightDecay)
	ck.share("optim.muon.momentum", o.Muon.Momentum)
	if o.Muon.NSSteps < 1 {
		ck.bad("optim.muon.ns_steps is %d, want at least 1", o.Muon.NSSteps)
	}
	if o.Muon.Scale == "" {
		ck.bad("optim.muon.scale is empty, want auto, rms or spectral")
	}
	ck.positive("optim.muon.update_scale", o.Muon.UpdateScale)
	ck.positive("optim.muon.rank", o.Muon.Rank)
	ck.within("optim.muon.rank", o.Muon.Rank, 0, 1)
	ck.share("optim.adamw.beta1", o.AdamW.Beta1)
	ck.share("optim.adamw.beta2", o.AdamW.Beta2)
	ck.positive("optim.adamw.eps", o.AdamW.Eps)
	ck.positive("optim.adamw.lr_ratio", o.AdamW.Ratio)
	if o.QKClip.Enabled {
		ck.positive("optim.qk_clip.tau", o.QKClip.Tau)
		ck.within("optim.qk_clip.alpha", o.QKClip.Alpha, 0, 1)
	}
}

func (g Generate) check(ck *checker) {
	ck.notNegative("generate.max_tokens", float64(g.MaxTokens))
	ck.notNegative("generate.temperature", g.Temperature)
	ck.notNegative("generate.top_k", float64(g.TopK))
	ck.within("generate.top_p", g.TopP, 0, 1)
	ck.within("generate.min_p", g.MinP, 0, 1)
	ck.notNegative("generate.repetition_penalty", g.RepetitionPenalty)
	for i, s := range g.Stop {
		if s == "" {
			ck.bad("generate.stop[%d] is empty, want a text", i)
		}
	}
}

func (c Cluster) check(ck *checker) {
	for _, n := range []struct {
		key string
		v   int
	}{{"dp", c.DP}, {"ep", c.EP}, {"pp", c.PP}} {
		ck.notNegative("cluster."+n.key, float64(n.v))
	}
	ck.positive("cluster.devices", float64(c.Devices))
	ck.positive("cluster.device_tflops", c.DeviceTFLOPS)
	ck.positive("cluster.device_memory_gib", c.DeviceMemoryGiB)
	if c.MFU <= 0 || c.MFU > 1 {
		ck.bad("cluster.mfu is %g, want above 0 to 1", c.MFU)
	}
	for _, d := range []struct{ key, v string }{
		{"weight_dtype", c.WeightDtype}, {"grad_dtype", c.GradDtype}, {"optimizer_dtype", c.OptimizerDtype},
		{"master_dtype", c.MasterDtype}, {"activation_dtype", c.ActivationDtype}, {"activation_recompute", c.ActivationRecompute},
	} {
		if strings.TrimSpace(d.v) == "" {
			ck.bad("cluster.%s is empty", d.key)
		}
	}
	dp, ep, pp := c.Layout()
	if c.Devices > 0 && dp*pp != c.Devices {
		ck.bad("cluster.dp %d times cluster.pp %d is %d, want cluster.devices %d", dp, pp, dp*pp, c.Devices)
	}
	if ep > 0 && dp%ep != 0 {
		ck.bad("cluster.ep %d does not divide cluster.dp %d: expert parallelism lies inside the data-parallel group", ep, dp)
	}
}
