package batch

// Evaluation is the batches that a loss is taken over. HeldOut is one.
type Evaluation interface {
	Batches
	Len() int64
}

// Spread returns n of the batches, evenly spaced over all of them, so that a short evaluation sees the
// beginning of the held-out text no more than its end. Zero, or more than there are, means all.
func (h *HeldOut) Spread(n int64) Evaluation {
	if n <= 0 || n >= h.Len() {
		return h
	}
	return spread{h, n}
}

type spread struct {
	*HeldOut
	n int64
}

func (s spread) Len() int64 { return s.n }

func (s spread) At(i int64, dst *Batch) error { return s.HeldOut.At(i*s.HeldOut.Len()/s.n, dst) }
