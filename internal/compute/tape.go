package compute

// Tape runs operations and, where Grad is set, remembers how to take their gradients. Buffers come
// from an arena: an output is freed when its producer's backward pass has run, a gradient is taken when
// the first consumer writes to it, and from the second step of equal shapes on nothing is allocated.
type Tape[T Float] struct {
	Backend[T]
	Grad bool

	// Inspect, where set, sees the output of every operation after its forward pass and the gradient
	// that reaches it before its backward pass, with the Layer that was set when it ran. It serves to
	// find where a NaN was born.
	Inspect func(op string, layer int, backward bool, data []T)
	Layer   int

	rows, targets []int32 // of HeadLoss, on the host
	lossLogits    int

	floats  arena[T]
	ints    arena[int32]
	ops     []func()
	tensors []*Tensor[T] // tensors handed out since the last Reset, and after them spare ones
	used    int
	live    [][]T // buffers that Reset frees when no backward pass did
	liveInt [][]int32
	again   bool // Recompute runs a forward pass a second time
	inUse   int  // elements handed out, and the most there were
	most    int
}

// NewTape returns an empty tape over a backend.
func NewTape[T Float](b Backend[T]) *Tape[T] {
	t := &Tape[T]{Backend: b, lossLogits: lossLogits, floats: arena[T]{alloc: b.Alloc}, ints: arena[int32]{alloc: b.AllocInts}}
	if w, ok := b.(Wide); ok {
		t.lossLogits = w.LossLogits()
	}
	return t
}

// Buffer takes n elements of undefined content that Reset takes back.
func (t *Tape[T]) Buffer(n int) []T {
	b := t.take(n)
	t.live = append(t.live, b)
	return b
}

// Ints takes n integers of undefined content that Reset takes back.
func (t *Tape[T]) Ints(n int) []int32 {
	b := t.ints.take(n)
	t.liveInt = append(t.liveInt, b)
	return b
}

// Device copies integers of the host to memory that Reset takes back; nil stays nil.
func (t *Tape[T]) Device(src []int32) []int32 {
	if src == nil {
		return nil
	}
	dst := t.Ints(len(src))
	t.UploadInts(dst, src)
	return dst
}

// New makes a tensor with undefined content, owned by the operation that is being recorded.
func (t *Tape[T]) New(rows, cols int) *Tensor[T] { return t.wrap(t.take(rows*cols), rows, cols) }

// wrap makes a tensor of a buffer, which it then owns.
func (t *Tape[T]) wrap(data []T, rows, cols int) *Tensor[T] {
	if t.used == len(t.tensors) {
		t.tensors = append(t.tensors, new(Tensor[T]))
	}
	x := t.tensors[t.used]
	t.used++
	*x = Tensor[T]{Data: data, Rows: rows, Cols: cols}
	return x
}

// Backward runs the recorded operations in reverse. The caller has filled the gradient of the last
// output, or the last operation is a loss that makes its own.
func (t *Tape[T]) Backward() { t.backward(0) }

// backward runs the operations recorded from number from on in reverse.
func (t *Tape[T]) backward(from int) {
	for i := len(t.ops) - 1; i >= from; i-- {
		t.ops[i]()
		t.ops[i] = nil
	}
	t.ops = t.ops[:from]
}

// Reset forgets the recorded operations and takes back every buffer.
func (t *Tape[T]) Reset() {
	clear(t.ops)
	t.ops = t.ops[:0]
	for _, x := range t.tensors[:t.used] {
		t.free(x)
		*x = Tensor[T]{}
	}
	t.used = 0
	t.release(0, 0)
}

// release takes back all but the first buffers and integers.
func (t *Tape[T]) release(buffers, ints int) {
	for _, b := range t.live[buffers:] {
		t.put(b)
	}
	t.live = t.live[:buffers]
	for _, b := range t.liveInt[ints:] {
		t.ints.put(b)
	}
	t.liveInt = t.liveInt[:ints]
}

// LiveSet is the largest number of elements that were in use at one time: what a step needs. The tape holds
// a little more, because free memory may lie in parts that are too short to use.
func (t *Tape[T]) LiveSet() int { return t.most }

// Pooled is the number of elements that the tape holds in all, in use or free: its peak so far.
func (t *Tape[T]) Pooled() int { return t.floats.held }

// record remembers the backward pass of the operation that made y, which is freed after it.
func (t *Tape[T]) record(op string, y *Tensor[T], backward func()) {
	if t.Inspect != nil && !t.again {
		t.Inspect(op, t.Layer, false, t.Host(y.Data))
	}
	if t.Grad {
		layer := t.Layer
		t.ops = append(t.ops, func() {
			if t.Inspect != nil {
				t.Inspect(op, layer, true, t.Host(y.grad))
			}
			backward()
			t.free(y)
		})
	}
}

func (t *Tape[T]) take(n int) []T {
	t.inUse += n
	t.most = max(t.most, t.inUse)
	return t.floats.take(n)
}

func (t *Tape[T]) put(b []T) {
	t.inUse -= len(b)
	t.floats.put(b)
}

// free gives back a tensor's buffers.
func (t *Tape[T]) free(x *Tensor[T]) {
	t.put(x.Data)
	if !x.shared {
		t.put(x.grad)
	}
	x.Data, x.grad = nil, nil
}

// gradient returns x's gradient and the beta with which to write to it: 0 for the first
// contribution, 1 for those that add to it.
func (t *Tape[T]) gradient(x *Tensor[T]) (grad []T, beta T) {
	if x.void {
		x.void = false
		return x.grad, 0
	}
	if x.grad != nil {
		return x.grad, 1
	}
	x.grad = t.take(x.Rows * x.Cols)
	return x.grad, 0
}

// sum returns x's gradient, zeroed if this is its first contribution, for kernels that only add.
func (t *Tape[T]) sum(x *Tensor[T]) []T {
	g, beta := t.gradient(x)
	if beta == 0 {
		t.Zero(g)
	}
	return g
}

// Zeros makes a tensor of zeros that no gradient flows through.
func (t *Tape[T]) Zeros(rows, cols int) *Tensor[T] {
	x := t.New(rows, cols)
	t.Zero(x.Data)
	return x
}
