package cuda

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fake is a driver without a device. Its memory is the host's, its kernels run in the emulation of package kernels, and its
// products in plain loops. Work is done as late as a device may do it: at sync. But for that time all memory is locked, so a
// host that reads or writes it by itself ends the test.
type fake struct {
	t      *testing.T
	run    *emulation // nil does no work but counts it
	info   Device
	left   int64
	blocks map[uintptr]*block
	pinned map[uintptr]*block
	queue  []func() error
	locks  bool // memory is locked; many small steps are too slow with it

	names   []string // kernels, by function
	raised  map[string]int
	log     []string       // operations in their order
	failing map[string]int // CUresult by operation
	graphs  [][]func() error
	taking  bool // capture is on
	closed  bool
	copies  *copyCheck // nil without copies in bf16
}

// block is a mapping whose data end at a page that nobody may touch.
type block struct {
	mapping []byte
	bytes   int64
}

func newFake(t *testing.T, run *emulation) *fake {
	f := &fake{
		t: t, run: run, left: 4 << 30, blocks: map[uintptr]*block{}, pinned: map[uintptr]*block{}, raised: map[string]int{}, failing: map[string]int{},
		info: Device{Name: "fake", Major: 9, Processors: 3, SharedMemory: 227 << 10, Memory: 4 << 30, Driver: 12040},
	}
	t.Cleanup(func() {
		if f.closed && len(f.blocks)+len(f.pinned) > 0 {
			t.Errorf("%d pieces of memory and %d pinned ones were not given back", len(f.blocks), len(f.pinned))
		}
	})
	return f
}

func (f *fake) device() Device                { return f.info }
func (f *fake) memory() (int64, int64, error) { return f.left, f.info.Memory, f.fails("memory") }

// fails is the failure that the test wants of an operation, if any.
func (f *fake) fails(op string) error {
	f.log = append(f.log, op)
	if code := f.failing[op]; code != 0 {
		return failure(op, code, "as the test wants it")
	}
	return nil
}

const page = 4096

func (f *fake) mapBlock(bytes int64) (uintptr, *block, error) {
	long := (bytes + page - 1) / page * page
	mapping, err := unix.Mmap(-1, 0, int(long)+page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return 0, nil, err
	}
	if err := unix.Mprotect(mapping[long:], unix.PROT_NONE); err != nil {
		return 0, nil, err
	}
	start := (long - bytes) / 256 * 256 // the device's alignment
	for i := range mapping[start:long] {
		mapping[start+int64(i)] = 0xff // NaN
	}
	return uintptr(unsafe.Pointer(&mapping[start])), &block{mapping, bytes}, nil
}

func (f *fake) alloc(bytes int64) (uintptr, error) {
	if err := f.fails("alloc"); err != nil {
		return 0, err
	}
	at, b, err := f.mapBlock(bytes)
	if err != nil {
		return 0, err
	}
	f.blocks[at] = b
	return at, f.protect(unix.PROT_NONE)
}

func (f *fake) free(p uintptr) error {
	b := f.blocks[p]
	if b == nil {
		f.t.Errorf("memory at %#x is freed and was not allocated", p)
		return nil
	}
	if len(f.queue) > 0 {
		f.t.Error("memory is freed while work is waiting")
	}
	delete(f.blocks, p)
	return unix.Munmap(b.mapping)
}

func (f *fake) pin(bytes int64) (uintptr, error) {
	if err := f.fails("pin"); err != nil {
		return 0, err
	}
	at, b, err := f.mapBlock(bytes)
	f.pinned[at] = b
	return at, err
}

func (f *fake) unpin(p uintptr) error {
	b := f.pinned[p]
	delete(f.pinned, p)
	return unix.Munmap(b.mapping)
}

func (f *fake) load(name string, _ []byte) (module, error) { return 1, f.fails("load") }

func (f *fake) function(_ module, name string) (function, error) {
	f.names = append(f.names, name)
	return function(len(f.names)), nil
}

func (f *fake) raise(k function, shared int) error {
	f.raised[f.names[k-1]] = shared
	return f.fails("raise")
}

// later puts work into the queue.
func (f *fake) later(op string, do func() error) error {
	if err := f.fails(op); err != nil {
		return err
	}
	if f.taking {
		f.graphs[len(f.graphs)-1] = append(f.graphs[len(f.graphs)-1], do)
		return nil
	}
	f.queue = append(f.queue, do)
	return nil
}

// protect says what may be done to all memory.
func (f *fake) protect(access int) error {
	if !f.locks {
		return nil
	}
	for _, b := range f.blocks {
		if err := protect(b, access); err != nil {
			return err
		}
	}
	return nil
}

func protect(b *block, access int) error {
	return unix.Mprotect(b.mapping[:len(b.mapping)-page], access)
}

func (f *fake) launch(k function, grid, size [3]int, shared int, args []uint64) error {
	name := f.names[k-1]
	limit := plainShared
	if f.raised[name] > limit {
		limit = f.raised[name]
	}
	if shared > limit {
		f.t.Errorf("%s is started with %d bytes of shared memory and may have %d", name, shared, limit)
	}
	args = slices.Clone(args)
	look := func() {}
	if f.run != nil {
		f.run.check(f, name, args)
		look = f.copies.launch(name, f.run.kinds[name], args)
	}
	return f.later(name, func() error {
		if f.run == nil {
			return nil
		}
		look()
		return f.run.launch(name, grid, size, shared, args)
	})
}

// holds reports whether an address lies in the device's memory.
func (f *fake) holds(at uintptr) bool {
	for first, b := range f.blocks {
		if at >= first && at <= first+uintptr(b.bytes) {
			return true
		}
	}
	return false
}

