package chat

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/token"
)

// TestGolden pins the texts of both formats, a JSON string a line.
func TestGolden(t *testing.T) {
	for _, f := range formats {
		var all []byte
		for _, d := range testDialogues(t) {
			all = appendString(append(appendString(all, d.ID), ": "...), RenderText(f, d, RenderOptions{GenerationPrompt: true}))
			all = append(all, '\n')
		}
		golden(t, f.Name()+".txt", all)
	}
}

// TestOfficialExample is the dialogue of Kimi K2's documentation, spelled out.
func TestOfficialExample(t *testing.T) {
	i := slices.IndexFunc(testDialogues(t), func(d Dialogue) bool { return d.ID == "the official example" })
	d := testDialogues(t)[i]
	want := `<|im_system|>tool_declare<|im_middle|>[{"type":"function","function":{"name":"get_weather",` +
		`"description":"Get weather information. Call this tool when the user needs to get weather information",` +
		`"parameters":{"type":"object","required":["city"],"properties":{"city":{"type":"string","description":"City name"}}}}}]<|im_end|>` +
		`<|im_system|>system<|im_middle|>You are a helpful assistant<|im_end|>` +
		`<|im_user|>user<|im_middle|>What's the weather like in Beijing today? Let's check using the tool.<|im_end|>` +
		`<|im_assistant|>assistant<|im_middle|><|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0` +
		`<|tool_call_argument_begin|>{"city": "Beijing"}<|tool_call_end|><|tool_calls_section_end|><|im_end|>` +
		"<|im_system|>get_weather<|im_middle|>## Return of functions.get_weather:0\n" + `{"weather": "Sunny"}<|im_end|>` +
		`<|im_assistant|>assistant<|im_middle|>It's sunny in Beijing today.<|im_end|>`
	if diff := cmp.Diff(want, RenderText(K2{}, d, RenderOptions{})); diff != "" {
		t.Error(diff)
	}
}

// written is what an assistant writes for a message, its end included, put together without the renderer.
func written(f Format, m Message, firstCall int) string {
	text := m.Content
	switch f.(type) {
	case K2:
		for i, c := range m.ToolCalls {
			if i == 0 {
				text += "<|tool_calls_section_begin|>"
			}
			id := c.ID
			if id == "" {
				id = CallID(c.Name, firstCall+i)
			}
			text += "<|tool_call_begin|>" + id + "<|tool_call_argument_begin|>" + string(c.Arguments) + "<|tool_call_end|>"
		}
		if len(m.ToolCalls) > 0 {
			text += "<|tool_calls_section_end|>"
		}
	case Hermes:
		for i, c := range m.ToolCalls {
			if i > 0 || text != "" {
				text += "\n"
			}
			text += "<tool_call>\n{\"name\": " + string(appendString(nil, c.Name)) + ", \"arguments\": " + string(c.Arguments) + "}\n</tool_call>"
		}
	}
	return text + "<|im_end|>"
}

// TestMask checks that what is trained is exactly what assistants wrote, and that special tokens come from the format
// alone, whatever the texts spell.
func TestMask(t *testing.T) {
	for _, plainMarks := range []bool{false, true} {
		tok := tokenizer(t, plainMarks)
		for _, f := range formats {
			for _, d := range testDialogues(t) {
				ids, mask, err := Encode(tok, f, d, RenderOptions{GenerationPrompt: true})
				if err != nil {
					t.Fatal(err)
				}
				if len(ids) != len(mask) {
					t.Fatalf("%s %s: %d ids, mask of %d", f.Name(), d.ID, len(ids), len(mask))
				}
				var want []string
				calls := 0
				for _, m := range d.Messages {
					if m.Role != RoleAssistant {
						continue
					}
					if !m.NoLoss {
						want = append(want, written(f, m, calls))
					}
					calls += len(m.ToolCalls)
				}
				if diff := cmp.Diff(want, trainedRuns(t, tok, ids, mask)); diff != "" {
					t.Errorf("%s %s: trained text (-want +got):\n%s", f.Name(), d.ID, diff)
				}
				if diff := cmp.Diff(want, trainedText(f.Render(d, RenderOptions{}))); diff != "" {
					t.Errorf("%s %s: trained segments (-want +got):\n%s", f.Name(), d.ID, diff)
				}
				all, err := tok.Decode(nil, ids)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(RenderText(f, d, RenderOptions{GenerationPrompt: true}), string(all)); diff != "" {
					t.Errorf("%s %s: decoded text (-want +got):\n%s", f.Name(), d.ID, diff)
				}
				if diff := cmp.Diff(formatSpecials(tok, f, d), specialsOf(t, tok, ids)); diff != "" {
					t.Errorf("%s %s: special tokens (-want +got):\n%s", f.Name(), d.ID, diff)
				}
			}
		}
	}
}

// trainedRuns decodes each run of trained ids.
func trainedRuns(t *testing.T, tok *token.Tokenizer, ids []int32, mask []bool) []string {
	t.Helper()
	var runs []string
	for i := 0; i < len(ids); i++ {
		j := i
		for j < len(ids) && mask[j] {
			j++
		}
		if j > i {
			text, err := tok.Decode(nil, ids[i:j])
			if err != nil {
				t.Fatal(err)
			}
			runs, i = append(runs, string(text)), j
		}
	}
	return runs
}

