package codeenv

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// kind draws the programs of one kind.
type kind struct {
	name     string
	min, max int  // difficulties
	starlark bool // solutions of every difficulty are found that sandbox.Starlark can run
	draw     func(r *rand.Rand, difficulty int) (program, bool)
}

// kinds are all kinds of generated tasks.
var kinds = []kind{
	{"arithmetic", 1, 5, true, func(r *rand.Rand, d int) (program, bool) {
		p := program{from: number}
		if r.IntN(3) == 0 {
			p = begin(number, pick(r, ofTwoNumbers...)(r))
		}
		return chain(r, p, weights[d], steps, only(number))
	}},
	{"strings", 1, 5, true, func(r *rand.Rand, d int) (program, bool) {
		return chain(r, program{from: text}, weights[d], steps, nil)
	}},
	{"lists", 1, 5, true, func(r *rand.Rand, d int) (program, bool) {
		p := program{from: numbers}
		if d > 1 && r.IntN(4) == 0 {
			p = begin(numbers, pick(r, ofTwoLists...)(r))
		}
		return chain(r, p, weights[d], steps, nil)
	}},
	{"words", 1, 5, true, func(r *rand.Rand, d int) (program, bool) {
		return chain(r, program{from: words}, weights[d], steps, nil)
	}},
	{"dicts", 1, 5, true, func(r *rand.Rand, d int) (program, bool) {
		p := program{from: counts}
		if d > 2 && r.IntN(4) == 0 {
			p = begin(counts, pick(r, ofTwoDicts...)(r))
		}
		return chain(r, p, weights[d], steps, nil)
	}},
	{"conditions", 1, 5, true, func(r *rand.Rand, d int) (program, bool) {
		p := program{from: pick(r, number, text, numbers)}
		return chain(r, p, weights[d], withConditions, only(truth))
	}},
	{"branches", 2, 5, true, func(r *rand.Rand, d int) (program, bool) {
		from := pick(r, number, text, numbers)
		o, ok := branch(r, from)
		if !ok {
			return program{}, false
		}
		return chain(r, begin(from, o), heavier[d], steps, nil)
	}},
	{"algorithms", 2, 5, false, func(r *rand.Rand, d int) (program, bool) {
		all := slices.Concat(numberAlgorithms, listAlgorithms, textAlgorithms)
		a := all[r.IntN(len(all))]
		o := a.make(r)
		if o.weight < heavier[d]-3 { // not mostly of other steps
			return program{}, false
		}
		return chain(r, begin(a.from, o), heavier[d], steps, nil)
	}},
}

// Sums of the steps' weights by difficulty, for kinds of single steps and for those that begin with a heavy one.
var (
	weights = []int{0, 1, 2, 3, 5, 7}
	heavier = []int{0, 0, 3, 4, 5, 7}
)

// Kinds lists the kinds of generated tasks.
func Kinds() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}

// steps are those that a program goes on with, by the type of the value.
var steps = map[typ][]maker{number: fromNumber, text: fromText, numbers: fromNumbers, words: fromWords, counts: fromCounts}

// tests are conditions by the type of the value.
var tests = map[typ][]maker{number: numberTests, text: textTests, numbers: listTests}

// withConditions adds conditions to the steps, often enough that one is found as the last step.
var withConditions = func() map[typ][]maker {
	all := map[typ][]maker{}
	for t, makers := range steps {
		all[t] = slices.Clone(makers)
		if tests[t] == nil {
			continue
		}
		for range 8 {
			all[t] = append(all[t], func(r *rand.Rand) op { return condition(r, t) })
		}
	}
	return all
}()

// begin is a program with its first step.
func begin(from typ, o op) program {
	return program{from: from, two: o.second, only: o.only, ops: []op{o}}
}

func only(t typ) func(typ) bool { return func(u typ) bool { return t == u } }

// condition is one condition, or two or three of different groups with and, or between, as a step to a truth value.
func condition(r *rand.Rand, t typ) op {
	var parts []op
	for range 1 + r.IntN(3) {
		o := pick(r, tests[t]...)(r)
		if !slices.ContainsFunc(parts, func(x op) bool { return x.group == o.group }) {
			parts = append(parts, o)
		}
	}
	joint := pick(r, "and", "or")
	c := parts[0]
	for _, o := range parts[1:] {
		c.say += " " + joint + " " + o.say
		c.terse += " " + joint + " " + o.terse
		c.expr += " " + joint + " " + o.expr
		c.weight += o.weight
	}
	c.group = "condition"
	c.say, c.terse = "tell whether "+c.say, "is "+c.terse
	return c
}

// branch is a case with a step on either side, both to the same type. ok is false where the second was not found.
func branch(r *rand.Rand, from typ) (o op, ok bool) {
	c := pick(r, tests[from]...)(r)
	a, b := pick(r, steps[from]...)(r), pick(r, steps[from]...)(r)
	if a.expr == "" || b.expr == "" || a.weight > 1 || a.to != b.to || a.expr == b.expr {
		return op{}, false
	}
	return loop("branch", a.to, c.weight+a.weight+b.weight, fmt.Sprintf("if %s, %s; otherwise, %s", c.say, a.say, b.say),
		fmt.Sprintf("(if %s: %s, else: %s)", c.terse, a.terse, b.terse), "if "+c.expr+":", "    $ = "+a.expr, "else:", "    $ = "+b.expr), true
}
