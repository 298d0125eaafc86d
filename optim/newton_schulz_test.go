package optim

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gorgonia.org/tensor"
	"pgregory.net/rapid"

	"muonclip/internal/compute"
)

func normals(rng *rand.Rand, n int, std float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = rng.NormFloat64() * std
	}
	return x
}

// withSingularValues returns a rows x cols matrix with the given min(rows, cols) singular values.
func withSingularValues(rng *rand.Rand, rows, cols int, sigma []float64) []float64 {
	k := min(rows, cols)
	var u, v mat.Dense
	var qr mat.QR
	qr.Factorize(mat.NewDense(rows, rows, normals(rng, rows*rows, 1)))
	qr.QTo(&u)
	qr.Factorize(mat.NewDense(cols, cols, normals(rng, cols*cols, 1)))
	qr.QTo(&v)
	out := make([]float64, rows*cols)
	for s := range k {
		for i := range rows {
			for j := range cols {
				out[i*cols+j] += u.At(i, s) * sigma[s] * v.At(j, s)
			}
		}
	}
	return out
}

func singularValues(t *testing.T, rows, cols int, x []float64) []float64 {
	t.Helper()
	var svd mat.SVD
	if !svd.Factorize(mat.NewDense(rows, cols, x), mat.SVDNone) {
		t.Fatal("singular values did not converge")
	}
	return svd.Values(nil)
}

// ladder returns k singular values in geometric steps with a Frobenius norm of one, the smallest of them at low.
func ladder(k int, low float64) []float64 {
	out := make([]float64, k)
	from, to := 0.0, 1.0 // the common ratio, by bisection
	for range 100 {
		r := (from + to) / 2
		var norm float64
		for i := range out {
			out[i] = math.Pow(r, float64(i))
			norm += out[i] * out[i]
		}
		for i := range out {
			out[i] /= math.Sqrt(norm)
		}
		if out[k-1] < low {
			from = r
		} else {
			to = r
		}
	}
	return out
}

