//go:build cuda

package cuda

import (
	"testing"

	"muonclip/internal/compute/cpu"
	"muonclip/model"
	"muonclip/model/generate"
)

// TestDeviceGenerate: an engine on the GPU has the logits of one on a processor. Steps of one size are graphs from the second one on.
func TestDeviceGenerate(t *testing.T) {
	all := generating()
	all["wide"], all["wide experts"] = wideModel(), wideExperts()
	for name, cfg := range all {
		t.Run(name, func(t *testing.T) {
			host, dev, be := realPair(t, cfg, Options{})
			compareConversation(t, generate.New(host, cpu.New[float32](0)), generate.New(dev, be), 1e-4)
		})
	}
}

// TestDeviceGenerateBF16: the tensor cores' kernels, of latents of 160 elements and of heads of 64.
func TestDeviceGenerateBF16(t *testing.T) {
	grouped := wideModel()
	grouped.KVLoraRank, grouped.QLoraRank, grouped.HeadDim, grouped.NumKeyValueHeads = 0, 0, 64, 2
	experts := wideExperts()
	experts.NRoutedExperts = experts.NumExpertsPerTok // no choice that rounding could change
	for name, cfg := range map[string]model.Config{"latent": wideModel(), "grouped": grouped, "experts": experts} {
		t.Run(name, func(t *testing.T) {
			host, dev, be := realPair(t, cfg, Options{Precision: BF16})
			compareConversation(t, generate.New(host, cpu.New[float32](0)), generate.New(dev, be), 0.03)
		})
	}
}

// TestDeviceReinforcementLearning: rollouts and training on them, as on a processor.
func TestDeviceReinforcementLearning(t *testing.T) {
	cfg := generating()["latent, no shared expert"]
	cfg.VocabSize, cfg.MaxPositionEmbeddings, cfg.InitializerRange = 304, 256, 0.1
	host, dev, be := realPair(t, cfg, Options{})
	compareLearning(t, host, dev, be)
}
