package answer

import (
	"fmt"
	"math/big"
)

// complexFloat is a complex number.
type complexFloat struct{ re, im *big.Float }

// real reports whether the imaginary part is exactly zero.
func (z complexFloat) real() bool { return z.im.Sign() == 0 }

func (f *float) complex(re *big.Float) complexFloat { return complexFloat{re, f.new()} }

// both checks the parts of a result.
func (f *float) both(re, im *big.Float) (complexFloat, error) {
	re, err := f.check(re)
	if err != nil {
		return complexFloat{}, err
	}
	im, err = f.check(im)
	return complexFloat{re, im}, err
}

func (f *float) add(a, b complexFloat) (complexFloat, error) {
	return f.both(f.new().Add(a.re, b.re), f.new().Add(a.im, b.im))
}

func (f *float) mul(a, b complexFloat) (complexFloat, error) {
	re := f.new().Sub(f.new().Mul(a.re, b.re), f.new().Mul(a.im, b.im))
	im := f.new().Add(f.new().Mul(a.re, b.im), f.new().Mul(a.im, b.re))
	return f.both(re, im)
}

func (f *float) div(a, b complexFloat) (complexFloat, error) {
	d := f.norm(b)
	if d.Sign() == 0 {
		return complexFloat{}, fmt.Errorf("division by zero: %w", errUndefined)
	}
	n, err := f.mul(a, complexFloat{b.re, f.new().Neg(b.im)})
	if err != nil {
		return complexFloat{}, err
	}
	return f.both(f.new().Quo(n.re, d), f.new().Quo(n.im, d))
}

// norm is |z|².
func (f *float) norm(z complexFloat) *big.Float {
	return f.new().Add(f.new().Mul(z.re, z.re), f.new().Mul(z.im, z.im))
}

// sqrt is the root with a real part that is not negative.
func (f *float) sqrt(z complexFloat) (complexFloat, error) {
	if z.real() {
		root := f.new().Sqrt(f.new().Abs(z.re))
		if z.re.Sign() < 0 {
			return complexFloat{f.new(), root}, nil
		}
		return f.complex(root), nil
	}
	abs := f.new().Sqrt(f.norm(z))
	re := f.new().Add(abs, z.re)
	re.Sqrt(half(re.Abs(re), 1))
	if re.Sign() == 0 {
		return complexFloat{}, fmt.Errorf("a root close to the branch cut: %w", errUndefined)
	}
	return f.both(re, half(f.new().Quo(z.im, re), 1))
}

// exp is e^z.
func (f *float) exp(z complexFloat) (complexFloat, error) {
	abs, err := f.Exp(z.re)
	if err != nil || z.real() {
		return f.complex(abs), err
	}
	sin, cos, err := f.SinCos(z.im)
	if err != nil {
		return complexFloat{}, err
	}
	return f.both(cos.Mul(cos, abs), sin.Mul(sin, abs))
}

// pow raises to a whole power by squaring; a positive base to any; a negative one to a rational power with an odd
// denominator, where the real root is meant. rational is the exponent where it is one.
func (f *float) pow(base, exponent complexFloat, rational *big.Rat) (complexFloat, error) {
	if rational != nil && rational.IsInt() && rational.Num().BitLen() <= 40 {
		return f.powInt(base, rational.Num().Int64())
	}
	if rational != nil && rational.Cmp(big.NewRat(1, 2)) == 0 {
		return f.sqrt(base)
	}
	if !base.real() {
		return complexFloat{}, fmt.Errorf("a power of a complex number: %w", errInexact)
	}
	abs, sign := base.re, base.re.Sign()
	switch {
	case sign == 0 && rational != nil && rational.Sign() > 0:
		return f.complex(f.new()), nil
	case sign == 0:
		return complexFloat{}, fmt.Errorf("a power of zero: %w", errUndefined)
	case sign < 0 && (rational == nil || rational.Denom().Bit(0) == 0):
		return complexFloat{}, fmt.Errorf("a power of a negative number: %w", errUndefined)
	case sign < 0:
		abs = f.new().Neg(abs)
	}
	log, err := f.Log(abs)
	if err != nil {
		return complexFloat{}, err
	}
	product, err := f.mul(f.complex(log), exponent)
	if err != nil {
		return complexFloat{}, err
	}
	z, err := f.exp(product)
	if err == nil && sign < 0 && rational.Num().Bit(0) == 1 {
		z.re.Neg(z.re)
	}
	return z, err
}

func (f *float) powInt(base complexFloat, n int64) (complexFloat, error) {
	out := f.complex(f.int(1))
	if base.re.Sign() == 0 && base.real() && n <= 0 {
		return out, fmt.Errorf("zero to the power %d: %w", n, errUndefined)
	}
	var err error
	for k := max(n, -n); k > 0; k >>= 1 {
		if k&1 == 1 {
			if out, err = f.mul(out, base); err != nil {
				return out, err
			}
		}
		if k > 1 {
			if base, err = f.mul(base, base); err != nil {
				return out, err
			}
		}
	}
	if n < 0 {
		return f.div(f.complex(f.int(1)), out)
	}
	return out, nil
}
