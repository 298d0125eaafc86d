package rl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/xxh3"

	"muonclip/internal/atomicfile"
)

// errNoIteration says that an iteration has not been stored.
var errNoIteration = errors.New("there is no such iteration")

func hex(v uint64) string { return fmt.Sprintf("%016x", v) }

// iterationPath is the file of an iteration: zstd-compressed lines of JSON, the Iteration first, then its groups, at
// last a line with the checksum of the lines before.
func iterationPath(dir string, iteration int) string {
	return filepath.Join(dir, "rollouts", fmt.Sprintf("iteration-%06d.jsonl.zst", iteration))
}

// storedGroup is a line of the file.
type storedGroup struct {
	*Group
	Pending bool `json:"pending,omitempty"` // it goes on in the next iteration
}

func writeIteration(dir string, it *Iteration, groups, pending []*Group) error {
	path := iterationPath(dir, it.Iteration)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("rl: %w", err)
	}
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	enc.SetEscapeHTML(false)
	values := []any{it}
	for _, g := range groups {
		values = append(values, storedGroup{g, false})
	}
	for _, g := range pending {
		values = append(values, storedGroup{g, true})
	}
	for _, v := range values {
		if err := enc.Encode(v); err != nil {
			return fmt.Errorf("rl: %s: %w", path, err)
		}
	}
	lines.WriteString(strconv.Quote(hex(xxh3.Hash(lines.Bytes()))) + "\n")
	w, err := zstd.NewWriter(nil)
	if err != nil {
		return fmt.Errorf("rl: %w", err)
	}
	return atomicfile.WriteFile(path, w.EncodeAll(lines.Bytes(), nil))
}

// readIteration reads what writeIteration wrote. Where there is nothing, the error wraps errNoIteration.
func readIteration(dir string, iteration int) (it *Iteration, groups, pending []*Group, err error) {
	path := iterationPath(dir, iteration)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil, fmt.Errorf("rl: %s: %w", path, errNoIteration)
	}
	if err != nil {
		return nil, nil, nil, fmt.Errorf("rl: %w", err)
	}
	r, err := zstd.NewReader(nil)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("rl: %w", err)
	}
	defer r.Close()
	data, err = r.DecodeAll(data, nil)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("rl: %s is damaged: %w", path, err)
	}
	body, sum := data, []byte(nil)
	if i := bytes.LastIndexByte(bytes.TrimSuffix(data, []byte("\n")), '\n'); i >= 0 {
		body, sum = data[:i+1], bytes.TrimSpace(data[i+1:])
	}
	if string(sum) != strconv.Quote(hex(xxh3.Hash(body))) {
		return nil, nil, nil, fmt.Errorf("rl: %s is damaged: its checksum is wrong", path)
	}
	lines := bytes.Split(bytes.TrimSpace(body), []byte("\n"))
	it = new(Iteration)
	if err := json.Unmarshal(lines[0], it); err != nil {
		return nil, nil, nil, fmt.Errorf("rl: %s: %w", path, err)
	}
	for i, line := range lines[1:] {
		g := storedGroup{Group: new(Group)}
		if err := json.Unmarshal(line, &g); err != nil {
			return nil, nil, nil, fmt.Errorf("rl: %s, line %d: %w", path, i+2, err)
		}
		if g.Pending {
			pending = append(pending, g.Group)
		} else {
			groups = append(groups, g.Group)
		}
	}
	return it, groups, pending, nil
}

// ReadIterations reads the iterations of a run folder in their order, as far as they go.
func ReadIterations(dir string) ([]*Iteration, error) {
	var out []*Iteration
	for i := 0; ; i++ {
		it, _, _, err := readIteration(dir, i)
		if errors.Is(err, errNoIteration) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, it)
	}
}

// ReadGroups reads the finished groups of one iteration of a run folder.
func ReadGroups(dir string, iteration int) ([]*Group, error) {
	_, groups, _, err := readIteration(dir, iteration)
	return groups, err
}
