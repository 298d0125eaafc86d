package stage

import (
	"fmt"
	"log/slog"

	"muonclip/data/token"
	"muonclip/internal/compute/cpu"
	"muonclip/internal/train"
	"muonclip/model"
	"muonclip/model/hf"
)

// Exported is what ExportHF wrote.
type Exported struct {
	Dir         string   `json:"dir"`
	Files       []string `json:"files"`
	WeightBytes int64    `json:"weight_bytes"`
	Warnings    []string `json:"warnings"` // traps that other programs have for this model
	Weights     string   `json:"weights"`  // checkpoint or folder that the weights came from
}

// ExportHF writes a run's newest checkpoint, or one checkpoint, as a model folder in Hugging Face layout.
func ExportHF(from, to string, o hf.Options, log *slog.Logger) (*Exported, error) {
	t, err := OpenTrained(from, 0, log)
	if err != nil {
		return nil, err
	}
	if t.Tokenizer != nil {
		o.Tokenizer = t.Tokenizer.Save
	}
	if t.Step >= 0 {
		o.Card = fmt.Sprintf("Trained by muonclip for %d optimizer steps, preset %s, seed %d.\n", t.Step, t.Config.Preset, t.Config.Seed)
	}
	rep, err := hf.Export(to, o, t.Model.Config, train.Tensors(t.Model))
	if err != nil {
		return nil, err
	}
	return &Exported{Dir: to, Files: rep.Files, WeightBytes: rep.WeightBytes, Warnings: rep.Warnings, Weights: t.Path}, nil
}

// ImportHF makes the run's first checkpoint, of step 0, from a model folder in Hugging Face layout,
// whose tokenizer becomes the run's. The run's model section must be that of the folder; see
// ImportedConfig.
func (r *Run) ImportHF(from string) error {
	if exists(r.path("checkpoints")) {
		return fmt.Errorf("%s already holds checkpoints; import into a new folder with --out", r.Dir)
	}
	be := cpu.New[float32](r.Config.Train.Threads)
	m, err := model.New(r.Config.Model, be)
	if err != nil {
		return err
	}
	if err := hf.Import(from, train.Tensors(m)); err != nil {
		return err
	}
	fingerprint := ""
	if hasTokenizer(from) {
		tok, err := token.Load(from)
		if err != nil {
			return err
		}
		if err := r.saveTokenizer(tok); err != nil {
			return err
		}
		fingerprint = tok.Fingerprint()
	} else {
		r.Log.Warn("the folder has no tokenizer; put one into the run before training", "folder", from, "run", r.path("data", "tokenizer"))
	}
	opt, err := NewOptimizer(be, m, r.Config)
	if err != nil {
		return err
	}
	return train.SaveInitial(r.Dir, m, opt, r.Config.Identity(), fingerprint)
}
