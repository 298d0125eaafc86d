package answer

import (
	"fmt"
	"math"
	"math/big"
)

// float does real arithmetic and elementary functions with a fixed number of bits. math/big panics where a result is not a
// number; here no infinity ever gets into an operation.
type float struct {
	prec   uint
	pi     *big.Float // made when needed
	budget *int       // operations that are left, for at
}

// maxMagnitude bounds the binary exponent of a value: what is larger has no business in an answer.
const maxMagnitude = 1 << 20

func (f *float) new() *big.Float { return new(big.Float).SetPrec(f.prec) }

func (f *float) int(n int64) *big.Float { return f.new().SetInt64(n) }

// check refuses values that are too large, and makes a vanishing one zero.
func (f *float) check(x *big.Float) (*big.Float, error) {
	if x.IsInf() || x.MantExp(nil) > maxMagnitude {
		return nil, fmt.Errorf("a value: %w", errLarge)
	}
	if x.MantExp(nil) < -maxMagnitude {
		return f.new(), nil
	}
	return x, nil
}

// half scales x by 2^-n.
func half(x *big.Float, n int) *big.Float { return new(big.Float).SetMantExp(x, -n) }

// tiny reports whether x is below the last bit of a value of order one.
func (f *float) tiny(x *big.Float) bool {
	return x.Sign() == 0 || x.MantExp(nil) < -int(f.prec)-8
}

// Pi is 16 arctan(1/5) - 4 arctan(1/239) (Machin).
func (f *float) Pi() *big.Float {
	if f.pi == nil {
		g := float{prec: f.prec + 32}
		a := g.series(g.new().Quo(g.int(1), g.int(5)))
		b := g.series(g.new().Quo(g.int(1), g.int(239)))
		a.Mul(a, g.int(16))
		f.pi = f.new().Sub(a, b.Mul(b, g.int(4)))
	}
	return f.pi
}

// series is arctan x by its power series, for |x| well below 1.
func (f *float) series(x *big.Float) *big.Float {
	sum, power := f.new().Set(x), f.new().Set(x)
	square := f.new().Mul(x, x)
	for n := int64(3); !f.tiny(power); n += 2 {
		power.Neg(power.Mul(power, square))
		sum.Add(sum, f.new().Quo(power, f.int(n)))
	}
	return sum
}

// Atan is arctan x, halving the angle by atan x = 2 atan(x / (1 + sqrt(1 + x²))).
func (f *float) Atan(x *big.Float) *big.Float {
	g := float{prec: f.prec + 32}
	y := g.new().Set(x)
	n := 0
	for ; y.MantExp(nil) > -4 && n < 12; n++ {
		d := g.new().Mul(y, y)
		d.Sqrt(d.Add(d, g.int(1)))
		y.Quo(y, d.Add(d, g.int(1)))
	}
	return f.new().Set(half(g.series(y), -n))
}

// Exp is e^x, by halving x until the power series is short and squaring the result as often.
func (f *float) Exp(x *big.Float) (*big.Float, error) {
	if x.MantExp(nil) > 20 {
		return nil, fmt.Errorf("an exponent: %w", errLarge)
	}
	n := max(0, x.MantExp(nil)+8)
	g := float{prec: f.prec + uint(n) + 40}
	r := half(g.new().Set(x), n)
	sum, term := g.int(1), g.int(1)
	for k := int64(1); !g.tiny(term); k++ {
		term.Quo(term.Mul(term, r), g.int(k))
		sum.Add(sum, term)
	}
	for range n {
		sum.Mul(sum, sum)
	}
	return f.check(f.new().Set(sum))
}

// Log is the natural logarithm of x > 0, by Halley's iteration y + 2 (x - e^y) / (x + e^y), which triples the
// correct bits each time.
func (f *float) Log(x *big.Float) (*big.Float, error) {
	if x.Sign() <= 0 {
		return nil, fmt.Errorf("the logarithm of what is not positive: %w", errUndefined)
	}
	g := float{prec: f.prec + 32}
	mant := new(big.Float)
	exp := x.MantExp(mant)
	m, _ := mant.Float64()
	y := g.new().SetFloat64(math.Log(m) + float64(exp)*math.Ln2)
	for bits := uint(24); bits < 3*g.prec; bits *= 3 {
		e, err := g.Exp(y)
		if err != nil {
			return nil, err
		}
		step := g.new().Sub(x, e)
		step.Quo(step, e.Add(e, x))
		y.Add(y, step.Mul(step, g.int(2)))
	}
	return f.new().Set(y), nil
}

// SinCos is sin x and cos x: e^(ir) by its power series for a small r, squared until r is x reduced by whole turns.
func (f *float) SinCos(x *big.Float) (sin, cos *big.Float, err error) {
	if x.MantExp(nil) > 24 {
		return nil, nil, fmt.Errorf("an angle: %w", errLarge)
	}
	g := float{prec: f.prec + 96}
	turn := g.new().Mul(g.Pi(), g.int(2))
	r := g.new().Set(x)
	turns, _ := g.new().Quo(r, turn).Int(nil)
	r.Sub(r, turn.Mul(turn, g.new().SetInt(turns)))
	const n = 10
	r = half(r, n)
	re, im := g.int(1), g.new().Set(r)
	term := g.new().Set(r)
	for k := int64(2); !g.tiny(term); k++ {
		term.Quo(term.Mul(term, r), g.int(k))
		into := re
		if k%2 == 1 {
			into = im
		}
		if k%4 == 2 || k%4 == 3 {
			into.Sub(into, term)
		} else {
			into.Add(into, term)
		}
	}
	for range n {
		a, b := g.new().Mul(re, re), g.new().Mul(im, im)
		im.Mul(im, re)
		im.Add(im, im)
		re = a.Sub(a, b)
	}
	return f.new().Set(im), f.new().Set(re), nil
}
