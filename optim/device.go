package optim

import (
	"errors"
	"fmt"
	"math"
	"unsafe"

	"gorgonia.org/tensor"

	"muonclip/internal/compute"
)

// NewOnDevice is New where the parameters lie on a device that does the passes of an optimizer itself: Muon, PlainMuon and
// AdamW. Config.Threads is not used.
func NewOnDevice(be compute.Updater, params []Param, cfg Config) (*Optimizer, error) {
	rules, err := cfg.rules()
	if err != nil {
		return nil, err
	}
	if r := cfg.Rule; r == NorMuon || r == Dion || r == SGD {
		return nil, fmt.Errorf("optim: rule %s runs on a processor only: choose muon, plain-muon or adamw, or set train.device=cpu", r)
	}
	if err := errors.Join(checkParams[float32](params), cfg.checkBlocks(params)); err != nil {
		return nil, err
	}
	o := &Optimizer{params: withKinds(params), cfg: cfg}
	o.core = newDevice(be, o.params, cfg, rules)
	o.state = o.core.state()
	return o, nil
}

// device is the engine of parameters that lie on a device. The host touches their memory only after Host or Lend.
type device struct {
	be      compute.Updater
	params  []Param
	rules   rules
	slots   []slot[float32]
	batches []muonBatch
	runs    []run // all parameters, neighbours in memory as one
	sums    int
	kept    []int
	past    []float32
}

// muonBatch is matrices that one pass updates.
type muonBatch struct {
	compute.MuonBatch
	params []int // of each matrix, the parameter that it is of
	decay  float64
	factor float64 // of the learning rate, by shape
}

// run is parameters that lie one behind the other with their gradients.
type run struct{ w, g []float32 }

func newDevice(be compute.Updater, params []Param, cfg Config, r rules) *device {
	d := &device{be: be, params: params, rules: r, slots: make([]slot[float32], len(params))}
	first, past := uintptr(math.MaxUint), uintptr(0)
	for i, p := range params {
		s := &d.slots[i]
		s.rows, s.cols = rowsCols(p.Value)
		s.w, s.g = p.Value.Float32s(), p.Grad.Float32s()
		s.adam = cfg.Class(p) == AdamW
		if cfg.NoDecay == nil || !cfg.NoDecay(p) {
			s.decay = cfg.WeightDecay
		}
		first, past = min(first, addressOf(s.w)), max(past, addressOf(s.w)+uintptr(len(s.w))*4)
	}
	// Momentum lies as the weights do, so that matrices which are evenly spaced there are so here too.
	span := int(past-first) / 4
	var mirror []float32
	if size := d.size(); span <= size+size/8 {
		mirror = be.Alloc(span)
	}
	for i := range d.slots {
		s := &d.slots[i]
		if mirror != nil {
			at := int(addressOf(s.w)-first) / 4
			s.m = mirror[at : at+len(s.w) : at+len(s.w)]
		} else {
			s.m = be.Alloc(len(s.w))
		}
		if s.adam {
			s.v = be.Alloc(len(s.w))
		}
	}
	d.runs = d.neighbours()
	d.batch(cfg)
	d.sums = max(d.sums, len(params), len(d.runs))
	be.ReserveSums(d.sums)
	return d
}

// size is the number of elements of all parameters.
func (d *device) size() int {
	n := 0
	for i := range d.slots {
		n += len(d.slots[i].w)
	}
	return n
}

// addressOf is where a slice begins. It is compared, never followed.
func addressOf(x []float32) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(x))) }

// extended is x and the n elements behind it, which are memory of the same piece.
func extended(x []float32, n int) []float32 { return unsafe.Slice(unsafe.SliceData(x), len(x)+n) }

// neighbours joins parameters that follow each other in weights and gradients alike.
func (d *device) neighbours() []run {
	var runs []run
	for i := range d.slots {
		s := &d.slots[i]
		if n := len(runs); n > 0 {
			last := &runs[n-1]
			if addressOf(last.w)+uintptr(len(last.w))*4 == addressOf(s.w) && addressOf(last.g)+uintptr(len(last.g))*4 == addressOf(s.g) {
				last.w, last.g = extended(last.w, len(s.w)), extended(last.g, len(s.g))
				continue
			}
		}
		runs = append(runs, run{s.w, s.g})
	}
	return runs
}

