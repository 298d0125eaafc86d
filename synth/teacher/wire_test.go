package teacher

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muonclip/data/chat"
)

// TestNames: whatever tools are called, their names on the wire are fine, differ, and lead back.
func TestNames(t *testing.T) {
	name := rapid.OneOf(rapid.StringMatching(`[a-z_]{1,4}`), rapid.StringMatching(`[a-zA-Z0-9_./: -]{1,90}`), rapid.String(), rapid.StringMatching(`a[._]b`))
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfDistinct(name, rapid.ID[string]).Draw(t, "names")
		var r Request
		for _, s := range list {
			r.Tools = append(r.Tools, chat.Tool{Name: s})
		}
		for i := range list { // a clash on purpose: a tool that is called as the wire calls another
			if rapid.IntRange(0, 9).Draw(t, "clash") == 0 {
				r.Tools = append(r.Tools, chat.Tool{Name: respell(list[i], 0)})
			}
		}
		n := newNames(r)
		for _, x := range r.Tools {
			wire := n.wire[x.Name]
			if !plainName(wire) || n.local[wire] != x.Name {
				t.Fatalf("%q is %q on the wire, which is %q here", x.Name, wire, n.local[wire])
			}
			if plainName(x.Name) && wire != x.Name {
				t.Fatalf("%q became %q", x.Name, wire)
			}
		}
	})
}

// TestEncode: equal requests have equal bodies, which are JSON of the shape that OpenAI reads.
func TestEncode(t *testing.T) {
	r := Request{
		Messages: []chat.Message{{Role: chat.RoleSystem, Content: "Be <brief> & \"good\"\u2028"}, {Role: chat.RoleUser, Content: "Köln?"}},
		Tools:    []chat.Tool{{Name: "w", Description: "d", Parameters: json.RawMessage(`{"type":"object"}`)}}, Temperature: 0.25, TopP: 0.9, MaxTokens: 7, Seed: 1 << 52, JSON: true,
	}
	const want = `{"max_tokens":7,"messages":[{"content":"Be \u003cbrief\u003e \u0026 \"good\"\u2028","role":"system"},{"content":"Köln?","role":"user"}],` +
		`"model":"m","response_format":{"type":"json_object"},"seed":4503599627370496,"temperature":0.25,` +
		`"tools":[{"function":{"description":"d","name":"w","parameters":{"type":"object"}},"type":"function"}],"top_p":0.9}`
	body := encode("m", r).body
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	got, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if !bytes.Equal(body, encode("m", r).body) {
		t.Error("the same request has two bodies")
	}
}

func TestDecode(t *testing.T) {
	for body, says := range map[string]string{
		``: "no JSON", `[`: "no JSON", `[]`: "no JSON", `{}`: "no choices", `{"choices":[{}]}`: "no choices", `{"choices":[{"message":7}]}`: "the message",
		`{"choices":[{"message":{"content":[{"type":"image_url"}]}}]}`: "only text is known", `{"error":"x","choices":[{"message":{}}]}`: "is an error",
		`{"choices":[{"message":{"tool_calls":[{"id":"1"}]}}]}`: "without function", `{"choices":[{"message":{}}],"usage":{"prompt_tokens":-4}}`: "negative",
	} {
		if _, _, err := decode([]byte(body), newNames(Request{})); err == nil || !bytes.Contains([]byte(err.Error()), []byte(says)) {
			t.Errorf("%s: %v, want an error with %q", body, err, says)
		}
	}
	reply, counted, err := decode([]byte(`{"model":"m","error":null,"choices":[{"finish_reason":"stop","message":{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],
		"refusal":null,"tool_calls":null,"function_call":null,"reasoning":"x"}},{"message":{"content":"second"}}],"usage":{"prompt_tokens":3,"completion_tokens":2}}`), newNames(Request{}))
	if err != nil || !counted || reply.Message.Content != "ab" || reply.Usage != (Usage{3, 2, 0}) || reply.Finish != "stop" || reply.Model != "m" {
		t.Errorf("%+v, %v, %v", reply, counted, err)
	}
}

// FuzzDecode: an answer may be anything; it is taken or refused, and what is shown of it is short and cannot steer a terminal.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"choices":[{"finish_reason":"stop","message":{"content":"hi","tool_calls":[{"id":"1","function":{"name":"w","arguments":"{"}}]}}],"usage":{"prompt_tokens":1}}`))
	f.Add([]byte("{\"choices\":\x1b[31m\xff"))
	n := newNames(Request{Tools: []chat.Tool{{Name: "a.b"}}})
	f.Fuzz(func(t *testing.T, body []byte) {
		reply, _, err := decode(body, n)
		if err == nil {
			if reply.Message.Role != chat.RoleAssistant {
				t.Errorf("the role is %q", reply.Message.Role)
			}
			again, err := json.Marshal(reply.Message)
			var back chat.Message
			if err != nil || json.Unmarshal(again, &back) != nil {
				t.Errorf("%s cannot be kept: %v", again, err)
			}
		}
		text := beginning(body)
		if !utf8.ValidString(text) || utf8.RuneCountInString(text) > 201 || bytes.ContainsAny([]byte(text), "\n\r\x1b\x00") {
			t.Errorf("%q is shown", text)
		}
	})
}

func TestWaitOf(t *testing.T) {
	now := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "2": 2 * time.Second, "0.5": 500 * time.Millisecond, "-3": 0, "soon": 0, "1e300": 24 * time.Hour, "NaN": 0,
		"Sat, 14 Mar 2026 12:01:00 GMT": time.Minute, "Sat, 14 Mar 2026 11:00:00 GMT": 0,
	} {
		if got := waitOf(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("Retry-After %q: %s, want %s", value, got, want)
		}
	}
	if got := waitOf(http.Header{"Retry-After": {"2"}, "Retry-After-Ms": {"30"}}, now); got != 30*time.Millisecond {
		t.Errorf("%s, want 30 ms", got)
	}
}
