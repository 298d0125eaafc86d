package answer

import "fmt"

// command reads a LaTeX command with its arguments.
func (p *parser) command() (*node, error) {
	t := p.peek()
	p.at++
	switch {
	case t.text == "frac" || t.text == "binom":
		a, err := p.argument()
		if err != nil {
			return nil, err
		}
		b, err := p.argument()
		if err != nil {
			return nil, err
		}
		if t.text == "binom" {
			return p.call("binom", a, b), nil
		}
		return &node{op: opDiv, args: []*node{a, b}}, nil
	case t.text == "sqrt":
		if p.peek().is("[") {
			index, err := p.group("[", "]")
			if err != nil {
				return nil, err
			}
			n, err := p.atom()
			return p.call("root", n, index), err
		}
		n, err := p.atom()
		return p.call("sqrt", n), err
	case functions[t.text]:
		return p.function(t.text)
	case t.text == "begin":
		return p.matrix()
	}
	p.at--
	return nil, p.fail("the command")
}

// brackets reads a sum in brackets, a tuple, an interval or a set.
func (p *parser) brackets(left string) (*node, error) {
	p.at++
	bars := p.bars
	p.bars = 0
	defer func() { p.bars = bars }()
	closing := map[string]string{"(": ")", "[": "]", "{": "}", `\{`: `\}`}[left]
	if left == `\{` && p.accept(closing) {
		return &node{op: opSet}, nil
	}
	var elements []*node
	for {
		n, err := p.sum()
		if err != nil {
			return nil, err
		}
		if elements = append(elements, n); len(elements) > maxElements {
			return nil, fmt.Errorf("more than %d elements: %w", maxElements, errLarge)
		}
		if !p.accept(",") && !p.accept(";") {
			break
		}
	}
	right := p.peek().text
	interval := len(elements) == 2 && (left == "(" || left == "[") && (right == ")" || right == "]")
	if !p.peek().is(closing) && !interval {
		return nil, p.fail("want " + closing + " before")
	}
	p.at++
	switch {
	case left == `\{`, left == "{" && len(elements) > 1:
		return &node{op: opSet, args: elements}, nil
	case len(elements) == 1 && (left != "[" || elements[0].op != opTuple):
		return elements[0], nil
	}
	return asMatrix(&node{op: opTuple, name: left + right, args: elements}), nil
}

// asMatrix turns [[1, 2], [3, 4]] into a matrix.
func asMatrix(n *node) *node {
	if n.name != "[]" {
		return n
	}
	for _, row := range n.args {
		if row.op != opTuple || row.name != "[]" || len(row.args) != len(n.args[0].args) {
			return n
		}
	}
	return &node{op: opMatrix, args: n.args}
}

// matrix reads \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}.
func (p *parser) matrix() (*node, error) {
	name, err := p.environment()
	if err != nil {
		return nil, err
	}
	if name == "array" { // its columns say only how they are set
		if _, err := p.environment(); err != nil {
			return nil, err
		}
	} else if name != "pmatrix" && name != "bmatrix" && name != "matrix" {
		return nil, p.fail("the environment " + name + " before")
	}
	m := &node{op: opMatrix}
	row := &node{op: opTuple, name: "[]"}
	for {
		n, err := p.sum()
		if err != nil {
			return nil, err
		}
		if row.args = append(row.args, n); len(row.args) > maxElements || len(m.args) > maxElements {
			return nil, fmt.Errorf("a row of more than %d elements: %w", maxElements, errLarge)
		}
		if p.accept("&") {
			continue
		}
		m.args = append(m.args, row)
		row = &node{op: opTuple, name: "[]"}
		more := p.accept(`\\`)
		if t := p.peek(); t.kind == tCmd && t.text == "end" {
			p.at++
			break
		} else if !more {
			return nil, p.fail("want a new row before")
		}
	}
	end, err := p.environment()
	if err == nil && end != name {
		err = p.fail("the environment ends as " + end + " before")
	}
	for _, r := range m.args {
		if len(r.args) != len(m.args[0].args) {
			return nil, fmt.Errorf("rows of %d and %d elements: %w", len(m.args[0].args), len(r.args), errSyntax)
		}
	}
	return m, err
}

// environment reads the name of an environment in braces.
func (p *parser) environment() (string, error) {
	if err := p.expect("{"); err != nil {
		return "", err
	}
	t := p.peek()
	if t.kind != tWord {
		return "", p.fail("want the name of an environment at")
	}
	p.at++
	return t.text, p.expect("}")
}
