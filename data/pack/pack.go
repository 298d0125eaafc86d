// Package pack puts whole dialogues into training rows of a fixed length. No dialogue is cut, each is in exactly one row of
// an epoch, and no token attends to another dialogue. A batch is a pure function of (seed, index), as in package batch.
//
// Rows are filled by best-fit decreasing (Ding et al., "Fewer Truncations Improve Language Modeling", arXiv 2404.10830):
// the longest dialogue first, each into the fullest row that still has room for it. In every epoch the dialogues are
// shuffled and cut into windows that are packed by themselves, and the rows of all windows are shuffled, so that dialogues
// meet others in the next epoch.
//
// A dialogue of n tokens takes n-1 places: its last token has no next one to predict. What a row has left over is
// padding: input 0 and target -1, attending to nothing but padding.
package pack

import (
	"errors"
	"fmt"
	"math"

	"muonclip/data/batch"
	"muonclip/data/chatshard"
)

// Dialogues are encoded dialogues with random access, such as a *chatshard.Reader. The methods may be called concurrently.
type Dialogues interface {
	Len() int
	Tokens(i int) int  // length of dialogue i, without reading it
	Kind(i int) string // kind of dialogue i
	Read(i int) (chatshard.Dialogue, error)
}

// Source is one part of the data.
type Source struct {
	Name      string // unique; also keys the order of its dialogues
	Dialogues Dialogues
	// Weight is the share of the rows that come from this source, relative to the other weights. All 0 means in
	// proportion to the tokens. Held-out batches ignore it.
	Weight float64
}

// Config says how batches are made.
type Config struct {
	Seed uint64 // of the order of dialogues and rows
	Rows int    // rows in a batch; required
	Cols int    // places in a row; required. Dialogues of more than Cols+1 tokens are left out and counted.
}

func (c Config) validate() error {
	switch {
	case c.Rows <= 0:
		return fmt.Errorf("pack: rows is %d, want at least 1", c.Rows)
	case c.Cols <= 0:
		return fmt.Errorf("pack: row length is %d, want at least 1", c.Cols)
	case c.Rows > math.MaxInt32/c.Cols:
		return fmt.Errorf("pack: %d rows of %d tokens are too many for one batch; use gradient accumulation", c.Rows, c.Cols)
	}
	return nil
}

// streams prepares the sources.
func streams(sources []Source, cfg Config) ([]*stream, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		return nil, errors.New("pack: no data sources; name at least one")
	}
	seen := map[string]bool{}
	var out []*stream
	for _, src := range sources {
		if seen[src.Name] {
			return nil, fmt.Errorf("pack: two data sources are named %q; give each its own name, it keys their order", src.Name)
		}
		seen[src.Name] = true
		s := newStream(src, cfg)
		if len(s.usable) == 0 {
			return nil, fmt.Errorf("pack: source %q: none of its %d dialogues fits: %d have more than %d tokens, %d fewer than 2; use longer rows or other data",
				src.Name, src.Dialogues.Len(), s.tooLong, cfg.Cols+1, s.tooShort)
		}
		out = append(out, s)
	}
	return out, nil
}

// reset gives b its shape, all of it padding, reusing its memory.
func reset(b *batch.Batch, rows, cols int) {
	n := rows * cols
	b.Rows, b.Cols = rows, cols
	b.Inputs, b.Targets, b.DocStart = sized(b.Inputs, n), sized(b.Targets, n), sized(b.DocStart, n)
	clear(b.Inputs)
	clear(b.DocStart)
	for i := range b.Targets {
		b.Targets[i] = -1
	}
	b.Docs = b.Docs[:0]
}

func sized(s []int32, n int) []int32 {
	if cap(s) < n {
		return make([]int32, n)
	}
	return s[:n]
}

// fill puts dialogues of a stream into a row that is all padding.
func fill(b *batch.Batch, row int, s *stream, dialogues []int32) error {
	first := row * b.Cols
	at := first
	for _, i := range dialogues {
		d, err := s.read(i)
		if err != nil {
			return err
		}
		n := len(d.IDs) - 1
		copy(b.Inputs[at:], d.IDs[:n])
		for k := range n {
			if d.Turns[k+1] != chatshard.Context {
				b.Targets[at+k] = d.IDs[k+1]
			}
			b.DocStart[at+k] = int32(at - first)
		}
		b.Docs = append(b.Docs, batch.DocRef{Source: s.name, Doc: int64(i), Row: row})
		at += n
	}
	for k := at; k < first+b.Cols; k++ {
		b.DocStart[k] = int32(at - first)
	}
	return nil
}
