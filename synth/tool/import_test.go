package tool_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muonclip/synth/tool"
	"muonclip/synth/world"
)

func TestImportForms(t *testing.T) {
	schema := `{"type": "object",  "properties": {"b":{"type":"string"},"a":{}},"required":["b"]}`
	for name, dump := range map[string]string{
		"list":    `[{"name":"get-a.b","description":"d","inputSchema":` + schema + `}]`,
		"result":  `{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"get-a.b","inputSchema":` + schema + `}]}}`,
		"capture": `{"serverInfo":{"name":"srv"},"tools":[{"name":"get-a.b","inputSchema":` + schema + `}]}`,
		"openai":  `{"tools":[{"type":"function","function":{"name":"get-a.b","parameters":` + schema + `}}]}`,
		"toucan":  `{"labels":{},"metadata":{"server_name":"srv","remote_server_response":{"tools":[{"name":"get-a.b","input_schema":` + schema + `}]}}}`,
		"crawled": `{"metadata":{"server_name":"srv","remote_server_response":{"tools":null},"server_info_crawled":{"tools":[{"name":"get-a.b","input_schema":` + schema + `}]}}}`,
	} {
		tools, skipped, err := tool.Import(name, []byte(dump))
		if err != nil || len(tools) != 1 || len(skipped) != 0 {
			t.Errorf("%s: %d tools, %v %v", name, len(tools), skipped, err)
			continue
		}
		x := tools[0]
		if x.Name != "get-a.b" || string(x.Parameters) != schema || x.Origin == "" || x.Kind != "imported" || x.Program != nil {
			t.Errorf("%s: %+v", name, x)
		}
		if ps := x.Validate(json.RawMessage(`{}`)); len(ps) != 1 || ps[0].Path != "/b" {
			t.Errorf("%s: %v", name, ps)
		}
		if _, err := x.Call(nil, json.RawMessage(`{}`)); world.CodeOf(err) != world.Internal {
			t.Errorf("%s: calling it: %v", name, err)
		}
	}
}

func TestImportRefuses(t *testing.T) {
	for _, bad := range []string{"", "not json", `{"x":1}`, `5`, `{"metadata":{}}`} {
		if _, _, err := tool.Import("bad", []byte(bad)); err == nil {
			t.Errorf("accepted %q", bad)
		}
	}
	tools, skipped, err := tool.Import("srv", []byte(`[{"name":"a","inputSchema":{"type":"object"}},{"name":"a"},{"description":"x"},{"name":"b\n"},
		{"name":"c","inputSchema":{"type":"array"}},{"name":"d","inputSchema":{"type":5}},{"name":"e","inputSchema":{"$ref":"#/definitions/none"}},7]`))
	if err != nil || len(tools) != 1 {
		t.Fatalf("%d tools, %v", len(tools), err)
	}
	var got []string
	for _, s := range skipped {
		got = append(got, s.String())
	}
	all := strings.Join(got, "\n")
	for _, want := range []string{"srv: a: the server lists this name twice", "tool 2: it has no name", "cannot be written in a call", "c: its schema describes a array", "d: its schema cannot be used", "e: its schema cannot be used", "tool 7: it is not a tool"} {
		if !strings.Contains(all, want) {
			t.Errorf("want %q in\n%s", want, all)
		}
	}
}

// TestImportReal imports every tool of real servers, byte for byte, or names why not.
func TestImportReal(t *testing.T) {
	dir := "../../../shared/data/mcp-tools"
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("%s is not there: real listings of MCP servers are needed", dir)
	}
	in, err := tool.ImportDir(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files, %d tools, %d skipped: %v", in.Files, len(in.Tools), len(in.Skipped), in.Skipped)
	if in.Files < 290 || len(in.Tools) < 1600 || len(in.Skipped) > 5 {
		t.Errorf("%d files, %d tools, %d skipped", in.Files, len(in.Tools), len(in.Skipped))
	}
	odd := 0
	for _, x := range in.Tools {
		if strings.ContainsAny(x.Name, "-.") {
			odd++
		}
		x.Validate(json.RawMessage(`{}`)) // must not panic, whatever the schema
	}
	if odd < 100 {
		t.Errorf("only %d names with hyphens or dots", odd)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*", "*.json"))
	var text [][]byte
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, b)
	}
	for _, x := range in.Tools {
		if string(x.Parameters) == `{"type":"object","properties":{}}` {
			continue
		}
		found := false
		for _, b := range text {
			if bytes.Contains(b, x.Parameters) {
				found = true
				break
			}
		}
		if !found {
			t.Errorf("%s of %s: the bytes of the schema changed", x.Name, x.Origin)
		}
	}
}
