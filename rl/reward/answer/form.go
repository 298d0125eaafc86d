package answer

import (
	"math/big"
)

// evaluated reports whether a node is a number that nothing is left to be done for.
func evaluated(n *node) bool {
	switch n.op {
	case opNum, opMixed, opInf:
		return true
	case opNeg:
		return n.args[0].op != opNeg && evaluated(n.args[0])
	case opPercent, opDegree, opQuantity:
		return evaluated(n.args[0])
	case opDiv:
		a, b := integer(n.args[0]), integer(n.args[1])
		if a == nil || b == nil || b.CmpAbs(big.NewInt(1)) <= 0 {
			return false
		}
		gcd := new(big.Int).GCD(nil, nil, new(big.Int).Abs(a), new(big.Int).Abs(b))
		return gcd.Cmp(big.NewInt(1)) == 0
	case opMul: // 1.5 * 10^3
		coefficient, power := n.args[0], n.args[1]
		if coefficient.op == opNeg {
			coefficient = coefficient.args[0]
		}
		if coefficient.op != opNum || power.op != opPow || integer(power.args[0]) == nil || integer(power.args[1]) == nil {
			return false
		}
		c := coefficient.num
		return integer(power.args[0]).Cmp(big.NewInt(10)) == 0 && c.Cmp(one) >= 0 && c.Cmp(big.NewRat(10, 1)) < 0
	}
	return false
}

// integer is the value of a whole numeral with or without a minus sign, else nil.
func integer(n *node) *big.Int {
	switch {
	case n.op == opNum && n.num.IsInt():
		return n.num.Num()
	case n.op == opNeg && n.args[0].op == opNum && n.args[0].num.IsInt():
		return new(big.Int).Neg(n.args[0].num.Num())
	}
	return nil
}

// unevaluated says what is left to be done in a prediction that has gold's value, or nothing.
func unevaluated(gold, predicted *node) string {
	switch {
	case evaluated(gold):
		if !evaluated(predicted) {
			return "gold is a number and the prediction is left to be worked out"
		}
		return ""
	case gold.variables():
		return ""
	case !gold.contains(worked) && predicted.contains(worked):
		return "the prediction has a function that is left to be worked out"
	}
	var r ring
	normal, err := r.eval(gold)
	if _, rational := normal.den.rational(); err != nil || !rational {
		return ""
	}
	if terms(predicted) > max(terms(gold), len(normal.num)) {
		return "the prediction has terms that are left to be collected"
	}
	return ""
}

// worked reports whether a node is a function other than a root.
func worked(n *node) bool { return n.op == opCall && n.name != "sqrt" && n.name != "root" }

// terms counts the terms of the sum that a node is.
func terms(n *node) int {
	for n.op == opNeg || n.op == opQuantity {
		n = n.args[0]
	}
	if n.op == opAdd {
		return len(n.args)
	}
	return 1
}
