package world

import (
	"fmt"
	"slices"

	"go.starlark.net/starlark"

	"muonclip/internal/script"
	"muonclip/synth/domain"
)

// host holds the functions of the world that programs call. They find the world on the thread.
var host = makeHost()

type hostFunc func(c *caller, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error)

// caller is one call of a function of the world.
type caller struct {
	*state
	t    *starlark.Thread
	name string
}

func makeHost() starlark.StringDict {
	out := starlark.StringDict{}
	for name, f := range map[string]hostFunc{
		"get": get, "find": find, "query": query, "label": label, "today": today, "add_days": hostAddDays,
		"days_between": hostDaysBetween, "fail": fail, "allowed": allowed, "enforce": enforce,
		"insert": insert, "update": update, "remove": remove,
	} {
		writes := slices.Contains(script.Writes, name)
		out[name] = starlark.NewBuiltin(name, func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kw []starlark.Tuple) (starlark.Value, error) {
			s := t.Local(stateKey).(*state)
			if writes && !s.writes {
				return nil, failf(Internal, "%s is called by a program that only reads", name)
			}
			return f(&caller{s, t, name}, args, kw)
		})
	}
	return out
}

// texts reads positional arguments that must be texts; the rest stays in args.
func (c *caller) texts(args starlark.Tuple, into ...*string) (starlark.Tuple, error) {
	if len(args) < len(into) {
		return nil, fmt.Errorf("%s wants %d arguments, not %d", c.name, len(into), len(args))
	}
	for i, p := range into {
		s, ok := starlark.AsString(args[i])
		if !ok {
			if args[i] == starlark.None {
				return nil, failf(InvalidArgument, "%s: argument %d is missing", c.name, i+1)
			}
			return nil, fmt.Errorf("%s: argument %d must be a text, not %s", c.name, i+1, args[i].Type())
		}
		*p = s
	}
	return args[len(into):], nil
}

func (c *caller) entity(name string) (*domain.Entity, error) {
	i, ok := c.w.model.entities[name]
	if !ok {
		return nil, failf(Internal, "%s: there is no entity %q", c.name, name)
	}
	return c.w.model.d.Entities[i], nil
}

// get(entity, id) gives a copy of a record.
func get(c *caller, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	var entity, id string
	if _, err := c.texts(args, &entity, &id); err != nil {
		return nil, err
	}
	if _, err := c.entity(entity); err != nil {
		return nil, err
	}
	r, ok := c.w.Get(entity, id)
	if !ok {
		return nil, missing(entity, id)
	}
	if err := script.Charge(c.t, 2*len(r.values)); err != nil {
		return nil, err
	}
	return r.dict(), nil
}

// find(entity, field=value, ...) gives copies of the records whose fields equal the values.
func find(c *caller, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var entity string
	if _, err := c.texts(args, &entity); err != nil {
		return nil, err
	}
	e, err := c.entity(entity)
	if err != nil {
		return nil, err
	}
	tests := make([]test, 0, len(kwargs))
	for _, kv := range kwargs {
		t, err := newTest(c, e, string(kv[0].(starlark.String)), kv[1])
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
	}
	var out []starlark.Value
	for _, r := range c.w.Records(entity) {
		if all(tests, r) {
			if err := script.Charge(c.t, 2*len(r.values)); err != nil {
				return nil, err
			}
			out = append(out, r.dict())
		}
	}
	return starlark.NewList(out), nil
}

// label(entity, id) gives the name by which people call a record.
func label(c *caller, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	var entity, id string
	if _, err := c.texts(args, &entity, &id); err != nil {
		return nil, err
	}
	return starlark.String(c.w.Label(entity, id)), nil
}

// today() gives the day of the world.
func today(c *caller, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	return starlark.String(c.w.today), nil
}

