package actor

import (
	"encoding/json"
	"strings"
	"testing"

	"muonclip/data/chat"
	"muonclip/synth/task"
)

// TestVariety measures how different dialogues are from one another.
func TestVariety(t *testing.T) {
	n := uint64(2000)
	if testing.Short() {
		n = 500
	}
	first, opening, answers, shapes, agents, used, prompts := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	kinds, faults, outcomes, styles := map[task.Kind]int{}, map[task.FaultKind]int{}, map[task.Outcome]int{}, map[task.Style]int{}
	spoken := 0
	for i := range n {
		tr, err := play(t, task.Key{Seed: 3, Index: i})
		if err != nil {
			t.Fatal(err)
		}
		msgs := tr.Dialogue.Messages
		opening[msgs[1].Content]++
		s := msgs[1].Content
		if end := strings.IndexAny(s, ".!?"); end > 0 {
			s = s[:end]
		}
		first[s]++
		var shape strings.Builder
		for _, m := range msgs {
			shape.WriteByte(m.Role[0])
			for _, c := range m.ToolCalls {
				x := tr.Task.Tool(c.Name)
				shape.WriteString(string(x.Kind) + ",")
				used[x.Domain+" "+c.Name]++
			}
			if m.Role == chat.RoleAssistant && len(m.ToolCalls) == 0 {
				answers[m.Content]++
				spoken++
			}
		}
		shapes[shape.String()]++
		agents[tr.Task.Agent]++
		prompts[tr.Task.System]++
		kinds[tr.Task.Kind]++
		styles[tr.Task.Persona.Style]++
		for _, f := range tr.Task.Faults {
			faults[f.Kind]++
		}
		for _, seg := range tr.Task.Segments {
			outcomes[seg.Outcome]++
		}
	}
	share := func(m map[string]int, of int) float64 { return float64(len(m)) / float64(of) }
	t.Logf("%d dialogues: distinct first messages %.4f, first sentences %.4f, plain answers %.4f, shapes %.4f, system prompts %.4f, agents %.4f; tools called %d",
		n, share(opening, int(n)), share(first, int(n)), share(answers, spoken), share(shapes, int(n)), share(prompts, int(n)), share(agents, int(n)), len(used))
	for _, m := range []any{kinds, faults, outcomes, styles} {
		b, _ := json.Marshal(m)
		t.Logf("%s", b)
	}
	if share(opening, int(n)) < 0.99 || share(first, int(n)) < 0.9 {
		t.Errorf("users repeat themselves: %.3f of first messages and %.3f of first sentences are distinct", share(opening, int(n)), share(first, int(n)))
	}
	for _, k := range task.Kinds() {
		if kinds[k] == 0 {
			t.Errorf("no dialogue of kind %s", k)
		}
	}
	for _, k := range task.FaultKinds() {
		if faults[k] == 0 {
			t.Errorf("no fault of kind %s", k)
		}
	}
	worst, count := "", 0
	for s, k := range first {
		if k > count {
			worst, count = s, k
		}
	}
	t.Logf("the most frequent first sentence, %d times: %q", count, worst)
}
