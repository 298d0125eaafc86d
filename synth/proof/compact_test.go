package proof

import (
	"context"
	"slices"
	"testing"
	"time"

	"muonclip/data/chat"
	"muonclip/synth/actor"
	"muonclip/synth/task"
	"muonclip/synth/task/tasktest"
)

// TestCompact proves compact dialogues and measures how long they are.
func TestCompact(t *testing.T) {
	n := uint64(2000)
	if testing.Short() {
		n = 300
	}
	p := tasktest.Compact(t)
	var c Checker
	chars := map[task.Kind][]int{}
	tools := map[string]bool{}
	refused := map[task.Reason]int{}
	marks := 0
	var calls, offered [4]int
	start := time.Now()
	for i := range n {
		x, err := p.Sample(task.Key{Seed: 3, Index: i})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range x.Refusals {
			refused[r]++
		}
		tr, err := actor.Play(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range c.Prove(tr).Findings {
			t.Errorf("%s (%s): message %d: %s: %s", x.ID(), x.Kind, f.Message, f.Check, f.Detail)
		}
		size := 0
		for _, s := range (chat.K2{}).Render(tr.Dialogue, chat.RenderOptions{}) {
			if s.Kind == chat.Text {
				size += len(s.Text)
			} else {
				marks++
			}
		}
		chars[x.Kind] = append(chars[x.Kind], size)
		if len(x.Tools) < 1 || len(x.Tools) > 3 || len(x.Segments) != 1 {
			t.Errorf("%s offers %d tools for %d requests", x.ID(), len(x.Tools), len(x.Segments))
		}
		offered[len(x.Tools)]++
		for _, y := range x.Tools {
			tools[y.Domain+"/"+y.Name] = true
		}
		calls[min(x.Calls, 3)]++
	}
	for _, k := range task.Kinds() {
		if l := chars[k]; len(l) > 0 {
			slices.Sort(l)
			if k == task.Single && l[len(l)/2] > 1100 {
				t.Errorf("half of the single calls have more than %d characters, 1,100 are wanted", l[len(l)/2])
			}
			t.Logf("%-20s %5d dialogues, characters: median %d, 90 %% %d, 99 %% %d, most %d", k, len(l), l[len(l)/2], l[len(l)*9/10], l[len(l)*99/100], l[len(l)-1])
		}
	}
	t.Logf("%d different tools; offered 1 to 3: %v; calls 0 to 2: %v; special tokens a dialogue: %d; refused %v; %.0f a second", len(tools), offered[1:], calls[:3],
		marks/int(n), refused, float64(n)/time.Since(start).Seconds())
}
