// Package config holds the one configuration of the program: its fields with their defaults,
// where the values come from (presets, files, environment, --set), and the rules between them.
// It is the only package that uses viper. Every other package gets a Config by value.
package config

import "muonclip/model"

// EnvPrefix starts the name of every environment variable that sets a key: train.lr is set by
// MUONCLIP_TRAIN_LR.
const EnvPrefix = "MUONCLIP_"

// Config is everything that a run depends on. A field's key is its path of json names, such as
// train.lr. The doc tag is the text that `config show --explain` prints, the enum tag lists the
// words that a string may be, and the role tag says what a change means for a run that is resumed
// (see Role).
type Config struct {
	Preset    string       `json:"preset" doc:"preset that the values started from; empty for none"`
	Stage     string       `json:"stage" role:"identity" enum:"|sft|rl" doc:"stage that a run folder belongs to: empty for pretraining, sft or rl; set by the program"`
	Seed      uint64       `json:"seed" role:"identity" doc:"seed of initial weights, data order and sampling"`
	Model     model.Config `json:"model" role:"identity"`
	Tokenizer Tokenizer    `json:"tokenizer" role:"identity"`
	Data      Data         `json:"data" role:"identity"`
	Train     Train        `json:"train"`
	Optim     Optim        `json:"optim" role:"numerics"`
	Tasks     []Task       `json:"tasks" role:"identity" doc:"what the model learns to do after pretraining"`
	SFT       SFT          `json:"sft" role:"numerics"`
	RL        RL           `json:"rl" role:"numerics"`
	Generate  Generate     `json:"generate"`
	Cluster   Cluster      `json:"cluster"`
}

// Tokenizer says which tokenizer a run uses: one that exists, or one trained on the run's text.
type Tokenizer struct {
	VocabSize  int    `json:"vocab_size" doc:"number of tokens to train, special tokens included; 0 means model.vocab_size"`
	Path       string `json:"path" doc:"tokenizer.json, tiktoken.model or a folder with one, used instead of training; empty trains one"`
	Pattern    string `json:"pattern" enum:"kimi-k2|gpt2|llama3|qwen2" doc:"how text is cut before pairs are merged: kimi-k2, gpt2, llama3 (up to three digits together, as kimi-k2) or qwen2 (every digit alone)"`
	TrainBytes int64  `json:"train_bytes" doc:"bytes of text that the tokenizer is trained on, which the sources share by their weights; 0 means all of it"`
}

// Data says which text is read and how it becomes shards of tokens.
type Data struct {
	Sources        []Source `json:"sources" doc:"where the text comes from; several are mixed by weight"`
	ValFraction    float64  `json:"val_fraction" doc:"share of the documents held out for evaluation, 0 to below 1; 0 holds out none"`
	MaxBytes       int64    `json:"max_bytes" doc:"bytes of text kept over all sources, which share them by their weights; 0 means no limit"`
	MaskDocuments  bool     `json:"mask_documents" doc:"tokens attend only to their own document; false lets packed documents see each other"`
	DedupExact     bool     `json:"dedup_exact" doc:"drop documents that are byte-identical to an earlier one"`
	DedupNear      bool     `json:"dedup_near" doc:"drop near-duplicates found by MinHash"`
	NearThreshold  float64  `json:"near_threshold" doc:"estimated Jaccard similarity from which dedup_near drops a document, above 0 to 1"`
	MinBytes       int64    `json:"min_bytes" doc:"shortest document kept, in bytes; 0 keeps all"`
	MaxBytesPerDoc int64    `json:"max_bytes_per_doc" doc:"longest document kept, in bytes; 0 means no limit"`
	ChunkBytes     int64    `json:"chunk_bytes" doc:"longer texts are cut into documents of at most this many bytes, at a paragraph or line; 0 keeps the files of a folder whole and cuts a single text file at 8192, so that there is something to hold out"`
	ShardTokens    int64    `json:"shard_tokens" doc:"tokens in one shard file; a new file starts when it is full"`
}

