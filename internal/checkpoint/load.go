package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/zeebo/xxh3"
)

// Load verifies the checkpoint folder at path and reads its state. Every file is compared with
// its checksum before anything of it is used. An error wraps [ErrDamaged], [ErrVersion], or the
// failure to read.
func Load(path string) (*Checkpoint, error) {
	c, err := load(path)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: load %s: %w", path, err)
	}
	return c, nil
}

func load(path string) (*Checkpoint, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, errors.New("it is a file; give the folder of the checkpoint")
	}
	text, err := os.ReadFile(filepath.Join(path, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, damaged("%s is missing, so this is no complete checkpoint", manifestFile)
	}
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(string(text))
	if err != nil {
		return nil, err
	}
	for _, f := range m.files {
		if err := f.verify(path); err != nil {
			return nil, err
		}
	}
	h := xxh3.New()
	h.Write(text)
	c := &Checkpoint{Path: path, Digest: sumText(h)}
	state, err := os.ReadFile(filepath.Join(path, stateFile))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(state, &c.State); err != nil {
		return nil, damaged("%s: %v", stateFile, err)
	}
	if c.State.Step != m.step {
		return nil, damaged("%s is of step %d, %s of step %d", stateFile, c.State.Step, manifestFile, m.step)
	}
	c.readClock()
	return c, nil
}

// readClock reads the wall time. Losing it costs nothing but a number in a report.
func (c *Checkpoint) readClock() {
	var k clock
	text, err := os.ReadFile(filepath.Join(c.Path, clockFile))
	if err == nil {
		err = json.Unmarshal(text, &k)
	}
	if err != nil {
		c.Warnings = append(c.Warnings, fmt.Sprintf("the training time so far is lost and counts from 0: %v", err))
		return
	}
	c.State.Seconds = k.Seconds
}
