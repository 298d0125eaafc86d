package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mcpScript is a server with two tools that a shell can play.
const mcpScript = `#!/bin/sh
while IFS= read -r line; do
	id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9][0-9]*\).*/\1/p')
	case "$line" in
	*'"method":"initialize"'*) echo '{"jsonrpc":"2.0","id":'$id',"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"shell","version":"1"}}}' ;;
	*'"method":"tools/list"'*) echo '{"jsonrpc":"2.0","id":'$id',"result":{"tools":[{"name":"say.it","description":"Says it","inputSchema":{"type":"object",  "properties":{"b":{},"a":{}}}},{"name":"go-away"},{"name":5}]}}' ;;
	*'"id":'*) echo '{"jsonrpc":"2.0","id":'$id',"error":{"code":-32601,"message":"no"}}' ;;
	esac
done
`

func TestSynthToolsLive(t *testing.T) {
	if _, err := exec.LookPath("sed"); err != nil {
		t.Skip("the server of this test is a script for sh and sed: ", err)
	}
	dir := t.TempDir()
	script := filepath.Join(dir, "shell-server")
	if err := os.WriteFile(script, []byte(mcpScript), 0o755); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "servers.json")
	if err := os.WriteFile(config, []byte(`{"mcpServers":{"first":{"command":"/bin/sh","args":["`+script+`"]},"broken":{"command":"no-such-program-here"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	dump := filepath.Join(dir, "dump")
	for _, c := range []struct {
		code int
		want []string
		args []string
	}{
		{exitOK, []string{"2 tools of 1 domains", "shell-server", "tool 2: it is not a tool"}, []string{"tools", "--server", "/bin/sh " + script}},
		{exitOK, []string{`"name":"say.it"`, `{"type":"object","properties":{"b":{},"a":{}}}`, "server broken: start"}, []string{"tools", "--mcp-config", config, "--dump", dump, "--list"}},
		{exitOK, []string{"2 tools of 1 domains", "first"}, []string{"tools", "--import", dump}},
		{exitFailure, []string{"no-such-program-here", "PATH"}, []string{"tools", "--server", "no-such-program-here"}},
		{exitUsage, []string{"a quote is not closed"}, []string{"tools", "--server", "npx 'x"}},
		{exitUsage, []string{"choose one"}, []string{"tools", "--server", "npx x", "--import", dump}},
		{exitUsage, []string{"--dump is for live servers"}, []string{"tools", "--dump", dump}},
		{exitUsage, []string{"no such file"}, []string{"tools", "--mcp-config", filepath.Join(dir, "missing.json")}},
	} {
		code, stdout, stderr := runSynth(t, c.args...)
		for _, want := range c.want {
			if code != c.code || !strings.Contains(stdout+stderr, want) {
				t.Errorf("synth %s: exit code %d, want %d with %q:\n%s\n%s", strings.Join(c.args, " "), code, c.code, want, stdout, stderr)
			}
		}
	}
	if data, err := os.ReadFile(filepath.Join(dump, "01-first.json")); err != nil || !strings.Contains(string(data), `{"type":"object",  "properties":{"b":{},"a":{}}}`) {
		t.Errorf("%s %v", data, err)
	}
}
