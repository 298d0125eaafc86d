// Package answer checks a free-text answer to a mathematical question against a gold answer.
//
// Extract finds the answer in what a model wrote; Equal compares it with gold. Both sides are parsed as LaTeX or plain text
// (fractions, roots, powers, units, intervals, sets, tuples, matrices, equations, words). Numbers are compared as
// rationals; expressions by their exact normal form over variables, π, e, i and the roots of primes; what has none by its
// value at random points with hundreds of bits.
//
// The comparison is asymmetric on purpose. Gold is trusted. A prediction is written by what it rewards, so it gets
// no benefit of the doubt: what is not understood is wrong, two answers are wrong where gold is one, a relation or an
// expression that only restates the question is wrong, and nothing that it contains takes long or much memory.
//
// What counts as evaluated. Where gold is a number, the prediction must be one too: a numeral, a fraction of whole numbers
// in lowest terms, a mixed number, a percentage, or scientific notation with one digit before the point. 12*7+3 and
// 174/2 are wrong for 87, and 4/8 is wrong for 1/2. Where gold is a closed form without functions other than roots, such as
// 5√3, the prediction has no functions other than roots either, and no more terms than the normal form of gold.
// Options.Unevaluated lifts these rules, and Options.Question adds another: an expression that stands in the question is no
// answer unless gold does too.
//
// Units. A unit that gold has may be missing in the prediction, and one that gold lacks may be there. Where both have
// one they must be convertible and the amounts equal: 500 cm is 5 m, and 5 cm is not. A percentage equals its value
// and also the bare number of per cent: 50% is 0.5, and 50 where gold has the sign; where gold is a bare number above 1,
// the prediction may add the sign.
package answer

import (
	"errors"
	"strings"

	"muonclip/internal/rng"
)

// Options configures Equal. The zero value is meant for training.
type Options struct {
	// Question is the text of the question. Where it is known, an expression that is taken from it is no answer.
	Question string
	// Unevaluated accepts any expression that has gold's value, also one that is left to be worked out.
	Unevaluated bool
}

// Rule names what decided a verdict.
type Rule string

// The rules. Those that found the prediction equal or unequal come first, then those that refused it.
const (
	RuleSame    Rule = "same text"     // character by character, but for white space and type setting
	RuleText    Rule = "text"          // as words
	RuleNumber  Rule = "number"        // as rational numbers
	RuleForm    Rule = "normal form"   // as exact normal forms
	RulePoints  Rule = "random points" // by the values at random points
	RuleParts   Rule = "parts"         // element by element
	RuleUnit    Rule = "unit"          // the units do not fit
	RuleShape   Rule = "shape"         // one is a list, a relation or a text and the other is not
	RuleUnsaid  Rule = "unevaluated"   // the prediction is left to be worked out
	RuleRestate Rule = "restated"      // the prediction is taken from the question
	RuleLimit   Rule = "limit"         // the prediction is empty, too long, too deep or too large
)

// Verdict is what Equal found.
type Verdict struct {
	Correct bool
	Rule    Rule
	Why     string // for people
}

func wrong(rule Rule, why string) Verdict { return Verdict{Rule: rule, Why: why} }
func right(rule Rule, why string) Verdict { return Verdict{Correct: true, Rule: rule, Why: why} }

// Equal reports whether a prediction answers what gold answers. It is a pure function of its arguments.
func Equal(gold, predicted string, o Options) Verdict {
	if strings.TrimSpace(predicted) == "" {
		return wrong(RuleLimit, "the prediction is empty")
	}
	if len(predicted) > maxBytes {
		return wrong(RuleLimit, "the prediction is too long")
	}
	if goldText := compact(gold); goldText != "" && goldText == compact(predicted) {
		return right(RuleSame, "the same text")
	}
	g, err := parse(gold, true)
	if err != nil {
		return wrong(RuleLimit, "gold: "+err.Error())
	}
	p, err := parse(predicted, false)
	if err != nil {
		return wrong(RuleLimit, err.Error())
	}
	if restates(o.Question, gold, predicted, p) {
		return wrong(RuleRestate, "the question holds the same expression")
	}
	j := judge{options: o, budget: maxPoint, rnd: rng.New(0, "answer", rng.New(0, gold).Uint64(), rng.New(0, predicted).Uint64())}
	v := j.same(g, p)
	if !v.Correct && p.alt != nil {
		if alt := j.same(g, p.alt); alt.Correct {
			return alt
		}
	}
	return v
}

// compact is an answer without white space and type setting, as it is compared first.
func compact(s string) string {
	if len(s) > maxBytes {
		return s
	}
	toks, err := lex(s)
	if err != nil {
		return strings.Join(strings.Fields(s), " ")
	}
	var b strings.Builder
	for i, t := range toks {
		if i > 0 && t.spaced && t.kind != tSym && toks[i-1].kind == t.kind {
			b.WriteByte(' ') // "1 2" is not 12
		}
		b.WriteString(t.text)
	}
	return b.String()
}

// restates reports whether a prediction that is left to be worked out stands in the question, and gold does not.
func restates(question, gold, predicted string, p *node) bool {
	work := p.contains(func(n *node) bool {
		switch n.op {
		case opAdd, opMul, opDiv, opPow, opCall, opRel:
			return true
		}
		return false
	})
	if question == "" || !work || evaluated(p) || p.alt != nil && evaluated(p.alt) {
		return false
	}
	flat := func(s string) string {
		return strings.Join(strings.Fields(strings.NewReplacer("$", "", `\left`, "", `\right`, "", "{", "", "}", "").Replace(s)), "")
	}
	q := flat(question)
	return strings.Contains(q, flat(predicted)) && !strings.Contains(q, flat(gold))
}

// reason is what an error of a comparison says about the prediction.
func reason(err error) Verdict {
	switch {
	case errors.Is(err, errLarge):
		return wrong(RuleLimit, err.Error())
	case errors.Is(err, errUndefined):
		return wrong(RuleForm, err.Error())
	}
	return wrong(RuleShape, err.Error())
}