func bytesAt(at uintptr, n int64) []byte     { return unsafe.Slice((*byte)(pointer(at)), n) }
func floatsAt(at uintptr, n int64) []float32 { return unsafe.Slice((*float32)(pointer(at)), n) }
func halvesAt(at uintptr, n int64) []uint16  { return unsafe.Slice((*uint16)(pointer(at)), n) }

func (f *fake) copy(dst, src uintptr, n int64) error {
	f.copies.written("copy", span{dst, n}, nil)
	return f.later("copy", func() error { copy(bytesAt(dst, n), bytesAt(src, n)); return nil })
}

func (f *fake) zero(dst uintptr, n int64) error {
	f.copies.written("zero", span{dst, n}, nil)
	return f.later("zero", func() error { clear(bytesAt(dst, n)); return nil })
}

func (f *fake) sync() error {
	if err := f.fails("sync"); err != nil {
		return err
	}
	if f.taking {
		return errors.New("sync while a graph is recorded")
	}
	if len(f.queue) == 0 {
		return nil
	}
	if err := f.protect(unix.PROT_READ | unix.PROT_WRITE); err != nil {
		return err
	}
	for _, do := range f.queue {
		if err := do(); err != nil {
			return err
		}
	}
	f.queue = f.queue[:0]
	return f.protect(unix.PROT_NONE)
}

func (f *fake) capture() error {
	f.taking, f.graphs = true, append(f.graphs, nil)
	return f.fails("capture")
}

func (f *fake) captured() (graph, error) {
	f.taking = false
	return graph(len(f.graphs)), f.fails("captured")
}

func (f *fake) replay(g graph) error {
	steps := f.graphs[g-1]
	return f.later("replay", func() error {
		for _, do := range steps {
			if err := do(); err != nil {
				return err
			}
		}
		return nil
	})
}

func (f *fake) drop(g graph) error {
	f.graphs[g-1] = nil
	return nil
}

func (f *fake) close() error {
	f.closed = true
	return f.fails("close")
}

// gemm multiplies in plain loops.
func (f *fake) gemm(g *gemm) error {
	p := *g
	look := f.copies.gemm(&p)
	return f.later("gemm", func() error {
		look()
		for i := range p.batch {
			p.multiply(int64(i))
		}
		return nil
	})
}

// multiply does product i of a batch.
func (p *gemm) multiply(i int64) {
	read := func(at uintptr, step int64) func(i int) float32 {
		if p.in == bf16 {
			x := halvesAt(at+uintptr(2*step*i), 1<<40)
			return func(i int) float32 { return wide(x[i]) }
		}
		x := floatsAt(at+uintptr(4*step*i), 1<<40)
		if p.fast {
			return func(i int) float32 { return wide(narrow(x[i])) }
		}
		return func(i int) float32 { return x[i] }
	}
	var a, b func(int) float32
	if p.alpha != 0 { // otherwise they are not read
		a, b = read(p.a, p.stepA), read(p.b, p.stepB)
	}
	rowA, colA, rowB, colB := p.lda, 1, p.ldb, 1
	if p.transA {
		rowA, colA = 1, p.lda
	}
	if p.transB {
		rowB, colB = 1, p.ldb
	}
	for r := range p.m {
		for c := range p.n {
			var sum float32
			for k := 0; k < p.k && a != nil; k++ {
				sum += a(r*rowA+k*colA) * b(k*rowB+c*colB)
			}
			sum *= p.alpha
			at := r*p.ldc + c
			if p.out == bf16 {
				x := halvesAt(p.c+uintptr(2*p.stepC*i), int64(at)+1)
				if p.beta != 0 {
					sum += p.beta * wide(x[at])
				}
				x[at] = narrow(sum)
				continue
			}
			x := floatsAt(p.c+uintptr(4*p.stepC*i), int64(at)+1)
			if p.beta != 0 {
				sum += p.beta * x[at]
			}
			x[at] = sum
		}
	}
}

func wide(h uint16) float32 { w := uint32(h) << 16; return *(*float32)(unsafe.Pointer(&w)) }

// narrow rounds to bf16, to even.
func narrow(v float32) uint16 {
	w := *(*uint32)(unsafe.Pointer(&v))
	if v != v {
		return 0x7fff
	}
	return uint16((w + 0x7fff + w>>16&1) >> 16)
}

// started lists the kernels and other work that was asked for since the last call, apart from sync.
func (f *fake) started() []string {
	all := slices.DeleteFunc(f.log, func(op string) bool { return op == "sync" })
	f.log = nil
	return all
}

// open returns a backend on the fake.
func (f *fake) open(o Options) (*Backend, error) {
	names := headerNames(f.t)
	if f.run != nil {
		names = f.run.names
	}
	text := ""
	for _, n := range names {
		text += fmt.Sprintf(".visible .entry %s(\n", n)
	}
	f.locks = !o.Blocking
	b, err := newBackend(f, map[string][]byte{"all.ptx": []byte(text)}, o)
	if b != nil {
		b.strict = f.locks
	}
	return b, err
}

// emulated returns a backend whose kernels are emulated, or skips.
func emulated(t *testing.T, o Options) (*Backend, *fake) {
	t.Helper()
	f := newFake(t, emulate(t))
	b, err := f.open(o)
	if err != nil {
		t.Fatal(err)
	}
	if o.Precision == BF16 {
		f.copies = &copyCheck{t: t, b: b}
	}
	t.Cleanup(func() {
		if b.broken != nil {
			return
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b, f
}
