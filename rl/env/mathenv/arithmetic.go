package mathenv

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// addition adds numbers of 1 to 5 digits, at the top difficulty three of them.
func addition(r *rand.Rand, d int) sketch {
	a, b := digits(r, d), digits(r, d)
	if d == 1 {
		a, b = between(r, 0, 49), between(r, 1, 9)
	}
	if d == 5 {
		c := digits(r, 4)
		terse := fmt.Sprintf("%d+%d+%d=", a, b, c)
		return sketch{
			terse: terse,
			texts: []string{
				fmt.Sprintf("What is %d + %d + %d?", a, b, c),
				fmt.Sprintf("Add %d, %d and %d.", a, b, c),
			},
			work: lines(fmt.Sprintf("%d+%d=%d", a, b, a+b), fmt.Sprintf("%d+%d=%d", a+b, c, a+b+c)),
			gold: fmt.Sprint(a + b + c),
		}
	}
	s := sketch{
		terse: fmt.Sprintf("%d+%d=", a, b),
		texts: []string{
			fmt.Sprintf("What is %d + %d?", a, b),
			fmt.Sprintf("Add %d and %d.", a, b),
			fmt.Sprintf("Find the sum of %d and %d.", a, b),
		},
		gold: fmt.Sprint(a + b),
	}
	if d > 1 {
		s.work = columns(a, b)
	}
	return s
}

// columns adds two numbers digit by digit from the right, as in school.
func columns(a, b int) string {
	var steps []string
	carry, x, y := 0, a, b
	for x > 0 || y > 0 {
		sum := x%10 + y%10 + carry
		step := fmt.Sprintf("%d+%d", x%10, y%10)
		if carry > 0 {
			step += "+1"
		}
		steps = append(steps, fmt.Sprintf("%s=%d", step, sum))
		carry, x, y = sum/10, x/10, y/10
	}
	return strings.Join(steps, ", ") + fmt.Sprintf("\n%d+%d=%d", a, b, a+b)
}

// subtraction takes one number from another; from difficulty 4 on the result may be negative.
func subtraction(r *rand.Rand, d int) sketch {
	a, b := digits(r, d), digits(r, d)
	if d == 1 {
		a, b = between(r, 10, 50), between(r, 1, 9)
	}
	if d < 4 && a < b {
		a, b = b, a
	}
	s := sketch{
		terse: fmt.Sprintf("%d-%d=", a, b),
		texts: []string{
			fmt.Sprintf("What is %d - %d?", a, b),
			fmt.Sprintf("Subtract %d from %d.", b, a),
			fmt.Sprintf("Find %d minus %d.", a, b),
		},
		gold: fmt.Sprint(a - b),
	}
	if a < b {
		s.work = fmt.Sprintf("%d is less than %d, so the result is below 0.\n%d-%d=%d", a, b, b, a, b-a)
	} else if d > 1 {
		s.work = fmt.Sprintf("%d-%d=%d, since %d+%d=%d", a, b, a-b, a-b, b, a)
	}
	return s
}

// multiplication goes from the small table to three digits times three.
func multiplication(r *rand.Rand, d int) sketch {
	var a, b int
	switch d {
	case 1:
		a, b = between(r, 2, 15), between(r, 2, 9)
	case 2:
		a, b = digits(r, 2), between(r, 3, 9)
	case 3:
		a, b = digits(r, 2), between(r, 11, 99)
	case 4:
		a, b = digits(r, 3), between(r, 11, 99)
	default:
		a, b = digits(r, 3), digits(r, 3)
	}
	s := sketch{
		terse: fmt.Sprintf("%d*%d=", a, b),
		texts: []string{
			fmt.Sprintf("What is %d * %d?", a, b),
			fmt.Sprintf("Multiply %d by %d.", a, b),
			fmt.Sprintf("Find %d times %d.", a, b),
		},
		gold: fmt.Sprint(a * b),
	}
	if d > 1 {
		s.work = partial(a, b)
	}
	return s
}

// partial multiplies by the digits of b one after another.
func partial(a, b int) string {
	var steps []string
	total, place := 0, 1
	for rest := b; rest > 0; rest, place = rest/10, place*10 {
		part := rest % 10 * place
		if part == 0 {
			continue
		}
		step := fmt.Sprintf("%d*%d=%d", a, part, a*part)
		if total > 0 {
			step += fmt.Sprintf(", %d+%d=%d", total, a*part, total+a*part)
		}
		total += a * part
		steps = append(steps, step)
	}
	return lines(steps...)
}

