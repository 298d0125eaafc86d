package synth

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/synth/dataset"
)

// TestSource makes real dialogues with one worker and with several, and proves all of them again from the files.
func TestSource(t *testing.T) {
	s, err := NewSource(t.Context(), SourceConfig{Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for _, workers := range []int{1, 5} {
		o := options(t, 300)
		o.PartRows, o.Workers, o.Tokenizer = 100, workers, nil
		r := generate(t, s, o)
		for reason, n := range r.Manifest.Refused {
			if reason == ReasonPanic || reason == ReasonActor || n.Count > 3 {
				t.Errorf("%d refused for %s: %q", n.Count, reason, n.Examples)
			}
		}
		dirs = append(dirs, o.Dir)
	}
	if diff := cmp.Diff(tree(t, dirs[0]), tree(t, dirs[1])); diff != "" {
		t.Error(diff)
	}
	again, err := NewSource(t.Context(), SourceConfig{Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	report, err := Replay(t.Context(), dirs[0], again, again, 0, nil)
	if err != nil || report.Proved != 300 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestProveFinds changes a stored dialogue in ways that the proof must notice.
func TestProveFinds(t *testing.T) {
	s, err := NewSource(t.Context(), SourceConfig{Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	o := options(t, 60)
	o.Tokenizer = nil
	generate(t, s, o)
	for name, change := range map[string]func(*dataset.Row) bool{
		"another state":  func(r *dataset.Row) bool { r.Record.EndHash = "00"; return true },
		"another result": func(r *dataset.Row) bool { return changeTool(r) },
		"another key":    func(r *dataset.Row) bool { r.Key = "8-1"; return true },
		"no key":         func(r *dataset.Row) bool { r.Key = "x"; return true },
		"a dropped message": func(r *dataset.Row) bool {
			r.Dialogue.Messages = r.Dialogue.Messages[:len(r.Dialogue.Messages)-1]
			for i := len(r.Dialogue.Messages) - 1; i > 0; i-- {
				if r.Dialogue.Messages[i].Role == "tool" {
					r.Dialogue.Messages = append(r.Dialogue.Messages[:i], r.Dialogue.Messages[i+1:]...)
					return true
				}
			}
			return false
		},
	} {
		for _, r := range rowsOf(t, o.Dir) {
			if problems, err := s.Prove(t.Context(), r); err != nil || len(problems) > 0 {
				t.Fatalf("%s is not proved: %q, %v", r.Key, problems, err)
			}
			if !change(r) {
				continue
			}
			if problems, err := s.Prove(t.Context(), r); err != nil || len(problems) == 0 {
				t.Errorf("%s: %s is proved (%v)", name, r.Key, err)
			}
		}
	}
}

func changeTool(r *dataset.Row) bool {
	for i, m := range r.Dialogue.Messages {
		if m.Role == "tool" {
			r.Dialogue.Messages[i].Content = m.Content + " "
			return true
		}
	}
	return false
}

func TestSourceRefusesUnknownDomain(t *testing.T) {
	if _, err := NewSource(t.Context(), SourceConfig{Domains: []string{"alchemy"}}); err == nil {
		t.Error("an unknown domain is taken")
	}
}
