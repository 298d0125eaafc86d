package mcp

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestConfig(t *testing.T) {
	got, err := ParseConfig([]byte("\ufeff" + `{"theme":"dark","mcpServers":{
		"files": {"command":"npx","args":["-y","@modelcontextprotocol/server-filesystem","{scratch}"],"env":{"A":"b"},"state":"files","timeout":2.5,"icon":"x"},
		"docs": {"type":"streamable-http","url":"https://example.org/mcp","headers":{"Authorization":"Bearer x"}},
		"old": {"command":"gone","disabled":true}}}`))
	want := []Server{
		{Name: "docs", URL: "https://example.org/mcp", Headers: map[string]string{"Authorization": "Bearer x"}},
		{Name: "files", Command: []string{"npx", "-y", "@modelcontextprotocol/server-filesystem", "{scratch}"}, Env: map[string]string{"A": "b"}, State: StateFiles, Limits: Limits{Call: 2500 * time.Millisecond}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if !got[1].UsesScratch() || got[0].UsesScratch() {
		t.Error("which servers use the scratch folder")
	}
	for text, want := range map[string]string{
		``:                        "it is not",
		`[]`:                      "it is not",
		`{}`:                      "no servers",
		`{"mcpServers":{"a":{}}}`: "neither a command nor a url",
		`{"mcpServers":{"a":{"command":"x","url":"http://y"}}}`:                  "both a command and a url",
		`{"mcpServers":{"a":{"command":"x","headers":{"A":"b"}}}}`:               "headers are for servers with a url",
		`{"mcpServers":{"a":{"command":"x","state":"some"}}}`:                    `state "some"`,
		`{"mcpServers":{"a":{"url":"http://y","state":"files"}}}`:                "cannot be emptied",
		`{"mcpServers":{"a":{"url":"ftp://user:secret@y"}}}`:                     "the url is not",
		`{"mcpServers":{"a":{"command":"x","env":{"A=B":"c"}}}}`:                 "cannot be the name",
		`{"mcpServers":{"a":{"command":"x","cwd":"here"}}}`:                      "not an absolute path",
		`{"mcpServers":{"a":{"type":"sse","url":"http://y"}}}`:                   "deprecated",
		`{"mcpServers":{"a":{"command":"x","timeout":-1}}}`:                      "timeout of -1",
		`{"mcpServers":{"a":{"command":"x","disabled":true}}}`:                   "all servers in it are disabled",
		`{"mcpServers":{"a":{"command":"x\u0000"}}}`:                             "zero byte",
		`{"mcpServers":{"a":{"command":"x"}}, "x":` + strings.Repeat(" ", 5<<20): "more than",
	} {
		if got, err := ParseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%.60s: %v %v, want %q", text, got, err, want)
		}
	}
	path := filepath.Join(t.TempDir(), "servers.json")
	if _, err := ReadConfig(path); err == nil {
		t.Error("a missing file is read")
	}
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadConfig(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
}

func TestParseServer(t *testing.T) {
	for line, want := range map[string]Server{
		"npx -y @modelcontextprotocol/server-memory@1.2":      {Name: "server-memory", Command: []string{"npx", "-y", "@modelcontextprotocol/server-memory@1.2"}},
		`node '/opt/my server/index.js' "a b" c\ d {scratch}`: {Name: "index.js", Command: []string{"node", "/opt/my server/index.js", "a b", "c d", "{scratch}"}},
		"server":                          {Name: "server", Command: []string{"server"}},
		"https://api.example.org/mcp?x=1": {Name: "api.example.org", URL: "https://api.example.org/mcp?x=1"},
		"http://localhost:3001/mcp":       {Name: "localhost:3001", URL: "http://localhost:3001/mcp"},
		`run ""`:                          {Name: "server", Command: []string{"run", ""}},
	} {
		got, err := ParseServer(line)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", line, err, diff)
		}
	}
	for _, line := range []string{"", "  ", "a 'b", `a "b`, `a\`, "http://", `""`} {
		if got, err := ParseServer(line); err == nil {
			t.Errorf("%q gives %+v", line, got)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(`{"mcpServers":{"a":{"command":"npx","args":["{scratch}"],"env":{"A":"b"},"timeout":3,"state":"files"}}}`))
	f.Add([]byte(`{"mcpServers":{"a":{"url":"https://h/mcp","headers":{"A":"b"}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		servers, err := ParseConfig(data)
		if err == nil && len(servers) == 0 {
			t.Error("neither servers nor an error")
		}
		for _, s := range servers {
			if err := s.Validate(); err != nil {
				t.Error(err)
			}
		}
	})
}

func FuzzParseServer(f *testing.F) {
	f.Add(`npx -y '@a/b' "c d" e\ f`)
	f.Add("http://localhost:3001/mcp")
	f.Fuzz(func(t *testing.T, line string) {
		if s, err := ParseServer(line); err == nil && s.Validate() != nil {
			t.Errorf("%q gives %+v", line, s)
		}
	})
}

// FuzzMessages feeds what a server writes to the readers of messages and results.
func FuzzMessages(f *testing.F) {
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"x"}]}}`))
	f.Add([]byte("event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n"))
	f.Add([]byte(`[{"jsonrpc":"2.0","method":"a"}]`))
	f.Add([]byte(`{"content":[{"type":"image","data":"aa","mimeType":"image/png"}],"structuredContent":{"a":1}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		decode(data)
		bodyMessages(data)
		if r, err := ParseResult(data); err == nil {
			again, err := ParseResult(r.JSON())
			if err != nil || !again.Equal(r) || again.Text() != r.Text() {
				t.Errorf("%s becomes %s: %v", data, r.JSON(), err)
			}
		}
	})
}
