package cuda

import (
	"math"
	"unsafe"
)

// Dry returns a backend without a device: it hands out memory as a real one does and computes nothing, so that MemoryUsed
// after a step says what a step takes.
func Dry(o Options) (*Backend, error) {
	b, err := newBackend(&dry{next: alignment}, nil, o)
	if err != nil {
		return nil, err
	}
	b.dry = true
	return b, nil
}

// dry is the driver of Dry. Its addresses stand for nothing.
type dry struct {
	next   uintptr
	pinned []byte
}

func (*dry) device() Device {
	return Device{Name: "none", Major: oldestMajor, Processors: 1, SharedMemory: math.MaxInt32, Memory: math.MaxInt64}
}

func (*dry) memory() (free, total int64, err error) { return math.MaxInt64, math.MaxInt64, nil }

func (d *dry) alloc(bytes int64) (uintptr, error) {
	at := d.next
	d.next += uintptr(bytes+alignment) / alignment * alignment
	return at, nil
}

func (*dry) free(uintptr) error { return nil }

func (d *dry) pin(bytes int64) (uintptr, error) {
	d.pinned = make([]byte, bytes)
	return uintptr(unsafe.Pointer(unsafe.SliceData(d.pinned))), nil
}

func (*dry) unpin(uintptr) error                                  { return nil }
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
