package synth

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/chat"
	"muonclip/synth/dataset"
)

// made is a small data set and its sampler.
func made(t *testing.T, n int) (string, fake) {
	t.Helper()
	o, s := options(t, n), fake{seed: 21, every: 12}
	o.Tokenizer = nil
	generate(t, s, o)
	return o.Dir, s
}

func rowsOf(t *testing.T, dir string) []*dataset.Row {
	t.Helper()
	set, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []*dataset.Row
	for r, err := range set.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// TestExportOpenAI and ShareGPT read back what was exported.
func TestExportComesBack(t *testing.T) {
	dir, _ := made(t, 120)
	rows := rowsOf(t, dir)
	for _, format := range []string{"openai", "sharegpt"} {
		path := filepath.Join(t.TempDir(), "out.jsonl")
		out, err := Export(t.Context(), dir, format, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		read := chat.ReadJSONL(f)
		if format == "sharegpt" {
			read = chat.ReadShareGPT(f)
		}
		want := rows
		n := 0
		for d, err := range read {
			if err != nil {
				t.Fatal(err)
			}
			for format == "sharegpt" && hasNoLoss(want[0].Dialogue) { // has no place for it
				want = want[1:]
			}
			expect := want[0].Dialogue
			expect.ID, d.ID = "", ""
			if format == "openai" {
				if diff := cmp.Diff(expect, d); diff != "" {
					t.Fatal(diff)
				}
			} else if len(d.Messages) != len(expect.Messages) || d.Calls() != expect.Calls() || len(d.Tools) != len(expect.Tools) {
				t.Fatalf("%d messages and %d calls, want %d and %d", len(d.Messages), d.Calls(), len(expect.Messages), expect.Calls())
			}
			want = want[1:]
			n++
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if n != out.Dialogues || n+out.Lost != 120 || format == "sharegpt" && out.Lost == 0 {
			t.Errorf("%s: %d lines, %+v", format, n, out)
		}
	}
}

func hasNoLoss(d chat.Dialogue) bool {
	for _, m := range d.Messages {
		if m.NoLoss {
			return true
		}
	}
	return false
}

// TestExportRendered checks that the spans of the rendered formats hold what the assistant wrote.
func TestExportRendered(t *testing.T) {
	dir, _ := made(t, 60)
	rows := rowsOf(t, dir)
	for _, format := range []string{"kimi-k2", "hermes"} {
		var b bytes.Buffer
		if _, err := Export(t.Context(), dir, format, "", &b); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(b.String()), "\n")
		if len(lines) != 60 {
			t.Fatalf("%d lines", len(lines))
		}
		f, err := chat.ByName(format)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range lines {
			var got struct {
				Text    string   `json:"text"`
				Trained [][2]int `json:"trained"`
			}
			if err := json.Unmarshal([]byte(line), &got); err != nil {
				t.Fatal(err)
			}
			if want := chat.RenderText(f, rows[i].Dialogue, chat.RenderOptions{}); got.Text != want {
				t.Fatalf("%s: got %.300q, want %.300q", format, got.Text, want)
			}
			runes, trained := []rune(got.Text), ""
			for _, span := range got.Trained {
				trained += string(runes[span[0]:span[1]])
			}
			for _, m := range rows[i].Dialogue.Messages {
				if m.Content != "" && strings.Contains(trained, m.Content) != (m.Role == chat.RoleAssistant && !m.NoLoss) {
					t.Errorf("%s: %s %q is in the wrong part", format, m.Role, m.Content)
				}
			}
		}
	}
	var b bytes.Buffer
	if out, err := Export(t.Context(), dir, "ms-swift", "", &b); err != nil || out.Dialogues != 60 {
		t.Errorf("ms-swift: %+v, %v", out, err)
	}
	if _, err := Export(t.Context(), dir, "alpaca", "", &b); err == nil {
		t.Error("an unknown format is exported")
	}
}

// TestMeasure counts a data set anew and compares with what the manifest says.
func TestMeasure(t *testing.T) {
	dir, _ := made(t, 130)
	set, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Measure(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(set.Manifest.Stats, m.Stats); diff != "" {
		t.Error(diff)
	}
	if n := m.NearDuplicates[0]; n.Threshold != DefaultNearDuplicate || n.Rows != 0 {
		t.Errorf("%d near-duplicates at %v are left", n.Rows, n.Threshold)
	}
	path := filepath.Join(t.TempDir(), "out.jsonl")
	if _, err := Export(t.Context(), dir, "openai", path, nil); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(first), "\n")
	if _, err := f.WriteString("{broken\n" + line + "\n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	got, bad, err := MeasureFile(t.Context(), path, false)
	if err != nil {
		t.Fatal(err)
	}
	if bad != 1 || got.Stats.Rows != 131 || got.NearDuplicates[0].Rows != 1 || got.Stats.Variety.ToolSets != m.Stats.Variety.ToolSets {
		t.Errorf("%d bad lines, %d rows, near-duplicates %+v", bad, got.Stats.Rows, got.NearDuplicates)
	}
	var b bytes.Buffer
	if err := PrintManifest(&b, set.Manifest); err != nil {
		t.Fatal(err)
	}
	if err := got.Print(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"130 dialogues of", "refused rubric", "Toucan-1.5M", "near-duplicates of an earlier row (at 0.80)"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not printed:\n%s", want, b.String())
		}
	}
}

type prover func(*dataset.Row) []string

func (p prover) Prove(_ context.Context, r *dataset.Row) ([]string, error) { return p(r), nil }

func TestReplay(t *testing.T) {
	dir, s := made(t, 110)
	clean, err := Replay(t.Context(), dir, prover(func(*dataset.Row) []string { return nil }), s, 3, nil)
	if err != nil || clean.Rows != 110 || clean.Proved != 110 {
		t.Errorf("%+v, %v", clean, err)
	}
	found, err := Replay(t.Context(), dir, prover(func(r *dataset.Row) []string {
		switch {
		case r.Index == 20:
			panic("a broken world")
		case r.Index%10 == 1:
			return []string{"another state"}
		}
		return nil
	}), nil, 3, nil)
	if err != nil || found.Proved != 97 || len(found.Failed) != 13 || !strings.Contains(found.Failed[2].Problems[0]+found.Failed[1].Problems[0], "panicked") {
		t.Errorf("%+v, %v", found, err)
	}
	other := s
	other.seed = 22
	if r, err := Replay(t.Context(), dir, nil, other, 3, nil); err != nil || r.Proved != 0 || len(r.Failed) != maxFailures {
		t.Errorf("with another seed: %+v, %v", r, err)
	}
}

func TestInspect(t *testing.T) {
	dir, _ := made(t, 60)
	row, err := At(dir, 7)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{row.Dialogue.ID, row.Key} {
		if same, err := Find(dir, name); err != nil || same.Key != row.Key {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Find(dir, "nothing"); err == nil {
		t.Error("what is not there is found")
	}
	if _, err := At(dir, 60); err == nil {
		t.Error("a position beyond the end is there")
	}
	row.Dialogue.Messages[1].Content = "\x1b[2Jgone \u202e"
	row.Record.Calls = append(row.Record.Calls[:0], dataset.CallRecord{ID: row.Dialogue.Messages[3].ToolCallID, Fault: "timeout", Changes: []dataset.Change{{Kind: "changed", Entity: "guest", ID: "G-1", Field: "tier", Before: json.RawMessage(`"a"`), After: json.RawMessage(`"b"`)}}})
	var b bytes.Buffer
	if err := PrintRow(&b, row); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"USER: <U+001B>[2Jgone <U+202E>", "fault: timeout", `changed guest G-1: tier "a" -> "b"`, "ok   goal_state", "The refund is told."} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not printed:\n%s", want, b.String())
		}
	}
}
