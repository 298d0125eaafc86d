package script

import (
	"errors"
	"fmt"
	"strings"

	"go.starlark.net/starlark"
)

// method calls a[0].a[1](a[2:]...) after charging for it.
func method(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, kw []starlark.Tuple) (starlark.Value, error) {
	m := metered(t)
	recv, name, args := a[0], string(a[1].(starlark.String)), a[2:]
	switch recv := recv.(type) {
	case *starlark.Dict:
		if name == "get" && len(args) > 0 && len(args) < 3 && kw == nil {
			return dictGet(m, recv, args)
		}
		if len(args) > 0 && name != "update" {
			if _, err := key(m, args[0]); err != nil {
				return nil, err
			}
		}
		if name == "update" && len(args) > 0 {
			if _, ok := args[0].(*starlark.Dict); !ok {
				return nil, errors.New("update wants a dict")
			}
			if err := m.charge(length(args[0])); err != nil {
				return nil, err
			}
		}
		if len(args) == 0 {
			if err := m.charge(length(recv)); err != nil {
				return nil, err
			}
		}
	case *starlark.List:
		switch {
		case name == "append" && len(args) == 1:
			if recv.Len() >= maxList {
				return nil, fmt.Errorf("%w memory: a list of %d elements", ErrResources, recv.Len())
			}
			return starlark.None, recv.Append(args[0])
		case name == "extend" && len(args) == 1:
			if err := extend(m, recv, args[0]); err != nil {
				return nil, err
			}
			_, err := bounded(recv, nil)
			return starlark.None, err
		case name == "index" || name == "remove":
			if err := chargeAll(m, recv); err != nil {
				return nil, err
			}
			if err := chargeAll(m, args...); err != nil {
				return nil, err
			}
		default:
			if err := m.charge(length(recv) / 4); err != nil {
				return nil, err
			}
		}
	case starlark.String:
		if err := chargeText(m, recv, name, args, kw); err != nil {
			return nil, err
		}
	}
	h, ok := recv.(starlark.HasAttrs)
	if !ok {
		return nil, fmt.Errorf("%s has no method %s", recv.Type(), name)
	}
	fn, err := h.Attr(name)
	if err != nil {
		return nil, err
	}
	b, ok := fn.(*starlark.Builtin)
	if !ok {
		return nil, fmt.Errorf("%s has no method %s", recv.Type(), name)
	}
	return bounded(b.CallInternal(t, args, kw))
}

func dictGet(m *meter, d *starlark.Dict, args starlark.Tuple) (starlark.Value, error) {
	k, err := key(m, args[0])
	if err != nil {
		return nil, err
	}
	v, ok, err := d.Get(k)
	switch {
	case err != nil:
		return nil, err
	case ok:
		return v, nil
	case len(args) == 2:
		return args[1], nil
	}
	return starlark.None, nil
}

// chargeText charges for a method of a text by the largest result that it can have.
func chargeText(m *meter, s starlark.String, name string, args starlark.Tuple, kw []starlark.Tuple) error {
	cost := length(s)
	switch name {
	case "join", "startswith", "endswith":
		if err := chargeAll(m, args...); err != nil {
			return err
		}
		if name == "join" && len(args) == 1 {
			cost *= length(args[0])
		}
	case "format":
		n := 0
		for _, a := range args {
			k, err := Size(a, m.left)
			if err != nil {
				return err
			}
			n += k
		}
		for _, p := range kw {
			k, err := Size(p[1], m.left)
			if err != nil {
				return err
			}
			n += k
		}
		cost += n * strings.Count(string(s), "{")
	case "replace":
		if len(args) < 2 {
			break
		}
		from, ok1 := starlark.AsString(args[0])
		to, ok2 := starlark.AsString(args[1])
		if ok1 && ok2 {
			cost += strings.Count(string(s), from) * (len(to)/cell + 1)
		}
	case "split", "rsplit", "splitlines", "elems":
		cost = len(s) + 1
	}
	return m.charge(cost)
}
