package config

import "muonclip/model"

// Default returns the values that hold where no preset, file, variable or --set says otherwise.
// The model has no size, the data no source and the training no length: those must be given.
func Default() Config {
	return Config{
		Model: model.Config{
			RoutedScalingFactor: 1, NormTopkProb: true, ScoringFunc: "sigmoid", TopkMethod: "noaux_tc",
			NGroup: 1, TopkGroup: 1, FirstKDenseReplace: 1, MoeLayerFreq: 1, SeqAux: true,
			HiddenAct: "silu", RMSNormEps: 1e-6, RopeTheta: 50000, InitializerRange: 0.02,
		},
		Tokenizer: Tokenizer{Pattern: "kimi-k2"},
		Data: Data{
			ValFraction: 0.01, MaskDocuments: true, DedupExact: true, NearThreshold: 0.8,
			ShardTokens: 1 << 24,
		},
		Train: Train{
			Schedule: "wsd", MinLRRatio: 0.1, DecayFraction: 0.2, GradClip: 1, RouterBiasUpdateRate: 1e-3,
			KeepLast: 3, LogEvery: 1, ActivationRecompute: "none",
			Spike: Spike{Action: "report", Window: 128, ZLoss: 6, ZGrad: 6},
		},
		Optim: Optim{
			Kind: "muon", WeightDecay: 0.1,
			Muon: Muon{
				Momentum: 0.95, Nesterov: true, NSSteps: 5,
				NSCoefficients: [3]float64{3.4445, -4.7750, 2.0315}, Scale: "auto", UpdateScale: 0.2, Rank: 0.25,
			},
			AdamW:  AdamW{Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, Ratio: 1},
			QKClip: QKClip{Enabled: true, Tau: 100, Alpha: 0.5},
		},
		SFT: SFT{
			Format: "kimi-k2", Epochs: 1, BatchSize: 32, SeqLen: 512, LR: 2e-4, DecayFraction: 0.4, MinLRRatio: 0.05, ValFraction: 0.02,
		},
		RL: RL{
			Prompts: 32, Samples: 8, Updates: 1, Objective: "k2", Tau: 0.1, Clip: 0.2, LR: 1e-4, Temperature: 1, FinalTemperature: 0.8,
			MaxTokens: 512, CutPenalty: 0.2, PTXRows: 4, MaxBatch: 64, MicroBatchSize: 8, EvalEpisodes: 100, CheckpointEvery: 5,
		},
		Generate: Generate{MaxTokens: 200, Temperature: 0.8, TopP: 0.95, RepetitionPenalty: 1},
		Cluster: Cluster{
			Devices: 1, DeviceTFLOPS: 989, MFU: 0.4, DeviceMemoryGiB: 80, DP: 0, EP: 1, PP: 1,
			WeightDtype: "bf16", GradDtype: "fp32", OptimizerDtype: "fp32", MasterDtype: "fp32",
			ActivationDtype: "bf16", ShardOptimizer: true, ActivationRecompute: "none",
		},
	}
}

// TokensPerStep is the number of tokens of one optimizer step.
func (t Train) TokensPerStep() int64 { return int64(t.BatchSize) * int64(t.SeqLen) }

// TotalSteps is the number of optimizer steps, from steps or from tokens, rounded up.
func (t Train) TotalSteps() int {
	if per := t.TokensPerStep(); t.Steps == 0 && per > 0 {
		return int((t.Tokens + per - 1) / per)
	}
	return t.Steps
}

// TotalTokens is the number of tokens of the whole run.
func (t Train) TotalTokens() int64 { return int64(t.TotalSteps()) * t.TokensPerStep() }

// MicroBatch is the number of sequences of one forward pass.
func (t Train) MicroBatch() int {
	if t.MicroBatchSize == 0 {
		return t.BatchSize
	}
	return t.MicroBatchSize
}

// WSDDecaySteps is the number of last steps in which the wsd schedule lets the rate fall.
func (t Train) WSDDecaySteps() int {
	if t.DecaySteps > 0 {
		return t.DecaySteps
	}
	return int(t.DecayFraction*float64(t.TotalSteps()) + 0.5)
}

// TokenizerVocab is the number of tokens that a trained tokenizer has.
func (c Config) TokenizerVocab() int {
	if c.Tokenizer.VocabSize == 0 {
		return c.Model.VocabSize
	}
	return c.Tokenizer.VocabSize
}
