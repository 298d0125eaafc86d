package cuda

import (
	"fmt"
	"slices"
	"unsafe"
)

// piece is memory of the device and the addresses of the host that name it. A slice of Alloc is such a name: it can be cut
// and compared like any other, and holds nothing until Host or Lend brings the content there.
type piece struct {
	span           // on the device
	names  uintptr // where the names begin
	window []byte  // the names as memory of the host, most of it never touched
}

// Alloc returns the name of n zeroed elements of device memory. Where there is not enough it panics with a compute.Fault of
// ErrOutOfMemory.
func (b *Backend) Alloc(n int) []float32 {
	if n == 0 {
		return []float32{}
	}
	return unsafe.Slice((*float32)(pointer(b.allocate(int64(n)*4))), n)
}

// AllocInts returns the name of n zeroed integers of device memory.
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

// allocate returns the name of zeroed memory.
func (b *Backend) allocate(bytes int64) uintptr {
	b.check()
	b.idle("an allocation")
	name, long := uintptr(0), (bytes+alignment-1)/alignment*alignment
	if long <= smallBytes {
		if long > b.slab.bytes {
			p := b.newPiece(slabBytes)
			b.slab = span{p.names, slabBytes}
		}
		name = b.slab.at
		b.slab.at, b.slab.bytes = b.slab.at+uintptr(long), b.slab.bytes-long
	} else {
		name = b.newPiece(bytes).names
	}
	b.must("clear memory", b.drv.zero(b.place(name, bytes), bytes))
	return name
}

// newPiece allocates memory of undefined content with names.
func (b *Backend) newPiece(bytes int64) *piece {
	window, err := reserve(bytes)
	b.must(fmt.Sprintf("reserve %.2f GiB of addresses", gib(bytes)), err)
	p := &piece{span: b.newSpan(bytes), names: uintptr(unsafe.Pointer(unsafe.SliceData(window))), window: window}
	i, _ := slices.BinarySearchFunc(b.pieces, p.names, compareNames)
	b.pieces = slices.Insert(b.pieces, i, p)
	return p
}

// newSpan allocates memory of undefined content.
func (b *Backend) newSpan(bytes int64) span {
	b.idle("an allocation")
	b.settled = false
	if b.used+bytes > b.limit {
		b.fail(&Error{Kind: ErrOutOfMemory, Op: fmt.Sprintf("allocate %.2f GiB: %.2f of %.2f GiB are in use", gib(bytes), gib(b.used), gib(b.limit))})
	}
	at, err := b.drv.alloc(bytes)
	b.must(fmt.Sprintf("allocate %.2f GiB: %.2f of %.2f GiB are in use", gib(bytes), gib(b.used), gib(b.limit)), err)
	r := span{at, bytes}
	b.spans = append(b.spans, r)
	b.used += bytes
	return r
}

// release frees memory without a name that nothing uses any more but graphs, which are forgotten with it.
func (b *Backend) release(r span) {
	if r.bytes == 0 {
		return
	}
	b.forget()
	b.must("free memory", b.drv.sync())
	b.must("free memory", b.drv.free(r.at))
	b.spans = slices.DeleteFunc(b.spans, func(s span) bool { return s.at == r.at })
	b.used -= r.bytes
}

func compareNames(p *piece, name uintptr) int {
	switch {
	case p.names < name:
		return -1
	case p.names > name:
		return 1
	}
	return 0
}

func gib(bytes int64) float64 { return float64(bytes) / (1 << 30) }

// place is where named memory lies on the device. The host's own memory would be read from a wrong place or end the
// context, so it is refused here.
func (b *Backend) place(name uintptr, bytes int64) uintptr {
	i, found := slices.BinarySearchFunc(b.pieces, name, compareNames)
	if !found {
		i--
	}
	if i < 0 || name+uintptr(bytes) > b.pieces[i].names+uintptr(b.pieces[i].bytes) {
		panic(fmt.Sprintf("cuda: an operation was given %d bytes that are not the device's: allocate them by Alloc, or Upload them", bytes))
	}
	return b.pieces[i].at + (name - b.pieces[i].names)
}

// named is where a slice lies among the names.
func named[E float32 | int32](x []E) span {
	return span{uintptr(unsafe.Pointer(unsafe.SliceData(x))), int64(len(x)) * 4}
}

// address is where a slice lies on the device, 0 for an empty one, for an operation that is given it.
func address[E float32 | int32](b *Backend, x []E) uintptr {
	if len(x) == 0 {
		return 0
	}
	r := named(x)
	b.takeBack(r)
	if b.strict {
		b.hide()
	}
	return b.place(r.at, r.bytes)
}
