package cpu

import "muonclip/internal/compute"

// Blocks of attention. Queries are taken queryBlock at a time and met with the keys in blocks that stay in the
// second-level cache; within a block, a strip of a few queries is scored, put through the softmax
// and multiplied by the values while its scores are in the first-level cache. What lies above the
// diagonal or before the documents of a strip is never computed, but for the rest of a panel. All are
// multiples of panelCols and of the rows of every strip, so strips of queries and keys share one grid.
const (
	queryBlock    = 96
	forwardBlock  = 384 // keys
	backwardBlock = 192
)

// heads is the work on one key-value head of one sequence and the query heads that share it. Rows are
// padded with zeros: those of keys to whole blocks of queries, their columns to whole vectors.
type heads[T compute.Float] struct {
	*compute.AttentionArgs[T]
	w            *Worker[T]
	batch, group int
	rows         int // Seq, padded
	dim, v       int // Nope+Rope and V
	qk, vw       int // the same, padded
	block        int // keys of a block

	k, kPanels   []T // rows x qk, rotated; panels of the transposed
	vals, vPanel []T // rows x vw; panels of the transposed (backward pass)
	dk, dv       []T // gradients of k and vals

	q, dq []T // queryBlock x qk; q is rotated and scaled
	o     []T // queryBlock x vw: output, or its gradient in the backward pass
	s, dp []T // scores and gradients of probabilities: a strip in the forward pass, a block in the backward pass

	peak, sum []T // of each query: largest score so far and sum of exponentials; in the backward pass sum is D
}

func newHeads[T compute.Float](w *Worker[T], a *compute.AttentionArgs[T], batch, group int, backward bool) heads[T] {
	lanes := w.kern.lanes
	h := heads[T]{
		AttentionArgs: a, w: w, batch: batch, group: group, rows: ceil(a.Seq, queryBlock) * queryBlock, dim: a.Nope + a.Rope, v: a.V,
		block: forwardBlock,
	}
	h.qk, h.vw = ceil(h.dim, lanes)*lanes, ceil(h.v, lanes)*lanes
	scores, gradients := w.kern.stripRows, 0
	if backward {
		h.block, scores, gradients = backwardBlock, queryBlock, 1
	}
	keys, values, scored := h.rows*h.qk, h.rows*h.vw, scores*h.block
	panels, vPanels := h.rows*h.dim, gradients*h.rows*h.v
	w.scratch = grow(w.scratch, (1+gradients)*(keys+values+scored+queryBlock*h.qk)+panels+vPanels+queryBlock*(h.vw+2))
	rest := w.scratch
	take := func(n int) []T {
		part := rest[:n:n]
		rest = rest[n:]
		return part
	}
	h.k, h.vals, h.s, h.q = take(keys), take(values), take(scored), take(queryBlock*h.qk)
	h.kPanels, h.vPanel, h.o = take(panels), take(vPanels), take(queryBlock*h.vw)
	h.peak, h.sum = take(queryBlock), take(queryBlock)
	if backward {
		h.dk, h.dv, h.dp, h.dq = take(keys), take(values), take(scored), take(queryBlock*h.qk)
	}
	return h
}

// take copies rows [lo, hi) of head's columns to dst, times a; give copies them back.
func (h *heads[T]) take(dst []T, ldd int, c *compute.HeadCols[T], head, lo, hi, cols int, a T) {
	if cols > 0 {
		h.w.kern.copyScaled(dst, ldd, c.Data[(h.batch*h.Seq+lo)*c.Ld+c.Off+head*c.Stride:], c.Ld, hi-lo, cols, a)
	}
}

func (h *heads[T]) give(c *compute.HeadCols[T], head, lo, hi, cols int, src []T, lds int, a T) {
	if cols > 0 {
		h.w.kern.copyScaled(c.Grad[(h.batch*h.Seq+lo)*c.Ld+c.Off+head*c.Stride:], c.Ld, src, lds, hi-lo, cols, a)
	}
}

// pad clears what lies behind the first cols of each row, and the rows from n on.
func pad[T compute.Float](x []T, ld, n, cols int) {
	if cols < ld {
		for i := range n {
			clear(x[i*ld+cols : (i+1)*ld])
		}
	}
	clear(x[n*ld:])
}

