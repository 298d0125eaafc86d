package script

import (
	"slices"

	"go.starlark.net/syntax"
)

// methods are the methods that programs may call on strings, lists and dicts.
var methods = []string{
	"append", "capitalize", "clear", "count", "elems", "endswith", "extend", "find", "format", "get", "index", "insert",
	"isalnum", "isalpha", "isdigit", "items", "join", "keys", "lower", "lstrip", "partition", "pop", "remove", "removeprefix",
	"removesuffix", "replace", "rfind", "rpartition", "rsplit", "rstrip", "setdefault", "split", "splitlines", "startswith",
	"strip", "title", "update", "upper", "values",
}

// guarded names the guard of each operator whose cost is not bounded by the step that it takes.
var guarded = map[syntax.Token]string{
	syntax.PLUS: "__add", syntax.STAR: "__mul", syntax.PERCENT: "__mod", syntax.PIPE: "__or",
	syntax.EQL: "__eq", syntax.NEQ: "__ne", syntax.LT: "__lt", syntax.GT: "__gt", syntax.LE: "__le", syntax.GE: "__ge",
	syntax.IN: "__in", syntax.NOT_IN: "__not_in",
}

// augmented gives the guard of x OP= y.
var augmented = map[syntax.Token]string{
	syntax.PLUS_EQ: "__iadd", syntax.STAR_EQ: "__mul", syntax.PERCENT_EQ: "__mod", syntax.PIPE_EQ: "__or",
}

// rewriter replaces what the interpreter does not bound by calls of guards, and refuses what has no place in a
// program. It keeps the first error.
type rewriter struct{ err error }

func (r *rewriter) fail(pos syntax.Position, format string, args ...any) {
	if r.err == nil {
		r.err = at(pos, format, args...)
	}
}

func (r *rewriter) stmts(list []syntax.Stmt) []syntax.Stmt {
	for _, s := range list {
		r.stmt(s)
	}
	return list
}

func (r *rewriter) stmt(s syntax.Stmt) {
	switch s := s.(type) {
	case *syntax.AssignStmt:
		r.assign(s)
	case *syntax.BranchStmt:
	case *syntax.ExprStmt:
		s.X = r.expr(s.X)
	case *syntax.ForStmt:
		s.Vars = r.expr(s.Vars)
		s.X = r.expr(s.X)
		r.stmts(s.Body)
	case *syntax.IfStmt:
		s.Cond = r.expr(s.Cond)
		r.stmts(s.True)
		r.stmts(s.False)
	case *syntax.ReturnStmt:
		if s.Result != nil {
			s.Result = r.expr(s.Result)
		}
	default:
		start, _ := s.Span()
		r.fail(start, "def, while and load are not available: a program is the body of one function; use for, lambda or comprehensions")
	}
}

func (r *rewriter) assign(s *syntax.AssignStmt) {
	guard, ok := augmented[s.Op]
	switch {
	case s.Op == syntax.EQ || s.Op == syntax.MINUS_EQ || s.Op == syntax.SLASH_EQ || s.Op == syntax.SLASHSLASH_EQ:
		s.LHS, s.RHS = r.expr(s.LHS), r.expr(s.RHS)
	case !ok:
		r.fail(s.OpPos, "bit operations are not available")
	default:
		// x += y is compiled as x = __iadd(x, y), so x must be something that can be evaluated twice.
		again := r.again(s.LHS)
		s.LHS = r.expr(s.LHS)
		s.RHS = call(s.OpPos, guard, r.expr(again), r.expr(s.RHS))
		s.Op = syntax.EQ
	}
}

// again copies an expression without side effects.
func (r *rewriter) again(e syntax.Expr) syntax.Expr {
	switch e := e.(type) {
	case *syntax.Ident:
		c := *e
		return &c
	case *syntax.Literal:
		c := *e
		return &c
	case *syntax.ParenExpr:
		return r.again(e.X)
	case *syntax.IndexExpr:
		c := *e
		c.X, c.Y = r.again(e.X), r.again(e.Y)
		return &c
	}
	start, _ := e.Span()
	r.fail(start, "the target of an operation such as += must be a name or an item: assign to a name first")
	return e
}

func (r *rewriter) list(list []syntax.Expr) []syntax.Expr {
	for i, e := range list {
		list[i] = r.expr(e)
	}
	return list
}

