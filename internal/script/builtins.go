package script

import (
	"errors"
	"fmt"
	"math"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// allowed are the names of Starlark that need no guard.
var allowed = []string{"None", "True", "False", "abs", "bool", "chr", "float", "len", "ord", "type"}

// guards are the functions that stand for operators and for what Starlark offers unguarded.
var guards = makeGuards()

func makeGuards() map[string]*starlark.Builtin {
	guards := map[string]*starlark.Builtin{}
	two := func(name string, f func(m *meter, x, y starlark.Value) (starlark.Value, error)) {
		guards[name] = starlark.NewBuiltin(name, func(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			return f(metered(t), a[0], a[1])
		})
	}
	one := func(name string, f func(m *meter, x starlark.Value) (starlark.Value, error)) {
		guards[name] = starlark.NewBuiltin(name, func(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			return f(metered(t), a[0])
		})
	}
	two("__add", add)
	two("__iadd", iadd)
	two("__mul", mul)
	two("__mod", mod)
	two("__or", or)
	one("__key", key)
	one("__sized", func(m *meter, x starlark.Value) (starlark.Value, error) { return x, m.charge(length(x)) })
	for tok, name := range guarded {
		switch tok {
		case syntax.EQL, syntax.NEQ, syntax.LT, syntax.GT, syntax.LE, syntax.GE:
			two(name, func(m *meter, x, y starlark.Value) (starlark.Value, error) {
				if err := chargeAll(m, x, y); err != nil {
					return nil, err
				}
				ok, err := starlark.Compare(tok, x, y)
				return starlark.Bool(ok), err
			})
		case syntax.IN, syntax.NOT_IN:
			two(name, func(m *meter, x, y starlark.Value) (starlark.Value, error) {
				if err := contained(m, x, y); err != nil {
					return nil, err
				}
				return starlark.Binary(tok, x, y)
			})
		}
	}
	guards["__method"] = starlark.NewBuiltin("__method", method)
	for _, name := range []string{"any", "all", "enumerate", "list", "reversed", "tuple", "zip"} {
		guards[name] = wrap(name, copied)
	}
	for _, name := range []string{"max", "min", "repr", "sorted", "str"} {
		guards[name] = wrap(name, walked)
	}
	guards["dict"] = starlark.NewBuiltin("dict", dict)
	guards["int"] = starlark.NewBuiltin("int", integer)
	guards["range"] = starlark.NewBuiltin("range", span)
	guards["round"] = starlark.NewBuiltin("round", round)
	guards["sum"] = starlark.NewBuiltin("sum", sum)
	return guards
}

// wrap guards a function of Starlark by what its arguments cost.
func wrap(name string, cost func(m *meter, args starlark.Tuple) error) *starlark.Builtin {
	orig := starlark.Universe[name].(*starlark.Builtin)
	return starlark.NewBuiltin(name, func(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, kw []starlark.Tuple) (starlark.Value, error) {
		if err := cost(metered(t), a); err != nil {
			return nil, err
		}
		for i, p := range kw {
			if fn, ok := p[1].(starlark.Callable); ok && p[0] == starlark.String("key") {
				kw[i] = starlark.Tuple{p[0], flatKey(fn)}
			}
		}
		return bounded(orig.CallInternal(t, a, kw))
	})
}

// flatKey lets a sorting key only give what compares in constant time.
func flatKey(fn starlark.Callable) *starlark.Builtin {
	return starlark.NewBuiltin("key", func(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, kw []starlark.Tuple) (starlark.Value, error) {
		v, err := starlark.Call(t, fn, a, kw)
		if err != nil {
			return nil, err
		}
		return key(metered(t), v)
	})
}

func copied(m *meter, args starlark.Tuple) error {
	for _, a := range args {
		if err := m.charge(length(a)); err != nil {
			return err
		}
	}
	return nil
}

func walked(m *meter, args starlark.Tuple) error { return chargeAll(m, args...) }

// contained charges for x in y.
func contained(m *meter, x, y starlark.Value) error {
	if _, ok := y.(*starlark.Dict); ok {
		_, err := key(m, x)
		return err
	}
	if scalar(x) {
		return m.charge(length(y) / 4)
	}
	return chargeAll(m, x, y)
}

func dict(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, kw []starlark.Tuple) (starlark.Value, error) {
	m := metered(t)
	if err := copied(m, a); err != nil {
		return nil, err
	}
	if len(a) == 1 {
		if _, ok := a[0].(*starlark.Dict); !ok {
			it, ok := a[0].(starlark.Iterable)
			if !ok {
				return nil, fmt.Errorf("dict wants a dict or a list of pairs, not %s", a[0].Type())
			}
			for p := range starlark.Elements(it) {
				if pair, ok := p.(starlark.Indexable); ok && pair.Len() > 0 {
					if _, err := key(m, pair.Index(0)); err != nil {
						return nil, err
					}
				}
			}
		}
	}
	return starlark.Universe["dict"].(*starlark.Builtin).CallInternal(t, a, kw)
}

func integer(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, kw []starlark.Tuple) (starlark.Value, error) {
	if len(a) > 0 {
		if s, ok := a[0].(starlark.String); ok && len(s) > 32 {
			return nil, errors.New("int: the text is too long for a number")
		}
	}
	return bounded(starlark.Universe["int"].(*starlark.Builtin).CallInternal(t, a, kw))
}

func span(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, kw []starlark.Tuple) (starlark.Value, error) {
	return bounded(starlark.Universe["range"].(*starlark.Builtin).CallInternal(t, a, kw))
}

// round is round(x, digits=0): half away from zero; an int when digits is 0.
func round(_ *starlark.Thread, b *starlark.Builtin, a starlark.Tuple, kw []starlark.Tuple) (starlark.Value, error) {
	var x starlark.Value
	digits := 0
	if err := starlark.UnpackArgs(b.Name(), a, kw, "x", &x, "digits?", &digits); err != nil {
		return nil, err
	}
	f, ok := starlark.AsFloat(x)
	if !ok || digits < 0 || digits > 9 {
		return nil, fmt.Errorf("round wants a number and 0 to 9 digits, not %s and %d", x.Type(), digits)
	}
	p := math.Pow10(digits)
	f = math.Round(f*p) / p
	if digits > 0 {
		return bounded(starlark.Float(f), nil)
	}
	i, err := starlark.NumberToInt(starlark.Float(f))
	if err != nil {
		return nil, err
	}
	return bounded(i, nil)
}

// sum adds the numbers of a list to start.
func sum(t *starlark.Thread, b *starlark.Builtin, a starlark.Tuple, kw []starlark.Tuple) (starlark.Value, error) {
	var list starlark.Iterable
	var total starlark.Value = starlark.MakeInt(0)
	if err := starlark.UnpackArgs(b.Name(), a, kw, "list", &list, "start?", &total); err != nil {
		return nil, err
	}
	m := metered(t)
	if err := m.charge(length(list)); err != nil {
		return nil, err
	}
	for v := range starlark.Elements(list) {
		switch v.(type) {
		case starlark.Int, starlark.Float:
		default:
			return nil, fmt.Errorf("sum adds numbers, not %s", v.Type())
		}
		var err error
		if total, err = add(m, total, v); err != nil {
			return nil, err
		}
	}
	return total, nil
}
