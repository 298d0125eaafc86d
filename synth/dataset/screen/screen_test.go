package screen

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/chat"
	"muonclip/internal/minhash"
	"muonclip/synth/dataset"
)

func dialogue(user string, calls ...string) chat.Dialogue {
	d := chat.Dialogue{Messages: []chat.Message{{Role: chat.RoleSystem, Content: "You are the same assistant as ever."}, {Role: chat.RoleUser, Content: user}}}
	for i, c := range calls {
		d.Messages = append(d.Messages,
			chat.Message{Role: chat.RoleAssistant, ToolCalls: []chat.ToolCall{{ID: chat.CallID("get", i), Name: "get", Arguments: json.RawMessage(c)}}},
			chat.Message{Role: chat.RoleTool, ToolCallID: chat.CallID("get", i), Content: `{"ok":true}`})
	}
	return d
}

func words(r *rand.Rand, n int) []string {
	var out []string
	for range n {
		out = append(out, fmt.Sprintf("%c%c%c", 'a'+rune(r.IntN(26)), 'a'+rune(r.IntN(26)), 'a'+rune(r.IntN(26))))
	}
	return out
}

// TestSimilarity compares the estimate with the exact Jaccard index of the shingles.
func TestSimilarity(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		a := words(r, 300)
		b := append([]string{}, a...)
		for range r.IntN(40) {
			b[r.IntN(len(b))] = words(r, 1)[0]
		}
		exact := jaccard(a, b)
		got := Sign(dialogue(strings.Join(a, " "))).Similarity(Sign(dialogue(strings.Join(b, ", ") + "!")))
		if math.Abs(got-exact) > 0.16 { // four standard deviations and a little for the shingle with the role
			t.Errorf("estimate %.2f, exact %.2f", got, exact)
		}
	}
}

func jaccard(a, b []string) float64 {
	set := func(w []string) map[string]bool {
		out := map[string]bool{}
		for i := 0; i+shingle <= len(w); i++ {
			out[strings.Join(w[i:i+shingle], " ")] = true
		}
		return out
	}
	x, y := set(a), set(b)
	both := 0
	for k := range x {
		if y[k] {
			both++
		}
	}
	return float64(both) / float64(len(x)+len(y)-both)
}

func TestSignNormalises(t *testing.T) {
	base := dialogue("Cancel reservation RSV-12345 for me please, and tell me the fee", `{"id":"RSV-12345"}`)
	same := dialogue("cancel reservation RSV-99871 for me please and TELL me the fee!", `{"id": "RSV-99871"}`)
	same.Messages[0].Content = "Another system prompt altogether."
	same.Messages[3].Content = `{"ok":false}`
	if got := Sign(base).Similarity(Sign(same)); got != 1 {
		t.Errorf("numbers, case, system prompt and results count: similarity %.2f", got)
	}
	other := dialogue("Cancel reservation RSV-12345 for me please, and tell me the fee", `{"id":"RSV-12345"}`, `{"id":"RSV-12345"}`)
	if got := Sign(base).Similarity(Sign(other)); got == 1 {
		t.Error("one more call makes no difference")
	}
	short := dialogue("Hi")
	if Sign(short).Similarity(Sign(dialogue("Bye"))) == 1 {
		t.Error("short dialogues are all alike")
	}
	raw, err := Sign(base).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var back minhash.Signature
	if err := back.UnmarshalBinary(raw); err != nil || back != *Sign(base) {
		t.Errorf("a signature does not come back: %v", err)
	}
	if back.UnmarshalBinary(raw[1:]) == nil {
		t.Error("a short signature is taken")
	}
}

// TestNearFinds compares what the index finds with a look at every pair.
func TestNearFinds(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	x := minhash.NewIndex(0.8)
	var kept []*minhash.Signature
	found, missed, wrong := 0, 0, 0
	var originals [][]string
	for i := range 600 {
		var w []string
		if i%3 == 2 {
			w = append(w, originals[r.IntN(len(originals))]...)
			for range r.IntN(12) {
				w[r.IntN(len(w))] = words(r, 1)[0]
			}
		} else {
			w = words(r, 200)
			originals = append(originals, w)
		}
		s := Sign(dialogue(strings.Join(w, " ")))
		first := -1
		for k, other := range kept {
			if s.Similarity(other) >= 0.8 {
				first = k
				break
			}
		}
		number, similarity, ok := x.Find(s)
		switch {
		case ok && (first < 0 || s.Similarity(kept[number]) != similarity):
			wrong++
		case ok:
			found++
			continue
		case first >= 0:
			missed++
		}
		x.Keep(s)
		kept = append(kept, s)
	}
	if wrong > 0 || found < 50 || missed > found/15 {
		t.Errorf("found %d, missed %d, wrong %d", found, missed, wrong)
	}
}

