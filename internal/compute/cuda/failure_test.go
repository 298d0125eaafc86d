package cuda

import (
	"errors"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"muonclip/internal/compute"
)

// silent is a fake whose kernels do nothing.
func silent(t *testing.T) *fake {
	t.Helper()
	return newFake(t, nil)
}

// guarded runs f and returns the failure of the device, if there is one.
func guarded(f func()) (err error) {
	defer compute.Guard(&err)
	f()
	return nil
}

// wants fails where an error is not of a kind or does not say what to do.
func wants(t *testing.T, err, kind error, words ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error %v, want one that is %v", err, kind)
	}
	for _, w := range append(words, advice[kind]) {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

func TestEveryKindHasAdvice(t *testing.T) {
	for _, kind := range []error{ErrNotBuilt, ErrNoDriver, ErrNoDevice, ErrOldDriver, ErrOldDevice, ErrNoBLAS, ErrOutOfMemory, ErrDeviceLost} {
		if advice[kind] == "" {
			t.Errorf("nothing says what to do when %v", kind)
		}
	}
}

// TestOpenFails: what goes wrong at the start is an error that says what to do, and nothing is kept.
func TestOpenFails(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(f *fake)
		kind  error
		words string
	}{
		"old GPU":             {func(f *fake) { f.info.Major, f.info.Minor, f.info.Name = 7, 5, "Tesla T4" }, ErrOldDevice, "Tesla T4 of compute capability 7.5"},
		"old driver":          {func(f *fake) { f.failing["load"] = 222 }, ErrOldDriver, "error 222"},
		"no code for it":      {func(f *fake) { f.failing["load"] = 209 }, ErrOldDevice, ""},
		"no memory to pin":    {func(f *fake) { f.failing["pin"] = 2 }, ErrOutOfMemory, ""},
		"in use by another":   {func(f *fake) { f.failing["memory"] = 46 }, ErrNoDevice, "nvidia-smi"},
		"wrong driver module": {func(f *fake) { f.failing["memory"] = 803 }, ErrNoDriver, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := silent(t)
			c.spoil(f)
			_, err := f.open(Options{})
			wants(t, err, c.kind, c.words)
			if len(f.blocks)+len(f.pinned) > 0 {
				t.Error("memory is kept")
			}
		})
	}
}

func TestOutOfMemory(t *testing.T) {
	f := silent(t)
	f.left = keepFree + 64<<20
	b, err := f.open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	b.Alloc(8 << 20)
	wants(t, guarded(func() { b.Alloc(10 << 20) }), ErrOutOfMemory, "allocate 0.04 GiB: 0.03 of 0.06 GiB are in use")

	f = silent(t)
	b, err = f.open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	f.failing["alloc"] = 2
	wants(t, guarded(func() { b.Alloc(10 << 20) }), ErrOutOfMemory)
}

// TestLostIsForGood: after a failure nothing more is asked of the device.
func TestLostIsForGood(t *testing.T) {
	f := silent(t)
	b, err := f.open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	x := b.Alloc(8)
	f.failing["sync"] = 700
	wants(t, guarded(b.Sync), ErrDeviceLost, "Xid")
	f.log = nil
	for name, again := range map[string]func(){"add": func() { b.Add(x, x) }, "zero": func() { b.Zero(x) }, "sync": b.Sync, "upload": func() { b.Upload(x, make([]float32, 8)) }} {
		wants(t, guarded(again), ErrDeviceLost)
		if len(f.log) > 0 {
			t.Errorf("%s asked the lost device for %q", name, f.log)
		}
	}
}

