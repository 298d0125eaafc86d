package cpu

import (
	"math"

	"muonclip/internal/compute"
)

// forward computes one head's output and returns its largest softmax input. The softmax is taken over blocks
// of keys as they come (Milakov and Gimelshein, arXiv 1805.02867): where a block raises a query's largest
// score, what was summed before is scaled down to it. Up to forwardBlock keys there is one block.
func (h *heads[T]) forward(head int) T {
	peak := minusInf[T]()
	lse := h.LSE[(h.batch*h.Heads+head)*h.Seq:][:h.Seq]
	ldo := h.Heads * h.V
	for lo := 0; lo < h.Seq; lo += queryBlock {
		hi := min(lo+queryBlock, h.Seq)
		h.loadQ(head, lo, hi)
		for i := range hi - lo {
			h.peak[i], h.sum[i] = minusInf[T](), 0
		}
		clear(h.o)
		for k0 := h.firstKey(lo); k0 < hi; k0 += h.block {
			for t := lo; t < hi; t += h.w.kern.stripRows {
				h.attend(lo, t, hi, k0)
			}
		}
		for i := range hi - lo {
			m, sum := h.peak[i], h.sum[i]
			if sum != sum && m < T(math.Inf(1)) {
				m = sum // NaN hides from comparisons
			}
			if m > peak || m != m {
				peak = m
			}
			lse[lo+i] = m + T(math.Log(float64(sum)))
			o := h.o[i*h.vw : (i+1)*h.vw]
			h.w.kern.scale(o, o, 1/sum)
		}
		h.w.kern.copyScaled(h.Out[(h.batch*h.Seq+lo)*ldo+head*h.V:], ldo, h.o, h.vw, hi-lo, h.V, 1)
	}
	return peak
}

// attend adds the keys from k0 on to the strip of queries from t on, in the block of queries [lo, hi).
func (h *heads[T]) attend(lo, t, hi, k0 int) {
	kern := h.w.kern
	from, to := h.seen(t, k0)
	if from >= to {
		return
	}
	first := from / panelCols * panelCols // where the scores begin
	width := ceil(to-first, panelCols) * panelCols
	q := h.q[(t-lo)*h.qk:]
	kern.stripPanels(h.dim, q, h.qk, h.kPanels[first*h.dim:], h.s, h.block, width/panelCols)
	for i := range min(kern.stripRows, hi-t) {
		row := h.s[i*h.block:][:width]
		if !h.mask(row, t+i, first) {
			clear(row)
			continue
		}
		m, at := kern.max(row), t+i-lo
		if before := h.peak[at]; m > before {
			if h.sum[at] != 0 {
				shrink := T(math.Exp(float64(before - m)))
				h.sum[at] *= shrink
				o := h.o[at*h.vw : (at+1)*h.vw]
				kern.scale(o, o, shrink)
			}
			h.peak[at] = m
		}
		h.sum[at] += kern.expSum(row, row, h.peak[at])
	}
	kern.strip(to-from, h.s[from-first:], h.block, 1, h.vals[from*h.vw:], h.vw, h.o[(t-lo)*h.vw:], h.vw, h.vw, true)
}

// backward computes one head's query gradient and adds to those of its keys and values.
func (h *heads[T]) backward(head int) {
	lse := h.LSE[(h.batch*h.Heads+head)*h.Seq:][:h.Seq]
	ldo := h.Heads * h.V
	for lo := 0; lo < h.Seq; lo += queryBlock {
		hi := min(lo+queryBlock, h.Seq)
		h.loadQ(head, lo, hi)
		clear(h.dq)
		at := (h.batch*h.Seq+lo)*ldo + head*h.V
		h.w.kern.copyScaled(h.o, h.vw, h.DOut[at:], ldo, hi-lo, h.V, 1)
		pad(h.o, h.vw, hi-lo, h.V)
		for i := range hi - lo {
			h.sum[i] = h.w.kern.dot(h.o[i*h.vw:][:h.V], h.Out[at+i*ldo:][:h.V])
		}
		for k0 := h.firstKey(lo); k0 < hi; k0 += h.block {
			for t := lo; t < hi; t += h.w.kern.stripRows {
				h.attendBackward(lse, lo, t, hi, k0)
			}
			h.keyGradients(lo, hi, k0)
		}
		for t := lo; t < hi; t++ {
			h.rotate(h.dq[(t-lo)*h.qk+h.Nope:], t, -1)
		}
		h.give(&h.Q, head, lo, hi, h.dim, h.dq, h.qk, h.Scale)
	}
}

// attendBackward computes the probabilities of the strip of queries from t on for the keys from k0 on, the
// gradients of the scores, and what these add to the gradient of the queries.
func (h *heads[T]) attendBackward(lse []T, lo, t, hi, k0 int) {
	kern := h.w.kern
	from, to := h.seen(t, k0)
	if from >= to {
		return
	}
	first := from / panelCols * panelCols
	width := ceil(to-first, panelCols) * panelCols
	p, dp := h.s[(t-lo)*h.block+first-k0:], h.dp[(t-lo)*h.block+first-k0:]
	kern.stripPanels(h.dim, h.q[(t-lo)*h.qk:], h.qk, h.kPanels[first*h.dim:], p, h.block, width/panelCols)
	kern.stripPanels(h.v, h.o[(t-lo)*h.vw:], h.vw, h.vPanel[first*h.v:], dp, h.block, width/panelCols)
	for i := range min(kern.stripRows, hi-t) {
		row := p[i*h.block:][:width]
		h.mask(row, t+i, first)
		kern.softmaxGrad(row, dp[i*h.block:][:width], lse[t+i], h.sum[t+i-lo])
	}
	kern.strip(to-from, dp[from-first:], h.block, 1, h.k[from*h.qk:], h.qk, h.dq[(t-lo)*h.qk:], h.qk, h.qk, true)
}

// keyGradients adds what queries [lo, hi) give to the gradients of the keys and values from k0 on.
func (h *heads[T]) keyGradients(lo, hi, k0 int) {
	kern := h.w.kern
	end := min(k0+h.block, hi)
	for key := max(k0, h.start(lo)/kern.stripRows*kern.stripRows); key < end; key += kern.stripRows {
		from, to := max(lo, key), hi // queries that see a key of the strip
		for to > from && h.start(to-1) >= key+kern.stripRows {
			to--
		}
		if from >= to {
			continue
		}
		at := (from-lo)*h.block + key - k0
		kern.strip(to-from, h.s[at:], 1, h.block, h.o[(from-lo)*h.vw:], h.vw, h.dv[key*h.vw:], h.vw, h.vw, true)
		kern.strip(to-from, h.dp[at:], 1, h.block, h.q[(from-lo)*h.qk:], h.qk, h.dk[key*h.qk:], h.qk, h.qk, true)
	}
}

func minusInf[T compute.Float]() T { return T(math.Inf(-1)) }
