package chat

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestDecode(t *testing.T) {
	cases := map[string]struct {
		in   string
		want Dialogue
	}{
		"null, parts and a number as id": {
			`{"id":7,"messages":[{"role":"assistant","content":null},{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}],"tools":null}`,
			Dialogue{ID: "7", Messages: []Message{says(""), user("ab")}},
		},
		"strings as in Parquet": {
			`{"messages":"[{\"role\":\"user\",\"content\":\"a\"}]","tools":"[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"b\":1,\"a\":2}}}]"}`,
			Dialogue{Messages: []Message{user("a")}, Tools: []Tool{{Name: "f", Parameters: []byte(`{"b":1,"a":2}`)}}},
		},
		"empty string of tools": {`{"messages":[],"tools":""}`, Dialogue{}},
		"flat tool": {
			`{"messages":[],"tools":[{"name":"f","description":"d","parameters":null}]}`,
			Dialogue{Tools: []Tool{{Name: "f", Description: "d"}}},
		},
		"arguments": {
			`{"messages":[{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{\"z\": 1.0, \"a\" :\"\\u003c\"} "}},
			  {"id":"2","type":"function","function":{"name":"f","arguments":{"z": 1.0, "a" :"\u003c"}}},{"function":{"name":"f","arguments":"no JSON"}},{"function":{"name":"f"}}]}]}`,
			Dialogue{Messages: []Message{calls(call("1", "f", `{"z": 1.0, "a" :"\u003c"} `), call("2", "f", `{"z": 1.0, "a" :"\u003c"}`), call("", "f", "no JSON"), ToolCall{Name: "f"})}},
		},
		"weight and unknown fields": {
			`{"messages":[{"role":"assistant","content":"a","weight":0,"refusal":null},{"role":"assistant","content":"b","weight":1,"annotations":[]}],"extra":{}}`,
			Dialogue{Messages: []Message{{Role: RoleAssistant, Content: "a", NoLoss: true}, says("b")}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got Dialogue
			if err := json.Unmarshal([]byte(c.in), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, sameDialogue); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeErrors(t *testing.T) {
	for in, want := range map[string]string{
		`{}`:                                 "no messages",
		`[]`:                                 "cannot unmarshal",
		`{"messages":{}}`:                    "messages: ",
		`{"messages":"["}`:                   "messages: ",
		`{"messages":[1]}`:                   "message 0: ",
		`{"messages":[{"content":"a"}]}`:     "message 0: no role",
		`{"messages":[{"role":"function"}]}`: `message 0: role "function"`,
		`{"messages":[],"tools":[{}]}`:       "tool 0: a tool without a name",
		`{"messages":[],"tools":{"a":1}}`:    "tools: ",
		`{"messages":[{"role":"assistant","tool_calls":[{"id":"1"}]}]}`:                               "message 0: call 0: a call without function",
		`{"messages":[{"role":"assistant","function_call":{"name":"f"}}]}`:                            "old form",
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}`:     `part 0 has type "image_url"`,
		`{"messages":[{"role":"user","content":7}]}`:                                                  "content: ",
		`{"messages":[{"role":"assistant","content":"a","weight":0.5}]}`:                              "weight 0.5",
		`{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":7}}]}]}`:                  "call 0: ",
		`{"messages":[{"role":"user"}],"tools":[{"type":"function","function":{"description":"d"}}]}`: "without a name",
	} {
		var d Dialogue
		if err := json.Unmarshal([]byte(in), &d); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", in, err, want)
		}
	}
}

func TestAppendJSON(t *testing.T) {
	d := Dialogue{
		ID: "x",
		Messages: []Message{
			{Role: RoleUser, Name: "Ada", Content: "<b>&\u2028\"\n\x01"},
			{Role: RoleAssistant, NoLoss: true, ToolCalls: []ToolCall{call("1", "f", "{\n}"), call("", "g", "")}},
			result("1", "f"),
		},
		Tools: []Tool{{Name: "f", Description: "d", Parameters: []byte(`{ "b": "\u003c", "a":1.0 }`)}, {Name: "g", Parameters: []byte("{\n \"a\": \"x y\\n\" }")}},
	}
	want := `{"id":"x","messages":[{"role":"user","name":"Ada","content":"<b>&` + "\u2028" + `\"\n\u0001"},` +
		`{"role":"assistant","content":"","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\n}"}},{"type":"function","function":{"name":"g","arguments":""}}],"weight":0},` +
		`{"role":"tool","tool_call_id":"1","name":"f","content":"r"}],` +
		`"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{ "b": "\u003c", "a":1.0 }}},` +
		`{"type":"function","function":{"name":"g","description":"","parameters":{"a":"x y\n"}}}]}`
	if diff := cmp.Diff(want, string(d.AppendJSON(nil))); diff != "" {
		t.Error(diff)
	}
}

func TestCanonical(t *testing.T) {
	in := ` { "b" : [ 1.50 , -0 , 1E5 ] , "a" : "\u00e9\ud83d\ude00\/\u003c\u0022\u005c\u000a\u0001\u007f é" , "\ud83d":"\udc00\u0041", "a":{}, "c":[] } `
	want := `{"b":[1.50,-0,1E5],"a":"é😀/<\"\\\n\u0001` + "\x7f" + ` é","\ud83d":"\udc00A","a":{},"c":[]}`
	if diff := cmp.Diff(want, string(appendCanonical(nil, []byte(in), compact))); diff != "" {
		t.Error(diff)
	}
	if got := string(appendCanonical(nil, []byte(`{"a":[1,2],"b":{}}`), spaced)); got != `{"a": [1, 2], "b": {}}` {
		t.Error(got)
	}
	if got := string(appendCanonical(nil, []byte(`{"a": no`), compact)); got != `{"a": no` {
		t.Error(got)
	}
}

func TestJSONL(t *testing.T) {
	in := "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}\r\n\n  \n{\"messages\":\n{\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}\n{\"messages\":[{\"role\":\"bot\"}]}\n{\"messages\":[{\"role\":\"user\",\"content\":\"b\"}]}"
	var got []string
	var good []Dialogue
	for d, err := range ReadJSONL(iotest.OneByteReader(strings.NewReader(in))) {
		if err != nil {
			got = append(got, err.Error())
			continue
		}
		good = append(good, d)
		got = append(got, d.Messages[0].Content)
	}
	want := []string{"a", "line 4: unexpected end of JSON input", "line 5: not valid UTF-8", `line 6: message 0: role "bot": want system, user, assistant or tool`, "b"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var b strings.Builder
	if err := WriteJSONL(&b, slices.Values(good)); err != nil {
		t.Fatal(err)
	}
	if want := `{"messages":[{"role":"user","content":"a"}]}` + "\n" + `{"messages":[{"role":"user","content":"b"}]}` + "\n"; b.String() != want {
		t.Errorf("got %q", b.String())
	}
	for range ReadJSONL(strings.NewReader(in)) {
		break // the reader must stop
	}
	broken := errors.New("broken")
	n := 0
	for _, err := range ReadJSONL(io.MultiReader(strings.NewReader("\n"), iotest.ErrReader(broken))) {
		if n++; !errors.Is(err, broken) || !strings.Contains(err.Error(), "line 2") {
			t.Error(err)
		}
	}
	if n != 1 {
		t.Errorf("%d errors", n)
	}
	if err := WriteJSONL(failing{}, slices.Values(good)); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Error(err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("full") }
