package answer

import "math/big"

// op says what a node is.
type op uint8

const (
	opNum       op = iota // num
	opVar                 // a variable: name
	opConst               // pi, e or i: name
	opInf                 // infinity
	opAdd                 // the sum of args
	opMul                 // the product of args
	opDiv                 // args[0] / args[1]
	opNeg                 // -args[0]
	opPow                 // args[0] ^ args[1]
	opMixed               // args[0] + args[1], written as a mixed number
	opCall                // name(args...), such as sqrt, sin, log (base, x)
	opPercent             // args[0] hundredths
	opDegree              // args[0] degrees
	opPlusMinus           // args[0] ± args[1], or ∓ by name; the parser replaces it by a list of two

	opList     // args in any order, without brackets
	opTuple    // args in order; name is the pair of brackets: "()", "[]", "[)" or "(]"
	opSet      // args in any order
	opUnion    // of sets and intervals
	opMatrix   // args are rows, which are tuples
	opRel      // args[0] rels[0] args[1] rels[1] ...
	opRatio    // a : b : ...
	opQuantity // args[0] with a unit
	opBased    // a numeral in a base that is written as a subscript: name_base
	opText     // name: the text as it is compared
)

// node is a piece of a parsed answer. Nodes are never changed once they are made, so they are shared freely.
type node struct {
	op   op
	num  *big.Rat
	name string
	args []*node
	rels []string // of opRel: = ≠ < ≤ > ≥
	unit unit     // of opQuantity
	base int      // of opBased
	alt  *node    // another reading of a prediction: 5m as five metres rather than five times m; nil for none
	said string   // of a value in an answer: its text as it is compared with words
}

// number makes the node of an integer.
func number(n int64) *node { return &node{op: opNum, num: big.NewRat(n, 1)} }

// contains reports whether f holds for the node or anything in it.
func (n *node) contains(f func(*node) bool) bool {
	if f(n) {
		return true
	}
	for _, a := range n.args {
		if a.contains(f) {
			return true
		}
	}
	return false
}

// variables reports whether the node depends on a variable.
func (n *node) variables() bool {
	return n.contains(func(x *node) bool { return x.op == opVar })
}

// scalar reports whether the node is one number or expression rather than a list, a relation, a text or the like.
func (n *node) scalar() bool { return n.op < opList || n.op == opQuantity }

// with returns the node with f applied to its arguments.
func (n *node) with(f func(*node) *node) *node {
	if len(n.args) == 0 {
		return n
	}
	m := *n
	m.args = make([]*node, len(n.args))
	for i, a := range n.args {
		m.args[i] = f(a)
	}
	return &m
}

// signs is the node with every ± replaced: by + where plus is set, and by - otherwise; ∓ is its opposite.
func (n *node) signs(plus bool) *node {
	m := n.with(func(a *node) *node { return a.signs(plus) })
	if m.op != opPlusMinus {
		return m
	}
	right := m.args[1]
	if (m.name == "±") != plus {
		right = &node{op: opNeg, args: m.args[1:]}
	}
	if zero := m.args[0]; zero.op == opNum && zero.num.Sign() == 0 { // the parser puts it before a leading ±
		return right
	}
	return &node{op: opAdd, args: []*node{m.args[0], right}}
}
