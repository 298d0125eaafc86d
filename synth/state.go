package synth

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/zeebo/xxh3"

	"muonclip/internal/atomicfile"
	"muonclip/synth/dataset"
)

// StateDir is the folder in that of a data set that holds what a run needs to go on after it was killed. It is removed
// when the data set is finished.
const StateDir = ".state"

// fingerprint identifies a configuration.
func fingerprint(c dataset.Config) string {
	data, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings, numbers and lists of them only
	}
	return fmt.Sprintf("%016x", xxh3.Hash(data))
}

// lock keeps other processes out of an unfinished data set until it is closed.
func lock(dir string) (io.Closer, error) {
	state := filepath.Join(dir, StateDir)
	if err := os.MkdirAll(state, 0o755); err != nil {
		return nil, fmt.Errorf("synth: %w", err)
	}
	held, err := atomicfile.TryLock(filepath.Join(state, "lock"))
	switch {
	case errors.Is(err, atomicfile.ErrInUse):
		return nil, usage("another process is writing the data set %s: wait for it, or give another folder", dir)
	case err != nil:
		return nil, fmt.Errorf("synth: %w", err)
	}
	return held, nil
}

// empty makes sure that a folder without an unfinished run holds nothing that is not ours.
func empty(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, StateDir)); err == nil {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("synth: %w", err)
	}
	for _, e := range entries {
		if e.Name() != StateDir && !strings.HasPrefix(e.Name(), atomicfile.TempPrefix) {
			return usage("%s is not empty and holds no run to resume (there is %s): give another folder", dir, e.Name())
		}
	}
	return nil
}

// prepare makes the folders of a data set, or takes over those of a run with the same configuration that did not end.
func prepare(dir string, c dataset.Config) error {
	path := filepath.Join(dir, StateDir, "config.json")
	if data, err := os.ReadFile(path); err == nil {
		var old dataset.Config
		if err := json.Unmarshal(data, &old); err != nil {
			return fmt.Errorf("synth: %s: %w; remove the folder %s to begin again", path, err, dir)
		}
		if fingerprint(old) != fingerprint(c) {
			return usage("%s holds an unfinished run with other options (%s): give the same options to finish it, or another folder", dir, difference(old, c))
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("synth: %w", err)
	} else {
		data, err := json.MarshalIndent(c, "", "  ")
		if err != nil {
			return fmt.Errorf("synth: %w", err)
		}
		if err := atomicfile.WriteFile(path, data); err != nil {
			return fmt.Errorf("synth: %w", err)
		}
	}
	for _, sub := range folders(c) {
		sub = filepath.Join(dir, sub)
		if err := os.MkdirAll(sub, 0o755); err != nil {
			return fmt.Errorf("synth: %w", err)
		}
		if _, err := atomicfile.Clean(sub); err != nil {
			return fmt.Errorf("synth: %w", err)
		}
	}
	_, err := atomicfile.Clean(dir)
	return err
}

// folders lists the folders that a data set has.
func folders(c dataset.Config) []string {
	out := []string{StateDir, dataset.DialogueDir, dataset.RecordDir, plotDir}
	if c.Has(Parquet) {
		out = append(out, dataset.ParquetDir)
	}
	if c.Has(Arrow) {
		out = append(out, dataset.TokenDir)
	}
	return out
}

// difference names what differs between two configurations.
func difference(a, b dataset.Config) string {
	fields := func(c dataset.Config) map[string]json.RawMessage {
		data, _ := json.Marshal(c) // as in fingerprint
		var m map[string]json.RawMessage
		_ = json.Unmarshal(data, &m)
		return m
	}
	was, is := fields(a), fields(b)
	var out []string
	for _, k := range []string{"name", "n", "seed", "part_rows", "formats", "license", "source", "tokenizer", "vocab_size", "chat_format", "near_duplicate", "benchmarks"} {
		if string(was[k]) != string(is[k]) {
			out = append(out, fmt.Sprintf("%s was %s", k, orNone(was[k])))
		}
	}
	return strings.Join(out, ", ")
}

func orNone(raw json.RawMessage) string {
	if raw == nil {
		return "not set"
	}
	return string(raw)
}

func statePath(dir string, number int) string {
	return filepath.Join(dir, StateDir, fmt.Sprintf("part-%05d.json", number))
}

// save writes the state of a part whose files are written.
func (s *partState) save(dir string, number int) error {
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("synth: state: %w", err)
	}
	if err := atomicfile.WriteFile(statePath(dir, number), data); err != nil {
		return fmt.Errorf("synth: state: %w", err)
	}
	return nil
}

// loadStates reads the states of the parts that earlier runs finished, and checks their files. The first part that is
// missing or damaged ends them; it and those after it are made again.
func loadStates(dir string, config string) []*partState {
	var out []*partState
	for {
		data, err := os.ReadFile(statePath(dir, len(out)))
		if err != nil {
			return out
		}
		s := new(partState)
		if json.Unmarshal(data, s) != nil || s.Config != config || s.Grams == nil || len(s.Digests) != s.Part.Rows {
			return out
		}
		for _, f := range s.Part.Files {
			if f.Verify(dir) != nil {
				return out
			}
		}
		out = append(out, s)
	}
}