// loadKV copies keys and values, turns the keys by their positions and makes the panels.
func (h *heads[T]) loadKV() {
	h.take(h.k, h.qk, &h.KNope, h.group, 0, h.Seq, h.Nope, 1)
	h.take(h.k[h.Nope:], h.qk, &h.KRope, h.group, 0, h.Seq, h.Rope, 1)
	h.take(h.vals, h.vw, &h.Value, h.group, 0, h.Seq, h.V, 1)
	for t := range h.Seq {
		h.rotate(h.k[t*h.qk+h.Nope:], t, 1)
	}
	pad(h.k, h.qk, h.Seq, h.dim)
	pad(h.vals, h.vw, h.Seq, h.v)
	h.makePanels(h.kPanels, h.k, h.dim, h.qk)
	if len(h.vPanel) > 0 {
		h.makePanels(h.vPanel, h.vals, h.v, h.vw)
	}
}

// makePanels writes the transposed of src, rows x width with rows ld apart, as panels of width x panelCols.
func (h *heads[T]) makePanels(dst, src []T, width, ld int) {
	for t := 0; t < h.rows; t += panelCols {
		h.w.kern.transpose(dst[t*width:(t+panelCols)*width], panelCols, src[t*ld:], ld, panelCols, width)
	}
}

// loadQ copies queries [lo, hi) of a head, scaled and turned by their positions.
func (h *heads[T]) loadQ(head, lo, hi int) {
	h.take(h.q, h.qk, &h.Q, head, lo, hi, h.dim, h.Scale)
	for t := lo; t < hi; t++ {
		h.rotate(h.q[(t-lo)*h.qk+h.Nope:], t, 1)
	}
	pad(h.q, h.qk, hi-lo, h.dim)
}

// rotate turns the pairs of x by the angles of position t, backwards where sign is -1. Pairs are
// neighbours, or an element of the first half with one of the second where RotateHalf is set.
func (h *heads[T]) rotate(x []T, t int, sign T) {
	half := h.Rope / 2
	cos, sin := h.Cos[t*half:(t+1)*half], h.Sin[t*half:(t+1)*half]
	sin = sin[:len(cos)]
	if h.RotateHalf {
		x, y := x[:len(cos)], x[half:][:len(cos)]
		for i, c := range cos {
			s := sign * sin[i]
			x[i], y[i] = x[i]*c-y[i]*s, x[i]*s+y[i]*c
		}
		return
	}
	x = x[:2*len(cos)]
	for i, c := range cos {
		s := sign * sin[i]
		pair := x[2*i : 2*i+2]
		pair[0], pair[1] = pair[0]*c-pair[1]*s, pair[0]*s+pair[1]*c
	}
}

// start is the first position that query t attends to.
func (h *heads[T]) start(t int) int {
	if h.DocStart == nil {
		return 0
	}
	return int(h.DocStart[h.batch*h.Seq+t])
}

// seen are the keys of block [k0, k0+h.block) that a query of the strip from t on sees, in whole strips; there are none
// where to is not above from. Starts of documents never fall, so the strip's first query begins first.
func (h *heads[T]) seen(t, k0 int) (from, to int) {
	mr := h.w.kern.stripRows
	return max(k0, h.start(t)/mr*mr), min(k0+h.block, t+mr)
}

// firstKey is where the first block of keys of the queries from t on begins.
func (h *heads[T]) firstKey(t int) int { return h.start(t) / queryBlock * queryBlock }

// mask writes minus infinity over the scores of row, which are of the keys from first on, that query t does not
// see. It reports whether any is left.
func (h *heads[T]) mask(row []T, t, first int) bool {
	from, to := min(max(h.start(t)-first, 0), len(row)), min(t+1-first, len(row))
	for j := range row[:from] {
		row[j] = minusInf[T]()
	}
	for j := max(to, 0); j < len(row); j++ {
		row[j] = minusInf[T]()
	}
	return from < to
}

// storeKV hands out the gradients of the key and value heads.
func (h *heads[T]) storeKV() {
	for t := range h.Seq {
		h.rotate(h.dk[t*h.qk+h.Nope:], t, -1)
	}
	h.give(&h.KNope, h.group, 0, h.Seq, h.Nope, h.dk, h.qk, 1)
	h.give(&h.Value, h.group, 0, h.Seq, h.V, h.dv, h.vw, 1)
	if h.KRope.Stride == 0 && h.Heads > 1 {
		h.w.kern.copyScaled(h.KRopeParts[(h.batch*h.Heads+h.group)*h.Seq*h.Rope:], h.Rope, h.dk[h.Nope:], h.qk, h.Seq, h.Rope, 1)
		return
	}
	for t := range h.Seq {
		dst := h.KRope.Grad[(h.batch*h.Seq+t)*h.KRope.Ld+h.KRope.Off+h.group*h.KRope.Stride:][:h.Rope]
		h.w.kern.axpy(1, h.dk[t*h.qk+h.Nope:][:h.Rope], dst)
	}
}
