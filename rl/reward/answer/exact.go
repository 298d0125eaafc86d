package answer

import (
	"fmt"
	"math/big"
)

var one = big.NewRat(1, 1)

// eval is the exact value of a node. Errors wrap errInexact where the value has no form in the ring, errUndefined where
// it has none at all, and errLarge.
func (r *ring) eval(n *node) (fraction, error) {
	args := make([]fraction, len(n.args))
	for i, a := range n.args {
		var err error
		if args[i], err = r.eval(a); err != nil {
			return fraction{}, err
		}
	}
	rat := func(x *big.Rat) (fraction, error) { return fraction{constant(x), constant(one)}, nil }
	switch n.op {
	case opNum:
		return rat(n.num)
	case opVar:
		return r.of(r.atom(n.name, nil))
	case opConst:
		if n.name == "i" {
			return r.of(r.atom("i", big.NewRat(-1, 1)))
		}
		return r.of(r.atom("const "+n.name, nil))
	case opAdd, opMixed:
		sum := args[0]
		for _, a := range args[1:] {
			var err error
			if sum, err = r.plus(sum, a); err != nil {
				return fraction{}, err
			}
		}
		return sum, nil
	case opMul:
		return r.times(args[0], args[1])
	case opDiv:
		return r.over(args[0], args[1])
	case opNeg:
		return r.times(args[0], fraction{constant(big.NewRat(-1, 1)), constant(one)})
	case opPercent:
		return r.times(args[0], fraction{constant(big.NewRat(1, 100)), constant(one)})
	case opDegree:
		pi, err := r.atom("const pi", nil)
		if err != nil {
			return fraction{}, err
		}
		return r.times(args[0], fraction{pi, constant(big.NewRat(180, 1))})
	case opPow:
		return r.pow(args[0], args[1])
	case opCall:
		return r.call(n.name, args)
	}
	return fraction{}, errInexact
}

func (r *ring) of(p poly, err error) (fraction, error) { return fraction{p, constant(one)}, err }

// pow raises to a whole power, and a positive number to half of one.
func (r *ring) pow(base, exponent fraction) (fraction, error) {
	e, ok := exponent.rational()
	if !ok {
		return fraction{}, errInexact
	}
	if !e.IsInt() {
		b, ok := base.rational()
		if !ok || e.Denom().BitLen() > 10 || e.Num().BitLen() > 10 {
			return fraction{}, errInexact
		}
		root, err := r.root(b, e.Denom().Int64())
		if err != nil {
			return fraction{}, err
		}
		return r.pow(root, fraction{constant(new(big.Rat).SetInt(e.Num())), constant(one)})
	}
	if len(base.num) == 0 {
		if e.Sign() <= 0 {
			return fraction{}, fmt.Errorf("zero to the power %s: %w", e.RatString(), errUndefined)
		}
		return base, nil
	}
	if b, ok := base.rational(); ok && b.IsInt() && b.Num().CmpAbs(big.NewInt(1)) == 0 {
		if b.Sign() > 0 || e.Num().Bit(0) == 0 {
			return fraction{constant(one), constant(one)}, nil
		}
		return base, nil
	}
	if e.Num().BitLen() > 14 {
		return fraction{}, fmt.Errorf("an exponent: %w", errLarge)
	}
	k := e.Num().Int64()
	if k < 0 {
		base, k = fraction{base.den, base.num}, -k
	}
	out := fraction{constant(one), constant(one)}
	for ; k > 0; k >>= 1 {
		var err error
		if k&1 == 1 {
			if out, err = r.times(out, base); err != nil {
				return fraction{}, err
			}
		}
		if k > 1 {
			if base, err = r.times(base, base); err != nil {
				return fraction{}, err
			}
		}
	}
	return out, nil
}

// call applies a function to numbers for which its value is exact.
func (r *ring) call(name string, args []fraction) (fraction, error) {
	nums := make([]*big.Rat, len(args))
	for i, a := range args {
		var ok bool
		if nums[i], ok = a.rational(); !ok {
			return fraction{}, errInexact
		}
	}
	rat := func(x *big.Rat) (fraction, error) { return fraction{constant(x), constant(one)}, nil }
	small := func(x *big.Rat) bool { return x.IsInt() && x.Sign() >= 0 && x.Num().BitLen() <= 10 }
	x := nums[0]
	switch {
	case name == "sqrt":
		return r.root(x, 2)
	case name == "root" && small(nums[1]) && nums[1].Sign() > 0:
		return r.root(x, nums[1].Num().Int64())
	case name == "abs":
		return rat(new(big.Rat).Abs(x))
	case name == "floor", name == "ceil":
		f := new(big.Int).Div(x.Num(), x.Denom()) // Euclidean, and the denominator is positive
		if name == "ceil" && !x.IsInt() {
			f.Add(f, big.NewInt(1))
		}
		return rat(new(big.Rat).SetInt(f))
	case name == "factorial" && small(x) && x.Num().Int64() <= 600:
		return rat(new(big.Rat).SetInt(new(big.Int).MulRange(1, x.Num().Int64())))
	case name == "factorial":
		return fraction{}, fmt.Errorf("a factorial: %w", errLarge)
	case name == "binom" && small(x) && small(nums[1]):
		return rat(new(big.Rat).SetInt(new(big.Int).Binomial(x.Num().Int64(), nums[1].Num().Int64())))
	}
	return fraction{}, errInexact
}

