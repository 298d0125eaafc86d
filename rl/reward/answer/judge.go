package answer

import (
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
)

// judge compares parsed answers.
type judge struct {
	options Options
	rnd     *rand.Rand
	calls   int // of comparisons of single values: sets compare every pair
	budget  int // of evaluation at points
}

// same compares a prediction with gold by the kind of thing that gold is.
func (j *judge) same(g, p *node) Verdict {
	switch g.op {
	case opText:
		if p.op == opText && p.name == g.name || p.said == g.name {
			return right(RuleText, "the same words")
		}
		return wrong(RuleText, "other words")
	case opBased:
		if p.op == opBased && p.base == g.base && p.name == g.name || p.op == opNum && p.num.IsInt() && p.num.RatString() == g.name {
			return right(RuleNumber, "the same digits")
		}
		return wrong(RuleNumber, fmt.Sprintf("other digits to base %d", g.base))
	case opRel:
		return j.relation(g, p)
	}
	if p.op == opRel {
		return j.assigned(g, p)
	}
	if p.op == opText && p.name == g.said { // pm and p.m.: one of them looks like a product
		return right(RuleText, "the same words")
	}
	switch g.op {
	case opList, opSet:
		return j.unordered(g, p)
	case opTuple, opMatrix, opRatio:
		if x, ok := solved(p); ok && g.op == opTuple {
			p = x
		}
		return j.ordered(g, p)
	case opUnion:
		return j.union(g, p)
	}
	if !p.scalar() {
		return wrong(RuleShape, "gold is one value and the prediction is not")
	}
	return j.scalar(g, p)
}

// unordered compares lists and sets. A list is a multiset; a set is compared both ways.
func (j *judge) unordered(g, p *node) Verdict {
	mine := p.args
	switch {
	case p.op == opSet || p.op == opList:
	case g.op == opSet && len(g.args) == 1 && p.scalar():
		mine = []*node{p}
	case g.op == opSet && len(g.args) == 0 && p.op == opText:
		return wrong(RuleShape, "gold is the empty set and the prediction is not")
	default:
		return wrong(RuleShape, fmt.Sprintf("gold is %d values and the prediction is not a list", len(g.args)))
	}
	if g.op == opList && len(mine) != len(g.args) || len(mine) > 2*maxElements {
		return wrong(RuleParts, fmt.Sprintf("%d values, gold has %d", len(mine), len(g.args)))
	}
	used := make([]bool, len(mine))
	for i, want := range g.args {
		found := false
		for k, have := range mine {
			if found = !(g.op == opList && used[k]) && j.either(want, have).Correct; found {
				used[k] = true
				break
			}
		}
		if !found {
			return wrong(RuleParts, fmt.Sprintf("value %d of gold is missing", i+1))
		}
	}
	for k, have := range mine {
		found := used[k]
		for i := 0; i < len(g.args) && !found; i++ {
			found = j.either(g.args[i], have).Correct
		}
		if !found {
			return wrong(RuleParts, fmt.Sprintf("value %d is not in gold", k+1))
		}
	}
	return right(RuleParts, "the same values")
}

// either compares both readings of an element.
func (j *judge) either(g, p *node) Verdict {
	v := j.same(g, p)
	if !v.Correct && p.alt != nil {
		if alt := j.same(g, p.alt); alt.Correct {
			return alt
		}
	}
	return v
}

// ordered compares tuples, intervals, matrices and ratios. A bare list may stand for a tuple in round brackets.
func (j *judge) ordered(g, p *node) Verdict {
	bare := p.op == opList && g.op == opTuple && g.name == "()"
	if !bare && (p.op != g.op || p.name != g.name) {
		return wrong(RuleShape, "another kind of bracket")
	}
	if len(p.args) != len(g.args) {
		return wrong(RuleParts, fmt.Sprintf("%d elements, gold has %d", len(p.args), len(g.args)))
	}
	for i := range g.args {
		if v := j.either(g.args[i], p.args[i]); !v.Correct {
			return wrong(v.Rule, fmt.Sprintf("element %d: %s", i+1, v.Why))
		}
	}
	return right(RuleParts, "the same elements")
}

// union compares unions of sets and intervals in any order.
func (j *judge) union(g, p *node) Verdict {
	if p.op != opUnion {
		return wrong(RuleShape, "gold is a union and the prediction is not")
	}
	return j.unordered(&node{op: opList, args: g.args}, &node{op: opList, args: p.args})
}

