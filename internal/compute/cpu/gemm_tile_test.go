package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"muonclip/internal/compute"
)

func TestTile(t *testing.T) { eachTable(t, testTile[float32], testTile[float64]) }

// testTile runs the innermost product alone: every number of rows and columns, A by rows, by columns and
// with gaps, with nothing added, C added and another matrix added, against sums in float64.
func testTile[T compute.Float](t *testing.T, kern kernels[T]) {
	r := rand.New(rand.NewPCG(6, 6))
	for rows := 1; rows <= kern.tile.mr; rows++ {
		for cols := 1; cols <= kern.tile.nr; cols++ {
			for i, kc := range []int{1, 2, 7, 64} {
				strides := [][2]int{{kc, 1}, {1, rows}, {kc + 3, 1}, {1, rows + 2}}[(i+cols)%4]
				coef := [][2]T{{1, 0}, {-0.75, 1}, {0.1, 1}, {2, -0.3}}[(i+rows+cols)%4]
				testOneTile(t, r, kern.tile, kc, rows, cols, strides[0], strides[1], coef[0], coef[1])
			}
		}
	}
	testOneTile(t, r, kern.tile, 256, kern.tile.mr, kern.tile.nr, 256, 1, 1, 1)
}

func testOneTile[T compute.Float](t *testing.T, r *rand.Rand, tile tile[T], kc, rows, cols, rs, cs int, alpha, beta T) {
	ldc := cols + 3
	a, b, c := random[T](r, (rows-1)*rs+(kc-1)*cs+1), random[T](r, kc*tile.nr), random[T](r, rows*ldc)
	d, added := random[T](r, rows*ldc), (*T)(nil)
	if beta == 1 {
		d = append([]T(nil), c...)
		added = &c[0]
	} else if beta != 0 {
		added = &d[0]
	}
	before := append([]T(nil), c...)
	tile.mul(kc, &a[0], rs, cs, &b[0], &c[0], ldc, added, alpha, beta, rows, cols)
	for i := range rows {
		for j := range ldc {
			got := c[i*ldc+j]
			if j >= cols {
				if got != before[i*ldc+j] {
					t.Fatalf("%dx%dx%d: wrote between the rows", rows, cols, kc)
				}
				continue
			}
			var sum, size float64
			for x := range kc {
				term := float64(a[i*rs+x*cs]) * float64(b[x*tile.nr+j])
				sum, size = sum+term, size+math.Abs(term)
			}
			want := float64(alpha)*sum + float64(beta)*float64(d[i*ldc+j])
			size += math.Abs(float64(beta) * float64(d[i*ldc+j]))
			if math.Abs(float64(got)-want) > 8*epsilon[T]()*size {
				t.Fatalf("%dx%dx%d strides %d %d, alpha %g beta %g: c[%d,%d] is %g, want %g", rows, cols, kc, rs, cs, alpha, beta, i, j, got, want)
			}
		}
	}
}

func TestPanels(t *testing.T) { eachTable(t, testPanels[float32], testPanels[float64]) }

func testPanels[T compute.Float](t *testing.T, kern kernels[T]) {
	r := rand.New(rand.NewPCG(5, 5))
	for _, width := range []int{leftWidth, kern.tile.nr} {
		for _, rows := range []int{0, 1, 2, 7, 33} {
			for cols := 1; cols <= 3*width+1; cols++ {
				lds, count, step := cols+2, ceil(cols, width), width*rows+3
				src, dst := random[T](r, rows*lds+1), random[T](r, count*step+1)
				want := append([]T(nil), dst...)
				for i := range rows {
					for j := range count * width {
						at := j/width*step + i*width + j%width
						want[at] = 0
						if j < cols {
							want[at] = src[i*lds+j]
						}
					}
				}
				kern.panels(dst, step, width, src, lds, rows, cols)
				wantEqual(t, fmt.Sprintf("%d x %d in panels of %d", rows, cols, width), dst, want)
			}
		}
	}
}
