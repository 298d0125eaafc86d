package chat

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muonclip/data/token"
)

var update = flag.Bool("update", false, "write the golden files anew")

// dataDir holds real inputs for tests; it is not part of the repository.
const dataDir = "../../../shared/data"

// k2Template is the chat template that every exported model carries.
const k2Template = "../../model/hf/chat_template.jinja"

var formats = []Format{K2{}, Hermes{}}

// templates are the chat templates of the formats.
var templates = map[string]string{"kimi-k2": k2Template, "hermes": "testdata/hermes.jinja"}

// testDialogues reads the dialogues that most tests use; their ids are their names.
func testDialogues(t testing.TB) []Dialogue {
	t.Helper()
	f, err := os.Open("testdata/dialogues.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []Dialogue
	for d, err := range ReadJSONL(f) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	if len(all) < 15 {
		t.Fatalf("only %d dialogues", len(all))
	}
	return all
}

// tokenizer is a small one that has all special tokens of both formats, or, with plain marks, not those of calls in Hermes.
func tokenizer(t testing.TB, plainMarks bool) *token.Tokenizer {
	t.Helper()
	specials := append(token.K2Specials(), token.Special{Text: imStart})
	if !plainMarks {
		for _, s := range []string{toolCallOpen, toolCallClose, responseOpen, responseClose} {
			specials = append(specials, token.Special{Text: s, Keep: true})
		}
	}
	var text strings.Builder
	for _, d := range testDialogues(t) {
		for _, f := range formats {
			for _, s := range f.Render(d, RenderOptions{}) {
				text.WriteString(s.Text)
			}
		}
	}
	docs := func(yield func([]byte, error) bool) { yield([]byte(text.String()), nil) }
	tok, err := token.Train(t.Context(), token.TrainOptions{VocabSize: 700, Specials: specials}, docs)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// golden compares got with a file, or writes it with -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs:\ngot  %q\nwant %q", path, got, want)
	}
}

// trainedText is the text of the trained segments, in runs: one for each turn that an assistant wrote.
func trainedText(segments []Segment) []string {
	var runs []string
	inside := false
	for _, s := range segments {
		if s.Trained && !inside {
			runs = append(runs, "")
		}
		if inside = s.Trained; inside {
			runs[len(runs)-1] += s.Text
		}
	}
	return runs
}

// merged joins neighbouring events that carry pieces of one text, so that how the input was cut does not show.
func merged(events []Event) []Event {
	var out []Event
	for _, e := range events {
		if n := len(out); n > 0 && (e.Kind == EventContent || e.Kind == EventArguments) && out[n-1].Kind == e.Kind && out[n-1].Index == e.Index {
			out[n-1].Text += e.Text
			continue
		}
		out = append(out, e)
	}
	return slices.Clip(out)
}
