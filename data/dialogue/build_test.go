package dialogue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/chat"
	"muonclip/data/chatshard"
)

// given is items as a sequence.
func given(items ...Item) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for _, it := range items {
			if !yield(it, nil) {
				return
			}
		}
	}
}

func many(n int) []Item {
	var out []Item
	for i := range n {
		out = append(out, Item{weather(i), fmt.Sprint("kind-", i%3), fmt.Sprint("x:", i+1)})
	}
	return out
}

// tree is all files below dir.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBuild(t *testing.T) {
	tok := testTokenizer(t)
	items := many(200)
	o := Options{ValFraction: 0.1, Seed: 3, FileTokens: 20000, Workers: 1}
	dir := filepath.Join(t.TempDir(), "made", "chat")
	report, err := Build(t.Context(), given(items...), tok, chat.K2{}, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	var stored Report
	if err := json.Unmarshal([]byte(tree(t, dir)[ReportName]), &stored); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(report, stored); diff != "" {
		t.Error(diff)
	}
	found := map[string]string{} // split by id
	for _, split := range []string{TrainDir, ValDir} {
		r, err := chatshard.Open(filepath.Join(dir, split), chatshard.Options{Tokenizer: tok.Fingerprint(), Format: "kimi-k2"})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		m := r.Manifest()
		want := Split{m.Dialogues, m.Tokens, m.Trained, m.Fingerprint()}
		if diff := cmp.Diff(want, report.Splits[split]); diff != "" {
			t.Errorf("%s: %s", split, diff)
		}
		if split == TrainDir && len(m.Files) < 2 {
			t.Errorf("%d files, want several", len(m.Files))
		}
		last := -1
		for i := range r.Len() {
			d, err := r.Read(i)
			if err != nil {
				t.Fatal(err)
			}
			var n int
			if _, err := fmt.Sscanf(d.ID, "d%d", &n); err != nil || n <= last {
				t.Fatalf("%s after d%d: %v", d.ID, last, err)
			}
			last = n
			want, err := Encode(tok, chat.K2{}, items[n].Dialogue)
			if err != nil {
				t.Fatal(err)
			}
			want.Kind = items[n].Kind
			if diff := cmp.Diff(want, d); diff != "" {
				t.Fatal(diff)
			}
			found[d.ID] = split
		}
	}
	val := int(report.Splits[ValDir].Dialogues)
	if len(found) != 200 || val < 5 || val > 45 {
		t.Errorf("%d dialogues, %d of them held out", len(found), val)
	}
	if diff := cmp.Diff(map[string]int64{"kind-0": 67, "kind-1": 67, "kind-2": 66}, report.Kinds); diff != "" {
		t.Error(diff)
	}
	if report.Read != 200 || len(report.Dropped) != 0 || report.Turns["call"] == 0 || report.Turns["text"] == 0 || report.Turns["answer"] == 0 || report.Longest == 0 {
		t.Errorf("%+v", report)
	}

	// The same bytes with more workers; the same splits in another order and company, by content.
	again := filepath.Join(t.TempDir(), "chat")
	o.Workers = 5
	if _, err := Build(t.Context(), given(items...), tok, chat.K2{}, again, o); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree(t, dir), tree(t, again)); diff != "" {
		t.Error("other workers make other files")
	}
	some := filepath.Join(t.TempDir(), "chat")
	var reversed []Item
	for i := 199; i >= 0; i -= 2 {
		reversed = append(reversed, items[i])
	}
	if _, err := Build(t.Context(), given(reversed...), tok, chat.K2{}, some, o); err != nil {
		t.Fatal(err)
	}
	r, err := chatshard.Open(filepath.Join(some, ValDir), chatshard.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i := range r.Len() {
		if found[r.Name(i)] != ValDir {
			t.Errorf("%s is held out, it was for training", r.Name(i))
		}
	}
	if _, err := Build(t.Context(), given(items...), tok, chat.K2{}, dir, o); !errors.Is(err, fs.ErrExist) {
		t.Errorf("into a folder that is there: %v", err)
	}
}

// refuseFoo is a validator that knows one bad argument.
type refuseFoo struct{}

func (refuseFoo) ValidateArguments(_ chat.Tool, arguments json.RawMessage) error {
	if strings.Contains(string(arguments), "Foo") {
		return errors.New("Foo is no city")
	}
	return nil
}

