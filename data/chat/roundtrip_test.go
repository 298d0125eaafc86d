package chat

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// drawText draws text that is likely to meet what is special about a format; marks allows the marks themselves.
func drawText(t *rapid.T, label string, marks bool) string {
	pieces := []string{"a", " ", "\n", "\t", "é", "😀", "\u2028", `"`, `\`, "<", "|", ">", "<|", "{", "}", ":", "/", "functions.", "\x00", "<|im_", "</"}
	if marks {
		pieces = append(pieces, imEnd, sectionBegin, callEnd, "<|tool_call_section_begin|>", toolCallOpen, toolCallClose, imStart)
	}
	return strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(pieces), rapid.StringN(0, 3, -1)), 0, 8).Draw(t, label), "")
}

// withoutMarks takes from a text what all marks hold.
func withoutMarks(s string) string {
	return strings.NewReplacer("|", "", "_", "").Replace(s)
}

// drawJSON draws a JSON object as text, with whitespace, in which strings may hold the marks of Hermes.
func drawJSON(t *rapid.T, marks bool) json.RawMessage {
	var value func(depth int) string
	value = func(depth int) string {
		switch kind := rapid.IntRange(0, 5).Draw(t, "kind"); {
		case kind == 0 && depth < 3:
			return "[" + value(depth+1) + " , " + value(depth+1) + "]"
		case kind == 1 && depth < 3:
			return "{" + string(appendString(nil, text(t, marks))) + " : " + value(depth+1) + "}"
		case kind == 2:
			return rapid.SampledFrom([]string{"0", "-1.50", "1e5", "true", "null", "12345678901234567890", `"\u00e9\/"`}).Draw(t, "literal")
		default:
			return string(appendString(nil, text(t, marks)))
		}
	}
	out := "{"
	for i := range rapid.IntRange(0, 3).Draw(t, "fields") {
		if i > 0 {
			out += ","
		}
		out += fmt.Sprintf("\n  \"k%d\": %s", i, value(0))
	}
	return json.RawMessage(out + "}")
}

func text(t *rapid.T, marks bool) string {
	s := drawText(t, "string", true)
	if !marks { // the marks of Hermes are safe in a string, special tokens are not
		s = strings.ReplaceAll(s, "|", "")
	}
	return s
}

// drawDialogue draws a valid dialogue. Without marks, its texts can be told from the marks of the formats when special
// tokens are spelled out.
func drawDialogue(t *rapid.T, marks bool) Dialogue {
	clean := func(s string) string {
		if marks {
			return s
		}
		return withoutMarks(s)
	}
	say := func(label string) string { return clean(drawText(t, label, marks)) }
	var d Dialogue
	for i := range rapid.IntRange(1, 3).Draw(t, "tools") {
		name := fmt.Sprintf("%s-%d", strings.TrimSpace(say("name")), i)
		d.Tools = append(d.Tools, Tool{Name: name, Description: say("description"), Parameters: drawJSON(t, marks)})
	}
	if rapid.Bool().Draw(t, "system") {
		d.Messages = append(d.Messages, Message{Role: RoleSystem, Content: "s" + say("system")})
	}
	calls := 0
	for range rapid.IntRange(1, 3).Draw(t, "turns") {
		d.Messages = append(d.Messages, Message{Role: RoleUser, Content: say("user")})
		for range rapid.IntRange(0, 2).Draw(t, "rounds") {
			m := Message{Role: RoleAssistant, Content: say("content")}
			var results []Message
			for range rapid.IntRange(1, 3).Draw(t, "calls") {
				tool := rapid.SampledFrom(d.Tools).Draw(t, "tool")
				c := ToolCall{CallID(tool.Name, calls), tool.Name, drawJSON(t, marks)}
				calls++
				m.ToolCalls = append(m.ToolCalls, c)
				results = append(results, Message{Role: RoleTool, Name: tool.Name, ToolCallID: c.ID, Content: say("result")})
			}
			d.Messages = append(append(d.Messages, m), results...)
		}
		d.Messages = append(d.Messages, Message{Role: RoleAssistant, Content: "c" + say("answer")})
	}
	return d
}

var sameDialogue = cmpopts.EquateEmpty()

// TestParseUndoesRender renders dialogues and parses each turn of the assistant back: as token ids with special
// tokens for all marks, as ids with marks of Hermes in ordinary text, and as plain text.
func TestParseUndoesRender(t *testing.T) {
	special, plain := tokenizer(t, false), tokenizer(t, true)
	for _, f := range formats {
		for _, marks := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/marks=%v", f.Name(), marks), func(t *testing.T) {
				rapid.Check(t, func(t *rapid.T) {
					d := drawDialogue(t, marks)
					if err := Validate(d, nil); err != nil {
						t.Fatalf("invalid: %v", err)
					}
					calls := 0
					for i, m := range d.Messages {
						if m.Role != RoleAssistant {
							continue
						}
						opts := ParseOptions{Tools: d.Tools, FirstCall: calls}
						calls += len(m.ToolCalls)
						alone := Dialogue{Messages: []Message{{Role: RoleUser}, m}}
						check := func(how string, out Output) {
							if err := out.Err(); err != nil {
								t.Fatalf("%s: message %d: %v", how, i, err)
							}
							if diff := cmp.Diff(m, out.Message(), sameDialogue); diff != "" {
								t.Fatalf("%s: message %d: %s", how, i, diff)
							}
						}
						ids, mask, err := Encode(special, f, alone, RenderOptions{From: 1})
						if err != nil {
							t.Fatal(err)
						}
						out, err := ParseIDs(special, f, ids[slices.Index(mask, true):lastTrained(mask)], opts)
						if err != nil {
							t.Fatal(err)
						}
						check("ids", out)
						if marks {
							continue
						}
						if ids, mask, err = Encode(plain, f, alone, RenderOptions{From: 1}); err != nil {
							t.Fatal(err)
						}
						if out, err = ParseIDs(plain, f, ids[slices.Index(mask, true):lastTrained(mask)], opts); err != nil {
							t.Fatal(err)
						}
						check("ids with marks as text", out)
						check("text", ParseText(f, trainedText(f.Render(alone, RenderOptions{}))[0], opts))
					}
				})
			})
		}
	}
}

// lastTrained is the index after the last trained id.
func lastTrained(mask []bool) int {
	for n := len(mask); n > 0; n-- {
		if mask[n-1] {
			return n
		}
	}
	return 0
}

func TestJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDialogue(t, true)
		d.ID = drawText(t, "id", true)
		line := d.AppendJSON(nil)
		if !json.Valid(line) || strings.Contains(string(line), "\n") {
			t.Fatalf("no line of JSON: %s", line)
		}
		want := d.Clone()
		for i := range want.Tools {
			want.Tools[i].Parameters = appendRaw(nil, want.Tools[i].Parameters)
		}
		var direct, standard Dialogue
		if err := json.Unmarshal(line, &direct); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, direct, sameDialogue); diff != "" {
			t.Fatal(diff)
		}
		marshalled, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(marshalled, &standard); err != nil {
			t.Fatal(err)
		}
		for i := range standard.Tools { // package json escapes <, > and & in schemas
			standard.Tools[i].Parameters, want.Tools[i].Parameters = appendCanonical(nil, standard.Tools[i].Parameters, compact), appendCanonical(nil, want.Tools[i].Parameters, compact)
		}
		if diff := cmp.Diff(want, standard, sameDialogue); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestShareGPTRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDialogue(t, true)
		line, err := ToShareGPT(d)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(line) {
			t.Fatalf("no JSON: %s", line)
		}
		back, err := FromShareGPT(line)
		if err != nil {
			t.Fatal(err)
		}
		for i := range d.Tools {
			d.Tools[i].Parameters = appendRaw(nil, d.Tools[i].Parameters)
		}
		if diff := cmp.Diff(d, back, sameDialogue); diff != "" {
			t.Fatal(diff)
		}
	})
}