// add_days(date, n) gives the date n days later.
func hostAddDays(c *caller, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	var date string
	rest, err := c.texts(args, &date)
	if err != nil {
		return nil, err
	}
	if len(rest) != 1 {
		return nil, fmt.Errorf("add_days wants a date and a number of days")
	}
	n, err := starlark.AsInt32(rest[0])
	if err != nil {
		return nil, fmt.Errorf("add_days: %w", err)
	}
	out, err := addDays(date, n)
	if err != nil {
		return nil, failf(InvalidArgument, "%v", err)
	}
	return starlark.String(out), nil
}

// days_between(a, b) counts the days from a to b.
func hostDaysBetween(c *caller, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	var a, b string
	if _, err := c.texts(args, &a, &b); err != nil {
		return nil, err
	}
	n, err := daysBetween(a, b)
	if err != nil {
		return nil, failf(InvalidArgument, "%v", err)
	}
	return starlark.MakeInt(n), nil
}

// fail(code, message) ends the program.
func fail(c *caller, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	var code, message string
	if _, err := c.texts(args, &code, &message); err != nil {
		return nil, err
	}
	if !slices.Contains(domain.Codes, code) {
		return nil, failf(Internal, "fail: unknown code %q", code)
	}
	return nil, failf(Code(code), "%s", message)
}

// allowed(entity, id, verb) gives the texts of the rules that forbid the operation on the record.
func allowed(c *caller, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	rules, err := c.violations(args)
	if err != nil {
		return nil, err
	}
	out := make([]starlark.Value, len(rules))
	for i, r := range rules {
		out[i] = starlark.String(r.Say)
	}
	return starlark.NewList(out), nil
}

// enforce(entity, id, verb) fails with forbidden when a rule that tools enforce forbids the operation.
func enforce(c *caller, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	rules, err := c.violations(args)
	if err != nil {
		return nil, err
	}
	for _, r := range rules {
		if r.Enforced {
			return nil, failf(Forbidden, "%s", r.Say)
		}
	}
	return starlark.None, nil
}

func (c *caller) violations(args starlark.Tuple) ([]*domain.Rule, error) {
	var entity, id, verb string
	if _, err := c.texts(args, &entity, &id, &verb); err != nil {
		return nil, err
	}
	r, ok := c.w.Get(entity, id)
	if !ok {
		return nil, missing(entity, id)
	}
	return c.w.model.Violations(c.w, entity+"."+verb, r)
}

// insert(entity, fields) adds a record and gives its id.
func insert(c *caller, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	var entity string
	rest, err := c.texts(args, &entity)
	if err != nil {
		return nil, err
	}
	if len(rest) != 1 {
		return nil, fmt.Errorf("insert wants an entity and a dict")
	}
	values, err := c.fields(rest[0])
	if err != nil {
		return nil, err
	}
	id, err := c.w.Insert(entity, values)
	return starlark.String(id), err
}

// update(entity, id, fields) changes fields of a record and gives the record.
func update(c *caller, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	var entity, id string
	rest, err := c.texts(args, &entity, &id)
	if err != nil {
		return nil, err
	}
	if len(rest) != 1 {
		return nil, fmt.Errorf("update wants an entity, an id and a dict")
	}
	values, err := c.fields(rest[0])
	if err != nil {
		return nil, err
	}
	if err := c.w.Update(entity, id, values); err != nil {
		return nil, err
	}
	r, _ := c.w.Get(entity, id)
	return r.dict(), nil
}

// remove(entity, id) deletes a record to which nothing refers.
func remove(c *caller, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	var entity, id string
	if _, err := c.texts(args, &entity, &id); err != nil {
		return nil, err
	}
	return starlark.None, c.w.Remove(entity, id)
}

// fields reads a dict of values and charges for keeping it.
func (c *caller) fields(v starlark.Value) (map[string]any, error) {
	n, err := script.Size(v, 1<<16)
	if err != nil {
		return nil, err
	}
	if err := script.Charge(c.t, 4*n+16); err != nil {
		return nil, err
	}
	return unpackRecord(v)
}
