package codeenv

import (
	"fmt"
	"math/rand/v2"
)

// algorithm is a step with a loop that is a small algorithm in itself, and what it begins with.
type algorithm struct {
	from typ
	make maker
}

// needs limits the parameters of a program that begins with the step.
func needs(domain string, o op) op {
	o.only = domain
	return o
}

// two marks a step of two parameters.
func two(o op) op {
	o.second = true
	return o
}

// algorithms on whole numbers and on two of them.
var numberAlgorithms = []algorithm{
	{number, func(r *rand.Rand) op {
		k := between(r, 0, 9)
		return needs("large", loop("algorithm", number, 3, fmt.Sprintf("take how often the digit %d occurs in its decimal form", k),
			fmt.Sprintf("count digit %d", k),
			"$ = 0", "for c in str(@):", fmt.Sprintf("    if c == '%d':", k), "        $ += 1"))
	}},
	{number, func(r *rand.Rand) op {
		a, b := between(r, 1, 9), between(r, 2, 9)
		return needs("natural", loop("algorithm", number, 3, fmt.Sprintf("take the sum of the first n terms of the sequence %d, %d, %d and so on",
			a, a+b, a+2*b),
			fmt.Sprintf("sum of x terms from %d step %d", a, b),
			"$ = 0", "for i in range(@):", fmt.Sprintf("    $ += %d + %d * i", a, b)))
	}},
	{number, func(r *rand.Rand) op {
		k := between(r, 2, 9)
		return needs("positive", loop("algorithm", numbers, 3, fmt.Sprintf("list the digits of n in base %d, the lowest first", k),
			fmt.Sprintf("digits in base %d, lowest first", k),
			"$ = []", "while @ > 0:", fmt.Sprintf("    $.append(@ %% %d)", k), fmt.Sprintf("    @ = @ // %d", k)))
	}},
	{number, func(r *rand.Rand) op {
		a, b := between(r, 0, 9), between(r, 1, 9)
		return needs("small", loop("algorithm", number, 4,
			fmt.Sprintf("take the term n, counted from 0, of the sequence that begins with %d, %d and goes on with the sum of the last two", a, b),
			fmt.Sprintf("fibonacci from %d %d", a, b), fmt.Sprintf("$, b = %d, %d", a, b), "for i in range(@):", "    $, b = b, $ + b"))
	}},
	{number, func(r *rand.Rand) op {
		k := pick(r, 1, 3, 5)
		return needs("positive", loop("algorithm", number, 4,
			fmt.Sprintf("count the steps until it is at most %d, where a step halves an even number and multiplies an odd one by 3 and adds 1", k),
			fmt.Sprintf("collatz steps to <= %d", k), "$ = 0", fmt.Sprintf("while @ > %d:", k), "    @ = @ // 2 if @ % 2 == 0 else 3 * @ + 1",
			"    $ += 1"))
	}},
	{number, func(r *rand.Rand) op {
		k := between(r, 2, 12)
		return needs("positive", loop("algorithm", numbers, 4, fmt.Sprintf("list the prime numbers from %d up to n", k),
			fmt.Sprintf("primes from %d", k),
			"$ = []", fmt.Sprintf("for p in range(%d, @ + 1):", k), "    if all([p % d != 0 for d in range(2, p)]):", "        $.append(p)"))
	}},
	{number, func(r *rand.Rand) op {
		k := between(r, 2, 5)
		return needs("positive", loop("algorithm", numbers, 4, fmt.Sprintf("list the divisors of n that are at least %d, in order", k),
			fmt.Sprintf("divisors >= %d", k),
			"$ = []", fmt.Sprintf("for d in range(%d, @ + 1):", k), "    if @ % d == 0:", "        $.append(d)"))
	}},
	{number, func(r *rand.Rand) op {
		k := between(r, 2, 9)
		return needs("positive", two(loop("algorithm", number, 4,
			fmt.Sprintf("take the greatest common divisor of n and m, and multiply it by %d", k), fmt.Sprintf("gcd of x and y times %d", k),
			"while # > 0:", "    @, # = #, @ % #", fmt.Sprintf("$ = @ * %d", k))))
	}},
	{number, func(r *rand.Rand) op {
		k := between(r, 20, 99)
		return needs("natural", two(loop("algorithm", number, 4,
			fmt.Sprintf("raise n to the power of m, and take the remainder by %d of each product", k), fmt.Sprintf("power x y mod %d", k),
			"$ = 1", "for i in range(#):", fmt.Sprintf("    $ = $ * @ %% %d", k))))
	}},
	{number, func(r *rand.Rand) op {
		k := between(r, 2, 5)
		return needs("positive", loop("algorithm", number, 5,
			fmt.Sprintf("numbers from 1 to n stand in a circle; from 1 on, every number %d is removed until one is left; take that one", k),
			fmt.Sprintf("josephus %d", k), "$ = 0", "for i in range(2, @ + 1):", fmt.Sprintf("    $ = ($ + %d) %% i", k), "$ += 1"))
	}},
	{number, func(r *rand.Rand) op {
		a, b := between(r, 2, 4), between(r, 5, 9)
		return needs("natural", loop("algorithm", number, 5,
			fmt.Sprintf("count the ways to make n of coins of 1, %d and %d, whatever their order", a, b), fmt.Sprintf("ways with coins 1 %d %d", a, b),
			"ways = [1] + [0] * @", fmt.Sprintf("for coin in [1, %d, %d]:", a, b), "    for i in range(coin, @ + 1):",
			"        ways[i] += ways[i - coin]", "$ = ways[@]"))
	}},
	{number, func(r *rand.Rand) op {
		k := between(r, 20, 200)
		return needs("small", two(loop("algorithm", number, 5,
			fmt.Sprintf("count the ways through a grid, n steps to the right and m steps down in any order, and take the remainder by %d", k),
			fmt.Sprintf("grid paths mod %d", k),
			"row = [1] * (@ + 1)", "for i in range(#):", "    for j in range(1, @ + 1):", "        row[j] += row[j - 1]",
			fmt.Sprintf("$ = row[@] %% %d", k))))
	}},
}

