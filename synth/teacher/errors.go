package teacher

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// ErrBudget says that a call was not made because it could cost more than is left of the budget.
var ErrBudget = errors.New("the budget is used up")

// ErrDown says that so many calls failed one after another that no more are made.
var ErrDown = errors.New("the endpoint is down")

// ContentError says that a model answered and that the answer is of no use, or that it cannot answer this request at
// all: asking again would give the same. Who meets one drops the dialogue and goes on with the next.
type ContentError struct {
	Kind   string // a short word by which such answers are counted: truncated, filtered, empty, refused_request, ...
	Detail string
}

func (e *ContentError) Error() string { return "teacher: " + e.Kind + ": " + e.Detail }

// Reason is the word under which a dropped dialogue is counted.
func (e *ContentError) Reason() string { return "model_" + e.Kind }

// stopError is an error that a later attempt may not meet: it ends a run, which can be resumed.
type stopError struct{ err error }

func (e *stopError) Error() string { return e.err.Error() }
func (e *stopError) Unwrap() error { return e.err }

// StopsRun tells the generator that the candidate is not to blame.
func (e *stopError) StopsRun() bool { return true }

// stop marks everything but bad content as an error that ends the run.
func stop(err error) error {
	var bad *ContentError
	if err == nil || errors.As(err, &bad) {
		return err
	}
	return &stopError{err}
}

// attemptError is a failed attempt at a call.
type attemptError struct {
	err    error
	status int           // of the HTTP answer; 0 where there was none
	retry  bool          // another attempt may succeed
	billed bool          // the endpoint may have charged for it: it had begun to answer, or nobody knows
	after  time.Duration // how long the endpoint wants to be left alone; 0 where it says nothing
}

func (e *attemptError) Error() string { return e.err.Error() }
func (e *attemptError) Unwrap() error { return e.err }

// As makes the error one of package backoff where the endpoint said how long to wait.
func (e *attemptError) As(target any) bool {
	wait, ok := target.(**backoff.RetryAfterError)
	if !ok || e.after <= 0 {
		return false
	}
	*wait = &backoff.RetryAfterError{Duration: e.after}
	return true
}

// statusError words an HTTP status with the beginning of the body, which is where servers say what is wrong.
func statusError(status int, body string) error {
	text := http.StatusText(status)
	if text == "" {
		text = "unknown status"
	}
	return fmt.Errorf("HTTP %d %s: %s", status, text, body)
}

// retryStatus reports whether a status is one that may pass.
func retryStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}

// requestStatus reports whether a status is about this one request, such as a dialogue that is too long for the
// model, and not about the account or the address.
func requestStatus(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge || status == http.StatusUnprocessableEntity
}