// Source is one place that text comes from. The path "goroot" stands for the source of the Go
// standard library, $(go env GOROOT)/src, "dialogues" for the dialogues that the run
// makes for its tasks, and "recall" for made-up texts that teach to copy out of the context.
type Source struct {
	Name    string   `json:"name" doc:"name in reports and events; empty means the last element of path"`
	Path    string   `json:"path" doc:"file or folder, relative to the working folder; goroot is the Go standard library's source, dialogues the text of those that the run makes for its tasks, recall random words that come again"`
	Format  string   `json:"format" enum:"auto|text|jsonl|parquet|arrow" doc:"auto (by file name), text, jsonl, parquet or arrow; empty means auto"`
	Field   string   `json:"field" doc:"field or column that holds the text; empty means text"`
	Include []string `json:"include" doc:"globs of the files to read, relative to path, ** for any depth; empty reads every file"`
	Exclude []string `json:"exclude" doc:"globs of the files to leave out; applied after include"`
	Weight  float64  `json:"weight" doc:"share of the tokens drawn from this source, relative to the others; 0 means in proportion to its size"`
}

// Train is the training loop.
type Train struct {
	Steps                int      `json:"steps" role:"numerics" doc:"optimizer steps; give this or train.tokens, the other is 0"`
	Tokens               int64    `json:"tokens" role:"numerics" doc:"tokens to train on, rounded up to whole steps; give this or train.steps"`
	BatchSize            int      `json:"batch_size" role:"identity" doc:"sequences in one optimizer step, over all devices"`
	MicroBatchSize       int      `json:"micro_batch_size" role:"numerics" doc:"sequences in one forward pass; must divide batch_size; 0 means batch_size"`
	SeqLen               int      `json:"seq_len" role:"identity" doc:"tokens in one sequence"`
	LR                   float64  `json:"lr" role:"numerics" doc:"peak learning rate, for Muon and AdamW alike"`
	Schedule             string   `json:"schedule" role:"numerics" enum:"wsd|cosine|linear|constant" doc:"shape of the learning rate after warm-up: wsd, cosine, linear or constant"`
	WarmupSteps          int      `json:"warmup_steps" role:"numerics" doc:"steps of linear warm-up from 0; 0 for none"`
	DecaySteps           int      `json:"decay_steps" role:"numerics" doc:"last steps of wsd, in which the rate falls; give this or decay_fraction, the other is 0"`
	DecayFraction        float64  `json:"decay_fraction" role:"numerics" doc:"share of all steps in which wsd lets the rate fall, 0 to 1"`
	MinLRRatio           float64  `json:"min_lr_ratio" role:"numerics" doc:"final learning rate as a share of lr; 0 ends at zero"`
	GradClip             float64  `json:"grad_clip" role:"numerics" doc:"largest global gradient norm; 0 turns clipping off"`
	RouterBiasUpdateRate float64  `json:"router_bias_update_rate" role:"numerics" doc:"step of e_score_correction_bias towards an even expert load; 0 leaves it alone"`
	InitFrom             string   `json:"init_from" role:"identity" doc:"Hugging Face folder with the initial weights; empty draws them from seed"`
	EvalEvery            int      `json:"eval_every" doc:"steps between evaluations; 0 evaluates only at the end"`
	EvalTokens           int64    `json:"eval_tokens" doc:"held-out tokens of one evaluation, in whole batches spread evenly over them; 0 means all of them"`
	SampleEvery          int      `json:"sample_every" doc:"steps between generated samples; 0 samples only at the end"`
	SamplePrompts        []string `json:"sample_prompts" doc:"prompts of the samples; empty generates none"`
	CheckpointEvery      int      `json:"checkpoint_every" doc:"steps between checkpoints; 0 saves only at the end and on interruption"`
	KeepLast             int      `json:"keep_last" doc:"newest checkpoints kept; 0 keeps all"`
	KeepEvery            int      `json:"keep_every" doc:"checkpoints at multiples of this many steps are kept for good; 0 for none"`
	LogEvery             int      `json:"log_every" doc:"steps between log lines; 0 means 1. metrics.jsonl has every step"`
	InstrumentsEvery     int      `json:"instruments_every" doc:"steps between measurements of spectra, noise and sharpness into instruments.parquet; 0 measures none"`
	ActivationRecompute  string   `json:"activation_recompute" enum:"none|full" doc:"none keeps all activations for the backward pass; full keeps each layer's input and runs the layer again, which takes a third of the memory and about a third more time. Results do not depend on it. Empty means none"`
	Threads              int      `json:"threads" doc:"worker threads; 0 means GOMAXPROCS. Results do not depend on it"`
	Device               string   `json:"device" role:"numerics" enum:"cpu|cuda|auto" doc:"where to train: cpu, cuda (an NVIDIA GPU, with a program built by make cuda) or auto (cuda where there is one). Checkpoints are the same for all. Empty means cpu"`
	Precision            string   `json:"precision" role:"numerics" enum:"float32|bf16" doc:"of the operands of matrix products on a GPU; sums, weights and optimizer are float32 in any case. Empty means bf16. A processor computes in float32"`
	Spike                Spike    `json:"spike" role:"numerics"`
}