// update asks for step t. Muon's sums come first, those of AdamW behind them.
func (d *device) update(t int64, lr float64) {
	at := 0
	for i := range d.batches {
		b := &d.batches[i]
		b.Keep, b.Rate = float32(1-lr*b.decay), float32(lr*b.factor)
		d.be.Muon(&b.MuonBatch, at)
		at += b.Batch
	}
	for i := range d.slots {
		s := &d.slots[i]
		if !s.adam {
			continue
		}
		c := stepOf[float32](&d.rules.adam, t, lr*d.rules.adam.ratio, s.decay)
		d.be.AdamW(s.w, s.g, s.m, s.v, compute.AdamStep(c), at)
		s.updateSq = float64(c.Rate) * float64(c.Rate)
		at++
	}
}

// updates waits and returns the sum of squares of each parameter's last change.
func (d *device) updates() []float64 {
	n := 0
	for i := range d.batches {
		n += d.batches[i].Batch
	}
	first := n
	for i := range d.slots {
		if d.slots[i].adam {
			n++
		}
	}
	sums := d.be.Sums(n)
	out := make([]float64, len(d.slots))
	at := 0
	for i := range d.batches {
		b := &d.batches[i]
		for j, p := range b.params {
			out[p] += float64(b.Rate) * float64(b.Rate) * sums[at+j]
		}
		at += b.Batch
	}
	at = first
	for i := range d.slots {
		if s := &d.slots[i]; s.adam {
			out[i] = s.updateSq * sums[at]
			at++
		}
	}
	return out
}

// weights waits and returns the sum of squares of each parameter.
func (d *device) weights() []float64 {
	for i := range d.slots {
		d.be.SquareSum(d.slots[i].w, i)
	}
	return d.be.Sums(len(d.slots))
}

func (d *device) gradNorm() float64 {
	for i, r := range d.runs {
		d.be.SquareSum(r.g, i)
	}
	return math.Sqrt(sum(d.be.Sums(len(d.runs))))
}

func (d *device) scaleGrads(f float64) {
	for _, r := range d.runs {
		d.be.Scale(r.g, float32(f))
	}
}

func (d *device) zeroGrads() {
	for _, r := range d.runs {
		d.be.Zero(r.g)
	}
}

// scaleRows multiplies the rows [lo, hi) of a parameter by f.
func (d *device) scaleRows(x *tensor.Dense, lo, hi int, f float64) {
	if x == nil || f == 1 {
		return
	}
	width := x.Shape().TotalSize() / x.Shape()[0]
	d.be.Scale(x.Float32s()[lo*width:hi*width], float32(f))
}

func (d *device) nonFinite(i int, grad bool) (int, float64, bool) {
	x := d.slots[i].w
	if grad {
		x = d.slots[i].g
	}
	return firstBad(d.be.Host(x))
}

func (d *device) remember(i int) {
	d.kept = append(d.kept, i)
	d.past = append(d.past, d.be.Host(d.slots[i].w)...)
}

func (d *device) changes(lr float64, see func(i int, update *tensor.Dense)) {
	past := d.past
	for _, i := range d.kept {
		s := &d.slots[i]
		u := past[:len(s.w)]
		past = past[len(s.w):]
		rate := lr
		if s.adam {
			rate *= d.rules.adam.ratio
		}
		keep := float32(1 - rate*s.decay)
		for j, w := range d.be.Host(s.w) {
			u[j] = w - keep*u[j]
		}
		see(i, wrap(u, d.params[i].Value.Shape()...))
	}
	d.kept, d.past = d.kept[:0], nil
}

func (d *device) state() []StateTensor {
	var out []StateTensor
	for i := range d.slots {
		s, name, shape := &d.slots[i], d.params[i].Name, d.params[i].Value.Shape()
		if s.adam {
			out = append(out, StateTensor{Name: "exp_avg." + name, Value: wrap(s.m, shape...)}, StateTensor{Name: "exp_avg_sq." + name, Value: wrap(s.v, shape...)})
		} else {
			out = append(out, StateTensor{Name: "momentum." + name, Value: wrap(s.m, shape...)})
		}
	}
	return out
}

func (d *device) reset() {
	for i := range d.slots {
		s := &d.slots[i]
		d.be.Zero(s.m)
		d.be.Zero(s.v)
	}
}

func (d *device) lend() {
	for i := range d.slots {
		s := &d.slots[i]
		d.be.Lend(s.m)
		d.be.Lend(s.v)
	}
}

// bind is for programs that move their parameters, which those of a device do not.
func (d *device) bind(int, *tensor.Dense, *tensor.Dense) {
	panic("optim: parameters on a device cannot be moved")
}
