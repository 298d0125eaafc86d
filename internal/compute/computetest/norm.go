package computetest

import (
	"fmt"
	"math"

	"muonclip/internal/compute"
)

// rootMeanSquare is sqrt(mean(x^2) + eps).
func rootMeanSquare(x []float64, eps float64) float64 {
	var sum float64
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum/float64(len(x)) + eps)
}

func testRMSNorm[T compute.Float](c *check[T]) {
	const eps = 1e-5
	for _, n := range widths {
		for _, rows := range counts {
			for _, pad := range []int{0, 5} {
				for _, residual := range []bool{false, true} {
					ldx := n + pad
					x, w := c.random(rows*ldx), c.random(n)
					y, rstd := c.nan(rows*n), c.nan(rows)
					var delta []T
					if residual {
						delta = c.random(rows * n)
					}
					kept := c.clone(x)
					wantSum, wantY, wantR := make([]float64, rows*n), make([]float64, rows*n), make([]float64, rows)
					for i := range rows {
						row := wantSum[i*n : (i+1)*n]
						for j := range n {
							row[j] = float64(x[i*ldx+j])
							if residual {
								row[j] = float64(x[i*ldx+j] + delta[i*n+j]) // rounded as it is stored
							}
						}
						wantR[i] = 1 / rootMeanSquare(row, float64(T(eps)))
						for j, v := range row {
							wantY[i*n+j] = v * wantR[i] * float64(w[j])
						}
					}
					c.be.RMSNorm(y, rstd, x, ldx, delta, w, eps)
					what := fmt.Sprintf("%d rows of %d, ld %d, residual %v", rows, n, ldx, residual)
					c.nearEach(what+": rstd", rstd, wantR, wantR)
					c.near(what+": y", y, wantY, 0)
					same(c, what+": x", x, kept)
					if residual {
						c.near(what+": sum", delta, wantSum, 0)
					}
				}
			}
		}
	}
}

func testRMSNormBackward[T compute.Float](c *check[T]) {
	const eps = 1e-5
	for _, n := range widths {
		for _, rows := range counts {
			for _, pad := range []int{0, 5} {
				ldx, lddx := n+pad, n+2*pad
				x, w, dy := c.random(rows*ldx), c.random(n), c.random(rows*n)
				dx, dw, rstd := c.random(rows*lddx), c.random(n), c.filled(rows, 0)
				wantX, wantW, sizeW := wide(dx), wide(dw), make([]float64, n)
				var sizeX float64
				for i := range rows {
					row := wide(x[i*ldx : i*ldx+n])
					r := 1 / rootMeanSquare(row, eps)
					rstd[i] = T(r)
					// y_k = x_k r w_k and dr/dx_j = -r^3 x_j / n.
					var along float64
					for k, v := range row {
						along += float64(dy[i*n+k]) * float64(w[k]) * v
					}
					for j, v := range row {
						d := float64(dy[i*n+j])*float64(w[j])*r - r*r*r*v/float64(n)*along
						wantX[i*lddx+j] += d
						sizeX = max(sizeX, math.Abs(float64(dy[i*n+j]*w[j]))*r, math.Abs(wantX[i*lddx+j]))
						wantW[j] += float64(dy[i*n+j]) * v * r
						sizeW[j] += math.Abs(float64(dy[i*n+j])*v*r) + math.Abs(float64(dw[j]))
					}
				}
				c.be.RMSNormBackward(dx, lddx, dw, dy, x, ldx, w, rstd)
				what := fmt.Sprintf("%d rows of %d, ld %d and %d", rows, n, ldx, lddx)
				c.near(what+": dx", dx, wantX, sizeX)
				c.nearEach(what+": dw", dw, wantW, sizeW)
			}
		}
	}
}

// testRMSNormNaN: a NaN makes its row NaN and leaves the others alone; a row of zeros stays zero.
func testRMSNormNaN[T compute.Float](c *check[T]) {
	for _, n := range []int{1, 9, 40} {
		x, w := c.random(3*n), c.filled(n, 1)
		clear(x[2*n:])
		x[n+n/2] = T(math.NaN())
		y, rstd := c.be.Alloc(3*n), c.be.Alloc(3)
		c.be.RMSNorm(y, rstd, x, n, nil, w, 1e-6)
		c.be.Host(rstd)
		want := make([]float64, 3*n)
		r := 1 / rootMeanSquare(wide(x[:n]), 1e-6)
		for j := range n {
			want[j], want[n+j] = float64(x[j])*r, math.NaN()
		}
		c.near(fmt.Sprintf("rows of %d", n), y, want, 3)
		if rstd[1] == rstd[1] {
			c.Errorf("rstd of a row with NaN is %g", rstd[1])
		}
	}
}
