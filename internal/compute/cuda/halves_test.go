package cuda

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"muonclip/internal/compute"
	"muonclip/internal/compute/computetest"
	"muonclip/internal/train"
	"muonclip/optim"
)

// copyCheck watches the copies in bf16 of a backend on the fake. Nothing may be written to float32 memory whose copy still
// counts, and when a product or a kernel reads a copy, that is the float32 memory of that time, rounded.
type copyCheck struct {
	t      *testing.T
	b      *Backend
	read   int      // copies that were compared
	writes bool     // writes alone are watched: the host changes memory on its own
	asked  []string // kernels and products with their arguments
}

// written fails where memory is written to and a copy of it counts, unless the copy is written by the same kernel.
func (c *copyCheck) written(op string, s span, also []uint64) {
	if c == nil {
		return
	}
	for _, i := range c.b.copies {
		if i.of.meets(s) && !slices.Contains(also, uint64(i.at)) {
			c.t.Errorf("%s writes to memory at %#x whose copy in bf16 still counts", op, s.at)
		}
	}
	for _, p := range c.b.packed {
		if p.meets(s) {
			c.t.Errorf("%s writes to memory at %#x that counts as bf16", op, s.at)
		}
	}
	for _, k := range c.b.weights {
		if k.of.meets(s) && !k.stale.meets(s) {
			c.t.Errorf("%s writes to weights at %#x whose copy still counts", op, s.at)
		}
	}
}

// reads returns what compares a copy, if there is one at an address, at the time of its reading.
func (c *copyCheck) reads(op string, at uint64) func() {
	if c.writes {
		return func() {}
	}
	images := slices.Clone(c.b.copies)
	for _, k := range c.b.weights {
		images = append(images, k.image)
	}
	for _, i := range images {
		if !(span{i.at, i.of.bytes / 2}).meets(span{uintptr(at), 1}) {
			continue
		}
		c.read++
		return func() {
			for j, v := range floatsAt(i.of.at, i.of.bytes/4) {
				if h := halvesAt(i.at, i.of.bytes/2)[j]; h != narrow(v) {
					c.t.Errorf("%s reads %g for %g, element %d of a copy of %d", op, wide(h), v, j, i.of.bytes/4)
					return
				}
			}
		}
	}
	return func() {}
}

func (c *copyCheck) launch(name, kinds string, args []uint64) func() {
	if c == nil || name == "widen" {
		return func() {}
	}
	c.asked = append(c.asked, fmt.Sprintf("%s %x", name, args))
	var all []func()
	for i, k := range kinds {
		switch {
		case k == 'w':
			c.written(name, span{uintptr(args[i]), 1}, args)
		case k == 'r' && !strings.HasPrefix(name, "cast"):
			all = append(all, c.reads(name, args[i]))
		}
	}
	return func() {
		for _, look := range all {
			look()
		}
	}
}

func (c *copyCheck) gemm(g *gemm) func() {
	if c == nil || g.batch > 1 {
		return func() {}
	}
	c.asked = append(c.asked, fmt.Sprintf("%+v", *g))
	c.written("gemm", span{g.c, int64(g.m) * int64(g.ldc) * 4}, nil)
	if g.in != bf16 {
		return func() {}
	}
	a, w := c.reads("gemm", uint64(g.a)), c.reads("gemm", uint64(g.b))
	return func() { a(); w() }
}

