package compute

import "fmt"

// GradientOf returns the gradient of x for a test to fill or to read.
func GradientOf[T Float](t *Tape[T], x *Tensor[T]) []T {
	g, _ := t.gradient(x)
	return g
}

// InUse is the number of buffers that the tape has handed out and not taken back.
func InUse[T Float](t *Tape[T]) int {
	n := len(t.live) + len(t.liveInt)
	for _, x := range t.tensors[:t.used] {
		if len(x.Data) > 0 {
			n++
		}
		if len(x.grad) > 0 && !x.leaf && !x.shared {
			n++
		}
	}
	return n
}

// Poison fills every free buffer, so that an operation that still reads one shows it. It reports a
// buffer that is free twice, or free and in use.
func Poison[T Float](t *Tape[T], v T, index int32) error {
	free := map[*T]bool{}
	for size, buffers := range t.pool {
		for _, b := range buffers {
			if len(b) != size || free[&b[0]] {
				return fmt.Errorf("a buffer of %d elements is free twice or has another length", size)
			}
			free[&b[0]] = true
			for i := range b {
				b[i] = v
			}
		}
	}
	for _, x := range t.tensors[:t.used] {
		for _, b := range [][]T{x.Data, x.grad} {
			if len(b) > 0 && free[&b[0]] {
				return fmt.Errorf("a buffer of a %d x %d tensor is free and in use", x.Rows, x.Cols)
			}
		}
	}
	for _, b := range t.live {
		if len(b) > 0 && free[&b[0]] {
			return fmt.Errorf("a buffer of %d elements is free and in use", len(b))
		}
	}
	for _, buffers := range t.ints {
		for _, b := range buffers {
			for i := range b {
				b[i] = index
			}
		}
	}
	return nil
}
