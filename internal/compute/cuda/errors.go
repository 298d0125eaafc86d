package cuda

import (
	"errors"
	"fmt"
)

// What can go wrong with a device. Errors of this package wrap one of them.
var (
	ErrNotBuilt    = errors.New("this binary was built without CUDA")
	ErrNoDriver    = errors.New("there is no NVIDIA driver")
	ErrNoDevice    = errors.New("there is no usable GPU")
	ErrOldDriver   = errors.New("the NVIDIA driver is too old")
	ErrOldDevice   = errors.New("the GPU is too old")
	ErrNoBLAS      = errors.New("cuBLAS is missing")
	ErrOutOfMemory = errors.New("the GPU is out of memory")
	ErrDeviceLost  = errors.New("the GPU was lost")
)

// advice says what to do about each of them.
var advice = map[error]string{
	ErrNotBuilt:    `build it with "make cuda" (docs/gpu.md), or set train.device=cpu`,
	ErrNoDriver:    "install the driver, or give the container access to it (docker run --gpus all), or set train.device=cpu",
	ErrNoDevice:    "nvidia-smi lists what the driver sees, and CUDA_VISIBLE_DEVICES may hide it; or set train.device=cpu",
	ErrOldDriver:   "install driver 520 (CUDA 11.8) or a newer one, or set train.device=cpu",
	ErrOldDevice:   "the kernels need compute capability 8.0 (A100) or newer; set train.device=cpu",
	ErrNoBLAS:      "install libcublas 11, 12 or 13 (package libcublas-12-x, or the pip package nvidia-cublas) and put its folder into LD_LIBRARY_PATH",
	ErrOutOfMemory: "lower train.micro_batch_size or train.seq_len, set train.activation_recompute=full, or end other programs on the GPU (nvidia-smi)",
	ErrDeviceLost: "the newest checkpoint is whole, and the same command goes on from it; look at dmesg for an Xid, and if it happens again " +
		"at the same step, run with CUDA_LAUNCH_BLOCKING=1, which names the kernel",
}

// Error is a failure of a device.
type Error struct {
	Kind error  // one of the errors of this package, nil for others
	Op   string // what was being done
	Code int    // CUresult or cublasStatus_t, 0 where there is none
	Text string // the driver's words
}

func (e *Error) Error() string {
	s := "cuda: " + e.Op
	if e.Kind != nil {
		s += ": " + e.Kind.Error()
	}
	if e.Text != "" {
		s += fmt.Sprintf(" (%s, error %d)", e.Text, e.Code)
	}
	if a := advice[e.Kind]; a != "" {
		s += ": " + a
	}
	return s
}

func (e *Error) Unwrap() error { return e.Kind }

// failure is the error of a CUresult other than 0.
func failure(op string, code int, text string) *Error {
	return &Error{Kind: kindOf(code), Op: op, Code: code, Text: text}
}

// kindOf sorts the codes of the driver API (cuda.h, enum cudaError_enum).
func kindOf(code int) error {
	switch code {
	case 2: // OUT_OF_MEMORY
		return ErrOutOfMemory
	case 3, 34, 803, 804: // NOT_INITIALIZED, STUB_LIBRARY, SYSTEM_DRIVER_MISMATCH, COMPAT_NOT_SUPPORTED_ON_DEVICE
		return ErrNoDriver
	case 46, 100, 101, 801, 802: // DEVICE_UNAVAILABLE, NO_DEVICE, INVALID_DEVICE, NOT_SUPPORTED, SYSTEM_NOT_READY
		return ErrNoDevice
	case 35, 222, 500: // INSUFFICIENT_DRIVER, UNSUPPORTED_PTX_VERSION, NOT_FOUND: a function that the driver lacks
		return ErrOldDriver
	case 209: // NO_BINARY_FOR_GPU
		return ErrOldDevice
	case 4, 214, 220, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 721, 999:
		// DEINITIALIZED, ECC_UNCORRECTABLE, NVLINK_UNCORRECTABLE, ILLEGAL_ADDRESS, LAUNCH_TIMEOUT, CONTEXT_IS_DESTROYED, ASSERT,
		// HARDWARE_STACK_ERROR, ILLEGAL_INSTRUCTION, MISALIGNED_ADDRESS, INVALID_ADDRESS_SPACE, INVALID_PC, LAUNCH_FAILED,
		// EXTERNAL_DEVICE, UNKNOWN
		return ErrDeviceLost
	}
	return nil
}