// TestHalves: whatever is written and read in whatever order, a product is that of the operands of its time, rounded.
func TestHalves(t *testing.T) {
	b, f := emulated(t, Options{Precision: BF16})
	const n, most = 8, 6
	r := rand.New(rand.NewPCG(5, 6))
	host := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		return x
	}
	weights, x := b.Alloc(most*n*n), b.Alloc(most*n*n)
	b.Keep(weights)
	b.Upload(weights, host(len(weights)))
	b.Upload(x, host(len(x)))
	long, out := b.Alloc(most*n*n), b.Alloc(n*n)
	part := func(x []float32) []float32 { i := r.IntN(most - 1); return x[i*n*n:][:n*n] }
	for range 400 {
		switch r.IntN(7) {
		case 0:
			b.Upload(part(x), host(n*n))
		case 1:
			b.Upload(part(weights), host(n*n))
		case 2:
			b.Add(part(x), part(long))
		case 3:
			b.Scale(part(weights), 0.5)
		case 4:
			b.RMSNorm(part(x), out[:n], part(long), n, nil, part(weights)[:n], 1e-5)
		case 5: // a longer operand takes the room of others
			b.Gemm(false, true, n, n, most*n, 1, x, most*n, long, most*n, 0, out, n)
		default:
			b.Gemm(r.IntN(2) == 0, r.IntN(2) == 0, n, n, n, 1, part(x), n, part(weights), n, 0, part(long), n)
		}
		if r.IntN(50) == 0 {
			b.Awake(func() {})
		}
	}
	b.Sync()
	if f.copies.read < 100 {
		t.Errorf("%d copies were read", f.copies.read)
	}
}

// TestEveryWriteCounts: whatever an operation writes to makes copies void. For that, all memory is made weights of many models.
func TestEveryWriteCounts(t *testing.T) {
	b, f := emulated(t, Options{Precision: BF16})
	f.copies.writes = true
	first := b.Alloc(1)
	ops := computetest.Ops(t, b)
	x := func() []float32 { return b.Alloc(64) }
	w, g, m, v := x(), x(), x(), x()
	muon := &compute.MuonBatch{W: w, G: g, M: m, Rows: 8, Cols: 4, Batch: 2, Stride: 32, Coefficients: [][3]float64{{3, -4, 2}}}
	b.ReserveSums(2)
	ops = append(ops,
		computetest.Op[float32]{Name: "Scale", Run: func() { b.Scale(w, 2) }},
		computetest.Op[float32]{Name: "AdamW", Run: func() { b.AdamW(w, g, m, v, compute.AdamStep{Keep: 1}, 0) }},
		computetest.Op[float32]{Name: "Muon", Run: func() { b.Muon(muon, 0) }},
		computetest.Op[float32]{Name: "Upload", Run: func() { b.Upload(w, make([]float32, 64)) }})
	all := unsafe.Slice(unsafe.SliceData(first), (address(b, b.Alloc(1))-address(b, first))/4)
	for piece := range slices.Chunk(all, 1<<12) { // small ones, for all between two stale parts of weights is stale
		b.Keep(piece)
	}
	for _, op := range ops {
		b.Awake(func() {})
		b.Sync()
		op.Run()
		b.Sync()
	}
}

// TestWeightsAreCastOnce: within a step no weights are cast, and each step has one cast for all that changed.
func TestWeightsAreCastOnce(t *testing.T) {
	b, f := emulated(t, Options{Precision: BF16})
	w, x, y := b.Alloc(1000), b.Alloc(100), b.Alloc(100)
	b.Keep(w)
	b.room(x) // makes the ring
	multiply := func() {
		for i := range 10 {
			b.Gemm(false, true, 10, 10, 10, 1, x, 10, w[100*i:], 10, 0, y, 10)
		}
	}
	f.started()
	casts := func(want int) {
		t.Helper()
		b.Sync()
		got := slices.DeleteFunc(f.started(), func(op string) bool { return op == "gemm" })
		if !slices.Equal(got, slices.Repeat([]string{"cast_bf16"}, want)) {
			t.Errorf("%v: want %d casts", got, want)
		}
	}
	b.Awake(multiply) // the weights and x
	casts(2)
	b.Awake(multiply)
	casts(1)
	b.wrote(b.span(w[3:5]))
	b.wrote(b.span(w[700:]))
	b.Awake(multiply)
	casts(2)
}

