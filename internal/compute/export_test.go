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

// Accounted reports memory of the tape that is neither free nor in use by a tensor or a buffer of Reset.
func Accounted[T Float](t *Tape[T]) error {
	n := 0
	for _, g := range t.floats.gaps {
		n += g.n
	}
	for _, b := range t.live {
		n += rounded(len(b))
	}
	for _, x := range t.tensors[:t.used] {
		n += rounded(len(x.Data))
		if !x.shared && !x.leaf {
			n += rounded(len(x.grad))
		}
	}
	if n != t.floats.held {
		return fmt.Errorf("%d elements are free or in use, of %d", n, t.floats.held)
	}
	return nil
}

// Poison fills all free memory, so that an operation that still reads it shows it. It reports memory that is
// free twice, or free and in use.
func Poison[T Float](t *Tape[T], v T, index int32) error {
	for i, g := range t.floats.gaps {
		if i > 0 {
			if p := t.floats.gaps[i-1]; g.piece < p.piece || g.piece == p.piece && g.at <= p.at+p.n {
				return fmt.Errorf("the gaps %v and %v overlap, meet or are out of order", p, g)
			}
		}
		fill(t.floats.pieces[g.piece][g.at:g.at+g.n], v)
	}
	for _, g := range t.ints.gaps {
		fill(t.ints.pieces[g.piece][g.at:g.at+g.n], index)
	}
	for _, x := range t.tensors[:t.used] {
		for _, b := range [][]T{x.Data, x.grad} {
			if !(x.leaf || t.floats.owned(b)) {
				return fmt.Errorf("a buffer of a %d x %d tensor is free and in use", x.Rows, x.Cols)
			}
		}
	}
	for _, b := range t.live {
		if !t.floats.owned(b) {
			return fmt.Errorf("a buffer of %d elements is free and in use", len(b))
		}
	}
	return nil
}

func fill[E any](s []E, v E) {
	for i := range s {
		s[i] = v
	}
}

// owned reports whether no part of b is free.
func (a *arena[E]) owned(b []E) bool {
	if len(b) == 0 {
		return true
	}
	x := a.find(b)
	for _, g := range a.gaps {
		if g.piece == x.piece && g.at < x.at+x.n && x.at < g.at+g.n {
			return false
		}
	}
	return true
}
