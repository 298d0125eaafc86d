// Package computetest holds the tests that every compute backend has to pass, whatever its device:
// each kernel against plain float64 loops over many shapes, and a list of operations with which a
// backend's own tests can ask for equal bits and few allocations.
package computetest

import (
	"math"
	"math/rand/v2"
	"testing"

	"muonclip/internal/compute"
)

// Suite compares every kernel of a backend with float64 loops. tolerance is the error allowed in an
// element, relative to the size of what was summed for it: some ten times the rounding error of the
// type. Memory comes from the backend and may be read and written by the processor after Lend and Host, inputs until the
// test ends.
func Suite[T compute.Float](t *testing.T, be compute.Backend[T], tolerance float64) {
	for _, test := range []struct {
		name string
		run  func(*check[T])
	}{
		{"Alloc", testAlloc[T]},
		{"Upload", testUpload[T]},
		{"Gemm", testGemm[T]},
		{"GemmNaN", testGemmNaN[T]},
		{"ZeroAdd", testZeroAdd[T]},
		{"Embed", testEmbed[T]},
		{"EmbedBackward", testEmbedBackward[T]},
		{"Gather", testGather[T]},
		{"Combine", testCombine[T]},
		{"AddHeads", testAddHeads[T]},
		{"RMSNorm", testRMSNorm[T]},
		{"RMSNormBackward", testRMSNormBackward[T]},
		{"RMSNormNaN", testRMSNormNaN[T]},
		{"SwiGLU", testSwiGLU[T]},
		{"SwiGLUBackward", testSwiGLUBackward[T]},
		{"SwiGLUExtremes", testSwiGLUExtremes[T]},
		{"Attention", testAttention[T]},
		{"AttentionLargeLogits", testAttentionLargeLogits[T]},
		{"AttentionMaxLogit", testAttentionMaxLogit[T]},
		{"AttentionNaN", testAttentionNaN[T]},
		{"Route", testRoute[T]},
		{"RouteTies", testRouteTies[T]},
		{"RouteExtremes", testRouteExtremes[T]},
		{"Balance", testBalance[T]},
		{"Group", testGroup[T]},
		{"GroupedGemm", testGroupedGemm[T]},
		{"GroupedGemmWeights", testGroupedGemmWeights[T]},
		{"CrossEntropy", testCrossEntropy[T]},
		{"CrossEntropyExtremes", testCrossEntropyExtremes[T]},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &check[T]{T: t, be: be, tolerance: tolerance, r: rand.New(rand.NewPCG(7, uint64(len(test.name))))}
			test.run(c)
			if c.compared > 0 {
				t.Logf("worst error %.1e over %d elements, at %s", c.worst, c.compared, c.where)
			}
		})
	}
}

// check is one test of the suite with what it needs to make inputs and to judge outputs.
type check[T compute.Float] struct {
	*testing.T
	be        compute.Backend[T]
	tolerance float64
	r         *rand.Rand
	worst     float64
	where     string
	compared  int
}

// random returns n elements of backend memory from a standard normal distribution.
func (c *check[T]) random(n int) []T {
	x := c.be.Lend(c.be.Alloc(n))
	for i := range x {
		x[i] = T(c.r.NormFloat64())
	}
	return x
}

// filled returns n elements of backend memory, all v.
func (c *check[T]) filled(n int, v float64) []T {
	x := c.be.Lend(c.be.Alloc(n))
	for i := range x {
		x[i] = T(v)
	}
	return x
}

// nan returns n elements that an operation must overwrite.
func (c *check[T]) nan(n int) []T { return c.filled(n, math.NaN()) }

// clone returns a copy of memory of the backend.
func (c *check[T]) clone(x []T) []T {
	y := c.be.Lend(c.be.Alloc(len(x)))
	copy(y, c.be.Host(x))
	return y
}

// ints returns a copy of x in backend memory; nil stays nil.
func (c *check[T]) ints(x []int32) []int32 {
	if x == nil {
		return nil
	}
	y := c.be.AllocInts(len(x))
	c.be.UploadInts(y, x)
	return c.be.HostInts(y)
}

