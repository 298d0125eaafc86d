package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"muonclip/internal/checkpoint"
	"muonclip/internal/metrics"
	"muonclip/internal/safetensors"
	"muonclip/model"
	"muonclip/optim"
)

// extra is the part of a checkpoint's state that only this package reads.
type extra struct {
	Passed int64 `json:"batches_passed_over"`
	Watch  watch `json:"spike_watch"`
}

// save writes a checkpoint of the last finished step, unless it is on disk already.
func (l *Loop) save() error {
	if l.saved == l.step { // but a kill right after it may have left those that go
		_, err := checkpoint.Prune(l.Dir, l.KeepLast, l.KeepEvery)
		return err
	}
	if err := l.opt.CheckValues(); err != nil {
		return fmt.Errorf("train: no checkpoint is written after step %d, the one before is sound: %w", l.step, err)
	}
	if err := l.log.Sync(); err != nil {
		return err
	}
	if l.Probe != nil {
		if err := l.Probe.Keep(); err != nil {
			return err
		}
	}
	path, err := l.state.save(&l.Options, l.model, l.opt, l.seconds)
	if err != nil {
		return err
	}
	l.saved = l.step
	if rel, err := filepath.Rel(l.Dir, path); err == nil {
		path = rel
	}
	l.event(metrics.Event{Step: int64(l.step), Kind: metrics.KindCheckpoint, Layer: -1, Head: -1, Path: path})
	_, err = checkpoint.Prune(l.Dir, l.KeepLast, l.KeepEvery)
	return err
}

// SaveInitial writes the checkpoint of step 0 of a run that starts from given weights.
func SaveInitial(dir string, m *model.Model[float32], opt *optim.Optimizer, configFingerprint, tokenizerFingerprint string) error {
	o := Options{Dir: dir, ConfigFingerprint: configFingerprint, TokenizerFingerprint: tokenizerFingerprint}
	_, err := new(state).save(&o, m, opt, 0)
	return err
}

// save writes a checkpoint and returns its path.
func (s *state) save(o *Options, m *model.Model[float32], opt *optim.Optimizer, seconds float64) (string, error) {
	more, err := json.Marshal(extra{s.passed, s.watch})
	if err != nil {
		return "", fmt.Errorf("train: %w", err)
	}
	moments := opt.State()
	scalars, err := json.Marshal(map[string]int64{"step": moments.Step})
	if err != nil {
		return "", fmt.Errorf("train: %w", err)
	}
	return checkpoint.Save(o.Dir, checkpoint.Contents{
		State: checkpoint.State{
			Step: s.step, Tokens: s.tokens, Seconds: seconds, ConfigFingerprint: o.ConfigFingerprint,
			TokenizerFingerprint: o.TokenizerFingerprint, Optimizer: scalars, Extra: more,
		},
		Model: tensors(m.ReadParams()), Optimizer: stateTensors(moments),
	})
}

// load takes weights, optimizer and position from a checkpoint.
func (l *Loop) load(c *checkpoint.Checkpoint) error {
	if err := c.Match(l.ConfigFingerprint, l.TokenizerFingerprint); err != nil {
		return err
	}
	if err := c.ReadModel(Tensors(l.model)); err != nil {
		return err
	}
	opt := l.opt.State()
	if err := c.ReadOptimizer(stateTensors(opt)); err != nil {
		return err
	}
	var scalars struct {
		Step int64 `json:"step"`
	}
	var more extra
	if err := json.Unmarshal(c.State.Optimizer, &scalars); err != nil {
		return fmt.Errorf("train: %s: optimizer state: %w", c.Path, err)
	}
	if err := json.Unmarshal(c.State.Extra, &more); err != nil {
		return fmt.Errorf("train: %s: extra state: %w", c.Path, err)
	}
	opt.Step = scalars.Step
	if err := l.opt.LoadState(opt); err != nil {
		return err
	}
	l.state = state{step: c.State.Step, tokens: c.State.Tokens, passed: more.Passed, watch: more.Watch}
	l.seconds, l.saved = c.State.Seconds, c.State.Step
	return nil
}

// rollback goes back to the newest checkpoint and passes over the batches up to the one at hand. It
// reports whether there was a checkpoint.
func (l *Loop) rollback(e *metrics.Event) (bool, error) {
	c, _, err := checkpoint.Latest(l.Dir)
	if errors.Is(err, checkpoint.ErrNone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	next := int64(l.step) + l.passed + 1
	if err := l.load(c); err != nil {
		return false, err
	}
	l.passed = next - int64(l.step)
	e.To = int64(l.step)
	if err := l.log.Close(); err != nil {
		return false, err
	}
	if l.Probe != nil {
		if err := l.Probe.Drop(int64(l.step)); err != nil {
			return false, err
		}
	}
	l.log, err = metrics.Open(l.Dir, int64(l.step))
	return true, err
}

// stateTensors lists the optimizer's tensors over their own memory.
func stateTensors(s optim.State) []safetensors.Tensor {
	var tensors []safetensors.Tensor
	for _, t := range s.Tensors {
		tensors = append(tensors, safetensors.Tensor{Name: t.Name, Shape: append([]int(nil), t.Value.Shape()...), Data: t.Value.Float32s()})
	}
	return tensors
}
