package mcp

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"muonclip/synth/tool"
)

func contextAfter(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

// TestBytes holds that schemas and results stay the bytes that the server wrote.
func TestBytes(t *testing.T) {
	s, err := Connect(t.Context(), fake(t, "plain"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if i := s.Info(); i.Name != "fake" || i.Version != "1.2" || i.Protocol != "2025-06-18" {
		t.Errorf("%+v", i)
	}
	l, err := s.Tools(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if x := l.Tool("echo-it"); x == nil || !strings.Contains(fakeTools, `"inputSchema":`+string(x.Parameters)) || x.Writes || x.Description != "Says what it is told <&>" {
		t.Errorf("%+v", x)
	}
	if l.Tool("files.write") == nil || l.Tool("nothing") != nil {
		t.Error("names do not survive")
	}
	again, skipped, err := tool.Import("x", l.Dump)
	if err != nil || len(skipped) > 0 || len(again) != len(l.Tools) || !strings.Contains(string(l.Dump), fakeTools[:strings.Index(fakeTools, "},{\"name\":\"files")]) {
		t.Errorf("the dump: %d tools, %v %v\n%s", len(again), skipped, err, l.Dump)
	}
	r, err := s.Call(t.Context(), "echo-it", json.RawMessage(`{"text":"<&>"}`))
	if err != nil || string(r.Structured) != `{"z":12345678901234567890,"a": {"text":"<&>"}}` || r.Text() != "told" {
		t.Errorf("%s %v", r.JSON(), err)
	}
	for args, want := range map[string]string{"{}": "there is no such record", "5": "not a JSON object", "null": "not a JSON object", `{"a"`: "not a JSON object"} {
		if r, err := s.Call(t.Context(), "fail", json.RawMessage(args)); err != nil || !r.IsError || !strings.Contains(r.Text(), want) {
			t.Errorf("%s: %s %v", args, r.JSON(), err)
		}
	}
	if r, err := s.Call(t.Context(), "nothing", json.RawMessage("{}")); err != nil || !r.IsError || r.Text() != "MCP error -32602: no such tool" {
		t.Errorf("%s %v", r.JSON(), err)
	}
}

// TestEnvironment holds that a server sees nothing of our environment but what it needs.
func TestEnvironment(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-secret")
	server := fake(t, "plain")
	server.Env["GIVEN"] = "to/{scratch}/x"
	s, err := Connect(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, err := s.Call(t.Context(), "env", json.RawMessage("{}"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"PATH": true, "LANG": true, "HOME": true, "TMPDIR": true, "MEMORY_FILE_PATH": true, fakeVar: true, "GIVEN": true}
	for _, line := range strings.Split(r.Text(), "\n") {
		name, _, _ := strings.Cut(line, "=")
		if !want[name] {
			t.Errorf("the server sees %s", line)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("the server does not see %v", want)
	}
	for _, part := range []string{"HOME=/home/user", "TMPDIR=/tmp", "GIVEN=to//workspace/x", "MEMORY_FILE_PATH=/workspace/memory.jsonl"} {
		if !strings.Contains(r.Text(), part) {
			t.Errorf("want %s in\n%s", part, r.Text())
		}
	}
}

func TestResultLimit(t *testing.T) {
	s, err := Connect(t.Context(), fake(t, "big"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 { // the session stays whole
		r, err := s.Call(t.Context(), "pid", json.RawMessage("{}"))
		if err != nil || !r.IsError || !strings.Contains(r.Text(), "more than the 1048576 that can be shown") {
			t.Fatalf("%.200s %v", r.JSON(), err)
		}
	}
}

// TestStates holds what is kept between episodes and what is not.
func TestStates(t *testing.T) {
	for _, c := range []struct {
		state State
		same  bool // the process
	}{{StateProcess, false}, {StateFiles, true}, {StateNone, true}} {
		server := fake(t, "plain")
		server.State = c.state
		p, err := NewPool(server, 1, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		var pids, roots []string
		for range 2 {
			e, err := p.Episode(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if left, err := os.ReadDir(e.Work()); c.state != StateNone && (err != nil || len(left) > 0) {
				t.Errorf("%s: the folder is not empty: %v %v", c.state, left, err)
			}
			r, err := e.Call(t.Context(), "files.write", json.RawMessage(`{"path":"/workspace/a.txt","text":"see /workspaces and /workspace/b"}`))
			if err != nil || r.Text() != "wrote /workspace/a.txt" {
				t.Errorf("%s %v", r.JSON(), err)
			}
			data, err := os.ReadFile(filepath.Join(e.Work(), "a.txt"))
			if err != nil || string(data) != "see /workspaces and "+e.Work()+"/b" {
				t.Errorf("%q %v", data, err)
			}
			if r, err = e.Call(t.Context(), "pid", json.RawMessage("{}")); err != nil {
				t.Fatal(err)
			}
			pids, roots = append(pids, r.Text()), append(roots, e.Work())
			if err := e.Close(); err != nil {
				t.Error(err)
			}
			if _, err := e.Call(t.Context(), "pid", json.RawMessage("{}")); err == nil {
				t.Error("a call after the end of the episode")
			}
		}
		if (pids[0] == pids[1]) != c.same || (roots[0] == roots[1]) != c.same {
			t.Errorf("%s: processes %v, folders %v", c.state, pids, roots)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(roots[1]); err == nil {
			t.Errorf("%s: the folder is still there", c.state)
		}
		if _, err := p.Episode(t.Context()); err == nil {
			t.Error("an episode of a closed pool")
		}
	}
}

// TestRestart holds that a server which died while nobody used it is started again.
func TestRestart(t *testing.T) {
	server := fake(t, "plain")
	server.State = StateNone
	p, err := NewPool(server, 1, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	first, err := p.Episode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	process := first.session.process
	first.Close()
	process.cmd.Process.Kill()
	<-process.exited
	second, err := p.Episode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if r, err := second.Call(t.Context(), "count", json.RawMessage("{}")); err != nil || r.Text() != "1" {
		t.Errorf("%s %v", r.JSON(), err)
	}
}

// TestParallel holds that episodes at the same time do not see each other.
func TestParallel(t *testing.T) {
	server := fake(t, "plain")
	server.State = StateFiles
	p, err := NewPool(server, 3, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			e, err := p.Episode(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			defer e.Close()
			name := string(rune('a' + i))
			if _, err := e.Call(t.Context(), "files.write", json.RawMessage(`{"path":"/workspace/`+name+`","text":""}`)); err != nil {
				t.Error(err)
			}
			if list, err := os.ReadDir(e.Work()); err != nil || len(list) != 1 || list[0].Name() != name {
				t.Errorf("%s sees %v %v", name, list, err)
			}
		})
	}
	all.Wait()
	if len(p.idle) > 3 {
		t.Errorf("%d sessions", len(p.idle))
	}
}