func TestBuildLeavesOut(t *testing.T) {
	tok := testTokenizer(t)
	good, invalid, long, silent, foo, foreign := weather(1), weather(2), weather(3), weather(4), weather(5), weather(6)
	invalid.Messages = invalid.Messages[:6] // a call without its result
	invalid.Messages = append(invalid.Messages, chat.Message{Role: chat.RoleUser, Content: "?"})
	long.Messages[0].Content = strings.Repeat("long ", 1000)
	silent.Messages = silent.Messages[:2]
	foo.Messages[4].ToolCalls[0].Arguments = json.RawMessage(`{"city": "Foo"}`)
	for _, m := range []int{4, 5, 6} { // ids as other services make them; they are numbered again
		for i := range foreign.Messages[m].ToolCalls {
			foreign.Messages[m].ToolCalls[i].ID = fmt.Sprint("call_", i)
		}
		if m > 4 {
			foreign.Messages[m].ToolCallID = fmt.Sprint("call_", m-5)
		}
	}
	twin := weather(1)
	twin.ID = "twin"
	lines := append(jsonl(good, invalid, long), "{\n"...)
	lines = append(lines, jsonl(silent, twin, foo, foreign)...)
	src := Source{Path: filepath.Join(write(t, map[string][]byte{"x.jsonl": lines}), "x.jsonl")}
	dir := filepath.Join(t.TempDir(), "chat")
	report, err := Build(t.Context(), Read(t.Context(), src), tok, chat.K2{}, dir, Options{MaxTokens: 2000, Arguments: refuseFoo{}})
	if err != nil {
		t.Fatal(err)
	}
	if report.Read != 8 || report.Splits[TrainDir].Dialogues != 2 {
		t.Errorf("%+v", report)
	}
	for reason, c := range map[string]struct {
		n    int64
		says []string
	}{
		ReasonUnreadable: {1, []string{"x.jsonl:4"}},
		ReasonInvalid:    {2, []string{"x.jsonl:2", "no result"}},
		ReasonTooLong:    {1, []string{"x.jsonl:3", "at most 2000"}},
		ReasonNothing:    {1, []string{"x.jsonl:5"}},
		ReasonDuplicate:  {1, []string{"x.jsonl:6"}},
	} {
		d := report.Dropped[reason]
		if d.Count != c.n || int64(len(d.Examples)) != c.n {
			t.Errorf("%s: %+v, want %d", reason, d, c.n)
			continue
		}
		for _, s := range c.says {
			if !strings.Contains(d.Examples[0], s) {
				t.Errorf("%s: %q does not say %q", reason, d.Examples[0], s)
			}
		}
	}
	r, err := chatshard.Open(filepath.Join(dir, TrainDir), chatshard.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	d, err := r.Read(1)
	if err != nil {
		t.Fatal(err)
	}
	text, err := tok.Decode(nil, d.IDs)
	if err != nil || !strings.Contains(string(text), "functions.get_weather:1") || strings.Contains(string(text), "call_0") {
		t.Errorf("%s %v", text, err)
	}
}

func TestBuildFails(t *testing.T) {
	tok := testTokenizer(t)
	broken := errors.New("broken disk")
	breaks := func(yield func(Item, error) bool) {
		for _, it := range many(30) {
			if !yield(it, nil) {
				return
			}
		}
		yield(Item{}, broken)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	silent := weather(1)
	silent.Messages = silent.Messages[:2]
	for name, c := range map[string]struct {
		ctx   context.Context
		items iter.Seq2[Item, error]
		o     Options
		want  error
	}{
		"a reader that fails":       {t.Context(), breaks, Options{}, broken},
		"cancelled":                 {cancelled, given(many(3)...), Options{}, context.Canceled},
		"nothing":                   {t.Context(), given(), Options{}, ErrEmpty},
		"nothing left":              {t.Context(), given(Item{Dialogue: silent}), Options{}, ErrEmpty},
		"nothing held out":          {t.Context(), given(many(3)...), Options{ValFraction: 1e-9}, ErrEmpty},
		"a fraction of one":         {t.Context(), given(many(3)...), Options{ValFraction: 1}, nil},
		"a negative longest length": {t.Context(), given(many(3)...), Options{MaxTokens: -1}, nil},
	} {
		dir := filepath.Join(t.TempDir(), "chat")
		_, err := Build(c.ctx, c.items, tok, chat.K2{}, dir, c.o)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if left := tree(t, filepath.Dir(dir)); len(left) != 0 {
			t.Errorf("%s: it leaves %d files", name, len(left))
		}
	}
}
