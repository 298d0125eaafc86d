//go:build cuda

package cuda

// #cgo LDFLAGS: -lcuda -ldl
// #include "binding.h"
import "C"

import (
	"embed"
	"fmt"
	"runtime"

	"gorgonia.org/cu"
)

//go:embed kernels/*.ptx
var ptx embed.FS

// ptxFiles is the text of all kernels, by file.
func ptxFiles() map[string][]byte {
	all := map[string][]byte{}
	files, err := ptx.ReadDir("kernels")
	if err != nil {
		panic(err) // the files are part of the binary
	}
	for _, f := range files {
		text, err := ptx.ReadFile("kernels/" + f.Name())
		if err != nil {
			panic(err)
		}
		all[f.Name()] = text
	}
	return all
}

// oldestDriver is CUDA 11.8, whose PTX the kernels are.
const oldestDriver = 11080

// blasSpace is the work space of cuBLAS: as much as its manual asks for on Hopper.
const blasSpace = 32 << 20

// openDriver opens a device through its primary context, as all libraries in one process share it.
func openDriver(ordinal int) (driver, error) {
	var why *C.char
	state := int(C.muonclip_cuda_state(&why))
	switch {
	case state == -1:
		return nil, &Error{Kind: ErrNoDriver, Op: C.GoString(why)}
	case state != 0:
		return nil, failure("start the driver", state, C.GoString(C.mc_text(C.int(state))))
	}
	if v := cu.Version(); v < oldestDriver {
		return nil, &Error{Kind: ErrOldDriver, Op: fmt.Sprintf("open a driver of CUDA %d.%d", v/1000, v%1000/10)}
	}
	n, err := cu.NumDevices()
	if err != nil {
		return nil, wrap("count the GPUs", err)
	}
	if ordinal < 0 || ordinal >= n {
		return nil, &Error{Kind: ErrNoDevice, Op: fmt.Sprintf("open GPU %d of %d", ordinal, n)}
	}
	r := &real{}
	if err := r.open(ordinal); err != nil {
		_ = r.close() // the first error says more
		return nil, err
	}
	return r, nil
}

// open takes the context, a stream and cuBLAS.
func (r *real) open(ordinal int) (err error) {
	if r.dev, err = cu.GetDevice(ordinal); err != nil {
		return wrap("open the GPU", err)
	}
	if r.ctx, err = r.dev.RetainPrimaryCtx(); err != nil {
		return wrap("make a context", err)
	}
	r.held = true
	if err := r.describe(ordinal); err != nil {
		return err
	}
	defer r.enter()()
	if r.stream, err = cu.MakeStream(cu.NonBlocking); err != nil {
		return wrap("make a stream", err)
	}
	return r.openBLAS()
}

// describe reads what the device is.
func (r *real) describe(ordinal int) error {
	major, minor, err := r.dev.ComputeCapability()
	if err != nil {
		return wrap("read the compute capability", err)
	}
	r.info = Device{Name: r.name(), Ordinal: ordinal, Major: major, Minor: minor, Driver: cu.Version()}
	const optIn = cu.DeviceAttribute(97) // MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, which cu does not name
	for _, a := range []struct {
		of cu.DeviceAttribute
		to *int
	}{{cu.MultiprocessorCount, &r.info.Processors}, {optIn, &r.info.SharedMemory}} {
		if *a.to, err = r.dev.Attribute(a.of); err != nil {
			return wrap("read what the GPU can do", err)
		}
	}
	if r.info.Memory, err = r.dev.TotalMem(); err != nil {
		return wrap("read the GPU's memory", err)
	}
	return nil
}

func (r *real) openBLAS() error {
	var why *C.char
	var version C.int
	if rc := int(C.mc_blas_open(&r.blas, &version, &why)); rc != 0 {
		text := C.GoString(why)
		if rc != C.MISSING {
			text = C.GoString(C.mc_blas_text(C.int(rc)))
		}
		return &Error{Kind: ErrNoBLAS, Op: "open cuBLAS: " + text, Code: rc}
	}
	r.info.BLAS = fmt.Sprint(int(version))
	space, err := cu.MemAlloc(blasSpace)
	if err != nil {
		return wrap("allocate cuBLAS' work space", err)
	}
	r.space = space
	return blasFailure("set up cuBLAS", C.mc_blas_use(r.blas, r.streamC(), voidPointer(uintptr(space)), blasSpace))
}

// enter binds this goroutine to its thread and the context to the thread, until the function that it returns is called.
func (r *real) enter() (leave func()) {
	runtime.LockOSThread()
	if err := cu.SetCurrentContext(r.ctx); err != nil {
		r.lost = wrap("use the context", err)
	}
	return runtime.UnlockOSThread
}
