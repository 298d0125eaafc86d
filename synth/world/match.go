package world

import (
	"slices"
	"strings"

	"go.starlark.net/starlark"

	"muonclip/synth/domain"
)

// test is one condition of find or query on a field.
type test struct {
	field int // -1 for the id
	want  any
	one   bool   // the field is a list and must contain the value
	op    string // "" equal, "<=", ">=", "~" contains the text
}

func newTest(c *caller, e *domain.Entity, field string, v starlark.Value) (test, error) {
	t := test{field: e.Index(field)}
	if t.field < 0 && field != "id" {
		return t, failf(Internal, "%s(%q): there is no field %q", c.name, e.Name, field)
	}
	want, err := fromStarlark(v, 0)
	if err != nil {
		return t, err
	}
	t.want = want
	if t.field >= 0 {
		f := e.Fields[t.field]
		_, isText := want.(string)
		t.one = isText && (f.Type == domain.Refs || f.Type == domain.List)
	}
	return t, nil
}

func all(tests []test, r *Record) bool {
	for i := range tests {
		if !tests[i].ok(r) {
			return false
		}
	}
	return true
}

func (t *test) ok(r *Record) bool {
	var v any = r.ID
	if t.field >= 0 {
		v = r.values[t.field]
	}
	if v == nil {
		return t.want == nil && t.op == ""
	}
	switch t.op {
	case "<=":
		c, ok := order(v, t.want)
		return ok && c <= 0
	case ">=":
		c, ok := order(v, t.want)
		return ok && c >= 0
	case "~":
		s, _ := t.want.(string)
		return strings.Contains(strings.ToLower(text(v)), strings.ToLower(s))
	}
	if t.one {
		return slices.Contains(v.([]any), t.want)
	}
	if c, ok := order(v, t.want); ok {
		return c == 0
	}
	return equal(v, t.want)
}

// order compares values of one kind; whole numbers and others compare by value. A datetime beyond a plain date that
// bounds it lies within that day.
func order(a, b any) (int, bool) {
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		if !ok {
			return 0, false
		}
		return strings.Compare(x, y), true
	case int64, float64:
		p, q := float(a), float(b)
		if q != q {
			return 0, false
		}
		switch {
		case p < q:
			return -1, true
		case p > q:
			return 1, true
		}
		return 0, true
	case bool:
		y, ok := b.(bool)
		if !ok {
			return 0, false
		}
		switch {
		case x == y:
			return 0, true
		case !x:
			return -1, true
		}
		return 1, true
	}
	return 0, false
}
