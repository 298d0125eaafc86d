//go:build (linux || darwin) && (cgo || openblas)

package bench

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/ebitengine/purego"
)

// OpenBLAS is the library that the matrix products are compared with, loaded into the running program.
type OpenBLAS struct {
	Version string
	threads func(n int32)
	sgemm   func(order, transA, transB, m, n, k int32, alpha float32, a *float32, lda int32, b *float32, ldb int32, beta float32, c *float32, ldc int32)
	ssyrk   func(order, uplo, trans, n, k int32, alpha float32, a *float32, lda int32, beta float32, c *float32, ldc int32)
}

// Values of CBLAS's enumerations.
const (
	rowMajor = 101
	noTrans  = 111
	trans    = 112
	lower    = 122
)

// LoadOpenBLAS loads the shared library of that name, which the system's loader looks up; "" means that of the system's
// package. The error says what to do where there is none.
func LoadOpenBLAS(name string) (b *OpenBLAS, err error) {
	if name == "" {
		name = openBLASName
	}
	if os.Getenv(timeoutVariable) == "" { // read as the library is loaded
		if err := os.Setenv(timeoutVariable, spins); err != nil {
			return nil, fmt.Errorf("bench: load OpenBLAS: %w", err)
		}
	}
	lib, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("bench: load OpenBLAS: %w; install it (Debian: libopenblas0) or give its path", err)
	}
	b = new(OpenBLAS)
	var config func() string
	for symbol, f := range map[string]any{
		"openblas_get_config": &config, "openblas_set_num_threads": &b.threads, "cblas_sgemm": &b.sgemm, "cblas_ssyrk": &b.ssyrk,
	} {
		address, err := purego.Dlsym(lib, symbol)
		if err != nil {
			return nil, fmt.Errorf("bench: %s is no OpenBLAS: %w", name, err)
		}
		purego.RegisterFunc(f, address)
	}
	b.Version = config()
	return b, b.Settle()
}

// After a product OpenBLAS's threads keep their cores busy for 2^28 ticks of the processor's clock in Debian's build,
// a tenth of a second, in case another product follows. 2^20 ticks, half a millisecond, still span the time between the
// products of one measurement many times over, so that none has to wake a thread.
const (
	timeoutVariable = "OPENBLAS_THREAD_TIMEOUT"
	spins           = "20"
)

// Settle waits until the program uses no processor time: until the library's threads sleep. What is measured before
// shares the cores with them.
func (b *OpenBLAS) Settle() error {
	const pause = 2 * time.Millisecond
	for range 500 {
		before, err := processorTime()
		if err != nil {
			return err
		}
		time.Sleep(pause)
		after, err := processorTime()
		if err != nil {
			return err
		}
		if after-before < pause/4 {
			return nil
		}
	}
	return errors.New("bench: OpenBLAS's threads do not come to rest, and would take processor time from what is measured next; unset " + timeoutVariable)
}

// processorTime is what all threads of the program have used.
func processorTime() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("bench: processor time of the program: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

func flag(transposed bool) int32 {
	if transposed {
		return trans
	}
	return noTrans
}

// Threads sets the number of threads of later products.
func (b *OpenBLAS) Threads(n int) { b.threads(int32(n)) }

// Gemm computes C = op(A) op(B) + beta C of row-major matrices.
func (b *OpenBLAS) Gemm(transA, transB bool, m, n, k int, x []float32, ldx int, y []float32, ldy int, beta float32, c []float32, ldc int) {
	b.sgemm(rowMajor, flag(transA), flag(transB), int32(m), int32(n), int32(k), 1, &x[0], int32(ldx), &y[0], int32(ldy), beta, &c[0], int32(ldc))
}

// Syrk computes what lies on and below the diagonal of the symmetric C = X Xᵀ + beta C.
func (b *OpenBLAS) Syrk(n, k int, x []float32, ldx int, beta float32, c []float32, ldc int) {
	b.ssyrk(rowMajor, lower, noTrans, int32(n), int32(k), 1, &x[0], int32(ldx), beta, &c[0], int32(ldc))
}
