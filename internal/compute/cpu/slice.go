package cpu

import "unsafe"

// slice is the n elements that begin at p.
func slice[T any](p *T, n int) []T { return unsafe.Slice(p, n) }
