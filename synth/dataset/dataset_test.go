package dataset

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/chat"
)

// testRows are rows with everything that can be hard to store.
func testRows() []*Row {
	hostile := "</script><script>alert(1)</script> \u2028 \u202e\u0000 <|im_end|> \"quoted\" \\ 日本語 🦙\r\n| # [x](y)"
	rows := []*Row{
		{
			Key: "7/hotel/1", Index: 3, Domain: "hotel", Category: "travel", Kinds: []string{"parallel_calls", "policy"}, Difficulty: 4, Persona: "terse", Plan: "get>get",
			Rubric: json.RawMessage(`{"criteria": ["a < b"], "n": 1.0}`), Checks: []Check{{Name: "goal", Pass: true}, {Name: "told", Detail: "x & y"}},
			Record: Record{World: math.MaxUint64, Today: "2026-03-14", StartHash: "00", EndHash: "ff", Extra: json.RawMessage(`{"b":1,"a":2}`), Calls: []CallRecord{
				{ID: "functions.get_guest:0", Fault: "timeout", Error: "timeout"},
				{ID: "functions.cancel:1", Changes: []Change{{Kind: "changed", Entity: "guest", ID: "GST-1", Field: "tier", Before: json.RawMessage(`"gold"`), After: json.RawMessage(`null`)}, {Kind: "created", Entity: "guest", ID: "GST-2", After: json.RawMessage(`{"z":1,"a":[]}`)}}},
			}},
			Dialogue: chat.Dialogue{
				Messages: []chat.Message{
					{Role: chat.RoleSystem, Content: hostile},
					{Role: chat.RoleUser, Name: "ann", Content: "Cancel both. Please!"},
					{Role: chat.RoleAssistant, Content: "One moment.", ToolCalls: []chat.ToolCall{
						{ID: "functions.get_guest:0", Name: "get_guest", Arguments: json.RawMessage(`{"b": 1, "a": 1.50, "é": "\u00e9"}`)},
						{ID: "functions.cancel:1", Name: "cancel", Arguments: json.RawMessage(`{broken`)}}},
					{Role: chat.RoleTool, ToolCallID: "functions.get_guest:0", Name: "get_guest", Content: ""},
					{Role: chat.RoleTool, ToolCallID: "functions.cancel:1", Name: "cancel", Content: `{"ok":true}`},
					{Role: chat.RoleAssistant, Content: "Done.", NoLoss: true},
				},
				Tools: []chat.Tool{
					{Name: "get_guest", Description: hostile, Parameters: json.RawMessage(`{"type":"object","properties":{"z":{"type":"string"},"a":{"enum":[1,"x",null]}}}`)},
					{Name: "server.tool-name", Description: "", Parameters: nil},
				},
			},
		},
		{
			Key: "7/chat/2", Index: 5, Domain: "chat", Kinds: nil,
			Dialogue: chat.Dialogue{Messages: []chat.Message{{Role: chat.RoleUser, Content: "Hello"}, {Role: chat.RoleAssistant, Content: "Hi!"}}},
		},
	}
	for _, r := range rows {
		r.Dialogue.ID = RowID(r.Key)
	}
	return rows
}

func manyRows(n int) []*Row {
	var rows []*Row
	for i := range n {
		r := *testRows()[i%2]
		r.Key = fmt.Sprintf("many/%d", i)
		r.Index = int64(10 + i)
		r.Dialogue = r.Dialogue.Clone()
		r.Dialogue.ID = RowID(r.Key)
		r.Dialogue.Messages[0].Content += fmt.Sprint(i)
		rows = append(rows, &r)
	}
	return rows
}