// TestMemoryIsGivenBack: all of it when the backend is closed, and scratch memory when it grows.
func TestMemoryIsGivenBack(t *testing.T) {
	f := silent(t)
	b, err := f.open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	b.Alloc(100)
	b.AllocInts(1 << 20)
	before := len(f.blocks)
	for _, n := range []int{1 << 10, 1 << 20, 1 << 22} {
		b.temp(scratchA, n)
	}
	if n := len(f.blocks) - before; n != 1 {
		t.Errorf("scratch memory that grew is %d pieces", n)
	}
	var sum int64
	for _, x := range f.blocks {
		sum += x.bytes
	}
	if sum != b.MemoryUsed() {
		t.Errorf("%d bytes are allocated and MemoryUsed says %d", sum, b.MemoryUsed())
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if len(f.blocks)+len(f.pinned) > 0 || b.MemoryUsed() != 0 {
		t.Errorf("%d pieces and %d bytes are left", len(f.blocks), b.MemoryUsed())
	}
}

// TestSlicesOfTheHost are refused before a kernel follows them.
func TestSlicesOfTheHost(t *testing.T) {
	b, err := silent(t).open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	x := b.Alloc(1 << 20)
	for name, f := range map[string]func(){
		"a slice of Go":   func() { b.Add(x[:8], make([]float32, 8)) },
		"integers of Go":  func() { b.Gather(x, x, make([]int32, 8), 1) },
		"past its memory": func() { b.Add(extend(x, 1), x) },
	} {
		func() {
			defer func() {
				if r, ok := recover().(string); !ok || !strings.Contains(r, "not the device's") {
					t.Errorf("%s: %v", name, r)
				}
			}()
			f()
		}()
	}
}

func extend(x []float32, n int) []float32 { return unsafe.Slice(unsafe.SliceData(x), len(x)+n) }

// TestOrder: what operations of several kernels start, in which order.
func TestOrder(t *testing.T) {
	f := silent(t)
	b, err := f.open(Options{Precision: BF16})
	if err != nil {
		t.Fatal(err)
	}
	x, n := b.Alloc(1<<16), b.AllocInts(1<<10)
	for _, c := range []struct {
		run  func()
		want []string
	}{
		{func() { b.RMSNormBackward(x, 8, x[:8], x, x, 8, x[:8], x[:4]) }, []string{"rmsnorm_backward", "column_sums"}},
		{func() {
			b.Group(n[:8], 2, n[8:12], compute.Groups{Ends: n[16:20], Token: n[24:32], Choice: n[32:40], Slot: n[40:48]})
		}, []string{"sort_count", "sort_scan", "sort_scatter", "group_finish"}},
		{func() { b.EmbedBackward(x[:4096], x, n[:8], 2) }, []string{"sort_count", "sort_scan", "sort_scatter", "sort_count", "sort_scan", "sort_scatter", "embed_backward"}},
		{func() { b.SquareSum(x, 0) }, []string{"sum_squares", "sum_parts"}},
		{func() { b.Gather(x, x, nil, 4) }, nil},
		{func() { b.Gemm(false, false, 0, 4, 4, 1, x, 4, x, 4, 0, x, 4) }, nil},
	} {
		b.ReserveSums(1)
		c.run() // scratch memory is allocated
		f.started()
		c.run()
		if got := f.started(); !slices.Equal(got, c.want) {
			t.Errorf("started %q, want %q", got, c.want)
		}
	}
}

// TestEveryKernelIsThere: the backend starts no kernel that the PTX lacks, and the PTX has all that kernels.h declares.
func TestEveryKernelIsThere(t *testing.T) {
	in := map[string]bool{}
	files, err := os.ReadDir("kernels")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".ptx") {
			continue
		}
		text, err := os.ReadFile("kernels/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range entry.FindAllSubmatch(text, -1) {
			in[string(m[1])] = true
		}
	}
	for _, name := range headerNames(t) {
		if !in[name] {
			t.Errorf("kernels.h declares %s and no PTX file has it: run scripts/ptx.sh", name)
		}
	}
}

func headerNames(t *testing.T) []string {
	t.Helper()
	header, err := os.ReadFile("kernels/kernels.h")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range declared.FindAllStringSubmatch(string(header), -1) {
		names = append(names, m[1])
	}
	return names
}

