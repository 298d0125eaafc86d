package compute

// Recompute runs f(x), keeps its result alone, and runs f again when the backward pass gets there, so that
// what f made in between takes memory for one such part of a model at a time. Every operation gives the
// same bits each time; what a forward pass counts beside its output is counted once. f must take no
// memory over from x, and its operations must not reach past x and parameters.
func (t *Tape[T]) Recompute(x *Tensor[T], f func(*Tensor[T]) *Tensor[T]) *Tensor[T] {
	if !t.Grad {
		return f(x)
	}
	before := t.mark()
	t.Grad = false
	y := f(x)
	t.Grad = true
	t.keep(before, y)
	layer := t.Layer
	t.ops = append(t.ops, func() {
		at, before := len(t.ops), t.mark()
		t.Layer, t.again = layer, true
		again := f(x)
		t.again = false
		again.grad, y.grad = y.grad, nil
		t.free(y)
		t.backward(at)
		t.keep(before, nil)
	})
	return y
}

// Sum adds delta to the residual stream x, whose gradient is then that of x and of delta alike. It takes over
// delta's memory.
func (t *Tape[T]) Sum(x, delta *Tensor[T]) *Tensor[T] {
	sum := t.wrap(delta.Data, x.Rows, x.Cols)
	delta.Data = nil
	t.Add(sum.Data, x.Data)
	t.record("residual", sum, func() {
		x.grad, sum.grad = sum.grad, nil
		delta.grad, delta.shared = x.grad, true
	})
	return sum
}

// mark is how many tensors and buffers a tape has handed out.
type mark struct{ tensors, buffers, ints int }

func (t *Tape[T]) mark() mark { return mark{t.used, len(t.live), len(t.liveInt)} }

// keep takes back what was handed out since a mark, but for y.
func (t *Tape[T]) keep(since mark, y *Tensor[T]) {
	used := since.tensors
	for i := since.tensors; i < t.used; i++ {
		x := t.tensors[i]
		if x == y {
			t.tensors[used], t.tensors[i] = x, t.tensors[used]
			used++
			continue
		}
		t.free(x)
		*x = Tensor[T]{}
	}
	t.used = used
	t.release(since.buffers, since.ints)
}
