package script

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// Sizes of single values. A cell is an element of a list or 16 bytes of a text.
const (
	maxText  = 64 << 10 // bytes of one text
	maxList  = 10_000   // elements of one list
	maxDepth = 64       // nesting of a value
	cell     = 16
)

// ErrResources is the cause when a program is stopped because it used too much.
var ErrResources = errors.New("the program used too much")

// meter counts down the cells that a call may still make or walk.
type meter struct{ left int }

func (m *meter) charge(cells int) error {
	if m.left -= cells; m.left < 0 {
		return fmt.Errorf("%w memory", ErrResources)
	}
	return nil
}

const meterKey = "meter"

// Charge charges cells to the call that the thread runs; functions of the world use it for what they hand out.
func Charge(t *starlark.Thread, cells int) error { return metered(t).charge(cells) }

func metered(t *starlark.Thread) *meter {
	if m, ok := t.Local(meterKey).(*meter); ok {
		return m
	}
	return &meter{left: 1 << 10} // compile-time evaluation: nothing legitimate is larger
}

// Run calls the function on the thread with bounded steps and cells. Errors that wrap ErrResources mean that the
// program was stopped.
func (f *Func) Run(t *starlark.Thread, steps uint64, cells int, args starlark.Tuple) (v starlark.Value, err error) {
	if f.fn == nil {
		return nil, errors.New("script: the program was compiled without functions of a world")
	}
	defer func() {
		if p := recover(); p != nil { // a bug in the interpreter must not end the run
			v, err = nil, fmt.Errorf("script: %v", p)
		}
	}()
	m := &meter{left: cells}
	t.SetLocal(meterKey, m)
	stopped := false
	t.OnMaxSteps = func(t *starlark.Thread) { stopped = true; t.Cancel("too many steps") }
	t.SetMaxExecutionSteps(t.ExecutionSteps() + steps)
	v, err = starlark.Call(t, f.fn, args, nil)
	if err != nil && stopped {
		return nil, fmt.Errorf("%w time: more than %d steps", ErrResources, steps)
	}
	return v, err
}

// Size counts the cells of a value as if nothing in it were shared, and fails when there are more than limit.
func Size(v starlark.Value, limit int) (int, error) {
	n := 0
	err := walk(v, &n, limit, 0)
	return n, err
}

