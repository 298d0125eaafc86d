// Package checkpoint saves and loads the state of a training run.
//
// A checkpoint is a folder checkpoints/step-000100 of the run folder:
//
//	model.safetensors      the weights, F32
//	optimizer.safetensors  the tensors of the optimizer, F32
//	state.json             [State]
//	clock.json             the wall time, apart because it differs between equal runs
//	MANIFEST               sizes and checksums of the first three files, written last
//
// A folder appears whole or not at all, and everything but clock.json is a function of the
// contents, so that two runs can be compared byte by byte (docs/formats/checkpoint.md).
package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"muonclip/internal/safetensors"
)

// FormatVersion is the version of the layout that Save writes and Load reads.
const FormatVersion = 1

// Folder is the name of the folder of checkpoints in a run folder.
const Folder = "checkpoints"

// Names of the files in a checkpoint.
const (
	modelFile     = "model.safetensors"
	optimizerFile = "optimizer.safetensors"
	stateFile     = "state.json"
	clockFile     = "clock.json"
	manifestFile  = "MANIFEST"
)

var (
	// ErrDamaged is wrapped by errors about a checkpoint whose content is not what was saved.
	ErrDamaged = errors.New("checkpoint is damaged")
	// ErrVersion is wrapped by errors about a checkpoint of another format version.
	ErrVersion = errors.New("checkpoint has another format version")
	// ErrNone is wrapped by the error of Latest when a run has no checkpoint at all.
	ErrNone = errors.New("no checkpoint")
	// ErrOther is wrapped by the error of Match.
	ErrOther = errors.New("checkpoint belongs to another run")
)

// State is what a run must know besides its tensors. The raw messages belong to their writers and
// come back in compact form; they must not hold wall-clock times if checkpoints are to be
// comparable.
type State struct {
	Step   int   `json:"step"`   // optimizer steps done
	Tokens int64 `json:"tokens"` // tokens trained on

	// Seconds of training so far. It is kept in clock.json, outside the checksums.
	Seconds float64 `json:"-"`

	ConfigFingerprint    string `json:"config_fingerprint,omitempty"`
	TokenizerFingerprint string `json:"tokenizer_fingerprint,omitempty"`

	RNG       json.RawMessage `json:"rng,omitempty"`       // positions of random streams
	Data      json.RawMessage `json:"data,omitempty"`      // position in the data
	Optimizer json.RawMessage `json:"optimizer,omitempty"` // scalars of the optimizer
	Extra     json.RawMessage `json:"extra,omitempty"`     // anything else
}

// Contents is all that a checkpoint holds.
type Contents struct {
	State     State
	Model     []safetensors.Tensor
	Optimizer []safetensors.Tensor // may be empty
}

// Checkpoint is a verified checkpoint on disk.
type Checkpoint struct {
	Path  string
	State State
	// Digest is the xxh3 of the checksums of all files: equal for equal contents.
	Digest string
	// Warnings are about things that do no harm, such as a lost clock.json.
	Warnings []string
}

// Path is the folder of the checkpoint of a step.
func Path(runDir string, step int) string {
	return filepath.Join(runDir, Folder, fmt.Sprintf("step-%06d", step))
}

// Match verifies that the checkpoint was saved under the given configuration and tokenizer. An
// empty fingerprint, here or in the checkpoint, matches anything.
func (c *Checkpoint) Match(configFingerprint, tokenizerFingerprint string) error {
	check := func(what, saved, now, advice string) error {
		if saved == "" || now == "" || saved == now {
			return nil
		}
		return fmt.Errorf("checkpoint: %w: %s was saved with the %s %s, this run has %s; %s", ErrOther, c.Path, what, saved, now, advice)
	}
	return errors.Join(
		check("configuration", c.State.ConfigFingerprint, configFingerprint, "go on with the saved config.yaml or choose another run folder"),
		check("tokenizer", c.State.TokenizerFingerprint, tokenizerFingerprint, "use the tokenizer of its run folder: token ids of another one mean other text"),
	)
}

// Model reads all weights.
func (c *Checkpoint) Model() ([]safetensors.Tensor, error) { return c.readAll(modelFile) }

// Optimizer reads all tensors of the optimizer.
func (c *Checkpoint) Optimizer() ([]safetensors.Tensor, error) { return c.readAll(optimizerFile) }

// ReadModel reads the weights into the Data of want, which is allocated where nil. Names and
// shapes must agree exactly; otherwise nothing is read and the error wraps a
// [*safetensors.Mismatch] that names the differences.
func (c *Checkpoint) ReadModel(want []safetensors.Tensor) error { return c.fill(modelFile, want) }

// ReadOptimizer is ReadModel for the tensors of the optimizer.
func (c *Checkpoint) ReadOptimizer(want []safetensors.Tensor) error {
	return c.fill(optimizerFile, want)
}

func (c *Checkpoint) readAll(file string) ([]safetensors.Tensor, error) {
	tensors, _, err := safetensors.ReadFile(filepath.Join(c.Path, file))
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return tensors, nil
}

func (c *Checkpoint) fill(file string, want []safetensors.Tensor) error {
	f, err := safetensors.Open(filepath.Join(c.Path, file))
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	defer f.Close()
	if err := safetensors.Fill(want, []*safetensors.File{f}, nil); err != nil {
		return fmt.Errorf("checkpoint: %s of %s: %w", file, c.Path, err)
	}
	return nil
}
