// Package script is the small language in which a domain file says what its tools do: Starlark without
// definitions of functions, loops without end, or any operation whose cost the interpreter does not bound.
//
// The interpreter itself limits steps only: `[0] * 50000000` is one step and 763 MiB. So the syntax tree is
// rewritten before it is compiled: every operation that can make a large value, or walk one, becomes a call of a
// guard that charges its size to a budget of cells first (see rewrite.go and guard.go).
package script

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// MaxSource is the largest program in bytes; it bounds the depth of the parser's recursion.
const MaxSource = 16 << 10

// Reads and Writes are the functions of the world that a program may call. Their bodies come from the caller of
// Compile; they are named here so that a file can be checked without a world.
var (
	Reads  = []string{"get", "find", "query", "label", "today", "add_days", "days_between", "fail", "allowed", "enforce"}
	Writes = []string{"insert", "update", "remove"}
)

// Func is a compiled program. It is immutable and may be called from several goroutines at once.
type Func struct {
	Params []string
	Calls  []string // functions of the world that the text calls, sorted
	Uses   []Use    // what these calls name literally, in order
	fn     *starlark.Function
}

// Use is a call of a function of the world whose first argument is a literal name of an entity.
type Use struct {
	Func, Entity string
	Fields       []string // names of keyword arguments (find) or keys of a literal dict (insert, update)
	Line         int      // in the source
}

// options of the dialect: no while, no set, no recursion.
var options = &syntax.FileOptions{TopLevelControl: true}

// Compile compiles the body of a function of the parameters. host holds the functions of the world; a nil host
// gives a Func that has been checked but cannot run. Errors begin with line:column in the source.
func Compile(name, source string, params []string, host starlark.StringDict) (*Func, error) {
	if len(source) > MaxSource {
		return nil, fmt.Errorf("the program has %d bytes, more than the %d allowed: split the action", len(source), MaxSource)
	}
	f, err := options.Parse(name, source, 0)
	if err != nil {
		return nil, tidy(name, err)
	}
	if len(f.Stmts) == 0 {
		return nil, errors.New("the program is empty: return a dict")
	}
	return build(name, f.Stmts, params, host)
}

// CompileExpr compiles an expression. Its parameters are the free names of the expression, in order of appearance.
func CompileExpr(name, source string, host starlark.StringDict) (*Func, error) {
	if len(source) > MaxSource {
		return nil, fmt.Errorf("the expression has %d bytes, more than the %d allowed", len(source), MaxSource)
	}
	e, err := options.ParseExpr(name, source, 0)
	if err != nil {
		return nil, tidy(name, err)
	}
	var free []string
	for _, n := range freeNames(e) {
		if !known(n) {
			free = append(free, n)
		}
	}
	ret := &syntax.ReturnStmt{Result: e}
	return build(name, []syntax.Stmt{ret}, free, host)
}

// known reports whether a name means something without being a parameter.
func known(name string) bool {
	return name == "None" || name == "True" || name == "False" || guards[name] != nil ||
		slices.Contains(allowed, name) || slices.Contains(Reads, name) || slices.Contains(Writes, name)
}

func build(name string, body []syntax.Stmt, params []string, host starlark.StringDict) (*Func, error) {
	uses := findUses(body)
	rw := &rewriter{}
	body = rw.stmts(body)
	if rw.err != nil {
		return nil, tidy(name, rw.err)
	}
	pos := syntax.MakePosition(&name, 1, 1)
	def := &syntax.DefStmt{Def: pos, Name: &syntax.Ident{NamePos: pos, Name: "program"}, Lparen: pos, Rparen: pos, Body: body}
	for _, p := range params {
		if guards[p] != nil || strings.HasPrefix(p, "__") {
			return nil, fmt.Errorf("the parameter %s has the name of a function: rename it", p)
		}
		def.Params = append(def.Params, &syntax.Ident{NamePos: pos, Name: p})
	}
	file := &syntax.File{Path: name, Stmts: []syntax.Stmt{def}, Options: &syntax.FileOptions{}}
	names := func(n string) bool {
		return guards[n] != nil || slices.Contains(Reads, n) || slices.Contains(Writes, n)
	}
	prog, err := starlark.FileProgram(file, names)
	if err != nil {
		return nil, tidy(name, err)
	}
	if err := blocked(file); err != nil {
		return nil, tidy(name, err)
	}
	out := &Func{Params: params, Calls: rw.calls(file), Uses: uses}
	if host == nil {
		return out, nil
	}
	globals, err := prog.Init(&starlark.Thread{Name: name}, environment(host))
	if err != nil {
		return nil, tidy(name, err)
	}
	globals.Freeze()
	out.fn = globals["program"].(*starlark.Function)
	return out, nil
}

