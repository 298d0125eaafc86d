package optim

import (
	"cmp"
	"math"
	"slices"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
)

// slot is one parameter with its optimizer state.
type slot[T compute.Float] struct {
	rows, cols int
	w, g       []T
	m          []T // momentum of Muon, first moment of AdamW
	v          []T // second moment of AdamW
	decay      float64
	updateSq   float64 // sum of squares of the last change, without decay
}

// block is a range of one parameter's elements, the unit of elementwise work.
type block struct{ slot, lo, hi int }

// core does the arithmetic of Optimizer in one element type.
type core[T compute.Float] struct {
	be     *cpu.Backend[T]
	params []Param
	slots  []slot[T]
	muon   muonRule
	adam   adamRule

	large    []int   // Muon matrices that all workers share, in order
	small    []int   // Muon matrices that one worker takes whole, the costliest first
	blocks   []block // all parameters, those of AdamW first
	nAdam    int     // how many of the blocks AdamW updates
	part     []float64
	updateSq []float64 // by parameter
	valueSq  []float64

	shared *muonPass[T]
	lent   passes[T]

	// The pass in progress, for job and its siblings, which are made once.
	t             int64
	lr            float64
	factor        T
	job, gradSq   func(w *cpu.Worker[T], i int)
	weightSq      func(w *cpu.Worker[T], i int)
	scale, zeroed func(w *cpu.Worker[T], i int)
}

func newCore[T compute.Float](be *cpu.Backend[T], params []Param, cfg Config, muon muonRule, adam adamRule) *core[T] {
	c := &core[T]{be: be, params: params, muon: muon, adam: adam, slots: make([]slot[T], len(params))}
	var muonBlocks []block
	for i, p := range params {
		s := &c.slots[i]
		s.rows, s.cols = rowsCols(p.Value)
		s.w, s.g = elems[T](p.Value), elems[T](p.Grad)
		s.m = make([]T, len(s.w))
		if cfg.NoDecay == nil || !cfg.NoDecay(p) {
			s.decay = cfg.WeightDecay
		}
		if !p.Muon {
			s.v = make([]T, len(s.w))
			c.blocks = appendBlocks(c.blocks, i, len(s.w))
			continue
		}
		muonBlocks = appendBlocks(muonBlocks, i, len(s.w))
	}
	c.split(threadedCost)
	c.nAdam = len(c.blocks)
	c.blocks = append(c.blocks, muonBlocks...)
	c.part = make([]float64, len(c.blocks))
	c.updateSq, c.valueSq = make([]float64, len(params)), make([]float64, len(params))
	c.shared = newMuonPass[T](&c.muon)
	c.job, c.gradSq, c.weightSq, c.scale, c.zeroed = c.doJob, c.doGradSq, c.doWeightSq, c.doScale, c.doZero
	return c
}

// split deals out the Muon matrices between large and small at the given cost.
func (c *core[T]) split(limit int) {
	c.large, c.small = nil, nil
	for i := range c.slots {
		switch {
		case !c.params[i].Muon:
		case c.slots[i].cost() >= limit:
			c.large = append(c.large, i)
		default:
			c.small = append(c.small, i)
		}
	}
	slices.SortStableFunc(c.small, func(a, b int) int { return cmp.Compare(c.slots[b].cost(), c.slots[a].cost()) })
}

// cost is the number of multiplications in X X^T.
func (s *slot[T]) cost() int { return s.rows * s.cols * min(s.rows, s.cols) }

func appendBlocks(b []block, slot, n int) []block {
	for lo := 0; lo < n; lo += blockLen {
		b = append(b, block{slot, lo, min(lo+blockLen, n)})
	}
	return b
}

// update runs step t: large matrices one after another on all workers, then small ones and AdamW blocks side by side.
func (c *core[T]) update(t int64, lr float64) {
	c.t, c.lr = t, lr
	for _, i := range c.large {
		c.shared.run(threaded[T]{c.be}, &c.slots[i], lr, c.slots[i].decay)
	}
	c.be.For(len(c.small)+c.nAdam, c.job)
}

func (c *core[T]) doJob(w *cpu.Worker[T], i int) {
	if i < len(c.small) {
		s := &c.slots[c.small[i]]
		p := c.lent.get(&c.muon)
		p.run(serial[T]{w}, s, c.lr, s.decay)
		c.lent.put(p)
		return
	}
	i -= len(c.small)
	b := c.blocks[i]
	s := &c.slots[b.slot]
	c.part[i] = adamBlock(&c.adam, s, b.lo, b.hi, c.t, c.lr, s.decay)
}

func (c *core[T]) sums(weights bool) (update, weight []float64) {
	for i := range c.slots {
		c.updateSq[i], c.valueSq[i] = c.slots[i].updateSq, 0
	}
	for i, b := range c.blocks[:c.nAdam] {
		c.updateSq[b.slot] += c.part[i]
	}
	if weights {
		c.be.For(len(c.blocks), c.weightSq)
		for i, b := range c.blocks {
			c.valueSq[b.slot] += c.part[i]
		}
	}
	return c.updateSq, c.valueSq
}

func (c *core[T]) gradNorm() float64 {
	c.be.For(len(c.blocks), c.gradSq)
	return math.Sqrt(sum(c.part))
}

func (c *core[T]) scaleGrads(f float64) {
	c.factor = T(f)
	c.be.For(len(c.blocks), c.scale)
}

func (c *core[T]) zeroGrads() { c.be.For(len(c.blocks), c.zeroed) }

func (c *core[T]) doGradSq(_ *cpu.Worker[T], i int) {
	b := c.blocks[i]
	c.part[i] = sumSquares(c.slots[b.slot].g[b.lo:b.hi])
}

func (c *core[T]) doWeightSq(_ *cpu.Worker[T], i int) {
	b := c.blocks[i]
	c.part[i] = sumSquares(c.slots[b.slot].w[b.lo:b.hi])
}

func (c *core[T]) doScale(_ *cpu.Worker[T], i int) {
	b := c.blocks[i]
	g := c.slots[b.slot].g[b.lo:b.hi]
	for j := range g {
		g[j] *= c.factor
	}
}

func (c *core[T]) doZero(_ *cpu.Worker[T], i int) {
	b := c.blocks[i]
	clear(c.slots[b.slot].g[b.lo:b.hi])
}

func (c *core[T]) nonFinite(i int, grad bool) (int, float64, bool) {
	x := c.slots[i].w
	if grad {
		x = c.slots[i].g
	}
	for j, v := range x {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return j, f, true
		}
	}
	return 0, 0, false
}

func (c *core[T]) state() []StateTensor {
	var out []StateTensor
	add := func(kind string, i int, x []T) {
		shape := c.params[i].Value.Shape()
		out = append(out, StateTensor{Name: kind + "." + c.params[i].Name, Value: wrap(x, shape...)})
	}
	for i := range c.slots {
		s := &c.slots[i]
		if c.params[i].Muon {
			add("momentum", i, s.m)
			continue
		}
		add("exp_avg", i, s.m)
		add("exp_avg_sq", i, s.v)
	}
	return out
}
