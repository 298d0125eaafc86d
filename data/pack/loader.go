package pack

import (
	"fmt"
	"math"

	"muonclip/data/batch"
	"muonclip/data/mixture"
)

// Loader makes the training batches. Its methods may be called concurrently.
type Loader struct {
	layout
	cfg Config
	mix mixture.Mixture
}

var _ batch.Batches = (*Loader)(nil)

// NewLoader returns a loader over the sources, each of which needs a dialogue that fits into a row.
func NewLoader(sources []Source, cfg Config) (*Loader, error) {
	all, err := streams(sources, cfg)
	if err != nil {
		return nil, err
	}
	mixed := make([]mixture.Source, len(sources))
	for i, src := range sources {
		mixed[i] = mixture.Source{Name: src.Name, Weight: src.Weight, Size: all[i].places}
	}
	m, err := mixture.New(mixed)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	return &Loader{layout: layout{all}, cfg: cfg, mix: m}, nil
}

// At fills dst with batch number step, reusing dst's memory. Batch step holds the rows step*Rows to step*Rows+Rows-1 of
// the endless mixture of the sources. After an error dst is undefined.
func (l *Loader) At(step int64, dst *batch.Batch) error {
	if step < 0 || step > math.MaxInt64/int64(l.cfg.Rows)/2 {
		return fmt.Errorf("pack: there is no batch %d", step)
	}
	reset(dst, l.cfg.Rows, l.cfg.Cols)
	for r := range l.cfg.Rows {
		source, seq := l.mix.At(step*int64(l.cfg.Rows) + int64(r))
		s := l.streams[source]
		if err := fill(dst, r, s, s.row(seq)); err != nil {
			return fmt.Errorf("pack: batch %d, row %d: %w", step, r, err)
		}
	}
	return nil
}

// Part describes one source of a loader.
type Part struct {
	Name      string  `json:"name"`
	Dialogues int64   `json:"dialogues"` // that fit, each once an epoch
	TooLong   int64   `json:"too_long"`  // left out: more than Cols+1 tokens
	TooShort  int64   `json:"too_short"` // left out: fewer than 2 tokens
	Places    int64   `json:"places"`    // that the dialogues take in an epoch
	Rows      int64   `json:"rows"`      // of the first epoch
	Filled    float64 `json:"filled"`    // share of the first epoch's places that are no padding
	Weight    float64 `json:"weight"`    // share of the rows; the weights sum to 1
	Epochs    float64 `json:"epochs"`    // how often its rows were used
}

// Parts describes the sources after the first steps batches.
func (l *Loader) Parts(steps int64) []Part {
	var parts []Part
	for i, s := range l.streams {
		p := s.part()
		p.Weight, p.Epochs = l.mix.Weight(i), s.epochs(l.mix.Count(i, steps*int64(l.cfg.Rows)))
		parts = append(parts, p)
	}
	return parts
}

// Epochs is how often the dialogues of all sources were used in the first steps batches, in the mean over the sources by
// their weights.
func (l *Loader) Epochs(steps int64) float64 {
	var sum float64
	for _, p := range l.Parts(steps) {
		sum += p.Weight * p.Epochs
	}
	return sum
}

// Steps is the number of batches with as many rows as that many epochs of all sources together have, rounded up. With one
// source, or mixed by tokens, this is where the epochs end.
func (l *Loader) Steps(epochs float64) int64 {
	if !(epochs > 0) {
		return 0
	}
	whole, rest := math.Modf(min(epochs, 1<<20))
	var rows float64
	for _, s := range l.streams {
		s.mu.Lock()
		rows += float64(s.before(int64(whole)))
		if rest > 0 {
			rows += rest * float64(s.count(int64(whole)))
		}
		s.mu.Unlock()
	}
	return int64(math.Ceil(rows / float64(l.cfg.Rows)))
}

// part describes the first epoch.
func (s *stream) part() Part {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := s.count(0)
	return Part{
		Name: s.name, Dialogues: int64(len(s.usable)), TooLong: int64(s.tooLong), TooShort: int64(s.tooShort),
		Places: s.places, Rows: rows, Filled: float64(s.places) / float64(rows*int64(s.cols)),
	}
}

// epochs is how many epochs the first rows of the stream are.
func (s *stream) epochs(rows int64) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, row := s.locate(rows)
	return float64(e) + float64(row)/float64(s.count(e))
}
