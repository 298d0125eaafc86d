package live

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muonclip/data/chat"
	"muonclip/internal/nodetest"
	"muonclip/synth"
	"muonclip/synth/dataset"
	"muonclip/synth/mcp"
)

// servers installs the servers of the Model Context Protocol project and says how they are started.
func servers(t *testing.T) []mcp.Server {
	t.Helper()
	const scope, version = "@modelcontextprotocol/server-", "@2026.8.31"
	var packages []string
	for _, name := range []string{"filesystem", "memory", "everything", "sequential-thinking"} {
		packages = append(packages, scope+name+version)
	}
	dir := nodetest.Install(t, packages...)
	var out []mcp.Server
	for _, name := range []string{"filesystem", "memory", "everything", "sequential-thinking"} {
		s := mcp.Server{Name: name, Command: []string{"node", nodetest.Bin(t, dir, scope+name)}}
		if name == "filesystem" {
			s.Command = append(s.Command, mcp.ScratchVar)
		}
		out = append(out, s)
	}
	return out
}

// TestDialogues makes dialogues on the real servers and proves them again, plants defects, and makes a whole data set.
func TestDialogues(t *testing.T) {
	list := servers(t)
	scratch := t.TempDir()
	s, err := New(t.Context(), Config{Servers: list, Seed: 7, Sessions: 2, Scratch: scratch})
	if err != nil {
		t.Fatal(err)
	}
	// One dialogue of each program, at the first index that has it.
	seen := map[string]bool{}
	caught, planted := map[string]int{}, map[string]int{}
	for i := int64(0); len(seen) < len(filePrograms)+len(memoryPrograms)+len(basicPrograms); i++ {
		program := s.prepare(uint64(i)).program.name
		if seen[program] {
			continue
		}
		seen[program] = true
		row, refusal, err := s.Dialogue(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		if refusal != nil {
			t.Errorf("%d %s: %s: %s", i, program, refusal.Reason, refusal.Detail)
			continue
		}
		row.Index, row.Dialogue.ID = i, dataset.RowID(row.Key)
		if err := row.Validate(); err != nil {
			t.Error(err)
		}
		if problems, err := s.Prove(t.Context(), row); err != nil || len(problems) > 0 {
			t.Errorf("%d %s: %v %v", i, program, problems, err)
		}
		for name, plant := range defects {
			bad := *row
			bad.Dialogue = row.Dialogue.Clone()
			if !plant(&bad.Dialogue) {
				continue
			}
			problems, err := s.Prove(t.Context(), &bad)
			if err != nil {
				t.Fatal(err)
			}
			planted[name]++
			if len(problems) > 0 {
				caught[name]++
			} else {
				t.Errorf("%s: the defect %s is not seen:\n%s", program, name, chat.RenderText(chat.K2{}, bad.Dialogue, chat.RenderOptions{}))
			}
		}
	}
	t.Logf("%d programs; defects planted %v, caught %v", len(seen), planted, caught)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	sets := map[int][]byte{}
	for _, workers := range []int{1, 3} {
		s, err := New(t.Context(), Config{Servers: list, Seed: 3, Sessions: workers})
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "set")
		res, err := synth.Generate(t.Context(), s, synth.Options{Dir: dir, N: 20, Seed: 3, Workers: workers, PartRows: 10})
		if err != nil {
			t.Fatal(err)
		}
		report, err := synth.Replay(t.Context(), dir, s, s, workers, nil)
		if err != nil || report.Proved != 20 {
			t.Errorf("replay: %+v %v", report, err)
		}
		t.Logf("%d dialogues of %d candidates", res.Manifest.Rows, res.Manifest.Candidates)
		for _, name := range []string{"train-00000.jsonl", "train-00001.jsonl"} {
			data, err := os.ReadFile(filepath.Join(dir, "dialogues", name))
			if err != nil {
				t.Fatal(err)
			}
			sets[workers] = append(sets[workers], data...)
		}
		s.Close()
	}
	if string(sets[1]) != string(sets[3]) {
		t.Error("the data set depends on the number of workers")
	}
}