// indices returns n random indices below limit in backend memory.
func (c *check[T]) indices(n, limit int) []int32 {
	x := make([]int32, n)
	for i := range x {
		x[i] = int32(c.r.IntN(limit))
	}
	return c.ints(x)
}

// near fails where an element is off by more than the tolerance times size, the magnitude of what
// the elements were computed from; zero means the largest element.
func (c *check[T]) near(what string, got []T, want []float64, size float64) {
	c.Helper()
	if size == 0 {
		for _, w := range want {
			if !math.IsInf(w, 0) {
				size = math.Max(size, math.Abs(w))
			}
		}
	}
	c.compare(what, got, want, func(int) float64 { return size })
}

// same fails where two results of the device differ.
func (c *check[T]) same(what string, got, want []T) {
	c.Helper()
	c.be.Host(got)
	c.be.Host(want)
	for i, w := range want {
		if got[i] != w && (got[i] == got[i] || w == w) {
			c.Fatalf("%s: element %d is %g, want %g", what, i, got[i], w)
		}
	}
}

// nearEach is near with one size for each element.
func (c *check[T]) nearEach(what string, got []T, want, size []float64) {
	c.Helper()
	c.compare(what, got, want, func(i int) float64 { return size[i] })
}

func (c *check[T]) compare(what string, got []T, want []float64, size func(i int) float64) {
	c.Helper()
	if len(got) != len(want) {
		c.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	c.be.Host(got)
	for i, w := range want {
		g := float64(got[i])
		if g == w || g != g && w != w {
			continue
		}
		err := math.Abs(g-w) / math.Max(size(i), math.SmallestNonzeroFloat32)
		if !(err <= c.tolerance) {
			c.Fatalf("%s: element %d of %d is %.9g, want %.9g: error %.1e, allowed %.1e", what, i, len(want), g, w, err, c.tolerance)
		}
		if err > c.worst {
			c.worst, c.where = err, what
		}
	}
	c.compared += len(want)
}

// same fails where memory of the backend differs in a bit from what it should be; all NaNs are one.
func same[T compute.Float, E compute.Float | int32](c *check[T], what string, got, want []E) {
	c.Helper()
	if len(got) != len(want) {
		c.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	host(c, got)
	for i, w := range want {
		if g := got[i]; g != w && (g == g || w == w) {
			c.Fatalf("%s: element %d of %d is %v, want %v", what, i, len(want), g, w)
		}
	}
}

// host lets the test read memory of the backend.
func host[T compute.Float, E compute.Float | int32](c *check[T], x []E) {
	switch x := any(x).(type) {
	case []int32:
		c.be.HostInts(x)
	case []T:
		c.be.Host(x)
	}
}

// wide converts to float64, in which the references compute.
func wide[T compute.Float](x []T) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func testAlloc[T compute.Float](c *check[T]) {
	for _, n := range []int{0, 1, 7, 1000} {
		same(c, "new memory", c.be.Alloc(n), make([]T, n))
		same(c, "new integers", c.be.AllocInts(n), make([]int32, n))
	}
	a, b := c.be.Lend(c.be.Alloc(8)), c.be.Alloc(8)
	for i := range a {
		a[i] = 1
	}
	same(c, "other memory", b, make([]T, 8))
}

// testUpload: what the host changes after an upload does not reach the device.
func testUpload[T compute.Float](c *check[T]) {
	for _, n := range []int{0, 1, 300, 1 << 17} {
		x, y := c.filled(n+1, 5), c.be.AllocInts(n+1)
		host, ints := make([]T, n), make([]int32, n)
		for i := range n {
			host[i], ints[i] = T(i), int32(i)
		}
		c.be.Upload(x[:n], host)
		c.be.UploadInts(y[:n], ints)
		clear(host)
		clear(ints)
		c.be.Host(x)
		c.be.HostInts(y)
		for i := range n {
			if x[i] != T(i) || y[i] != int32(i) {
				c.Fatalf("element %d of %d is %g and %d", i, n, x[i], y[i])
			}
		}
		same(c, "the element behind", x[n:], []T{5})
		same(c, "the integer behind", y[n:], []int32{0})
	}
}
