package task

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"muonclip/synth/tool"
	"muonclip/synth/tool/tooltest"
)

// TestParts: what one part calls, the other never does, and the held-out part is about a tenth.
func TestParts(t *testing.T) {
	sets := slices.DeleteFunc(slices.Clone(tooltest.Sets(t)), func(s *tool.Set) bool {
		return s.Domain.Name != "library_lending" && s.Domain.Name != "parcel_tracking"
	})
	kinds := map[Kind]int{Single: 4, NoTool: 1, Irrelevant: 1, Missing: 1}
	about := func(part Part, keys int) map[string]bool {
		p, err := NewPool(sets, Config{Compact: true, Weights: kinds, Part: part})
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]bool{}
		for i := range keys {
			x, err := p.Sample(Key{Seed: 5, Index: uint64(i)})
			if refused := (*RefusedError)(nil); errors.As(err, &refused) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			said := fmt.Sprint(x.Kind, x.Domain.Name)
			for _, seg := range x.Segments {
				for _, s := range seg.Steps {
					said += " " + s.Tool
				}
				for _, s := range seg.Slots {
					said += fmt.Sprintf(" %s=%v", s.Name, s.Value.V)
				}
			}
			if x.Calls == 0 {
				for _, y := range x.Tools {
					said += " " + y.Name
				}
				said += x.Segments[0].Intent.Phrase
			}
			out[said] = true
		}
		return out
	}
	train, held := about(Train, 300), about(HeldOut, 100)
	if len(train) < 150 || len(held) < 40 {
		t.Fatalf("%d different tasks to train on, %d held out: too few to tell", len(train), len(held))
	}
	for x := range held {
		if train[x] {
			t.Errorf("in both parts: %s", x)
		}
	}
	if _, err := NewPool(sets, Config{Part: "test"}); err == nil {
		t.Error("a part that does not exist was accepted")
	}
}
