//go:build cuda

package cuda

// #include "binding.h"
import "C"

import (
	"errors"
	"reflect"
	"runtime"
	"strings"
	"unsafe"

	"gorgonia.org/cu"
)

// real is the driver: gorgonia.org/cu for contexts, memory, modules, streams and launches, and our own binding for the rest.
type real struct {
	dev       cu.Device
	ctx       cu.CUContext
	held      bool // the context is retained
	stream    cu.Stream
	space     cu.DevicePtr
	blas      unsafe.Pointer
	info      Device
	lost      error
	modules   []cu.Module
	functions []cu.Function
	graphs    []unsafe.Pointer
	params    []unsafe.Pointer
}

func (r *real) device() Device { return r.info }

// do runs f with the context.
func (r *real) do(op string, f func() error) error {
	leave := r.enter()
	defer leave()
	if r.lost != nil {
		return r.lost
	}
	return wrap(op, f())
}

func (r *real) memory() (free, total int64, err error) {
	err = r.do("ask for the GPU's free memory", func() (err error) { free, total, err = cu.MemInfo(); return err })
	return free, total, err
}

func (r *real) alloc(bytes int64) (at uintptr, err error) {
	err = r.do("allocate", func() error {
		p, err := cu.MemAlloc(bytes)
		at = uintptr(p)
		return err
	})
	return at, err
}

func (r *real) free(p uintptr) error {
	return r.do("free", func() error { return cu.MemFree(cu.DevicePtr(p)) })
}

func (r *real) pin(bytes int64) (uintptr, error) {
	var p unsafe.Pointer
	err := r.do("pin memory of the host", func() error { return result(C.mc_pin(&p, C.size_t(bytes))) })
	return uintptr(p), err
}

func (r *real) unpin(p uintptr) error {
	return r.do("free pinned memory", func() error { return cu.MemFreeHost(voidPointer(p)) })
}

func (r *real) load(name string, ptx []byte) (module, error) {
	err := r.do("compile "+name+" for this GPU", func() error {
		m, err := cu.LoadData(string(ptx))
		r.modules = append(r.modules, m)
		return err
	})
	return module(len(r.modules) - 1), err
}

func (r *real) function(m module, name string) (function, error) {
	err := r.do("find kernel "+name, func() error {
		f, err := r.modules[m].Function(name)
		r.functions = append(r.functions, f)
		return err
	})
	return function(len(r.functions) - 1), err
}

func (r *real) raise(f function, shared int) error {
	return r.do("ask for more shared memory", func() error { return result(C.mc_raise(pointerOf(&r.functions[f]), C.int(shared))) })
}

func (r *real) launch(f function, grid, block [3]int, shared int, args []uint64) error {
	leave := r.enter()
	defer leave()
	if r.lost != nil {
		return r.lost
	}
	r.params = r.params[:0]
	for i := range args {
		r.params = append(r.params, unsafe.Pointer(&args[i]))
	}
	err := r.functions[f].Launch(grid[0], grid[1], grid[2], block[0], block[1], block[2], shared, r.stream, r.params)
	runtime.KeepAlive(args)
	return wrap("launch", err)
}

func (r *real) copy(dst, src uintptr, bytes int64) error {
	return r.do("copy", func() error { return cu.MemcpyAsync(cu.DevicePtr(dst), cu.DevicePtr(src), bytes, r.stream) })
}

func (r *real) zero(dst uintptr, bytes int64) error {
	return r.do("clear", func() error { return cu.MemsetD8Async(cu.DevicePtr(dst), 0, bytes, r.stream) })
}

func (r *real) sync() error {
	return r.do("wait", func() error { return r.stream.Synchronize() })
}

