package mcp

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muonclip/internal/nodetest"
	"muonclip/synth/tool"
)

const realVersion = "@2026.8.31"

// TestRealServers runs the servers of the Model Context Protocol project.
func TestRealServers(t *testing.T) {
	const scope = "@modelcontextprotocol/server-"
	names := []string{"everything", "filesystem", "memory", "sequential-thinking"}
	var packages []string
	for _, n := range names {
		packages = append(packages, scope+n+realVersion)
	}
	dir := nodetest.Install(t, packages...)
	server := func(name string, args ...string) Server {
		return Server{Name: name, Command: append([]string{"node", nodetest.Bin(t, dir, scope+name)}, args...), State: StateFiles}
	}
	t.Setenv("OPENAI_API_KEY", "sk-secret")

	t.Run("everything", func(t *testing.T) { everything(t, server("everything")) })
	t.Run("everything over HTTP", func(t *testing.T) { everythingHTTP(t, nodetest.Bin(t, dir, scope+"everything")) })
	t.Run("filesystem", func(t *testing.T) { filesystem(t, server("filesystem", ScratchVar)) })
	t.Run("memory", func(t *testing.T) { memory(t, server("memory")) })
	t.Run("sequential-thinking", func(t *testing.T) {
		e, l := begin(t, server("sequential-thinking"))
		if len(l.Tools) != 1 {
			t.Errorf("%d tools", len(l.Tools))
		}
		for i := 1; i <= 3; i++ {
			args := fmt.Sprintf(`{"thought":"step %d","nextThoughtNeeded":%t,"thoughtNumber":%d,"totalThoughts":3}`, i, i < 3, i)
			check(t, e, "sequentialthinking", args, fmt.Sprintf(`"thoughtHistoryLength": %d`, i), false)
		}
	})
	t.Run("dump", func(t *testing.T) {
		out := t.TempDir()
		broken := fake(t, "gone")
		dumped, err := DumpTools(t.Context(), []Server{server("everything"), broken, server("filesystem", ScratchVar)}, out)
		if err != nil || len(dumped) != 3 || dumped[1].Err == nil {
			t.Fatalf("%+v %v", dumped, err)
		}
		in, err := tool.ImportDir(t.Context(), out)
		if err != nil || in.Files != 2 || len(in.Skipped) > 0 || len(in.Tools) != len(dumped[0].Listing.Tools)+len(dumped[2].Listing.Tools) {
			t.Errorf("%d files, %d tools, %v %v", in.Files, len(in.Tools), in.Skipped, err)
		}
	})
}

