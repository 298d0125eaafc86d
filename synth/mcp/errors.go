package mcp

import (
	"errors"
	"fmt"
)

// What can be wrong with a server. An *Error wraps one of these where it fits.
var (
	ErrStart    = errors.New("it cannot be started")
	ErrTimeout  = errors.New("no answer in time")
	ErrTooLarge = errors.New("a message is too large")
	ErrFlood    = errors.New("it writes without end")
	ErrGarbage  = errors.New("what it writes is not MCP")
	ErrGone     = errors.New("it ended")
	ErrHTTP     = errors.New("the HTTP request failed")
	ErrChanged  = errors.New("its tools changed")
	ErrClosed   = errors.New("the session is closed")
)

// Error is a failure of a server, never one of a tool: a tool that refuses gives a Result.
type Error struct {
	Server string // its name
	During string // what was asked of it: "start", "initialize", "tools/list", "tools/call echo"
	Err    error
	Advice string // what to do about it
}

// Error names the server, what was asked, what went wrong and what to do.
func (e *Error) Error() string {
	s := fmt.Sprintf("mcp: server %s: %s: %v", e.Server, e.During, e.Err)
	if e.Advice != "" {
		s += "; " + e.Advice
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// advice says what to do about a cause.
func advice(err error) string {
	switch {
	case errors.Is(err, ErrStart):
		return "check that the program is installed and in PATH"
	case errors.Is(err, ErrTimeout):
		return "check that the command is an MCP server, or give it more time in its limits"
	case errors.Is(err, ErrTooLarge), errors.Is(err, ErrFlood):
		return "use the tool with smaller inputs, or raise the server's limits"
	case errors.Is(err, ErrGarbage):
		return "check that the command speaks MCP on its standard output and logs to standard error"
	case errors.Is(err, ErrGone):
		return "look at what it wrote to standard error; the next episode starts it again"
	case errors.Is(err, ErrHTTP):
		return "check the url, its headers and the server behind it; the next episode tries again"
	case errors.Is(err, ErrChanged):
		return "pin the version of the server and list its tools again"
	}
	return ""
}
