// Package mcp runs tools of live MCP servers: it starts or reaches a server, imports its tools, calls them in episodes
// that each have a scratch folder of their own, and records what was answered so that an episode can be played
// again. Servers are other people's programs: each runs with a clean environment and within limits, and one that
// hangs, floods, lies or dies gives an error that names it and leaves nothing running.
//
// The protocol is spoken by the official Go SDK. The pipe to a child process and the HTTP round trips are ours, because
// limits have to be where the bytes arrive, and because schemas and results must stay the bytes that the server wrote.
package mcp

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// ScratchVar stands for the episode's scratch folder in the arguments and the environment of a server.
const ScratchVar = "{scratch}"

// State says what of a server outlives a call, and so what has to be new in each episode.
type State string

// The sorts of state.
const (
	// StateProcess: the process may remember anything, so each episode has a new one. The zero State means this.
	StateProcess State = "process"
	// StateFiles: everything is in the scratch folder, which is emptied between episodes; the process is kept.
	StateFiles State = "files"
	// StateNone: the server remembers nothing, so that sessions are used again as they are.
	StateNone State = "none"
)

// Server says how a server is reached: a command that speaks MCP on its standard input and output, or a URL.
type Server struct {
	Name    string            // as people call it; in every error
	Command []string          // program and arguments, which may hold ScratchVar
	Env     map[string]string // all of the environment beside PATH, HOME, LANG, TMPDIR and what Connect documents; may hold ScratchVar
	Dir     string            // working folder of the command; "" means the scratch folder
	URL     string            // of a streamable HTTP server, instead of Command
	Headers map[string]string // of HTTP requests to URL, such as Authorization; never in an error
	State   State             // "" means StateProcess
	Limits  Limits
}

// Limits bounds what a server may take. Zero fields have the defaults in brackets.
type Limits struct {
	Start       time.Duration // from the start to the answer of initialize [60 s: npx may have to download]
	Call        time.Duration // one call [60 s]
	List        time.Duration // one page of tools [30 s]
	Grace       time.Duration // from the end of its input until a process is killed [2 s]
	Message     int           // bytes of one message [16 MiB]
	Noise       int           // bytes between two answers that answer nothing: logs, notifications [16 MiB]
	Result      int           // bytes of the result of one call [1 MiB]
	Tools       int           // tools that are imported [1,000]
	Description int           // bytes of a tool's description [16 KiB]
	Schema      int           // bytes of a tool's schema [64 KiB]
}

// The defaults of Limits.
const (
	DefaultStart       = 60 * time.Second
	DefaultCall        = 60 * time.Second
	DefaultList        = 30 * time.Second
	DefaultGrace       = 2 * time.Second
	DefaultMessage     = 16 << 20
	DefaultNoise       = 16 << 20
	DefaultResult      = 1 << 20
	DefaultTools       = 1000
	DefaultDescription = 16 << 10
	DefaultSchema      = 64 << 10
)

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&l.Start, DefaultStart}, {&l.Call, DefaultCall}, {&l.List, DefaultList}, {&l.Grace, DefaultGrace}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	for _, n := range []struct {
		field *int
		value int
	}{{&l.Message, DefaultMessage}, {&l.Noise, DefaultNoise}, {&l.Result, DefaultResult}, {&l.Tools, DefaultTools}, {&l.Description, DefaultDescription}, {&l.Schema, DefaultSchema}} {
		if *n.field <= 0 {
			*n.field = n.value
		}
	}
	return l
}

// UsesScratch reports whether the server is told of the scratch folder.
func (s Server) UsesScratch() bool {
	for _, a := range s.Command {
		if strings.Contains(a, ScratchVar) {
			return true
		}
	}
	for _, v := range s.Env {
		if strings.Contains(v, ScratchVar) {
			return true
		}
	}
	return false
}

// Validate says what is missing or contradictory.
func (s Server) Validate() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("mcp: server %s: "+format, append([]any{s.Name}, args...)...)
	}
	switch {
	case s.Name == "":
		return errors.New("mcp: a server without a name")
	case len(s.Command) == 0 && s.URL == "":
		return fail("neither a command nor a url is given")
	case len(s.Command) > 0 && s.URL != "":
		return fail("both a command and a url are given: choose one")
	case len(s.Command) > 0 && s.Command[0] == "":
		return fail("the command is empty")
	case len(s.Headers) > 0 && s.URL == "":
		return fail("headers are for servers with a url; a command takes env")
	case s.State != "" && s.State != StateProcess && s.State != StateFiles && s.State != StateNone:
		return fail("state %q: want %s, %s or %s", s.State, StateProcess, StateFiles, StateNone)
	case s.State == StateFiles && len(s.Command) == 0:
		return fail("state %q is for commands: the files of a server behind a url cannot be emptied", s.State)
	case s.Dir != "" && !filepath.IsAbs(s.Dir):
		return fail("the working folder %s is not an absolute path", s.Dir)
	}
	for _, a := range append([]string{s.Dir}, s.Command...) {
		if strings.ContainsRune(a, 0) {
			return fail("a zero byte in the command")
		}
	}
	for k, v := range s.Env {
		if k == "" || strings.ContainsAny(k, "=\x00") || strings.ContainsRune(v, 0) {
			return fail("%q cannot be the name of an environment variable, or its value holds a zero byte", k)
		}
	}
	if s.URL != "" {
		u, err := url.Parse(s.URL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return fail("the url is not http://HOST/PATH or https://HOST/PATH")
		}
	}
	return nil
}