// begin opens an episode and gives the tools of its server.
func begin(t *testing.T, s Server) (*Episode, Listing) {
	t.Helper()
	p, err := NewPool(s, 2, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	e, err := p.Episode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return e, *p.listing
}

// check makes a call and looks for a part of its result.
func check(t *testing.T, e Executor, name, args, want string, isError bool) {
	t.Helper()
	r, err := e.Call(t.Context(), name, json.RawMessage(args))
	if err != nil || r.IsError != isError || !strings.Contains(r.Text(), want) {
		t.Errorf("%s %s: %s %v, want %q", name, args, r.JSON(), err, want)
	}
}

func everything(t *testing.T, s Server) {
	e, l := begin(t, s)
	for _, name := range []string{"echo", "get-sum", "get-env", "get-structured-content"} {
		if l.Tool(name) == nil {
			t.Errorf("there is no %s", name)
		}
	}
	if x := l.Tool("get-sum"); !strings.HasPrefix(string(x.Parameters), `{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"a":{`) {
		t.Errorf("the schema is not as it was written: %s", x.Parameters)
	}
	if ps := l.Tool("get-sum").Validate(json.RawMessage(`{"a":1}`)); len(ps) != 1 {
		t.Errorf("%v", ps)
	}
	check(t, e, "echo", `{"message":"<é & \"q\">"}`, `Echo: <é & "q">`, false)
	check(t, e, "get-sum", `{"a":19,"b":23}`, "The sum of 19 and 23 is 42.", false)
	check(t, e, "get-sum", `{"a":19}`, "Invalid arguments for tool get-sum", true)
	check(t, e, "no-such-tool", `{}`, "not found", true)
	check(t, e, "get-tiny-image", `{}`, "[image, image/png,", false)
	r, err := e.Call(t.Context(), "get-structured-content", json.RawMessage(`{"location":"Chicago"}`))
	if err != nil || string(r.Structured) != `{"temperature":36,"conditions":"Light rain / drizzle","humidity":82}` {
		t.Errorf("%s %v", r.JSON(), err)
	}
	r, err = e.Call(t.Context(), "get-env", json.RawMessage(`{}`))
	var env map[string]string
	if err != nil || json.Unmarshal([]byte(r.Text()), &env) != nil {
		t.Fatalf("%s %v", r.JSON(), err)
	}
	for name := range env {
		switch name {
		case "PATH", "HOME", "LANG", "TMPDIR", "MEMORY_FILE_PATH":
		default:
			t.Errorf("the server sees %s", name)
		}
	}
	if strings.Contains(r.Text(), "secret") || env["HOME"] != "/home/user" {
		t.Errorf("%v", env)
	}
	slow := s
	slow.Limits.Call = time.Second
	short, _ := begin(t, slow)
	if _, err := short.Call(t.Context(), "trigger-long-running-operation", json.RawMessage(`{"duration":60,"steps":2}`)); err == nil || !strings.Contains(err.Error(), "no answer in time (1s)") {
		t.Errorf("%v", err)
	}
}

func everythingHTTP(t *testing.T, program string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.CommandContext(t.Context(), "node", program, "streamableHttp")
	cmd.Env = append(os.Environ(), "PORT="+port)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the server does not listen")
		}
	}
	p, err := NewPool(Server{Name: "everything", URL: "http://" + address + "/mcp"}, 2, "")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for range 2 { // each episode is a session of its own
		e, err := p.Episode(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		check(t, e, "echo", `{"message":"over HTTP"}`, "Echo: over HTTP", false)
		check(t, e, "get-sum", `{"a":1,"b":"x"}`, "Invalid arguments", true)
		r, err := e.Call(t.Context(), "get-structured-content", json.RawMessage(`{"location":"New York"}`))
		if err != nil || string(r.Structured) != `{"temperature":33,"conditions":"Cloudy","humidity":82}` {
			t.Errorf("%s %v", r.JSON(), err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	if x := p.listing.Tool("get-sum"); x == nil || !strings.HasPrefix(string(x.Parameters), `{"$schema":`) {
		t.Errorf("%+v", x)
	}
}

func filesystem(t *testing.T, s Server) {
	e, l := begin(t, s)
	if len(l.Tools) < 10 {
		t.Errorf("%d tools", len(l.Tools))
	}
	check(t, e, "write_file", `{"path":"/workspace/a.txt","content":"see /workspace/b"}`, "Successfully wrote to /workspace/a.txt", false)
	check(t, e, "read_text_file", `{"path":"/workspace/a.txt"}`, "see /workspace/b", false)
	check(t, e, "read_text_file", `{"path":"/etc/passwd"}`, "Access denied - path outside allowed directories: /etc/passwd not in /workspace", true)
	check(t, e, "read_text_file", `{"path":"/workspace/../work/../../../../etc/passwd"}`, "Access denied", true)
	check(t, e, "list_allowed_directories", `{}`, "/workspace", false)
	if err := os.Symlink("/etc", filepath.Join(e.Work(), "link")); err != nil {
		t.Fatal(err)
	}
	check(t, e, "read_text_file", `{"path":"/workspace/link/passwd"}`, "Access denied", true)
	old := e.Work()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := e.pool.Episode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.Work() != old {
		t.Error("the process was not used again")
	}
	check(t, again, "read_text_file", `{"path":"/workspace/a.txt"}`, "ENOENT", true)
	other, err := e.pool.Episode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	check(t, again, "write_file", `{"path":"/workspace/mine","content":""}`, "Successfully", false)
	check(t, other, "read_text_file", `{"path":"/workspace/mine"}`, "ENOENT", true)
	check(t, other, "read_text_file", fmt.Sprintf(`{"path":%q}`, filepath.Join(again.Work(), "mine")), "Access denied", true)
}

func memory(t *testing.T, s Server) {
	e, _ := begin(t, s)
	check(t, e, "create_entities", `{"entities":[{"name":"Ada","entityType":"person","observations":["writes programs"]}]}`, `"name": "Ada"`, false)
	check(t, e, "search_nodes", `{"query":"programs"}`, `"Ada"`, false)
	check(t, e, "add_observations", `{"observations":[{"entityName":"Bob","contents":["x"]}]}`, "Entity with name Bob not found", true)
	if _, err := os.Stat(filepath.Join(e.Work(), "memory.jsonl")); err != nil {
		t.Error(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := e.pool.Episode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	check(t, again, "read_graph", `{}`, `"entities": []`, false)
}
