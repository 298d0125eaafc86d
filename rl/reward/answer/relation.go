package answer

// relation compares with a gold answer that is an equation, an inequality or a chain of them.
func (j *judge) relation(g, p *node) Verdict {
	if value, ok := solved(g); ok { // x = 5: the prediction is x = 5, or 5
		switch mine, ok := solved(p); {
		case p.op != opRel:
			return j.either(value, p)
		case ok && label(p) == label(g):
			return j.either(value, mine)
		}
		return wrong(RuleShape, "gold is solved for a variable and the prediction is not")
	}
	if set, ok := interval(g); ok {
		if p.op == opRel {
			mine, ok := interval(p)
			if !ok || variable(p).name != variable(g).name {
				return wrong(RuleShape, "gold is solved for a variable and the prediction is not")
			}
			p = mine
		}
		return j.ordered(set, p)
	}
	if p.op != opRel || len(p.args) != len(g.args) {
		return wrong(RuleShape, "gold is a relation and the prediction is another or none")
	}
	if len(g.rels) == 1 && g.rels[0] == "=" && p.rels[0] == "=" {
		return j.equation(g, p)
	}
	if v := j.sides(g, p); v.Correct {
		return v
	}
	return j.sides(g, flipped(p))
}

// sides compares two chains of relations side by side.
func (j *judge) sides(g, p *node) Verdict {
	for i := range g.rels {
		if g.rels[i] != p.rels[i] {
			return wrong(RuleShape, "another relation")
		}
	}
	for i := range g.args {
		if v := j.either(g.args[i], p.args[i]); !v.Correct {
			return v
		}
	}
	return right(RuleParts, "the same relation")
}

// equation compares two equations that are not solved for a variable: they are the same where the differences of their
// sides are proportional.
func (j *judge) equation(g, p *node) Verdict {
	var r ring
	difference := func(n *node) (poly, error) {
		r.work = 0
		f, err := r.eval(&node{op: opAdd, args: []*node{n.args[0], {op: opNeg, args: n.args[1:]}}})
		return f.num, err
	}
	a, err := difference(g)
	b, err2 := difference(p)
	if err == nil && err2 == nil {
		if len(a) > 0 && proportional(a, b) {
			return right(RuleForm, "proportional equations")
		}
		return wrong(RuleForm, "another equation")
	}
	if v := j.sides(g, p); v.Correct {
		return v
	}
	return j.sides(g, flipped(p))
}

// assigned compares a gold answer that is no relation with a prediction that is one: x = 5, or a chain of equal
// numbers that ends in the answer.
func (j *judge) assigned(g, p *node) Verdict {
	if value, ok := solved(p); ok {
		return j.either(g, value)
	}
	if set, ok := interval(p); ok && (g.op == opTuple || g.op == opUnion) {
		return j.either(g, set)
	}
	if !g.scalar() {
		return wrong(RuleShape, "the prediction is a relation and gold is not")
	}
	for i, rel := range p.rels {
		if rel != "=" {
			return wrong(RuleShape, "the prediction is a relation and gold is a value")
		}
		if !p.args[i].scalar() || p.args[i].variables() || !j.number(p.args[i], p.args[i+1]).Correct {
			return wrong(RuleShape, "the prediction is an equation that is not true")
		}
	}
	return j.either(g, p.args[len(p.args)-1])
}

// variable is the variable that a relation is solved for, or nil.
func variable(n *node) *node {
	if n.op != opRel || len(n.args) != 2 {
		if n.op == opRel && len(n.args) == 3 && n.args[1].op == opVar {
			return n.args[1]
		}
		return nil
	}
	for i, side := range n.args {
		own := func(x *node) bool { return x.op == opVar && x.name == side.name }
		if side.op == opVar && !n.args[1-i].contains(own) {
			return side
		}
	}
	return nil
}

// label names what a relation is solved for: a variable, or a tuple of variables. It is empty where there is none.
func label(n *node) string {
	if v := variable(n); v != nil {
		return v.name
	}
	name := ""
	for _, a := range n.args[0].args {
		if a.op != opVar {
			return ""
		}
		name += a.name + ","
	}
	return name
}

// solved is the value of an equation that is solved for a variable.
func solved(n *node) (*node, bool) {
	if n.op != opRel || len(n.rels) != 1 || n.rels[0] != "=" {
		return nil, false
	}
	if n.args[0].op == opTuple && n.args[1].op == opTuple && label(n) != "" { // (x, y) = (1, 2)
		return n.args[1], true
	}
	v := variable(n)
	if v == nil {
		return nil, false
	}
	if n.args[0] == v {
		return n.args[1], true
	}
	return n.args[0], true
}

// flipped is a chain of relations read from right to left.
func flipped(n *node) *node {
	m := &node{op: opRel}
	turn := map[string]string{"<": ">", "≤": "≥", ">": "<", "≥": "≤", "=": "=", "≠": "≠"}
	for i := len(n.args) - 1; i >= 0; i-- {
		m.args = append(m.args, n.args[i])
	}
	for i := len(n.rels) - 1; i >= 0; i-- {
		m.rels = append(m.rels, turn[n.rels[i]])
	}
	return m
}

// interval is the set of the numbers that satisfy x < b, a ≤ x < b and the like.
func interval(n *node) (*node, bool) {
	v := variable(n)
	if v == nil {
		return nil, false
	}
	if len(n.args) == 2 && n.args[0] != v || len(n.args) == 3 && (n.rels[0] == ">" || n.rels[0] == "≥") {
		n = flipped(n)
	}
	bracket := map[string]string{"<": "()", "≤": "[]", ">": "()", "≥": "[]"}
	for _, rel := range n.rels {
		if bracket[rel] == "" {
			return nil, false
		}
	}
	below := &node{op: opNeg, args: []*node{{op: opInf}}}
	above := &node{op: opInf}
	if len(n.args) == 3 {
		if n.rels[0] != "<" && n.rels[0] != "≤" || n.rels[1] != "<" && n.rels[1] != "≤" {
			return nil, false
		}
		return &node{op: opTuple, name: bracket[n.rels[0]][:1] + bracket[n.rels[1]][1:], args: []*node{n.args[0], n.args[2]}}, true
	}
	if n.rels[0] == "<" || n.rels[0] == "≤" {
		return &node{op: opTuple, name: "(" + bracket[n.rels[0]][1:], args: []*node{below, n.args[1]}}, true
	}
	return &node{op: opTuple, name: bracket[n.rels[0]][:1] + ")", args: []*node{n.args[1], above}}, true
}
