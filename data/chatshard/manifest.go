package chatshard

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/zeebo/xxh3"

	"muonclip/internal/atomicfile"
)

// Manifest is manifest.json of a folder of dialogues.
type Manifest struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	Config
	Dialogues int64  `json:"dialogues"`
	Tokens    int64  `json:"tokens"`
	Trained   int64  `json:"trained"` // tokens in the loss
	Files     []Info `json:"files"`
}

// Info describes one Arrow file of the folder.
type Info struct {
	File      string `json:"file"` // a plain name inside the folder
	Dialogues int64  `json:"dialogues"`
	Tokens    int64  `json:"tokens"`
	Trained   int64  `json:"trained"`
	Bytes     int64  `json:"bytes"`
	XXH3      string `json:"xxh3"` // XXH3-64 of the whole file with seed 0, 16 hexadecimal digits
}

// FileName is the name of the file of a part.
func FileName(part int) string { return fmt.Sprintf("tokens-%05d.arrow", part) }

// WriteManifest finishes a folder whose files are written.
func WriteManifest(dir string, cfg Config, files []Info) error {
	data, err := json.MarshalIndent(newManifest(cfg, files), "", "  ")
	if err != nil {
		return fmt.Errorf("chatshard: manifest: %w", err)
	}
	if err := atomicfile.WriteFile(filepath.Join(dir, ManifestName), append(data, '\n')); err != nil {
		return fmt.Errorf("chatshard: write manifest: %w", err)
	}
	return nil
}

func newManifest(cfg Config, files []Info) Manifest {
	m := Manifest{Format: FormatName, Version: FormatVersion, Config: cfg, Files: files}
	for _, f := range files {
		m.Dialogues += f.Dialogues
		m.Tokens += f.Tokens
		m.Trained += f.Trained
	}
	return m
}

// Fingerprint identifies the dialogues of the folder: it depends on what the ids mean and on each file's checksum and
// size, not on where the folder is.
func (m Manifest) Fingerprint() string {
	h := xxh3.New()
	fmt.Fprintf(h, "%d %q %d %q", m.Version, m.Tokenizer, m.VocabSize, m.Config.Format)
	for _, f := range m.Files {
		fmt.Fprintf(h, " %d %s", f.Bytes, f.XXH3)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// ReadManifest reads and checks dir/manifest.json without touching the other files.
func ReadManifest(dir string) (Manifest, error) {
	path := filepath.Join(dir, ManifestName)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return Manifest{}, fmt.Errorf("chatshard: %s: %w: it holds no encoded dialogues, or writing them was interrupted; make them with \"muonclip synth generate --tokenizer\", or encode the data set again", dir, ErrNoManifest)
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("chatshard: read manifest: %w", err)
	}
	m, err := parseManifest(data)
	if err != nil {
		return Manifest{}, fmt.Errorf("chatshard: %s: %w", path, err)
	}
	return m, nil
}

func parseManifest(data []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("%w: not valid JSON: %w", ErrDamaged, err)
	}
	if m.Format != FormatName {
		return m, fmt.Errorf("%w: format is %q, want %q", ErrDamaged, m.Format, FormatName)
	}
	if m.Version != FormatVersion {
		return m, fmt.Errorf("%w %d, this program reads %d; encode the dialogues again", ErrVersion, m.Version, FormatVersion)
	}
	if m.VocabSize <= 0 || int64(m.VocabSize) > math.MaxInt32 {
		return m, fmt.Errorf("%w: vocab_size is %d", ErrDamaged, m.VocabSize)
	}
	var dialogues, tokens, trained int64
	for i, f := range m.Files {
		if f.File == "" || f.File != filepath.Base(f.File) {
			return m, fmt.Errorf("%w: files[%d].file is %q, want a plain file name", ErrDamaged, i, f.File)
		}
		// The bounds keep the sums below from overflowing: a token takes five bytes, a dialogue sixteen of offsets.
		if f.Bytes < 0 || f.Bytes > 1<<50 || f.Dialogues < 0 || f.Dialogues > f.Bytes/16 || f.Tokens < 0 || f.Tokens > f.Bytes/5 || f.Trained < 0 || f.Trained > f.Tokens {
			return m, fmt.Errorf("%w: files[%d] (%s) has impossible counts", ErrDamaged, i, f.File)
		}
		dialogues, tokens, trained = dialogues+f.Dialogues, tokens+f.Tokens, trained+f.Trained
		if dialogues < 0 || tokens < 0 {
			return m, fmt.Errorf("%w: the counts overflow", ErrDamaged)
		}
	}
	if dialogues != m.Dialogues || tokens != m.Tokens || trained != m.Trained {
		return m, fmt.Errorf("%w: it promises %d dialogues, %d tokens and %d in the loss, its files sum to %d, %d and %d",
			ErrDamaged, m.Dialogues, m.Tokens, m.Trained, dialogues, tokens, trained)
	}
	return m, nil
}
