package answer

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// parser reads tokens by recursive descent. It fails on what it does not understand: a prediction that is only half
// understood would be half judged.
type parser struct {
	toks  []token
	at    int
	depth int
	bars  int // of absolute values that are open
	calls int
}

// parseExpr reads all tokens as one expression or bracketed structure.
func parseExpr(toks []token) (*node, error) {
	p := parser{toks: slices.Clone(toks)} // arguments such as those of \frac12 cut numerals in two
	n, err := p.sum()
	if err != nil {
		return nil, err
	}
	if p.at < len(p.toks) {
		return nil, p.fail("unexpected")
	}
	if p.calls > maxCalls {
		return nil, fmt.Errorf("more than %d functions: %w", maxCalls, errLarge)
	}
	return n, nil
}

func (p *parser) peek() token {
	if p.at < len(p.toks) {
		return p.toks[p.at]
	}
	return token{kind: tSym}
}

func (p *parser) accept(sym string) bool {
	if p.at < len(p.toks) && p.toks[p.at].is(sym) {
		p.at++
		return true
	}
	return false
}

func (p *parser) expect(sym string) error {
	if !p.accept(sym) {
		return p.fail("want " + sym + " before")
	}
	return nil
}

func (p *parser) fail(what string) error {
	at := "the end"
	if p.at < len(p.toks) {
		at = fmt.Sprintf("%q", p.toks[p.at].text)
	}
	return fmt.Errorf("%s %s: %w", what, at, errSyntax)
}

// enter counts the depth of nesting.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return fmt.Errorf("nested deeper than %d: %w", maxDepth, errLarge)
	}
	return nil
}

// sum reads terms with + - ± between them.
func (p *parser) sum() (*node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	var left *node
	if t := p.peek(); t.is("±") || t.is("∓") {
		left = number(0)
	} else {
		var err error
		if left, err = p.product(); err != nil {
			return nil, err
		}
	}
	for {
		t := p.peek()
		if !t.is("+") && !t.is("-") && !t.is("±") && !t.is("∓") {
			return left, nil
		}
		p.at++
		right, err := p.product()
		if err != nil {
			return nil, err
		}
		switch t.text {
		case "-":
			right = &node{op: opNeg, args: []*node{right}}
			fallthrough
		case "+":
			if left.op == opAdd {
				left = &node{op: opAdd, args: append(slices.Clip(left.args), right)}
			} else {
				left = &node{op: opAdd, args: []*node{left, right}}
			}
		default:
			left = &node{op: opPlusMinus, name: t.text, args: []*node{left, right}}
		}
	}
}

// product reads factors with * / or nothing between them. A sign before it belongs to the whole product.
func (p *parser) product() (*node, error) {
	left, err := p.signed()
	if err != nil {
		return nil, err
	}
	for {
		var right *node
		switch {
		case p.accept("*"):
			if right, err = p.signed(); err != nil {
				return nil, err
			}
			left = &node{op: opMul, args: []*node{left, right}}
		case p.accept("/"):
			if right, err = p.signed(); err != nil {
				return nil, err
			}
			left = &node{op: opDiv, args: []*node{left, right}}
		case p.starts():
			if right, err = p.power(); err != nil {
				return nil, err
			}
			left = &node{op: opMul, args: []*node{left, right}}
		default:
			return left, nil
		}
	}
}

// signed reads a factor with signs before it.
func (p *parser) signed() (*node, error) {
	if p.accept("+") {
		return p.power()
	}
	if !p.accept("-") {
		return p.power()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	n, err := p.signed()
	if err != nil {
		return nil, err
	}
	return &node{op: opNeg, args: []*node{n}}, nil
}

// starts reports whether a factor begins here that is multiplied with the one before without a sign. Two numerals side
// by side are not a product: "3 4" is two answers.
func (p *parser) starts() bool {
	if p.at >= len(p.toks) {
		return false
	}
	t := p.toks[p.at]
	switch t.kind {
	case tNum:
		return p.at > 0 && p.toks[p.at-1].kind != tNum
	case tWord:
		return p.factorWord(t)
	case tCmd:
		return t.text == "frac" || t.text == "sqrt" || t.text == "binom" || functions[t.text] || t.text == "begin"
	}
	return t.is("(") || t.is("[") || t.is("{") || t.is("⌊") || t.is("⌈") || t.is("∞") || t.is("|") && p.bars == 0
}

// factorWord reports whether a word is a function, a constant or a product of variables.
func (p *parser) factorWord(t token) bool {
	switch {
	case greek[t.text], t.text == "pi", t.text == "inf", t.text == "infinity", functions[t.text], t.text == "sqrt":
		return true
	case t.quoted && len(t.text) > 1:
		return false
	}
	return len(t.text) == 1 || len(t.text) <= 3 && !prose[strings.ToLower(t.text)]
}

// prose are short words that are not products of variables.
var prose = words(`yes no not and or the a an is to of in if but so as at by for all any odd day one two six ten men`)

// power reads an atom with exponents, factorials, percent signs and degrees behind it.
func (p *parser) power() (*node, error) {
	n, err := p.atom()
	if err != nil {
		return nil, err
	}
	for {
		switch {
		case p.accept("!"):
			n = &node{op: opCall, name: "factorial", args: []*node{n}}
		case p.accept("%"):
			n = &node{op: opPercent, args: []*node{n}}
		case p.accept("°"):
			n = &node{op: opDegree, args: []*node{n}}
		case p.peek().is("^"):
			p.at++
			if p.degree() {
				n = &node{op: opDegree, args: []*node{n}}
				continue
			}
			e, err := p.exponent()
			if err != nil {
				return nil, err
			}
			return &node{op: opPow, args: []*node{n, e}}, nil // 2^3^2 is 2^(3^2): the exponent has read the rest
		default:
			return n, nil
		}
	}
}

// degree reads the ∘ of an exponent.
func (p *parser) degree() bool {
	if p.accept("°") {
		return true
	}
	if p.at+2 < len(p.toks) && p.toks[p.at].is("{") && p.toks[p.at+1].is("°") && p.toks[p.at+2].is("}") {
		p.at += 3
		return true
	}
	return false
}

// exponent reads what stands behind ^: a braced sum, or a power with a sign.
func (p *parser) exponent() (*node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	if p.peek().is("{") {
		n, err := p.group("{", "}")
		if err != nil || !p.peek().is("^") {
			return n, err
		}
		return nil, p.fail("an exponent of an exponent at")
	}
	if p.accept("-") {
		n, err := p.exponent()
		return &node{op: opNeg, args: []*node{n}}, err
	}
	return p.power()
}

// group reads a sum between two signs.
func (p *parser) group(left, right string) (*node, error) {
	if err := p.expect(left); err != nil {
		return nil, err
	}
	n, err := p.sum()
	if err != nil {
		return nil, err
	}
	return n, p.expect(right)
}

// argument reads an argument of a command: a braced sum, or one token, of a numeral its first digit.
func (p *parser) argument() (*node, error) {
	t := p.peek()
	if t.is("{") {
		return p.group("{", "}")
	}
	if t.kind == tNum && len(t.text) > 1 && strings.Trim(t.text, "0123456789") == "" {
		rest := t
		rest.text = t.text[1:]
		rest.num, _ = new(big.Rat).SetString(rest.text)
		p.toks[p.at] = rest
		return number(int64(t.text[0] - '0')), nil
	}
	return p.atom()
}
