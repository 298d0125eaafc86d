package world

import (
	"fmt"
	"math"
	"slices"

	"go.starlark.net/starlark"

	"muonclip/internal/script"
	"muonclip/synth/domain"
)

func float(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	}
	return math.NaN()
}

// query(entity, equal={}, least={}, most={}, contains={}, sort="", descending=False) gives the records that pass all
// conditions; those with the value None are left out. Records are shared and cannot be changed; sorting is stable and
// puts missing values last.
func query(c *caller, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var entity, by string
	var equal, least, most, contains *starlark.Dict
	var sortArg starlark.Value = starlark.None
	desc := false
	if err := starlark.UnpackArgs(c.name, args, kwargs, "entity", &entity, "equal?", &equal, "least?", &least, "most?", &most,
		"contains?", &contains, "sort?", &sortArg, "descending?", &desc); err != nil {
		return nil, err
	}
	e, err := c.entity(entity)
	if err != nil {
		return nil, err
	}
	if s, ok := starlark.AsString(sortArg); ok {
		by = s
	}
	var tests []test
	for _, g := range []struct {
		op   string
		dict *starlark.Dict
	}{{"", equal}, {">=", least}, {"<=", most}, {"~", contains}} {
		if g.dict == nil {
			continue
		}
		for k, v := range g.dict.Entries() {
			name, ok := starlark.AsString(k)
			if !ok {
				return nil, fmt.Errorf("query: names of fields are texts")
			}
			if v == starlark.None {
				continue
			}
			t, err := newTest(c, e, name, v)
			if err != nil {
				return nil, err
			}
			t.op = g.op
			if s, ok := t.want.(string); ok && g.op == "<=" && t.field >= 0 && e.Fields[t.field].Type == domain.Datetime && len(s) == len(dateForm) {
				t.want = s + "T23:59:59Z"
			}
			tests = append(tests, t)
		}
	}
	var found []*Record
	for _, r := range c.w.Records(entity) {
		if all(tests, r) {
			found = append(found, r)
		}
	}
	if by != "" {
		if err := sortRecords(e, found, by, desc); err != nil {
			return nil, err
		}
	}
	if err := script.Charge(c.t, 1+len(found)); err != nil {
		return nil, err
	}
	out := make([]starlark.Value, len(found))
	for i, r := range found {
		out[i] = r.shared()
	}
	return starlark.NewList(out), nil
}

func sortRecords(e *domain.Entity, list []*Record, by string, desc bool) error {
	i := e.Index(by)
	if i < 0 && by != "id" {
		return failf(Internal, "query(%q): there is no field %q to sort by", e.Name, by)
	}
	value := func(r *Record) any {
		if i < 0 {
			return r.ID
		}
		return r.values[i]
	}
	slices.SortStableFunc(list, func(a, b *Record) int {
		x, y := value(a), value(b)
		switch {
		case x == nil && y == nil:
			return 0
		case x == nil:
			return 1
		case y == nil:
			return -1
		}
		c, _ := order(x, y)
		if desc {
			return -c
		}
		return c
	})
	return nil
}
