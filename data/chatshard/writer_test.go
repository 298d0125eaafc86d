package chatshard

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWriter(t *testing.T) {
	dialogues := randomDialogues(50, 100, 5)
	dir := t.TempDir()
	w, err := Create(dir, testConfig, 500)
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range dialogues {
		if i == 20 {
			bad := d
			bad.IDs = append([]int32{-1}, d.IDs...)
			bad.Turns = append([]Turn{Text}, d.Turns...)
			if w.Add(bad) == nil {
				t.Fatal("a negative id is taken")
			}
		}
		if err := w.Add(d); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrNoManifest) {
		t.Errorf("an unfinished folder opens: %v", err)
	}
	m, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if diff := cmp.Diff(m, r.Manifest()); diff != "" {
		t.Error(diff)
	}
	for _, f := range m.Files {
		if f.Tokens > 500 && f.Dialogues > 1 {
			t.Errorf("%+v is larger than 500 tokens", f)
		}
	}
	if len(m.Files) < 4 || r.Len() != len(dialogues) {
		t.Fatalf("%d files, %d dialogues", len(m.Files), r.Len())
	}
	for i, want := range dialogues {
		got, err := r.Read(i)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	}
	if _, err := Create(dir, testConfig, 0); !errors.Is(err, os.ErrExist) {
		t.Errorf("a finished folder is written again: %v", err)
	}
}

func TestWriterRefuses(t *testing.T) {
	for _, c := range []struct {
		cfg    Config
		tokens int64
	}{{Config{}, 0}, {Config{VocabSize: -1}, 0}, {testConfig, -1}} {
		if _, err := Create(t.TempDir(), c.cfg, c.tokens); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
	w, err := Create(filepath.Join(t.TempDir(), "missing"), testConfig, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Finish(); err == nil {
		t.Error("a manifest in a folder that is not there")
	}
}

func TestEmptyFolder(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(dir, testConfig, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir, Options{})
	if err != nil || r.Len() != 0 {
		t.Fatalf("%v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestFingerprint(t *testing.T) {
	base := Manifest{Version: FormatVersion, Config: testConfig, Files: []Info{{File: "a", Bytes: 5, XXH3: "1"}}}
	moved := base
	moved.Files = []Info{{File: "b", Bytes: 5, XXH3: "1"}}
	if base.Fingerprint() != moved.Fingerprint() {
		t.Error("the fingerprint depends on a file's name")
	}
	for name, change := range map[string]func(*Manifest){
		"tokenizer":  func(m *Manifest) { m.Tokenizer = "x" },
		"format":     func(m *Manifest) { m.Config.Format = "hermes" },
		"vocabulary": func(m *Manifest) { m.VocabSize++ },
		"checksum":   func(m *Manifest) { m.Files = []Info{{File: "a", Bytes: 5, XXH3: "2"}} },
		"files":      func(m *Manifest) { m.Files = append(m.Files[:1:1], m.Files[0]) },
	} {
		m := base
		change(&m)
		if m.Fingerprint() == base.Fingerprint() {
			t.Errorf("another %s has the same fingerprint", name)
		}
	}
}

func TestTurnNames(t *testing.T) {
	var got []string
	for turn := range turns + 1 {
		got = append(got, turn.String())
	}
	if diff := cmp.Diff([]string{"context", "text", "call", "answer", "turn 4"}, got); diff != "" {
		t.Error(diff)
	}
}
