package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestUpdates compares every pass with its definition in float64 and, to the bit, with plain Go.
func TestUpdates(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 10))
	fast, plain := UpdatesFor[float32](), goUpdates[float32]()
	for n := range 2*maxLength + 1 {
		testMomentum(t, r, n, fast, plain)
		testApply(t, r, n, fast, plain)
		testAdam(t, r, n, fast, plain)
		x, got, want := random[float32](r, n), make([]float32, n), make([]float32, n)
		fast.Scale(got, x, 0.3)
		plain.Scale(want, x, 0.3)
		wantEqual(t, fmt.Sprintf("scale of %d", n), got, want)
	}
}

// near fails where a float32 is not within a few units in the last place of what it should be.
func near(t *testing.T, what string, got float32, want, size float64) {
	t.Helper()
	if math.Abs(float64(got)-want) > 4*0x1p-23*(math.Abs(want)+size) {
		t.Fatalf("%s is %g, want %g", what, got, want)
	}
}

func checkSquares(t *testing.T, what string, got, plain float64, x []float32) {
	t.Helper()
	var want float64
	for _, v := range x {
		want += float64(v) * float64(v)
	}
	if got != plain || math.Abs(got-want) > 1e-13*want {
		t.Fatalf("%s of %d: sum of squares %g, plain Go %g, want %g", what, len(x), got, plain, want)
	}
}

func testMomentum(t *testing.T, r *rand.Rand, n int, fast, plain Updates[float32]) {
	for _, nesterov := range []bool{false, true} {
		m, g, y := random[float32](r, n), random[float32](r, n), make([]float32, n)
		m2, y2, before := append([]float32(nil), m...), make([]float32, n), append([]float32(nil), m...)
		a, b := fast.Momentum(m, g, y, 0.9, nesterov), plain.Momentum(m2, g, y2, 0.9, nesterov)
		wantEqual(t, "momentum", m, m2)
		wantEqual(t, "momentum's direction", y, y2)
		checkSquares(t, "momentum", a, b, y)
		mu := float64(float32(0.9))
		for i := range m {
			wantM := mu*float64(before[i]) + float64(g[i])
			wantY := wantM
			if nesterov {
				wantY = float64(g[i]) + mu*wantM
			}
			size := math.Abs(float64(before[i])) + math.Abs(float64(g[i]))
			near(t, "m", m[i], wantM, size)
			near(t, "y", y[i], wantY, size)
		}
	}
}

func testApply(t *testing.T, r *rand.Rand, n int, fast, plain Updates[float32]) {
	w, o := random[float32](r, n), random[float32](r, n)
	w2, before := append([]float32(nil), w...), append([]float32(nil), w...)
	a, b := fast.Apply(w, o, 0.99, 0.02), plain.Apply(w2, o, 0.99, 0.02)
	wantEqual(t, "apply", w, w2)
	checkSquares(t, "apply", a, b, o)
	for i := range w {
		near(t, "w", w[i], float64(float32(0.99))*float64(before[i])-float64(float32(0.02))*float64(o[i]), 1)
	}
}

func testAdam(t *testing.T, r *rand.Rand, n int, fast, plain Updates[float32]) {
	w, g, m, v := random[float32](r, n), random[float32](r, n), random[float32](r, n), random[float32](r, n)
	for i := range v {
		v[i] *= v[i]
	}
	copies := [4][]float32{append([]float32(nil), w...), g, append([]float32(nil), m...), append([]float32(nil), v...)}
	w0, m0, v0 := append([]float32(nil), w...), append([]float32(nil), m...), append([]float32(nil), v...)
	s := AdamStep[float32]{B1: 0.9, D1: 0.1, B2: 0.95, D2: 0.05, C1: 0.19, C2: 0.0975, Eps: 1e-8, Keep: 0.999, Rate: 0.01}
	a, b := fast.Adam(w, g, m, v, &s), plain.Adam(copies[0], g, copies[2], copies[3], &s)
	wantEqual(t, "adam's w", w, copies[0])
	wantEqual(t, "adam's m", m, copies[2])
	wantEqual(t, "adam's v", v, copies[3])
	if a != b {
		t.Fatalf("adam of %d: sum of squares %g, plain Go %g", n, a, b)
	}
	for i := range w {
		gi := float64(g[i])
		wantM := float64(s.B1)*float64(m0[i]) + float64(s.D1)*gi
		wantV := float64(s.B2)*float64(v0[i]) + float64(s.D2)*gi*gi
		u := wantM / float64(s.C1) / (math.Sqrt(wantV/float64(s.C2)) + float64(s.Eps))
		near(t, "m", m[i], wantM, math.Abs(gi)+1)
		near(t, "v", v[i], wantV, 0)
		near(t, "w", w[i], float64(s.Keep)*float64(w0[i])-float64(s.Rate)*u, 1+math.Abs(u))
	}
}
