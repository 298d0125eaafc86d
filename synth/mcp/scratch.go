package mcp

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The paths by which dialogues know the folders of a server, wherever they really are. Arguments are translated to
// the real folders and results back, so that an episode reads the same in every scratch folder.
const (
	WorkPath = "/workspace"
	homePath = "/home/user"
	tempPath = "/tmp"
)

// scratch is the folder that belongs to one session: work for the server's files, home and tmp for its process. All
// scratch folders below one root have paths of equal length, so that sizes do not tell them apart.
type scratch struct {
	base string
}

// newScratch makes a folder below root; "" means the system's folder for temporary files.
func newScratch(root string) (*scratch, error) {
	if root == "" {
		root = os.TempDir()
	}
	root, err := filepath.Abs(root)
	if err == nil {
		root, err = filepath.EvalSymlinks(root) // servers report the real path
	}
	if err != nil {
		return nil, fmt.Errorf("mcp: scratch folder: %w", err)
	}
	for _, c := range []byte(root) {
		if c <= ' ' || c == '"' || c == '\\' || c >= 0x7f {
			return nil, fmt.Errorf("mcp: scratch folder: %q is not a plain ASCII path without spaces; set TMPDIR to another folder", root)
		}
	}
	var name [8]byte
	rand.Read(name[:]) // never fails
	s := &scratch{filepath.Join(root, "muonclip-mcp-"+hex.EncodeToString(name[:]))}
	for _, dir := range []string{s.base, s.work(), s.home(), s.temp()} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			_ = s.remove() // why it could not be made says more
			return nil, fmt.Errorf("mcp: scratch folder: %w", err)
		}
	}
	return s, nil
}

func (s *scratch) work() string { return filepath.Join(s.base, "work") }
func (s *scratch) home() string { return filepath.Join(s.base, "home") }
func (s *scratch) temp() string { return filepath.Join(s.base, "tmp") }

func (s *scratch) remove() error {
	allowRemoval(s.base)
	return os.RemoveAll(s.base)
}

// empty removes what an episode left in the folder of work and in the temporary one.
func (s *scratch) empty() error {
	for _, dir := range []string{s.work(), s.temp()} {
		allowRemoval(dir)
		list, err := os.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("mcp: scratch folder: %w", err)
		}
		for _, e := range list {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return fmt.Errorf("mcp: scratch folder: %w", err)
			}
		}
	}
	return nil
}

// allowRemoval gives folders back the permissions without which they cannot be emptied.
func allowRemoval(dir string) {
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700) // what stays forbidden, the removal reports
		}
		return nil
	})
}

// fill puts the folder's path in the place of ScratchVar.
func (s *scratch) fill(text string) string { return strings.ReplaceAll(text, ScratchVar, s.work()) }

// pairs are the real folders and the names that dialogues have for them.
func (s *scratch) pairs() [][2]string {
	return [][2]string{{s.work(), WorkPath}, {s.home(), homePath}, {s.temp(), tempPath}}
}

// outward translates real paths in a result. The paths are unique and need no escapes in JSON.
func (s *scratch) outward(text []byte) []byte {
	for _, p := range s.pairs() {
		text = bytes.ReplaceAll(text, []byte(p[0]), []byte(p[1]))
	}
	text = bytes.ReplaceAll(text, []byte(s.base+"/"), []byte("/")) // whoever goes up from the folder meets a root
	return bytes.ReplaceAll(text, []byte(s.base), []byte("/"))
}

// inward translates WorkPath in the strings of arguments. Only whole path elements count: neither /workspaces nor
// /home/workspace is the folder.
func (s *scratch) inward(args json.RawMessage) json.RawMessage {
	if !bytes.Contains(args, []byte(WorkPath)) && !bytes.Contains(args, []byte(`\/workspace`)) {
		return args
	}
	dec := json.NewDecoder(bytes.NewReader(args))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return args
	}
	out, err := json.Marshal(s.inwardValue(v))
	if err != nil {
		return args
	}
	return out
}

func (s *scratch) inwardValue(v any) any {
	switch v := v.(type) {
	case string:
		return s.inwardText(v)
	case []any:
		for i := range v {
			v[i] = s.inwardValue(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = s.inwardValue(v[k])
		}
	}
	return v
}

func (s *scratch) inwardText(text string) string {
	var b strings.Builder
	for from := 0; ; {
		i := strings.Index(text[from:], WorkPath)
		if i < 0 {
			b.WriteString(text[from:])
			return b.String()
		}
		i += from
		end := i + len(WorkPath)
		b.WriteString(text[from:i])
		begins := i == 0 || !inPath(text[i-1]) || strings.HasSuffix(text[:i], "file://")
		if begins && (end == len(text) || text[end] == '/' || !inPath(text[end])) {
			b.WriteString(s.work())
		} else {
			b.WriteString(WorkPath)
		}
		from = end
	}
}

// inPath reports whether a byte goes on with a path.
func inPath(c byte) bool {
	return c == '/' || c == '-' || c == '_' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
