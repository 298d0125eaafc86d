package batch

import (
	"fmt"
	"math"
	"sync"

	"muonclip/data/mixture"
)

// Loader makes the training batches. Its methods may be called concurrently.
type Loader struct {
	cfg     Config
	streams []*stream
	mix     mixture.Mixture
	rows    sync.Pool // *[]int32 of Cols+1, so that At does not allocate
}

// NewLoader returns a loader over the sources. A source needs at least Cols+1 tokens with separators.
func NewLoader(sources []Source, cfg Config) (*Loader, error) {
	all, err := streams(sources, cfg, int64(cfg.Cols)+1)
	if err != nil {
		return nil, err
	}
	mixed := make([]mixture.Source, len(sources))
	for i, src := range sources {
		mixed[i] = mixture.Source{Name: src.Name, Weight: src.Weight, Size: all[i].length}
	}
	m, err := mixture.New(mixed)
	if err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	return &Loader{cfg: cfg, streams: all, mix: m, rows: rowPool(cfg.Cols)}, nil
}

// rowPool holds buffers for one sequence and the token after it.
func rowPool(cols int) sync.Pool {
	return sync.Pool{New: func() any {
		s := make([]int32, cols+1)
		return &s
	}}
}

// At fills dst with batch number step, reusing dst's memory. Batch step holds the global sequences
// step*Rows to step*Rows+Rows-1. It blocks on reading the data only; after an error dst is undefined.
func (l *Loader) At(step int64, dst *Batch) error {
	if step < 0 || step > math.MaxInt64/int64(l.cfg.Rows)/int64(l.cfg.Cols)/2 {
		return fmt.Errorf("batch: there is no batch %d", step)
	}
	dst.reset(l.cfg.Rows, l.cfg.Cols)
	buf := l.rows.Get().(*[]int32)
	defer l.rows.Put(buf)
	for r := range l.cfg.Rows {
		source, seq := l.mix.At(step*int64(l.cfg.Rows) + int64(r))
		s := l.streams[source]
		pos := s.window(seq, l.cfg.Cols, !l.cfg.ConsecutiveWindows)
		if err := fillRow(dst, r, *buf, s, pos); err != nil {
			return fmt.Errorf("batch %d, row %d: %w", step, r, err)
		}
	}
	return nil
}

// fillRow reads len(tokens) tokens at pos of a stream; all but the last are inputs of the row, all
// but the first are targets. What the row has beyond them stays as it is.
func fillRow(dst *Batch, row int, tokens []int32, s *stream, pos int64) error {
	at, n := row*dst.Cols, len(tokens)-1
	docs, err := s.read(tokens, dst.DocStart[at:at+n], dst.Docs, row, pos)
	if err != nil {
		return err
	}
	dst.Docs = docs
	copy(dst.Inputs[at:], tokens[:n])
	copy(dst.Targets[at:], tokens[1:])
	return nil
}

// Part describes one source of a loader.
type Part struct {
	Name      string  `json:"name"`
	Documents int64   `json:"documents"`
	Tokens    int64   `json:"tokens"` // of one epoch, separators included
	Weight    float64 `json:"weight"` // share of the sequences; the weights sum to 1
	Epochs    float64 `json:"epochs"` // how often its tokens were used
}

// Parts describes the sources after the first steps batches.
func (l *Loader) Parts(steps int64) []Part {
	var parts []Part
	for i, s := range l.streams {
		seqs := l.mix.Count(i, steps*int64(l.cfg.Rows))
		parts = append(parts, Part{
			Name: s.name, Documents: s.docs.NumDocs(), Tokens: s.length, Weight: l.mix.Weight(i),
			Epochs: float64(seqs) * float64(l.cfg.Cols) / float64(s.length),
		})
	}
	return parts
}
