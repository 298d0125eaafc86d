package chatshard

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/zeebo/xxh3"

	"muonclip/internal/atomicfile"
)

// DefaultFileTokens is the size of a file when Create is given 0: 80 MiB of ids and masks.
const DefaultFileTokens = 16 << 20

// Writer collects dialogues and writes them as a folder. It holds one file's dialogues in memory. It is not safe for
// concurrent use.
type Writer struct {
	dir        string
	cfg        Config
	fileTokens int64
	pending    []Dialogue
	tokens     int64 // of pending
	files      []Info
}

// Create returns a writer for dir, which must be there and empty of finished dialogues. A file is closed before it exceeds
// fileTokens tokens, 0 means DefaultFileTokens; a longer dialogue gets a file of its own.
func Create(dir string, cfg Config, fileTokens int64) (*Writer, error) {
	if cfg.VocabSize <= 0 || int64(cfg.VocabSize) > math.MaxInt32 {
		return nil, fmt.Errorf("chatshard: create %s: vocabulary size is %d, want 1 to %d", dir, cfg.VocabSize, math.MaxInt32)
	}
	if fileTokens < 0 {
		return nil, fmt.Errorf("chatshard: create %s: file size is %d tokens, want 0 (default) or more", dir, fileTokens)
	}
	if fileTokens == 0 {
		fileTokens = DefaultFileTokens
	}
	if _, err := os.Stat(filepath.Join(dir, ManifestName)); err == nil {
		return nil, fmt.Errorf("chatshard: create %s: it already holds finished dialogues; remove the folder or choose another: %w", dir, os.ErrExist)
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("chatshard: create: %w", err)
	}
	return &Writer{dir: dir, cfg: cfg, fileTokens: fileTokens, files: []Info{}}, nil
}

// Add appends a dialogue, whose slices the writer keeps. A dialogue that cannot be written is an error and leaves the
// writer as it was.
func (w *Writer) Add(d Dialogue) error {
	if err := w.cfg.check(d); err != nil {
		return err
	}
	if len(w.pending) > 0 && w.tokens+int64(len(d.IDs)) > w.fileTokens {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.pending = append(w.pending, d)
	w.tokens += int64(len(d.IDs))
	return nil
}

// Finish writes the last file and then the manifest. A folder without a dialogue has no file and can be opened.
func (w *Writer) Finish() (Manifest, error) {
	if len(w.pending) > 0 {
		if err := w.flush(); err != nil {
			return Manifest{}, err
		}
	}
	if err := WriteManifest(w.dir, w.cfg, w.files); err != nil {
		return Manifest{}, err
	}
	return newManifest(w.cfg, w.files), nil
}

// flush writes the pending dialogues as the next file.
func (w *Writer) flush() error {
	info := Info{File: FileName(len(w.files)), Dialogues: int64(len(w.pending)), Tokens: w.tokens}
	for _, d := range w.pending {
		info.Trained += int64(d.Trained())
	}
	path := filepath.Join(w.dir, info.File)
	err := atomicfile.Write(path, func(out io.Writer) error {
		sum := xxh3.New()
		counted := &forward{w: io.MultiWriter(out, sum)}
		if err := Write(counted, w.cfg, w.pending); err != nil {
			return err
		}
		info.Bytes, info.XXH3 = counted.n, fmt.Sprintf("%016x", sum.Sum64())
		return nil
	})
	if err != nil {
		return fmt.Errorf("chatshard: write %s: %w", path, err)
	}
	w.files = append(w.files, info)
	w.pending, w.tokens = nil, 0
	return nil
}
