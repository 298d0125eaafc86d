package cpu

import "unsafe"

const (
	lineBytes = 64      // of the cache
	hugeBytes = 2 << 20 // of a large page
	slabBytes = 32 << 20
)

// slab hands out memory that is read from one end to the other again and again, such as packed weights. It takes large
// pieces, which the system is asked to hold in large pages: what does not fit into the caches is then read up to a
// quarter faster, since looking up small pages takes time too.
type slab struct {
	rest  []byte
	taken int
}

// room returns n zeroed elements without pointers, from the beginning of a line of the cache on. A piece of memory is freed when
// nothing refers to it any more.
func room[E any](s *slab, n int) []E {
	var zero E
	size := ceil(n*int(unsafe.Sizeof(zero)), lineBytes) * lineBytes
	if size == 0 {
		return nil
	}
	if size > len(s.rest) {
		s.rest = piece(max(size, min(s.taken, slabBytes)))
	}
	s.taken += size
	p := unsafe.Pointer(&s.rest[0])
	s.rest = s.rest[size:]
	return unsafe.Slice((*E)(p), n)
}

// piece allocates size bytes, in large pages where it fills some.
func piece(size int) []byte {
	if size < hugeBytes {
		return alignedBytes(size, lineBytes)
	}
	size = ceil(size, hugeBytes) * hugeBytes
	p := alignedBytes(size, hugeBytes)
	adviseHuge(p)
	return p
}

// alignedBytes returns size bytes whose address is a multiple of a power of two.
func alignedBytes(size, to int) []byte {
	p := make([]byte, size+to)
	skip := int(-uintptr(unsafe.Pointer(&p[0])) % uintptr(to))
	return p[skip : skip+size : skip+size]
}

// Room returns n zeroed elements for what is read again and again and does not fit into the caches.
func (b *Backend[T]) Room(n int) []T { return room[T](&b.slab, n) }
