package stage

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"muonclip/data/token"
	"muonclip/internal/checkpoint"
	"muonclip/internal/compute/cpu"
	"muonclip/internal/config"
	"muonclip/internal/train"
	"muonclip/model"
	"muonclip/model/hf"
)

// Trained is a model to use rather than to train.
type Trained struct {
	Model *model.Model[float32]
	place
	Tokenizer *token.Tokenizer // nil for a folder without one
	Config    config.Config    // of the run; only Model is set for a Hugging Face folder
	Path      string           // checkpoint or folder that the weights came from
	Step      int              // optimizer steps behind the weights; -1 where unknown
}

// OpenTrained loads the newest valid checkpoint of a run folder, one checkpoint folder, or a model
// folder in Hugging Face layout. A newer checkpoint that is damaged is a warning in log, which may be nil.
func OpenTrained(dir string, threads int, log *slog.Logger) (*Trained, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	t := &Trained{place: place{Backend: cpu.New[float32](threads)}, Path: dir, Step: -1}
	switch {
	case exists(filepath.Join(dir, "config.json")):
		return t, t.openHF(dir)
	case exists(filepath.Join(dir, "state.json")):
		return t, t.openRun(runOf(filepath.Clean(dir)), dir, log)
	case exists(filepath.Join(dir, "config.yaml")):
		return t, t.openRun(dir, "", log)
	case !exists(dir):
		return nil, fmt.Errorf("there is no folder %s; train a model with \"muonclip run\", or give a folder that holds one with --model", dir)
	}
	return nil, fmt.Errorf("%s is neither a run folder (with config.yaml) nor a checkpoint (with state.json) nor a model folder (with config.json)", dir)
}

func (t *Trained) openHF(dir string) error {
	cfg, err := hf.ReadConfig(dir)
	if err != nil {
		return err
	}
	t.Config.Model = cfg
	if t.Model, err = model.New(cfg, t.Backend); err != nil {
		return err
	}
	if hasTokenizer(dir) {
		if t.Tokenizer, err = token.Load(dir); err != nil {
			return err
		}
	}
	return hf.Import(dir, train.Tensors(t.Model))
}

// openRun loads a checkpoint of the run, the newest valid one where path is empty.
func (t *Trained) openRun(run, path string, log *slog.Logger) error {
	var err error
	if t.Config, err = config.Read(filepath.Join(run, "config.yaml")); err != nil {
		return UsageError{err}
	}
	r := &Run{Dir: run, Config: t.Config}
	if t.Tokenizer, err = r.LoadTokenizer(); err != nil {
		return err
	}
	var c *checkpoint.Checkpoint
	if path == "" {
		var damage []error
		c, damage, err = checkpoint.Latest(run)
		for _, d := range damage {
			log.Warn("a checkpoint is damaged; an earlier one is used", "error", d)
		}
	} else {
		c, err = checkpoint.Load(path)
	}
	if errors.Is(err, checkpoint.ErrNone) {
		return fmt.Errorf("%s has not been trained yet: %w; train it with \"muonclip pretrain --out %s\"", run, err, run)
	}
	if err != nil {
		return damaged(err)
	}
	if err := c.Match(t.Config.Identity(), t.Tokenizer.Fingerprint()); err != nil {
		return damaged(err)
	}
	cfg, err := ModelConfig(t.Config, t.Tokenizer)
	if err != nil {
		return err
	}
	if t.Model, err = model.New(cfg, t.Backend); err != nil {
		return err
	}
	t.Path, t.Step = c.Path, c.State.Step
	return c.ReadModel(train.Tensors(t.Model))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// runOf is the run folder of a checkpoint folder.
func runOf(checkpoint string) string { return filepath.Dir(filepath.Dir(checkpoint)) }
