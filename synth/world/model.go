package world

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.starlark.net/starlark"

	"muonclip/internal/script"
	"muonclip/synth/domain"
)

// Model is a domain with its invariants and rules compiled. It is immutable and shared by all worlds of the domain.
type Model struct {
	d          *domain.Domain
	entities   map[string]int // position in d.Entities
	referrers  [][]domain.Referrer
	invariants [][]condition // by position of the entity
	rules      map[string][]rule
	purpose    string // of the random numbers of records
}

// condition is a compiled expression over the fields of a record.
type condition struct {
	source string
	fn     *script.Func
	fields []int // of each parameter; -1 is the id
}

type rule struct {
	*domain.Rule
	when condition
}

// NewModel compiles a domain that has passed its checks.
func NewModel(d *domain.Domain) (*Model, error) {
	m := &Model{d: d, entities: map[string]int{}, rules: map[string][]rule{}, purpose: "world/record/" + d.Name}
	for i, e := range d.Entities {
		m.entities[e.Name] = i
	}
	for _, e := range d.Entities {
		m.referrers = append(m.referrers, d.Referrers(e.Name))
		var list []condition
		for _, s := range e.Invariants {
			c, err := compileCondition(e, s)
			if err != nil {
				return nil, fmt.Errorf("world: %s: invariant %q of %s: %w", d.Name, s, e.Name, err)
			}
			list = append(list, c)
		}
		m.invariants = append(m.invariants, list)
	}
	for _, r := range d.Rules {
		e := d.Entity(r.Entity())
		if e == nil {
			return nil, fmt.Errorf("world: %s: rule %s: there is no such entity", d.Name, r.Forbid)
		}
		c, err := compileCondition(e, r.When)
		if err != nil {
			return nil, fmt.Errorf("world: %s: rule %s: %w", d.Name, r.Forbid, err)
		}
		m.rules[r.Forbid] = append(m.rules[r.Forbid], rule{r, c})
	}
	return m, nil
}

// Domain gives the domain of the model.
func (m *Model) Domain() *domain.Domain { return m.d }

func compileCondition(e *domain.Entity, source string) (condition, error) {
	fn, err := script.CompileExpr(e.Name, source, host)
	if err != nil {
		return condition{}, err
	}
	c := condition{source: source, fn: fn}
	for _, p := range fn.Params {
		i := e.Index(p)
		if i < 0 && p != "id" {
			return condition{}, fmt.Errorf("%s has no field %s", e.Name, p)
		}
		c.fields = append(c.fields, i)
	}
	return c, nil
}

// holds evaluates the condition on a record of the world.
func (c *condition) holds(w *World, r *Record) (bool, error) {
	args := make(starlark.Tuple, len(c.fields))
	for i, f := range c.fields {
		if f < 0 {
			args[i] = starlark.String(r.ID)
			continue
		}
		args[i] = toStarlark(r.values[f])
	}
	t := newThread(&state{w: w})
	v, err := c.fn.Run(t, 20_000, 1<<14, args)
	if err != nil {
		return false, failf(Internal, "%q: %v", c.source, err)
	}
	return bool(v.Truth()), nil
}

// keeps checks the invariants of a record.
func (w *World) keeps(r *Record) error {
	list := w.model.invariants[w.model.entities[r.Entity.Name]]
	for i := range list {
		ok, err := list[i].holds(w, r)
		if err != nil {
			return err
		}
		if !ok {
			return failf(InvalidArgument, "the %s would violate %s", spaced(r.Entity.Name), list[i].source)
		}
	}
	return nil
}

// Draft makes the record that creating it would make, without storing it; its ID is empty. The error is an *Error.
func (m *Model) Draft(w *World, entity string, values map[string]any) (*Record, error) {
	return w.draft(entity, values)
}

// Violations lists the rules that forbid an operation, such as reservation.cancel, on this record of the world now.
// A condition that cannot be evaluated, such as a comparison with a missing value, forbids nothing.
func (m *Model) Violations(w *World, operation string, r *Record) ([]*domain.Rule, error) {
	var out []*domain.Rule
	list := m.rules[operation]
	for i := range list {
		if list[i].Entity() != r.Entity.Name {
			return nil, fmt.Errorf("world: %s is no operation of %s", operation, r.Entity.Name)
		}
		ok, err := list[i].when.holds(w, r)
		if err != nil && missingOperand(r, &list[i].when) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("world: %s: rule %s: %w", m.d.Name, operation, err)
		}
		if ok {
			out = append(out, list[i].Rule)
		}
	}
	return out, nil
}

// missingOperand reports whether a field that the condition uses is missing.
func missingOperand(r *Record, c *condition) bool {
	return slices.ContainsFunc(c.fields, func(i int) bool { return i >= 0 && r.values[i] == nil })
}

// state is what the functions of the world find on the thread that calls them.
type state struct {
	w      *World
	writes bool
}

const stateKey = "world"

func newThread(s *state) *starlark.Thread {
	t := &starlark.Thread{Name: "program"}
	t.SetLocal(stateKey, s)
	return t
}

// programError turns what a program ended with into an *Error.
func programError(name string, err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	msg := err.Error()
	var eval *starlark.EvalError
	if errors.As(err, &eval) && len(eval.CallStack) > 0 {
		for i := range eval.CallStack {
			if f := eval.CallStack.At(i); f.Name == "program" {
				msg = fmt.Sprintf("line %d: %s", f.Pos.Line, msg)
				break
			}
		}
	}
	return failf(Internal, "%s: %s", name, strings.ReplaceAll(msg, "\n", " "))
}
