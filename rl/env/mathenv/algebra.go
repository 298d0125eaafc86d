package mathenv

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// linear asks for the solution of an equation in x.
func linear(r *rand.Rand, d int) sketch {
	x := between(r, 1, 15+5*d)
	a, b, c := between(r, 2, 4+2*d), between(r, 1, 10*d), between(r, 2, 6)
	if d >= 3 && r.IntN(2) == 0 {
		x = -x
	}
	var left, right, work string
	switch d {
	case 1:
		left, right = fmt.Sprintf("x+%d", b), fmt.Sprint(x+b)
		work = fmt.Sprintf("x=%d-%d=%d", x+b, b, x)
	case 2:
		left, right = fmt.Sprintf("%dx", a), fmt.Sprint(a*x)
		work = fmt.Sprintf("x=%d/%d=%d", a*x, a, x)
	case 3:
		left, right = fmt.Sprintf("%dx+%d", a, b), fmt.Sprint(a*x+b)
		work = fmt.Sprintf("%dx=%d-%d=%d\nx=%d", a, a*x+b, b, a*x, x)
	case 4:
		a += c
		rest := a*x + b - c*x
		left, right = fmt.Sprintf("%dx+%d", a, b), fmt.Sprintf("%s%s", term(c), signed(rest))
		work = fmt.Sprintf("%s=%d-%d=%d\nx=%d", term(a-c), rest, b, rest-b, x)
	default: // a(x+b) = e, with a fraction as solution
		e := between(r, 10, 99)
		left, right = fmt.Sprintf("%d(x+%d)", a, b), fmt.Sprint(e)
		return equation(left, right, fmt.Sprintf("%dx+%d=%d\n%dx=%d\nx=%s", a, a*b, e, a, e-a*b, ratio(e-a*b, a)), ratio(e-a*b, a))
	}
	return equation(left, right, work, fmt.Sprint(x))
}

func equation(left, right, work, gold string) sketch {
	return sketch{
		terse: fmt.Sprintf("%s=%s, x=", left, right),
		texts: []string{
			fmt.Sprintf("Solve %s = %s for x.", left, right),
			fmt.Sprintf("Which number x satisfies %s = %s?", left, right),
		},
		work: work,
		gold: gold,
	}
}

// term writes a multiple of x.
func term(a int) string {
	switch a {
	case 1:
		return "x"
	case -1:
		return "-x"
	}
	return fmt.Sprintf("%dx", a)
}

// signed writes a number with its sign, for use in a sum.
func signed(n int) string { return fmt.Sprintf("%+d", n) }

// quadratic asks for the two solutions of an equation.
func quadratic(r *rand.Rand, d int) sketch {
	limit := 6 * d
	p, q := between(r, -limit, limit), between(r, -limit, limit)
	for p >= q || p == 0 || q == 0 || p == -q {
		p, q = between(r, -limit, limit), between(r, -limit, limit)
	}
	poly := polynomial(-(p + q), p*q)
	return sketch{
		terse: poly + "=0, x=",
		texts: []string{
			fmt.Sprintf("Find both solutions of %s = 0.", poly),
			fmt.Sprintf("Solve %s = 0. Give both numbers with a comma between them.", poly),
		},
		work: fmt.Sprintf("The sum of the solutions is %d and their product %d.\n%d+(%d)=%d, %d*(%d)=%d", p+q, p*q, p, q, p+q, p, q, p*q),
		gold: fmt.Sprintf("%d, %d", p, q),
	}
}

// polynomial writes x^2 + bx + c.
func polynomial(b, c int) string {
	s := "x^2"
	switch {
	case b == 1:
		s += "+x"
	case b == -1:
		s += "-x"
	case b != 0:
		s += signed(b) + "x"
	}
	if c != 0 {
		s += signed(c)
	}
	return s
}

// expand asks for a product of sums without brackets.
func expand(r *rand.Rand, d int) sketch {
	nonzero := func() int { return pick(r, -1, 1) * between(r, 1, 6*d) }
	a, b := nonzero(), nonzero()
	if d == 3 {
		a, b = max(a, -a), max(b, -b)
	}
	k := 1
	if d == 5 {
		k = between(r, 2, 5)
	}
	text := fmt.Sprintf("(%s%s)(x%s)", term(k), signed(a), signed(b))
	middle, last := k*b+a, a*b
	gold := strings.TrimPrefix(polynomial(middle, last), "x^2")
	if k > 1 {
		gold = fmt.Sprintf("%dx^2%s", k, gold)
	} else {
		gold = "x^2" + gold
	}
	return sketch{
		terse: "expand " + text + "=",
		texts: []string{fmt.Sprintf("Expand %s.", text), fmt.Sprintf("Write %s without brackets.", text)},
		work:  fmt.Sprintf("The terms with x: %s%sx=%s\nThe number: %d*(%d)=%d", term(k*b), signed(a), term(middle), a, b, last),
		gold:  gold,
	}
}

