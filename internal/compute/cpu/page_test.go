package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"muonclip/internal/compute"
)

// TestAttendPages compares with the definition and wants a row to have the same bits alone, in company,
// and with more keys behind those that it sees.
func TestAttendPages(t *testing.T) {
	for _, kern := range float32Tables() {
		t.Run("float32 "+kern.label(), func(t *testing.T) { testAttendPages(t, backend(kern, 1), 2e-6) })
	}
	t.Run("float64", func(t *testing.T) { testAttendPages(t, New[float64](1), 1e-14) })
}

func testAttendPages[T compute.Float](t *testing.T, b *Backend[T], tolerance float64) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, c := range []struct{ tokens, heads, dim, vdim, keys, page, stride int }{
		{1, 8, 80, 64, 64, 64, 80},
		{1, 8, 80, 64, 250, 64, 80},
		{3, 4, 16, 12, 13, 64, 16},
		{5, 3, 7, 5, 64, 32, 30},
		{1, 1, 48, 33, 1, 64, 97},
		{9, 7, 20, 36, 31, 16, 56},
		{70, 2, 12, 32, 145, 48, 44},
	} {
		const first = 2 // page with keys that count
		rows, pages := c.tokens*c.heads, first+ceil(c.keys, c.page)
		a := Pages[T]{
			Rows: rows, Dim: c.dim, VDim: c.vdim, Query: random[T](r, rows*c.dim), PageKeys: c.page, Stride: c.stride, Value: c.stride - c.vdim,
			Page: first, Keys: c.keys, First: 100, Heads: c.heads,
		}
		for range pages {
			a.Cache = append(a.Cache, random[T](r, c.page*c.stride))
		}
		room := ceil(rows, lanes) * lanes
		a.Out, a.Peak, a.Sum = make([]T, room*c.vdim), make([]T, room), make([]T, room)
		for i := range c.tokens {
			a.At = append(a.At, 100+int32(c.keys-c.tokens+i)) // the first rows may see nothing
		}
		b.workers[0].AttendPages(&a)
		for i := range rows {
			name := fmt.Sprintf("%+v, row %d", c, i)
			seen := max(0, int(a.At[i/c.heads])+1-100)
			checkPageRow(t, name, &a, i, seen, tolerance)
			alone := a
			alone.Rows, alone.Heads, alone.At, alone.Keys = 1, 1, a.At[i/c.heads:], max(1, seen)
			alone.Query = a.Query[i*c.dim:]
			alone.Out, alone.Peak, alone.Sum = make([]T, lanes*c.vdim), make([]T, lanes), make([]T, lanes)
			b.workers[0].AttendPages(&alone)
			if alone.Sum[0] != a.Sum[i] || alone.Peak[0] != a.Peak[i] {
				t.Fatalf("%s: peak and sum %v %v alone, %v %v in company", name, alone.Peak[0], alone.Sum[0], a.Peak[i], a.Sum[i])
			}
			wantEqual(t, name, alone.Out[:c.vdim], a.Out[i*c.vdim:][:c.vdim])
		}
	}
}

func checkPageRow[T compute.Float](t *testing.T, name string, a *Pages[T], i, seen int, tolerance float64) {
	t.Helper()
	row := func(j int) []T { return a.Cache[a.Page+j/a.PageKeys][j%a.PageKeys*a.Stride:][:a.Stride] }
	scores, peak := make([]float64, seen), math.Inf(-1)
	for j := range scores {
		for d := range a.Dim {
			scores[j] += float64(a.Query[i*a.Dim+d]) * float64(row(j)[a.Key+d])
		}
		peak = max(peak, scores[j])
	}
	if seen == 0 {
		if a.Sum[i] != 0 {
			t.Fatalf("%s: sees nothing, sum %v", name, a.Sum[i])
		}
		return
	}
	sum, out := 0.0, make([]float64, a.VDim)
	for j, s := range scores {
		p := math.Exp(s - float64(a.Peak[i]))
		sum += p
		for d := range out {
			out[d] += p * float64(row(j)[a.Value+d])
		}
	}
	scale := math.Sqrt(float64(a.Dim)) * 10 // of the scores, whose errors the exponential multiplies
	near := func(got T, want float64) bool { return math.Abs(float64(got)-want) <= tolerance*scale*max(1, sum) }
	if !near(a.Peak[i], peak) || !near(a.Sum[i], sum) {
		t.Fatalf("%s: peak %v and sum %v, want %v and %v", name, a.Peak[i], a.Sum[i], peak, sum)
	}
	for d, want := range out {
		if !near(a.Out[i*a.VDim+d], want) {
			t.Fatalf("%s: output %d is %v, want %v", name, d, a.Out[i*a.VDim+d], want)
		}
	}
}

