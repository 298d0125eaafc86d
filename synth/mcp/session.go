package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"muonclip/synth/tool"
)

// Session is a connection to a running server. Calls may be made by several goroutines.
type Session struct {
	server  Server
	scratch *scratch
	client  *sdk.ClientSession
	process *process   // nil for HTTP
	wire    *wire      // nil for HTTP
	trip    *roundTrip // nil for commands

	info  Info
	once  sync.Once
	mu    sync.Mutex
	cause error // the first failure that makes the session unusable
}

// Info is what a server says of itself.
type Info struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Protocol string `json:"protocol"`
}

// Connect starts a server, or reaches it, and agrees with it on a version of the protocol. A command runs in a new scratch
// folder below the system's temporary folder, in a process group of its own, and sees PATH, LANG, HOME and TMPDIR (both
// in the scratch folder), MEMORY_FILE_PATH (memory.jsonl in the scratch folder) and what s.Env names, and nothing else of
// our environment. The error is an *Error, or says that s is not valid.
func Connect(ctx context.Context, s Server) (*Session, error) { return connect(ctx, s, "") }

// connect is Connect with the scratch folder below root.
func connect(ctx context.Context, s Server, root string) (*Session, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	s.Limits = s.Limits.withDefaults()
	c := &Session{server: s}
	var transport sdk.Transport
	if len(s.Command) > 0 {
		var err error
		if c.scratch, err = newScratch(root); err != nil {
			return nil, err
		}
		if c.process, err = startProcess(s, c.scratch); err != nil {
			_ = c.scratch.remove() // why it did not start says more
			return nil, &Error{s.Name, "start", err, advice(err)}
		}
		c.wire = newWire(c.process, s.Limits)
		transport = c.wire
	} else {
		c.trip = newRoundTrip(s)
		transport = httpTransport(s, c.trip)
	}
	taken := new(capture)
	limited, cancel := context.WithTimeout(context.WithValue(ctx, captureKey{}, taken), s.Limits.Start)
	defer cancel()
	client := sdk.NewClient(&sdk.Implementation{Name: "muonclip", Version: "1"}, &sdk.ClientOptions{Capabilities: &sdk.ClientCapabilities{}})
	// A server that never answers must not hold us in the SDK either.
	stop := context.AfterFunc(limited, c.abandon)
	session, err := client.Connect(limited, transport, nil)
	if !stop() && err == nil {
		err = limited.Err()
	}
	if err != nil {
		if session != nil {
			_ = session.Close() // it failed already
		}
		err = c.explain(ctx, limited, s.Limits.Start, "initialize", taken, err)
		_ = c.Close() // why there is no session says more
		return nil, err
	}
	c.client = session
	if r := session.InitializeResult(); r != nil {
		c.info.Protocol = r.ProtocolVersion
		if r.ServerInfo != nil {
			c.info.Name, c.info.Version = r.ServerInfo.Name, r.ServerInfo.Version
		}
	}
	return c, nil
}

// Info tells what the server says of itself.
func (c *Session) Info() Info { return c.info }

// Work is the folder in which a command may do what it likes, "" for servers behind a URL. Files for an episode are put
// here.
func (c *Session) Work() string {
	if c.scratch == nil {
		return ""
	}
	return c.scratch.work()
}

// Call calls a tool. A tool that refuses, or that the server does not have, gives a Result with IsError, as an assistant
// would see it. The error is about the server: it is an *Error, or that of ctx.
func (c *Session) Call(ctx context.Context, name string, args json.RawMessage) (Result, error) {
	during := "tools/call " + name
	if err := c.failure(); err != nil {
		return Result{}, c.wrap(during, err)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(args, &object); err != nil || object == nil {
		return refusal("The arguments are not a JSON object."), nil
	}
	if c.scratch != nil {
		args = c.scratch.inward(args)
	}
	raw, err := c.ask(ctx, during, c.server.Limits.Call, func(ctx context.Context) error {
		_, err := c.client.CallTool(ctx, &sdk.CallToolParams{Name: name, Arguments: args})
		return err
	})
	var refused *jsonrpc.Error
	if errors.As(err, &refused) && c.failure() == nil {
		return c.result([]byte(refusal(fmt.Sprintf("MCP error %d: %s", refused.Code, refused.Message)).JSON()))
	}
	if err != nil {
		return Result{}, err
	}
	if len(raw) > c.server.Limits.Result {
		return refusal(fmt.Sprintf("The result has %d bytes, more than the %d that can be shown.", len(raw), c.server.Limits.Result)), nil
	}
	return c.result(raw)
}

func (c *Session) result(raw []byte) (Result, error) {
	if c.scratch != nil {
		raw = c.scratch.outward(raw)
	}
	r, err := ParseResult(raw)
	if err != nil {
		return Result{}, c.wrap("tools/call", c.fail(fmt.Errorf("%w: %w", ErrGarbage, err)))
	}
	return r, nil
}

// ask makes a request and gives the bytes of its result. A protocol error is returned as *jsonrpc.Error; any other error
// ends the session.
func (c *Session) ask(ctx context.Context, during string, limit time.Duration, do func(context.Context) error) (json.RawMessage, error) {
	taken := new(capture)
	limited, cancel := context.WithTimeout(context.WithValue(ctx, captureKey{}, taken), limit)
	defer cancel()
	err := do(limited)
	if raw := taken.get(); raw != nil {
		return raw, nil // also where the SDK's types do not fit what the server wrote
	}
	var refused *jsonrpc.Error
	if errors.As(err, &refused) && limited.Err() == nil && c.healthy(taken) {
		return nil, refused
	}
	if err == nil {
		err = fmt.Errorf("%w: the answer came by another way than it was asked for", ErrGarbage)
	}
	return nil, c.explain(ctx, limited, limit, during, taken, err)
}

// abandon cuts the connection, so that whoever waits in the SDK is released.
func (c *Session) abandon() {
	if c.wire != nil {
		_ = c.wire.Close() // always nil
	}
}

// Close ends the session: a command is ended with all processes of its group, and its scratch folder is removed.
func (c *Session) Close() error {
	var err error
	c.once.Do(func() {
		whole := c.failure() == nil
		_ = c.fail(ErrClosed) // gives back what it is given
		if !whole {           // nobody who is broken is asked politely
			c.abandon()
		}
		if c.client != nil {
			closeSession(c.client, c.server.Limits.Grace)
		}
		if c.process != nil {
			c.process.close(whole)
		}
		if c.trip != nil {
			c.trip.base.CloseIdleConnections()
		}
		if c.scratch != nil {
			err = c.scratch.remove()
		}
	})
	if err != nil {
		return fmt.Errorf("mcp: server %s: scratch folder: %w", c.server.Name, err)
	}
	return nil
}

// closeSession lets the SDK say goodbye, but not for longer than d.
func closeSession(s *sdk.ClientSession, d time.Duration) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Close() // its error is that of a peer that is leaving
	}()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// Tools asks for the tools of the server and imports them by the rules of tool.Import.
func (c *Session) Tools(ctx context.Context) (Listing, error) {
	l, err := c.list(ctx)
	if err != nil {
		return Listing{}, err
	}
	var imported []*tool.Tool
	var skipped []tool.Skipped
	if imported, skipped, err = tool.Import(c.server.Name, l.Dump); err != nil {
		return Listing{}, c.wrap("tools/list", c.fail(fmt.Errorf("%w: %w", ErrGarbage, err)))
	}
	l.Tools, l.Skipped = imported, append(l.Skipped, skipped...)
	return l, nil
}
