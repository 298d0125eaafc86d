package cuda

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
)

// kernel is a kernel that is ready to run.
type kernel struct {
	f      function
	shared int // most bytes of dynamic shared memory that it may have
}

// plainShared is the dynamic shared memory that every kernel may have without asking.
const plainShared = 48 << 10

// entry is how PTX begins a kernel.
var entry = regexp.MustCompile(`(?m)^\s*\.visible\s+\.entry\s+(\w+)`)

// loadKernels loads files of PTX. The driver compiles them for the device and keeps the code in its cache.
func loadKernels(d driver, files map[string][]byte) (map[string]*kernel, error) {
	all := map[string]*kernel{}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		m, err := d.load(file, files[file])
		if err != nil {
			return nil, err
		}
		for _, name := range entry.FindAllSubmatch(files[file], -1) {
			f, err := d.function(m, string(name[1]))
			if err != nil {
				return nil, err
			}
			all[string(name[1])] = &kernel{f, plainShared}
		}
	}
	return all, nil
}

// launch starts a kernel. A grid without blocks starts nothing.
func (b *Backend) launch(name string, grid, block [3]int, shared int, args ...uint64) {
	b.check()
	if b.dry || grid[0] == 0 || grid[1] == 0 || grid[2] == 0 {
		return
	}
	k := b.kernels[name]
	if k == nil {
		panic("cuda: there is no kernel " + name)
	}
	if shared > k.shared {
		if shared > b.info.SharedMemory {
			b.fail(&Error{Op: fmt.Sprintf("start %s: it needs %d bytes of shared memory and a block of this GPU may have %d; set train.device=cpu for this model", name, shared, b.info.SharedMemory)})
		}
		b.must("prepare "+name, b.drv.raise(k.f, shared))
		k.shared = shared
	}
	b.launches++
	b.must("start "+name, b.drv.launch(k.f, grid, block, shared, args))
	b.block(name)
}

// strided starts a kernel that strides over n elements on any grid of blocks of 256. Eight of them fill a multiprocessor.
func (b *Backend) strided(name string, n int, args ...uint64) {
	b.launch(name, x(min(8*b.info.Processors, ceil(n, 256))), x(256), 0, args...)
}

func ceil(n, d int) int { return (n + d - 1) / d }

// x, xy and xyz are the sizes of grids and blocks.
func x(n int) [3]int           { return [3]int{n, 1, 1} }
func xy(n, m int) [3]int       { return [3]int{n, m, 1} }
func xyz(n, m, l int) [3]int   { return [3]int{n, m, l} }
func threads(width int) [3]int { return x(min(1024, max(32, ceil(width, 32)*32))) }

// Arguments of kernels, as words.
func f32(v float32) uint64 { return uint64(math.Float32bits(v)) }
func i32(v int) uint64     { return uint64(uint32(int32(v))) } //nolint:gosec // sizes are checked by who allocates
func i64(v int) uint64     { return uint64(v) }
func flag(v bool) uint64 {
	if v {
		return 1
	}
	return 0
}

// at is the address of a slice that an operation reads, as an argument; of integers, that of one that it writes too.
func at[E float32 | int32](b *Backend, x []E) uint64 {
	a := address(b, x)
	b.widen(span{a, int64(len(x)) * 4})
	return uint64(a)
}

// from is the address of element i of a slice that is read; i may be its end.
func from(b *Backend, x []float32, i int) uint64 {
	if len(x) == 0 {
		return 0
	}
	return at(b, x) + uint64(i)*4
}

// into is the address of a slice that an operation overwrites.
func into(b *Backend, x []float32) uint64 {
	s := b.span(x)
	b.wrote(s)
	return uint64(s.at)
}

// onto is the address of element i of a slice that an operation changes, in some elements or by adding to them; i may be its
// end.
func onto(b *Backend, x []float32, i int) uint64 {
	a := from(b, x, i)
	b.wrote(b.span(x))
	return a
}

// The pieces of scratch memory, each for one purpose, so that what an operation needs at a time is there at a time.
const (
	scratchA = iota
	scratchB
	scratchC
	scratchD
	scratchE
	scratchF
	scratches
)

// temp returns scratch memory of undefined content. It is used again by the next operation: one stream keeps them apart.
func (b *Backend) temp(which int, bytes int) uint64 {
	s := &b.scratch[which]
	if int64(bytes) > s.bytes {
		b.release(*s)
		*s = b.newSpan(int64(bytes+bytes/8+255) / 256 * 256)
	}
	return uint64(s.at)
}
