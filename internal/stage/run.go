// Package stage holds the stages of a run: tokenizer, shards, pretraining. Each reads and writes files
// of the run folder only, so each can be done alone, again, or not at all where its result is there.
package stage

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"

	"muonclip/internal/atomicfile"
	"muonclip/internal/config"
	"muonclip/internal/progress"
)

// Run is a run folder with its configuration.
type Run struct {
	Dir      string
	Config   config.Config
	Log      *slog.Logger
	Progress *progress.Display
	Command  string // as a person would type it, for the manifest

	lock *os.File
}

// Open makes or opens the run folder. A folder that holds a run keeps its config.yaml unless the new
// configuration may follow it. Only one process may have a run open.
func Open(r Run) (*Run, error) {
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("run folder: %w", err)
	}
	lock, err := os.OpenFile(r.path(".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("run folder: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("run folder %s is in use by another process; wait for it or choose another --out", r.Dir), lock.Close())
	}
	r.lock = lock
	if err := r.writeConfig(); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return &r, nil
}

// Close lets other processes open the run.
func (r *Run) Close() error { return r.lock.Close() }

func (r *Run) writeConfig() error {
	path := r.path("config.yaml")
	if _, err := os.Stat(path); err == nil {
		old, err := config.Read(path)
		if err != nil {
			return fmt.Errorf("%s: %w", r.Dir, err)
		}
		if err := config.Contradicts(old, r.Config); err != nil {
			return DamagedError{fmt.Errorf("%s: %w", r.Dir, err)}
		}
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

// threads is the number of threads that the run may use.
func (r *Run) threads() int {
	if n := r.Config.Train.Threads; n > 0 {
		return n
	}
	return runtime.GOMAXPROCS(0)
}
