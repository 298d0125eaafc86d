// Package batch packs documents into training batches. A batch is a pure function of (seed, index):
// it does not depend on which batches were made before, on the number of workers, or on how often a
// run was resumed.
//
// Each source is an endless stream of tokens: the documents of epoch 0 in a seeded order, then those
// of epoch 1 in another, and so on, with the separators of Config around every document. Sequence s
// of a source is the window of T+1 tokens that begins at s*T, so each token is an input exactly once
// an epoch and a target exactly once. The windows of an epoch are drawn in a seeded order too, so
// that the rows of a batch are not consecutive pieces of one long document.
package batch

import (
	"errors"
	"fmt"
	"math"
)

// ErrTokenRange says that a source gave a token id that is not below Config.VocabSize.
var ErrTokenRange = errors.New("token id out of range")

// Batch is a number of sequences of equal length with their targets.
type Batch struct {
	Rows, Cols int      // sequences and tokens per sequence
	Inputs     []int32  // Rows*Cols
	Targets    []int32  // Rows*Cols, the next token; -1 means "no loss here"
	DocStart   []int32  // Rows*Cols: index within the row of the first token that this position may attend to; all 0 when documents are not masked
	Docs       []DocRef // the documents whose tokens appear, in order
	// Weights are the factors of the targets' losses in the step's gradient, Rows*Cols; nil means 1 / number of targets.
	Weights []float32
}

// DocRef names a document that has tokens in a row of a batch, as input or as target.
type DocRef struct {
	Source string // name of the data source
	Doc    int64  // its index in that source's shards
	Row    int
}

// reset gives b its shape with all elements 0 and no documents, reusing its memory.
func (b *Batch) reset(rows, cols int) {
	b.Rows, b.Cols = rows, cols
	b.Inputs = zeros(b.Inputs, rows*cols)
	b.Targets = zeros(b.Targets, rows*cols)
	b.DocStart = zeros(b.DocStart, rows*cols)
	b.Docs = b.Docs[:0]
}

func zeros(s []int32, n int) []int32 {
	if cap(s) < n {
		return make([]int32, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// Documents is tokenized text with random access, such as a *shard.Reader. The methods may be called
// concurrently.
type Documents interface {
	NumDocs() int64
	NumTokens() int64
	// DocRange returns the positions [start, end) of a document in the token stream.
	DocRange(doc int64) (start, end int64, err error)
	// ReadTokens fills dst with the ids from position start of the token stream.
	ReadTokens(dst []int32, start int64) error
}

// Source is one part of the training data.
type Source struct {
	Name      string // unique; also keys the order of its documents
	Documents Documents
	// Weight is the share of the sequences that come from this source, relative to the other weights.
	// All 0 means in proportion to the tokens. Held-out batches ignore it.
	Weight float64
}

// Config says how batches are made.
type Config struct {
	Seed uint64 // of the order of documents and windows
	Rows int    // sequences in a batch; required
	Cols int    // tokens in a sequence; required
	// Before and After are put around each document, such as the ids of BOS and EOS; nil means none.
	// They belong to the document for MaskDocuments.
	Before, After []int32
	// MaskDocuments fills DocStart, so that no token attends to another document.
	MaskDocuments bool
	// ConsecutiveWindows leaves the windows of an epoch in the order of its documents.
	ConsecutiveWindows bool
	VocabSize          int // ids must be below; 0 means unchecked
}

func (c Config) validate() error {
	var errs []error
	if c.Rows <= 0 {
		errs = append(errs, fmt.Errorf("batch: rows is %d, want at least 1", c.Rows))
	}
	if c.Cols <= 0 {
		errs = append(errs, fmt.Errorf("batch: sequence length is %d, want at least 1", c.Cols))
	}
	if c.Rows > 0 && c.Cols > 0 && c.Rows > math.MaxInt32/c.Cols {
		errs = append(errs, fmt.Errorf("batch: %d sequences of %d tokens are too many for one batch; use gradient accumulation", c.Rows, c.Cols))
	}
	if c.VocabSize < 0 {
		errs = append(errs, fmt.Errorf("batch: vocabulary size is %d, want 0 (unchecked) or more", c.VocabSize))
	}
	for _, list := range [][]int32{c.Before, c.After} {
		for _, id := range list {
			if id < 0 || c.VocabSize > 0 && int(id) >= c.VocabSize {
				errs = append(errs, fmt.Errorf("batch: separator: %w: %d, the vocabulary has %d", ErrTokenRange, id, c.VocabSize))
			}
		}
	}
	return errors.Join(errs...)
}

// streams makes the token streams of the sources and checks that each has at least need tokens.
func streams(sources []Source, cfg Config, need int64) ([]*stream, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		return nil, errors.New("batch: no data sources; name at least one")
	}
	seen := map[string]bool{}
	var out []*stream
	for _, src := range sources {
		if seen[src.Name] {
			return nil, fmt.Errorf("batch: two data sources are named %q; give each its own name, it keys their order", src.Name)
		}
		seen[src.Name] = true
		s := newStream(src, cfg)
		if s.docs.NumDocs() == 0 || s.length < need {
			return nil, fmt.Errorf("batch: source %q has %d tokens in %d documents (separators included), a sequence of %d needs %d; use more data or a shorter sequence",
				src.Name, s.length, s.docs.NumDocs(), cfg.Cols, need)
		}
		out = append(out, s)
	}
	return out, nil
}
