// Package compute records coarse, fused tensor operations on a tape and runs their backward passes.
//
// A Tape holds no arithmetic: every operation is a method of a Backend, the set of kernels of one
// kind of device. Memory is named by slices, and three rules let a device work on its own, behind the host:
//
//   - every slice that an operation is given, integers too, came from Alloc or AllocInts of its backend;
//   - an operation may return before it is done; operations are done in the order in which they were asked for;
//   - the host reads such slices after Host and writes to them after Lend, and until the next operation.
package compute

// Float is the element type of a tensor: float32 to train, float64 to verify.
type Float interface{ float32 | float64 }

// Tensor is a row-major matrix. A vector has one row.
type Tensor[T Float] struct {
	Data       []T
	Rows, Cols int

	grad   []T
	leaf   bool // a parameter: its gradient is kept and accumulated over micro-batches
	void   bool // what a parameter's gradient holds counts for nothing: the first contribution overwrites it
	shared bool // grad belongs to another tensor, which releases it
}

// Parameter wraps the memory of a weight and of its gradient, both rows*cols long. Backward passes
// add to grad; zeroing it between steps is the caller's.
func Parameter[T Float](rows, cols int, data, grad []T) *Tensor[T] {
	return &Tensor[T]{Data: data, Rows: rows, Cols: cols, grad: grad, leaf: true}
}

// Renew declares a parameter's gradient void: the next contribution overwrites it, which saves clearing it.
func (x *Tensor[T]) Renew() { x.void = true }

// Settle clears a gradient that is still void, because the backward pass did not reach its parameter.
func (x *Tensor[T]) Settle(be Backend[T]) {
	if x.void {
		be.Zero(x.grad)
		x.void = false
	}
}

// Void reports whether the next contribution overwrites a parameter's gradient.
func (x *Tensor[T]) Void() bool { return x.void }

// Written says that a parameter's gradient counts, because operations were repeated that wrote it.
func (x *Tensor[T]) Written() { x.void = false }