func TestLinesComeBack(t *testing.T) {
	for _, want := range testRows() {
		dialogue := AppendDialogue(nil, want)
		record, err := AppendRecord(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range [][]byte{dialogue, record} {
			if n := strings.Count(string(line), "\n"); n != 1 || !json.Valid(line) {
				t.Errorf("not one line of JSON: %s", line)
			}
		}
		got, err := parseRow(dialogue, record)
		if err != nil {
			t.Fatal(err)
		}
		if len(want.Rubric) > 0 { // RawMessage is compacted by json.Marshal
			want.Rubric = json.RawMessage(`{"criteria":["a < b"],"n":1.0}`)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	a, b := testRows()[0], testRows()[1]
	record, err := AppendRecord(nil, b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseRow(AppendDialogue(nil, a), record); err == nil {
		t.Error("a record of another dialogue is taken")
	}
}

func TestRowID(t *testing.T) {
	a, b := RowID("1"), RowID("2")
	if a == b || len(a) != 36 || a[14] != '8' || !strings.ContainsRune("89ab", rune(a[19])) || a != RowID("1") {
		t.Errorf("%s and %s are no two UUIDs of version 8", a, b)
	}
}

func TestPlanShape(t *testing.T) {
	call := func(names ...string) chat.Message {
		m := chat.Message{Role: chat.RoleAssistant}
		for _, n := range names {
			m.ToolCalls = append(m.ToolCalls, chat.ToolCall{Name: n})
		}
		return m
	}
	user := chat.Message{Role: chat.RoleUser}
	for _, c := range []struct {
		want     string
		messages []chat.Message
	}{
		{"", []chat.Message{user}},
		{"a b+b / c a", []chat.Message{user, call("x"), call("y", "y"), user, call("z"), call("x")}},
		{"a b*5", []chat.Message{user, call("x"), call("y"), call("y"), call("y"), call("y"), call("y")}},
		{"a*4 / a", []chat.Message{user, call("x"), call("x"), call("x"), call("x"), user, call("x")}},
	} {
		if got := PlanShape(chat.Dialogue{Messages: c.messages}); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestWords(t *testing.T) {
	list := func(s string, mask bool) (out []uint64) {
		Words(s, mask, func(h uint64) { out = append(out, h) })
		return out
	}
	if diff := cmp.Diff(list("Cancel RSV-12345, ÉTÉ!", false), list(" cancel...rsv 12345 été", false)); diff != "" {
		t.Error(diff)
	}
	if cmp.Diff(list("room 12a", false), list("room 13b", false)) == "" {
		t.Error("unmasked numbers are alike")
	}
	if diff := cmp.Diff(list("room 12a", true), list("Room 99", true)); diff != "" {
		t.Error(diff)
	}
	if got := len(list("a b-c  日本", false)); got != 4 {
		t.Errorf("%d words, want 4", got)
	}
}

func TestFirstSentence(t *testing.T) {
	for text, want := range map[string]string{
		"Hi there. I need help": "Hi there.",
		"Room 3.5 is cold! Now": "Room 3.5 is cold!",
		"no end":                "no end",
		"one\ntwo":              "one\n",
	} {
		if got := FirstSentence(chat.Dialogue{Messages: []chat.Message{{Role: chat.RoleUser, Content: text}}}); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestGrams compares the estimate with an exact count and merged counts with one.
func TestGrams(t *testing.T) {
	for _, n := range []uint64{10, 5_000, 400_000} {
		var whole, a, b Grams
		for i := range n {
			h := Mix(7, i)
			whole.Add([]uint64{h, h})
			if i%3 == 0 {
				a.Add([]uint64{h, h})
			} else {
				b.Add([]uint64{h, h})
			}
		}
		if e := math.Abs(float64(whole.Distinct())/float64(n) - 1); e > 0.02 {
			t.Errorf("%d distinct: the estimate is %d", n, whole.Distinct())
		}
		if whole.Total() != int64(2*n) {
			t.Errorf("total is %d", whole.Total())
		}
		a.Merge(&b)
		data, err := json.Marshal(&a)
		if err != nil {
			t.Fatal(err)
		}
		var back Grams
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if back.Distinct() != whole.Distinct() || back.Total() != whole.Total() {
			t.Errorf("merged and stored: %d of %d, want %d", back.Distinct(), back.Total(), whole.Distinct())
		}
	}
}

func TestSummarize(t *testing.T) {
	rows := testRows()
	var digests []Digest
	var grams Grams
	for i := range 10 {
		d := DigestOf(rows[i%2])
		d.Size.Calls = i
		digests = append(digests, d)
		grams.Add(GramsOf(rows[i%2].Dialogue))
	}
	s := Summarize(digests, &grams, nil, 0)
	if s.Rows != 10 || s.Domains["hotel"] != 5 || s.Kinds["policy"] != 5 || s.WithFaults != 5 || s.Changes != 10 || s.Personas != 1 {
		t.Errorf("%+v", s)
	}
	if s.Variety.Tools != 2 || s.Variety.CalledTools != 1 || s.Variety.ToolSets != 1 || s.Variety.FirstSentences != 2 {
		t.Errorf("%+v", s.Variety)
	}
	if s.Calls.Sum != 45 || s.Calls.Mean != 4.5 || s.Calls.Min != 0 || s.Calls.Max != 9 || s.Calls.P50 != 5 {
		t.Errorf("%+v", s.Calls)
	}
	if s.Tokens != nil {
		t.Error("tokens without a tokenizer")
	}
}

// TestBins checks that bins hold every value once and touch each other.
func TestBins(t *testing.T) {
	for _, values := range [][]int{{0}, {3, 3, 3}, {1, 2, 3, 50}, ramp(1000, 1), ramp(1000, 37), append(ramp(500, 1), 1_000_000)} {
		list, total := bins(values), 0
		if len(list) > maxBins {
			t.Errorf("%d bins", len(list))
		}
		for i, b := range list {
			total += b.Rows
			if b.To < b.From || i > 0 && b.From != list[i-1].To+1 {
				t.Errorf("bins %v", list)
			}
			n := 0
			for _, v := range values {
				if v >= b.From && v <= b.To {
					n++
				}
			}
			if n != b.Rows {
				t.Errorf("bin %v holds %d", b, n)
			}
		}
		if total != len(values) {
			t.Errorf("%d values in bins, want %d", total, len(values))
		}
	}
}

func ramp(n, step int) []int {
	var out []int
	for i := range n {
		out = append(out, i*step)
	}
	return out
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(`{"format":"muonclip-synth","version":1,"rows":1,"parts":[{"rows":1,"files":[{"path":"dialogues/a","bytes":3,"xxh3":"00"}]}]}`))
	f.Add([]byte(`{"format":"muonclip-synth","version":1,"parts":[{"files":[{"path":"../x"}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseManifest(data)
		if err != nil {
			return
		}
		for _, p := range m.Parts {
			for _, file := range p.Files {
				if strings.HasPrefix(file.Path, "/") || strings.HasPrefix(file.Path, "..") {
					t.Errorf("a path outside the folder: %q", file.Path)
				}
			}
		}
	})
}

func FuzzParseRow(f *testing.F) {
	for _, r := range testRows() {
		record, err := AppendRecord(nil, r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(AppendDialogue(nil, r), record)
	}
	f.Fuzz(func(t *testing.T, dialogue, record []byte) {
		r, err := parseRow(dialogue, record)
		if err != nil {
			return
		}
		again, err := AppendRecord(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseRow(AppendDialogue(nil, r), again); err != nil {
			t.Errorf("a row that was read cannot be written and read again: %v", err)
		}
		DigestOf(r)
		GramsOf(r.Dialogue)
	})
}
