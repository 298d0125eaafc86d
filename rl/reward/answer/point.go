package answer

import (
	"errors"
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"slices"
)

// point is where expressions are evaluated: a number for each variable.
type point map[string]*big.Rat

// at is the value of a node at a point.
func (f *float) at(n *node, p point) (complexFloat, error) {
	cost := 1
	if n.op == opCall || n.op == opPow {
		cost = 20
	}
	if *f.budget -= cost; *f.budget < 0 {
		return complexFloat{}, fmt.Errorf("evaluation at points: %w", errLarge)
	}
	switch n.op {
	case opNum:
		return f.both(f.new().SetRat(n.num), f.new())
	case opVar:
		return f.complex(f.new().SetRat(p[n.name])), nil
	case opConst:
		switch n.name {
		case "pi":
			return f.complex(f.Pi()), nil
		case "e":
			e, err := f.Exp(f.int(1))
			return f.complex(e), err
		}
		return complexFloat{f.new(), f.int(1)}, nil
	}
	args := make([]complexFloat, len(n.args))
	for i, a := range n.args {
		var err error
		if args[i], err = f.at(a, p); err != nil {
			return complexFloat{}, err
		}
	}
	switch n.op {
	case opAdd, opMixed:
		sum := args[0]
		for _, a := range args[1:] {
			var err error
			if sum, err = f.add(sum, a); err != nil {
				return sum, err
			}
		}
		return sum, nil
	case opMul:
		return f.mul(args[0], args[1])
	case opDiv:
		return f.div(args[0], args[1])
	case opNeg:
		return complexFloat{f.new().Neg(args[0].re), f.new().Neg(args[0].im)}, nil
	case opPercent:
		return f.div(args[0], f.complex(f.int(100)))
	case opDegree:
		z, err := f.mul(args[0], f.complex(f.Pi()))
		if err != nil {
			return z, err
		}
		return f.div(z, f.complex(f.int(180)))
	case opPow:
		return f.pow(args[0], args[1], ratOf(n.args[1]))
	case opCall:
		return f.call(n.name, args, n)
	}
	return complexFloat{}, fmt.Errorf("no number: %w", errInexact)
}

// ratOf is the value of a node that is a rational number by its form, else nil.
func ratOf(n *node) *big.Rat {
	if n.variables() {
		return nil
	}
	var r ring
	v, err := r.eval(n)
	if err != nil {
		return nil
	}
	q, ok := v.rational()
	if !ok {
		return nil
	}
	return q
}

// call applies a function. Logarithms, angles and inverse functions are those of real numbers.
func (f *float) call(name string, args []complexFloat, n *node) (complexFloat, error) {
	x := args[len(args)-1]
	switch name {
	case "sqrt":
		return f.sqrt(args[0])
	case "root":
		index := ratOf(n.args[1])
		if index == nil || index.Sign() <= 0 {
			return complexFloat{}, fmt.Errorf("the index of a root: %w", errUndefined)
		}
		inverse := new(big.Rat).Inv(index)
		return f.pow(args[0], f.complex(f.new().SetRat(inverse)), inverse)
	case "exp":
		return f.exp(x)
	case "abs":
		return f.complex(f.new().Sqrt(f.norm(x))), nil
	}
	for _, a := range args {
		if !a.real() {
			return complexFloat{}, fmt.Errorf("%s of a complex number: %w", name, errInexact)
		}
	}
	var re *big.Float
	var err error
	switch name {
	case "ln":
		re, err = f.Log(x.re)
	case "log":
		base := f.int(10)
		if len(args) == 2 {
			base = args[0].re
		}
		re, err = f.logBase(x.re, base)
	case "sin", "cos", "tan", "cot", "sec", "csc":
		return f.angle(name, x.re)
	case "arctan":
		re = f.Atan(x.re)
	case "arcsin", "arccos":
		re, err = f.arcsin(x.re)
		if err == nil && name == "arccos" {
			re = f.new().Sub(half(f.Pi(), 1), re)
		}
	default:
		return complexFloat{}, fmt.Errorf("%s: %w", name, errInexact)
	}
	return f.complex(re), err
}