// listAlgorithms work on lists.
var listAlgorithms = []algorithm{
	{numbers, func(r *rand.Rand) op {
		k := between(r, 3, 12)
		return loop("algorithm", number, 3, fmt.Sprintf("take the position, from 0, of the first element greater than %d, or -1", k),
			fmt.Sprintf("index of first > %d or -1", k),
			"$ = -1", "for i, v in enumerate(@):", fmt.Sprintf("    if v > %d:", k), "        $ = i", "        break")
	}},
	{numbers, func(r *rand.Rand) op {
		k := between(r, 2, 4)
		return loop("algorithm", numbers, 3, fmt.Sprintf("take the sums of all %d neighbours in a row", k), fmt.Sprintf("sums of windows of %d", k),
			"$ = []", fmt.Sprintf("for i in range(len(@) - %d):", k-1), fmt.Sprintf("    $.append(sum(@[i:i + %d]))", k))
	}},
	{numbers, func(r *rand.Rand) op {
		k := between(r, 1, 3)
		return loop("algorithm", numbers, 3, fmt.Sprintf("move the first element to the end, %d times in a row", k), fmt.Sprintf("rotate left %d", k),
			"$ = list(@)", fmt.Sprintf("for i in range(%d):", k), "    $ = $[1:] + $[:1]")
	}},
	{numbers, fixed(loop("algorithm", number, 4, "take the largest sum of neighbours in a row, 0 for none of them", "max subarray sum or 0",
		"$ = 0", "here = 0", "for v in @:", "    here = max(0, here + v)", "    $ = max($, here)"))},
	{numbers, fixed(loop("algorithm", number, 4, "take the length of the longest run of elements that increase strictly", "longest increasing run",
		"$ = 0", "run = 0", "for i, v in enumerate(@):", "    run = run + 1 if i > 0 and v > @[i - 1] else 1", "    $ = max($, run)"))},
	{numbers, func(r *rand.Rand) op {
		k := between(r, 3, 14)
		return loop("algorithm", number, 5, fmt.Sprintf("count the pairs of elements at different places whose sum is greater than %d", k),
			fmt.Sprintf("pairs with sum > %d", k),
			"$ = 0", "for i in range(len(@)):", "    for j in range(i + 1, len(@)):", fmt.Sprintf("        if @[i] + @[j] > %d:", k), "            $ += 1")
	}},
	{numbers, fixed(loop("algorithm", number, 5, "count the pairs in which an element is greater than a later one", "inversions",
		"$ = 0", "for i in range(len(@)):", "    for j in range(i + 1, len(@)):", "        if @[i] > @[j]:", "            $ += 1"))},
	{numbers, fixed(loop("algorithm", number, 5,
		"take the length of the longest strictly increasing subsequence, whose elements need not be neighbours", "longest increasing subsequence",
		"best = []", "for i, v in enumerate(@):", "    best.append(1 + max([0] + [best[j] for j in range(i) if @[j] < v]))", "$ = max([0] + best)"))},
	{numbers, func(r *rand.Rand) op {
		k := between(r, 8, 25)
		return needs("positive", loop("algorithm", number, 5,
			fmt.Sprintf("take the largest sum up to %d that some of the elements have, each used once at most", k), fmt.Sprintf("max subset sum <= %d", k),
			"sums = [0]", "for v in @:", fmt.Sprintf("    sums = sums + [s + v for s in sums if s + v <= %d and s + v not in sums]", k), "$ = max(sums)"))
	}},
	{numbers, fixed(two(loop("algorithm", numbers, 4,
		"take an element from numbers and one from others in turn, and what is left of the longer list after that", "interleave x and y",
		"$ = []", "for i in range(max(len(@), len(#))):", "    $ += @[i:i + 1] + #[i:i + 1]")))},
	{words, fixed(loop("algorithm", text, 4, "take the longest text that all words begin with", "common prefix",
		"$ = @[0] if @ else ''", "for w in @:", "    while not w.startswith($):", "        $ = $[:-1]"))},
	{words, fixed(loop("algorithm", counts, 4, "make a dict from each length to the number of words with it, the length written as a text",
		"count by len",
		"$ = {}", "for w in @:", "    k = str(len(w))", "    $[k] = $.get(k, 0) + 1"))},
}