// The bands are those of five quintic steps: [0.68, 1.20] for singular values in [0.002, 1] of the Frobenius norm,
// [0.68, 1.13] in [0.01, 1], and 0.47 at 0.001.
func TestNewtonSchulzSingularValueBand(t *testing.T) {
	cases := []struct {
		rows, cols, k int
		low           float64
		least, most   float64
	}{
		{24, 40, 24, 0.002, 0.68, 1.2025},
		{40, 24, 24, 0.002, 0.68, 1.2025},
		{160, 160, 160, 0.002, 0.68, 1.2025},
		{32, 32, 32, 0.01, 0.68, 1.1345},
		{48, 200, 48, 0.01, 0.68, 1.1345},
		{30, 30, 30, 0.001, 0.47, 1.2025},
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range cases {
		g := withSingularValues(rng, c.rows, c.cols, ladder(c.k, c.low))
		for i := range g {
			g[i] *= 37 // the norm must not matter
		}
		for _, in := range []*tensor.Dense{dense[float32](g, c.rows, c.cols), dense[float64](g, c.rows, c.cols)} {
			out, err := NewtonSchulz{}.Orthogonalize(in)
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range singularValues(t, c.rows, c.cols, float64s(out)) {
				if s < c.least || s > c.most {
					t.Errorf("%dx%d %v from %g: singular value %d is %.4f, want [%.2f, %.4f]", c.rows, c.cols, in.Dtype(), c.low, i, s, c.least, c.most)
				}
			}
		}
	}
}

// naiveNewtonSchulz is the definition, in float64 and without symmetry or transposition.
func naiveNewtonSchulz(g []float64, rows, cols int, coef []Coefficients) []float64 {
	x := mat.NewDense(rows, cols, append([]float64(nil), g...))
	x.Scale(1/(mat.Norm(x, 2)+nsEps), x)
	for _, c := range coef {
		var a, aa, ax, aax, next mat.Dense
		a.Mul(x, x.T())
		aa.Mul(&a, &a)
		ax.Mul(&a, x)
		aax.Mul(&aa, x)
		next.Scale(c[0], x)
		ax.Scale(c[1], &ax)
		aax.Scale(c[2], &aax)
		next.Add(&next, &ax)
		next.Add(&next, &aax)
		x.Copy(&next)
	}
	return x.RawMatrix().Data
}

func TestNewtonSchulzMatchesDefinition(t *testing.T) {
	t.Run("float64", func(t *testing.T) { testNewtonSchulzMatchesDefinition[float64](t, 1e-11) })
	t.Run("float32", func(t *testing.T) { testNewtonSchulzMatchesDefinition[float32](t, 2e-4) })
}

func testNewtonSchulzMatchesDefinition[T compute.Float](t *testing.T, tol float64) {
	rapid.Check(t, func(r *rapid.T) {
		rows, cols := rapid.IntRange(1, 40).Draw(r, "rows"), rapid.IntRange(1, 40).Draw(r, "cols")
		ns := NewtonSchulz{Steps: rapid.IntRange(1, 6).Draw(r, "steps")}
		if rapid.Bool().Draw(r, "perStep") {
			for i := range ns.Steps {
				ns.Coefficients = append(ns.Coefficients, Coefficients{3.4445 - 0.2*float64(i), -4.775 + 0.3*float64(i), 2.0315 - 0.1*float64(i)})
			}
		}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 0))
		g := normals(rng, rows*cols, math.Pow(10, rapid.Float64Range(-6, 6).Draw(r, "scale")))
		in := dense[T](g, rows, cols)
		out, err := ns.Orthogonalize(in)
		if err != nil {
			r.Fatal(err)
		}
		coef, err := ns.schedule()
		if err != nil {
			r.Fatal(err)
		}
		if e := relErr(float64s(out), naiveNewtonSchulz(float64s(in), rows, cols, coef)); e > tol {
			r.Fatalf("%dx%d: relative error %.3g", rows, cols, e)
		}
	})
}

func TestNewtonSchulzOfZeroIsZero(t *testing.T) {
	out, err := NewtonSchulz{}.Orthogonalize(dense[float32](make([]float64, 12), 3, 4))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range out.Float32s() {
		if v != 0 {
			t.Fatalf("element %d is %g, want 0", i, v)
		}
	}
}

// One worker and many must agree to the bit, since which of them takes a matrix depends on its size.
func TestNewtonSchulzSameOnOneWorkerAndMany(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, shape := range [][2]int{{130, 300}, {300, 130}, {256, 256}} {
		rows, cols := shape[0], shape[1]
		g := normals(rng, rows*cols, 1)
		want, err := NewtonSchulz{}.Orthogonalize(dense[float32](g, rows, cols))
		if err != nil {
			t.Fatal(err)
		}
		got := orthogonalizeOnWorkers(dense[float32](g, rows, cols))
		wantSameBits(t, "one worker", got.Float32s(), want.Float32s())
	}
}

func TestNewtonSchulzErrors(t *testing.T) {
	m := dense[float32](make([]float64, 6), 2, 3)
	for name, f := range map[string]func() error{
		"negative steps": func() error { _, err := NewtonSchulz{Steps: -1}.Orthogonalize(m); return err },
		"wrong length": func() error {
			_, err := NewtonSchulz{Steps: 3, Coefficients: make([]Coefficients, 2)}.Orthogonalize(m)
			return err
		},
		"NaN coefficient": func() error {
			_, err := NewtonSchulz{Coefficients: []Coefficients{{math.NaN()}}}.Orthogonalize(m)
			return err
		},
		"vector": func() error { _, err := NewtonSchulz{}.Orthogonalize(dense[float32]([]float64{1, 2}, 2)); return err },
		"nil":    func() error { _, err := NewtonSchulz{}.Orthogonalize(nil); return err },
	} {
		if f() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
