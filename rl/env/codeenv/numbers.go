package codeenv

import (
	"fmt"
	"math/rand/v2"
)

// fromNumber are the steps that begin with a whole number.
var fromNumber = []maker{
	func(r *rand.Rand) op {
		k := between(r, 2, 20)
		if r.IntN(2) == 0 {
			return does("shift", number, 1, fmt.Sprintf("subtract %d", k), fmt.Sprintf("sub %d", k), fmt.Sprintf("@ - %d", k))
		}
		return does("shift", number, 1, fmt.Sprintf("add %d", k), fmt.Sprintf("add %d", k), fmt.Sprintf("@ + %d", k))
	},
	func(r *rand.Rand) op {
		k := between(r, 2, 12)
		return does("times", number, 1, fmt.Sprintf("multiply by %d", k), fmt.Sprintf("mul %d", k), fmt.Sprintf("@ * %d", k))
	},
	func(r *rand.Rand) op {
		k := between(r, 2, 9)
		return does("divide", number, 1, fmt.Sprintf("divide by %d, rounding down", k), fmt.Sprintf("div %d", k), fmt.Sprintf("@ // %d", k))
	},
	func(r *rand.Rand) op {
		k := between(r, 5, 30)
		return does("remainder", number, 1, fmt.Sprintf("take the remainder of dividing by %d", k), fmt.Sprintf("mod %d", k), fmt.Sprintf("@ %% %d", k))
	},
	func(r *rand.Rand) op {
		k := between(r, 20, 120)
		return does("from", number, 1, fmt.Sprintf("subtract it from %d", k), fmt.Sprintf("%d minus", k), fmt.Sprintf("%d - @", k))
	},
	func(r *rand.Rand) op {
		k := between(r, 5, 60)
		if r.IntN(2) == 0 {
			return does("bound", number, 1, fmt.Sprintf("replace it by %d if it is larger", k), fmt.Sprintf("min %d", k), fmt.Sprintf("min(@, %d)", k))
		}
		return does("bound", number, 1, fmt.Sprintf("replace it by %d if it is smaller", k), fmt.Sprintf("max %d", k), fmt.Sprintf("max(@, %d)", k))
	},
	fixed(does("square", number, 1, "square it", "square", "@ * @")),
	fixed(does("absolute", number, 1, "take the absolute value", "abs", "abs(@)")),
	func(r *rand.Rand) op {
		k := between(r, 0, 40)
		return does("distance", number, 1, fmt.Sprintf("take its distance from %d", k), fmt.Sprintf("dist %d", k), fmt.Sprintf("abs(@ - %d)", k))
	},
	func(r *rand.Rand) op {
		m, a, b := between(r, 2, 5), between(r, 2, 15), between(r, 2, 15)
		return does("case", number, 2, fmt.Sprintf("add %d if it is divisible by %d, and subtract %d otherwise", a, m, b),
			fmt.Sprintf("if mod %d == 0 add %d else sub %d", m, a, b), fmt.Sprintf("@ + %d if @ %% %d == 0 else @ - %d", a, m, b))
	},
	func(r *rand.Rand) op {
		k, a, b := between(r, 5, 40), between(r, 2, 9), between(r, 2, 20)
		return does("case", number, 2, fmt.Sprintf("multiply by %d if it is greater than %d, and add %d otherwise", a, k, b),
			fmt.Sprintf("if > %d mul %d else add %d", k, a, b), fmt.Sprintf("@ * %d if @ > %d else @ + %d", a, k, b))
	},
	fixed(loop("digits", number, 3, "take the sum of the decimal digits of its absolute value", "digit sum",
		"$ = 0", "for c in str(abs(@)):", "    $ += int(c)")),
	func(r *rand.Rand) op {
		k := between(r, 2, 9)
		return loop("strip", number, 3, fmt.Sprintf("divide by %d as long as it is divisible by %d and not 0", k, k),
			fmt.Sprintf("remove factors %d", k),
			"$ = @", fmt.Sprintf("while $ != 0 and $ %% %d == 0:", k), fmt.Sprintf("    $ = $ // %d", k))
	},
	func(r *rand.Rand) op {
		k := between(r, 2, 7)
		return loop("multiples", number, 3, fmt.Sprintf("take the sum of all numbers from 1 up to it that are divisible by %d", k),
			fmt.Sprintf("sum multiples of %d up to it", k),
			"$ = 0", "for i in range(1, @ + 1):", fmt.Sprintf("    if i %% %d == 0:", k), "        $ += i")
	},
}

// ofTwoNumbers begin a program with two parameters.
var ofTwoNumbers = []maker{
	func(r *rand.Rand) op {
		k := between(r, 2, 9)
		o := pick(r,
			does("two", number, 1, "add m", "plus y", "@ + #"), does("two", number, 1, "subtract m", "minus y", "@ - #"),
			does("two", number, 1, "multiply by m", "times y", "@ * #"), does("two", number, 1, "take the larger of n and m", "max of x and y",
				"max(@, #)"),
			does("two", number, 1, "take the smaller of n and m", "min of x and y", "min(@, #)"),
			does("two", number, 1, "take the distance of n and m", "distance of x and y", "abs(@ - #)"),
			does("two", number, 2, fmt.Sprintf("add m multiplied by %d", k), fmt.Sprintf("plus %d times y", k), fmt.Sprintf("@ + # * %d", k)),
			does("two", number, 2, "take m - n if m is greater than n, and m + n otherwise", "y - x if y > x else y + x", "# - @ if # > @ else # + @"))
		o.second = true
		return o
	},
}

// numberTests are conditions on a whole number.
var numberTests = []maker{
	func(r *rand.Rand) op {
		k := between(r, 2, 6)
		return does("divisible", truth, 1, fmt.Sprintf("it is divisible by %d", k), fmt.Sprintf("divisible by %d", k), fmt.Sprintf("@ %% %d == 0", k))
	},
	func(r *rand.Rand) op {
		k := between(r, -5, 60)
		if r.IntN(2) == 0 {
			return does("compare", truth, 1, fmt.Sprintf("it is less than %d", k), fmt.Sprintf("< %d", k), fmt.Sprintf("@ < %d", k))
		}
		return does("compare", truth, 1, fmt.Sprintf("it is greater than %d", k), fmt.Sprintf("> %d", k), fmt.Sprintf("@ > %d", k))
	},
	func(r *rand.Rand) op {
		m := between(r, 3, 9)
		k := between(r, 1, m-2)
		return does("remainder test", truth, 1, fmt.Sprintf("its remainder by %d is greater than %d", m, k), fmt.Sprintf("mod %d > %d", m,
			k), fmt.Sprintf("@ %% %d > %d", m, k))
	},
	func(r *rand.Rand) op {
		k := between(r, 0, 9)
		return does("has digit", truth, 2, fmt.Sprintf("its decimal form has the digit %d", k), fmt.Sprintf("has digit %d", k),
			fmt.Sprintf("'%d' in str(@)", k))
	},
}
