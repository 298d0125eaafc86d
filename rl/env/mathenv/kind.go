package mathenv

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// sketch is a problem before it is worded.
type sketch struct {
	key   string   // what it is about; empty means that terse says so
	terse string   // as short as can be
	texts []string // the same in sentences
	work  string   // how the answer is found; empty where it is seen
	gold  string
}

// kind makes the problems of one kind.
type kind struct {
	name     string
	min, max int  // difficulties
	few      bool // it has few answers by nature
	make     func(r *rand.Rand, difficulty int) sketch
}

// kinds are all kinds of generated problems.
var kinds = []kind{
	{"addition", 1, 5, false, addition},
	{"subtraction", 1, 5, false, subtraction},
	{"multiplication", 1, 5, false, multiplication},
	{"division", 1, 4, false, division},
	{"remainder", 2, 5, false, remainder},
	{"gcd", 2, 5, false, gcdProblem},
	{"expression", 2, 5, false, expression},
	{"compare", 1, 4, true, compare},
	{"maximum", 1, 5, false, maximum},
	{"rank", 2, 5, false, rank},
	{"occurrences", 1, 4, false, occurrences},
	{"counting", 2, 5, false, counting},
	{"sequence", 1, 5, false, sequence},
	{"mean", 2, 5, false, mean},
	{"linear", 1, 5, false, linear},
	{"quadratic", 3, 5, false, quadratic},
	{"expand", 3, 5, false, expand},
	{"fraction", 2, 5, false, fractions},
	{"percent", 2, 5, false, percent},
	{"geometry", 1, 5, false, geometry},
	{"units", 1, 5, false, units},
	{"clock", 2, 4, false, clock},
	{"weekday", 2, 4, true, weekday},
	{"date", 3, 5, false, date},
	{"probability", 3, 5, false, probability},
	{"story", 1, 5, false, story},
}

// between draws a whole number from low to high.
func between(r *rand.Rand, low, high int) int { return low + r.IntN(high-low+1) }

// digits draws a whole number with n digits.
func digits(r *rand.Rand, n int) int {
	low := 1
	for range n - 1 {
		low *= 10
	}
	return between(r, low, 10*low-1)
}

// pick draws one of several.
func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return max(a, -a)
}

// ratio writes a fraction in lowest terms, a whole number without a denominator.
func ratio(a, b int) string {
	if b < 0 {
		a, b = -a, -b
	}
	g := gcd(a, b)
	if b == g {
		return fmt.Sprint(a / b)
	}
	return fmt.Sprintf("%d/%d", a/g, b/g)
}

// joinInts writes numbers with something between them.
func joinInts(numbers []int, sep string) string {
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(numbers)), sep), "[]")
}

// lines joins the steps of a solution.
func lines(steps ...string) string { return strings.Join(steps, "\n") }