func walk(v starlark.Value, n *int, limit, depth int) error {
	if *n++; *n > limit || depth > maxDepth {
		return fmt.Errorf("%w memory: a value is too large or too deep", ErrResources)
	}
	switch v := v.(type) {
	case starlark.String:
		*n += len(v) / cell
	case *starlark.List:
		for i := range v.Len() {
			if err := walk(v.Index(i), n, limit, depth+1); err != nil {
				return err
			}
		}
	case starlark.Tuple:
		for _, x := range v {
			if err := walk(x, n, limit, depth+1); err != nil {
				return err
			}
		}
	case *starlark.Dict:
		for k, x := range v.Entries() {
			*n++
			if s, ok := k.(starlark.String); ok {
				*n += len(s) / cell
			}
			if err := walk(x, n, limit, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// scalar reports whether walking or comparing a value is one cheap operation.
func scalar(v starlark.Value) bool {
	switch v := v.(type) {
	case starlark.NoneType, starlark.Bool, starlark.Int, starlark.Float:
		return true
	case starlark.String:
		return len(v) < 256
	}
	return false
}

// chargeAll charges the sizes of values that an operation will walk.
func chargeAll(m *meter, vs ...starlark.Value) error {
	for _, v := range vs {
		if scalar(v) {
			continue
		}
		n, err := Size(v, m.left)
		if err != nil {
			return err
		}
		if err := m.charge(n); err != nil {
			return err
		}
	}
	return nil
}

// length is the number of cells that copying a value takes.
func length(v starlark.Value) int {
	switch v := v.(type) {
	case starlark.String:
		return len(v)/cell + 1
	case starlark.Sequence:
		return v.Len() + 1
	}
	return 1
}

// bounded refuses results that are larger than any program needs.
func bounded(v starlark.Value, err error) (starlark.Value, error) {
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case starlark.String:
		if len(v) > maxText {
			return nil, fmt.Errorf("%w memory: a text of %d bytes", ErrResources, len(v))
		}
	case starlark.Sequence:
		if v.Len() > maxList {
			return nil, fmt.Errorf("%w memory: a list of %d elements", ErrResources, v.Len())
		}
	case starlark.Int:
		if _, ok := v.Int64(); !ok {
			return nil, fmt.Errorf("%w memory: a number beyond 64 bits", ErrResources)
		}
	case starlark.Float:
		if math.IsInf(float64(v), 0) || math.IsNaN(float64(v)) {
			return nil, errors.New("a number is not finite")
		}
	}
	return v, nil
}

func add(m *meter, x, y starlark.Value) (starlark.Value, error) {
	if !scalar(x) || !scalar(y) {
		if err := m.charge(length(x) + length(y)); err != nil {
			return nil, err
		}
	} else if err := m.charge(1); err != nil {
		return nil, err
	}
	return bounded(starlark.Binary(syntax.PLUS, x, y))
}

// iadd is x += y: a list grows in place.
func iadd(m *meter, x, y starlark.Value) (starlark.Value, error) {
	l, ok := x.(*starlark.List)
	if !ok {
		return add(m, x, y)
	}
	if err := extend(m, l, y); err != nil {
		return nil, err
	}
	return bounded(l, nil)
}

func extend(m *meter, l *starlark.List, y starlark.Value) error {
	it, ok := y.(starlark.Iterable)
	if !ok {
		return fmt.Errorf("a list can only be extended by a list, not by %s", y.Type())
	}
	if err := m.charge(length(y)); err != nil {
		return err
	}
	var items []starlark.Value // first collected: y may be l itself
	for v := range starlark.Elements(it) {
		items = append(items, v)
	}
	for _, v := range items {
		if err := l.Append(v); err != nil {
			return err
		}
	}
	return nil
}

func mul(m *meter, x, y starlark.Value) (starlark.Value, error) {
	n, seq := x, y
	if _, ok := n.(starlark.Int); !ok {
		n, seq = y, x
	}
	if i, ok := n.(starlark.Int); ok {
		switch seq.(type) {
		case starlark.String, *starlark.List, starlark.Tuple, starlark.Bytes:
			k, ok := i.Int64()
			if !ok || k > maxText {
				return nil, fmt.Errorf("%w memory: a repetition of %s times", ErrResources, i)
			}
			if err := m.charge(int(max(k, 0)) * length(seq)); err != nil {
				return nil, err
			}
		}
	}
	return bounded(starlark.Binary(syntax.STAR, x, y))
}

func mod(m *meter, x, y starlark.Value) (starlark.Value, error) {
	s, ok := x.(starlark.String)
	if !ok {
		return bounded(starlark.Binary(syntax.PERCENT, x, y))
	}
	n, err := Size(y, m.left)
	if err != nil {
		return nil, err
	}
	if err := m.charge(length(s) + n*strings.Count(string(s), "%")); err != nil {
		return nil, err
	}
	return bounded(starlark.Binary(syntax.PERCENT, x, y))
}

func or(m *meter, x, y starlark.Value) (starlark.Value, error) {
	if err := m.charge(length(x) + length(y)); err != nil {
		return nil, err
	}
	return bounded(starlark.Binary(syntax.PIPE, x, y))
}

// key lets pass what hashes in constant time.
func key(_ *meter, v starlark.Value) (starlark.Value, error) {
	switch v := v.(type) {
	case starlark.Tuple:
		for _, x := range v {
			if !scalar(x) {
				return nil, fmt.Errorf("a key must be a text or a number, or a tuple of such, not %s", v.Type())
			}
		}
	case *starlark.List, *starlark.Dict:
		return nil, fmt.Errorf("unhashable type: %s", v.Type())
	}
	return v, nil
}