// TestStepsAreAlike: from the second one on, micro-batches of one shape are the same operations on the same memory, copies
// included, so that a series can be recorded. Updates between them change the copies of the weights and nothing else.
func TestStepsAreAlike(t *testing.T) {
	for name, cfg := range models() {
		_, dev, be, f := pair(t, cfg, Options{Precision: BF16})
		opt, err := optim.NewOnDevice(be, train.OptimParams(dev), optim.Config{WeightDecay: 0.1})
		if err != nil {
			t.Fatal(err)
		}
		in := sequences(cfg, 2, 21, 5)
		var before []string
		for step := range 3 {
			f.copies.asked = nil
			dev.Step(in, 0.01, 1)
			now := f.copies.asked
			for strings.HasPrefix(now[0], "cast_bf16") { // of the weights
				now = now[1:]
			}
			if step > 1 && !slices.Equal(now, before) {
				t.Errorf("%s: step %d asks for other operations than the one before", name, step)
			}
			before = now
			opt.Step(0.01)
		}
	}
}

// TestRecordedCopies: a series that was recorded reads the copies that it makes itself, and weights as they are now.
func TestRecordedCopies(t *testing.T) {
	b, f := emulated(t, Options{Precision: BF16})
	const n = 8
	x, w, y, gu, act, out, sum := b.Alloc(n*n), b.Alloc(3*n*n), b.Alloc(n*n), b.Alloc(2*n*n), b.Alloc(n*n), b.Alloc(n*n), b.Alloc(n*n)
	norm, rstd := b.Alloc(n), b.Alloc(n)
	b.Keep(w)
	series := func() {
		b.RMSNorm(y, rstd, x, n, nil, norm, 1e-5)
		b.Gemm(false, true, n, 2*n, n, 1, y, n, w[:2*n*n], n, 0, gu, 2*n)
		b.SwiGLU(act, gu, n)
		b.Gemm(false, true, n, n, n, 1, act, n, w[2*n*n:], n, 0, out, n)
		b.Gemm(true, false, n, n, n, 1, out, n, y, n, 0, sum, n)
	}
	results := func(do func()) (all []float32) {
		r := rand.New(rand.NewPCG(7, 8))
		random := func(to []float32) {
			host := make([]float32, len(to))
			for i := range host {
				host[i] = float32(r.NormFloat64())
			}
			b.Upload(to, host)
		}
		random(norm)
		random(w)
		for range 3 {
			random(x)
			b.Awake(do)
			all = append(all, b.Host(sum)...)
			b.Scale(w, 1.5)
		}
		return all
	}
	want := results(series)
	f.started()
	if got := results(func() { b.Repeat("series", series) }); !slices.Equal(got, want) {
		t.Errorf("recorded: %v, done: %v", got, want)
	}
	if !slices.Contains(f.started(), "replay") {
		t.Error("nothing was replayed")
	}
}

// TestPackedMemory: what holds bf16 after an operation is float32 again for one that reads that.
func TestPackedMemory(t *testing.T) {
	b, f := emulated(t, Options{Precision: BF16})
	for _, width := range []int{1, 4, 37} {
		const rows = 3
		gu, act, sum := b.Alloc(2*rows*width), b.Alloc(rows*width), b.Alloc(rows*width)
		b.Upload(gu, slices.Repeat([]float32{1.5, -2.25}, rows*width))
		b.SwiGLU(act, gu, width)
		b.Gemm(false, true, rows, 1, width, 1, act, width, gu, width, 0, sum, 1)
		if started := f.started(); slices.Contains(started, "widen") {
			t.Errorf("a product took %v", started)
		}
		b.Add(sum, act)
		if got := fmt.Sprint(f.started()); got != "[widen add]" {
			t.Errorf("a sum took %s", got)
		}
		b.SwiGLU(act, gu, width)
		b.Zero(act)
		b.Add(sum, act)
		if got := fmt.Sprint(f.started()); got != "[swiglu_bf16 zero add]" {
			t.Errorf("a sum of what was overwritten took %s", got)
		}
	}
}
