package bench

import (
	"testing"

	"muonclip/internal/config"
	"muonclip/model"
	"muonclip/optim"
)

func presetModel(t *testing.T, name string) model.Config {
	t.Helper()
	cfg, _, err := config.Load(config.Options{Preset: name})
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Model
}

// small is a model with every part, for which a step takes milliseconds.
func small(t *testing.T) model.Config {
	cfg := presetModel(t, "tiny")
	cfg.VocabSize, cfg.NumHiddenLayers = 256, 2
	return cfg
}

func smallTrain(t *testing.T) TrainOptions {
	return TrainOptions{Model: small(t), Rows: 2, Cols: 16, Steps: 2, Threads: 2, Optim: optim.Config{}, Temp: t.TempDir()}
}
