package codeenv

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// The gold solutions are Python, and what tests expect is what they compute. They keep to the part of Python that
// Starlark has, too, so that they can be run here, on every machine and in microseconds, and generation needs no
// interpreter of Python. What Starlark lacks of it and the solutions use is added: iteration over texts, and sum.

// function is a gold solution that can be called.
type function struct{ fn starlark.Callable }

const goldSteps = 200_000 // of one call; a solution that needs more is not used

var dialect = &syntax.FileOptions{While: true, Set: true}

// compile makes the function with this name of a program of ours.
func compile(name, code string) (function, error) {
	file, err := dialect.Parse("gold", code, 0)
	if err != nil {
		return function{}, fmt.Errorf("codeenv: gold solution: %w", err)
	}
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.ForStmt:
			n.X = overChars(n.X)
		case *syntax.ForClause:
			n.X = overChars(n.X)
		}
		return true
	})
	program, err := starlark.FileProgram(file, python.Has)
	if err != nil {
		return function{}, fmt.Errorf("codeenv: gold solution: %w", err)
	}
	globals, err := program.Init(&starlark.Thread{}, python)
	if err != nil {
		return function{}, fmt.Errorf("codeenv: gold solution: %w", err)
	}
	fn, ok := globals[name].(starlark.Callable)
	if !ok {
		return function{}, fmt.Errorf("codeenv: gold solution: there is no function %s", name)
	}
	globals.Freeze()
	return function{fn}, nil
}

// call runs the function. The error is one that the program raises, or says that the result is unfit for a test.
func (f function) call(args []any) (any, error) {
	t := &starlark.Thread{}
	t.SetMaxExecutionSteps(goldSteps)
	values := make(starlark.Tuple, len(args))
	for i, a := range args {
		values[i] = toStarlark(a)
	}
	v, err := starlark.Call(t, f.fn, values, nil)
	if err != nil {
		return nil, err
	}
	return fromStarlark(v)
}

// overChars wraps what a loop goes through.
func overChars(x syntax.Expr) syntax.Expr {
	start, _ := x.Span()
	return &syntax.CallExpr{Fn: &syntax.Ident{NamePos: start, Name: "__items"}, Lparen: start, Args: []syntax.Expr{x}, Rparen: start}
}

// python is what the solutions use of Python's functions beyond Starlark's own.
var python = func() starlark.StringDict {
	d := starlark.StringDict{"__items": starlark.NewBuiltin("__items", items), "sum": starlark.NewBuiltin("sum", sum)}
	for _, name := range []string{"list", "sorted", "set", "enumerate", "zip"} {
		own := starlark.Universe[name]
		over := func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
			args = slices.Clone(args)
			for i := range args {
				args[i] = chars(args[i])
			}
			return starlark.Call(t, own, args, named)
		}
		d[name] = starlark.NewBuiltin(name, over)
	}
	return d
}()

// chars makes a list of the characters of a text, and leaves everything else.
func chars(v starlark.Value) starlark.Value {
	s, ok := v.(starlark.String)
	if !ok {
		return v
	}
	var all []starlark.Value
	for _, c := range string(s) {
		all = append(all, starlark.String(c))
	}
	return starlark.NewList(all)
}

func items(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	return chars(args[0]), nil
}

func sum(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	all, ok := args[0].(starlark.Iterable)
	if !ok {
		return nil, fmt.Errorf("sum of a %s", args[0].Type())
	}
	var total starlark.Value = starlark.MakeInt(0)
	for x := range starlark.Elements(all) {
		var err error
		if total, err = starlark.Binary(syntax.PLUS, total, x); err != nil {
			return nil, err
		}
	}
	return total, nil
}

// toStarlark takes int, bool, string, []any and map[string]any.
func toStarlark(v any) starlark.Value {
	switch v := v.(type) {
	case int:
		return starlark.MakeInt(v)
	case bool:
		return starlark.Bool(v)
	case string:
		return starlark.String(v)
	case []any:
		items := make([]starlark.Value, len(v))
		for i, x := range v {
			items[i] = toStarlark(x)
		}
		return starlark.NewList(items)
	case map[string]any:
		d := starlark.NewDict(len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			_ = d.SetKey(starlark.String(k), toStarlark(v[k])) // texts are hashable and the dict is new
		}
		return d
	}
	return starlark.None
}

// Bounds of what a test may expect, so that tests stay readable and no wording needs a limit of its own.
const (
	maxNumber = 1_000_000_000
	maxItems  = 60 // of a list or dict, and characters of a text
)

var errUnfit = errors.New("the result is unfit for a test")

func fromStarlark(v starlark.Value) (any, error) {
	switch v := v.(type) {
	case starlark.Bool:
		return bool(v), nil
	case starlark.Int:
		n, ok := v.Int64()
		if !ok || n > maxNumber || n < -maxNumber {
			return nil, fmt.Errorf("%w: %s is too large", errUnfit, v)
		}
		return int(n), nil
	case starlark.String:
		if len(v) > maxItems {
			return nil, fmt.Errorf("%w: a text of %d bytes", errUnfit, len(v))
		}
		return string(v), nil
	case *starlark.List:
		if v.Len() > maxItems {
			return nil, fmt.Errorf("%w: a list of %d", errUnfit, v.Len())
		}
		out := []any{}
		for x := range v.Elements() {
			item, err := fromStarlark(x)
			if err != nil {
				return nil, err
			}
			out = append(out, item)
		}
		return out, nil
	case *starlark.Dict:
		if v.Len() > maxItems {
			return nil, fmt.Errorf("%w: a dict of %d", errUnfit, v.Len())
		}
		out := map[string]any{}
		for k, x := range v.Entries() {
			name, ok := k.(starlark.String)
			if !ok {
				return nil, fmt.Errorf("%w: a key of type %s", errUnfit, k.Type())
			}
			item, err := fromStarlark(x)
			if err != nil {
				return nil, err
			}
			out[string(name)] = item
		}
		return out, nil
	}
	return nil, fmt.Errorf("%w: a %s", errUnfit, v.Type())
}

var escapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

// literal writes a value in Python. Texts of generated tasks are printable ASCII, for which Go and Python agree.
func literal(v any) string {
	switch v := v.(type) {
	case int:
		return strconv.Itoa(v)
	case bool:
		return map[bool]string{true: "True", false: "False"}[v]
	case string:
		return "'" + escapes.Replace(v) + "'"
	case []any:
		items := make([]string, len(v))
		for i, x := range v {
			items[i] = literal(x)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]any:
		items := make([]string, 0, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			items = append(items, literal(k)+": "+literal(v[k]))
		}
		return "{" + strings.Join(items, ", ") + "}"
	}
	return "None"
}

// literals writes arguments.
func literals(args []any) string {
	s := literal(args)
	return s[1 : len(s)-1]
}