// fractions calculates with fractions; the answer is in lowest terms.
func fractions(r *rand.Rand, d int) sketch {
	b := between(r, 5, 8+4*d)
	e := b
	if d > 2 {
		e = between(r, 3, 8+2*d)
	}
	a, c := between(r, 1, b-1), between(r, 1, e-1)
	op := pick(r, "+", "-")
	if d >= 4 {
		op = pick(r, "*", "/")
	}
	var num, den int
	var work string
	x, y := fmt.Sprintf("%d/%d", a, b), fmt.Sprintf("%d/%d", c, e)
	switch op {
	case "+", "-":
		common := b / gcd(b, e) * e
		p, q := a*(common/b), c*(common/e)
		num, den = p+q, common
		if op == "-" {
			num = p - q
		}
		work = fmt.Sprintf("%d/%d %s %d/%d = %d/%d", p, common, op, q, common, num, den)
	case "*":
		num, den = a*c, b*e
		work = fmt.Sprintf("%d*%d=%d, %d*%d=%d", a, c, num, b, e, den)
	default:
		num, den = a*e, b*c
		work = fmt.Sprintf("%s * %d/%d = %d/%d", x, e, c, num, den)
	}
	text := fmt.Sprintf("%s %s %s", x, op, y)
	if op == "/" {
		text = fmt.Sprintf("(%s)/(%s)", x, y)
	}
	if d == 5 { // and another one
		f, g := between(r, 2, 9), gcd(num, den)
		num, den = num/g, den/g
		text += fmt.Sprintf(" + 1/%d", f)
		work += fmt.Sprintf("\n%s + 1/%d = %d/%d", ratio(num, den), f, num*f+den, den*f)
		num, den = num*f+den, den*f
	}
	return sketch{
		terse: text + " =",
		texts: []string{
			fmt.Sprintf("What is %s? Give a fraction in lowest terms.", text),
			fmt.Sprintf("Work out %s as a fraction in lowest terms.", text),
		},
		work: work + "\nIn lowest terms: " + ratio(num, den),
		gold: ratio(num, den),
	}
}

// percent asks for a part, a change, a share or the whole.
func percent(r *rand.Rand, d int) sketch {
	p := 5 * between(r, 1, 19)
	n := 20 * between(r, 2, 40*d)
	part := n * p / 100
	switch d {
	case 2:
		return sketch{
			terse: fmt.Sprintf("%d%% of %d=", p, n),
			texts: []string{fmt.Sprintf("What is %d%% of %d?", p, n), fmt.Sprintf("Find %d percent of %d.", p, n)},
			work:  fmt.Sprintf("%d*%d/100=%d", n, p, part),
			gold:  fmt.Sprint(part),
		}
	case 3:
		word, sign, result := "rises", "+", n+part
		if r.IntN(2) == 0 {
			word, sign, result = "falls", "-", n-part
		}
		return sketch{
			terse: fmt.Sprintf("%d %s%d%%=", n, sign, p),
			texts: []string{
				fmt.Sprintf("A price of %d dollars %s by %d%%. What is the new price in dollars?", n, word, p),
				fmt.Sprintf("A town had %d people. The number %s by %d%%. How many people are there now?", n, word, p),
			},
			work: fmt.Sprintf("%d%% of %d is %d.\n%d%s%d=%d", p, n, part, n, sign, part, result),
			gold: fmt.Sprint(result),
		}
	case 4:
		return sketch{
			terse: fmt.Sprintf("%d%% of x is %d, x=", p, part),
			texts: []string{
				fmt.Sprintf("%d%% of a number is %d. What is the number?", p, part),
				fmt.Sprintf("In a school %d children, which is %d%% of all, walk. How many children are there?", part, p),
			},
			work: fmt.Sprintf("%d*100/%d=%d", part, p, n),
			gold: fmt.Sprint(n),
		}
	}
	q := 10 * between(r, 1, 9)
	n *= 10
	up := n + n*p/100
	return sketch{
		terse: fmt.Sprintf("%d +%d%% -%d%%=", n, p, q),
		texts: []string{
			fmt.Sprintf("A price of %d dollars rises by %d%% and then falls by %d%%. What is it in the end, in dollars?", n, p, q),
			fmt.Sprintf("Start with %d, add %d%%, and then take %d%% of the result away. What is left?", n, p, q),
		},
		work: fmt.Sprintf("%d*%d/100=%d\n%d*%d/100=%s", n, 100+p, up, up, 100-q, ratio(up*(100-q), 100)),
		gold: ratio(up*(100-q), 100),
	}
}
