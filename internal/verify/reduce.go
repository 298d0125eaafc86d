package verify

import "muonclip/model"

// Reduce shrinks a config to a size at which the referees take about a second, and keeps what makes up its
// structure: the kind of attention, query rank or none, grouping of heads, YaRN, tied or own head, dense
// and MoE layers, shared experts, normalised gates, auxiliary loss. Numbers that are already smaller
// stay. A valid config gives a valid one.
func Reduce(cfg model.Config) model.Config {
	full := cfg
	cfg.VocabSize = min(cfg.VocabSize, 40)
	cfg.HiddenSize = min(cfg.HiddenSize, 20)
	cfg.IntermediateSize = min(cfg.IntermediateSize, 24)
	cfg.BosTokenID = min(cfg.BosTokenID, cfg.VocabSize-1)
	cfg.EosTokenID = min(cfg.EosTokenID, cfg.VocabSize-1)
	cfg.PadTokenID = min(cfg.PadTokenID, cfg.VocabSize-1)
	reduceAttention(&cfg, full)
	reduceLayers(&cfg, full)
	if full.NRoutedExperts > 0 {
		reduceExperts(&cfg, full)
	}
	if full.RopeScaling != nil {
		rs := *full.RopeScaling
		cfg.RopeScaling = &rs
	}
	return cfg
}

// reduceAttention keeps at most two heads of latent attention, or two key heads with up to four query
// heads each. The widths differ from each other, so that no two can be mixed up unseen.
func reduceAttention(cfg *model.Config, full model.Config) {
	if full.MLA() {
		cfg.NumAttentionHeads = min(full.NumAttentionHeads, 2)
		cfg.NumKeyValueHeads = min(full.NumKeyValueHeads, cfg.NumAttentionHeads)
		cfg.QLoraRank = min(full.QLoraRank, 10)
		cfg.KVLoraRank = min(full.KVLoraRank, 9)
		cfg.QKNopeHeadDim = min(full.QKNopeHeadDim, 6)
		cfg.QKRopeHeadDim = min(full.QKRopeHeadDim, 8)
		cfg.VHeadDim = min(full.VHeadDim, 5)
		return
	}
	kv := full.KVHeads()
	group := min(full.NumAttentionHeads/kv, 4)
	kv = min(kv, 2)
	cfg.NumAttentionHeads = kv * group
	if full.NumKeyValueHeads > 0 {
		cfg.NumKeyValueHeads = kv
	}
	cfg.HeadDim = min(full.HeadDim, 8)
}

// reduceLayers keeps at most one leading dense layer and two MoE layers, or two dense ones.
func reduceLayers(cfg *model.Config, full model.Config) {
	dense := full.FirstKDenseReplace
	if full.NRoutedExperts == 0 || dense >= full.NumHiddenLayers {
		cfg.NumHiddenLayers = min(full.NumHiddenLayers, 2)
		cfg.FirstKDenseReplace = min(dense, cfg.NumHiddenLayers)
		return
	}
	cfg.FirstKDenseReplace = min(dense, 1)
	cfg.NumHiddenLayers = cfg.FirstKDenseReplace + min(full.NumHiddenLayers-dense, 2)
}

// reduceExperts keeps at most six experts with three a token, and all experts chosen if they all were.
func reduceExperts(cfg *model.Config, full model.Config) {
	cfg.MoeIntermediateSize = min(full.MoeIntermediateSize, 7)
	cfg.NRoutedExperts = min(full.NRoutedExperts, 6)
	cfg.NumExpertsPerTok = min(full.NumExpertsPerTok, 3)
	if full.NumExpertsPerTok == full.NRoutedExperts {
		cfg.NumExpertsPerTok = cfg.NRoutedExperts
	} else {
		cfg.NumExpertsPerTok = min(cfg.NumExpertsPerTok, cfg.NRoutedExperts-1)
	}
	cfg.NSharedExperts = min(full.NSharedExperts, 2)
}
