package optim

import (
	"cmp"
	"math"
	"slices"

	"gorgonia.org/tensor"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
)

// slot is one parameter with its optimizer state.
type slot[T compute.Float] struct {
	rows, cols int
	w, g       []T
	m          []T  // momentum of Muon and SGD, first moment of AdamW, what is not yet applied of Dion
	v          []T  // second moment of AdamW, and of NorMuon for each row
	q          []T  // basis of Dion, rank x cols
	rank       int  // of Dion's update
	adam       bool // updated by AdamW
	step       cpu.AdamStep[T]
	decay      float64
	updateSq   float64 // sum of squares of the last change, without decay
}

// matrix is what a rule for matrices updates at a time: a whole parameter, or one of its blocks of rows.
type matrix[T compute.Float] struct {
	slot[T]
	param, row int // where it comes from
}

// block is a range of one parameter's elements, the unit of elementwise work.
type block struct{ slot, lo, hi int }

// core does the arithmetic of Optimizer in one element type.
type core[T compute.Float] struct {
	be     *cpu.Backend[T]
	params []Param
	rule   Class
	rules  rules
	slots  []slot[T]
	mats   []matrix[T] // in the order of params
	first  []int       // by parameter, the index of its first matrix, or of the next one

	large    []int   // matrices that all workers share, in order
	small    []int   // matrices that one worker takes whole, the costliest first
	blocks   []block // all parameters, those of AdamW and SGD first
	nFlat    int     // how many of the blocks AdamW or SGD updates
	part     []float64
	updateSq []float64 // by parameter
	valueSq  []float64
	kept     []int // parameters whose weights are in past, one after another
	past     []T

	vec    cpu.Updates[T]
	shared matrixPass[T]
	lent   passes[T]

	// The pass in progress, for job and its siblings, which are made once.
	lr            float64
	factor        T
	job, gradSq   func(w *cpu.Worker[T], i int)
	weightSq      func(w *cpu.Worker[T], i int)
	scale, zeroed func(w *cpu.Worker[T], i int)
}

func newCore[T compute.Float](be *cpu.Backend[T], params []Param, cfg Config, r rules) *core[T] {
	c := &core[T]{be: be, params: params, rule: cmp.Or(cfg.Rule, Muon), rules: r, vec: cpu.UpdatesFor[T](), slots: make([]slot[T], len(params))}
	var matBlocks []block
	for i, p := range params {
		s := &c.slots[i]
		c.first = append(c.first, len(c.mats))
		s.rows, s.cols = rowsCols(p.Value)
		s.w, s.g = elems[T](p.Value), elems[T](p.Grad)
		s.m = make([]T, len(s.w))
		if cfg.NoDecay == nil || !cfg.NoDecay(p) {
			s.decay = cfg.WeightDecay
		}
		switch cfg.Class(p) {
		case AdamW:
			s.v, s.adam = make([]T, len(s.w)), true
			c.blocks = appendBlocks(c.blocks, i, len(s.w))
		case SGD:
			c.blocks = appendBlocks(c.blocks, i, len(s.w))
		default:
			c.addMatrices(i, cfg.blocks(p))
			matBlocks = appendBlocks(matBlocks, i, len(s.w))
		}
	}
	c.initState()
	c.split(ThreadedCost)
	c.nFlat = len(c.blocks)
	c.blocks = append(c.blocks, matBlocks...)
	c.part = make([]float64, len(c.blocks))
	c.updateSq, c.valueSq = make([]float64, len(params)), make([]float64, len(params))
	c.shared = newPass[T](c.rule, &c.rules)
	c.job, c.gradSq, c.weightSq, c.scale, c.zeroed = c.doJob, c.doGradSq, c.doWeightSq, c.doScale, c.doZero
	return c
}

// addMatrices gives parameter i its state and cuts it into n matrices.
func (c *core[T]) addMatrices(i, n int) {
	s := &c.slots[i]
	rows := s.rows / n
	switch c.rule {
	case NorMuon:
		s.v = make([]T, s.rows)
	case Dion:
		s.rank = c.rules.dion.rankOf(rows, s.cols)
		s.q = make([]T, n*s.rank*s.cols)
	}
	for b := range n {
		m := matrix[T]{slot: *s, param: i, row: b * rows}
		m.rows = rows
		m.m = s.m[b*rows*s.cols : (b+1)*rows*s.cols]
		if s.v != nil {
			m.v = s.v[b*rows : (b+1)*rows]
		}
		m.q = s.q[b*s.rank*s.cols : (b+1)*s.rank*s.cols]
		c.mats = append(c.mats, m)
	}
	c.bindMatrices(i)
}

// bindMatrices points the matrices of parameter i at its weights and gradients.
func (c *core[T]) bindMatrices(i int) {
	s := &c.slots[i]
	for j := c.first[i]; j < len(c.mats) && c.mats[j].param == i; j++ {
		m := &c.mats[j]
		lo, hi := m.row*s.cols, (m.row+m.rows)*s.cols
		m.w, m.g = s.w[lo:hi], s.g[lo:hi]
	}
}

