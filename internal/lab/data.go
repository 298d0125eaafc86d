package lab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"muonclip/internal/atomicfile"
	"muonclip/internal/config"
	"muonclip/internal/stage"
)

// dataFolder names the folder of the tokenizer and shards of a configuration. All runs that read the same text in the same
// way share one, whatever their seed, so that every arm is measured on the same held-out tokens.
func dataFolder(cfg config.Config, seed uint64) string {
	key := struct {
		Seed      uint64
		Vocab     int
		Tokenizer config.Tokenizer
		Data      config.Data
		Tasks     []config.Task
	}{seed, cfg.Model.VocabSize, cfg.Tokenizer, cfg.Data, nil}
	if readsDialogues(cfg) {
		key.Tasks = cfg.Tasks
	}
	text, err := json.Marshal(key)
	if err != nil {
		panic(err) // plain values
	}
	sum := sha256.Sum256(text)
	return "data-" + hex.EncodeToString(sum[:6])
}

func readsDialogues(cfg config.Config) bool {
	return slices.ContainsFunc(cfg.Data.Sources, func(s config.Source) bool { return s.Path == config.Dialogues })
}

// prepare makes tokenizer and shards in a folder, unless that is done. Where another experiment is at it, it waits.
func prepare(ctx context.Context, dir string, cfg config.Config, o Options) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	held, err := atomicfile.Lock(ctx, filepath.Join(dir, lockFile))
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	defer func() { _ = held.Close() }() // which frees the lock
	cfg.Train.Threads = 0
	r := &stage.Run{Dir: dir, Config: cfg, Log: o.Log, Progress: o.Progress}
	if readsDialogues(cfg) {
		if err := r.Dialogues(ctx, 0, 0); err != nil {
			return err
		}
	}
	tok, err := r.Tokenizer(ctx, 0, 0)
	if err != nil {
		return err
	}
	return r.Shards(ctx, tok, 0, 0)
}

// link makes data in a run folder lead to the shared one.
func link(run, shared string) error {
	if err := os.MkdirAll(run, 0o755); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	target, err := filepath.Rel(run, filepath.Join(shared, "data"))
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	at := filepath.Join(run, "data")
	switch was, err := os.Readlink(at); {
	case err == nil && was == target:
		return nil
	case err == nil:
		return stage.DamagedError{Err: fmt.Errorf("lab: %s leads to %s, want %s: remove the run folder", at, was, target)}
	}
	if err := os.Symlink(target, at); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	return nil
}
