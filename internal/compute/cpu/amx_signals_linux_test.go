package cpu

import (
	"io"
	"math/rand/v2"
	"runtime"
	"runtime/pprof"
	"syscall"
	"testing"
	"time"
)

// TestAMXSignals: signals that arrive in the kernel, of the profiler and of the scheduler, and the moves to other threads that
// follow, lose no tiles.
func TestAMXSignals(t *testing.T) {
	with, _ := amxTables(t)
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		t.Skipf("the processor is being profiled already: %v", err)
	}
	defer pprof.StopCPUProfile()
	const n, rounds = 200, 60
	r := rand.New(rand.NewPCG(25, 25))
	x, y, want := random[float32](r, n*n), random[float32](r, n*n), make([]float32, n*n)
	backend(with, 1).Gemm(false, true, n, n, n, 1, x, n, y, n, 0, want, n)
	over, done := make(chan struct{}), make(chan struct{})
	go func() { // the scheduler's signal, and collections, which stop every goroutine
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-over:
				return
			default:
			}
			if err := syscall.Kill(syscall.Getpid(), syscall.SIGURG); err != nil {
				t.Error(err)
				return
			}
			if i%50 == 0 {
				runtime.GC()
			}
			time.Sleep(20 * time.Microsecond)
		}
	}()
	for range rounds {
		b, got := backend(with, 4), make([]float32, n*n) // new goroutines each time
		for range 5 {
			b.Gemm(false, true, n, n, n, 1, x, n, y, n, 0, got, n)
			wantEqual(t, "gemm under signals", got, want)
			runtime.Gosched()
		}
	}
	close(over)
	<-done
}
