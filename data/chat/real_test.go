package chat

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// realTools reads the tools of real MCP servers: files with the tools of npm packages, and those crawled for Toucan. It
// returns none where they are missing.
func realTools(t testing.TB) (tools []Tool, raw []json.RawMessage) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dataDir, "mcp-tools", "*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range mcpTools(t, path, data) {
			tools = append(tools, Tool{Name: v.Name, Description: v.Description, Parameters: v.schema()})
			raw = append(raw, v.schema())
		}
	}
	return tools, raw
}

type mcpTool struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Camel       json.RawMessage `json:"inputSchema"`
	Snake       json.RawMessage `json:"input_schema"`
}

func (m mcpTool) schema() json.RawMessage {
	if m.Camel != nil {
		return m.Camel
	}
	return m.Snake
}

func mcpTools(t testing.TB, path string, data []byte) []mcpTool {
	t.Helper()
	var in struct {
		Tools    []mcpTool `json:"tools"`
		Metadata struct {
			Response struct {
				Tools []mcpTool `json:"tools"`
			} `json:"remote_server_response"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return append(in.Tools, in.Metadata.Response.Tools...)
}

// realDialogues puts the real tools into dialogues, a few in each. Left out are tools whose schemas JavaScript
// and Python would not write as they are: with repeated keys, with integers as keys, or with numbers in another spelling.
func realDialogues(t testing.TB) []Dialogue {
	tools, _ := realTools(t)
	var all []Dialogue
	odd := 0
	for _, tool := range tools {
		if len(tool.Parameters) > 0 && !plainJSON(t, tool.Parameters) {
			odd++
			continue
		}
		if n := len(all); n == 0 || len(all[n-1].Tools) == 5 {
			all = append(all, Dialogue{ID: "real tools", Messages: []Message{{Role: RoleUser, Content: "Hi"}}})
		}
		d := &all[len(all)-1]
		d.Tools = append(d.Tools, tool)
		d.Messages = append(d.Messages, Message{Role: RoleAssistant, ToolCalls: []ToolCall{{Name: tool.Name, Arguments: json.RawMessage("{}")}}})
	}
	t.Logf("%d real tools, %d left out", len(tools)-odd, odd)
	return all
}

// plainJSON reports whether other engines read and write JSON text without changing it.
func plainJSON(t testing.TB, raw json.RawMessage) bool {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	for {
		tok, err := dec.Token()
		if err != nil {
			return true
		}
		switch v := tok.(type) {
		case json.Number:
			if strings.ContainsAny(v.String(), ".eE") || len(v) > 15 {
				return false
			}
		case string: // a key, perhaps
			if v != "" && strings.Trim(v, "0123456789") == "" || v == "__proto__" {
				return false
			}
		}
	}
}

// TestRealToolsSurvive takes every real tool through the JSON of a dialogue.
func TestRealToolsSurvive(t *testing.T) {
	tools, raw := realTools(t)
	if len(tools) == 0 {
		t.Skip("the real tools are not here")
	}
	if len(tools) < 1500 {
		t.Errorf("only %d tools", len(tools))
	}
	oneLine := 0
	for i, tool := range tools {
		if !bytes.Equal(tool.Parameters, raw[i]) {
			t.Fatalf("%s: the schema changed in memory", tool.Name)
		}
		line := Dialogue{Messages: []Message{{Role: RoleUser}}, Tools: []Tool{tool}}.AppendJSON(nil)
		if bytes.ContainsAny(line, "\r\n") {
			t.Fatalf("%s: more than one line", tool.Name)
		}
		var back Dialogue
		if err := back.UnmarshalJSON(line); err != nil {
			t.Fatalf("%s: %v", tool.Name, err)
		}
		got := back.Tools[0]
		if got.Name != tool.Name || got.Description != tool.Description {
			t.Errorf("%s: name or description changed: %q %q", tool.Name, got.Name, got.Description)
		}
		want := []byte(tool.Parameters)
		if bytes.ContainsAny(want, "\r\n") {
			var b bytes.Buffer
			if err := json.Compact(&b, want); err != nil {
				t.Fatal(err)
			}
			want = b.Bytes()
		} else {
			oneLine++
		}
		if !bytes.Equal(got.Parameters, want) {
			t.Errorf("%s: schema\ngot  %s\nwant %s", tool.Name, got.Parameters, want)
		}
		// A second time nothing is left to be made compact.
		if again := back.AppendJSON(nil); !bytes.Equal(again, line) {
			t.Errorf("%s: written again it differs", tool.Name)
		}
		id := CallID(tool.Name, i)
		if name, n, err := ParseCallID(id); name != tool.Name || n != i || err != nil {
			t.Errorf("%s: the id %s is read as %q, %d, %v", tool.Name, id, name, n, err)
		}
	}
	t.Logf("%d tools, %d of them on one line", len(tools), oneLine)
}
