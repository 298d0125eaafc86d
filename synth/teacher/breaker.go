package teacher

import (
	"fmt"
	"sync"
	"time"
)

// breaker stops a client from asking an endpoint that only fails, and lets all workers rest where one was told to.
type breaker struct {
	limit int

	mu       sync.Mutex
	failed   int // attempts in a row
	refused  int // requests in a row that the endpoint called malformed
	last     error
	resumeAt time.Time
}

// open returns the error that ends all calls once too many failed.
func (b *breaker) open() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.failed >= b.limit:
		return fmt.Errorf("teacher: %w: %d attempts in a row failed, the last: %w; all answers are kept, run again when it is up", ErrDown, b.failed, b.last)
	case b.refused >= b.limit:
		return fmt.Errorf("teacher: %w: it refused %d requests in a row, the last: %w; check the model and the options", ErrDown, b.refused, b.last)
	}
	return nil
}

// ok notes an answer.
func (b *breaker) ok() {
	b.mu.Lock()
	b.failed, b.refused = 0, 0
	b.mu.Unlock()
}

// fail notes a failed attempt.
func (b *breaker) fail(e *attemptError) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = e.err
	if requestStatus(e.status) {
		b.refused++
		return
	}
	b.failed++
	if until := time.Now().Add(e.after); until.After(b.resumeAt) && e.after > 0 {
		b.resumeAt = until
	}
}

// rest is how long the endpoint wants to be left alone.
func (b *breaker) rest() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Until(b.resumeAt)
}