// textAlgorithms work on texts.
var textAlgorithms = []algorithm{
	{text, fixed(loop("algorithm", text, 4, "write each run of equal characters as the character and the length of the run", "run lengths",
		"$ = ''", "i = 0", "while i < len(@):", "    j = i", "    while j < len(@) and @[j] == @[i]:", "        j += 1",
		"    $ += @[i] + str(j - i)", "    i = j"))},
	{text, fixed(needs("brackets", loop("algorithm", truth, 4,
		"tell whether every bracket has its partner, ( with ) and [ with ], properly nested", "balanced brackets",
		"stack = []", "$ = True", "for c in @:", "    if c == '(' or c == '[':", "        stack.append(c)",
		"    elif stack and stack[-1] + c in ['()', '[]']:", "        stack.pop()", "    else:", "        $ = False", "if stack:", "    $ = False")))},
	{text, fixed(needs("brackets", loop("algorithm", number, 3,
		"take the number of opening brackets that are open at a time at most, where a closing one without any open is skipped", "max depth",
		"$ = 0", "depth = 0", "for c in @:", "    if c == '(' or c == '[':", "        depth += 1", "        $ = max($, depth)",
		"    elif depth > 0:", "        depth -= 1")))},
	{text, fixed(loop("algorithm", text, 4, "take the character that occurs most often, the alphabetically first of several, or an empty text",
		"most frequent char",
		"$ = ''", "for c in sorted(@):", "    if $ == '' or @.count(c) > @.count($):", "        $ = c"))},
	{text, fixed(loop("algorithm", number, 5, "take the length of the longest palindrome in it", "longest palindrome len",
		"$ = 0", "for i in range(len(@)):", "    for j in range(i, len(@)):", "        part = @[i:j + 1]", "        if part == part[::-1]:",
		"            $ = max($, len(part))"))},
	{text, fixed(two(needs("short", loop("algorithm", number, 5,
		"take the least number of characters to insert, delete or replace to turn text into other", "edit distance",
		"row = list(range(len(#) + 1))", "for i, a in enumerate(@):", "    last_row, row = row, [i + 1]", "    for j, b in enumerate(#):",
		"        cost = 0 if a == b else 1", "        row.append(min(row[j] + 1, last_row[j + 1] + 1, last_row[j] + cost))", "$ = row[-1]"))))},
	{text, fixed(two(needs("short", loop("algorithm", number, 5,
		"take the length of the longest text that is left of both text and other after deleting characters", "longest common subsequence",
		"row = [0] * (len(#) + 1)", "for a in @:", "    last_row, row = row, [0]", "    for j, b in enumerate(#):",
		"        row.append(last_row[j] + 1 if a == b else max(row[j], last_row[j + 1]))", "$ = row[-1]"))))},
}
