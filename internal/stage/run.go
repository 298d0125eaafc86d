// Package stage holds the stages of a run: dialogues, tokenizer, shards, pretrain, sft, rl, evaluate,
// report. Dialogues and those after pretraining are there only where the configuration has tasks, rl only
// where it has iterations too. Each stage goes on from files of the run folder and writes files there, so
// each can be done alone, again, or not at all where its result is there.
package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	"muonclip/data/shard"
	"muonclip/internal/atomicfile"
	"muonclip/internal/checkpoint"
	"muonclip/internal/config"
	"muonclip/internal/metrics"
	"muonclip/internal/progress"
)

// Run is a run folder with its configuration.
type Run struct {
	Dir      string
	Config   config.Config
	Log      *slog.Logger
	Progress *progress.Display
	Command  string // as a person would type it, for the manifest
	// OnRow sees every training step when it is done; nil ignores them.
	OnRow func(*metrics.Row)

	lock  io.Closer
	ends  []io.Closer // environments that hold sandboxes
	began bool        // training went on from where it was, so that there is something new to report
}

// Open makes or opens the run folder. A folder that holds a run keeps its config.yaml unless the new
// configuration may follow it. Only one process may have a run open.
func Open(r Run) (*Run, error) {
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("run folder: %w; choose another --out", err)
	}
	lock, err := atomicfile.TryLock(r.path(".lock"))
	switch {
	case errors.Is(err, atomicfile.ErrInUse):
		return nil, fmt.Errorf("run folder %s is %w; wait for it or choose another --out", r.Dir, err)
	case err != nil:
		return nil, fmt.Errorf("run folder: %w; make it writable or choose another --out", err)
	}
	r.lock = lock
	if err := r.writeConfig(); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return &r, nil
}

// Close ends the environments and lets other processes open the run.
func (r *Run) Close() error { return errors.Join(r.endArenas(), r.lock.Close()) }

func (r *Run) endArenas() error {
	var errs []error
	for _, e := range r.ends {
		errs = append(errs, e.Close())
	}
	r.ends = nil
	return errors.Join(errs...)
}

// writeConfig writes config.yaml where the checkpoints of the folder allow the configuration.
func (r *Run) writeConfig() error {
	path := r.path("config.yaml")
	saved, err := checkpoint.List(r.Dir)
	if err != nil {
		return err
	}
	switch {
	case exists(path):
		old, err := config.Read(path)
		if err != nil {
			return UsageError{fmt.Errorf("%s: %w", r.Dir, err)}
		}
		if err := config.Contradicts(old, r.Config); err != nil {
			return DamagedError{fmt.Errorf("%s: %w", r.Dir, err)}
		}
	case len(saved) > 0:
		return DamagedError{fmt.Errorf("%s has checkpoints and no config.yaml, so nobody knows what they are of: restore it, or choose another --out", r.Dir)}
	}
	if n, total := len(saved), r.Config.Train.TotalSteps(); n > 0 && saved[n-1].Step > total {
		return UsageError{fmt.Errorf("%s is at step %d, past the %d steps asked for: raise train.steps, or choose another --out", saved[n-1].Path, saved[n-1].Step, total)}
	}
	return atomicfile.WriteFile(path, r.Config.Marshal())
}

// path is a file or folder of the run.
func (r *Run) path(parts ...string) string {
	return filepath.Join(append([]string{r.Dir}, parts...)...)
}

// DamagedError marks an error about data or a checkpoint that is damaged or belongs to another run.
type DamagedError struct{ Err error }

func (e DamagedError) Error() string { return e.Err.Error() }

// Unwrap returns the error itself.
func (e DamagedError) Unwrap() error { return e.Err }

// Damaged marks the error for the program's exit code.
func (e DamagedError) Damaged() bool { return true }

// damaged marks errors about checkpoints and shards that are damaged or of another run, and passes
// others on.
func damaged(err error) error {
	for _, kind := range []error{
		checkpoint.ErrDamaged, checkpoint.ErrVersion, checkpoint.ErrOther,
		shard.ErrDamaged, shard.ErrVersion, shard.ErrTokenizer, shard.ErrTokenRange, shard.ErrNoManifest,
	} {
		if errors.Is(err, kind) {
			return DamagedError{err}
		}
	}
	return err
}

// UsageError marks an error about what the user asked for.
type UsageError struct{ Err error }

func (e UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the error itself.
func (e UsageError) Unwrap() error { return e.Err }

// Usage marks the error for the program's exit code.
func (e UsageError) Usage() bool { return true }

// failed is what a progress line says of an error, which the command reports in full.
func failed(ctx context.Context) error {
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return errors.New("failed")
}

// threads is the number of threads that the run may use.
func (r *Run) threads() int {
	if n := r.Config.Train.Threads; n > 0 {
		return n
	}
	return runtime.GOMAXPROCS(0)
}
