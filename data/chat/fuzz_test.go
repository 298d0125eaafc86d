package chat

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// describe makes events comparable.
func describe(events []Event) []string {
	var out []string
	for _, e := range merged(events) {
		out = append(out, fmt.Sprintf("%d %d %q %q %q %q %v %v %s", e.Kind, e.Index, e.Text, e.Call.ID, e.Call.Name, e.Call.Arguments, e.Call.Err, e.Err, e.Finish))
	}
	return out
}

// FuzzParse feeds any text in pieces of any size: nothing panics, and how the text is cut changes nothing.
func FuzzParse(f *testing.F) {
	for _, c := range k2Cases {
		f.Add(c.text, uint8(3), false)
	}
	for _, c := range hermesCases {
		f.Add(c.text, uint8(5), true)
	}
	f.Fuzz(func(t *testing.T, text string, size uint8, stripped bool) {
		for _, format := range formats {
			opts := ParseOptions{Tools: someTools, Arguments: noNegative{}, EndStripped: stripped}
			whole, pieces := format.NewParser(opts), format.NewParser(opts)
			want := whole.Close(whole.Plain(nil, text))
			var got []Event
			for i, n := 0, int(size)%7+1; i < len(text); i += n {
				got = pieces.Plain(got, text[i:min(i+n, len(text))])
			}
			got = pieces.Close(got)
			if diff := cmp.Diff(describe(want), describe(got)); diff != "" {
				t.Fatalf("%s: %q in pieces of %d: %s", format.Name(), text, size, diff)
			}
			checkEvents(t, want, whole.Output())
		}
	})
}

// checkEvents compares the events of a turn with its output.
func checkEvents(t *testing.T, events []Event, out Output) {
	t.Helper()
	content, ends := "", 0
	arguments := map[int]string{}
	for _, e := range events {
		switch e.Kind {
		case EventContent:
			content += e.Text
		case EventArguments:
			arguments[e.Index] += e.Text
		case EventCallEnd:
			if got := out.Calls[e.Index]; got.Name != e.Call.Name || string(got.Arguments) != string(e.Call.Arguments) || arguments[e.Index] != string(got.Arguments) {
				t.Fatalf("call %d: %+v and %+v", e.Index, e.Call, got)
			}
			if got := out.Calls[e.Index]; got.Err == nil && !isObject(got.Arguments) {
				t.Fatalf("call %d has bad arguments and no error: %q", e.Index, got.Arguments)
			}
		case EventEnd:
			ends++
		}
	}
	if content != out.Content || ends != 1 || out.Finish == "" {
		t.Fatalf("content %q and %q, %d ends, finish %q", content, out.Content, ends, out.Finish)
	}
}

// FuzzParserCalls feeds text, special tokens and plain text in any order.
func FuzzParserCalls(f *testing.F) {
	f.Add([]byte("0a1b2c<|im_9"), false)
	f.Add([]byte{0, 8, 7, 1, 7, 2, 7, 3, 0xff, 6}, true)
	tokens := []string{sectionBegin, sectionEnd, callBegin, argumentBegin, callEnd, imUser, imEnd, "<|tool_arguments_begin|>", toolCallOpen, toolCallClose, "[EOS]"}
	f.Fuzz(func(t *testing.T, data []byte, marks bool) {
		for _, format := range formats {
			p := format.NewParser(ParseOptions{Tools: someTools, MarksAreSpecial: marks})
			var events []Event
			for i, b := range data {
				switch b % 4 {
				case 0:
					events = p.Special(events, tokens[int(b/4)%len(tokens)])
				case 1:
					events = p.Text(events, string(data[i:min(len(data), i+int(b/4))]))
				case 2:
					events = p.Plain(events, tokens[int(b/4)%len(tokens)][:int(b)%6])
				case 3:
					events = p.Plain(events, string(data[max(0, i-int(b/4)):i]))
				}
			}
			checkEvents(t, p.Close(events), p.Output())
		}
	})
}

// FuzzDialogueJSON decodes anything; what can be decoded survives being written and read.
func FuzzDialogueJSON(f *testing.F) {
	for _, d := range testDialogues(f) {
		f.Add(d.AppendJSON(nil))
	}
	f.Add([]byte(`{"messages":"[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}]","tools":"[{\"name\":\"f\"}]","id":7}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var d, back Dialogue
		if json.Unmarshal(data, &d) != nil {
			return
		}
		line := d.AppendJSON(nil)
		if err := json.Unmarshal(line, &back); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		for i := range d.Tools {
			d.Tools[i].Parameters = appendRaw(nil, d.Tools[i].Parameters)
		}
		if diff := cmp.Diff(d, back, sameDialogue); diff != "" {
			t.Fatal(diff)
		}
		_ = Validate(d, nil)
		for _, format := range formats {
			format.Render(d, RenderOptions{GenerationPrompt: true})
		}
	})
}

// FuzzShareGPT decodes anything; what can be written again is the same then.
func FuzzShareGPT(f *testing.F) {
	f.Add([]byte(`{"conversations":[{"from":"human","value":"x"},{"from":"function_call","value":"[{\"name\":\"f\",\"arguments\":{}}]"},{"from":"observation","value":"[1]"},{"from":"gpt","value":""}],"system":"s","tools":"[]"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := FromShareGPT(data)
		if err != nil {
			return
		}
		line, err := ToShareGPT(d)
		if err != nil {
			return
		}
		if _, err := FromShareGPT(line); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
	})
}

// FuzzCanonical writes JSON text anew: it means the same, and a second time changes nothing.
func FuzzCanonical(f *testing.F) {
	f.Add([]byte(` { "a" : [ 1.50 , -0, "\u00e9\ud83d\ude00\ud83d\/\u0000\"" ] , "a":{} } `))
	f.Add([]byte(`"\ud83d\ud83d\ude00\udbff\\u"`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		for _, sep := range []separators{compact, spaced} {
			once := appendCanonical(nil, raw, sep)
			if twice := appendCanonical(nil, once, sep); string(once) != string(twice) {
				t.Fatalf("%s, then %s", once, twice)
			}
			var before, after any
			if err := json.Unmarshal(raw, &before); err != nil {
				return // a number out of range
			}
			if err := json.Unmarshal(once, &after); err != nil {
				t.Fatalf("%v: %s", err, once)
			}
			if diff := cmp.Diff(before, after); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}
