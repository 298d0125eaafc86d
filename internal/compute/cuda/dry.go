//go:build linux || darwin

package cuda

import (
	"fmt"
	"math"
	"syscall"
	"unsafe"
)

// Dry returns a backend without a device: it hands out memory as a real one does and computes nothing, so that MemoryUsed
// after a step says what a step takes. The memory is address space that costs nothing until it is touched.
func Dry(o Options) (*Backend, error) {
	b, err := newBackend(&dry{pieces: map[uintptr][]byte{}}, nil, o)
	if err != nil {
		return nil, err
	}
	b.dry = true
	return b, nil
}

// dry is the driver of Dry.
type dry struct{ pieces map[uintptr][]byte }

func (*dry) device() Device {
	return Device{Name: "none", Major: oldestMajor, Processors: 1, SharedMemory: math.MaxInt32, Memory: math.MaxInt64}
}

func (*dry) memory() (free, total int64, err error) { return math.MaxInt64, math.MaxInt64, nil }

func (d *dry) alloc(bytes int64) (uintptr, error) {
	m, err := syscall.Mmap(-1, 0, int(bytes), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE)
	if err != nil {
		return 0, &Error{Kind: ErrOutOfMemory, Op: fmt.Sprintf("take %.2f GiB of address space: %v", gib(bytes), err)}
	}
	at := uintptr(unsafe.Pointer(unsafe.SliceData(m)))
	d.pieces[at] = m
	return at, nil
}

func (d *dry) free(p uintptr) error {
	m := d.pieces[p]
	delete(d.pieces, p)
	return syscall.Munmap(m)
}

func (d *dry) pin(bytes int64) (uintptr, error)                   { return d.alloc(bytes) }
func (d *dry) unpin(p uintptr) error                              { return d.free(p) }
func (*dry) load(string, []byte) (module, error)                  { return 0, nil }
func (*dry) function(module, string) (function, error)            { return 0, nil }
func (*dry) raise(function, int) error                            { return nil }
func (*dry) launch(function, [3]int, [3]int, int, []uint64) error { return nil }
func (*dry) copy(uintptr, uintptr, int64) error                   { return nil }
func (*dry) zero(uintptr, int64) error                            { return nil }
func (*dry) gemm(*gemm) error                                     { return nil }
func (*dry) sync() error                                          { return nil }
func (*dry) capture() error                                       { return nil }
func (*dry) captured() (graph, error)                             { return 0, nil }
func (*dry) replay(graph) error                                   { return nil }
func (*dry) drop(graph) error                                     { return nil }
func (*dry) close() error                                         { return nil }