func (r *real) gemm(g *gemm) error {
	leave := r.enter()
	defer leave()
	if r.lost != nil {
		return r.lost
	}
	c := C.mc_gemm{
		trans_a: truth(g.transA), trans_b: truth(g.transB), m: C.int(g.m), n: C.int(g.n), k: C.int(g.k), batch: C.int(g.batch),
		in_bf16: truth(g.in == bf16), out_bf16: truth(g.out == bf16), fast: truth(g.fast), lda: C.int(g.lda), ldb: C.int(g.ldb), ldc: C.int(g.ldc),
		alpha: C.float(g.alpha), beta: C.float(g.beta), a: voidPointer(g.a), b: voidPointer(g.b), c: voidPointer(g.c),
		step_a: C.longlong(g.stepA), step_b: C.longlong(g.stepB), step_c: C.longlong(g.stepC),
	}
	return blasFailure("cuBLAS", C.mc_blas_gemm(r.blas, &c))
}

func (r *real) capture() error {
	return r.do("begin a graph", func() error { return result(C.mc_capture(r.streamC())) })
}

func (r *real) captured() (graph, error) {
	var exec unsafe.Pointer
	err := r.do("end a graph", func() error { return result(C.mc_captured(r.streamC(), &exec)) })
	r.graphs = append(r.graphs, exec)
	return graph(len(r.graphs) - 1), err
}

func (r *real) replay(g graph) error {
	return r.do("run a graph", func() error { return result(C.mc_replay(r.graphs[g], r.streamC())) })
}

func (r *real) drop(g graph) error {
	return r.do("drop a graph", func() error { return result(C.mc_drop(r.graphs[g])) })
}

// close gives everything back; what fails is reported last, for the rest may still work.
func (r *real) close() error {
	if !r.held {
		return nil
	}
	var errs []error
	leave := r.enter()
	defer leave()
	if r.blas != nil {
		errs = append(errs, blasFailure("close cuBLAS", C.mc_blas_close(r.blas)))
	}
	if r.space != 0 {
		errs = append(errs, wrap("free cuBLAS' work space", cu.MemFree(r.space)))
	}
	for _, m := range r.modules {
		errs = append(errs, wrap("unload a module", m.Unload()))
	}
	if r.stream != (cu.Stream{}) {
		errs = append(errs, wrap("destroy the stream", r.stream.Destroy()))
	}
	errs = append(errs, wrap("release the context", r.dev.ReleasePrimaryCtx()))
	r.held = false
	return errors.Join(errs...)
}

// name is the device's name. That of package cu comes with the zeros behind it.
func (r *real) name() string {
	name, err := r.dev.Name()
	if err != nil {
		return "unknown GPU"
	}
	return strings.TrimRight(name, "\x00")
}

func (r *real) streamC() unsafe.Pointer { return pointerOf(&r.stream) }

// pointerOf is the one pointer that a handle of package cu holds.
func pointerOf[T cu.Stream | cu.Function](h *T) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(h))
}

// voidPointer is a device's address as a pointer of C.
func voidPointer(at uintptr) unsafe.Pointer { return pointer(at) }

func truth(v bool) C.int {
	if v {
		return 1
	}
	return 0
}

// wrap makes an Error of an error of package cu, whose type has no name outside it but is a CUresult.
func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	if e := (*Error)(nil); errors.As(err, &e) {
		e.Op = op + ": " + e.Op
		return e
	}
	code := 0
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		if v := reflect.ValueOf(inner); v.Kind() == reflect.Int {
			code = int(v.Int())
		}
	}
	return failure(op, code, C.GoString(C.mc_text(C.int(code))))
}

// result is the error of a CUresult.
func result(code C.int) error {
	if code == 0 {
		return nil
	}
	return failure("driver", int(code), C.GoString(C.mc_text(code)))
}

// blasFailure is the error of a cublasStatus_t.
func blasFailure(op string, status C.int) error {
	if status == 0 {
		return nil
	}
	e := &Error{Op: op, Code: int(status), Text: C.GoString(C.mc_blas_text(status))}
	switch status {
	case 1: // NOT_INITIALIZED
		e.Kind = ErrNoBLAS
	case 3: // ALLOC_FAILED
		e.Kind = ErrOutOfMemory
	case 8: // ARCH_MISMATCH
		e.Kind = ErrOldDevice
	case 13, 14: // EXECUTION_FAILED, INTERNAL_ERROR
		e.Kind = ErrDeviceLost
	}
	return e
}
