package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"muonclip/data/chat"
	"muonclip/synth/teacher"
	"muonclip/synth/tool"
)

// TestRecord holds that an episode can be played again from its record, and run again on a fresh server.
func TestRecord(t *testing.T) {
	p, err := NewPool(fake(t, "plain"), 1, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	run := func(by Executor, calls [][2]string) []Result {
		t.Helper()
		var out []Result
		for _, c := range calls {
			r, err := by.Call(t.Context(), c[0], json.RawMessage(c[1]))
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, r)
		}
		return out
	}
	calls := [][2]string{{"echo-it", `{"text":"a"}`}, {"fail", "{}"}, {"files.write", `{"path":"/workspace/x/y","text":"b"}`}, {"count", "{}"}, {"nothing", "{}"}}
	live, err := p.Episode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rec := &Recorder{Executor: live}
	first := run(rec, calls)
	if err := rec.Close(); err != nil || len(rec.Calls) != len(calls) {
		t.Errorf("%d calls recorded, %v", len(rec.Calls), err)
	}
	// The record survives a file.
	stored, err := json.Marshal(rec.Calls)
	if err != nil {
		t.Fatal(err)
	}
	var record []Call
	if err := json.Unmarshal(stored, &record); err != nil {
		t.Fatal(err)
	}
	for i, r := range run(&Playback{Calls: record}, calls) {
		if r.Text() != first[i].Text() || r.IsError != first[i].IsError {
			t.Errorf("%s became %s", first[i].JSON(), r.JSON())
		}
	}
	if first[2].Text() != "open /workspace/x/y: no such file or directory" {
		t.Errorf("%s", first[2].JSON())
	}
	played := &Playback{Calls: record[:1]}
	if _, err := played.Call(t.Context(), "fail", json.RawMessage("{}")); err == nil {
		t.Error("another call is played")
	}
	run(played, calls[:1])
	if _, err := played.Call(t.Context(), "fail", json.RawMessage("{}")); err == nil {
		t.Error("a call beyond the record is played")
	}
	for _, change := range []bool{false, true} {
		again, err := p.Episode(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if change {
			rec.Calls[3].Result = refusal("no")
		}
		if diff, err := Replay(t.Context(), again, rec.Calls); err != nil || (diff != "") != change {
			t.Errorf("%q %v", diff, err)
		}
		again.Close()
	}
	if r, err := (Distractor{}).Call(t.Context(), "x", nil); err != nil || !r.IsError {
		t.Errorf("%s %v", r.JSON(), err)
	}
}

// model answers what it is told to, and keeps the questions.
type model struct {
	answers   []string
	questions []teacher.Request
}

func (m *model) Chat(_ context.Context, r teacher.Request) (teacher.Reply, error) {
	m.questions = append(m.questions, r)
	if len(m.answers) == 0 {
		return teacher.Reply{}, errors.New("the endpoint is down")
	}
	answer := m.answers[0]
	m.answers = m.answers[1:]
	return teacher.Reply{Message: chat.Message{Role: chat.RoleAssistant, Content: answer}}, nil
}

func TestSimulator(t *testing.T) {
	tools, _, err := tool.Import("shop", []byte(`[{"name":"add.item","inputSchema":{"type":"object","required":["name"],"properties":{"name":{"type":"string"}}}}]`))
	if err != nil {
		t.Fatal(err)
	}
	m := &model{answers: []string{
		`{"result":{"id":7,"name":"pen"},"is_error":false,"state":"item 7: pen"}`,
		"Sure! Here you go", "```json\n{\"result\":\"no such item\",\"is_error\":true,\"state\":\"item 7: pen\"}\n```",
		"nonsense", `{"result":1,"is_error":false}`,
	}}
	s := &Simulator{Model: m, Tools: tools, Seed: 3}
	if s.Verifiable() {
		t.Error("a simulation is said to be verifiable")
	}
	e := s.Episode(5)
	call := func(name, args string) (Result, error) { return e.Call(t.Context(), name, json.RawMessage(args)) }
	if r, err := call("add.item", `{"name":"pen"}`); err != nil || string(r.Structured) != `{"id":7,"name":"pen"}` || r.Text() != `{"id":7,"name":"pen"}` {
		t.Errorf("%s %v", r.JSON(), err)
	}
	if r, err := call("add.item", `{"name":"cap"}`); err != nil || !r.IsError || r.Text() != "no such item" || len(m.questions) != 3 {
		t.Errorf("%s %v", r.JSON(), err)
	}
	q := m.questions[1]
	if !strings.Contains(q.Messages[1].Content, "item 7: pen") || q.Sample != 5 || q.Purpose != "simulate" || !q.JSON || q.Seed != 3 || len(m.questions[2].Messages) != 4 {
		t.Errorf("%+v", q)
	}
	for args, name := range map[string]string{`{}`: "add.item", `{"name":5}`: "add.item", `{"x":1}`: "other"} {
		if r, err := call(name, args); err != nil || !r.IsError || len(m.questions) != 3 {
			t.Errorf("%s %s: %s %v", name, args, r.JSON(), err)
		}
	}
	if _, err := call("add.item", `{"name":"cap"}`); err == nil || !strings.Contains(err.Error(), "no state in it") || e.State() != "item 7: pen" {
		t.Errorf("%v, state %q", err, e.State())
	}
	if _, err := call("add.item", `{"name":"cap"}`); err == nil || !strings.Contains(err.Error(), "the endpoint is down") {
		t.Errorf("%v", err)
	}
}

func TestText(t *testing.T) {
	for raw, want := range map[string]string{
		`{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}`:                                      "a\nb",
		`{"content":[{"type":"image","data":"AAAA","mimeType":"image/png"}]}`:                                      "[image, image/png, 3 bytes]",
		`{"content":[{"type":"resource","resource":{"uri":"u","text":"t"}},{"type":"resource_link","uri":"v"}]}`:   "t\n[resource v]",
		`{"content":[{"type":"resource","resource":{"uri":"u","mimeType":"application/gzip","blob":"AAAAAAAA"}}]}`: "[resource u, application/gzip, 6 bytes]",
		`{"structuredContent":{"a":1}}`: `{"a":1}`,
		`{"content":[],"isError":true}`: "",
	} {
		r, err := ParseResult([]byte(raw))
		if err != nil || r.Text() != want {
			t.Errorf("%s: %q %v, want %q", raw, r.Text(), err, want)
		}
	}
	for _, raw := range []string{"", "{}", "[]", `{"content":5}`, `{"content":["a"]}`, `{"content":null}`} {
		if _, err := ParseResult([]byte(raw)); err == nil {
			t.Errorf("accepted %s", raw)
		}
	}
}

// TestScratchPaths holds that paths go into a scratch folder and come out of it as they were.
func TestScratchPaths(t *testing.T) {
	s, err := newScratch(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.remove()
	for in, want := range map[string]string{
		"/workspace": s.work(), "/workspace/a b": s.work() + "/a b", "see /workspace.": "see /workspace.", "(/workspace)": "(" + s.work() + ")",
		"/workspaces": "/workspaces", "/home/workspace": "/home/workspace", "file:///workspace/x": "file://" + s.work() + "/x", "/workspace,/workspace/b": s.work() + "," + s.work() + "/b",
	} {
		if got := s.inwardText(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if got := string(s.outward([]byte(`"` + s.base + `/work/a" ` + s.home() + " " + s.temp() + "/t " + s.base + "/x " + s.base))); got != `"/workspace/a" /home/user /tmp/t /x /` {
		t.Error(got)
	}
	text := rapid.StringOfN(rapid.RuneFrom([]rune("/workspace-_. aé\"\\<\n")), 0, 40, -1)
	rapid.Check(t, func(t *rapid.T) {
		was := text.Draw(t, "text")
		args, err := json.Marshal(map[string]any{"a": []string{was}, "n": json.Number("12345678901234567890")})
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			A []string
			N json.Number
		}
		if err := json.Unmarshal(s.inward(args), &got); err != nil {
			t.Fatal(err)
		}
		if out := string(s.outward([]byte(got.A[0]))); out != was || got.N != "12345678901234567890" {
			t.Fatalf("%q became %q", was, out)
		}
	})
	if _, err := newScratch("/nowhere/at all"); err == nil {
		t.Error("a scratch folder in a folder that there is not")
	}
}