// division divides without a remainder.
func division(r *rand.Rand, d int) sketch {
	var q, b int
	switch d {
	case 1:
		q, b = between(r, 2, 20), between(r, 2, 9)
	case 2:
		q, b = digits(r, 2), between(r, 3, 9)
	case 3:
		q, b = digits(r, 2), between(r, 11, 49)
	default:
		q, b = digits(r, 3), between(r, 11, 99)
	}
	s := sketch{
		terse: fmt.Sprintf("%d/%d=", q*b, b),
		texts: []string{
			fmt.Sprintf("What is %d divided by %d?", q*b, b),
			fmt.Sprintf("Divide %d by %d.", q*b, b),
		},
		gold: fmt.Sprint(q),
	}
	if d > 1 {
		s.work = fmt.Sprintf("%d*%d=%d", b, q, q*b)
	}
	return s
}

// remainder asks for what is left by a division. The divisor is above 11, so that no remainder is frequent.
func remainder(r *rand.Rand, d int) sketch {
	b := between(r, 12, 10+10*d)
	a := b*between(r, 2, 5) + r.IntN(b)
	if d > 2 {
		a = b + digits(r, d)
	}
	return sketch{
		terse: fmt.Sprintf("%d mod %d=", a, b),
		texts: []string{
			fmt.Sprintf("What is the remainder when %d is divided by %d?", a, b),
			fmt.Sprintf("Divide %d by %d. What is left?", a, b),
		},
		work: fmt.Sprintf("%d*%d=%d\n%d-%d=%d", b, a/b, a/b*b, a, a/b*b, a%b),
		gold: fmt.Sprint(a % b),
	}
}

// gcdProblem asks for a greatest common divisor, found by Euclid's algorithm.
func gcdProblem(r *rand.Rand, d int) sketch {
	g := between(r, 2, 12*d)
	limit := []int{0, 0, 9, 20, 40, 90}[d]
	m, n := between(r, 2, limit), between(r, 2, limit)
	for gcd(m, n) != 1 {
		m, n = between(r, 2, limit), between(r, 2, limit)
	}
	a, b := g*m, g*n
	var steps []string
	for x, y := max(a, b), min(a, b); y > 0; x, y = y, x%y {
		steps = append(steps, fmt.Sprintf("%d mod %d=%d", x, y, x%y))
	}
	return sketch{
		terse: fmt.Sprintf("gcd(%d,%d)=", a, b),
		texts: []string{
			fmt.Sprintf("What is the greatest common divisor of %d and %d?", a, b),
			fmt.Sprintf("Find the largest number that divides both %d and %d.", a, b),
		},
		work: strings.Join(steps, ", "),
		gold: fmt.Sprint(g),
	}
}

// expression evaluates a term with brackets and the order of operations.
func expression(r *rand.Rand, d int) sketch {
	a, b, c, e := between(r, 2, 9), between(r, 2, 5+4*d), between(r, 2, 5+4*d), between(r, 2, 5*d)
	var text, work string
	var gold int
	switch d {
	case 2:
		if r.IntN(2) == 0 {
			text, work, gold = fmt.Sprintf("%d+%d*%d", b, a, c), fmt.Sprintf("%d*%d=%d, %d+%d=%d", a, c, a*c, b, a*c, b+a*c), b+a*c
		} else {
			text, work, gold = fmt.Sprintf("%d*(%d+%d)", a, b, c), fmt.Sprintf("%d+%d=%d, %d*%d=%d", b, c, b+c, a, b+c, a*(b+c)), a*(b+c)
		}
	case 3:
		gold = a*(b+c) - e
		text = fmt.Sprintf("%d*(%d+%d)-%d", a, b, c, e)
		work = fmt.Sprintf("%d+%d=%d, %d*%d=%d, %d-%d=%d", b, c, b+c, a, b+c, a*(b+c), a*(b+c), e, gold)
	case 4:
		gold = (a+b)*(c-e) + b
		text = fmt.Sprintf("(%d+%d)*(%d-%d)+%d", a, b, c, e, b)
		work = fmt.Sprintf("%d+%d=%d, %d-%d=%d, %d*(%d)=%d, %d+%d=%d", a, b, a+b, c, e, c-e, a+b, c-e, (a+b)*(c-e), (a+b)*(c-e), b, gold)
	default:
		gold = a*a*b - c*(b-e)
		text = fmt.Sprintf("%d^2*%d-%d*(%d-%d)", a, b, c, b, e)
		work = fmt.Sprintf("%d^2=%d, %d*%d=%d, %d-%d=%d, %d*(%d)=%d, %d-(%d)=%d",
			a, a*a, a*a, b, a*a*b, b, e, b-e, c, b-e, c*(b-e), a*a*b, c*(b-e), gold)
	}
	return sketch{
		terse: text + "=",
		texts: []string{fmt.Sprintf("What is %s?", text), fmt.Sprintf("Work out %s.", text)},
		work:  work,
		gold:  fmt.Sprint(gold),
	}
}
