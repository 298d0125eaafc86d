package cuda

import (
	"fmt"
	"slices"
	"unsafe"
)

// Alloc returns n zeroed elements of managed memory. Where there is not enough it panics with a compute.Fault of
// ErrOutOfMemory: the driver itself would move other memory to the host and be slow.
func (b *Backend) Alloc(n int) []float32 {
	if n == 0 {
		return []float32{}
	}
	return unsafe.Slice((*float32)(pointer(b.allocate(int64(n)*4))), n)
}

// AllocInts returns n zeroed integers of managed memory.
func (b *Backend) AllocInts(n int) []int32 {
	if n == 0 {
		return []int32{}
	}
	return unsafe.Slice((*int32)(pointer(b.allocate(int64(n)*4))), n)
}

// pointer is an address that is not of Go's heap as a pointer.
func pointer(at uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&at))
}

// Small requests are cut from pieces of slabBytes; the driver's own are of 2 MiB at least.
const (
	slabBytes  = 16 << 20
	smallBytes = 1 << 20
	alignment  = 256
)

func (b *Backend) allocate(bytes int64) uintptr {
	b.check()
	r := span{bytes: bytes}
	if long := (bytes + alignment - 1) / alignment * alignment; long <= smallBytes {
		if long > b.slab.bytes {
			b.slab = b.newSpan(slabBytes)
		}
		r.at = b.slab.at
		b.slab.at, b.slab.bytes = b.slab.at+uintptr(long), b.slab.bytes-long
	} else {
		r = b.newSpan(bytes)
	}
	b.must("clear memory", b.drv.zero(r.at, bytes))
	b.must("clear memory", b.drv.sync()) // the host may write at once
	return r.at
}

// newSpan allocates memory of undefined content.
func (b *Backend) newSpan(bytes int64) span {
	if b.used+bytes > b.limit {
		b.fail(&Error{Kind: ErrOutOfMemory, Op: fmt.Sprintf("allocate %.2f GiB: %.2f of %.2f GiB are in use", gib(bytes), gib(b.used), gib(b.limit))})
	}
	at, err := b.drv.alloc(bytes)
	b.must(fmt.Sprintf("allocate %.2f GiB: %.2f of %.2f GiB are in use", gib(bytes), gib(b.used), gib(b.limit)), err)
	r := span{at, bytes}
	i, _ := slices.BinarySearchFunc(b.ranges, r, compareSpans)
	b.ranges = slices.Insert(b.ranges, i, r)
	b.used += bytes
	return r
}

// release frees a piece of memory that nothing uses any more.
func (b *Backend) release(r span) {
	if r.bytes == 0 {
		return
	}
	b.must("free memory", b.drv.sync())
	b.must("free memory", b.drv.free(r.at))
	i, _ := slices.BinarySearchFunc(b.ranges, r, compareSpans)
	b.ranges = slices.Delete(b.ranges, i, i+1)
	b.used -= r.bytes
}

func compareSpans(x, y span) int {
	switch {
	case x.at < y.at:
		return -1
	case x.at > y.at:
		return 1
	}
	return 0
}

func gib(bytes int64) float64 { return float64(bytes) / (1 << 30) }

// address is where a slice lies on the device, 0 for an empty one. A slice of the host would be read from a wrong place or
// end the context, so it is refused here.
func address[E float32 | int32](b *Backend, x []E) uintptr {
	if len(x) == 0 {
		return 0
	}
	at := uintptr(unsafe.Pointer(unsafe.SliceData(x)))
	i, found := slices.BinarySearchFunc(b.ranges, span{at: at}, compareSpans)
	if !found {
		i--
	}
	if i < 0 || at+uintptr(len(x))*4 > b.ranges[i].at+uintptr(b.ranges[i].bytes) {
		panic(fmt.Sprintf("cuda: an operation was given %d elements that are not the device's: allocate them by Alloc, or Upload them", len(x)))
	}
	return at
}
