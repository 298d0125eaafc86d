package world

import (
	"encoding/json"
	"fmt"
	"sync"

	"go.starlark.net/starlark"

	"muonclip/internal/script"
)

// Limits bound one call of a program.
type Limits struct {
	Steps  int // instructions of the interpreter; 0 means 100,000
	Cells  int // memory made and walked, in elements of lists or 16 bytes of text; 0 means 262,144
	Result int // bytes of the result as JSON; 0 means 65,536
}

// Spec describes a program.
type Spec struct {
	Name   string   // for messages
	Source string   // body of a Starlark function
	Params []string // its parameters, which are local names of the body
	Writes bool     // without it the program cannot change the world
	Limits Limits
}

// Program is a compiled program. It is immutable, shared by goroutines, and runs on any world that has the entities
// which it names.
type Program struct {
	spec Spec
	once sync.Once
	fn   *script.Func
	err  error
}

// Compile compiles a program.
func Compile(s Spec) (*Program, error) {
	p := Deferred(s)
	if err := p.Ready(); err != nil {
		return nil, err
	}
	return p, nil
}

// Ready compiles the program if that has not happened yet, and says whether it is sound.
func (p *Program) Ready() error {
	p.once.Do(func() {
		if p.fn, p.err = script.Compile(p.spec.Name, p.spec.Source, p.spec.Params, host); p.err != nil {
			p.err = fmt.Errorf("world: compile %s: %w", p.spec.Name, p.err)
		}
	})
	return p.err
}

// Deferred gives a program that is compiled when it is first called; what is wrong with it is then the error of the
// call. Of twenty thousand tools a run uses a part.
func Deferred(s Spec) *Program {
	if s.Limits.Steps <= 0 {
		s.Limits.Steps = 100_000
	}
	if s.Limits.Cells <= 0 {
		s.Limits.Cells = 1 << 18
	}
	if s.Limits.Result <= 0 {
		s.Limits.Result = 1 << 16
	}
	return &Program{spec: s}
}

// Result is what a program returned.
type Result struct {
	json  json.RawMessage
	value starlark.Value
}

// JSON gives the result as JSON; keys of objects stand in the order in which the program set them.
func (r Result) JSON() json.RawMessage { return r.json }

// Value gives the result as map[string]any, []any, string, int64, float64, bool or nil. Each call makes a new copy.
func (r Result) Value() any {
	v, _ := fromStarlark(r.value, 0)
	return v
}

// Rename is a spelling of result keys; nil leaves them as they are.
type Rename func(key string) string

// Call runs the program. Arguments are named by Params; those that are absent are None. When it fails, the error is
// an *Error and the world is as before.
func (p *Program) Call(w *World, args map[string]any) (Result, error) {
	return p.CallRenamed(w, args, nil)
}

// CallRenamed is Call with another spelling of the keys of the result.
func (p *Program) CallRenamed(w *World, args map[string]any, rename Rename) (Result, error) {
	if err := p.Ready(); err != nil {
		return Result{}, failf(Internal, "%v", err)
	}
	tuple := make(starlark.Tuple, len(p.spec.Params))
	for i, name := range p.spec.Params {
		tuple[i] = toStarlark(args[name])
		if tuple[i] == nil {
			return Result{}, failf(InvalidArgument, "%s has a value of a kind that programs do not know", name)
		}
	}
	before := w.tables
	if p.spec.Writes {
		w.tables = append([]*table(nil), before...)
	}
	v, err := p.fn.Run(newThread(&state{w: w, writes: p.spec.Writes}), uint64(p.spec.Limits.Steps), p.spec.Limits.Cells, tuple)
	if err != nil {
		w.tables = before
		return Result{}, programError(p.spec.Name, err)
	}
	v.Freeze()
	data, err := encode(v, rename, p.spec.Limits.Result)
	if err != nil {
		w.tables = before
		return Result{}, programError(p.spec.Name, err)
	}
	return Result{json: data, value: v}, nil
}
