package maskshard

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

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
	m := Manifest{Format: FormatName, Version: FormatVersion, Config: cfg, Files: files}
	for _, f := range files {
		m.Dialogues += f.Dialogues
		m.Tokens += f.Tokens
		m.Trained += f.Trained
	}
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("maskshard: manifest: %w", err)
	}
	return atomicfile.WriteFile(filepath.Join(dir, ManifestName), append(data, '\n'))
}

// ReadManifest reads and checks dir/manifest.json without touching the other files.
func ReadManifest(dir string) (Manifest, error) {
	path := filepath.Join(dir, ManifestName)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return Manifest{}, fmt.Errorf("maskshard: %s: %w: it holds no encoded dialogues, or writing them was interrupted; make them with \"muonclip synth generate --tokenizer\"", dir, ErrNoManifest)
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("maskshard: read manifest: %w", err)
	}
	m, err := parseManifest(data)
	if err != nil {
		return Manifest{}, fmt.Errorf("maskshard: %s: %w", path, err)
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
		return m, fmt.Errorf("%w %d, this program reads %d", ErrVersion, m.Version, FormatVersion)
	}
	if m.VocabSize <= 0 || int64(m.VocabSize) > math.MaxInt32 {
		return m, fmt.Errorf("%w: vocab_size is %d", ErrDamaged, m.VocabSize)
	}
	var dialogues, tokens, trained int64
	for i, f := range m.Files {
		if f.File == "" || f.File != filepath.Base(f.File) {
			return m, fmt.Errorf("%w: files[%d].file is %q, want a plain file name", ErrDamaged, i, f.File)
		}
		// The bounds keep the sums below from overflowing: a token takes five bytes, a dialogue twelve of offsets.
		if f.Bytes < 0 || f.Bytes > 1<<50 || f.Dialogues < 0 || f.Dialogues > f.Bytes/12 || f.Tokens < 0 || f.Tokens > f.Bytes/5 || f.Trained < 0 || f.Trained > f.Tokens {
			return m, fmt.Errorf("%w: files[%d] (%s) has impossible counts", ErrDamaged, i, f.File)
		}
		dialogues, tokens, trained = dialogues+f.Dialogues, tokens+f.Tokens, trained+f.Trained
		if dialogues < 0 || tokens < 0 {
			return m, fmt.Errorf("%w: the counts overflow", ErrDamaged)
		}
	}
	if dialogues != m.Dialogues || tokens != m.Tokens || trained != m.Trained {
		return m, fmt.Errorf("%w: it promises %d dialogues and %d tokens, its files sum to %d and %d", ErrDamaged, m.Dialogues, m.Tokens, dialogues, tokens)
	}
	return m, nil
}
