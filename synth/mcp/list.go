package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/zeebo/xxh3"

	"muonclip/synth/tool"
)

// maxPages bounds the pages of a listing.
const maxPages = 200

// Listing is the tools of a server.
type Listing struct {
	Server  Info
	Tools   []*tool.Tool
	Skipped []tool.Skipped
	// Dump holds the listing as tool.Import reads it, {"serverInfo": ..., "tools": [...]}, each tool with the bytes that the
	// server wrote.
	Dump json.RawMessage
}

// Fingerprint is a hash of the tools, by which a server is known to offer what it offered before.
func (l Listing) Fingerprint() string {
	h := xxh3.New()
	for _, t := range l.Tools {
		fmt.Fprintf(h, "%q %q %s\n", t.Name, t.Description, t.Parameters)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// Tool finds a tool by its name; nil when there is none.
func (l Listing) Tool(name string) *tool.Tool {
	for _, t := range l.Tools {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// list asks for all pages. What is too much is left out with the reason.
func (c *Session) list(ctx context.Context) (Listing, error) {
	const during = "tools/list"
	if err := c.failure(); err != nil {
		return Listing{}, c.wrap(during, err)
	}
	l := Listing{Server: c.info}
	limits := c.server.Limits
	var kept []json.RawMessage
	skip := func(name, format string, args ...any) {
		l.Skipped = append(l.Skipped, tool.Skipped{Server: c.server.Name, Tool: name, Reason: fmt.Sprintf(format, args...)})
	}
	seen := map[string]bool{}
	cursor := ""
	for page := 0; ; page++ {
		raw, err := c.ask(ctx, during, limits.List, func(ctx context.Context) error {
			_, err := c.client.ListTools(ctx, &sdk.ListToolsParams{Cursor: cursor})
			return err
		})
		if err != nil {
			var ours *Error
			if !errors.As(err, &ours) && ctx.Err() == nil {
				err = c.wrap(during, err) // the server refused
			}
			return Listing{}, err
		}
		var result struct {
			Tools      []json.RawMessage `json:"tools"`
			NextCursor string            `json:"nextCursor"`
		}
		if err := json.Unmarshal(raw, &result); err != nil {
			return Listing{}, c.wrap(during, c.fail(fmt.Errorf("%w: %w", ErrGarbage, err)))
		}
		for i, t := range result.Tools {
			if len(kept) == limits.Tools {
				skip("", "it lists more than %d tools; %d of this page and what follows are left out", limits.Tools, len(result.Tools)-i)
				result.NextCursor = ""
				break
			}
			if name, reason := tooLarge(t, limits); reason != "" {
				skip(name, "%s", reason)
				continue
			}
			kept = append(kept, t)
		}
		seen[cursor] = true
		cursor = result.NextCursor
		switch {
		case cursor == "":
			l.Dump = c.dump(kept)
			return l, nil
		case seen[cursor]:
			skip("", "its list goes round in circles: the page %.40q comes again", cursor)
		case page+1 == maxPages:
			skip("", "it has more than %d pages of tools; the others are left out", maxPages)
		default:
			continue
		}
		l.Dump = c.dump(kept)
		return l, nil
	}
}

// tooLarge says why a tool is not imported; tool.Import judges everything but the size.
func tooLarge(raw json.RawMessage, l Limits) (name, reason string) {
	var t struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Schema      json.RawMessage `json:"inputSchema"`
	}
	if json.Unmarshal(raw, &t) != nil {
		return "", ""
	}
	switch {
	case len(t.Description) > l.Description:
		return t.Name, fmt.Sprintf("its description has %d bytes, more than %d", len(t.Description), l.Description)
	case len(t.Schema) > l.Schema:
		return t.Name, fmt.Sprintf("its schema has %d bytes, more than %d", len(t.Schema), l.Schema)
	}
	return "", ""
}

func (c *Session) dump(tools []json.RawMessage) json.RawMessage {
	name, _ := json.Marshal(c.server.Name) // strings cannot fail
	version, _ := json.Marshal(c.info.Version)
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"serverInfo\":{\"name\":%s,\"version\":%s},\"tools\":[", name, version)
	for i, t := range tools {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
		b.Write(t)
	}
	b.WriteString("\n]}\n")
	return b.Bytes()
}
