package answer

import (
	"math/big"
	"slices"
	"strings"
)

// atom reads a numeral, a variable, a function with its argument, or something in brackets.
func (p *parser) atom() (*node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	t := p.peek()
	switch {
	case p.at >= len(p.toks):
		return nil, p.fail("want a value at")
	case t.kind == tNum:
		p.at++
		return p.mixed(t)
	case t.kind == tWord:
		return p.word()
	case t.kind == tCmd:
		return p.command()
	case t.is("∞"):
		p.at++
		return &node{op: opInf}, nil
	case t.is("∅"):
		p.at++
		return &node{op: opSet}, nil
	case t.is("("), t.is("["), t.is("{"), t.is(`\{`):
		return p.brackets(t.text)
	case t.is("|"):
		p.bars++
		n, err := p.group("|", "|")
		p.bars--
		return p.call("abs", n), err
	case t.is("⌊"):
		n, err := p.group("⌊", "⌋")
		return p.call("floor", n), err
	case t.is("⌈"):
		n, err := p.group("⌈", "⌉")
		return p.call("ceil", n), err
	}
	return nil, p.fail("want a value at")
}

func (p *parser) call(name string, args ...*node) *node {
	p.calls++
	return &node{op: opCall, name: name, args: args}
}

// mixed reads the fraction that makes a whole number a mixed one: 2\frac12, "2 1/2", 2½.
func (p *parser) mixed(t token) (*node, error) {
	n := &node{op: opNum, num: t.num}
	whole := !t.vulgar && strings.Trim(t.text, "0123456789") == ""
	next := p.peek()
	switch {
	case !whole:
		return n, nil
	case next.kind == tNum && next.vulgar:
		p.at++
		return mixed(n, next.num), nil
	case next.kind == tNum && next.spaced && p.at+2 < len(p.toks) && p.toks[p.at+1].is("/") && p.toks[p.at+2].kind == tNum:
		a, b := next.num, p.toks[p.at+2].num
		if a.IsInt() && b.IsInt() && a.Sign() > 0 && a.Cmp(b) < 0 {
			p.at += 3
			return mixed(n, new(big.Rat).Quo(a, b)), nil
		}
	case next.kind == tCmd && next.text == "frac":
		back, cut := p.at, slices.Clone(p.toks)
		f, err := p.command()
		if err != nil {
			return nil, err
		}
		if f.args[0].op == opNum && f.args[1].op == opNum && f.args[0].num.IsInt() && f.args[1].num.IsInt() && f.args[1].num.Sign() > 0 {
			return mixed(n, new(big.Rat).Quo(f.args[0].num, f.args[1].num)), nil
		}
		p.at, p.toks = back, cut
	}
	return n, nil
}

func mixed(whole *node, part *big.Rat) *node {
	return &node{op: opMixed, args: []*node{whole, {op: opNum, num: part}}}
}

// word reads a word that is a function, a constant or a product of variables.
func (p *parser) word() (*node, error) {
	t := p.peek()
	if !p.factorWord(t) {
		return nil, p.fail("the word")
	}
	p.at++
	switch {
	case t.text == "inf" || t.text == "infinity":
		return &node{op: opInf}, nil
	case t.text == "pi":
		return &node{op: opConst, name: "pi"}, nil
	case t.text == "sqrt":
		n, err := p.atom()
		return p.call("sqrt", n), err
	case functions[t.text]:
		return p.function(t.text)
	case greek[t.text]:
		return p.variable(t.text)
	}
	var n *node
	for i := range len(t.text) {
		var v *node
		var err error
		switch c := t.text[i : i+1]; {
		case c == "e" || c == "i":
			v = &node{op: opConst, name: c}
		case i == len(t.text)-1:
			v, err = p.variable(c)
		default:
			v = &node{op: opVar, name: c}
		}
		if err != nil {
			return nil, err
		}
		if n == nil {
			n = v
		} else {
			n = &node{op: opMul, args: []*node{n, v}}
		}
	}
	if p.peek().is("^") && len(t.text) > 1 { // xy^2 is x (y^2)
		p.at++
		e, err := p.exponent()
		if err != nil {
			return nil, err
		}
		return &node{op: opMul, args: []*node{n.args[0], {op: opPow, args: []*node{n.args[1], e}}}}, nil
	}
	return n, nil
}

// variable reads the subscript that belongs to a variable's name.
func (p *parser) variable(name string) (*node, error) {
	for p.accept("'") {
		name += "'"
	}
	if !p.accept("_") {
		return &node{op: opVar, name: name}, nil
	}
	t := p.peek()
	braced := p.accept("{")
	for first := true; first || braced; first = false {
		if t = p.peek(); t.kind != tNum && t.kind != tWord && !(braced && (t.is("+") || t.is("-") || t.is(","))) {
			return nil, p.fail("the subscript")
		}
		name += "_" + t.text
		p.at++
		if braced && p.accept("}") {
			break
		}
	}
	return &node{op: opVar, name: name}, nil
}

// function reads the exponent, the base and the argument of a function.
func (p *parser) function(name string) (*node, error) {
	args := []*node{}
	var exponent *node
	for {
		if name == "log" && p.accept("_") {
			base, err := p.argument()
			if err != nil {
				return nil, err
			}
			args = append(args, base)
		} else if p.accept("^") {
			var err error
			if exponent, err = p.argument(); err != nil {
				return nil, err
			}
		} else {
			break
		}
	}
	arg, err := p.applied()
	if err != nil {
		return nil, err
	}
	n := p.call(name, append(args, arg)...)
	switch {
	case exponent == nil:
		return n, nil
	case exponent.op == opNeg && exponent.args[0].op == opNum: // \sin^{-1}
		inverse := "arc" + name
		if !functions[inverse] || exponent.args[0].num.Cmp(big.NewRat(1, 1)) != 0 {
			return nil, p.fail("the exponent of " + name + " before")
		}
		return p.call(inverse, arg), nil
	}
	return &node{op: opPow, args: []*node{n, exponent}}, nil
}

// applied reads the argument of a function: brackets, or all factors up to a sign or another function.
func (p *parser) applied() (*node, error) {
	if t := p.peek(); t.is("(") || t.is("{") || t.is("|") {
		return p.atom()
	}
	n, err := p.signed()
	for err == nil && p.starts() {
		if t := p.peek(); functions[t.text] || t.kind == tCmd {
			break
		}
		var right *node
		right, err = p.power()
		n = &node{op: opMul, args: []*node{n, right}}
	}
	return n, err
}
