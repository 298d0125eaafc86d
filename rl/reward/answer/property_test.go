package answer

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"muonclip/internal/rng"
)

// tree is a random expression, which is written down in several notations.
type tree struct {
	op    string // "n" a number, "v" a variable, else an operation
	value int64
	name  string
	args  []tree
}

func drawTree(depth int, variables bool) *rapid.Generator[tree] {
	return rapid.Custom(func(t *rapid.T) tree {
		kinds := []string{"n"}
		if variables {
			kinds = append(kinds, "v")
		}
		if depth > 0 {
			kinds = append(kinds, "+", "-", "*", "/", "^", "sqrt", "neg")
		}
		n := tree{op: rapid.SampledFrom(kinds).Draw(t, "kind")}
		sub := func() tree { return drawTree(depth-1, variables).Draw(t, "sub") }
		switch n.op {
		case "n":
			n.value = rapid.Int64Range(1, 12).Draw(t, "number")
		case "v":
			n.name = rapid.SampledFrom([]string{"x", "y"}).Draw(t, "variable")
		case "^":
			n.args = []tree{sub(), {op: "n", value: rapid.Int64Range(2, 3).Draw(t, "exponent")}}
		case "sqrt":
			n.args = []tree{{op: "n", value: rapid.Int64Range(2, 30).Draw(t, "radicand")}}
		case "neg":
			n.args = []tree{sub()}
		default:
			n.args = []tree{sub(), sub()}
		}
		return n
	})
}

// latex writes a tree in LaTeX.
func (n tree) latex() string {
	switch n.op {
	case "n":
		return fmt.Sprint(n.value)
	case "v":
		return n.name
	case "/":
		return `\frac{` + n.args[0].latex() + "}{" + n.args[1].latex() + "}"
	case "^":
		return `\left(` + n.args[0].latex() + `\right)^{` + n.args[1].latex() + "}"
	case "sqrt":
		return `\sqrt{` + n.args[0].latex() + "}"
	case "neg":
		return `\left(-` + n.args[0].latex() + `\right)`
	case "*":
		return `\left(` + n.args[0].latex() + `\right) \cdot \left(` + n.args[1].latex() + `\right)`
	}
	return `\left(` + n.args[0].latex() + " " + n.op + " " + n.args[1].latex() + `\right)`
}

// plain writes a tree as a program would, with the arguments of sums and products swapped.
func (n tree) plain() string {
	switch n.op {
	case "n":
		return fmt.Sprint(n.value)
	case "v":
		return n.name
	case "+", "*":
		return "(" + n.args[1].plain() + n.op + n.args[0].plain() + ")"
	case "-":
		return "(" + "(-" + n.args[1].plain() + ")+" + n.args[0].plain() + ")"
	case "^":
		return "((" + n.args[0].plain() + ")**" + n.args[1].plain() + ")"
	case "sqrt":
		return "sqrt(" + n.args[0].plain() + ")"
	case "neg":
		return "(-(" + n.args[0].plain() + "))"
	}
	return "((" + n.args[0].plain() + ")/(" + n.args[1].plain() + "))"
}

// TestTreesInOtherNotations: a tree in one notation equals itself in another, and not what is one larger.
func TestTreesInOtherNotations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := drawTree(3, rapid.Bool().Draw(t, "variables")).Draw(t, "tree")
		var r ring
		g, err := parse(n.latex(), true)
		if err != nil {
			t.Fatalf("%s: %v", n.latex(), err)
		}
		if _, err := r.eval(g); err != nil {
			t.Skip("no value: ", err)
		}
		o := Options{Unevaluated: true}
		if v := Equal(n.latex(), n.plain(), o); !v.Correct {
			t.Fatalf("%s and %s differ: %s", n.latex(), n.plain(), v.Why)
		}
		if v := Equal(n.plain(), n.latex(), o); !v.Correct {
			t.Fatalf("%s and %s differ: %s", n.plain(), n.latex(), v.Why)
		}
		if v := Equal(n.latex(), n.plain()+"+1", o); v.Correct {
			t.Fatalf("%s and %s+1 are equal by %s", n.latex(), n.plain(), v.Rule)
		}
		if v := Equal(n.latex(), "1.01*"+n.plain(), o); v.Correct && !zero(n.latex()) {
			t.Fatalf("%s and 1.01*%s are equal by %s", n.latex(), n.plain(), v.Rule)
		}
	})
}

