package optim

import (
	"errors"
	"fmt"

	"gorgonia.org/tensor"

	"muonclip/internal/compute"
)

// Class says which rule updates a parameter.
type Class string

// The update rules.
const (
	Muon      Class = "muon"       // Muon with Moonlight's update scale, as in MuonClip
	PlainMuon Class = "plain-muon" // Muon as Keller Jordan published it
	NorMuon   Class = "normuon"    // Muon with a second moment for each neuron
	Dion      Class = "dion"       // orthonormal updates of low rank
	AdamW     Class = "adamw"
	SGD       Class = "sgd" // with momentum
)

// Param is one trainable array with its gradient. The optimizer works on the memory behind both tensors without
// copying it, so whoever made them sees every update.
type Param struct {
	Name  string
	Value *tensor.Dense // float32 or float64, 1-D or 2-D (rows, cols), row-major and contiguous; updated in place
	Grad  *tensor.Dense // same shape and dtype as Value
	Muon  bool          // updated by the rule for matrices (2-D only), else by AdamW; see Config.Rule
	Kind  string        // group of the statistics, such as attention or expert; empty means "other"
}

// rowsCols returns the shape of d as a matrix; a vector is one row.
func rowsCols(d *tensor.Dense) (rows, cols int) {
	s := d.Shape()
	if len(s) == 2 {
		return s[0], s[1]
	}
	return 1, s.TotalSize()
}

// checkDense says why d cannot be used in place, or returns nil.
func checkDense(d *tensor.Dense) error {
	switch {
	case d == nil:
		return errors.New("is nil")
	case d.Dtype() != tensor.Float32 && d.Dtype() != tensor.Float64:
		return fmt.Errorf("has dtype %v, want float32 or float64", d.Dtype())
	case d.Dims() < 1 || d.Dims() > 2:
		return fmt.Errorf("has shape %v, want 1 or 2 dimensions; reshape it first", d.Shape())
	case d.DataOrder().IsColMajor() || !d.DataOrder().IsContiguous() || d.RequiresIterator():
		return errors.New("is not row-major and contiguous; materialise it first")
	case d.IsMasked():
		return errors.New("is masked; masks are not supported")
	case d.Shape().TotalSize() == 0:
		return fmt.Errorf("has shape %v: it is empty", d.Shape())
	}
	return nil
}

// check says what is wrong with p on its own, or returns nil.
func (p Param) check() error {
	if p.Name == "" {
		return errors.New("optim: a parameter has no name; the optimizer state is stored by name")
	}
	if err := checkDense(p.Value); err != nil {
		return fmt.Errorf("optim: value of %s %w", p.Name, err)
	}
	if err := checkDense(p.Grad); err != nil {
		return fmt.Errorf("optim: gradient of %s %w", p.Name, err)
	}
	if !p.Value.Shape().Eq(p.Grad.Shape()) || p.Value.Dims() != p.Grad.Dims() {
		return fmt.Errorf("optim: %s has shape %v but its gradient %v", p.Name, p.Value.Shape(), p.Grad.Shape())
	}
	if p.Value.Dtype() != p.Grad.Dtype() {
		return fmt.Errorf("optim: %s is %v but its gradient %v", p.Name, p.Value.Dtype(), p.Grad.Dtype())
	}
	if p.Muon && p.Value.Dims() != 2 {
		return fmt.Errorf("optim: %s has shape %v, but Muon orthogonalises matrices: set Muon to false for vectors, so that AdamW updates them", p.Name, p.Value.Shape())
	}
	return nil
}

// elems returns the memory behind d, which must hold elements of type T.
func elems[T compute.Float](d *tensor.Dense) []T {
	var t T
	if _, ok := any(t).(float32); ok {
		return any(d.Float32s()).([]T)
	}
	return any(d.Float64s()).([]T)
}

// wrap returns a tensor over s without copying it.
func wrap[T compute.Float](s []T, shape ...int) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(s))
}

func dtypeOf[T compute.Float]() tensor.Dtype {
	var t T
	if _, ok := any(t).(float32); ok {
		return tensor.Float32
	}
	return tensor.Float64
}