// root is the real n-th root of a number where it is exact: a rational number, or for n = 2 one times i and the roots of
// primes.
func (r *ring) root(x *big.Rat, n int64) (fraction, error) {
	if x.Sign() < 0 && n%2 == 0 {
		if n != 2 {
			return fraction{}, errInexact
		}
		f, err := r.root(new(big.Rat).Neg(x), 2)
		if err != nil {
			return fraction{}, err
		}
		i, err := r.of(r.atom("i", big.NewRat(-1, 1)))
		if err != nil {
			return fraction{}, err
		}
		return r.times(f, i)
	}
	a, exactA := intRoot(x.Num(), n)
	b, exactB := intRoot(x.Denom(), n)
	if exactA && exactB {
		return fraction{constant(new(big.Rat).SetFrac(a, b)), constant(one)}, nil
	}
	if n != 2 || x.Num().BitLen() > 64 || x.Denom().BitLen() > 64 {
		return fraction{}, errInexact
	}
	out := fraction{constant(new(big.Rat).SetFrac(big.NewInt(1), x.Denom())), constant(one)} // √(a/b) = √(ab) / b
	square, primes, ok := squareFree(new(big.Int).Mul(x.Num(), x.Denom()))
	if !ok {
		return fraction{}, errInexact
	}
	out, err := r.times(out, fraction{constant(new(big.Rat).SetInt(square)), constant(one)})
	for _, p := range primes {
		if err != nil {
			break
		}
		var f fraction
		if f, err = r.of(r.atom("sqrt "+p.String(), new(big.Rat).SetInt(p))); err == nil {
			out, err = r.times(out, f)
		}
	}
	return out, err
}

// intRoot is the whole n-th root of x, and whether it is exact. For n of 2 it takes Newton's method of math/big, otherwise
// bisection.
func intRoot(x *big.Int, n int64) (*big.Int, bool) {
	abs := new(big.Int).Abs(x)
	if x.Sign() < 0 {
		root, ok := intRoot(abs, n)
		return root.Neg(root), ok && n%2 == 1
	}
	low, high := new(big.Int), new(big.Int).Lsh(big.NewInt(1), uint(abs.BitLen()/int(n)+1))
	if n == 2 {
		low.Sqrt(abs)
	} else {
		for mid := new(big.Int); new(big.Int).Sub(high, low).Cmp(big.NewInt(1)) > 0; {
			mid.Add(low, high).Rsh(mid, 1)
			if new(big.Int).Exp(mid, big.NewInt(n), nil).Cmp(abs) <= 0 {
				low.Set(mid)
			} else {
				high.Set(mid)
			}
		}
	}
	return low, new(big.Int).Exp(low, big.NewInt(n), nil).Cmp(abs) == 0
}

// squareFree writes x > 0 as the square of a number times different primes. It gives up where what is left after
// small factors is neither a prime nor the square of one.
func squareFree(x *big.Int) (square *big.Int, primes []*big.Int, ok bool) {
	square, rest := big.NewInt(1), new(big.Int).Set(x)
	var q, m big.Int
	for p := int64(2); p < 3000; p++ {
		prime := big.NewInt(p)
		times := 0
		for q.QuoRem(rest, prime, &m); m.Sign() == 0; q.QuoRem(rest, prime, &m) {
			rest.Set(&q)
			times++
		}
		for range times / 2 {
			square.Mul(square, prime)
		}
		if times%2 == 1 {
			primes = append(primes, prime)
		}
		if rest.Cmp(big.NewInt(p*p)) < 0 {
			break
		}
	}
	if rest.Cmp(big.NewInt(1)) == 0 {
		return square, primes, true
	}
	if rest.ProbablyPrime(10) {
		return square, append(primes, rest), true
	}
	if root, exact := intRoot(rest, 2); exact && root.ProbablyPrime(10) {
		return square.Mul(square, root), primes, true
	}
	return nil, nil, false
}