func zero(s string) bool { return Equal("0", s, Options{Unevaluated: true}).Correct }

// TestExactAndPointsAgree compares the two ways of comparing with each other.
func TestExactAndPointsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawTree(2, true).Draw(t, "a")
		b := a
		if rapid.Bool().Draw(t, "another tree") {
			b = drawTree(2, true).Draw(t, "b")
		}
		x, errX := parse(a.latex(), true)
		y, errY := parse(b.plain(), true)
		if errX != nil || errY != nil {
			t.Fatal(errX, errY)
		}
		var r ring
		f, errF := r.eval(x)
		g, errG := r.eval(y)
		if errF != nil || errG != nil {
			t.Skip("no value")
		}
		exact, err := r.equal(f, g)
		if err != nil {
			t.Skip("too large")
		}
		v := Equal(a.latex(), "0+"+b.plain(), Options{Unevaluated: true})
		if v.Correct != exact {
			t.Fatalf("%s and %s: exactly %t, by %s %t", a.latex(), b.plain(), exact, v.Rule, v.Correct)
		}
		budget := maxPoint
		points, err := agree(x, y, rng.New(1, "points"), &budget)
		if err != nil {
			t.Skip("gold has no value at most points: ", err)
		}
		if points != exact {
			t.Fatalf("%s and %s: exactly %t, at points %t", a.latex(), b.plain(), exact, points)
		}
	})
}

// TestRationals: a rational number equals itself as a fraction, a decimal, a mixed number, and a percentage, and no
// other number in these notations.
func TestRationals(t *testing.T) {
	notations := func(n, d int64) []string {
		q := big.NewRat(n, d)
		a, b := q.Num(), q.Denom()
		out := []string{q.RatString(), q.FloatString(12)}
		if !q.IsInt() {
			out = append(out, fmt.Sprintf(`\frac{%s}{%s}`, a, b), fmt.Sprintf(`%s \div %s`, a, b))
			whole, rest := new(big.Int).QuoRem(a, b, new(big.Int))
			if whole.Sign() != 0 {
				out = append(out, fmt.Sprintf(`%s\frac{%s}{%s}`, whole, rest.Abs(rest), b), fmt.Sprintf("%s %s/%s", whole, rest, b))
			}
		}
		if q.FloatString(12) == strings.TrimSpace(q.FloatString(12)) && q.Num().BitLen() < 40 {
			out = append(out, new(big.Rat).Mul(q, big.NewRat(100, 1)).FloatString(12)+`\%`)
		}
		return out
	}
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.SampledFrom([]int64{1, 2, 4, 5, 8, 10, 16, 20, 25, 125}).Draw(t, "denominator")
		n := rapid.Int64Range(-5000, 5000).Draw(t, "numerator")
		m := rapid.Int64Range(-5000, 5000).Filter(func(m int64) bool { return m != n }).Draw(t, "other numerator")
		for _, gold := range notations(n, d)[:1] {
			for _, same := range notations(n, d) {
				if v := Equal(gold, same, Options{}); !v.Correct {
					t.Fatalf("%s and %s differ: %s", gold, same, v.Why)
				}
			}
			for _, other := range notations(m, d) {
				if strings.HasSuffix(other, "%") {
					continue // 150% may be the answer 150
				}
				if v := Equal(gold, other, Options{}); v.Correct {
					t.Fatalf("%s and %s are equal by %s", gold, other, v.Rule)
				}
			}
		}
	})
}