// TestPagesKeepNaN: a key that is no number must not vanish in the softmax.
func TestPagesKeepNaN(t *testing.T) {
	for _, kern := range float32Tables() {
		store := make([]float32, 64*4)
		store[9] = float32(math.NaN())
		a := Pages[float32]{
			Rows: 1, Dim: 4, VDim: 4, Query: []float32{1, 1, 1, 1}, Cache: [][]float32{store}, PageKeys: 64, Stride: 4, Keys: 5, At: []int32{4}, Heads: 1,
			Out: make([]float32, 32), Peak: make([]float32, 8), Sum: make([]float32, 8),
		}
		backend(kern, 1).workers[0].AttendPages(&a)
		if a.Sum[0] == a.Sum[0] {
			t.Errorf("%s: the sum is %v", kern.label(), a.Sum[0])
		}
	}
}

// BenchmarkAttendPages is one token's eight heads over 256 keys of the size of the preset mini, out of a cache of
// 40 MB. GB/s is the rate at which the cache is read.
func BenchmarkAttendPages(b *testing.B) {
	const dim, vdim, keys, page, pages = 80, 64, 256, 64, 2000
	be := New[float32](1)
	r := rand.New(rand.NewPCG(1, 1))
	a := Pages[float32]{
		Rows: 8, Dim: dim, VDim: vdim, Query: random[float32](r, 8*dim), PageKeys: page, Stride: dim, Keys: keys, At: []int32{1 << 20}, Heads: 8,
		Out: make([]float32, 8*vdim), Peak: make([]float32, 8), Sum: make([]float32, 8),
	}
	for range pages {
		a.Cache = append(a.Cache, random[float32](r, page*dim))
	}
	for i := 0; b.Loop(); i++ {
		a.Page = i * keys / page % pages
		be.workers[0].AttendPages(&a)
	}
	seconds := b.Elapsed().Seconds() / float64(b.N)
	b.ReportMetric(4*dim*keys/seconds/1e9, "GB/s")
	b.ReportMetric(2*8*keys*(dim+vdim)/seconds/1e9, "GFLOP/s")
}

// BenchmarkPageKernels times the parts of BenchmarkAttendPages for 64 keys in the first-level cache.
func BenchmarkPageKernels(b *testing.B) {
	const dim, keys = 80, 64
	r := rand.New(rand.NewPCG(1, 1))
	query, key, scores := random[float32](r, lanes*dim), random[float32](r, keys*dim), random[float32](r, keys*lanes)
	peak, sum := make([]float32, lanes), make([]float32, lanes)
	for _, table := range float32Tables() {
		kern := panelsFor[float32](table.name)
		b.Run("score/"+table.label(), func(b *testing.B) {
			for b.Loop() {
				for j := 0; j < keys; j += keyBlock {
					kern.score(dim, &key[j*dim], dim, &query[0], &scores[j*lanes], &key[0])
				}
			}
			b.ReportMetric(2*lanes*keys*dim*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
		b.Run("softmax/"+table.label(), func(b *testing.B) {
			for b.Loop() {
				kern.softmax(keys, &scores[0], &peak[0], &sum[0])
			}
			b.ReportMetric(lanes*keys*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gexp/s")
		})
		b.Run("pair/"+table.label(), func(b *testing.B) {
			for b.Loop() {
				kern.pair(dim, &query[0])
			}
		})
	}
}
