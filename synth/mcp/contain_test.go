package mcp

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestBrokenStart holds that a server which does not begin as it should gives an error that names it, the step and what to do,
// and that nothing stays behind.
func TestBrokenStart(t *testing.T) {
	before := runtime.NumGoroutine()
	root := t.TempDir()
	missing := fake(t, "missing")
	missing.Command = []string{"no-such-program-here"}
	for _, c := range []struct {
		server Server
		want   error
		text   []string
	}{
		{missing, ErrStart, []string{"start:", "PATH"}},
		{fake(t, "silent"), ErrTimeout, []string{"initialize:", "(700ms)"}},
		{fake(t, "deaf"), ErrTimeout, []string{"initialize:"}},
		{fake(t, "gone"), ErrGone, []string{"exit status 3", "cannot find the database"}},
		{fake(t, "garbage"), ErrTimeout, []string{"2 lines on standard output are not JSON-RPC", "Welcome"}},
		{fake(t, "babble"), ErrGarbage, []string{"INFO still starting", "standard error"}},
		{fake(t, "version"), nil, []string{"1999-01-01"}},
	} {
		if errors.Is(c.want, ErrTimeout) {
			c.server.Limits.Start = 700 * time.Millisecond
		}
		s, err := connect(t.Context(), c.server, root)
		if err == nil {
			s.Close()
			t.Errorf("%s: it connects", c.server.Name)
			continue
		}
		var e *Error
		if !errors.As(err, &e) || e.Server != c.server.Name || (c.want != nil && !errors.Is(err, c.want)) {
			t.Errorf("%s: %v, want %v", c.server.Name, err, c.want)
		}
		for _, part := range append(c.text, c.server.Name) {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: want %q in %v", c.server.Name, part, err)
			}
		}
	}
	settle(t, before)
	empty(t, root)
}

// empty checks that no scratch folder is left.
func empty(t *testing.T, root string) {
	t.Helper()
	left, err := os.ReadDir(root)
	if err != nil || len(left) > 0 {
		t.Errorf("%d things left in the scratch root: %v %v", len(left), left, err)
	}
}

// TestBrokenCall holds the same for servers that break in the middle of a call, and that the pool starts the next episode
// all the same.
func TestBrokenCall(t *testing.T) {
	before := runtime.NumGoroutine()
	root := t.TempDir()
	for _, c := range []struct {
		mode string
		want error
		text string
	}{
		{"hang", ErrTimeout, "(700ms)"},
		{"flood", ErrFlood, "without an answer"},
		{"line", ErrTooLarge, "more than 1048576 bytes"},
		{"huge", ErrTooLarge, "more than 1048576 bytes"},
		{"exit", ErrGone, "exit status 7"},
		{"nonsense", ErrGarbage, "content"},
		{"stopped", ErrGone, "standard output"},
	} {
		server := fake(t, c.mode)
		server.Limits.Message, server.Limits.Noise = 1<<20, 1<<20
		if c.mode == "hang" {
			server.Limits.Call = 700 * time.Millisecond
		}
		p, err := NewPool(server, 1, root)
		if err != nil {
			t.Fatal(err)
		}
		for round := range 2 {
			e, err := p.Episode(t.Context())
			if err != nil {
				t.Errorf("%s: round %d: %v", c.mode, round, err)
				break
			}
			_, err = e.Call(t.Context(), "pid", json.RawMessage("{}"))
			var failed *Error
			if !errors.Is(err, c.want) || !errors.As(err, &failed) || failed.Server != server.Name || failed.Advice == "" {
				t.Errorf("%s: %v, want %v", c.mode, err, c.want)
			} else if !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), "tools/call") {
				t.Errorf("%s: want %q in %v", c.mode, c.text, err)
			}
			if _, err := e.Call(t.Context(), "pid", json.RawMessage("{}")); err == nil {
				t.Errorf("%s: a second call on the broken session succeeds", c.mode)
			}
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	settle(t, before)
	empty(t, root)
}

func TestGrandchild(t *testing.T) {
	before := runtime.NumGoroutine()
	s, err := Connect(t.Context(), fake(t, "grandchild"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Call(t.Context(), "child", json.RawMessage("{}"))
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(r.Text())
	if err != nil {
		t.Fatal(err)
	}
	server := s.process.cmd.Process.Pid
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	ended(t, server)
	ended(t, child)
	settle(t, before)
}

// TestCancel holds that a caller who gives up gets its own error, at once.
func TestCancel(t *testing.T) {
	s, err := Connect(t.Context(), fake(t, "hang"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := contextAfter(t, 200*time.Millisecond)
	defer cancel()
	if _, err := s.Call(ctx, "pid", json.RawMessage("{}")); !errors.Is(err, ctx.Err()) {
		t.Errorf("%v, want %v", err, ctx.Err())
	}
}

func TestListings(t *testing.T) {
	for _, c := range []struct {
		mode    string
		tools   int
		skipped []string
	}{
		{"plain", 6, nil},
		{"greeting", 6, nil},
		{"many", 1000, []string{"more than 1000 tools", "99006 of this page"}},
		{"endless", 200, []string{"more than 200 pages"}},
		{"circle", 2, []string{"goes round in circles"}},
		{"twice", 6, []string{"lists this name twice", "not a tool", "long: its description has 20000 bytes", "wide: its schema has"}},
	} {
		t.Run(c.mode, func(t *testing.T) {
			if c.mode == "many" && testing.Short() {
				t.Skip("a listing of 100,000 tools takes seconds; not with -short")
			}
			server := fake(t, c.mode)
			server.Limits.List = 5 * time.Minute
			s, err := Connect(t.Context(), server)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			l, err := s.Tools(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(l.Tools) != c.tools {
				t.Errorf("%d tools, want %d", len(l.Tools), c.tools)
			}
			var all []string
			for _, x := range l.Skipped {
				all = append(all, x.String())
			}
			for _, want := range c.skipped {
				if !strings.Contains(strings.Join(all, "\n"), want) {
					t.Errorf("want %q among %q", want, all)
				}
			}
			if len(c.skipped) == 0 && len(all) > 0 {
				t.Errorf("skipped %q", all)
			}
		})
	}
	for mode, want := range map[string]string{"nolist": "the catalogue is closed today", "notools": "not MCP"} {
		s, err := Connect(t.Context(), fake(t, mode))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Tools(t.Context()); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "fake-"+mode) {
			t.Errorf("%s: %v", mode, err)
		}
		s.Close()
	}
}

// TestChangedTools holds that a server which offers something else after a restart is not used.
func TestChangedTools(t *testing.T) {
	server := fake(t, "changing")
	server.Env["COUNTER"] = filepath.Join(t.TempDir(), "counter")
	p, err := NewPool(server, 0, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Listing(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Episode(t.Context()); !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), "extra-1 is new") {
		t.Errorf("%v", err)
	}
}