// scalar compares numbers and expressions with their units.
func (j *judge) scalar(g, p *node) Verdict {
	if j.calls++; j.calls > 40*maxElements {
		return wrong(RuleLimit, "too many comparisons")
	}
	gv, gu := measure(g)
	pv, pu := measure(p)
	switch {
	case gu.name == pu.name && gu.dim == pu.dim && (gu.factor == nil || pu.factor == nil || gu.factor.Cmp(pu.factor) == 0):
		return j.value(gv, pv)
	case gu.dim != "" && gu.dim == pu.dim:
		if !j.options.Unevaluated && unevaluated(gv, pv) != "" {
			return wrong(RuleUnsaid, unevaluated(gv, pv))
		}
		return j.number(scaled(gv, gu.factor), scaled(pv, pu.factor))
	case pu.dim == "%" && gu.name == "":
		if v := j.value(gv, scaled(pv, big.NewRat(1, 100))); v.Correct || !above1(gv) {
			return v
		}
		return j.value(gv, pv)
	case gu.dim == "%" && pu.name == "":
		if v := j.value(gv, pv); v.Correct {
			return v
		}
		return j.value(scaled(gv, big.NewRat(1, 100)), pv)
	case gu.name == "" || pu.name == "":
		if v := j.value(gv, pv); v.Correct || gu.dim != "°" && pu.dim != "°" {
			return v
		}
		return j.value(g, p) // an angle in degrees and one in radians
	}
	return wrong(RuleUnit, fmt.Sprintf("the unit is %q and gold's is %q", pu.name, gu.name))
}

// measure takes a unit, a percent sign or a degree sign off a value.
func measure(n *node) (*node, unit) {
	switch n.op {
	case opQuantity:
		return n.args[0], n.unit
	case opPercent:
		return n.args[0], unit{name: "%", dim: "%"}
	case opDegree:
		return n.args[0], unit{name: "°", dim: "°"}
	case opNeg:
		if v, u := measure(n.args[0]); u.name != "" {
			return &node{op: opNeg, args: []*node{v}}, u
		}
	}
	return n, unit{}
}

// scaled multiplies a number; what is evaluated stays so.
func scaled(n *node, by *big.Rat) *node {
	if v := ratOf(n); v != nil && evaluated(n) {
		return &node{op: opNum, num: new(big.Rat).Mul(v, by)}
	}
	return &node{op: opMul, args: []*node{n, {op: opNum, num: by}}}
}

// above1 reports whether a number is above 1.
func above1(n *node) bool {
	v := ratOf(n)
	return v != nil && v.Cmp(one) > 0
}

// value compares two values and asks of an equal one that it is evaluated.
func (j *judge) value(g, p *node) Verdict {
	if !j.options.Unevaluated && evaluated(g) && !evaluated(p) {
		return wrong(RuleUnsaid, unevaluated(g, p))
	}
	v := j.number(g, p)
	if v.Correct && !j.options.Unevaluated {
		if why := unevaluated(g, p); why != "" {
			return wrong(RuleUnsaid, why)
		}
	}
	return v
}

// number compares the values of two expressions: as numbers, as normal forms, at points.
func (j *judge) number(g, p *node) Verdict {
	if infinite, sign := infinity(g); infinite {
		if other, s := infinity(p); other && s == sign {
			return right(RuleForm, "both infinite")
		}
		return wrong(RuleForm, "gold is infinite")
	}
	var r ring
	a, errGold := r.eval(g)
	r.work = 0
	b, err := r.eval(p)
	if errGold == nil && err == nil {
		x, ok := a.rational()
		y, ok2 := b.rational()
		if ok && ok2 {
			if x.Cmp(y) == 0 {
				return right(RuleNumber, "the same number")
			}
			return wrong(RuleNumber, "another number")
		}
		r.work = 0
		same, err := r.equal(a, b)
		switch {
		case err == nil && same:
			return right(RuleForm, "the same normal form")
		case err == nil:
			return wrong(RuleForm, "another normal form")
		}
	}
	if errors.Is(err, errUndefined) {
		return reason(err)
	}
	same, err := agree(g, p, j.rnd, &j.budget)
	switch {
	case err != nil:
		return reason(fmt.Errorf("gold: %w", err))
	case same:
		return right(RulePoints, "the same values at random points")
	}
	return wrong(RulePoints, "another value at a random point")
}

// infinity reports whether a node is infinite, and its sign.
func infinity(n *node) (bool, int) {
	switch n.op {
	case opInf:
		return true, 1
	case opNeg:
		is, sign := infinity(n.args[0])
		return is, -sign
	}
	return false, 0
}
