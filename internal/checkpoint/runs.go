package checkpoint

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"muonclip/internal/atomicfile"
)

// Entry is a checkpoint folder that has not been looked into.
type Entry struct {
	Step int
	Path string
}

// List finds the checkpoints of a run, the oldest step first. A run without any, or a missing
// run folder, gives an empty list.
func List(runDir string) ([]Entry, error) {
	entries, err := os.ReadDir(filepath.Join(runDir, Folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint: list %s: %w", runDir, err)
	}
	var found []Entry
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), "step-")
		if !ok || !e.IsDir() {
			continue
		}
		step, err := strconv.Atoi(digits)
		if path := filepath.Join(runDir, Folder, e.Name()); err == nil && path == Path(runDir, step) {
			found = append(found, Entry{step, path})
		}
	}
	slices.SortFunc(found, func(a, b Entry) int { return cmp.Compare(a.Step, b.Step) })
	return found, nil
}

// Latest loads the newest valid checkpoint of a run. Newer ones that are damaged are passed over
// and named in damage; nothing is deleted. The error wraps [ErrNone] when the run has no
// checkpoint, so that a new run may start. When there are some but none is valid, or when the
// newest one has another format version, the error says so instead: starting over silently would
// throw work away.
func Latest(runDir string) (c *Checkpoint, damage []error, err error) {
	entries, err := List(runDir)
	if err != nil {
		return nil, nil, err
	}
	if len(entries) == 0 {
		return nil, nil, fmt.Errorf("checkpoint: %w in %s", ErrNone, filepath.Join(runDir, Folder))
	}
	for _, e := range slices.Backward(entries) {
		c, err := e.load()
		if err == nil {
			return c, damage, nil
		}
		if errors.Is(err, ErrVersion) {
			return nil, damage, err
		}
		damage = append(damage, err)
	}
	return nil, damage, fmt.Errorf("checkpoint: none of the %d checkpoints of %s can be used; move the folder %s away to start over: %w",
		len(entries), runDir, Folder, errors.Join(damage...))
}

// load loads a checkpoint and compares its step with the name of its folder.
func (e Entry) load() (*Checkpoint, error) {
	c, err := Load(e.Path)
	if err == nil && c.State.Step != e.Step {
		return nil, fmt.Errorf("checkpoint: load %s: %w", e.Path, damaged("it holds step %d", c.State.Step))
	}
	return c, err
}

// Prune removes old checkpoints of a run and returns their paths. It keeps the newest keepLast,
// those whose step is a multiple of keepEvery (0: none for that reason), and always the newest
// valid one. keepLast 0 keeps everything. Each folder disappears in one step.
func Prune(runDir string, keepLast, keepEvery int) ([]string, error) {
	entries, err := List(runDir)
	if err != nil || keepLast <= 0 {
		return nil, err
	}
	var keep, drop []Entry // newest first
	for i, e := range slices.Backward(entries) {
		if len(entries)-i <= keepLast || keepEvery > 0 && e.Step%keepEvery == 0 {
			keep = append(keep, e)
		} else {
			drop = append(drop, e)
		}
	}
	if len(drop) == 0 {
		return nil, nil
	}
	valid := func(e Entry) bool { _, err := e.load(); return err == nil }
	// Usually the first one answers. Only where every newer one is damaged must a folder be kept
	// that the rules would drop.
	newest := slices.IndexFunc(keep, valid)
	saved := slices.IndexFunc(drop, func(e Entry) bool {
		return (newest < 0 || e.Step > keep[newest].Step) && valid(e)
	})
	if saved >= 0 {
		drop = slices.Delete(drop, saved, saved+1)
	}
	var removed []string
	for _, e := range slices.Backward(drop) {
		if err := atomicfile.RemoveDir(e.Path); err != nil {
			return removed, fmt.Errorf("checkpoint: prune: %w", err)
		}
		removed = append(removed, e.Path)
	}
	return removed, nil
}
