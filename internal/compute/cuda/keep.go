package cuda

import "muonclip/internal/compute"

// kept is weights, with a copy of them all. What is stale of them waits to be copied again.
type kept struct {
	image
	stale span
}

var _ compute.Keeper[float32] = (*Backend)(nil)

// Keep copies weights to bf16 from now on, whole and once after each change.
func (b *Backend) Keep(w []float32) {
	if b.opt.Precision != BF16 || len(w) == 0 {
		return
	}
	of := b.span(w)
	b.weights = append(b.weights, kept{image{of, b.newSpan(of.bytes / 2).at}, of})
}

// refresh copies what is stale of weights.
func (b *Backend) refresh(k *kept) {
	if k.stale.bytes == 0 {
		return
	}
	const group = 8 * 4 // bytes of what the kernel copies at a time
	first := (k.stale.at - k.of.at) / group * group
	b.cast(k.at+first/2, span{k.of.at + first, int64(k.stale.end() - k.of.at - first)})
	k.stale = span{}
}

// spoil makes the part of weights that s takes in stale, and what lies between it and other stale parts.
func (k *kept) spoil(s span) {
	if !k.of.meets(s) {
		return
	}
	first, end := max(k.of.at, s.at), min(k.of.end(), s.end())
	if k.stale.bytes > 0 {
		first, end = min(first, k.stale.at), max(end, k.stale.end())
	}
	k.stale = span{first, int64(end - first)}
}
