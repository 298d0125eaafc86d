package dialogue

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/chat"
)

// shareGPT is the dialogue weather(n) in the other shape, without what has no place there.
func shareGPT(t testing.TB, n int) ([]byte, chat.Dialogue) {
	t.Helper()
	d := weather(n)
	d.Messages = d.Messages[:8]
	line, err := chat.ToShareGPT(d)
	if err != nil {
		t.Fatal(err)
	}
	return line, d
}

func TestReadFiles(t *testing.T) {
	a, b := weather(1), weather(2)
	line, c := shareGPT(t, 3)
	c.ID = ""
	text := jsonl(a, b)
	for name, data := range map[string][]byte{
		"x.jsonl":      text,
		"x.ndjson":     append([]byte("\uFEFF"), text...),
		"x.jsonl.gz":   gzipped(t, text),
		"x.jsonl.zst":  zstded(t, text),
		"x.json":       []byte(" [" + strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", ",\n") + "]\n"),
		"x.JSON":       []byte(strings.ReplaceAll(string(text), "\n", "\r\n")),
		"no newline":   text[:len(text)-1],
		"only.json.gz": gzipped(t, []byte("["+string(a.AppendJSON(nil))+","+string(b.AppendJSON(nil))+"]")),
	} {
		path := filepath.Join(write(t, map[string][]byte{name: data}), name)
		items, bad, err := collect(Source{Path: path, Kind: "k"})
		if err != nil || bad != nil {
			t.Errorf("%s: %v %v", name, bad, err)
		}
		want := []Item{{a, "k", path + ":1"}, {b, "k", path + ":2"}}
		if diff := cmp.Diff(want, items); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	path := filepath.Join(write(t, map[string][]byte{"s.jsonl": line}), "s.jsonl")
	items, bad, err := collect(Source{Path: path})
	c.ID = "s.jsonl:1"
	if diff := cmp.Diff([]Item{{c, "", path + ":1"}}, items); diff != "" || bad != nil || err != nil {
		t.Error(diff, bad, err)
	}
}

func TestReadRecords(t *testing.T) {
	const hello = `"messages": [{"role": "user", "content": "hi"}]`
	for _, c := range []struct {
		record, id, kind string
		bad              string // what the error says; empty for a dialogue
	}{
		{`{` + hello + `}`, "x.jsonl:2", "given", ""},
		{`{"id": 17, ` + hello + `}`, "17", "given", ""},
		{`{"kind": "a", ` + hello + `}`, "x.jsonl:2", "a", ""},
		{`{"kinds": ["b", "a"], ` + hello + `}`, "x.jsonl:2", "b", ""},
		{`{"kinds": [], "kind": null, ` + hello + `}`, "x.jsonl:2", "given", ""},
		{`{"messages": "[{\"role\": \"user\", \"content\": \"hi\"}]", "conversations": null}`, "x.jsonl:2", "given", ""},
		{`{"id": "q", "conversations": [{"from": "human", "value": "hi"}]}`, "q", "given", ""},
		{`{"id": 5, "conversations": [{"from": "human", "value": "hi"}]}`, "5", "given", ""},
		{`{"kind": 3, ` + hello + `}`, "", "", "kind"},
		{`{"text": "hi", "n": 1}`, "", "", `"n" "text"`},
		{`{"messages": [{"role": "robot"}]}`, "", "", "robot"},
		{`{"conversations": [{"from": "robot"}]}`, "", "", "robot"},
		{`{"messages": [`, "", "", "JSON"},
		{`17`, "", "", "number"},
		{"{\"messages\": \"\xff\"}", "", "", "UTF-8"},
	} {
		path := filepath.Join(write(t, map[string][]byte{"x.jsonl": []byte("\n" + c.record + "\n{" + hello + "}\n")}), "x.jsonl")
		items, bad, err := collect(Source{Path: path, Kind: "given"})
		if err != nil {
			t.Errorf("%s: %v", c.record, err)
			continue
		}
		if c.bad != "" {
			if len(items) != 1 || len(bad) != 1 || !strings.Contains(bad[0], c.bad) || !strings.Contains(bad[0], "x.jsonl:2:") {
				t.Errorf("%s: %d items, errors %q", c.record, len(items), bad)
			}
			continue
		}
		if len(items) != 2 || items[0].Dialogue.ID != c.id || items[0].Kind != c.kind || items[0].Dialogue.Messages[0].Content != "hi" {
			t.Errorf("%s: %+v, %v", c.record, items, bad)
		}
	}
}

func TestReadFolders(t *testing.T) {
	line := func(n int) []byte { return jsonl(weather(n)) }
	for name, c := range map[string]struct {
		files map[string][]byte
		want  []string
	}{
		"sorted, with subfolders": {
			map[string][]byte{"b.jsonl": line(1), "a/z.ndjson.gz": gzipped(t, line(2)), "a/y.jsonl": line(3), ".x/h.jsonl": line(4), ".h.jsonl": line(5), "dataset_info.json": []byte("{}"), "readme.md": nil},
			[]string{"d3", "d2", "d1"},
		},
		"a generated data set": {
			map[string][]byte{"manifest.json": []byte(`{"format": "muonclip-synth"}`), "dialogues/train-00000.jsonl": line(1), "records/records-00000.jsonl": []byte("{}\n")},
			[]string{"d1"},
		},
		"another manifest": {
			map[string][]byte{"manifest.json": []byte(`{"format": "x"}`), "dialogues/a.jsonl": line(1), "b.jsonl": line(2)},
			[]string{"d2", "d1"},
		},
	} {
		items, bad, err := collect(Source{Path: write(t, c.files)})
		var got []string
		for _, it := range items {
			got = append(got, it.Dialogue.ID)
		}
		if diff := cmp.Diff(c.want, got); diff != "" || bad != nil || err != nil {
			t.Errorf("%s: %s %v %v", name, diff, bad, err)
		}
	}
}

func TestReadErrors(t *testing.T) {
	text := jsonl(weather(1), weather(2))
	array := []byte("[" + string(weather(1).AppendJSON(nil)) + ", {\"messages\": ]")
	for name, c := range map[string]struct {
		data  []byte
		items int
	}{
		"cut.jsonl.gz":    {gzipped(t, text)[:60], 0},
		"no.jsonl.gz":     {text, 0},
		"no.jsonl.zst":    {text, 0},
		"no.parquet":      {text, 0},
		"empty.parquet":   {nil, 0},
		"array.json":      {array, 1},
		"unfinished.json": {array[:len(array)-3], 1},
	} {
		dir := write(t, map[string][]byte{name: c.data})
		items, bad, err := collect(Source{Path: filepath.Join(dir, name)})
		if err == nil || !strings.Contains(err.Error(), name) || len(items) != c.items || bad != nil {
			t.Errorf("%s: %d items, %v, %v", name, len(items), bad, err)
		}
	}
	for _, path := range []string{filepath.Join(t.TempDir(), "missing"), t.TempDir()} {
		if _, _, err := collect(Source{Path: path}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range Read(ctx, Source{Path: filepath.Join(write(t, map[string][]byte{"x.jsonl": text}), "x.jsonl")}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled reader gives %v", err)
		}
	}
}

// TestStop takes the first dialogue only.
func TestStop(t *testing.T) {
	dir := write(t, map[string][]byte{"a.jsonl": jsonl(weather(1), weather(2)), "b.jsonl": jsonl(weather(3))})
	n := 0
	for range Read(t.Context(), Source{Path: dir}) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d dialogues", n)
	}
}

// FuzzParse gives any record: no panic, and what is accepted has an id or none, and messages or none, as text.
func FuzzParse(f *testing.F) {
	line, _ := shareGPT(f, 1)
	for _, seed := range [][]byte{jsonl(weather(1)), line, []byte(`{"kind": "a", "kinds": ["b"], "messages": "[]"}`), []byte(`null`)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		if checkText(record) != nil {
			return
		}
		var it Item
		if it.parse(record) != nil {
			return
		}
		again := Item{}
		line := it.Dialogue.AppendJSON(nil)
		if err := again.parse(line); err != nil && it.Dialogue.Messages != nil {
			t.Errorf("%s: what was read cannot be read again: %v", line, err)
		}
	})
}

// FuzzReadRecords gives any file of JSON: no panic, no endless loop.
func FuzzReadRecords(f *testing.F) {
	f.Add(jsonl(weather(1), weather(2)))
	f.Add([]byte(" [{}, 1, null]"))
	f.Add([]byte("\uFEFF\n\n{}\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(write(t, map[string][]byte{"x.json": data}), "x.json")
		last := 0
		err := readJSON(t.Context(), path, func(number int, record []byte, err error) bool {
			if number <= last || len(record) == 0 {
				t.Errorf("record %d of %d bytes after %d", number, len(record), last)
			}
			last = number
			return true
		})
		if errors.Is(err, errStop) {
			t.Error("it stopped by itself")
		}
	})
}
