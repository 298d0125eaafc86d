package computetest

import (
	"fmt"
	"math"

	"muonclip/internal/compute"
)

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func testSwiGLU[T compute.Float](c *check[T]) {
	for _, width := range widths {
		for _, rows := range counts {
			gu := c.random(rows * 2 * width)
			for i := range gu {
				gu[i] *= 4
			}
			kept, act := c.clone(gu), c.nan(rows*width)
			c.be.SwiGLU(act, gu, width)
			want, size := make([]float64, rows*width), make([]float64, rows*width)
			for i := range rows {
				for j := range width {
					g, u := float64(gu[2*i*width+j]), float64(gu[(2*i+1)*width+j])
					want[i*width+j] = g * sigmoid(g) * u
					size[i*width+j] = math.Abs(g * u)
				}
			}
			what := fmt.Sprintf("%d rows of %d", rows, width)
			c.nearEach(what, act, want, size)
			same(c, what+": gate and up", gu, kept)
		}
	}
}

// swigluGradient is the gradient of d . silu(g) u.
func swigluGradient(g, u, d float64) (dg, du float64) {
	s := sigmoid(g)
	return d * u * (s + g*s*(1-s)), d * g * s
}

func testSwiGLUBackward[T compute.Float](c *check[T]) {
	for _, width := range widths {
		for _, rows := range counts {
			for variant := range 2 { // with and without scales
				gu, d, act := c.random(rows*2*width), c.random(rows*width), c.nan(rows*width)
				var scale, dScale []T
				if variant > 0 {
					scale, dScale = c.random(rows), c.nan(rows)
				}
				wantGU, wantAct := make([]float64, len(gu)), make([]float64, rows*width)
				wantScale, sizeScale := make([]float64, rows), make([]float64, rows)
				for i := range rows {
					f := 1.0
					if scale != nil {
						f = float64(scale[i])
					}
					for j := range width {
						g, u, dj := float64(gu[2*i*width+j]), float64(gu[(2*i+1)*width+j]), float64(d[i*width+j])
						a := g * sigmoid(g) * u
						wantGU[2*i*width+j], wantGU[(2*i+1)*width+j] = swigluGradient(g, u, dj*f)
						wantAct[i*width+j] = a * f
						wantScale[i] += a * dj
						sizeScale[i] += math.Abs(a * dj)
					}
				}
				c.be.SwiGLUBackward(gu, d, act, scale, dScale, width)
				what := fmt.Sprintf("%d rows of %d, variant %d", rows, width, variant)
				c.near(what+": gate and up", gu, wantGU, 0)
				c.near(what+": activation", act, wantAct, 0)
				if dScale != nil {
					c.nearEach(what+": scale", dScale, wantScale, sizeScale)
				}
			}
		}
	}
}

// testSwiGLUExtremes: gates at which exp overflows or vanishes give the limits, and NaN stays NaN.
func testSwiGLUExtremes[T compute.Float](c *check[T]) {
	gates := []float64{0, 1e-30, -1e-30, 20, -20, 79, -79, 81, -81, 90, -90, 1e4, -1e4, 1e20, -1e20, math.NaN(), 3}
	width := len(gates)
	gu, d := c.filled(2*width, 2), c.filled(width, 3)
	want, wantGU := make([]float64, width), make([]float64, 2*width)
	for i, g := range gates {
		gu[i] = T(g)
		g = float64(gu[i])
		want[i] = g * sigmoid(g) * 2
		wantGU[i], wantGU[width+i] = swigluGradient(g, 2, 3)
		if g < -700 { // g exp(g) without the overflow of exp(-g)
			want[i], wantGU[i], wantGU[width+i] = 0, 0, 0
		}
		if g > 700 {
			wantGU[i] = 6
		}
	}
	size := make([]float64, width)
	for i, g := range gates {
		size[i] = math.Abs(g)*2 + 1e-20
	}
	act := c.nan(width)
	c.be.SwiGLU(act, gu, width)
	c.nearEach("activation", act, want, size)
	c.be.SwiGLUBackward(gu, d, act, nil, nil, width)
	c.near("gradient of gates", gu[:width], wantGU[:width], 6)
	for i := range size {
		size[i] *= 3
	}
	c.nearEach("gradient of ups", gu[width:], wantGU[width:], size)
}
