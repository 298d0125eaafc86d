package answer

import "errors"

// A prediction is written by whom it is to judge, so everything that it can blow up has a limit. The largest honest answers
// of GSM8K and MATH are far below all of them.
const (
	maxBytes    = 2000 // of an answer
	maxTokens   = 600
	maxDepth    = 40     // of brackets and functions
	maxElements = 64     // of a list, a set or a matrix row
	maxCalls    = 24     // of functions in one expression: each costs a power series
	maxBits     = 8192   // of a number in exact arithmetic
	maxExponent = 400    // of a numeral such as 1e400
	maxAtoms    = 12     // variables, constants and roots of primes in exact arithmetic
	maxTerms    = 400    // of a polynomial
	maxDegree   = 120    // of one atom in a monomial
	maxWork     = 60_000 // products of coefficients in one exact value
	maxPoint    = 60_000 // operations in all evaluations at points, where a function counts 20
)

var (
	errSyntax    = errors.New("not understood")
	errLarge     = errors.New("too large")
	errUndefined = errors.New("undefined")
	errInexact   = errors.New("no exact form") // of what only evaluation at points can compare
)
