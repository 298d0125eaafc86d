package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// maxConfig bounds a configuration file.
const maxConfig = 4 << 20

// entry is a server in a configuration file. state and timeout are ours, the rest is what MCP
// clients agree on.
type entry struct {
	Command  string            `json:"command"`
	Args     []string          `json:"args"`
	Env      map[string]string `json:"env"`
	Dir      string            `json:"cwd"`
	URL      string            `json:"url"`
	Headers  map[string]string `json:"headers"`
	Type     string            `json:"type"`
	Disabled bool              `json:"disabled"`
	State    State             `json:"state"`
	Timeout  float64           `json:"timeout"` // of a call, in seconds
}

// ReadConfig reads the servers of a client's configuration file:
//
//	{"mcpServers": {"files": {"command": "npx", "args": ["-y", "@modelcontextprotocol/server-filesystem", "{scratch}"], "env": {}},
//	                "docs": {"url": "https://example.org/mcp", "headers": {"Authorization": "Bearer ..."}}}}
//
// They come in the order of their names; disabled ones are left out. Two keys are ours: "state" (see State) and
// "timeout", the seconds that a call may take. "{scratch}" stands for the scratch folder. Keys that other clients have
// are ignored.
func ReadConfig(path string) ([]Server, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("mcp: config: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return nil, fmt.Errorf("mcp: config: %w", err)
	}
	servers, err := ParseConfig(data)
	if err != nil {
		return nil, fmt.Errorf("mcp: config %s: %w", path, err)
	}
	return servers, nil
}

// ParseConfig is ReadConfig for the content of a file.
func ParseConfig(data []byte) ([]Server, error) {
	if len(data) > maxConfig {
		return nil, fmt.Errorf("more than %d bytes", maxConfig)
	}
	var file struct {
		Servers map[string]entry `json:"mcpServers"`
	}
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\ufeff")), &file); err != nil {
		return nil, fmt.Errorf(`it is not {"mcpServers": {"NAME": {"command": ...}}}: %w`, err)
	}
	if len(file.Servers) == 0 {
		return nil, errors.New(`there are no servers in it: want {"mcpServers": {"NAME": {"command": ...}}}`)
	}
	var out []Server
	for _, name := range slices.Sorted(maps.Keys(file.Servers)) {
		e := file.Servers[name]
		if e.Disabled {
			continue
		}
		if e.Type == "sse" {
			return nil, fmt.Errorf("server %s: the transport sse is deprecated and not spoken here: use its streamable HTTP url", name)
		}
		if e.Timeout < 0 || e.Timeout > 24*3600 {
			return nil, fmt.Errorf("server %s: a timeout of %g seconds", name, e.Timeout)
		}
		s := Server{Name: name, Env: e.Env, Dir: e.Dir, URL: e.URL, Headers: e.Headers, State: e.State}
		s.Limits.Call = time.Duration(e.Timeout * float64(time.Second))
		if e.Command != "" {
			s.Command = append([]string{e.Command}, e.Args...)
		}
		if err := s.Validate(); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, errors.New("all servers in it are disabled")
	}
	return out, nil
}

// ParseServer reads a server from a command line such as "npx -y @modelcontextprotocol/server-memory", or from a URL.
// Words are split at spaces; 'single' and "double" quotes keep them together, and a backslash keeps the next character.
// The server's name is the last part of the package, file or host.
func ParseServer(line string) (Server, error) {
	if strings.HasPrefix(line, "http://") || strings.HasPrefix(line, "https://") {
		s := Server{URL: strings.TrimSpace(line)}
		_, rest, _ := strings.Cut(s.URL, "://")
		s.Name = strings.FieldsFunc(rest+"/server", func(r rune) bool { return r == '/' || r == '@' })[0]
		return s, s.Validate()
	}
	words, err := split(line)
	if err != nil {
		return Server{}, fmt.Errorf("mcp: command %q: %w", line, err)
	}
	if len(words) == 0 {
		return Server{}, errors.New("mcp: an empty command")
	}
	s := Server{Name: nameOf(words), Command: words}
	return s, s.Validate()
}

// nameOf finds the word of a command that tells what it is: the first after the runner that is no option.
func nameOf(words []string) string {
	name := words[0]
	for _, w := range words[1:] {
		if !strings.HasPrefix(w, "-") && w != ScratchVar {
			name = w
			break
		}
	}
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '/' || r == '\\' })
	if len(parts) == 0 {
		return "server"
	}
	last := parts[len(parts)-1]
	if version := strings.LastIndexByte(last, '@'); version > 0 {
		last = last[:version]
	}
	return last
}

func split(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	in, quote := false, rune(0)
	runes := []rune(line)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case r == '\\' && quote != '\'':
			if i++; i == len(runes) {
				return nil, errors.New("it ends with a backslash")
			}
			word.WriteRune(runes[i])
			in = true
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				word.WriteRune(r)
			}
		case r == '\'' || r == '"':
			quote, in = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if in {
				words = append(words, word.String())
				word.Reset()
			}
			in = false
		default:
			word.WriteRune(r)
			in = true
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote is not closed")
	}
	if in {
		words = append(words, word.String())
	}
	return words, nil
}
