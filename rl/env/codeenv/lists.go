package codeenv

import (
	"fmt"
	"math/rand/v2"
)

// fromNumbers are the steps that begin with a list of whole numbers.
var fromNumbers = []maker{
	// to a number
	fixed(does("sum", number, 1, "take the sum", "sum", "sum(@)")),
	fixed(does("length", number, 1, "take the number of elements", "len", "len(@)")),
	fixed(does("largest", number, 2, "take the largest element, or 0 if there is none", "max or 0", "max(@) if @ else 0")),
	fixed(does("smallest", number, 2, "take the smallest element, or 0 if there is none", "min or 0", "min(@) if @ else 0")),
	fixed(does("range", number, 2, "take the difference of the largest and the smallest element, or 0 if there is none", "max - min or 0",
		"max(@) - min(@) if @ else 0")),
	fixed(does("different", number, 1, "take the number of different elements", "count distinct", "len(set(@))")),
	func(r *rand.Rand) op {
		k := between(r, -2, 12)
		return does("count", number, 2, fmt.Sprintf("take the number of elements greater than %d", k), fmt.Sprintf("count > %d", k),
			fmt.Sprintf("len([v for v in @ if v > %d])", k))
	},
	fixed(does("squares", number, 2, "take the sum of the squares", "sum of squares", "sum([v * v for v in @])")),
	fixed(loop("product", number, 3, "take the product, 0 elements left out", "product without 0",
		"$ = 1", "for v in @:", "    if v != 0:", "        $ *= v")),
	fixed(loop("alternate", number, 3, "take the first element, minus the second, plus the third, and so on", "alternating sum",
		"$ = 0", "for i, v in enumerate(@):", "    if i % 2 == 0:", "        $ += v", "    else:", "        $ -= v")),
	// to a list
	fixed(does("reverse", numbers, 1, "reverse it", "reverse", "@[::-1]")),
	fixed(does("sort", numbers, 1, "sort it", "sort", "sorted(@)")),
	fixed(does("sort", numbers, 1, "sort it from large to small", "sort desc", "sorted(@, reverse=True)")),
	func(r *rand.Rand) op {
		k := between(r, 2, 5)
		return pick(r,
			does("slice", numbers, 1, fmt.Sprintf("keep the first %d", k), fmt.Sprintf("first %d", k), fmt.Sprintf("@[:%d]", k)),
			does("slice", numbers, 1, fmt.Sprintf("remove the first %d", k), fmt.Sprintf("drop %d", k), fmt.Sprintf("@[%d:]", k)),
			does("slice", numbers, 1, fmt.Sprintf("keep the last %d", k), fmt.Sprintf("last %d", k), fmt.Sprintf("@[-%d:]", k)),
			does("slice", numbers, 1, "keep every second element, beginning with the first", "every 2nd", "@[::2]"))
	},
	func(r *rand.Rand) op {
		k := between(r, -3, 12)
		return does("append", numbers, 1, fmt.Sprintf("append %d", k), fmt.Sprintf("append %d", k), fmt.Sprintf("@ + [%d]", k))
	},
	func(r *rand.Rand) op {
		k := between(r, 2, 9)
		return pick(r,
			does("map", numbers, 2, fmt.Sprintf("add %d to each", k), fmt.Sprintf("each + %d", k), fmt.Sprintf("[v + %d for v in @]", k)),
			does("map", numbers, 2, fmt.Sprintf("multiply each by %d", k), fmt.Sprintf("each * %d", k), fmt.Sprintf("[v * %d for v in @]", k)),
			does("map", numbers, 2, fmt.Sprintf("replace each by its remainder by %d", k), fmt.Sprintf("each mod %d", k),
				fmt.Sprintf("[v %% %d for v in @]", k)),
			does("map", numbers, 2, fmt.Sprintf("subtract each from %d", 10*k), fmt.Sprintf("%d - each", 10*k), fmt.Sprintf("[%d - v for v in @]", 10*k)),
			does("map", numbers, 2, fmt.Sprintf("replace those greater than %d by %d", k, k), fmt.Sprintf("each min %d", k),
				fmt.Sprintf("[min(v, %d) for v in @]", k)))
	},
	fixed(does("positions", numbers, 2, "multiply each by its position, counted from 0", "each * index", "[i * v for i, v in enumerate(@)]")),
	fixed(does("steps", numbers, 2, "take the differences from each element to the next", "diffs", "[b - a for a, b in zip(@, @[1:])]")),
	func(r *rand.Rand) op {
		k, limit := between(r, 2, 4), between(r, 0, 12)
		return pick(r,
			does("filter", numbers, 2, "keep the even ones", "keep even", "[v for v in @ if v % 2 == 0]"),
			does("filter", numbers, 2, "keep the odd ones", "keep odd", "[v for v in @ if v % 2 == 1]"),
			does("filter", numbers, 2, fmt.Sprintf("keep those greater than %d", limit), fmt.Sprintf("keep > %d", limit),
				fmt.Sprintf("[v for v in @ if v > %d]", limit)),
			does("filter", numbers, 2, fmt.Sprintf("keep those less than %d", limit), fmt.Sprintf("keep < %d", limit),
				fmt.Sprintf("[v for v in @ if v < %d]", limit)),
			does("filter", numbers, 2, fmt.Sprintf("remove those divisible by %d", k), fmt.Sprintf("drop multiples of %d", k),
				fmt.Sprintf("[v for v in @ if v %% %d != 0]", k)))
	},
	fixed(loop("running", numbers, 3, "replace each by the sum of all up to it", "running sums",
		"$ = []", "total = 0", "for v in @:", "    total += v", "    $.append(total)")),
	fixed(loop("records", numbers, 3, "replace each by the largest up to it", "running max",
		"$ = []", "for v in @:", "    $.append(max(v, $[-1]) if $ else v)")),
	fixed(loop("unique", numbers, 3, "keep the first of equal ones", "dedupe",
		"$ = []", "for v in @:", "    if v not in $:", "        $.append(v)")),
	func(r *rand.Rand) op {
		k := between(r, 4, 15)
		return loop("while", numbers, 3, fmt.Sprintf("keep the elements before the first one greater than %d", k), fmt.Sprintf("take until > %d", k),
			"$ = []", "for v in @:", fmt.Sprintf("    if v > %d:", k), "        break", "    $.append(v)")
	},
}

