package shard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/zeebo/xxh3"
)

// Names and version of the format.
const (
	ManifestName  = "manifest.json"
	FormatName    = "muonclip-shards"
	FormatVersion = 1
)

// Manifest describes a folder of shards; it is the content of manifest.json.
type Manifest struct {
	Format    string `json:"format"`    // FormatName
	Version   int    `json:"version"`   // FormatVersion
	Source    string `json:"source"`    // name of the data source
	Split     string `json:"split"`     // train or val
	Tokenizer string `json:"tokenizer"` // fingerprint of the tokenizer that made the ids
	VocabSize int    `json:"vocab_size"`
	Seed      uint64 `json:"seed"` // seed of the held-out split
	Documents int64  `json:"documents"`
	Tokens    int64  `json:"tokens"`
	Shards    []Info `json:"shards"`
	// Corpus is what the corpus reader counted, as data/corpus writes its Stats; null where unknown.
	Corpus json.RawMessage `json:"corpus,omitempty"`
}

// Info describes one Arrow file of the folder.
type Info struct {
	File      string `json:"file"` // a plain name inside the folder
	Documents int64  `json:"documents"`
	Tokens    int64  `json:"tokens"`
	Bytes     int64  `json:"bytes"`
	XXH3      string `json:"xxh3"` // XXH3-64 of the whole file with seed 0, 16 hexadecimal digits
}

// ReadManifest reads and checks dir/manifest.json without touching the shards.
func ReadManifest(dir string) (Manifest, error) {
	path := filepath.Join(dir, ManifestName)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return Manifest{}, fmt.Errorf("shard: %s: %w: it holds no shards, or writing them was interrupted; make them again with \"muonclip data shard\"", dir, ErrNoManifest)
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("shard: read manifest: %w", err)
	}
	m, err := parseManifest(data)
	if err != nil {
		return Manifest{}, fmt.Errorf("shard: %s: %w", path, err)
	}
	return m, nil
}

func parseManifest(data []byte) (Manifest, error) {
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&m); err != nil {
		return m, fmt.Errorf("%w: not valid JSON: %w", ErrDamaged, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return m, fmt.Errorf("%w: text after the JSON object", ErrDamaged)
	}
	if m.Format != FormatName {
		return m, fmt.Errorf("%w: format is %q, want %q: this is not a shard manifest", ErrDamaged, m.Format, FormatName)
	}
	if m.Version != FormatVersion {
		return m, fmt.Errorf("%w %d, this program reads %d: make the shards again, or use the program that wrote them", ErrVersion, m.Version, FormatVersion)
	}
	if m.VocabSize <= 0 || int64(m.VocabSize) > maxVocab {
		return m, fmt.Errorf("%w: vocab_size is %d", ErrDamaged, m.VocabSize)
	}
	var documents, tokens int64
	for i, s := range m.Shards {
		if s.File == "" || s.File != filepath.Base(s.File) {
			return m, fmt.Errorf("%w: shards[%d].file is %q, want a plain file name", ErrDamaged, i, s.File)
		}
		// The bounds keep the sums below from overflowing: a document takes at least four bytes
		// of offsets, a token four bytes.
		if s.Bytes < 0 || s.Documents < 0 || s.Tokens < 0 || s.Documents > s.Bytes/4 || s.Tokens > s.Bytes/4 || s.Bytes > 1<<50 {
			return m, fmt.Errorf("%w: shards[%d] (%s) has impossible counts: %d documents, %d tokens, %d bytes", ErrDamaged, i, s.File, s.Documents, s.Tokens, s.Bytes)
		}
		documents += s.Documents
		tokens += s.Tokens
		if tokens < 0 || documents < 0 {
			return m, fmt.Errorf("%w: the token counts overflow", ErrDamaged)
		}
	}
	if documents != m.Documents || tokens != m.Tokens {
		return m, fmt.Errorf("%w: it promises %d documents and %d tokens, its shards sum to %d and %d", ErrDamaged, m.Documents, m.Tokens, documents, tokens)
	}
	return m, nil
}

// Fingerprint identifies the tokens of the folder: it depends on the tokenizer and on each shard's
// checksum and size, not on where the folder is.
func (m Manifest) Fingerprint() string {
	h := xxh3.New()
	fmt.Fprintf(h, "%d %q %d", m.Version, m.Tokenizer, m.VocabSize)
	for _, s := range m.Shards {
		fmt.Fprintf(h, " %d %s", s.Bytes, s.XXH3)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}
