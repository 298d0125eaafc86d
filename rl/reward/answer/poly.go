package answer

import (
	"fmt"
	"math/big"
)

// monomial holds the exponents of a ring's atoms.
type monomial [maxAtoms]uint8

// poly is a polynomial with rational coefficients, none of them zero, over the atoms of a ring.
type poly map[monomial]*big.Rat

// fraction is a quotient of polynomials. The denominator is not zero.
type fraction struct{ num, den poly }

// ring does exact arithmetic with polynomials over atoms: variables, π, e, i, and the square roots of primes. The square of
// i and of a root is a rational number, so no such atom has an exponent above 1 and every element has one normal form.
// (The square roots of different primes are linearly independent over the rationals; that π and e are algebraically
// independent is conjectured, and nothing here makes two unequal values equal if they were not.)
type ring struct {
	names  []string
	square [maxAtoms]*big.Rat // of an atom that has one
	work   int                // products of coefficients so far
}

func constant(r *big.Rat) poly {
	if r.Sign() == 0 {
		return poly{}
	}
	return poly{monomial{}: r}
}

// rational returns the value of a polynomial that is a number.
func (p poly) rational() (*big.Rat, bool) {
	switch len(p) {
	case 0:
		return new(big.Rat), true
	case 1:
		r, ok := p[monomial{}]
		return r, ok
	}
	return nil, false
}

// rational returns the value of a fraction that is a number.
func (f fraction) rational() (*big.Rat, bool) {
	a, ok := f.num.rational()
	b, ok2 := f.den.rational()
	if !ok || !ok2 {
		return nil, false
	}
	return new(big.Rat).Quo(a, b), true
}

// atom is the polynomial of one atom.
func (r *ring) atom(name string, square *big.Rat) (poly, error) {
	at := 0
	for at < len(r.names) && r.names[at] != name {
		at++
	}
	if at == maxAtoms {
		return nil, fmt.Errorf("more than %d variables and roots: %w", maxAtoms, errLarge)
	}
	if at == len(r.names) {
		r.names = append(r.names, name)
		r.square[at] = square
	}
	var m monomial
	m[at] = 1
	return poly{m: big.NewRat(1, 1)}, nil
}

// spend counts work, so that no expression takes long.
func (r *ring) spend(n int) error {
	if r.work += n; r.work > maxWork {
		return fmt.Errorf("exact arithmetic: %w", errLarge)
	}
	return nil
}

func (r *ring) add(a, b poly) (poly, error) {
	if err := r.spend(len(a) + len(b)); err != nil {
		return nil, err
	}
	sum := make(poly, len(a)+len(b))
	for m, c := range a {
		sum[m] = c
	}
	for m, c := range b {
		if err := sum.addTerm(m, c); err != nil {
			return nil, err
		}
	}
	return sum, nil
}

// addTerm adds a term in place.
func (p poly) addTerm(m monomial, c *big.Rat) error {
	if old, ok := p[m]; ok {
		c = new(big.Rat).Add(old, c)
	}
	switch {
	case c.Sign() == 0:
		delete(p, m)
	case c.Num().BitLen() > maxBits || c.Denom().BitLen() > maxBits:
		return fmt.Errorf("a coefficient: %w", errLarge)
	default:
		p[m] = c
	}
	if len(p) > maxTerms {
		return fmt.Errorf("a polynomial: %w", errLarge)
	}
	return nil
}

func (r *ring) mul(a, b poly) (poly, error) {
	if err := r.spend(len(a) * len(b)); err != nil {
		return nil, err
	}
	product := make(poly, max(len(a), len(b)))
	for ma, ca := range a {
		for mb, cb := range b {
			c := new(big.Rat).Mul(ca, cb)
			var m monomial
			for i := range r.names {
				e := int(ma[i]) + int(mb[i])
				if sq := r.square[i]; sq != nil && e == 2 {
					c.Mul(c, sq)
					e = 0
				}
				if e > maxDegree {
					return nil, fmt.Errorf("a degree: %w", errLarge)
				}
				m[i] = uint8(e)
			}
			if err := product.addTerm(m, c); err != nil {
				return nil, err
			}
		}
	}
	return product, nil
}

// plus, times and over are the operations on fractions.
func (r *ring) plus(a, b fraction) (fraction, error) {
	x, err := r.mul(a.num, b.den)
	if err != nil {
		return fraction{}, err
	}
	y, err := r.mul(b.num, a.den)
	if err != nil {
		return fraction{}, err
	}
	num, err := r.add(x, y)
	if err != nil {
		return fraction{}, err
	}
	den, err := r.mul(a.den, b.den)
	return fraction{num, den}, err
}

func (r *ring) times(a, b fraction) (fraction, error) {
	num, err := r.mul(a.num, b.num)
	if err != nil {
		return fraction{}, err
	}
	den, err := r.mul(a.den, b.den)
	return fraction{num, den}, err
}

func (r *ring) over(a, b fraction) (fraction, error) {
	if len(b.num) == 0 {
		return fraction{}, fmt.Errorf("division by zero: %w", errUndefined)
	}
	return r.times(a, fraction{b.den, b.num})
}

// equal reports whether two fractions are the same rational function.
func (r *ring) equal(a, b fraction) (bool, error) {
	x, err := r.mul(a.num, b.den)
	if err != nil {
		return false, err
	}
	y, err := r.mul(b.num, a.den)
	if err != nil || len(x) != len(y) {
		return false, err
	}
	for m, c := range x {
		if d, ok := y[m]; !ok || c.Cmp(d) != 0 {
			return false, nil
		}
	}
	return true, nil
}

// proportional reports whether b is a number other than zero times a.
func proportional(a, b poly) bool {
	if len(a) != len(b) || len(a) == 0 {
		return len(a) == len(b)
	}
	var k *big.Rat
	for m, c := range a {
		d, ok := b[m]
		if !ok {
			return false
		}
		q := new(big.Rat).Quo(d, c)
		if k == nil {
			k = q
		}
		if k.Cmp(q) != 0 {
			return false
		}
	}
	return true
}
