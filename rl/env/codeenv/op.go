package codeenv

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// typ is a type of values in generated tasks.
type typ uint8

const (
	number typ = iota
	text
	numbers
	words
	counts // a dict from words to whole numbers
	truth
)

// op is one step from a value to another: what it is called, and how Python does it. In code, @ is the value, # the
// second parameter of the function where the step needs one, and $ the variable that a block of lines fills.
type op struct {
	group  string // a program has at most one step of a group
	to     typ
	weight int // 1 simple, 2 a comprehension or a case, 3 and more a loop
	say    string
	terse  string
	expr   string
	lines  []string // instead of expr
	// A step that comes first only: one that needs the second parameter, which has the type of the first; one that needs a
	// domain of the parameters, see input; and one that has no sense elsewhere.
	second bool
	only   string
	first  bool
}

// maker draws the constants of a step.
type maker func(r *rand.Rand) op

// program is steps one after the other.
type program struct {
	from typ
	two  bool   // there is a second parameter, of the same type
	only string // domain of the parameters
	ops  []op
}

// chain draws steps with the given sum of weights, each of another group. What ends in a type that allows no further
// step is drawn again; ok is false where nothing was found.
func chain(r *rand.Rand, p program, weight int, makers map[typ][]maker, ends func(typ) bool) (program, bool) {
	for range 50 {
		q := p
		q.ops = slices.Clone(p.ops)
		at, left := q.from, weight
		for _, o := range q.ops {
			at = o.to
			left -= o.weight
		}
		for left > 0 {
			all := makers[at]
			if len(all) == 0 {
				break
			}
			o := all[r.IntN(len(all))](r)
			first := len(q.ops) == 0
			used := slices.ContainsFunc(q.ops, func(x op) bool { return x.group == o.group })
			if o.weight > left || used || (o.second || o.only != "" || o.first) && !first {
				if r.IntN(20) == 0 {
					break
				}
				continue
			}
			q.ops = append(q.ops, o)
			q.two = q.two || o.second
			q.only += o.only
			left -= o.weight
			at = o.to
		}
		if left == 0 && (ends == nil || ends(at)) {
			return q, true
		}
	}
	return program{}, false
}

// to is the type of the result.
func (p program) to() typ {
	if len(p.ops) == 0 {
		return p.from
	}
	return p.ops[len(p.ops)-1].to
}

// names are the parameters' names in a style.
func (p program) names(terse bool) []string {
	all := map[typ][2]string{
		number: {"n", "m"}, text: {"text", "other"}, numbers: {"numbers", "others"}, words: {"words", "others"}, counts: {"counts", "others"},
	}
	pair := all[p.from]
	if terse {
		pair = [2]string{"x", "y"}
	}
	if !p.two {
		return pair[:1]
	}
	return pair[:]
}

// wide is the length beyond which an expression is given a name.
const wide = 68

// body writes the program in Python, without indentation; the last line returns the result.
func (p program) body(params []string) []string {
	var lines []string
	used := 0
	at := params[0]
	name := func() string { // a new variable
		used++
		return []string{"result", "out", "found", "last", "final"}[(used-1)%5]
	}
	keep := func() { // gives the value a name
		if !plain(at) {
			v := name()
			lines = append(lines, v+" = "+at)
			at = v
		}
	}
	for _, o := range p.ops {
		second := ""
		if len(params) > 1 {
			second = params[1]
		}
		if o.expr != "" {
			if strings.Count(o.expr, "@") > 1 || len(o.expr)+len(at) > wide {
				keep()
			}
			at = strings.ReplaceAll(fill(o.expr, at), "#", second)
			continue
		}
		if !o.inline() || len(at) > wide/2 {
			keep()
		}
		v := name()
		for _, line := range o.lines {
			if !strings.HasSuffix(line, "= @") {
				line = fill(line, at)
			}
			lines = append(lines, strings.NewReplacer("@", at, "#", second, "$", v).Replace(line))
		}
		at = v
	}
	return append(lines, "return "+at)
}

// inline reports whether a block of lines reads its value once, so that it needs no name.
func (o op) inline() bool {
	all := strings.Join(o.lines, "\n") + "\n"
	return strings.Count(all, "@") == 1 && (strings.Contains(all, " in @:\n") || strings.HasPrefix(all, "$ = @\n"))
}

// plain reports whether an expression is a name.
func plain(expr string) bool {
	return !strings.ContainsFunc(expr, func(c rune) bool { return c != '_' && (c < 'a' || c > 'z') })
}

// fill puts a value into an expression, in parentheses where operators around it could take it apart.
func fill(expr, value string) string {
	var out strings.Builder
	for i := range len(expr) {
		if expr[i] != '@' {
			out.WriteByte(expr[i])
			continue
		}
		enclosed := i > 0 && expr[i-1] == '(' && i+1 < len(expr) && (expr[i+1] == ')' || expr[i+1] == ',')
		if whole(value) || enclosed || expr == "@" {
			out.WriteString(value)
		} else {
			out.WriteString("(" + value + ")")
		}
	}
	return out.String()
}

// whole reports whether no operator can take an expression apart: nothing stands free between its parts.
func whole(expr string) bool {
	depth := 0
	var quote byte
	for i := range len(expr) {
		switch c := expr[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'':
			quote = c
		case strings.IndexByte("([{", c) >= 0:
			depth++
		case strings.IndexByte(")]}", c) >= 0:
			depth--
		case depth == 0 && (c == ' ' || c == '-'):
			return false
		}
	}
	return true
}

// say tells the steps in words, one for each.
func (p program) say(terse bool) []string {
	out := make([]string, len(p.ops))
	for i, o := range p.ops {
		out[i] = o.say
		if terse {
			out[i] = o.terse
		}
	}
	return out
}

// without are the programs that lack one step, as far as types allow. Where one of them does the same, a step is idle.
func (p program) without() []program {
	var all []program
	at := p.from
	for i, o := range p.ops {
		if o.to == at && len(p.ops) > 1 && !o.second {
			q := p
			q.ops = slices.Concat(p.ops[:i], p.ops[i+1:])
			all = append(all, q)
		}
		at = o.to
	}
	return all
}

// Short ways to write steps.

func does(group string, to typ, weight int, say, terse, expr string) op {
	return op{group: group, to: to, weight: weight, say: say, terse: terse, expr: expr}
}

func loop(group string, to typ, weight int, say, terse string, lines ...string) op {
	return op{group: group, to: to, weight: weight, say: say, terse: terse, lines: lines}
}

// fixed is a step without constants.
func fixed(o op) maker { return func(*rand.Rand) op { return o } }

// between draws a whole number from low to high.
func between(r *rand.Rand, low, high int) int { return low + r.IntN(high-low+1) }

// pick draws one of several.
func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }
