package mcp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"muonclip/synth/tool"
)

// Pool gives episodes on one server. Sessions are started when they are needed and used again where the server's State
// allows it. It may be used by many goroutines.
type Pool struct {
	server Server
	root   string
	slots  chan struct{} // one for each episode that may run

	mu      sync.Mutex
	idle    []*Session
	listing *Listing // of the first session; the others must agree
	closed  bool
}

// NewPool makes a pool for a server with at most sessions episodes at a time; 0 means 4. Scratch folders are made below
// root; "" means the system's folder for temporary files. Nothing is started yet.
func NewPool(s Server, sessions int, root string) (*Pool, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if sessions <= 0 {
		sessions = 4
	}
	return &Pool{server: s, root: root, slots: make(chan struct{}, sessions)}, nil
}

// Server tells which server it is.
func (p *Pool) Server() Server { return p.server }

// Listing gives the tools of the server, which is started where it has not been yet.
func (p *Pool) Listing(ctx context.Context) (Listing, error) {
	e, err := p.Episode(ctx)
	if err != nil {
		return Listing{}, err
	}
	defer func() { _ = e.Close() }() // what it reports is a folder that is left; the list is whole
	p.mu.Lock()
	defer p.mu.Unlock()
	return *p.listing, nil
}

// Episode begins an episode. It waits until one of those that run is closed where there are too many. The error wraps
// ErrChanged when the server does not offer the same tools as before.
func (p *Pool) Episode(ctx context.Context) (*Episode, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s, err := p.session(ctx)
	if err != nil {
		<-p.slots
		return nil, err
	}
	return &Episode{pool: p, session: s}, nil
}

func (p *Pool) session(ctx context.Context) (*Session, error) {
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, &Error{p.server.Name, "start", ErrClosed, ""}
		}
		n := len(p.idle)
		if n == 0 {
			p.mu.Unlock()
			return p.start(ctx)
		}
		s := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		if s.failure() == nil {
			return s, nil
		}
		_ = s.Close() // it died while nobody used it, and another one takes its place
	}
}

// start makes a new session and compares its tools with those of the first.
func (p *Pool) start(ctx context.Context) (*Session, error) {
	s, err := connect(ctx, p.server, p.root)
	if err != nil {
		return nil, err
	}
	l, err := s.Tools(ctx)
	if err != nil {
		_ = s.Close() // why there is no list says more
		return nil, err
	}
	p.mu.Lock()
	first := p.listing
	if first == nil {
		p.listing = &l
	}
	p.mu.Unlock()
	if first != nil && first.Fingerprint() != l.Fingerprint() {
		_ = s.Close() // that the tools changed says more
		err := fmt.Errorf("%w since it was first started: %s", ErrChanged, difference(first.Tools, l.Tools))
		return nil, &Error{p.server.Name, "tools/list", err, advice(err)}
	}
	return s, nil
}

// difference names a tool in which two listings differ.
func difference(was, is []*tool.Tool) string {
	old := map[string]*tool.Tool{}
	for _, t := range was {
		old[t.Name] = t
	}
	for _, t := range is {
		o := old[t.Name]
		if o == nil {
			return t.Name + " is new"
		}
		if o.Description != t.Description || string(o.Parameters) != string(t.Parameters) {
			return t.Name + " reads otherwise"
		}
		delete(old, t.Name)
	}
	for _, t := range was {
		if old[t.Name] != nil {
			return t.Name + " is gone"
		}
	}
	return "their order is another"
}

// giveBack takes a session after an episode.
func (p *Pool) giveBack(s *Session) error {
	defer func() { <-p.slots }()
	reuse := s.failure() == nil
	switch p.server.State {
	case StateNone:
	case StateFiles:
		reuse = reuse && s.scratch.empty() == nil
	default:
		reuse = false
	}
	p.mu.Lock()
	if reuse && !p.closed {
		p.idle = append(p.idle, s)
		p.mu.Unlock()
		return nil
	}
	p.mu.Unlock()
	return s.Close()
}

// Close ends all sessions that are not in an episode; those are ended with their episodes.
func (p *Pool) Close() error {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	errs := make([]error, len(idle))
	var all sync.WaitGroup
	for i, s := range idle {
		all.Go(func() { errs[i] = s.Close() })
	}
	all.Wait()
	return errors.Join(errs...)
}

// Episode is a series of calls on one session, with a scratch folder that nobody else sees. It implements Executor. It
// belongs to one goroutine.
type Episode struct {
	pool    *Pool
	session *Session
	closed  bool
}

// Work is the folder of the server's files, empty when the episode begins; "" for a server behind a URL.
func (e *Episode) Work() string { return e.session.Work() }

// Root opens the folder of Work; nothing outside of it can be reached through it.
func (e *Episode) Root() (*os.Root, error) {
	if e.Work() == "" {
		return nil, fmt.Errorf("mcp: server %s has no scratch folder", e.pool.server.Name)
	}
	return os.OpenRoot(e.Work())
}

// Close ends the episode and removes what it left in its folder.
func (e *Episode) Close() error {
	if e.closed {
		return nil
	}
	e.closed = true
	return e.pool.giveBack(e.session)
}