func (f *float) logBase(x, base *big.Float) (*big.Float, error) {
	a, err := f.Log(x)
	if err != nil {
		return nil, err
	}
	b, err := f.Log(base)
	if err != nil {
		return nil, err
	}
	if b.Sign() == 0 {
		return nil, fmt.Errorf("a logarithm to base 1: %w", errUndefined)
	}
	return f.new().Quo(a, b), nil
}

func (f *float) angle(name string, x *big.Float) (complexFloat, error) {
	s, c, err := f.SinCos(x)
	if err != nil {
		return complexFloat{}, err
	}
	sin, cos, unit := f.complex(s), f.complex(c), f.complex(f.int(1))
	switch name {
	case "sin":
		return sin, nil
	case "cos":
		return cos, nil
	case "tan":
		return f.div(sin, cos)
	case "cot":
		return f.div(cos, sin)
	case "sec":
		return f.div(unit, cos)
	}
	return f.div(unit, sin)
}

// arcsin x is arctan(x / sqrt(1 - x²)).
func (f *float) arcsin(x *big.Float) (*big.Float, error) {
	d := f.new().Sub(f.int(1), f.new().Mul(x, x))
	switch d.Sign() {
	case -1:
		return nil, fmt.Errorf("the arcsine of what is above 1: %w", errUndefined)
	case 0:
		re := half(f.Pi(), 1)
		if x.Sign() < 0 {
			re = f.new().Neg(re)
		}
		return re, nil
	}
	return f.Atan(f.new().Quo(x, d.Sqrt(d))), nil
}

const (
	wantPoints = 6  // at which a gold expression with variables has a value
	maxPoints  = 40 // tried to find them
)

// agree reports whether a prediction has gold's value at random points, with 192 and with 384 bits: two numbers that only
// come close to each other agree with few bits and part with more. Wherever gold is defined the prediction must be too; the
// error is about gold or about the budget, the number of operations that may be spent.
func agree(gold, predicted *node, rnd *rand.Rand, budget *int) (bool, error) {
	names := map[string]bool{}
	for _, n := range []*node{gold, predicted} {
		n.contains(func(x *node) bool {
			if x.op == opVar {
				names[x.name] = true
			}
			return false
		})
	}
	want := wantPoints
	if len(names) == 0 {
		want = 1
	}
	sorted := slices.Sorted(maps.Keys(names))
	valid := 0
	var last error
	for try := 0; try < maxPoints && valid < want; try++ {
		p := point{}
		for _, name := range sorted {
			p[name] = draw(rnd, try)
		}
		same, err := agreeAt(gold, predicted, p, budget)
		if errors.Is(err, errUndefined) && len(names) > 0 {
			last = err
			continue
		}
		if err != nil || !same {
			return false, err
		}
		valid++
	}
	if valid < want {
		return false, fmt.Errorf("gold has a value at %d of %d points: %w", valid, maxPoints, last)
	}
	return true, nil
}

// draw makes the value of a variable: a fraction with a prime denominator between 0 and 8, also negative in every
// second point, so that neither a domain nor a symmetry hides a difference. It is never whole, as the places are where
// denominators vanish.
func draw(rnd *rand.Rand, try int) *big.Rat {
	v := big.NewRat(997*rnd.Int64N(8)+1+rnd.Int64N(996), 997)
	if try%2 == 1 && rnd.IntN(2) == 0 {
		v.Neg(v)
	}
	return v
}

func agreeAt(gold, predicted *node, p point, budget *int) (bool, error) {
	for _, prec := range []uint{192, 384} {
		f := float{prec: prec + 64, budget: budget}
		g, err := f.at(gold, p)
		if err != nil {
			return false, err
		}
		q, err := f.at(predicted, p)
		if *budget < 0 {
			return false, err
		}
		if err != nil {
			return false, nil
		}
		diff := f.norm(complexFloat{f.new().Sub(g.re, q.re), f.new().Sub(g.im, q.im)})
		size := f.norm(g)
		bits := 3 * int(prec) / 2 // that squares agree in: three quarters of prec, the rest is for cancellation
		if size.Sign() != 0 {
			bits -= size.MantExp(nil)
		}
		if diff.Sign() != 0 && diff.MantExp(nil) > -bits {
			return false, nil
		}
	}
	return true, nil
}
