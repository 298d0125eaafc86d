package bf16

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// format describes one 16-bit format to the shared tests.
type format struct {
	encode   func(float32) uint16
	decode   func(uint16) float32
	mantissa int // stored bits
	bias     int
}

var formats = map[string]format{
	"bfloat16": {Encode, Decode, 7, 127},
	"half":     {EncodeHalf, DecodeHalf, 10, 15},
}

// value computes a 16-bit pattern from its definition: (-1)^s 2^(e-bias) (1+m/2^bits), or
// 2^(1-bias) m/2^bits for e = 0.
func (f format) value(b uint16) float64 {
	e := int(b & 0x7fff >> f.mantissa)
	m := float64(int(b) & (1<<f.mantissa - 1))
	unit := math.Ldexp(1, -f.mantissa)
	var v float64
	switch {
	case e == 1<<(15-f.mantissa)-1 && m == 0:
		v = math.Inf(1)
	case e == 1<<(15-f.mantissa)-1:
		return math.NaN()
	case e == 0:
		v = math.Ldexp(m*unit, 1-f.bias)
	default:
		v = math.Ldexp(1+m*unit, e-f.bias)
	}
	if b&0x8000 != 0 {
		v = -v
	}
	return v
}

func TestEveryPattern(t *testing.T) {
	for name, f := range formats {
		t.Run(name, func(t *testing.T) {
			quiet := uint16(1) << (f.mantissa - 1)
			for i := range 1 << 16 {
				b := uint16(i)
				got, want := f.decode(b), f.value(b)
				if math.IsNaN(want) {
					if got == got {
						t.Fatalf("%04x decodes to %g, want NaN", b, got)
					}
					if back := f.encode(got); back != b|quiet {
						t.Fatalf("NaN %04x comes back as %04x, want %04x", b, back, b|quiet)
					}
					continue
				}
				if math.Float64bits(float64(got)) != math.Float64bits(want) {
					t.Fatalf("%04x decodes to %g, want %g", b, got, want)
				}
				if back := f.encode(got); back != b {
					t.Fatalf("%04x comes back as %04x", b, back)
				}
			}
		})
	}
}

// TestTies checks the midpoint of every two neighbours, and the floats just beside it.
func TestTies(t *testing.T) {
	for name, f := range formats {
		t.Run(name, func(t *testing.T) {
			inf := uint16(0x7fff) &^ (1<<f.mantissa - 1)
			for b := uint16(0); b < inf; b++ {
				low, high := f.value(b), f.value(b+1)
				if b+1 == inf { // the next value if the exponent went on
					high = low + (low - f.value(b-1))
				}
				mid := float32((low + high) / 2)
				if float64(mid) != (low+high)/2 {
					continue // below the smallest float32
				}
				even := b + b&1
				for _, c := range []struct {
					x    float32
					want uint16
				}{
					{math.Nextafter32(mid, 0), b},
					{mid, even},
					{math.Nextafter32(mid, float32(math.Inf(1))), b + 1},
				} {
					if got := f.encode(c.x); got != c.want {
						t.Fatalf("%g encodes to %04x, want %04x", c.x, got, c.want)
					}
					if got := f.encode(-c.x); got != c.want|0x8000 {
						t.Fatalf("%g encodes to %04x, want %04x", -c.x, got, c.want|0x8000)
					}
				}
			}
		})
	}
}

// TestNearest takes random float32 patterns and looks for a nearer neighbour.
func TestNearest(t *testing.T) {
	for name, f := range formats {
		t.Run(name, func(t *testing.T) {
			inf := uint16(0x7fff) &^ (1<<f.mantissa - 1)
			r := rand.New(rand.NewPCG(1, 2))
			for range 200_000 {
				x := math.Float32frombits(r.Uint32() &^ (1 << 31))
				if x != x {
					continue
				}
				b := f.encode(x)
				if b > inf {
					t.Fatalf("%g encodes to %04x, a NaN or a negative", x, b)
				}
				if b == inf {
					if max := f.value(inf - 1); float64(x) < max {
						t.Fatalf("%g encodes to infinity, but %g is finite", x, max)
					}
					continue
				}
				d := math.Abs(f.value(b) - float64(x))
				if b > 0 && math.Abs(f.value(b-1)-float64(x)) < d || b+1 < inf && math.Abs(f.value(b+1)-float64(x)) < d {
					t.Fatalf("%g encodes to %04x, a neighbour is nearer", x, b)
				}
			}
		})
	}
}

func TestSpecialValues(t *testing.T) {
	inf := float32(math.Inf(1))
	cases := []struct {
		x          float32
		bf16, half uint16
	}{
		{0, 0, 0},
		{float32(math.Copysign(0, -1)), 0x8000, 0x8000},
		{1, 0x3f80, 0x3c00},
		{-2, 0xc000, 0xc000},
		{inf, 0x7f80, 0x7c00},
		{-inf, 0xff80, 0xfc00},
		{65504, 0x4780, 0x7bff},
		{65519.996, 0x4780, 0x7bff},
		{65520, 0x4780, 0x7c00},
		{math.MaxFloat32, 0x7f80, 0x7c00},
		{0x1p-24, 0x3380, 0x0001},
		{0x1p-25, 0x3300, 0x0000},
		{0x1.8p-25, 0x3340, 0x0001},
		{math.SmallestNonzeroFloat32, 0, 0},
		{math.Float32frombits(0x7f800001), 0x7fc0, 0x7e00}, // a signalling NaN whose payload is lost
	}
	for _, c := range cases {
		if got := Encode(c.x); got != c.bf16 {
			t.Errorf("Encode(%g) = %04x, want %04x", c.x, got, c.bf16)
		}
		if got := EncodeHalf(c.x); got != c.half {
			t.Errorf("EncodeHalf(%g) = %04x, want %04x", c.x, got, c.half)
		}
	}
}

func TestSlicesAgreeWithScalars(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float32(), 0, 40).Draw(t, "x")
		n := len(x)
		u, ub, uh := make([]uint16, n), make([]byte, 2*n), make([]byte, 2*n)
		EncodeSlice(u, x)
		EncodeBytes(ub, x)
		EncodeHalfBytes(uh, x)
		var want, wantHalf []float32
		for _, v := range x {
			want = append(want, Round(v))
			wantHalf = append(wantHalf, DecodeHalf(EncodeHalf(v)))
		}
		a, b, c := make([]float32, n), make([]float32, n), make([]float32, n)
		DecodeSlice(a, u)
		DecodeBytes(b, ub)
		DecodeHalfBytes(c, uh)
		rounded := append([]float32(nil), x...)
		RoundSlice(rounded)
		for name, got := range map[string][]float32{"slice": a, "bytes": b, "round": rounded} {
			if n > 0 && !cmp.Equal(want, got) {
				t.Fatalf("%s: %s", name, cmp.Diff(want, got))
			}
		}
		if n > 0 && !cmp.Equal(wantHalf, c) {
			t.Fatal(cmp.Diff(wantHalf, c))
		}
	})
}
