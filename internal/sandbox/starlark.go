package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"go.starlark.net/starlark"

	"muonclip/internal/script"
)

// StarlarkJob is the body of a function in the guarded Starlark of internal/script: no definitions, no while, every
// operation charged before it is done.
type StarlarkJob struct {
	Source string
	Params []string // names of the function's parameters
	Args   []any    // their values: nil, bool, int, int64, float64, string, []any and map[string]any
	Steps  uint64   // of the interpreter; 0 means StarlarkSteps
	Limits Limits   // Wall, Memory and Output count; zero fields take the defaults
}

// StarlarkSteps is the number of steps of a job that names none: about a second.
const StarlarkSteps = 10_000_000

// cellBytes is what an element of a list or 16 bytes of a text take at most, with what the interpreter needs around them.
const cellBytes = 64

// Starlark runs a job in this process, on any machine: what the program can do to time and memory is counted by the
// interpreter, and there is nothing else that it could do. Standard output is the returned value as JSON, standard error
// the message of a program that failed, with exit status 1. The error is about arguments that are no values, or is ctx's.
func Starlark(ctx context.Context, j StarlarkJob) (*Result, error) {
	limits := j.Limits.or(DefaultLimits)
	if len(j.Params) != len(j.Args) {
		return nil, fmt.Errorf("sandbox: a Starlark job has %d parameters and %d arguments", len(j.Params), len(j.Args))
	}
	args := make(starlark.Tuple, len(j.Args))
	for i, a := range j.Args {
		v, err := fromGo(a)
		if err != nil {
			return nil, fmt.Errorf("sandbox: argument %s: %w", j.Params[i], err)
		}
		args[i] = v
	}
	start := time.Now()
	failed := func(err error) *Result {
		text := []byte(err.Error() + "\n")
		return &Result{Stderr: text[:min(int64(len(text)), limits.Output)], Exit: 1, Verdict: Exited, Wall: time.Since(start)}
	}
	f, err := script.Compile("program", j.Source, j.Params, starlark.StringDict{})
	if err != nil {
		return failed(err), nil
	}
	if len(f.Calls) > 0 {
		return failed(fmt.Errorf("there is no world here, and so no %s", strings.Join(f.Calls, ", "))), nil
	}
	steps := j.Steps
	if steps == 0 {
		steps = StarlarkSteps
	}
	timed, cancel := context.WithTimeout(ctx, limits.Wall)
	defer cancel()
	thread := &starlark.Thread{Name: "program"}
	defer context.AfterFunc(timed, func() { thread.Cancel("the time is up") })()
	v, err := f.Run(thread, steps, int(min(limits.Memory/cellBytes, math.MaxInt32)), args)
	wall := time.Since(start)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil && timed.Err() != nil:
		return &Result{Exit: -1, Verdict: TimedOut, Wall: wall}, nil
	case errors.Is(err, script.ErrResources):
		r := failed(err)
		r.Exit, r.Verdict = -1, OutOfMemory
		if strings.Contains(err.Error(), script.ErrResources.Error()+" time") {
			r.Verdict = OutOfCPU
		}
		return r, nil
	case err != nil:
		return failed(err), nil
	}
	// A value can hold another one twice, and that one a third: written out it may be any size.
	if _, err := script.Size(v, int(min(limits.Output, math.MaxInt32))); err != nil {
		return &Result{Exit: -1, Verdict: Flooded, Wall: wall}, nil
	}
	plain, err := toGo(v)
	if err != nil {
		return failed(err), nil
	}
	text, err := json.Marshal(plain)
	if err != nil {
		return failed(err), nil
	}
	if int64(len(text)) > limits.Output {
		return &Result{Stdout: text[:limits.Output], Exit: -1, Verdict: Flooded, Wall: wall}, nil
	}
	return &Result{Stdout: text, Verdict: Exited, Wall: wall, CPU: wall}, nil
}

// fromGo makes a value of the interpreter. Keys of maps are in order, so that programs always see the same.
func fromGo(v any) (starlark.Value, error) {
	switch v := v.(type) {
	case nil:
		return starlark.None, nil
	case bool:
		return starlark.Bool(v), nil
	case int:
		return starlark.MakeInt(v), nil
	case int64:
		return starlark.MakeInt64(v), nil
	case float64:
		return starlark.Float(v), nil
	case string:
		return starlark.String(v), nil
	case []any:
		items := make([]starlark.Value, len(v))
		for i, x := range v {
			item, err := fromGo(x)
			if err != nil {
				return nil, err
			}
			items[i] = item
		}
		return starlark.NewList(items), nil
	case map[string]any:
		d := starlark.NewDict(len(v))
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			item, err := fromGo(v[k])
			if err != nil {
				return nil, err
			}
			if err := d.SetKey(starlark.String(k), item); err != nil {
				return nil, err
			}
		}
		return d, nil
	}
	return nil, fmt.Errorf("a %T is no value of Starlark", v)
}

// toGo makes what JSON can write.
func toGo(v starlark.Value) (any, error) {
	switch v := v.(type) {
	case starlark.NoneType:
		return nil, nil
	case starlark.Bool:
		return bool(v), nil
	case starlark.Int:
		return v.BigInt(), nil
	case starlark.Float:
		return float64(v), nil
	case starlark.String:
		return string(v), nil
	case *starlark.List, starlark.Tuple:
		items := []any{}
		for x := range starlark.Elements(v.(starlark.Iterable)) {
			item, err := toGo(x)
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
		return items, nil
	case *starlark.Dict:
		out := map[string]any{}
		for k, x := range v.Entries() {
			name, ok := k.(starlark.String)
			if !ok {
				return nil, fmt.Errorf("a dict with a key of type %s cannot be returned: keys must be texts", k.Type())
			}
			item, err := toGo(x)
			if err != nil {
				return nil, err
			}
			out[string(name)] = item
		}
		return out, nil
	}
	return nil, fmt.Errorf("a %s cannot be returned", v.Type())
}
