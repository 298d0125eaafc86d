//go:build !cuda

package optim

import (
	"errors"
	"fmt"
	"unsafe"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"muonclip/internal/compute"
)

var _ gorgonia.Solver = (*Solver)(nil)

// SolverConfig configures a Solver.
type SolverConfig struct {
	Config

	Schedule Schedule // learning rate by step; Schedule{Peak: 0.01} is a constant one
	ClipNorm float64  // limit of the common gradient norm; 0 means none

	// AdamW says that a matrix is not for Muon or its rivals, such as an embedding table or the output layer. nil excludes none.
	// The argument is the element of the list given to Step, often a *gorgonia.Node.
	AdamW func(gorgonia.ValueGrad) bool
}

// Solver lets a Gorgonia program train with Muon and AdamW, or another rule: it implements gorgonia.Solver. Matrices
// with more than one row and column are updated by Config.Rule unless SolverConfig.AdamW excludes them; vectors, scalars
// and tensors of higher rank by AdamW. Values are updated in place, and gradients are set to zero, as Gorgonia's own solvers do.
//
// With a TapeMachine, make the machine with gorgonia.BindDualValues(learnables...) so that gradients can be read
// back, and call its Reset between runs. QKClip.Apply works on the values of the same nodes after Step.
type Solver struct {
	cfg  SolverConfig
	opt  *Optimizer
	last Stats
}

// NewSolver returns a solver whose parameters are those of the first Step, or of Init.
func NewSolver(cfg SolverConfig) (*Solver, error) {
	_, err := cfg.rules()
	if err := errors.Join(err, cfg.Schedule.Validate()); err != nil {
		return nil, err
	}
	return &Solver{cfg: cfg}, nil
}

// Init binds the solver to a model before its gradients exist, so that a saved state can be loaded into Optimizer.
func (s *Solver) Init(model []gorgonia.ValueGrad) error {
	params := make([]Param, len(model))
	used := make(map[string]bool)
	for i, v := range model {
		name := fmt.Sprintf("param.%d", i)
		if n, ok := v.(gorgonia.Namer); ok {
			name = n.Name()
		}
		if used[name] {
			name = fmt.Sprintf("%s#%d", name, i)
		}
		used[name] = true
		val, err := asDense(v.Value())
		if err != nil {
			return fmt.Errorf("optim: value of %s %w", name, err)
		}
		p := Param{Name: name, Value: val, Grad: tensor.New(tensor.Of(val.Dtype()), tensor.WithShape(val.Shape()...))}
		if rows, cols := rowsCols(val); val.Dims() == 2 && rows > 1 && cols > 1 {
			p.Muon = s.cfg.AdamW == nil || !s.cfg.AdamW(v)
		}
		params[i] = p
	}
	opt, err := New(params, s.cfg.Config)
	if err != nil {
		return err
	}
	s.opt = opt
	return nil
}

// Step updates every value of model by its gradient and sets the gradients to zero. The list must be the same in
// each call. With a gradient that is not finite nothing is updated and the error names it; gradients are set to zero
// then too, so that the next run can go on.
func (s *Solver) Step(model []gorgonia.ValueGrad) error {
	if s.opt == nil {
		if err := s.Init(model); err != nil {
			return err
		}
	}
	if len(model) != len(s.opt.params) {
		return fmt.Errorf("optim: Step got %d values after %d in the first call; give the same list each time", len(model), len(s.opt.params))
	}
	for i, v := range model {
		name := s.opt.params[i].Name
		g, err := v.Grad()
		if err != nil {
			return fmt.Errorf("optim: %s has no gradient (is it in gorgonia.BindDualValues?): %w", name, err)
		}
		grad, err := asDense(g)
		if err != nil {
			return fmt.Errorf("optim: gradient of %s %w", name, err)
		}
		val, err := asDense(v.Value())
		if err != nil {
			return fmt.Errorf("optim: value of %s %w", name, err)
		}
		if err := s.opt.rebind(i, val, grad); err != nil {
			return err
		}
	}
	defer s.opt.ZeroGrad()
	// A ClipNorm of 0 only measures, and finds what is not finite.
	if _, err := s.opt.ClipGradNorm(s.cfg.ClipNorm); err != nil {
		return err
	}
	s.last = s.opt.Step(s.cfg.Schedule.LR(int(s.opt.Steps())))
	return nil
}

// Optimizer gives access to the state, for checkpoints; it is nil before Init or the first Step.
func (s *Solver) Optimizer() *Optimizer { return s.opt }

// Stats describes the last step.
func (s *Solver) Stats() Stats { return s.last }

// rebind points parameter i at other memory of the same shape: machines may give new tensors in each run.
func (o *Optimizer) rebind(i int, value, grad *tensor.Dense) error {
	p := o.params[i]
	old := p.Value.Shape()
	p.Value, p.Grad = value, grad
	if err := p.check(); err != nil {
		return err
	}
	if !value.Shape().Eq(old) || value.Dims() != old.Dims() || value.Dtype() != o.params[i].Value.Dtype() {
		return fmt.Errorf("optim: %s is now %v %v, but its state is for %v %v", p.Name, value.Dtype(), value.Shape(), o.params[i].Value.Dtype(), old)
	}
	o.params[i] = p
	o.core.bind(i, value, grad)
	return nil
}

// asDense returns v as a vector or matrix over the same memory. A scalar becomes a vector of one element, and a
// tensor of higher rank one long vector.
func asDense(v gorgonia.Value) (*tensor.Dense, error) {
	switch v := v.(type) {
	case nil:
		return nil, errors.New("is not set; give the node a value and run the machine first")
	case *gorgonia.F32:
		return wrap(unsafe.Slice((*float32)(v), 1), 1), nil
	case *gorgonia.F64:
		return wrap(unsafe.Slice((*float64)(v), 1), 1), nil
	case *tensor.Dense:
		if d := v.Dims(); d == 1 || d == 2 {
			return v, checkDense(v)
		}
		if v.RequiresIterator() || v.DataOrder().IsColMajor() {
			return nil, errors.New("is not row-major and contiguous; materialise it first")
		}
		switch v.Dtype() {
		case tensor.Float32:
			return flat[float32](v), nil
		case tensor.Float64:
			return flat[float64](v), nil
		}
		return nil, fmt.Errorf("has dtype %v, want float32 or float64", v.Dtype())
	}
	return nil, fmt.Errorf("is a %T, want a *tensor.Dense or a float scalar", v)
}

func flat[T compute.Float](d *tensor.Dense) *tensor.Dense {
	s := elems[T](d)
	return wrap(s, len(s))
}
