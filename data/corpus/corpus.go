// Package corpus reads text for training: folders, single files, JSONL, Parquet and Arrow. It yields
// documents in an order that depends on the files alone, drops what the filters reject, and counts
// everything it drops.
package corpus

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
)

// Errors that callers may want to tell apart with errors.Is.
var (
	// ErrEmpty says that no document is left after reading and filtering.
	ErrEmpty = errors.New("empty corpus")
	// ErrBinary says that a file that was named explicitly is not text.
	ErrBinary = errors.New("binary file")
	// ErrNoField says that records have no field of the wanted name.
	ErrNoField = errors.New("no such field")
	// ErrSplit says that the train or the val split has no document.
	ErrSplit = errors.New("empty split")
)

// Document is one text.
type Document struct {
	Source string // name of its source
	Index  int64  // its number among the documents read from that source, before filters
	Name   string // a path inside the source, with ":" and a line or row number (from 1) or "#" and a piece number (from 1) where a file holds several
	Text   []byte // owned by the receiver
}

// Config says what to read and what to keep. It is recorded in manifests, hence the JSON names.
type Config struct {
	Sources []Source `json:"sources"`
	Filters Filters  `json:"filters"`
	Seed    uint64   `json:"seed"` // of the held-out split and of sampling
	// HeldOut is the fraction of documents that go to the val split; 0 means none.
	HeldOut float64 `json:"held_out"`
	// HeldOutBy is what decides the split: "content" (or "") or "name". By name, a document stays
	// in its split when its text is edited; by content, equal texts always share a split.
	HeldOutBy string `json:"held_out_by"`
}

// Corpus reads the documents of a Config and counts. It is not safe for concurrent use.
type Corpus struct {
	cfg   Config
	stats Stats
	seen  exactSet
	near  *nearIndex
}

// New checks the configuration. It touches no file.
func New(cfg Config) (*Corpus, error) {
	var errs []error
	if len(cfg.Sources) == 0 {
		errs = append(errs, errors.New("corpus: no sources: name a file or a folder"))
	}
	names := map[string]bool{}
	for i := range cfg.Sources {
		s := &cfg.Sources[i]
		*s = s.withDefaults()
		errs = append(errs, s.validate())
		if names[s.Name] {
			errs = append(errs, fmt.Errorf("corpus: two sources are named %q; give each its own name", s.Name))
		}
		names[s.Name] = true
	}
	errs = append(errs, cfg.Filters.validate())
	if !(cfg.HeldOut >= 0 && cfg.HeldOut < 1) {
		errs = append(errs, fmt.Errorf("corpus: held_out is %v, want a fraction from 0 to below 1", cfg.HeldOut))
	}
	if cfg.HeldOutBy != "" && cfg.HeldOutBy != "content" && cfg.HeldOutBy != "name" {
		errs = append(errs, fmt.Errorf("corpus: held_out_by is %q, want content or name", cfg.HeldOutBy))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Corpus{cfg: cfg}, nil
}

// Documents yields the kept documents: source after source, files sorted by path component, records
// in file order. An error ends it. When nothing is left, or a split that was asked for stays empty,
// the last thing it yields is ErrEmpty or ErrSplit with an explanation. Each call starts anew.
func (c *Corpus) Documents(ctx context.Context) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		c.stats = newStats(c.cfg)
		c.seen = exactSet{}
		c.near = newNearIndex(c.cfg.Filters.NearDuplicates)
		err := c.read(ctx, func(d Document) bool { return yield(d, nil) })
		if errors.Is(err, errStop) {
			return
		}
		if err == nil {
			err = c.stats.check(c.cfg)
		}
		if err != nil {
			yield(Document{}, err)
		}
	}
}

// errStop ends reading early without being an error: the receiver stopped, or enough was read.
var errStop = errors.New("stop")

func (c *Corpus) read(ctx context.Context, yield func(Document) bool) error {
	for i, src := range c.cfg.Sources {
		counts := &c.stats.Sources[i]
		r := sourceReader{Source: src, counts: counts, stats: &c.stats}
		index := int64(0)
		full := false
		err := r.read(ctx, func(name string, text []byte) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			d := Document{Source: src.Name, Index: index, Name: name, Text: text}
			index++
			counts.Read.add(text)
			c.stats.Read.add(text)
			if reason := c.reject(d); reason != "" {
				c.stats.drop(reason, int64(len(text)))
				return nil
			}
			counts.Kept.add(text)
			c.stats.Kept.add(text)
			c.stats.split(c.Split(d), text)
			if !yield(d) {
				return errStop
			}
			if src.MaxBytes > 0 && counts.Kept.Bytes >= src.MaxBytes {
				full = true
				return errStop
			}
			return nil
		})
		if full {
			continue
		}
		if err != nil && !errors.Is(err, errStop) && ctx.Err() == nil {
			return fmt.Errorf("corpus: source %q: %w", src.Name, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// reject returns why a document is dropped, "" to keep it. The cheap reasons come first, and only
// documents that pass them count as originals of a duplicate.
func (c *Corpus) reject(d Document) string {
	if len(d.Text) == 0 {
		return reasonEmpty
	}
	f := c.cfg.Filters
	if f.Sample > 0 && fraction(sampleKey(c.cfg.Seed, d)) >= f.Sample {
		return reasonSampled
	}
	if reason := f.quality(d.Text); reason != "" {
		return reason
	}
	if f.ExactDuplicates && c.seen.add(d.Text) {
		return reasonExact
	}
	if c.near != nil && c.near.add(d.Text) {
		return reasonNear
	}
	return ""
}

// Stats returns the counts so far; they are complete when Documents has ended.
func (c *Corpus) Stats() Stats { return c.stats.clone() }

// fraction maps a hash to [0, 1).
func fraction(h uint64) float64 { return float64(h>>11) / math.Exp2(53) }
