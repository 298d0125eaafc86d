package optim

import (
	"errors"
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

// StateTensor is one array of optimizer state under its name: exp_avg.<param> and exp_avg_sq.<param> of AdamW,
// momentum.<param> of all other rules, neuron_sq.<param> of NorMuon and basis.<param> of Dion.
type StateTensor struct {
	Name  string
	Value *tensor.Dense // shape of the parameter, but (rows) of neuron_sq and (rank * blocks, cols) of basis; its dtype
}

// State is all that a later Optimizer needs to continue bit for bit, besides the weights.
type State struct {
	Step    int64 // steps done; AdamW's bias correction depends on it
	Tensors []StateTensor
}

// State returns the optimizer's state in the order of its parameters. The tensors are the live memory, not copies:
// write them out before the next Step.
func (o *Optimizer) State() State {
	o.core.lend()
	return State{Step: o.step, Tensors: slices.Clone(o.state)}
}

// LoadState copies a saved state into the optimizer. Tensors may come in any order, but there must be exactly those
// that State returns, with the same shapes and dtype; otherwise nothing is changed and the error lists what differs.
func (o *Optimizer) LoadState(s State) error {
	var errs []error
	if s.Step < 0 {
		errs = append(errs, fmt.Errorf("optim: load state: step is %d, want 0 or more", s.Step))
	}
	given := make(map[string]*tensor.Dense, len(s.Tensors))
	for _, t := range s.Tensors {
		if _, ok := given[t.Name]; ok {
			errs = append(errs, fmt.Errorf("optim: load state: %s is there twice", t.Name))
		}
		given[t.Name] = t.Value
	}
	for _, t := range o.state {
		from, ok := given[t.Name]
		delete(given, t.Name)
		if !ok {
			errs = append(errs, fmt.Errorf("optim: load state: %s is missing; is the state from another model, or another choice of Muon and AdamW?", t.Name))
			continue
		}
		if err := checkDense(from); err != nil {
			errs = append(errs, fmt.Errorf("optim: load state: %s %w", t.Name, err))
		} else if !slices.Equal([]int(from.Shape()), []int(t.Value.Shape())) {
			errs = append(errs, fmt.Errorf("optim: load state: %s has shape %v, want %v", t.Name, from.Shape(), t.Value.Shape()))
		} else if from.Dtype() != t.Value.Dtype() {
			errs = append(errs, fmt.Errorf("optim: load state: %s is %v, want %v", t.Name, from.Dtype(), t.Value.Dtype()))
		}
	}
	for _, t := range s.Tensors {
		if _, left := given[t.Name]; left {
			errs = append(errs, fmt.Errorf("optim: load state: %s belongs to no parameter", t.Name))
			delete(given, t.Name)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	o.core.lend()
	byName := make(map[string]*tensor.Dense, len(s.Tensors))
	for _, t := range s.Tensors {
		byName[t.Name] = t.Value
	}
	for _, t := range o.state {
		copyDense(t.Value, byName[t.Name])
	}
	o.step = s.Step
	return nil
}

// Reset forgets momentum and step count, for a new optimization problem on the same weights, as each iteration of
// K1.5's policy optimization is (arXiv 2501.12599, section 2.3.2).
func (o *Optimizer) Reset() {
	o.core.reset()
	o.step = 0
}

func copyDense(dst, src *tensor.Dense) {
	if dst.Dtype() == tensor.Float32 {
		copy(dst.Float32s(), src.Float32s())
	} else {
		copy(dst.Float64s(), src.Float64s())
	}
}
