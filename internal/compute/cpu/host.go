package cpu

// AllocInts returns n zeroed integers.
func (b *Backend[T]) AllocInts(n int) []int32 { return make([]int32, n) }

// Upload copies src to dst.
func (b *Backend[T]) Upload(dst, src []T) { copy(dst, src) }

// UploadInts copies src to dst.
func (b *Backend[T]) UploadInts(dst, src []int32) { copy(dst, src) }

// Sync does nothing: every operation is done when it returns.
func (b *Backend[T]) Sync() {}
