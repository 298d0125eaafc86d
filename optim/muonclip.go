package optim

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"unsafe"

	"gorgonia.org/tensor"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
)

// Optimizer updates a fixed list of parameters, matrices by Muon or a rival and the rest by AdamW. It is used by one
// goroutine at a time and works on several threads itself.
type Optimizer struct {
	params []Param
	step   int64
	core   engine
	state  []StateTensor
	cfg    Config
	lastSq []float64 // sums of squares of the last changes, by parameter

	// The observer of the next step.
	want func(Param) bool
	see  func(Param, *tensor.Dense)
}

// engine is the part of Optimizer that knows the element type.
type engine interface {
	update(t int64, lr float64)
	updates() []float64 // sums of squares by parameter, after update and before anything else
	weights() []float64
	remember(i int)
	changes(lr float64, see func(i int, update *tensor.Dense))
	state() []StateTensor
	reset() // state as it begins
	gradNorm() float64
	scaleGrads(f float64)
	bind(i int, value, grad *tensor.Dense)
	zeroGrads()
	nonFinite(i int, grad bool) (index int, value float64, found bool)
	scaleRows(d *tensor.Dense, lo, hi int, f float64)
	lend() // the host may then read and write the state
}

// New returns an optimizer for params, all float32 or all float64. It checks names, shapes and dtypes, and that no
// two parameters share memory.
func New(params []Param, cfg Config) (*Optimizer, error) {
	if len(params) == 0 || params[0].Value == nil {
		return nil, errors.New("optim: no parameters to optimise; give at least one with a value")
	}
	if params[0].Value.Dtype() == tensor.Float64 {
		return NewOn(cpu.New[float64](cfg.Threads), params, cfg)
	}
	return NewOn(cpu.New[float32](cfg.Threads), params, cfg)
}

// NewOn is New on a backend that the caller already has; Config.Threads is not used. The optimizer must not run
// while someone else uses the backend.
func NewOn[T compute.Float](be *cpu.Backend[T], params []Param, cfg Config) (*Optimizer, error) {
	rules, err := cfg.rules()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(checkParams[T](params), cfg.checkBlocks(params)); err != nil {
		return nil, err
	}
	o := &Optimizer{params: withKinds(params), cfg: cfg}
	o.core = newCore(be, o.params, cfg, rules)
	o.state = o.core.state()
	return o, nil
}

// withKinds copies params and gives each a kind.
func withKinds(params []Param) []Param {
	params = append([]Param(nil), params...)
	for i := range params {
		params[i].Kind = cmp.Or(params[i].Kind, "other")
	}
	return params
}

// checkParams reports everything that is wrong with params.
func checkParams[T compute.Float](params []Param) error {
	var errs []error
	names := make(map[string]bool)
	owner := make(map[unsafe.Pointer]string)
	want := dtypeOf[T]()
	for _, p := range params {
		if err := p.check(); err != nil {
			errs = append(errs, err)
			continue
		}
		if names[p.Name] {
			errs = append(errs, fmt.Errorf("optim: two parameters are named %s; state is stored by name, so give each its own", p.Name))
		}
		names[p.Name] = true
		if p.Value.Dtype() != want {
			errs = append(errs, fmt.Errorf("optim: %s is %v where %v is expected; use one optimizer for each dtype", p.Name, p.Value.Dtype(), want))
			continue
		}
		for _, d := range []*tensor.Dense{p.Value, p.Grad} {
			at := unsafe.Pointer(unsafe.SliceData(elems[T](d)))
			if other, ok := owner[at]; ok {
				errs = append(errs, fmt.Errorf("optim: %s shares memory with %s and would be updated twice; list tied weights once", p.Name, other))
			}
			owner[at] = p.Name
		}
	}
	if len(params) == 0 {
		errs = append(errs, errors.New("optim: no parameters to optimise"))
	}
	return errors.Join(errs...)
}

// Stats describes one step.
type Stats struct {
	Step      int64              // steps done, this one included
	LR        float64            // learning rate of this step
	UpdateRMS map[string]float64 // RMS of the change by Param.Kind, learning rate included and weight decay not: about 0.2*LR under Muon
	ClassRMS  map[Class]float64  // the same by rule
	WeightRMS map[string]float64 // RMS of the weights after the step by Param.Kind; nil unless Config.WeightRMS
}

// Step applies one update with the given learning rate to every parameter, also where the gradient is zero: an
// expert that no token reached still follows its momentum and decays. Gradients must be finite (see ClipGradNorm
// and CheckGrads), or the weights are lost. Gradients are left as they are.
func (o *Optimizer) Step(lr float64) Stats {
	o.before()
	o.step++
	o.core.update(o.step, lr)
	o.lastSq = o.core.updates()
	o.after(lr)
	st := Stats{Step: o.step, LR: lr}
	st.UpdateRMS = rmsBy(o.params, o.lastSq, func(p *Param) string { return p.Kind })
	st.ClassRMS = rmsBy(o.params, o.lastSq, func(p *Param) Class { return o.cfg.Class(*p) })
	if o.cfg.WeightRMS {
		st.WeightRMS = rmsBy(o.params, o.core.weights(), func(p *Param) string { return p.Kind })
	}
	return st
}

// rmsBy groups sums of squares and returns the root mean square of each group.
func rmsBy[K comparable](params []Param, squares []float64, key func(*Param) K) map[K]float64 {
	out := make(map[K]float64)
	count := make(map[K]float64)
	for i := range params {
		k := key(&params[i])
		out[k] += squares[i]
		count[k] += float64(params[i].Value.DataSize())
	}
	for k, v := range out {
		out[k] = math.Sqrt(v / count[k])
	}
	return out
}

// Steps returns the number of steps done, those before LoadState included.
func (o *Optimizer) Steps() int64 { return o.step }

// Params returns the parameters in their order. The slice is the optimizer's own.
func (o *Optimizer) Params() []Param { return o.params }

// ZeroGrad sets all gradients to zero.
func (o *Optimizer) ZeroGrad() { o.core.zeroGrads() }
