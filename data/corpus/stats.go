package corpus

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Reasons for dropping a document, as they stand in Stats.Dropped.
const (
	reasonEmpty    = "empty"           // no bytes
	reasonNull     = "null_text"       // the record's text field is null
	reasonBinary   = "binary"          // a file in a folder that is not text
	reasonSampled  = "not_sampled"     // Filters.Sample
	reasonShort    = "too_short"       // Filters.MinBytes
	reasonLong     = "too_long"        // Filters.MaxBytes
	reasonLine     = "long_line"       // Filters.MaxLineBytes
	reasonAlnum    = "few_letters"     // Filters.MinAlphanumeric
	reasonRepeated = "repeated_lines"  // Filters.MaxRepeatedLines
	reasonExact    = "exact_duplicate" // Filters.ExactDuplicates
	reasonNear     = "near_duplicate"  // Filters.NearDuplicates
	keptNames      = 10                // binary files named in Stats
)

// Stats counts what was read and what became of it. Read = Kept + the sum of Dropped.
type Stats struct {
	Read    Count            `json:"read"`
	Kept    Count            `json:"kept"`
	Dropped map[string]Count `json:"dropped"` // by reason, such as too_short or near_duplicate
	Splits  map[string]Count `json:"splits"`  // kept documents by train and val
	Sources []SourceStats    `json:"sources"`
	// BinaryFiles names the first binary files that were skipped; Dropped["binary"] counts them all.
	BinaryFiles []string `json:"binary_files,omitempty"`
}

// SourceStats counts one source.
type SourceStats struct {
	Name  string `json:"name"`
	Path  string `json:"path"`
	Files int64  `json:"files"` // files that were read
	Other int64  `json:"other"` // files in the folder that the patterns leave out
	Read  Count  `json:"read"`
	Kept  Count  `json:"kept"`
}

// Count is a number of documents and their size.
type Count struct {
	Documents int64 `json:"documents"`
	Bytes     int64 `json:"bytes"`
}

func (c *Count) add(text []byte) {
	c.Documents++
	c.Bytes += int64(len(text))
}

func newStats(cfg Config) Stats {
	s := Stats{Dropped: map[string]Count{}, Splits: map[string]Count{}}
	for _, src := range cfg.Sources {
		s.Sources = append(s.Sources, SourceStats{Name: src.Name, Path: src.Path})
	}
	return s
}

func (s *Stats) drop(reason string, size int64) {
	c := s.Dropped[reason]
	s.Dropped[reason] = Count{c.Documents + 1, c.Bytes + size}
}

func (s *Stats) split(split string, text []byte) {
	c := s.Splits[split]
	c.add(text)
	s.Splits[split] = c
}

func (s *Stats) clone() Stats {
	out := *s
	out.Dropped, out.Splits = maps.Clone(s.Dropped), maps.Clone(s.Splits)
	out.Sources, out.BinaryFiles = slices.Clone(s.Sources), slices.Clone(s.BinaryFiles)
	return out
}

// check returns an error that explains why nothing, or nothing in a split, is left.
func (s *Stats) check(cfg Config) error {
	if s.Kept.Documents == 0 {
		var parts []string
		for _, src := range s.Sources {
			text := fmt.Sprintf("source %q (%s): %d files with %d documents", src.Name, src.Path, src.Files, src.Read.Documents)
			if src.Other > 0 {
				text += fmt.Sprintf(", %d other files that the include and exclude patterns leave out", src.Other)
			}
			parts = append(parts, text)
		}
		if len(s.Dropped) > 0 {
			parts = append(parts, "dropped: "+s.reasons())
		}
		return fmt.Errorf("corpus: %w: nothing is left of %d documents (%d bytes); %s; %s", ErrEmpty, s.Read.Documents, s.Read.Bytes, strings.Join(parts, "; "), "relax the filters, or check the path and the text field")
	}
	if cfg.HeldOut > 0 {
		for _, split := range []string{Train, Val} {
			if s.Splits[split].Documents == 0 {
				return fmt.Errorf("corpus: %w: no document of %d fell into %s at held_out %v; use more documents, another fraction or seed, or set chunk_bytes to cut long texts into several",
					ErrSplit, s.Kept.Documents, split, cfg.HeldOut)
			}
		}
	}
	return nil
}

// reasons lists the dropped documents, the most frequent reason first.
func (s *Stats) reasons() string {
	keys := slices.SortedFunc(maps.Keys(s.Dropped), func(a, b string) int {
		if d := s.Dropped[b].Documents - s.Dropped[a].Documents; d != 0 {
			return int(d)
		}
		return strings.Compare(a, b)
	})
	var parts []string
	for _, k := range keys {
		text := fmt.Sprintf("%d %s", s.Dropped[k].Documents, k)
		if k == reasonBinary {
			text += " (" + strings.Join(s.BinaryFiles, ", ") + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}