// TestRepeat: the first call does the work, the second records it, later ones replay it, and memory that moves ends that.
func TestRepeat(t *testing.T) {
	b, f := emulated(t, Options{})
	b.temp(scratchA, 1)
	x, y := b.Alloc(8), b.Alloc(8)
	for i := range b.Lend(y) {
		y[i] = float32(i)
	}
	ran := 0
	add := func() { ran++; b.Add(x, y) }
	wants := func(calls, sums int) {
		t.Helper()
		for i, v := range b.Host(x) {
			if v != float32(sums*i) {
				t.Fatalf("element %d is %g after %d additions", i, v, sums)
			}
		}
		if ran != calls {
			t.Fatalf("the work was asked for %d times, want %d", ran, calls)
		}
	}
	for range 5 {
		b.Repeat("sum", add)
	}
	wants(2, 5)
	b.Repeat("another", add)
	wants(3, 6)
	for i := range b.Lend(y) { // what the host writes reaches a graph
		y[i] *= 2
	}
	b.Repeat("sum", add)
	wants(3, 8)
	b.temp(scratchA, 1<<20)
	for range 3 {
		b.Repeat("sum", add)
	}
	wants(5, 14)
	const others = mostGraphs + 2 // the oldest make room
	for i := range others {
		b.Repeat(i, add)
		b.Repeat(i, add)
	}
	wants(5+2*others, 14+4*others)
	if n := b.repeats.recorded(); n != mostGraphs {
		t.Errorf("%d graphs are kept, want %d", n, mostGraphs)
	}
	f.started()
}

// TestNothingMovesWithinRepeat: what a graph cannot hold is refused while one is recorded.
func TestNothingMovesWithinRepeat(t *testing.T) {
	for name, f := range map[string]func(b *Backend, x []float32){
		"an allocation": func(b *Backend, _ []float32) { b.Alloc(8) },
		"an upload":     func(b *Backend, x []float32) { b.Upload(x, make([]float32, 8)) },
		"the host":      func(b *Backend, x []float32) { b.Host(x) },
		"scratch":       func(b *Backend, _ []float32) { b.temp(scratchA, 1<<20) },
	} {
		t.Run(name, func(t *testing.T) {
			b, err := silent(t).open(Options{})
			if err != nil {
				t.Fatal(err)
			}
			x := b.Alloc(8)
			b.Repeat(1, func() {})
			defer func() {
				if r, ok := recover().(string); !ok || !strings.Contains(r, "within Repeat") {
					t.Errorf("%v", r)
				}
			}()
			b.Repeat(1, func() { f(b, x) })
		})
	}
}

// TestLoans: what the host writes to memory that it was lent reaches the device, also after it has looked at a part of it, or
// was lent a part of it again.
func TestLoans(t *testing.T) {
	b, _ := emulated(t, Options{})
	x := b.Lend(b.Alloc(6))
	x[0] = 1
	b.Host(x[1:2])
	x[2] = 2
	b.Lend(x[3:5])[0] = 3
	x[5] = 4
	b.Add(x[:1], x[5:])
	if got := b.Host(x); !slices.Equal(got, []float32{5, 0, 2, 3, 0, 4}) {
		t.Errorf("the device has %v", got)
	}
}

// TestHostReadsInTime: memory that was not asked for cannot be read, nor, where the backend is strict, what was shown before
// the last operation.
func TestHostReadsInTime(t *testing.T) {
	f := silent(t)
	b, err := f.open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	x := b.Alloc(1 << 20)
	readable := func() (ok bool) {
		defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
		defer func() { ok = recover() == nil }()
		return x[0] == 0
	}
	for i, c := range []struct {
		do   func()
		want bool
	}{
		{func() {}, false},
		{func() { b.Host(x) }, true},
		{func() { b.Add(x, x) }, false},
		{func() { b.Lend(x) }, true},
		{func() { b.Zero(x) }, false},
	} {
		if c.do(); readable() != c.want {
			t.Errorf("after step %d readable is %v", i, !c.want)
		}
	}
}
