package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// FormatName identifies the folders.
	FormatName = "muonclip-synth"
	// FormatVersion is the version that this package reads and writes.
	FormatVersion = 1
	// ManifestName is the file that finishes a folder.
	ManifestName = "manifest.json"
)

// The folders of a data set. JSONL and records are always there; the others are made on demand.
const (
	DialogueDir = "dialogues"
	RecordDir   = "records"
	ParquetDir  = "parquet"
	TokenDir    = "tokens"
)

// ErrUnfinished says that a folder has no manifest: it is no data set, or writing it was interrupted.
var ErrUnfinished = errors.New("no " + ManifestName)

// DamagedError says that a file is not what the manifest promises.
type DamagedError struct{ Err error }

func (e *DamagedError) Error() string { return e.Err.Error() }
func (e *DamagedError) Unwrap() error { return e.Err }

// Damaged makes the command line exit with the code for damage.
func (e *DamagedError) Damaged() bool { return true }

func damaged(format string, args ...any) error { return &DamagedError{fmt.Errorf(format, args...)} }

// Manifest is manifest.json.
type Manifest struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	Config  Config `json:"config"`
	// Rows were kept of Candidates; Refused says why the others were not.
	Rows       int                `json:"rows"`
	Candidates int64              `json:"candidates"`
	Refused    map[string]Refused `json:"refused"`
	Parts      []Part             `json:"parts"`
	Stats      Stats              `json:"stats"`
	// Contamination says what the benchmarks named in the configuration have in common with the candidates; absent where
	// none is named.
	Contamination json.RawMessage `json:"contamination,omitempty"`
}

// Config is everything that the bytes of a data set depend on, but the code.
type Config struct {
	Name string `json:"name"`
	// N is the number of rows that were asked for.
	N        int      `json:"n"`
	Seed     uint64   `json:"seed"`
	PartRows int      `json:"part_rows"`
	Formats  []string `json:"formats"` // parquet, arrow
	License  string   `json:"license"`
	// Source describes what the dialogues were made by, such as fingerprints of domains.
	Source map[string]string `json:"source,omitempty"`
	// Tokenizer is the fingerprint of the tokenizer of the Arrow shards, and ChatFormat the format they were rendered in.
	Tokenizer  string `json:"tokenizer,omitempty"`
	VocabSize  int    `json:"vocab_size,omitempty"`
	ChatFormat string `json:"chat_format,omitempty"`
	// NearDuplicate is the similarity from which on a dialogue is refused; 0 is off.
	NearDuplicate float64 `json:"near_duplicate"`
	// Benchmarks are the files that dialogues must not overlap with, as NAME:XXH3.
	Benchmarks []string `json:"benchmarks,omitempty"`
}

// Has reports whether a format is among the outputs.
func (c Config) Has(format string) bool { return slices.Contains(c.Formats, format) }

// Refused counts the candidates that were refused for one reason.
type Refused struct {
	Count    int64    `json:"count"`
	Examples []string `json:"examples,omitempty"` // details of the first ones
}

// maxExamples is how many details are kept for each reason.
const maxExamples = 3

// Plus counts more refusals for the same reason.
func (r Refused) Plus(count int64, details ...string) Refused {
	r.Count += count
	for _, d := range details {
		if len(r.Examples) < maxExamples && d != "" && !slices.Contains(r.Examples, d) {
			r.Examples = append(slices.Clip(r.Examples), clip(d))
		}
	}
	return r
}

// clip shortens a detail, which may be anything that a broken world says.
func clip(s string) string {
	const limit = 300
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

// Part is a run of rows and the files that hold them.
type Part struct {
	Rows  int    `json:"rows"`
	Next  int64  `json:"next"` // the first candidate after the part
	Files []File `json:"files"`
}

// File is one file of a part.
type File struct {
	Path  string `json:"path"` // relative to the folder, with slashes
	Bytes int64  `json:"bytes"`
	XXH3  string `json:"xxh3"` // XXH3-64 of the whole file with seed 0, 16 hexadecimal digits
}

// PartPath is the path of a part's file in one of the folders above.
func PartPath(dir string, part int) string {
	switch dir {
	case ParquetDir:
		return fmt.Sprintf("%s/train-%05d.parquet", dir, part)
	case TokenDir:
		return fmt.Sprintf("%s/tokens-%05d.arrow", dir, part)
	case RecordDir:
		return fmt.Sprintf("%s/records-%05d.jsonl", dir, part)
	}
	return fmt.Sprintf("%s/train-%05d.jsonl", dir, part)
}

// file finds a part's file in a folder.
func (p Part) file(dir string) (File, bool) {
	for _, f := range p.Files {
		if strings.HasPrefix(f.Path, dir+"/") {
			return f, true
		}
	}
	return File{}, false
}

// ReadManifest reads and checks dir/manifest.json without touching the other files.
func ReadManifest(dir string) (*Manifest, error) {
	path := filepath.Join(dir, ManifestName)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("dataset: %s: %w: it is no data set, or writing it was interrupted; \"muonclip synth generate\" with the same options finishes it", dir, ErrUnfinished)
	}
	if err != nil {
		return nil, fmt.Errorf("dataset: read manifest: %w", err)
	}
	m, err := ParseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	return m, nil
}

// ParseManifest reads a manifest and checks what can be checked without the files.
func ParseManifest(data []byte) (*Manifest, error) {
	m := new(Manifest)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, damaged("not valid JSON: %w", err)
	}
	if m.Format != FormatName {
		return nil, damaged("format is %q, want %q: this is no manifest of a data set of dialogues", m.Format, FormatName)
	}
	if m.Version != FormatVersion {
		return nil, fmt.Errorf("format version %d, this program reads %d: make the data set again, or use the program that wrote it", m.Version, FormatVersion)
	}
	rows := 0
	for i, p := range m.Parts {
		if p.Rows < 0 || p.Rows > 1<<40 {
			return nil, damaged("parts[%d] has %d rows", i, p.Rows)
		}
		rows += p.Rows
		for _, f := range p.Files {
			if !filepath.IsLocal(filepath.FromSlash(f.Path)) || f.Bytes < 0 {
				return nil, damaged("parts[%d] names the file %q of %d bytes, want a path inside the folder", i, f.Path, f.Bytes)
			}
		}
	}
	if rows != m.Rows {
		return nil, damaged("it promises %d rows, its parts sum to %d", m.Rows, rows)
	}
	return m, nil
}

// Encode is the manifest as it is written.
func (m *Manifest) Encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(m); err != nil {
		return nil, fmt.Errorf("dataset: manifest: %w", err)
	}
	return b.Bytes(), nil
}
