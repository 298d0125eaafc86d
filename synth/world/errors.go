// Package world is the state behind the tools of a domain: typed records, made from a domain and a seed, changed by
// small programs that either succeed and keep the invariants or leave everything as it was.
package world

import (
	"errors"
	"fmt"
)

// Code says in one word why a call failed.
type Code string

// The codes of errors. All but Internal are answers that a program may give on purpose.
const (
	NotFound        Code = "not_found"
	InvalidState    Code = "invalid_state"
	InvalidArgument Code = "invalid_argument"
	Forbidden       Code = "forbidden"
	Conflict        Code = "conflict"
	Limit           Code = "limit"
	Internal        Code = "internal" // the program itself is broken or was stopped
)

// Error is why a call failed.
type Error struct {
	Code    Code
	Message string
}

// Error gives code: message.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

func failf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// CodeOf gives the code of an error of this package: "" for nil, Internal for errors that carry no code.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}
