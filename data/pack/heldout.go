package pack

import (
	"fmt"

	"muonclip/data/batch"
)

// HeldOut is held-out dialogues in batches for evaluation: packed once, source after source, each dialogue in one row.
// The last batch may end with rows of padding. Its methods may be called concurrently.
type HeldOut struct {
	layout
	cfg    Config
	rows   []heldRow
	places int64
	picked int64 // batches that are used, evenly spaced; all of them where it is 0
}

type heldRow struct {
	s         *stream
	dialogues []int32
}

var _ batch.Evaluation = (*HeldOut)(nil)

// NewHeldOut returns the batches of the sources; of cfg it uses Rows and Cols.
func NewHeldOut(sources []Source, cfg Config) (*HeldOut, error) {
	all, err := streams(sources, cfg)
	if err != nil {
		return nil, fmt.Errorf("held-out data: %w", err)
	}
	h := &HeldOut{layout: layout{all}, cfg: cfg}
	for _, s := range all {
		for _, row := range bestFit(s.usable, s.lengths, cfg.Cols) {
			h.rows = append(h.rows, heldRow{s, row})
		}
		h.places += s.places
	}
	return h, nil
}

// all is the number of batches that hold everything.
func (h *HeldOut) all() int64 { return int64((len(h.rows) + h.cfg.Rows - 1) / h.cfg.Rows) }

// Len is the number of batches.
func (h *HeldOut) Len() int64 {
	if h.picked > 0 {
		return h.picked
	}
	return h.all()
}

// Filled is the share of the rows' places that are no padding.
func (h *HeldOut) Filled() float64 { return float64(h.places) / float64(len(h.rows)*h.cfg.Cols) }

// Spread returns n of the batches, evenly spaced, so that a short evaluation sees long and short dialogues of all sources.
// Zero, or more than there are, means all.
func (h *HeldOut) Spread(n int64) *HeldOut {
	out := *h
	out.picked = 0
	if n > 0 && n < h.all() {
		out.picked = n
	}
	return &out
}

// At fills dst with batch i, 0 <= i < Len(), reusing dst's memory. Every batch has the same shape. After an error dst is
// undefined.
func (h *HeldOut) At(i int64, dst *batch.Batch) error {
	if i < 0 || i >= h.Len() {
		return fmt.Errorf("pack: there is no held-out batch %d, there are %d", i, h.Len())
	}
	if h.picked > 0 {
		i = i * h.all() / h.picked
	}
	reset(dst, h.cfg.Rows, h.cfg.Cols)
	first := int(i) * h.cfg.Rows
	for r, row := range h.rows[first:min(first+h.cfg.Rows, len(h.rows))] {
		if err := fill(dst, r, row.s, row.dialogues); err != nil {
			return fmt.Errorf("pack: held-out batch %d, row %d: %w", i, r, err)
		}
	}
	return nil
}
