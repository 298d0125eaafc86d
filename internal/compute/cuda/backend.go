package cuda

import (
	"fmt"
	"os"

	"muonclip/internal/compute"
)

// Precision says how products of float32 matrices are computed.
type Precision string

// The precisions. Sums are taken in float32 either way, and weights, gradients and the optimizer's state are float32.
const (
	Float32 Precision = "float32" // as on a processor, to the rounding of the sums
	BF16    Precision = "bf16"    // operands are rounded to bfloat16, for the tensor cores
)

// Options says how to use a device.
type Options struct {
	Ordinal   int       // number of the device
	Precision Precision // empty means Float32
	// Blocking waits for every operation, so that a failure is that of the operation that is being done. The environment
	// variable CUDA_LAUNCH_BLOCKING=1 sets it.
	Blocking bool
}

// Backend runs the operations of compute.Backend on one GPU. It is used by one goroutine at a time. A failure of the device
// is a panic with compute.Fault.
type Backend struct {
	drv     driver
	info    Device
	opt     Options
	kernels map[string]*kernel
	pieces  []*piece // memory that has names, by name
	spans   []span   // all that the driver gave
	slab    span     // names that are left of the piece that small requests are cut from
	used    int64    // bytes of all spans
	limit   int64    // bytes that may be used
	lent    []span   // names that the host may have written to
	shown   []span   // names that the host can read
	strict  bool     // what was shown is hidden again by the next operation; for tests
	staging staging
	scratch [scratches]span
	halves
	sums      span  // float64, for Sums
	broken    error // the first failure
	launches  int64
	repeats   repeats
	recording bool // work goes to a graph
	settled   bool // no memory was taken since it was set
	exact     bool // products are not rounded now; see Exactly
	dry       bool // nothing is computed; see Dry
}

// span is a piece of memory.
type span struct {
	at    uintptr
	bytes int64
}

// keepFree is memory that is left to the driver: code of kernels, cuBLAS' work space, the display.
const keepFree = 768 << 20

var _ compute.Backend[float32] = (*Backend)(nil)

// Open takes hold of a GPU. The error wraps one of the errors of this package and says what to do.
func Open(o Options) (*Backend, error) {
	d, err := openDriver(o.Ordinal)
	if err != nil {
		return nil, err
	}
	o.Blocking = o.Blocking || os.Getenv("CUDA_LAUNCH_BLOCKING") == "1"
	b, err := newBackend(d, ptxFiles(), o)
	if err != nil {
		_ = d.close() // the first error says more
		return nil, err
	}
	return b, nil
}

// oldestMajor is the compute capability 8.0 of the A100, from which on there is bf16 in the tensor cores.
const oldestMajor = 8

func newBackend(d driver, ptx map[string][]byte, o Options) (*Backend, error) {
	b := &Backend{drv: d, info: d.device(), opt: o}
	if b.info.Major < oldestMajor {
		return nil, &Error{Kind: ErrOldDevice, Op: fmt.Sprintf("open %s of compute capability %d.%d", b.info.Name, b.info.Major, b.info.Minor)}
	}
	free, _, err := d.memory()
	if err != nil {
		return nil, err
	}
	b.limit = max(0, free-keepFree)
	if b.kernels, err = loadKernels(d, ptx); err != nil {
		return nil, err
	}
	if err := b.staging.open(d); err != nil {
		return nil, err
	}
	return b, nil
}

// Device describes the GPU.
func (b *Backend) Device() Device { return b.info }

// Precision is how products are computed.
func (b *Backend) Precision() Precision {
	if b.opt.Precision == "" {
		return Float32
	}
	return b.opt.Precision
}

// MemoryLimit is how many bytes may be allocated in all: what was free when the device was opened, less a reserve.
func (b *Backend) MemoryLimit() int64 { return b.limit }

// MemoryUsed is how many bytes are allocated.
func (b *Backend) MemoryUsed() int64 { return b.used }

// Close frees all memory that the backend gave out.
func (b *Backend) Close() error {
	if b.broken == nil {
		if err := b.drv.sync(); err != nil {
			return err
		}
		b.forget()
	}
	for _, r := range b.spans {
		if err := b.drv.free(r.at); err != nil {
			return err
		}
	}
	for _, p := range b.pieces {
		if err := unreserve(p.window); err != nil {
			return err
		}
	}
	b.spans, b.pieces, b.used = nil, nil, 0
	if err := b.staging.close(b.drv); err != nil {
		return err
	}
	return b.drv.close()
}

// LossLogits is how many logits may exist at a time: enough rows for the whole device to be busy.
func (b *Backend) LossLogits() int { return 1 << 27 }

// Sync waits until all that was asked for is done.
func (b *Backend) Sync() {
	b.check()
	b.idle("the host waits")
	b.must("wait for the device", b.drv.sync())
	b.staging.used = 0
}

// Awake runs f with fresh copies of the weights: the stream is always awake.
func (b *Backend) Awake(f func()) {
	b.renew()
	f()
}

// must fails with an operation's error, if there is one.
func (b *Backend) must(op string, err error) {
	if err == nil {
		return
	}
	if e, ok := err.(*Error); ok { //nolint:errorlint // drivers return it unwrapped
		e.Op = op + ": " + e.Op
	}
	b.fail(err)
}

func (b *Backend) fail(err error) {
	if b.broken == nil {
		b.broken = err
	}
	panic(compute.Fault{Err: err})
}

// check fails again where the device has failed before: it does nothing right after that.
func (b *Backend) check() {
	if b.broken != nil {
		panic(compute.Fault{Err: b.broken})
	}
}

// block waits for what was asked for last, where that is wanted.
func (b *Backend) block(op string) {
	if b.opt.Blocking {
		b.must(op, b.drv.sync())
	}
}
