package mcp

import (
	"context"
	"encoding/json"
	"fmt"
)

// Executor executes the calls of one episode on imported tools. There are three ways: an Episode on the live server, a
// Simulation by a model, and Distractor for tools that are only there to be left alone. Close ends the episode.
type Executor interface {
	// Call executes a call. What goes wrong with the tool is in the Result; the error is about the server or the model.
	Call(ctx context.Context, name string, args json.RawMessage) (Result, error)
	Close() error
}

var (
	_ Executor = (*Episode)(nil)
	_ Executor = (*Simulation)(nil)
	_ Executor = (*Recorder)(nil)
	_ Executor = (*Playback)(nil)
	_ Executor = Distractor{}
)

// Call implements Executor.
func (e *Episode) Call(ctx context.Context, name string, args json.RawMessage) (Result, error) {
	if e.closed {
		return Result{}, &Error{e.pool.server.Name, "tools/call " + name, ErrClosed, ""}
	}
	return e.session.Call(ctx, name, args)
}

// Distractor answers every call with an error, because the tools are offered but nothing stands behind them. A dialogue
// in which one is called shows a mistake.
type Distractor struct{}

// Call implements Executor.
func (Distractor) Call(_ context.Context, name string, _ json.RawMessage) (Result, error) {
	return refusal(fmt.Sprintf("The tool %s is not available.", name)), nil
}

// Close implements Executor.
func (Distractor) Close() error { return nil }

// Call is the record of one call.
type Call struct {
	Tool   string          `json:"tool"`
	Args   json.RawMessage `json:"args"`
	Result Result          `json:"result"`
}

// Recorder executes calls by another executor and keeps what was answered. It belongs to one goroutine.
type Recorder struct {
	Executor
	Calls []Call
}

// Call implements Executor.
func (r *Recorder) Call(ctx context.Context, name string, args json.RawMessage) (Result, error) {
	res, err := r.Executor.Call(ctx, name, args)
	if err == nil {
		r.Calls = append(r.Calls, Call{name, args, res})
	}
	return res, err
}

// Playback answers from a record, without server or model: the same calls in the same order get the same results.
type Playback struct {
	Calls []Call
	next  int
}

// Call implements Executor. A call that is not the next of the record is an error.
func (p *Playback) Call(_ context.Context, name string, args json.RawMessage) (Result, error) {
	if p.next == len(p.Calls) {
		return Result{}, fmt.Errorf("mcp: playback: %s is called after the %d calls of the record", name, len(p.Calls))
	}
	c := p.Calls[p.next]
	if c.Tool != name || string(c.Args) != string(args) {
		return Result{}, fmt.Errorf("mcp: playback: call %d is %s %.200s, the record has %s %.200s", p.next, name, args, c.Tool, c.Args)
	}
	p.next++
	return c.Result, nil
}

// Close implements Executor.
func (p *Playback) Close() error { return nil }

// Replay executes the calls of a record again and compares the results. The difference says where a result is another; it is
// "" when all are the same. The error is that of the executor.
func Replay(ctx context.Context, by Executor, calls []Call) (difference string, err error) {
	for i, c := range calls {
		r, err := by.Call(ctx, c.Tool, c.Args)
		if err != nil {
			return "", err
		}
		if !r.Equal(c.Result) {
			return fmt.Sprintf("call %d of %s gives %.300s and gave %.300s", i, c.Tool, r.JSON(), c.Result.JSON()), nil
		}
	}
	return "", nil
}
