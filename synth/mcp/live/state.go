package live

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"muonclip/synth/dataset"
)

// state is what a server keeps: files by their paths below the folder of work, folders ending in "/" with no content; or
// entities and relations of a memory, see graph.
type state map[string]string

// maxStateBytes bounds what is read of a folder.
const maxStateBytes = 4 << 20

// hash is 16 hex digits of the state.
func (s state) hash() string {
	h := xxh3.New()
	for _, k := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintf(h, "%q %q\n", k, s[k])
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// difference names what is another in b; "" when nothing is.
func (s state) difference(b state) string {
	for _, k := range slices.Sorted(maps.Keys(s)) {
		if v, ok := b[k]; !ok {
			return k + " is missing"
		} else if v != s[k] {
			return fmt.Sprintf("%s is %.200q, want %.200q", k, v, s[k])
		}
	}
	for _, k := range slices.Sorted(maps.Keys(b)) {
		if _, ok := s[k]; !ok {
			return k + " should not be there"
		}
	}
	return ""
}

// changes lists the differences as a record has them.
func changes(entity string, before, after state) []dataset.Change {
	var out []dataset.Change
	text := func(s string) json.RawMessage {
		raw, _ := json.Marshal(s) // cannot fail
		return raw
	}
	keys := slices.Collect(maps.Keys(before))
	for k := range after {
		if _, ok := before[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		was, had := before[k]
		is, has := after[k]
		switch {
		case had && has && was != is:
			out = append(out, dataset.Change{Kind: "changed", Entity: entity, ID: k, Field: "content", Before: text(was), After: text(is)})
		case !had:
			out = append(out, dataset.Change{Kind: "created", Entity: entity, ID: k, After: text(is)})
		case !has:
			out = append(out, dataset.Change{Kind: "removed", Entity: entity, ID: k, Before: text(was)})
		}
	}
	return out
}

// readFiles reads a folder of files.
func readFiles(root *os.Root) (state, error) {
	out := state{}
	size := 0
	err := fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if d.IsDir() {
			out[name+"/"] = ""
			return nil
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%s is neither a file nor a folder", name)
		}
		data, err := root.ReadFile(name)
		if err != nil {
			return err
		}
		if size += len(data); size > maxStateBytes {
			return fmt.Errorf("more than %d bytes", maxStateBytes)
		}
		out[name] = string(data)
		return nil
	})
	return out, err
}

// writeFiles makes a folder hold the files of a state.
func writeFiles(root *os.Root, s state) error {
	for _, name := range slices.Sorted(maps.Keys(s)) {
		dir, isDir := strings.CutSuffix(name, "/")
		if !isDir {
			dir = path.Dir(name)
		}
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if isDir {
			continue
		}
		if err := root.WriteFile(name, []byte(s[name]), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// memoryFile is where server-memory keeps its graph: one entity or relation a line.
const memoryFile = "memory.jsonl"

// memoryLine is a line of it.
type memoryLine struct {
	Type         string   `json:"type"`
	Name         string   `json:"name,omitempty"`
	EntityType   string   `json:"entityType,omitempty"`
	Observations []string `json:"observations,omitempty"`
	From         string   `json:"from,omitempty"`
	To           string   `json:"to,omitempty"`
	RelationType string   `json:"relationType,omitempty"`
}

// readGraph reads the memory into a state: "entity NAME" has the type and the observations as JSON, "FROM -RELATION-> TO" nothing.
func readGraph(root *os.Root) (state, error) {
	f, err := root.Open(memoryFile)
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out := state{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxStateBytes)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var l memoryLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("%s: %w", memoryFile, err)
		}
		if l.Type == "entity" {
			out.entity(l.Name, l.EntityType, l.Observations...)
		} else {
			out.relation(l.From, l.RelationType, l.To)
		}
	}
	return out, lines.Err()
}

// writeGraph writes what readGraph reads, in the order of the keys.
func writeGraph(root *os.Root, s state) error {
	var b strings.Builder
	for _, relations := range []bool{false, true} {
		for _, k := range slices.Sorted(maps.Keys(s)) {
			name, isEntity := strings.CutPrefix(k, entityPrefix)
			if isEntity == relations {
				continue
			}
			l := memoryLine{Type: "relation"}
			if isEntity {
				e := s.read(name)
				// The server wants the list of observations even where it is empty.
				line, _ := json.Marshal(map[string]any{"type": "entity", "name": name, "entityType": e.Type, "observations": e.Observations})
				b.Write(line)
			} else {
				l.From, l.RelationType, l.To = cutRelation(k)
				line, _ := json.Marshal(l)
				b.Write(line)
			}
			b.WriteByte('\n')
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return root.WriteFile(memoryFile, []byte(b.String()), 0o644)
}

const entityPrefix = "entity "

// node is an entity of a memory.
type node struct {
	Type         string   `json:"type"`
	Observations []string `json:"observations"`
}

func (s state) entity(name, kind string, observations ...string) {
	if observations == nil {
		observations = []string{}
	}
	v, _ := json.Marshal(node{kind, observations}) // cannot fail
	s[entityPrefix+name] = string(v)
}

func (s state) read(name string) node {
	var n node
	_ = json.Unmarshal([]byte(s[entityPrefix+name]), &n) // written by entity
	return n
}

func (s state) relation(from, kind, to string) { s[from+" -"+kind+"-> "+to] = "" }

func cutRelation(key string) (from, kind, to string) {
	from, rest, _ := strings.Cut(key, " -")
	kind, to, _ = strings.Cut(rest, "-> ")
	return from, kind, to
}
