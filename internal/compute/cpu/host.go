package cpu

// AllocInts returns n zeroed integers.
func (b *Backend[T]) AllocInts(n int) []int32 { return make([]int32, n) }

// Upload copies src to dst.
func (b *Backend[T]) Upload(dst, src []T) { copy(dst, src) }

// UploadInts copies src to dst.
func (b *Backend[T]) UploadInts(dst, src []int32) { copy(dst, src) }

// Sync does nothing: every operation is done when it returns.
func (b *Backend[T]) Sync() {}

// Host returns x: the host may always read it.
func (b *Backend[T]) Host(x []T) []T { return x }

// HostInts returns x.
func (b *Backend[T]) HostInts(x []int32) []int32 { return x }

// Lend returns x: the host may always write to it.
func (b *Backend[T]) Lend(x []T) []T { return x }

// Repeat runs f: a processor has nothing to record.
func (b *Backend[T]) Repeat(_ any, f func()) { f() }