// Spike is what happens when the loss or the gradient norm jumps. z scores are measured against
// the mean and deviation of the last window steps.
type Spike struct {
	Action string  `json:"action" enum:"off|report|skip|rollback" doc:"off, report (log it), skip (drop the update) or rollback (return to the last checkpoint and pass over the batch)"`
	Window int     `json:"window" doc:"steps over which mean and deviation are taken; at least 2"`
	ZLoss  float64 `json:"z_loss" doc:"z score of the loss that counts as a spike; 0 ignores the loss"`
	ZGrad  float64 `json:"z_grad" doc:"z score of the gradient norm that counts as a spike; 0 ignores it"`
}

// Optim is the optimizer.
type Optim struct {
	Kind        string  `json:"kind" role:"identity" enum:"muon|plain-muon|normuon|dion|adamw|sgd" doc:"rule for matrices: muon, a rival (plain-muon, normuon, dion), or adamw as a baseline; embeddings, head and vectors use adamw, but under sgd all parameters use that"`
	WeightDecay float64 `json:"weight_decay" doc:"decoupled weight decay of every parameter, multiplied by lr; 0 for none"`
	Muon        Muon    `json:"muon"`
	AdamW       AdamW   `json:"adamw"`
	QKClip      QKClip  `json:"qk_clip"`
}

// Muon has the options of Muon as Moonlight defines it (arXiv 2502.16982), and of its rivals.
type Muon struct {
	Momentum       float64    `json:"momentum" doc:"decay of the momentum buffer, 0 to below 1; also of dion and sgd"`
	Nesterov       bool       `json:"nesterov" doc:"look ahead: orthogonalise gradient + momentum * buffer; also of sgd, not of dion"`
	NSSteps        int        `json:"ns_steps" doc:"Newton-Schulz steps"`
	NSCoefficients [3]float64 `json:"ns_coefficients" doc:"a, b, c of a Newton-Schulz step X <- a X + (b A + c A A) X with A = X X^T"`
	NSSet          string     `json:"ns_set" enum:"jordan|cubic|jiacheng|polar-express|cans" doc:"published coefficients by step, used in place of ns_coefficients: the first ns_steps of them, the last repeated; empty means ns_coefficients"`
	Scale          string     `json:"scale" enum:"auto|rms|spectral" doc:"what an update's size comes from: rms (update_scale) or spectral (the matrix's shape, sqrt(max(1, rows/cols)), under dion sqrt(rows/cols)); auto means spectral for plain-muon and dion, else rms"`
	UpdateScale    float64    `json:"update_scale" doc:"root mean square of an update before lr; the orthogonal matrix is multiplied by update_scale * sqrt(max(rows, cols))"`
	PerHead        bool       `json:"per_head" doc:"update the rows of each attention head as a matrix of their own, in q_proj, q_b_proj, k_proj, v_proj and kv_b_proj"`
	Rank           float64    `json:"rank" doc:"rank of an update of dion over min(rows, cols), above 0 up to 1"`
}