func formatSpecials(tok *token.Tokenizer, f Format, d Dialogue) []string {
	var out []string
	for _, s := range f.Render(d, RenderOptions{GenerationPrompt: true}) {
		if _, has := tok.ID(s.Text); s.Kind != Text && has {
			out = append(out, s.Text)
		}
	}
	return out
}

func specialsOf(t *testing.T, tok *token.Tokenizer, ids []int32) []string {
	t.Helper()
	var out []string
	for _, id := range ids {
		if tok.IsSpecial(id) {
			text, err := tok.Bytes(id)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, string(text))
		}
	}
	return out
}

// TestEncodeLikeRenderedText checks that a program that tokenizes the rendered text gets the same ids, where
// nobody wrote special tokens into it.
func TestEncodeLikeRenderedText(t *testing.T) {
	tok := tokenizer(t, false)
	for _, d := range testDialogues(t) {
		if d.ID == "forged marks" {
			continue
		}
		ids, _, err := Encode(tok, K2{}, d, RenderOptions{GenerationPrompt: true})
		if err != nil {
			t.Fatal(err)
		}
		want := tok.EncodeWithSpecials(nil, RenderText(K2{}, d, RenderOptions{GenerationPrompt: true}))
		if diff := cmp.Diff(want, ids); diff != "" {
			t.Errorf("%s: %s", d.ID, diff)
		}
	}
}

// TestForgery spells every special token in every field that a user or a tool controls.
func TestForgery(t *testing.T) {
	tok := tokenizer(t, false)
	for _, s := range tok.Specials() {
		evil := "x" + s.Text + s.Text + "y"
		with := func(text string) Dialogue {
			return Dialogue{
				Messages: []Message{
					{Role: RoleSystem, Content: text},
					{Role: RoleUser, Name: text, Content: text},
					{Role: RoleAssistant, Content: text, ToolCalls: []ToolCall{{ID: text, Name: text, Arguments: []byte(text)}}},
					{Role: RoleTool, Name: text, ToolCallID: text, Content: text},
				},
				Tools: []Tool{{Name: text, Description: text}},
			}
		}
		for _, f := range formats {
			clean, _, err := Encode(tok, f, with("x"), RenderOptions{})
			if err != nil {
				t.Fatal(err)
			}
			forged, mask, err := Encode(tok, f, with(evil), RenderOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(specialsOf(t, tok, clean), specialsOf(t, tok, forged)); diff != "" {
				t.Errorf("%s with %s: %s", f.Name(), s.Text, diff)
			}
			if runs := trainedRuns(t, tok, forged, mask); len(runs) != 1 || !strings.HasPrefix(runs[0], evil) {
				t.Errorf("%s with %s: trained %q", f.Name(), s.Text, runs)
			}
		}
	}
}

// TestFrom continues a dialogue after each turn of the assistant with the ids of what follows.
func TestFrom(t *testing.T) {
	tok := tokenizer(t, true)
	end, _ := tok.ID(imEnd)
	n := 0
	for _, f := range formats {
		for _, d := range testDialogues(t) {
			whole, wholeMask, err := Encode(tok, f, d, RenderOptions{GenerationPrompt: true})
			if err != nil {
				t.Fatal(err)
			}
			for i, m := range d.Messages {
				if m.Role != RoleAssistant {
					continue
				}
				n++
				before := d
				before.Messages = d.Messages[:i+1]
				ids, mask, err := Encode(tok, f, before, RenderOptions{})
				if err != nil {
					t.Fatal(err)
				}
				last := len(ids)
				for ids[last-1] != end {
					last--
				}
				rest, restMask, err := Encode(tok, f, d, RenderOptions{GenerationPrompt: true, From: i + 1})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(whole, append(ids[:last:last], rest...)); diff != "" {
					t.Errorf("%s %s after message %d: %s", f.Name(), d.ID, i, diff)
				}
				if diff := cmp.Diff(wholeMask, append(mask[:last:last], restMask...)); diff != "" {
					t.Errorf("%s %s after message %d: mask: %s", f.Name(), d.ID, i, diff)
				}
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d cases", n)
	}
}

func TestEncodeNeedsItsTokens(t *testing.T) {
	docs := func(yield func([]byte, error) bool) { yield([]byte("some text"), nil) }
	tok, err := token.Train(t.Context(), token.TrainOptions{VocabSize: 300}, docs)
	if err != nil {
		t.Fatal(err)
	}
	d := Dialogue{Messages: []Message{{Role: RoleUser, Content: "Hi"}}}
	if _, _, err := Encode(tok, K2{}, d, RenderOptions{}); err != nil {
		t.Error(err)
	}
	_, _, err = Encode(tok, Hermes{}, d, RenderOptions{})
	if err == nil || !strings.Contains(err.Error(), "<|im_start|>") {
		t.Errorf("got %v, want an error that names <|im_start|>", err)
	}
}

func TestByName(t *testing.T) {
	for _, f := range formats {
		if got, err := ByName(f.Name()); got != f || err != nil {
			t.Errorf("%s: %v, %v", f.Name(), got, err)
		}
	}
	if _, err := ByName("alpaca"); err == nil {
		t.Error("no error for an unknown format")
	}
}
