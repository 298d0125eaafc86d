package mcp

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// healthy reports whether the way to the server is whole, so that an error came from the server itself.
func (c *Session) healthy(taken *capture) bool {
	return taken.failure() == nil && (c.wire == nil || c.wire.failure() == nil && c.process.gone() == nil)
}

// explain makes an *Error of what went wrong and marks the session as unusable.
func (c *Session) explain(ctx, limited context.Context, limit time.Duration, during string, taken *capture, err error) error {
	if ctx.Err() != nil { // the caller gave up, which is nobody's fault
		return c.fail(ctx.Err())
	}
	cause := err
	switch {
	case limited.Err() != nil: // first, because giving up makes the others true
		cause = fmt.Errorf("%w (%s)", ErrTimeout, limit)
	case c.wire != nil && c.wire.failure() != nil && !errors.Is(c.wire.failure(), ErrGone): // after which it was told to end
		cause = c.wire.failure()
	case c.wire != nil && c.died() != nil:
		cause = c.died()
	case c.wire != nil && c.wire.failure() != nil:
		cause = c.wire.failure()
	case taken.failure() != nil:
		cause = taken.failure()
	case c.trip != nil:
		cause = fmt.Errorf("%w: %w", ErrHTTP, err)
	}
	return c.wrap(during, c.fail(cause))
}

// died waits a moment for the end of a process whose pipe has ended, because its exit status says more.
func (c *Session) died() error {
	if errors.Is(c.wire.failure(), ErrGone) {
		c.process.wait(time.Second)
	}
	return c.process.gone()
}

// wrap adds the server's name, what it said besides, and advice.
func (c *Session) wrap(during string, err error) error {
	if c.wire != nil {
		if s := c.wire.babble(); s != "" {
			err = fmt.Errorf("%w; %s", err, s)
		}
		if s := c.process.stderr.last(); s != "" {
			err = fmt.Errorf("%w; its standard error ends with %q", err, s)
		}
	}
	return &Error{c.server.Name, during, err, advice(err)}
}

// fail remembers the first failure.
func (c *Session) fail(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause == nil {
		c.cause = err
	}
	return err
}

// failure is why the session cannot be used any more, nil while it can.
func (c *Session) failure() error {
	c.mu.Lock()
	cause := c.cause
	c.mu.Unlock()
	if cause == nil && c.wire != nil {
		if cause = c.process.gone(); cause == nil {
			cause = c.wire.failure()
		}
	}
	return cause
}