func TestBenchmarkFormats(t *testing.T) {
	gz := func(s string) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for _, c := range []struct {
		name string
		data []byte
		want []Item
	}{
		{"bfcl", []byte(`{"id": "simple_0", "question": [[{"role": "user", "content": "Find the area of a triangle."}], [{"role":"user","content":"And of a circle."}]], "function": []}` + "\n"),
			[]Item{{"simple_0", []string{"Find the area of a triangle.\nAnd of a circle."}}}},
		{"tau2", []byte(`[{"id": 4, "description": {"purpose": "Tests the refusal.", "relevant_policies": null}, "user_scenario": {"persona": null, "instructions": {"domain": "airline", "reason_for_call": "You want to cancel.", "known_info": "You are Ann Lee."}}}]`),
			[]Item{{"4", []string{"You want to cancel.\nYou are Ann Lee.", "Tests the refusal."}}}},
		{"acebench", []byte(`{"id":"normal_1","question":"user: I need a list.\nsystem: Which one?","function":[]}`),
			[]Item{{"normal_1", []string{"user: I need a list.\nsystem: Which one?"}}}},
		{"humaneval", gz(`{"task_id": "HumanEval/0", "prompt": "def f(x):\n    \"\"\"Double x.\"\"\"\n", "canonical_solution": "    return 2 * x\n"}` + "\n"),
			[]Item{{"HumanEval/0", []string{"def f(x):\n    \"\"\"Double x.\"\"\"\n", "    return 2 * x\n"}}}},
		{"gsm8k", []byte(`{"question": "A robe takes 2 bolts.", "answer": "It takes 3\n#### 3"}` + "\n\n" + `{"question": "How many are there?", "answer": "#### 4"}`),
			[]Item{{"0", []string{"A robe takes 2 bolts.", "It takes 3\n#### 3"}}, {"1", []string{"How many are there?", "#### 4"}}}},
	} {
		b, err := ParseBenchmark(c.data)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(c.want, b.Items); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	for name, data := range map[string]string{"empty": "", "no text": `{"a":1}`, "no JSON": "question: x", "bad line": "{\"question\":\"a b\"}\n{", "bad gzip": "\x1f\x8bxx", "array of numbers": "[1,2]"} {
		if _, err := ParseBenchmark([]byte(data)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestOverlap(t *testing.T) {
	long := "Janet has sixteen ducks that lay eggs on every day of the week and she sells them all at the market"
	b := &Benchmark{Name: "b", Items: []Item{{"long", []string{long}}, {"six", []string{"Find flights from Rome to Oslo"}}, {"short", []string{"Play a song"}}}}
	o := NewOverlap([]*Benchmark{b})
	for _, c := range []struct {
		user string
		want []string
	}{
		{"Hello. " + strings.ToLower(long) + " What now?", []string{"long"}},
		{"Janet has sixteen ducks that lay eggs on every day of the week and then does something else with the rest", []string{"long"}}, // 7 of 13 sequences
		{"Janet has sixteen ducks that lay eggs on Sundays", nil},
		{"please find flights from Rome to Oslo tomorrow", []string{"six"}},
		{"please find flights from Rome", nil},
		{"Play a song", nil},
	} {
		var got []string
		for _, m := range o.Find(dialogue(c.user)) {
			got = append(got, m.Item)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q: %s", c.user, diff)
		}
	}
	hidden := dialogue("Hello there", fmt.Sprintf(`{"note":%q}`, long))
	if len(o.Find(hidden)) != 1 {
		t.Error("arguments of calls are not looked at")
	}
	if diff := cmp.Diff([]BenchmarkReport{{File: "b", Items: 3, Texts: 3, Short: 1}}, o.Report()); diff != "" {
		t.Error(diff)
	}
}

// TestRealBenchmarks finds every long enough task of the real files in a dialogue that quotes it, and none in one
// that does not.
func TestRealBenchmarks(t *testing.T) {
	root := filepath.Join("..", "..", "..", "..", "shared", "data")
	files := map[string]int{"bfcl/BFCL_v4_simple_python.json": 400, "bfcl/BFCL_v4_irrelevance.json": 240, "gsm8k/test.jsonl": 1319, "humaneval/HumanEval.jsonl.gz": 164, "mbpp/mbpp.jsonl": 974, "ifeval/input_data.jsonl": 540}
	var benchmarks []*Benchmark
	for name, n := range files {
		path := filepath.Join(root, name)
		if _, err := os.Stat(path); err != nil {
			t.Skipf("the benchmark files are not here: %v", err)
		}
		b, err := ReadBenchmark(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Items) != n || b.Name != name {
			t.Errorf("%s: %d tasks, want %d", b.Name, len(b.Items), n)
		}
		benchmarks = append(benchmarks, b)
	}
	o := NewOverlap(benchmarks)
	for _, b := range benchmarks {
		missed := 0
		for _, item := range b.Items {
			text := item.Texts[0]
			count := 0
			dataset.Words(text, false, func(uint64) { count++ })
			if count < MinWords {
				continue
			}
			found := false
			for _, m := range o.Find(dialogue("Could you do this for me? " + text + " Thanks a lot.")) {
				found = found || m.Benchmark == b.Name && m.Item == item.ID
			}
			if !found {
				missed++
			}
		}
		if missed > 0 {
			t.Errorf("%s: %d tasks are not found where they are quoted", b.Name, missed)
		}
	}
	clean := dialogue("I would like to move my reservation at the Harborstay to the second week of May, if the corner room is free then.")
	if got := o.Find(clean); len(got) > 0 {
		t.Errorf("found in a clean dialogue: %v", got)
	}
}

func FuzzParseBenchmark(f *testing.F) {
	f.Add([]byte(`{"id":"a","question":[[{"role":"user","content":"one two three four five six"}]]}`))
	f.Add([]byte(`[{"user_scenario":{"instructions":{"reason_for_call":"a b c d e f"}}}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ParseBenchmark(data)
		if err != nil {
			return
		}
		o := NewOverlap([]*Benchmark{b})
		if len(b.Items) < 50 {
			for _, item := range b.Items {
				o.Find(dialogue(strings.Join(item.Texts, " ")))
			}
		}
	})
}
