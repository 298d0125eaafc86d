package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"muonclip/internal/bf16"
	"muonclip/internal/compute"
)

// stored is what Pack keeps of the weights.
func stored[T compute.Float](w []T, out, in int, format Format) []T {
	s := append([]T(nil), w...)
	for o := range out {
		for k0 := 0; k0 < in; k0 += panelDepth {
			block := s[o*in+k0 : o*in+min(k0+panelDepth, in)]
			top := 0.0
			for _, v := range block {
				top = max(top, math.Abs(float64(v)))
			}
			for i, v := range block {
				switch format {
				case BFloat16:
					block[i] = T(bf16.Round(float32(v)))
				case Int8:
					block[i] = T(math.RoundToEven(float64(v)*(127/top))) * (T(top) / 127)
				}
			}
		}
	}
	return s
}

// TestMultiply compares the products of all numbers of rows with the definition, and wants each row
// to have the same bits in every company and for every number of threads.
func TestMultiply(t *testing.T) {
	for _, kern := range float32Tables() {
		t.Run("float32 "+kern.name, func(t *testing.T) {
			testMultiply(t, func(n int) *Backend[float32] { return backend(kern, n) }, 2e-6)
		})
	}
	t.Run("float64", func(t *testing.T) { testMultiply(t, New[float64], 1e-14) })
}

func testMultiply[T compute.Float](t *testing.T, build func(threads int) *Backend[T], tolerance float64) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, size := range [][2]int{{1, 1}, {5, 7}, {32, 128}, {80, 256}, {128, 129}, {300, 70}, {131, 300}} {
		out, in := size[0], size[1]
		w := random[T](r, out*in)
		for format := range formatCount {
			want := stored(w, out, in, format)
			b, one := build(3), build(1)
			var list, single Products[T]
			p := b.Pack(nil, out, in, w, in, 1, format)
			alone := make([]T, out)
			for _, rows := range []int{1, 2, 3, 4, 5, 7, 8, 9, 13, 14, 70} {
				name := fmt.Sprintf("%s, %d x %d, %d rows", format, out, in, rows)
				x, y := random[T](r, rows*in), random[T](r, rows*out)
				list.Add(y, out, x, in, rows, p)
				list.Run(b)
				for i := range rows {
					single.Add(alone, out, x[i*in:], in, 1, p)
					single.Run(one)
					for o := range out {
						if alone[o] != y[i*out+o] {
							t.Fatalf("%s: output %d of row %d is %v alone and %v in company", name, o, i, alone[o], y[i*out+o])
						}
						sum, size := 0.0, 0.0
						for k := range in {
							term := float64(x[i*in+k]) * float64(want[o*in+k])
							sum, size = sum+term, size+math.Abs(term)
						}
						if d := math.Abs(sum - float64(y[i*out+o])); !(d <= tolerance*size) {
							t.Fatalf("%s: output %d of row %d is %v, want %v", name, o, i, y[i*out+o], sum)
						}
					}
				}
			}
		}
	}
}

// TestPackTransposed packs a matrix that is stored input by input, and again into the same memory.
func TestPackTransposed(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	const out, in, ld = 45, 37, 50
	w := random[float32](r, in*ld)
	rows := make([]float32, out*in)
	for o := range out {
		for i := range in {
			rows[o*in+i] = w[i*ld+o]
		}
	}
	b := New[float32](2)
	x, want, got := random[float32](r, 3*in), make([]float32, 3*out), make([]float32, 3*out)
	multiply(b, want, x, 3, b.Pack(nil, out, in, rows, in, 1, Full))
	p := b.Pack(nil, 2*out, in, random[float32](r, 2*out*in), in, 1, Full)
	multiply(b, got, x, 3, b.Pack(p, out, in, w, 1, ld, Full))
	wantEqual(t, "transposed", got, want)
}

func multiply[T compute.Float](b *Backend[T], y, x []T, rows int, w *Packed[T]) {
	var l Products[T]
	l.Add(y, w.out, x, w.in, rows, w)
	l.Run(b)
}

func TestPackedBytes(t *testing.T) {
	b := New[float32](1)
	w := make([]float32, 64*256)
	for format, want := range map[Format]int{Full: 4 * 64 * 256, BFloat16: 2 * 64 * 256, Int8: 64*256 + 4*64*2} {
		if got := b.Pack(nil, 64, 256, w, 256, 1, format).Bytes(); got != want {
			t.Errorf("%s: %d bytes, want %d", format, got, want)
		}
	}
}

// TestPackNaN: a weight that is no number spoils its outputs and no others.
func TestPackNaN(t *testing.T) {
	w := make([]float32, 4*8)
	w[9] = float32(math.NaN())
	b := New[float32](1)
	x, y := make([]float32, 8), make([]float32, 4)
	for format := range formatCount {
		multiply(b, y, x, 1, b.Pack(nil, 4, 8, w, 8, 1, format))
		for o, v := range y {
			if math.IsNaN(float64(v)) != (o == 1) {
				t.Errorf("%s: output %d is %v", format, o, v)
			}
		}
	}
}

// BenchmarkMultiply reads a matrix of the size of an expert for few rows. GB/s is the rate at which its
// weights are read.
func BenchmarkMultiply(b *testing.B) {
	const out, in, count = 256, 256, 160 // 42 MB in float32
	be := New[float32](1)
	r := rand.New(rand.NewPCG(1, 1))
	w := random[float32](r, out*in)
	for format := range formatCount {
		var list []*Packed[float32]
		var products Products[float32]
		for range count {
			list = append(list, be.Pack(nil, out, in, w, in, 1, format))
		}
		for _, rows := range []int{1, 2, 4, 8, 32, 256} {
			x, y := random[float32](r, rows*in), make([]float32, rows*out)
			b.Run(fmt.Sprintf("%s/rows=%d", format, rows), func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					products.Add(y, out, x, in, rows, list[i%count])
					products.Run(be)
				}
				seconds := b.Elapsed().Seconds() / float64(b.N)
				b.ReportMetric(float64(list[0].Bytes())/seconds/1e9, "GB/s")
				b.ReportMetric(2*float64(rows*out*in)/seconds/1e9, "GFLOP/s")
			})
		}
	}
}
