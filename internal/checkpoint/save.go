package checkpoint

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/zeebo/xxh3"

	"muonclip/internal/atomicfile"
	"muonclip/internal/safetensors"
)

// Save writes the checkpoint of c.State.Step under runDir and returns its path. The folder
// appears whole; one of the same step is replaced in one step, so that a run which goes on from
// an earlier checkpoint may pass it again. What killed saves left behind is removed first. On
// failure, a full disk included, nothing that was there before changes.
func Save(runDir string, c Contents) (string, error) {
	path := Path(runDir, c.State.Step)
	if c.State.Step < 0 {
		return "", fmt.Errorf("checkpoint: save: step %d is negative", c.State.Step)
	}
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return "", fmt.Errorf("checkpoint: save %s: %w", path, err)
	}
	if err := atomicfile.SyncDir(runDir); err != nil {
		return "", fmt.Errorf("checkpoint: save %s: %w", path, err)
	}
	if _, err := atomicfile.Clean(folder); err != nil {
		return "", fmt.Errorf("checkpoint: save %s: %w", path, err)
	}
	if err := atomicfile.WriteDir(path, true, c.write); err != nil {
		return "", fmt.Errorf("checkpoint: save step %d: %w", c.State.Step, err)
	}
	return path, nil
}

// write fills the folder dir.
func (c Contents) write(dir string) error {
	m := manifest{step: c.State.Step}
	put := func(name string, write func(io.Writer) error) error {
		sum, err := writeFile(dir, name, write)
		m.files = append(m.files, sum)
		return err
	}
	if err := put(modelFile, weights(c.Model)); err != nil {
		return err
	}
	if err := put(optimizerFile, weights(c.Optimizer)); err != nil {
		return err
	}
	if err := put(stateFile, compact(c.State)); err != nil {
		return err
	}
	if _, err := writeFile(dir, clockFile, compact(clock{c.State.Seconds})); err != nil {
		return err
	}
	_, err := writeFile(dir, manifestFile, func(w io.Writer) error {
		_, err := io.WriteString(w, m.text())
		return err
	})
	return err
}

// clock is the content of clock.json.
type clock struct {
	Seconds float64 `json:"seconds"`
}

func weights(tensors []safetensors.Tensor) func(io.Writer) error {
	return func(w io.Writer) error { return safetensors.Write(w, tensors, safetensors.F32, nil) }
}

// compact writes v as one line of JSON, characters such as < unescaped.
func compact(v any) func(io.Writer) error {
	return func(w io.Writer) error {
		var b bytes.Buffer // so that a failure to marshal writes nothing
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			return err
		}
		_, err := w.Write(b.Bytes())
		return err
	}
}

// writeFile writes one file of a folder that is not visible yet. The checksum is that of the
// bytes on their way to the disk, not of what the disk made of them.
func writeFile(dir, name string, write func(io.Writer) error) (fileSum, error) {
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return fileSum{}, err
	}
	h := xxh3.New()
	n := &counter{}
	b := bufio.NewWriterSize(io.MultiWriter(f, h, n), 1<<20)
	err = write(b)
	if err == nil {
		err = b.Flush()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fileSum{}, fmt.Errorf("%s: %w", name, err)
	}
	return fileSum{name: name, bytes: n.n, sum: sumText(h)}, nil
}

// counter counts the bytes written to it.
type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}
