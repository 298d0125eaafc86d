package batch

import (
	"fmt"
	"sync"
)

// HeldOut cuts held-out data into batches for evaluation: the documents as they are stored, windows
// of Cols inputs one after another, source after source, so that every token but the first of each
// source is a target exactly once. What the last window of a source and the last batch lack is filled
// with input 0 and target -1. Its methods may be called concurrently.
type HeldOut struct {
	cfg     Config
	streams []*stream
	base    []int64 // sources+1: number of the first sequence of each source
	targets int64
	rows    sync.Pool
}

// NewHeldOut returns the batches of the sources; of cfg it uses all but Seed and ConsecutiveWindows.
func NewHeldOut(sources []Source, cfg Config) (*HeldOut, error) {
	all, err := streams(sources, cfg, 2)
	if err != nil {
		return nil, fmt.Errorf("held-out data: %w", err)
	}
	h := &HeldOut{cfg: cfg, streams: all, base: []int64{0}, rows: rowPool(cfg.Cols)}
	for i, s := range all {
		s.inOrder = true
		h.base = append(h.base, h.base[i]+ceilDiv(s.length-1, int64(cfg.Cols)))
		h.targets += s.length - 1
	}
	return h, nil
}

// Len is the number of batches.
func (h *HeldOut) Len() int64 { return ceilDiv(h.base[len(h.base)-1], int64(h.cfg.Rows)) }

// Targets is the number of targets of all batches that are not -1.
func (h *HeldOut) Targets() int64 { return h.targets }

// At fills dst with batch i, 0 <= i < Len(), reusing dst's memory. Every batch has the same shape.
// After an error dst is undefined.
func (h *HeldOut) At(i int64, dst *Batch) error {
	if i < 0 || i >= h.Len() {
		return fmt.Errorf("batch: there is no held-out batch %d, there are %d", i, h.Len())
	}
	dst.reset(h.cfg.Rows, h.cfg.Cols)
	for p := range dst.Targets {
		dst.Targets[p] = -1
	}
	buf := h.rows.Get().(*[]int32)
	defer h.rows.Put(buf)
	source := 0
	for r := range h.cfg.Rows {
		seq := i*int64(h.cfg.Rows) + int64(r)
		for source < len(h.streams) && seq >= h.base[source+1] {
			source++
		}
		if source == len(h.streams) {
			break
		}
		s := h.streams[source]
		pos := (seq - h.base[source]) * int64(h.cfg.Cols)
		n := int(min(int64(h.cfg.Cols), s.length-1-pos))
		if err := fillRow(dst, r, (*buf)[:n+1], s, pos); err != nil {
			return fmt.Errorf("held-out batch %d, row %d: %w", i, r, err)
		}
		// The filling attends to nothing but itself.
		if h.cfg.MaskDocuments {
			for p := n; p < h.cfg.Cols; p++ {
				dst.DocStart[r*h.cfg.Cols+p] = int32(n)
			}
		}
	}
	return nil
}