func (c *core[T]) bind(i int, value, grad *tensor.Dense) {
	c.slots[i].w, c.slots[i].g = elems[T](value), elems[T](grad)
	c.bindMatrices(i)
}

// split deals out the matrices between large and small at the given cost.
func (c *core[T]) split(limit int) {
	c.large, c.small = nil, nil
	for i := range c.mats {
		if c.mats[i].cost() >= limit {
			c.large = append(c.large, i)
		} else {
			c.small = append(c.small, i)
		}
	}
	slices.SortStableFunc(c.small, func(a, b int) int { return cmp.Compare(c.mats[b].cost(), c.mats[a].cost()) })
}

// cost is the number of multiplications in X X^T.
func (s *slot[T]) cost() int { return s.rows * s.cols * min(s.rows, s.cols) }

func appendBlocks(b []block, slot, n int) []block {
	for lo := 0; lo < n; lo += blockLen {
		b = append(b, block{slot, lo, min(lo+blockLen, n)})
	}
	return b
}

// update runs step t: large matrices one after another on all workers, then small ones and the blocks of AdamW or SGD
// side by side.
func (c *core[T]) update(t int64, lr float64) {
	c.lr = lr
	for i := range c.slots {
		if s := &c.slots[i]; s.adam {
			s.step = stepOf[T](&c.rules.adam, t, lr*c.ratio(i), s.decay)
		}
	}
	for _, i := range c.large {
		c.shared.run(threaded[T]{c.be}, &c.mats[i].slot, lr, c.mats[i].decay)
	}
	c.be.For(len(c.small)+c.nFlat, c.job)
}

func (c *core[T]) doJob(w *cpu.Worker[T], i int) {
	if i < len(c.small) {
		s := &c.mats[c.small[i]].slot
		p := c.lent.get()
		if p == nil {
			p = newPass[T](c.rule, &c.rules)
		}
		p.run(serial[T]{w}, s, c.lr, s.decay)
		c.lent.put(p)
		return
	}
	i -= len(c.small)
	b := c.blocks[i]
	s := &c.slots[b.slot]
	if c.rule == SGD {
		c.part[i] = sgdBlock(&c.rules.sgd, s, b.lo, b.hi, c.lr, s.decay)
		return
	}
	c.part[i] = adamBlock(&c.vec, s, b.lo, b.hi, c.lr*c.ratio(b.slot))
}

// ratio is the learning rate of parameter i over that of the step.
func (c *core[T]) ratio(i int) float64 {
	if c.slots[i].adam {
		return c.rules.adam.ratio
	}
	return 1
}

// updates returns the sum of squares of each parameter's last change.
func (c *core[T]) updates() []float64 {
	clear(c.updateSq)
	for i := range c.mats {
		c.updateSq[c.mats[i].param] += c.mats[i].updateSq
	}
	for i, b := range c.blocks[:c.nFlat] {
		c.updateSq[b.slot] += c.part[i]
	}
	return c.updateSq
}

// weights returns the sum of squares of each parameter.
func (c *core[T]) weights() []float64 {
	clear(c.valueSq)
	c.be.For(len(c.blocks), c.weightSq)
	for i, b := range c.blocks {
		c.valueSq[b.slot] += c.part[i]
	}
	return c.valueSq
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
	return firstBad(x)
}

// firstBad finds the first element that is not finite.
func firstBad[T compute.Float](x []T) (index int, value float64, found bool) {
	for i, v := range x {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return i, f, true
		}
	}
	return 0, 0, false
}

func (c *core[T]) scaleRows(d *tensor.Dense, lo, hi int, f float64) { scaleRows(d, lo, hi, f) }

func (c *core[T]) lend() {}

func (c *core[T]) state() []StateTensor {
	var out []StateTensor
	add := func(kind string, i int, x []T, shape ...int) {
		out = append(out, StateTensor{Name: kind + "." + c.params[i].Name, Value: wrap(x, shape...)})
	}
	for i := range c.slots {
		s, shape := &c.slots[i], c.params[i].Value.Shape()
		if s.adam {
			add("exp_avg", i, s.m, shape...)
			add("exp_avg_sq", i, s.v, shape...)
			continue
		}
		add("momentum", i, s.m, shape...)
		if s.v != nil {
			add("neuron_sq", i, s.v, s.rows)
		}
		if s.q != nil {
			add("basis", i, s.q, len(s.q)/s.cols, s.cols)
		}
	}
	return out
}

func (c *core[T]) reset() {
	for i := range c.slots {
		s := &c.slots[i]
		clear(s.m)
		clear(s.v)
		clear(s.q)
	}
	c.initState()
}

// initState sets state that does not begin at zero.
func (c *core[T]) initState() {
	for i, s := range c.slots {
		if s.q != nil {
			initBasis(s.q, c.params[i].Name)
		}
	}
}
