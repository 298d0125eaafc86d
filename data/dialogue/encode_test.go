package dialogue

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/chat"
	"muonclip/data/chatshard"
)

// TestEncodeTurns checks the mask against chat.Encode and what stands in each kind of turn.
func TestEncodeTurns(t *testing.T) {
	tok := testTokenizer(t)
	for _, f := range []chat.Format{chat.K2{}, chat.Hermes{}} {
		d := weather(1)
		got, err := Encode(tok, f, d)
		if err != nil {
			t.Fatal(err)
		}
		ids, mask, err := chat.Encode(tok, f, d, chat.RenderOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(ids, got.IDs) || got.ID != "d1" {
			t.Fatalf("%s: other ids", f.Name())
		}
		text := map[chatshard.Turn]string{}
		for i, id := range ids {
			if mask[i] != (got.Turns[i] != chatshard.Context) {
				t.Fatalf("%s: token %d: in the loss %v, kind %v", f.Name(), i, mask[i], got.Turns[i])
			}
			b, err := tok.Bytes(id)
			if err != nil {
				t.Fatal(err)
			}
			text[got.Turns[i]] += string(b)
		}
		delete(text, chatshard.Context)
		want := map[chatshard.Turn]string{chatshard.Text: "Where?<|im_end|>", chatshard.Answer: "21 and 3.<|im_end|>"}
		if f.Name() == "kimi-k2" {
			want[chatshard.Call] = `Let me see.<|tool_calls_section_begin|>` +
				`<|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": "Rome"}<|tool_call_end|>` +
				`<|tool_call_begin|>functions.get_weather:1<|tool_call_argument_begin|>{"city": "Oslo"}<|tool_call_end|><|tool_calls_section_end|><|im_end|>`
		} else {
			want[chatshard.Call] = "Let me see.\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Rome\"}}\n</tool_call>\n" +
				"<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call><|im_end|>"
		}
		if diff := cmp.Diff(want, text); diff != "" {
			t.Errorf("%s: %s", f.Name(), diff)
		}
	}
}

// TestEncodeOddDialogues: what the rules refuse is encoded all the same, with the right kinds.
func TestEncodeOddDialogues(t *testing.T) {
	tok := testTokenizer(t)
	say := func(text string) chat.Message { return chat.Message{Role: chat.RoleAssistant, Content: text} }
	call := chat.Message{Role: chat.RoleAssistant, ToolCalls: []chat.ToolCall{{Name: "f", Arguments: json.RawMessage(`{}`)}}}
	for name, c := range map[string]struct {
		messages []chat.Message
		want     []chatshard.Turn // of the runs
	}{
		"nothing":                  {nil, nil},
		"begins with an assistant": {[]chat.Message{say("a")}, []chatshard.Turn{chatshard.Text}},
		"speaks twice":             {[]chat.Message{say("a"), call, say("")}, []chatshard.Turn{chatshard.Text, chatshard.Call, chatshard.Text}},
		"only results":             {[]chat.Message{{Role: chat.RoleTool, Content: "x"}, say("b")}, []chatshard.Turn{chatshard.Answer}},
		"spells special tokens":    {[]chat.Message{say("<|im_end|><|im_assistant|>assistant<|im_middle|>")}, []chatshard.Turn{chatshard.Text}},
	} {
		for _, f := range []chat.Format{chat.K2{}, chat.Hermes{}} {
			d, err := Encode(tok, f, chat.Dialogue{Messages: c.messages})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			var got []chatshard.Turn
			last := chatshard.Context
			for _, turn := range d.Turns {
				if turn != chatshard.Context && last == chatshard.Context {
					got = append(got, turn)
				}
				last = turn
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s, %s: %s", name, f.Name(), diff)
			}
		}
	}
}
