package critic

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLoadRubrics(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("a.yaml", "- name: brevity\n  text: It is short.\n- name: tone\n  text: It is warm.\n  weight: 2\n")
	got, err := LoadRubrics(good, write("b.yaml", "- {name: facts, text: It is true.}"))
	want := []Rubric{{Name: "brevity", Text: "It is short."}, {Name: "tone", Text: "It is warm.", Weight: 2}, {Name: "facts", Text: "It is true."}}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := LoadRubrics(good, good); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("the same file twice: %v", err)
	}
	if _, err := LoadRubrics(filepath.Join(dir, "none.yaml")); err == nil {
		t.Error("a missing file was read")
	}
}

func TestParseRubricsRefuses(t *testing.T) {
	for text, part := range map[string]string{
		"":                                                "empty",
		"- {name: Tone, text: x}":                         "name",
		"- {name: tone}":                                  "text",
		"- {name: tone, text: x, weight: -1}":             "weight",
		"- {name: tone, text: x, weight: .nan}":           "weight",
		"- {name: tone, text: x, wieght: 1}":              "wieght",
		"- {name: no_initial_praise, text: x}":            "twice",
		"- {name: a, text: x}\n- {name: a, text: y}":      "twice",
		"- {name: a, text: x}\n---\n- {name: b, text: y}": "more than one",
		"name: a": "cannot",
		"[":       "",
	} {
		if _, err := ParseRubrics([]byte(text)); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q: %v, want %q", text, err, part)
		}
	}
}

func TestBuiltInRubrics(t *testing.T) {
	if err := distinct(nil); err != nil {
		t.Error(err)
	}
	if len(Core()) != 3 || len(Prescriptive()) != 2 {
		t.Errorf("%d core and %d prescriptive rubrics, want 3 and 2", len(Core()), len(Prescriptive()))
	}
	for _, r := range Prescriptive() {
		if r.Detect == nil {
			t.Errorf("%s has no detector", r.Name)
		}
	}
}

func FuzzParseRubrics(f *testing.F) {
	f.Add([]byte("- name: brevity\n  text: It is short.\n  weight: 2\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rubrics, err := ParseRubrics(data)
		if err != nil {
			return
		}
		for _, r := range rubrics {
			if !rubricName.MatchString(r.Name) || r.Text == "" || !(r.Weight >= 0) {
				t.Fatalf("%+v was taken", r)
			}
		}
	})
}
