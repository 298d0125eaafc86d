package corpus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Formats of a source.
const (
	Text    = "text"    // each file is one document
	JSONL   = "jsonl"   // each line is a JSON object
	Parquet = "parquet" // each row is a document
	Arrow   = "arrow"   // Arrow IPC, file or stream; each row is a document
)

// Source is a file, or a folder of files of one format.
type Source struct {
	Name string `json:"name"` // "" means the last element of Path
	Path string `json:"path"`
	// Format is text, jsonl, parquet or arrow. "" means text for a folder, and for a file what its
	// name ends in, text where that says nothing. Text and JSONL may be compressed (.gz, .zst).
	Format string `json:"format,omitempty"`
	// TextField is the field or column with the text, for all formats but text; "" means "text".
	// In JSONL a path such as "a.b" reaches into objects.
	TextField string `json:"text_field,omitempty"`
	// Include and Exclude choose files of a folder by slash-separated paths relative to it. In a pattern
	// * stands for anything but a slash, ? for one character, [a-z] for a class and ** for any number of path
	// elements; a pattern without a slash is matched with the last element. No Include means all
	// files for text, and those with the format's usual endings for the other formats.
	Include []string `json:"include,omitempty"`
	Exclude []string `json:"exclude,omitempty"`
	// Hidden also reads files and folders whose names begin with a dot.
	Hidden bool `json:"hidden,omitempty"`
	// ChunkBytes cuts longer texts into pieces of at most this size, at a paragraph, line or word
	// where there is one; 0 means texts stay whole. A single long text needs it for a held-out split.
	ChunkBytes int `json:"chunk_bytes,omitempty"`
	// MaxBytes ends reading of the source when its kept documents reach this size; 0 means no end.
	MaxBytes int64 `json:"max_bytes,omitempty"`
}

func (s Source) withDefaults() Source {
	if s.Name == "" {
		s.Name = filepath.Base(s.Path)
	}
	if s.TextField == "" {
		s.TextField = "text"
	}
	return s
}

func (s Source) validate() error {
	var errs []error
	if s.Path == "" {
		errs = append(errs, fmt.Errorf("corpus: source %q has no path", s.Name))
	}
	switch s.Format {
	case "", Text, JSONL, Parquet, Arrow:
	default:
		errs = append(errs, fmt.Errorf("corpus: source %q: format is %q, want %s, %s, %s or %s", s.Name, s.Format, Text, JSONL, Parquet, Arrow))
	}
	for _, list := range [][]string{s.Include, s.Exclude} {
		for _, p := range list {
			if err := checkPattern(p); err != nil {
				errs = append(errs, fmt.Errorf("corpus: source %q: %w", s.Name, err))
			}
		}
	}
	if s.ChunkBytes < 0 || s.ChunkBytes > 0 && s.ChunkBytes < minChunk {
		errs = append(errs, fmt.Errorf("corpus: source %q: chunk_bytes is %d, want 0 (whole texts) or at least %d", s.Name, s.ChunkBytes, minChunk))
	}
	if s.MaxBytes < 0 {
		errs = append(errs, fmt.Errorf("corpus: source %q: max_bytes is %d, want 0 (no limit) or more", s.Name, s.MaxBytes))
	}
	return errors.Join(errs...)
}

// endings are the names by which a format is recognised, without compression.
var endings = []struct {
	ending, format string
	compressed     bool
}{
	{".jsonl", JSONL, true}, {".ndjson", JSONL, true}, {".json", JSONL, true},
	{".parquet", Parquet, false},
	{".arrow", Arrow, false}, {".arrows", Arrow, false}, {".feather", Arrow, false}, {".ipc", Arrow, false},
}

// IsTextFile reports whether path is a file that is read as one text, given a source's format.
func IsTextFile(path, format string) bool {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return false
	}
	if format == "" {
		format = formatOf(path)
	}
	return format == "" || format == Text
}

// formatOf guesses the format of a file by its name; "" where it says nothing.
func formatOf(path string) string {
	name := strings.ToLower(path)
	plain := strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
	for _, e := range endings {
		if strings.HasSuffix(name, e.ending) || e.compressed && strings.HasSuffix(plain, e.ending) {
			return e.format
		}
	}
	return ""
}

// emitFunc takes one document; its error ends reading and is returned unchanged.
type emitFunc func(name string, text []byte) error

// sourceReader reads one source and counts files.
type sourceReader struct {
	Source
	counts *SourceStats
	stats  *Stats
}

func (r *sourceReader) read(ctx context.Context, emit emitFunc) error {
	info, err := os.Stat(r.Path)
	if err != nil {
		return fmt.Errorf("%w; check the path", err)
	}
	if r.ChunkBytes > 0 {
		emit = chunked(emit, r.ChunkBytes)
	}
	if !info.IsDir() {
		if len(r.Include)+len(r.Exclude) > 0 {
			return fmt.Errorf("%s is a file, include and exclude are for folders", r.Path)
		}
		if r.Format == "" {
			r.Format = formatOf(r.Path)
		}
		return r.readFile(ctx, r.Path, filepath.Base(r.Path), false, emit)
	}
	if r.Format == "" {
		r.Format = Text
	}
	return r.walk(ctx, func(path, rel string) error { return r.readFile(ctx, path, rel, true, emit) })
}

// readFile reads one file; name is how its documents are called.
func (r *sourceReader) readFile(ctx context.Context, path, name string, inFolder bool, emit emitFunc) error {
	r.counts.Files++
	switch r.Format {
	case JSONL:
		return r.readJSONL(ctx, path, name, emit)
	case Parquet:
		return r.readParquet(ctx, path, name, emit)
	case Arrow:
		return r.readArrow(ctx, path, name, emit)
	default:
		return r.readText(path, name, inFolder, emit)
	}
}

// null counts a record without text.
func (r *sourceReader) null() {
	r.counts.Read.Documents++
	r.stats.Read.Documents++
	r.stats.drop(reasonNull, 0)
}

// noField says which fields there are instead of the wanted one.
func (r *sourceReader) noField(where string, fields []string) error {
	return fmt.Errorf("%s: %w %q; the fields are: %s; set text_field", where, ErrNoField, r.TextField, strings.Join(fields, ", "))
}
