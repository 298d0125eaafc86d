package mcp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"muonclip/internal/atomicfile"
)

// Dumped is what became of a server in DumpTools.
type Dumped struct {
	Server  string
	Path    string // of its file; "" where it failed
	Listing Listing
	Err     error // why there is no listing
}

// DumpTools lists the tools of servers, one after another, and writes a file for each into a folder, which is made if
// missing; tool.ImportDir reads it. A server that fails is told in its place. The error says that all failed, or that a file
// could not be written.
func DumpTools(ctx context.Context, servers []Server, dir string) ([]Dumped, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("mcp: dump: %w", err)
	}
	var out []Dumped
	var failed []error
	for i, s := range servers {
		d := Dumped{Server: s.Name}
		if d.Listing, d.Err = listOnce(ctx, s); d.Err != nil {
			if ctx.Err() != nil {
				return out, ctx.Err()
			}
			failed = append(failed, d.Err)
			out = append(out, d)
			continue
		}
		d.Path = filepath.Join(dir, fmt.Sprintf("%02d-%s.json", i, fileName(s.Name)))
		if err := atomicfile.WriteFile(d.Path, d.Listing.Dump); err != nil {
			return out, fmt.Errorf("mcp: dump of server %s: %w", s.Name, err)
		}
		out = append(out, d)
	}
	if len(failed) > 0 && len(failed) == len(servers) {
		return out, errors.Join(failed...)
	}
	return out, nil
}

func listOnce(ctx context.Context, s Server) (Listing, error) {
	session, err := Connect(ctx, s)
	if err != nil {
		return Listing{}, err
	}
	defer func() { _ = session.Close() }() // what it reports is a folder that is left; the list is whole
	return session.Tools(ctx)
}

// fileName keeps of a server's name what any file system takes.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
}
