package schema_test

import (
	"context"
	"encoding/json"
	"os"
	"testing"

	"muonclip/data/chat"
	"muonclip/data/chat/schema"
	"muonclip/internal/rng"
	"muonclip/synth"
	"muonclip/synth/tool"
)

// TestReal compiles the schemas of real servers and reports what of them is not enforced.
func TestReal(t *testing.T) {
	dir := "../../../../shared/data/mcp-tools"
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("%s is not there: real listings of MCP servers are needed", dir)
	}
	in, err := tool.ImportDir(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	var v schema.Validator
	compiled, notes, largest := 0, 0, 0
	for _, x := range in.Tools {
		s, err := v.Compiled(x.Parameters)
		if err != nil {
			t.Errorf("%s of %s: %v", x.Name, x.Origin, err)
			continue
		}
		compiled++
		largest = max(largest, len(x.Parameters))
		for _, n := range s.Notes() {
			notes++
			t.Logf("%s of %s: %s", x.Name, x.Origin, n)
		}
		err = v.ValidateArguments(chat.Tool{Name: x.Name, Parameters: x.Parameters}, json.RawMessage(`{}`))
		if ours := x.Validate(json.RawMessage(`{}`)); (err == nil) != (len(ours) == 0) {
			t.Errorf("%s of %s with {}: %v here, %v there", x.Name, x.Origin, err, ours)
		}
	}
	t.Logf("%d of %d schemas compiled, the largest of %d bytes, with %d notes; %d tools were not imported: %v",
		compiled, len(in.Tools), largest, notes, len(in.Skipped), in.Skipped)
	if compiled < 1600 {
		t.Errorf("only %d schemas", compiled)
	}
}

// TestDialogues validates the arguments of 2,000 generated dialogues, 200 in a short run.
func TestDialogues(t *testing.T) {
	n := int64(2000)
	if testing.Short() {
		n = 200
	}
	source, err := synth.NewSource(t.Context(), synth.SourceConfig{Seed: 11})
	if err != nil {
		t.Fatal(err)
	}
	var v schema.Validator
	dialogues, calls := 0, 0
	for i := range 2 * n {
		row, refusal, err := source.Dialogue(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		if refusal != nil {
			continue
		}
		if err := chat.Validate(row.Dialogue, &v); err != nil {
			t.Errorf("%s: %v", row.Key, err)
		}
		calls += row.Dialogue.Calls()
		if dialogues++; int64(dialogues) == n {
			break
		}
	}
	t.Logf("%d dialogues with %d calls", dialogues, calls)
	if int64(dialogues) < n {
		t.Errorf("%d dialogues, want %d", dialogues, n)
	}
}

// TestAgreesWithTools compares with the checks of evolved tools on sampled arguments and on damaged ones.
func TestAgreesWithTools(t *testing.T) {
	sets, err := synth.Tools(t.Context(), 3, []string{"hotel_reservations"})
	if err != nil {
		t.Fatal(err)
	}
	w, err := sets[0].Model.World(5)
	if err != nil {
		t.Fatal(err)
	}
	var v schema.Validator
	refused := 0
	for i, x := range sets[0].Tools {
		args, ok := x.Sample(w, rng.New(1, "schema/test", uint64(i)))
		if !ok {
			continue
		}
		declared := chat.Tool{Name: x.Name, Parameters: x.Parameters}
		if err := v.ValidateArguments(declared, x.Encode(args)); err != nil {
			t.Errorf("%s with %s: %v", x.Name, x.Encode(args), err)
		}
		for name := range args {
			args[name] = []any{map[string]any{"no": "such value"}}
			raw := x.Encode(args)
			err := v.ValidateArguments(declared, raw)
			if (err == nil) != (len(x.Validate(raw)) == 0) {
				t.Errorf("%s with %s: %v here, %v there", x.Name, raw, err, x.Validate(raw))
			}
			if err != nil {
				refused++
			}
			break
		}
	}
	if refused < 50 {
		t.Errorf("only %d damaged arguments were refused", refused)
	}
}