// environment joins the guards and the functions of the world.
func environment(host starlark.StringDict) starlark.StringDict {
	env := make(starlark.StringDict, len(guards)+len(host))
	for n, b := range guards {
		env[n] = b
	}
	for n, b := range host {
		env[n] = b
	}
	return env
}

// blocked rejects functions of Starlark that are neither guarded nor harmless.
func blocked(f *syntax.File) error {
	var bad error
	syntax.Walk(f, func(n syntax.Node) bool {
		id, ok := n.(*syntax.Ident)
		if !ok || bad != nil {
			return bad == nil
		}
		b, ok := id.Binding.(*resolve.Binding)
		if ok && b.Scope == resolve.Universal && !slices.Contains(allowed, id.Name) {
			bad = at(id.NamePos, "%s is not available in programs", id.Name)
		}
		return bad == nil
	})
	return bad
}

// freeNames lists the names that an expression uses and does not bind itself.
func freeNames(e syntax.Expr) []string {
	var out []string
	bound := map[string]bool{}
	syntax.Walk(e, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Comprehension:
			for _, c := range n.Clauses {
				if f, ok := c.(*syntax.ForClause); ok {
					bind(f.Vars, bound)
				}
			}
		case *syntax.LambdaExpr:
			for _, p := range n.Params {
				bind(p, bound)
			}
		}
		return true
	})
	walkNames(e, func(name string) {
		if !bound[name] && !slices.Contains(out, name) {
			out = append(out, name)
		}
	})
	return out
}

// walkNames visits the names that stand for values: not attributes and not names of keyword arguments.
func walkNames(n syntax.Node, visit func(string)) {
	syntax.Walk(n, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Ident:
			visit(n.Name)
		case *syntax.DotExpr:
			walkNames(n.X, visit)
			return false
		case *syntax.CallExpr:
			walkNames(n.Fn, visit)
			for _, a := range n.Args {
				if b, ok := a.(*syntax.BinaryExpr); ok && b.Op == syntax.EQ {
					a = b.Y
				}
				walkNames(a, visit)
			}
			return false
		}
		return true
	})
}

func bind(e syntax.Expr, into map[string]bool) {
	switch e := e.(type) {
	case *syntax.Ident:
		into[e.Name] = true
	case *syntax.ParenExpr:
		bind(e.X, into)
	case *syntax.TupleExpr:
		for _, x := range e.List {
			bind(x, into)
		}
	case *syntax.ListExpr:
		for _, x := range e.List {
			bind(x, into)
		}
	}
}

// tidy turns the errors of the parser and the resolver into line:column: message, without the name of the file.
func tidy(name string, err error) error {
	var list resolve.ErrorList
	if errors.As(err, &list) && len(list) > 0 {
		err = list[0]
	}
	var r resolve.Error
	if errors.As(err, &r) {
		return fmt.Errorf("%d:%d: %s", r.Pos.Line, r.Pos.Col, r.Msg)
	}
	var s syntax.Error
	if errors.As(err, &s) {
		return fmt.Errorf("%d:%d: %s", s.Pos.Line, s.Pos.Col, s.Msg)
	}
	return errors.New(strings.TrimPrefix(err.Error(), name+":"))
}

func at(pos syntax.Position, format string, args ...any) error {
	return syntax.Error{Pos: pos, Msg: fmt.Sprintf(format, args...)}
}
