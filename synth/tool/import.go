package tool

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Skipped is a tool, or a whole file, that was not imported.
type Skipped struct {
	Server, Tool, Reason string
}

// String gives server, tool and reason.
func (s Skipped) String() string {
	if s.Tool == "" {
		return s.Server + ": " + s.Reason
	}
	return s.Server + ": " + s.Tool + ": " + s.Reason
}

// Imported is what a folder gave.
type Imported struct {
	Files   int
	Tools   []*Tool
	Skipped []Skipped
}

// maxDump bounds a file of tools.
const maxDump = 32 << 20

// listed is a tool in any of the spellings of listings: MCP's inputSchema, Toucan's input_schema, the function object
// of OpenAI.
type listedTool struct {
	Name        *string         `json:"name"`
	Description *string         `json:"description"`
	InputSchema json.RawMessage `json:"inputSchema"`
	InputSnake  json.RawMessage `json:"input_schema"`
	Parameters  json.RawMessage `json:"parameters"`
	Function    *listedTool     `json:"function"`
	Annotations *annotations    `json:"annotations"`
}

type annotations struct {
	ReadOnly *bool `json:"readOnlyHint"`
}

// dump is a file that holds tools: the answer of tools/list with or without the envelope of JSON-RPC, a capture with
// serverInfo, or a labelled server of Toucan.
type dump struct {
	Tools      []json.RawMessage `json:"tools"`
	ServerInfo *struct {
		Name string `json:"name"`
	} `json:"serverInfo"`
	Result   *dump `json:"result"`
	Metadata *struct {
		Name   string `json:"server_name"`
		Remote *struct {
			Tools []json.RawMessage `json:"tools"`
		} `json:"remote_server_response"`
		Crawled *struct {
			Name  string            `json:"name"`
			Tools []json.RawMessage `json:"tools"`
		} `json:"server_info_crawled"`
	} `json:"metadata"`
}

// Import reads the tools of one server from a listing. Names and the bytes of schemas stay as they are. name is used
// for the server where the listing does not tell its own. Tools that a model could not call are skipped with the
// reason; the error says that the file as a whole is no listing.
func Import(name string, data []byte) ([]*Tool, []Skipped, error) {
	server, raws, err := parseDump(name, data)
	if err != nil {
		return nil, nil, fmt.Errorf("tool: import %s: %w", name, err)
	}
	var out []*Tool
	var skipped []Skipped
	seen := map[string]bool{}
	for i, raw := range raws {
		t, err := importTool(server, raw)
		label := fmt.Sprintf("tool %d", i)
		if t != nil {
			label = t.Name
		}
		switch {
		case err != nil:
			skipped = append(skipped, Skipped{server, label, err.Error()})
		case seen[t.Name]:
			skipped = append(skipped, Skipped{server, label, "the server lists this name twice; the first one is kept"})
		default:
			seen[t.Name] = true
			out = append(out, t)
		}
	}
	return out, skipped, nil
}

func parseDump(name string, data []byte) (string, []json.RawMessage, error) {
	if len(data) > maxDump {
		return "", nil, fmt.Errorf("the file has %d bytes, more than %d", len(data), maxDump)
	}
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\ufeff")))
	if len(data) > 0 && data[0] == '[' {
		var list []json.RawMessage
		if err := json.Unmarshal(data, &list); err != nil {
			return "", nil, fmt.Errorf("the file is not JSON: %w", err)
		}
		return name, list, nil
	}
	var d dump
	if err := json.Unmarshal(data, &d); err != nil {
		return "", nil, fmt.Errorf("the file is not a listing of tools: %w", err)
	}
	if d.Result != nil && d.Tools == nil {
		d.Tools, d.ServerInfo = d.Result.Tools, d.Result.ServerInfo
	}
	if d.ServerInfo != nil && d.ServerInfo.Name != "" {
		name = d.ServerInfo.Name
	}
	if m := d.Metadata; m != nil && d.Tools == nil {
		if m.Name != "" {
			name = m.Name
		}
		// The answer of the server itself is preferred to what a crawler read from its page.
		if m.Remote != nil && len(m.Remote.Tools) > 0 {
			return name, m.Remote.Tools, nil
		}
		if m.Crawled != nil {
			return name, m.Crawled.Tools, nil
		}
	}
	if d.Tools == nil {
		return "", nil, fmt.Errorf("there are no tools in it: expected tools, result.tools or metadata.remote_server_response.tools")
	}
	return name, d.Tools, nil
}

func importTool(server string, raw json.RawMessage) (*Tool, error) {
	var in listedTool
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, fmt.Errorf("it is not a tool: %w", err)
	}
	if in.Function != nil {
		in = *in.Function
	}
	if in.Name == nil || *in.Name == "" {
		return nil, fmt.Errorf("it has no name")
	}
	t := &Tool{Name: *in.Name, Domain: server, Service: server, Origin: server, Kind: "imported", Writes: true, schema: &schemaCache{}}
	if in.Description != nil {
		t.Description = *in.Description
	}
	if in.Annotations != nil && in.Annotations.ReadOnly != nil {
		t.Writes = !*in.Annotations.ReadOnly
	}
	if strings.ContainsAny(t.Name, "\x00\n\r\"<>|") || len(t.Name) > 256 {
		return t, fmt.Errorf("its name cannot be written in a call")
	}
	for _, s := range []json.RawMessage{in.InputSchema, in.InputSnake, in.Parameters} {
		if len(s) > 0 && string(s) != "null" {
			t.Parameters = slices.Clone(s)
			break
		}
	}
	if t.Parameters == nil {
		t.Parameters = json.RawMessage(`{"type":"object","properties":{}}`) // a tool without arguments may leave it out
	}
	t.schema.once.Do(func() { t.schema.compile(t.Parameters, true) })
	if err := t.schema.err; err != nil {
		return t, fmt.Errorf("its schema cannot be used: %w", err)
	}
	if typ := t.schema.compiled.schema.Type; typ != "" && typ != "object" {
		return t, fmt.Errorf("its schema describes a %s, but arguments are an object", typ)
	}
	return t, nil
}

// ImportFile reads one file of tools; the server is called after the file where the listing does not name it.
func ImportFile(path string) ([]*Tool, []Skipped, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("tool: import %s: %w", path, err)
	}
	return Import(strings.TrimSuffix(filepath.Base(path), ".json"), data)
}

// ImportDir reads all *.json files below a folder, in the order of their paths. A file that is no listing is among
// the skipped; the error says that the folder cannot be read.
func ImportDir(ctx context.Context, dir string) (Imported, error) {
	var out Imported
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if d.IsDir() || !strings.EqualFold(filepath.Ext(path), ".json") {
			return nil
		}
		out.Files++
		tools, skipped, err := ImportFile(path)
		if err != nil {
			out.Skipped = append(out.Skipped, Skipped{Server: filepath.Base(path), Reason: err.Error()})
			return nil
		}
		out.Tools = append(out.Tools, tools...)
		out.Skipped = append(out.Skipped, skipped...)
		return nil
	})
	if err != nil {
		return out, fmt.Errorf("tool: import %s: %w", dir, err)
	}
	return out, nil
}