// defects are planted into dialogues; each reports whether there was room for it.
var defects = map[string]func(*chat.Dialogue) bool{
	"result changed": func(d *chat.Dialogue) bool {
		for i := range d.Messages {
			if m := &d.Messages[i]; m.Role == chat.RoleTool {
				m.Content += " (approximately)"
				return true
			}
		}
		return false
	},
	"argument invented": func(d *chat.Dialogue) bool {
		return changeArguments(d, func(args string) string { return strings.Replace(args, `": "`, `": "zzz-`, 1) })
	},
	"schema broken": func(d *chat.Dialogue) bool {
		return changeArguments(d, func(args string) string {
			_, rest, _ := strings.Cut(args, `"`)
			return `{"x` + rest
		})
	},
	"answer withheld": func(d *chat.Dialogue) bool {
		for i := range d.Messages {
			if m := &d.Messages[i]; m.Role == chat.RoleAssistant && m.Content != "" {
				m.Content = "Let me see what I can do about that."
			}
		}
		return lastCallReads(*d)
	},
	"work not done": func(d *chat.Dialogue) bool {
		for i := range d.Messages {
			if len(d.Messages[i].ToolCalls) > 0 {
				d.Messages = d.Messages[:i]
				return true
			}
		}
		return false
	},
	"called twice": func(d *chat.Dialogue) bool {
		for i, m := range d.Messages {
			if len(m.ToolCalls) == 1 && m.ToolCalls[0].Name == "move_file" {
				again := append([]chat.Message{}, d.Messages[:i+2]...)
				d.Messages = append(append(again, m, d.Messages[i+1]), d.Messages[i+2:]...)
				return true
			}
		}
		return false
	},
}

// lastCallReads reports whether the dialogue is about an answer and not about a change.
func lastCallReads(d chat.Dialogue) bool {
	for _, m := range d.Messages {
		for _, c := range m.ToolCalls {
			if !strings.HasPrefix(c.Name, "read") && !strings.HasPrefix(c.Name, "search") && !strings.HasPrefix(c.Name, "get-") {
				return false
			}
		}
	}
	return true
}

func changeArguments(d *chat.Dialogue, change func(string) string) bool {
	for i := range d.Messages {
		if calls := d.Messages[i].ToolCalls; len(calls) > 0 {
			is := change(string(calls[0].Arguments))
			if is == string(calls[0].Arguments) || !json.Valid([]byte(is)) {
				return false
			}
			calls[0].Arguments = json.RawMessage(is)
			return true
		}
	}
	return false
}

// TestCheckServers holds that no dialogue is played in a folder that is not a scratch folder.
func TestCheckServers(t *testing.T) {
	files, memory := families[0], families[1]
	for _, c := range []struct {
		family *family
		server mcp.Server
		ok     bool
	}{
		{files, mcp.Server{Name: "f", Command: []string{"npx", "-y", "server-filesystem", mcp.ScratchVar}}, true},
		{files, mcp.Server{Name: "f", Command: []string{"npx", "-y", "server-filesystem", "/"}}, false},
		{files, mcp.Server{Name: "f", Command: []string{"npx", "-y", "server-filesystem", mcp.ScratchVar, "/"}}, false},
		{files, mcp.Server{Name: "f", URL: "http://localhost/mcp"}, false},
		{memory, mcp.Server{Name: "m", Command: []string{"npx", "server-memory"}}, true},
		{memory, mcp.Server{Name: "m", Command: []string{"npx", "server-memory"}, Env: map[string]string{"MEMORY_FILE_PATH": "/data/memory.json"}}, false},
		{memory, mcp.Server{Name: "m", URL: "http://localhost/mcp"}, false},
	} {
		if err := c.family.check(c.server); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.server, err)
		}
	}
	if _, err := New(context.Background(), Config{}); err == nil {
		t.Error("a sampler without servers")
	}
}
