package chat

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseCallID(t *testing.T) {
	for id, want := range map[string]struct {
		name  string
		index int
		ok    bool
	}{
		"functions.get_weather:0":       {"get_weather", 0, true},
		"functions.get-weather:17":      {"get-weather", 17, true},
		"functions.a.b.c:1":             {"a.b.c", 1, true},
		"functions.functions.f:2":       {"functions.f", 2, true},
		"functions.a:1:2":               {"a:1", 2, true},
		"get_weather:3":                 {"get_weather", 3, true},
		"functions.f":                   {"f", 0, false},
		"functions.f:":                  {"f:", 0, false},
		"functions.f:-1":                {"f:-1", 0, false},
		"functions.f:99999999999":       {"f:99999999999", 0, false},
		"functions.:1":                  {"", 1, false},
		"call_abc":                      {"call_abc", 0, false},
		"":                              {"", 0, false},
		strings.Repeat("\xf0", 200):     {strings.Repeat("\xf0", 200), 0, false},
		"functions.日本-語:4":              {"日本-語", 4, true},
		"functions.<|tool_call_end|>:5": {"<|tool_call_end|>", 5, true},
	} {
		name, index, err := ParseCallID(id)
		if name != want.name || index != want.index || (err == nil) != want.ok {
			t.Errorf("%q: %q, %d, %v", id, name, index, err)
		}
		if err != nil && (!errors.Is(err, ErrCallID) || len(err.Error()) > 500) {
			t.Errorf("%q: %v", id, err)
		}
		if err == nil && strings.HasPrefix(id, callPrefix) && CallID(name, index) != id {
			t.Errorf("%q is written as %q", id, CallID(name, index))
		}
	}
}

func TestRenumber(t *testing.T) {
	d := Dialogue{Messages: []Message{
		user("a"),
		calls(call("functions.f:0", "f", "{}"), call("functions.g:1", "g", "{}")), result("functions.g:1", ""), result("functions.f:0", ""),
		calls(call("functions.f:0", "f", "{}")), result("functions.f:0", ""), // a counter for each turn
		calls(call("", "f", "{}"), call("", "g", "{}")), result("", "g"), result("", "f"),
		calls(call("call_x", "a-b.c", "{}")),
	}}
	var want []string
	for _, s := range []string{"f:0", "g:1", "g:1", "f:0", "f:2", "f:2", "f:3", "g:4", "g:4", "f:3", "a-b.c:5"} {
		want = append(want, "functions."+s)
	}
	before := d.Clone()
	out, err := Renumber(d)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range out.Messages {
		for _, c := range m.ToolCalls {
			got = append(got, c.ID)
		}
		if m.Role == RoleTool {
			got = append(got, m.ToolCallID)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before, d); diff != "" {
		t.Errorf("the dialogue itself changed: %s", diff)
	}
	for name, messages := range map[string][]Message{
		"stray result": {user("a"), result("x", "")},
		"wrong result": {calls(call("1", "f", "{}")), result("2", "f")},
		"same ids":     {calls(call("1", "f", "{}"), call("1", "f", "{}"))},
	} {
		if _, err := Renumber(Dialogue{Messages: messages}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