func (r *rewriter) expr(e syntax.Expr) syntax.Expr {
	switch e := e.(type) {
	case *syntax.BinaryExpr:
		return r.binary(e)
	case *syntax.CallExpr:
		return r.call(e)
	case *syntax.Comprehension:
		e.Body = r.expr(e.Body)
		for _, c := range e.Clauses {
			switch c := c.(type) {
			case *syntax.ForClause:
				c.Vars, c.X = r.expr(c.Vars), r.expr(c.X)
			case *syntax.IfClause:
				c.Cond = r.expr(c.Cond)
			}
		}
	case *syntax.CondExpr:
		e.Cond, e.True, e.False = r.expr(e.Cond), r.expr(e.True), r.expr(e.False)
	case *syntax.DictEntry:
		e.Key, e.Value = r.key(e.Key), r.expr(e.Value)
	case *syntax.DictExpr:
		r.list(e.List)
	case *syntax.DotExpr:
		r.fail(e.Dot, "%s is used without being called: records are dicts, write r[%q]", e.Name.Name, e.Name.Name)
	case *syntax.Ident:
		if len(e.Name) > 1 && e.Name[:2] == "__" {
			r.fail(e.NamePos, "names must not begin with two underscores: rename %s", e.Name)
		}
	case *syntax.IndexExpr:
		e.X, e.Y = r.expr(e.X), r.key(e.Y)
	case *syntax.LambdaExpr:
		for _, p := range e.Params {
			if _, ok := p.(*syntax.Ident); !ok {
				start, _ := p.Span()
				r.fail(start, "parameters of a lambda are plain names")
			}
		}
		e.Body = r.expr(e.Body)
	case *syntax.ListExpr:
		r.list(e.List)
	case *syntax.Literal:
		if e.Token == syntax.BYTES {
			r.fail(e.TokenPos, "bytes are not available")
		}
	case *syntax.ParenExpr:
		e.X = r.expr(e.X)
	case *syntax.SliceExpr:
		return r.slice(e)
	case *syntax.TupleExpr:
		r.list(e.List)
	case *syntax.UnaryExpr:
		if e.Op != syntax.MINUS && e.Op != syntax.NOT && e.Op != syntax.PLUS {
			r.fail(e.OpPos, "the operator %s is not available", e.Op)
			return e
		}
		e.X = r.expr(e.X)
	}
	return e
}

func (r *rewriter) binary(e *syntax.BinaryExpr) syntax.Expr {
	switch e.Op {
	case syntax.AND, syntax.OR, syntax.MINUS, syntax.SLASH, syntax.SLASHSLASH:
		e.X, e.Y = r.expr(e.X), r.expr(e.Y)
		return e
	}
	guard, ok := guarded[e.Op]
	if !ok {
		r.fail(e.OpPos, "the operator %s is not available", e.Op)
		return e
	}
	cheap := false
	switch e.Op {
	case syntax.EQL, syntax.NEQ, syntax.LT, syntax.GT, syntax.LE, syntax.GE:
		cheap = atom(e.X) || atom(e.Y) // comparing with a literal walks nothing
	}
	e.X, e.Y = r.expr(e.X), r.expr(e.Y)
	if cheap {
		return e
	}
	return call(e.OpPos, guard, e.X, e.Y)
}

// atom reports whether an expression is a literal or one of the constants.
func atom(e syntax.Expr) bool {
	switch e := e.(type) {
	case *syntax.Literal:
		return true
	case *syntax.Ident:
		return e.Name == "None" || e.Name == "True" || e.Name == "False"
	}
	return false
}

// key guards an expression by whose hash a dict is looked up: hashing nested tuples can take exponential time.
func (r *rewriter) key(e syntax.Expr) syntax.Expr {
	out := r.expr(e)
	if atom(out) {
		return out
	}
	start, _ := out.Span()
	return call(start, "__key", out)
}

// slice charges for the copy: x[a:b] becomes __sized(x)[a:b].
func (r *rewriter) slice(e *syntax.SliceExpr) syntax.Expr {
	e.X = call(e.Lbrack, "__sized", r.expr(e.X))
	for _, p := range []*syntax.Expr{&e.Lo, &e.Hi, &e.Step} {
		if *p != nil {
			*p = r.expr(*p)
		}
	}
	return e
}

func (r *rewriter) call(e *syntax.CallExpr) syntax.Expr {
	var front []syntax.Expr
	switch fn := e.Fn.(type) {
	case *syntax.DotExpr:
		if !slices.Contains(methods, fn.Name.Name) {
			r.fail(fn.Dot, "the method %s is not available", fn.Name.Name)
			return e
		}
		front = []syntax.Expr{r.expr(fn.X), &syntax.Literal{
			Token: syntax.STRING, TokenPos: fn.Dot, Raw: fn.Name.Name, Value: fn.Name.Name}}
		e.Fn = &syntax.Ident{NamePos: fn.Dot, Name: "__method"}
	default:
		e.Fn = r.expr(e.Fn)
	}
	for i, a := range e.Args {
		switch a := a.(type) {
		case *syntax.BinaryExpr:
			if a.Op == syntax.EQ { // name=value
				a.Y = r.expr(a.Y)
				continue
			}
		case *syntax.UnaryExpr:
			if a.Op == syntax.STAR || a.Op == syntax.STARSTAR {
				r.fail(a.OpPos, "arguments must be written out: *args and **kwargs are not available")
				continue
			}
		}
		e.Args[i] = r.expr(a)
	}
	e.Args = append(front, e.Args...)
	return e
}

// calls lists the functions of the world that appear in the file.
func (r *rewriter) calls(f *syntax.File) []string {
	var out []string
	syntax.Walk(f, func(n syntax.Node) bool {
		if c, ok := n.(*syntax.CallExpr); ok {
			if id, ok := c.Fn.(*syntax.Ident); ok && !slices.Contains(out, id.Name) &&
				(slices.Contains(Reads, id.Name) || slices.Contains(Writes, id.Name)) {
				out = append(out, id.Name)
			}
		}
		return true
	})
	slices.Sort(out)
	return out
}

func call(pos syntax.Position, name string, args ...syntax.Expr) syntax.Expr {
	return &syntax.CallExpr{Fn: &syntax.Ident{NamePos: pos, Name: name}, Lparen: pos, Args: args, Rparen: pos}
}