// AdamW has the options of AdamW (arXiv 1711.05101).
type AdamW struct {
	Beta1 float64 `json:"beta1" doc:"decay of the first moment, 0 to below 1"`
	Beta2 float64 `json:"beta2" doc:"decay of the second moment, 0 to below 1; also of normuon's"`
	Eps   float64 `json:"eps" doc:"added to the root of the second moment, above 0"`
	Ratio float64 `json:"lr_ratio" doc:"learning rate of adamw's parameters over lr; 1 under muon, smaller where scale is spectral"`
}

// QKClip has the options of QK-Clip (Kimi K2 report, algorithm 1, arXiv 2507.20534).
type QKClip struct {
	Enabled bool    `json:"enabled" doc:"rescale query and key weights of heads whose largest attention logit passed tau"`
	Tau     float64 `json:"tau" doc:"largest attention logit (scaled, before softmax) that a head may reach unclipped"`
	Alpha   float64 `json:"alpha" doc:"share of the rescaling that queries take, gamma^alpha; keys take gamma^(1-alpha)"`
}

// Generate has the sampling options of generated text.
type Generate struct {
	MaxTokens         int      `json:"max_tokens" doc:"most tokens generated for a prompt"`
	Temperature       float64  `json:"temperature" doc:"divides the logits; 0 picks the likeliest token"`
	TopK              int      `json:"top_k" doc:"sample from this many likeliest tokens; 0 means all"`
	TopP              float64  `json:"top_p" doc:"sample from the smallest set with this much probability; 0 or 1 means all"`
	MinP              float64  `json:"min_p" doc:"drop tokens below this share of the likeliest token's probability; 0 drops none"`
	RepetitionPenalty float64  `json:"repetition_penalty" doc:"divides positive and multiplies negative logits of tokens already seen; 1 for none, 0 means 1"`
	Stop              []string `json:"stop" doc:"strings that end the text; the end-of-text token always does"`
	Seed              uint64   `json:"seed" doc:"seed of the sampling; 0 means the run's seed"`
}

// Cluster describes the machines that `plan` computes with. Training does not read it.
type Cluster struct {
	Devices             int     `json:"devices" doc:"number of accelerators; data, pipeline and expert parallelism share them"`
	DeviceTFLOPS        float64 `json:"device_tflops" doc:"peak dense TFLOP/s of one device at the training precision"`
	MFU                 float64 `json:"mfu" doc:"share of the peak that training reaches (model FLOPs utilisation), above 0 to 1"`
	DeviceMemoryGiB     float64 `json:"device_memory_gib" doc:"memory of one device in GiB"`
	DP                  int     `json:"dp" doc:"data-parallel replicas; 0 means devices / pp"`
	EP                  int     `json:"ep" doc:"devices that share the routed experts, inside the data-parallel group; 0 means 1"`
	PP                  int     `json:"pp" doc:"pipeline stages; 0 means 1"`
	WeightDtype         string  `json:"weight_dtype" enum:"fp32|bf16|fp8" doc:"weights used by forward and backward: fp32, bf16 or fp8"`
	GradDtype           string  `json:"grad_dtype" enum:"fp32|bf16" doc:"accumulated gradients: fp32 or bf16"`
	OptimizerDtype      string  `json:"optimizer_dtype" enum:"fp32|bf16" doc:"momentum and moments: fp32 or bf16"`
	MasterDtype         string  `json:"master_dtype" enum:"none|fp32" doc:"second copy of the weights that the optimizer updates: fp32 or none"`
	ActivationDtype     string  `json:"activation_dtype" enum:"fp32|bf16|fp8" doc:"stored activations: fp32, bf16 or fp8"`
	ShardOptimizer      bool    `json:"shard_optimizer" doc:"split optimizer state and master weights over the data-parallel group (ZeRO stage 1)"`
	ActivationRecompute string  `json:"activation_recompute" enum:"none|full" doc:"none keeps all activations, full keeps a layer's input and computes the rest again"`
}
