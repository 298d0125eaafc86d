package main

import (
	"context"

	"github.com/spf13/cobra"

	"muonclip/synth"
	"muonclip/synth/dataset"
	"muonclip/synth/mcp"
	"muonclip/synth/mcp/live"
)

// mcpFlags name live MCP servers.
type mcpFlags struct {
	lines  []string
	config string
}

func (m *mcpFlags) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&m.lines, "server", nil, "`COMMAND` that starts an MCP server, or its URL; {scratch} in it is a folder of its own; may be repeated")
	f.StringVar(&m.config, "mcp-config", "", `JSON `+"`FILE`"+` with MCP servers as clients have it: {"mcpServers": {"NAME": {"command": ..., "args": [...]}}}`)
}

// servers reads the flags; there are none where neither is given. Its error has exit code 2.
func (m *mcpFlags) servers() ([]mcp.Server, error) {
	var out []mcp.Server
	if m.config != "" {
		list, err := mcp.ReadConfig(m.config)
		if err != nil {
			return nil, usageError{err}
		}
		out = list
	}
	for _, line := range m.lines {
		s, err := mcp.ParseServer(line)
		if err != nil {
			return nil, usageError{err}
		}
		out = append(out, s)
	}
	return out, nil
}

// dump lists the tools of live servers into a folder and tells of what is left out.
func (m *mcpFlags) dump(ctx context.Context, g *globals, servers []mcp.Server, dir string) error {
	dumped, err := mcp.DumpTools(ctx, servers, dir)
	for _, d := range dumped {
		if d.Err != nil && err == nil {
			g.logger().Error("server left out", "server", d.Server, "error", d.Err)
		}
		for _, skipped := range d.Listing.Skipped {
			g.logger().Warn("tool left out", "server", d.Server, "tool", skipped.Tool, "reason", skipped.Reason)
		}
	}
	return err
}

// proving is a source of dialogues that can prove them again.
type proving interface {
	synth.Sampler
	synth.Prover
}

// sourceOf makes the source that a data set came from: the worlds of its manifest, or the live servers of the flags.
// done ends them.
func (m *mcpFlags) sourceOf(ctx context.Context, dir string) (source proving, done func(), err error) {
	list, err := m.servers()
	if err != nil {
		return nil, nil, err
	}
	if len(list) == 0 {
		source, err := synth.SourceOf(ctx, dir)
		return source, func() {}, err
	}
	manifest, err := dataset.ReadManifest(dir)
	if err != nil {
		return nil, nil, err
	}
	s, err := live.New(ctx, live.Config{Servers: list, Seed: manifest.Config.Seed, Sessions: 2})
	if err != nil {
		return nil, nil, err
	}
	return s, func() { _ = s.Close() }, nil
}