// ofTwoLists begin a program with two lists of whole numbers.
var ofTwoLists = []maker{
	func(r *rand.Rand) op {
		o := pick(r,
			does("two", numbers, 1, "append all others", "x then y", "@ + #"),
			does("two", numbers, 2, "keep those that are in others, too", "keep in y", "[v for v in @ if v in #]"),
			does("two", numbers, 2, "remove those that are in others", "drop in y", "[v for v in @ if v not in #]"),
			does("two", numbers, 2, "add the element of others at the same place to each, up to the end of the shorter list", "x + y by place",
				"[a + b for a, b in zip(@, #)]"),
			does("two", numbers, 2, "multiply each by the element of others at the same place, up to the end of the shorter list",
				"x * y by place", "[a * b for a, b in zip(@, #)]"))
		o.second = true
		return o
	},
}

// listTests are conditions on a list of whole numbers.
var listTests = []maker{
	func(r *rand.Rand) op {
		k := between(r, 2, 5)
		return does("length test", truth, 1, fmt.Sprintf("it has more than %d elements", k), fmt.Sprintf("len > %d", k), fmt.Sprintf("len(@) > %d", k))
	},
	func(r *rand.Rand) op {
		k := between(r, 5, 30)
		return does("sum test", truth, 1, fmt.Sprintf("its sum is greater than %d", k), fmt.Sprintf("sum > %d", k), fmt.Sprintf("sum(@) > %d", k))
	},
	func(r *rand.Rand) op {
		k := between(r, 0, 9)
		return does("has", truth, 1, fmt.Sprintf("%d is in it", k), fmt.Sprintf("has %d", k), fmt.Sprintf("%d in @", k))
	},
	fixed(does("repeats", truth, 1, "it has equal elements", "has repeats", "len(set(@)) < len(@)")),
	func(r *rand.Rand) op {
		k := between(r, 2, 4)
		return does("any", truth, 2, fmt.Sprintf("one of its elements is divisible by %d", k), fmt.Sprintf("any divisible by %d", k),
			fmt.Sprintf("any([v %% %d == 0 for v in @])", k))
	},
}
