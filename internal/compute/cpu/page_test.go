package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"muonclip/internal/compute"
)

// TestAttendPage compares with the definition and wants a row to have the same bits alone, in company,
// and with more keys behind those that it sees.
func TestAttendPage(t *testing.T) {
	for _, kern := range float32Tables() {
		t.Run("float32 "+kern.name, func(t *testing.T) { testAttendPage(t, backend(kern, 1), 2e-6) })
	}
	t.Run("float64", func(t *testing.T) { testAttendPage(t, New[float64](1), 1e-14) })
}

func testAttendPage[T compute.Float](t *testing.T, b *Backend[T], tolerance float64) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, c := range []struct{ tokens, heads, dim, vdim, keys, stride int }{
		{1, 8, 80, 64, 64, 80}, {3, 4, 16, 12, 13, 16}, {5, 3, 7, 5, 64, 30}, {1, 1, 48, 33, 1, 97}, {9, 7, 20, 36, 31, 56},
	} {
		rows, store := c.tokens*c.heads, make([]T, 64*c.stride+c.vdim)
		copy(store, random[T](r, 64*c.stride))
		a := Page[T]{
			Rows: rows, Dim: c.dim, VDim: c.vdim, Query: random[T](r, rows*c.dim), Keys: c.keys, Key: store, Value: store[c.stride-c.vdim:], Stride: c.stride,
			First: 100, Heads: c.heads,
		}
		room := ceil(rows, lanes) * lanes
		a.Out, a.Peak, a.Sum = make([]T, room*c.vdim), make([]T, room), make([]T, room)
		for i := range c.tokens {
			a.At = append(a.At, 100+int32(c.keys-c.tokens+i)) // the first rows may see nothing
		}
		b.workers[0].AttendPage(&a)
		for i := range rows {
			name := fmt.Sprintf("%+v, row %d", c, i)
			seen := max(0, int(a.At[i/c.heads])+1-100)
			checkPageRow(t, name, &a, i, seen, tolerance)
			alone := a
			alone.Rows, alone.Heads, alone.At, alone.Keys = 1, 1, a.At[i/c.heads:], max(1, seen)
			alone.Query = a.Query[i*c.dim:]
			alone.Out, alone.Peak, alone.Sum = make([]T, lanes*c.vdim), make([]T, lanes), make([]T, lanes)
			b.workers[0].AttendPage(&alone)
			if alone.Sum[0] != a.Sum[i] || alone.Peak[0] != a.Peak[i] {
				t.Fatalf("%s: peak and sum %v %v alone, %v %v in company", name, alone.Peak[0], alone.Sum[0], a.Peak[i], a.Sum[i])
			}
			wantEqual(t, name, alone.Out[:c.vdim], a.Out[i*c.vdim:][:c.vdim])
		}
	}
}

func checkPageRow[T compute.Float](t *testing.T, name string, a *Page[T], i, seen int, tolerance float64) {
	t.Helper()
	scores, peak := make([]float64, seen), math.Inf(-1)
	for j := range scores {
		for d := range a.Dim {
			scores[j] += float64(a.Query[i*a.Dim+d]) * float64(a.Key[j*a.Stride+d])
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
			out[d] += p * float64(a.Value[j*a.Stride+d])
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

// TestPageKeepsNaN: a key that is no number must not vanish in the softmax.
func TestPageKeepsNaN(t *testing.T) {
	for _, kern := range float32Tables() {
		store := make([]float32, 64*4)
		store[9] = float32(math.NaN())
		a := Page[float32]{
			Rows: 1, Dim: 4, VDim: 4, Query: []float32{1, 1, 1, 1}, Keys: 5, Key: store, Value: store, Stride: 4, At: []int32{4}, Heads: 1,
			Out: make([]float32, 32), Peak: make([]float32, 8), Sum: make([]float32, 8),
		}
		backend(kern, 1).workers[0].AttendPage(&a)
		if a.Sum[0] == a.Sum[0] {
			t.Errorf("%s: the sum is %v", kern.name, a.Sum[0])
		}
	}
}
