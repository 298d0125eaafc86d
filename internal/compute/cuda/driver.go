package cuda

// driver is what the backend asks of CUDA. All work goes to one stream: it is done in the order in which it was asked
// for, and only sync waits for it. The real one is behind the build tag cuda; tests bring their own.
type driver interface {
	device() Device
	memory() (free, total int64, err error)

	// alloc returns memory of the device, of undefined content.
	alloc(bytes int64) (uintptr, error)
	free(p uintptr) error
	// pin returns memory of the host that the device can copy from by itself.
	pin(bytes int64) (uintptr, error)
	unpin(p uintptr) error

	load(name string, ptx []byte) (module, error)
	function(m module, name string) (function, error)
	// raise lets a kernel use up to shared bytes of dynamic shared memory, where that is more than 48 KiB.
	raise(f function, shared int) error
	// launch starts a kernel; each argument lies in the low bytes of its word.
	launch(f function, grid, block [3]int, shared int, args []uint64) error
	// copy copies between memory of the device and pinned memory, or within the device.
	copy(dst, src uintptr, bytes int64) error
	zero(dst uintptr, bytes int64) error
	gemm(g *gemm) error
	sync() error

	// capture begins to record work instead of doing it; captured ends that and makes a graph, which replay does.
	capture() error
	captured() (graph, error)
	replay(g graph) error
	drop(g graph) error

	close() error
}

type (
	module   uintptr
	function uintptr
	graph    uintptr
)

// gemm is C = alpha op(A) op(B) + beta C for batch row-major matrices that lie step elements apart.
type gemm struct {
	transA, transB      bool
	m, n, k, batch      int
	alpha, beta         float32
	a, b, c             uintptr
	lda, ldb, ldc       int
	stepA, stepB, stepC int64
	in, out             element // of A and B, and of C
	fast                bool    // multiply float32 as bf16
}

// element is a type of numbers in memory.
type element int

const (
	float element = iota
	bf16
)

// Device is what is known of a GPU.
type Device struct {
	Name         string
	Ordinal      int
	Major, Minor int   // compute capability
	Processors   int   // multiprocessors
	SharedMemory int   // bytes that a block may have at most
	Memory       int64 // bytes in all
	Driver       int   // highest CUDA version of the driver, 12040 for 12.4
	BLAS         string
}
