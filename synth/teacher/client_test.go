package teacher_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/chat"
	"muonclip/synth/teacher"
	"muonclip/synth/teacher/teachertest"
)

// echo answers with the last message.
func echo(r teachertest.Request) (chat.Message, error) {
	return chat.Message{Content: "You said: " + r.Messages[len(r.Messages)-1].Content}, nil
}

func ask(text string) teacher.Request {
	return teacher.Request{Messages: []chat.Message{{Role: chat.RoleUser, Content: text}}, Temperature: 0.5, MaxTokens: 50, Purpose: "test"}
}

func client(t *testing.T, c teacher.Config) *teacher.Client {
	t.Helper()
	m, err := teacher.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestFaults meets every fault: twice, after which the answer comes, and always, which is an error that says what
// happened and may be met again later.
func TestFaults(t *testing.T) {
	for fault, says := range map[teachertest.Fault]string{
		teachertest.RateLimited: "429", teachertest.ServerError: "upstream failed", teachertest.Unavailable: "overloaded",
		teachertest.Hang: "no whole answer within", teachertest.Drip: "no whole answer within", teachertest.Disconnect: "broke off",
		teachertest.Reset: "broke off", teachertest.BadJSON: `no JSON`, teachertest.Huge: "longer than 1048576 bytes",
		teachertest.NoChoices: "no choices", teachertest.WrongType: "Please sign in", teachertest.InBody: "internal",
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			server := teachertest.Start(t, "", echo, teachertest.Faults{Rate: 1, Kinds: []teachertest.Fault{fault}, Most: 2})
			config := server.Config()
			if fault == teachertest.Hang || fault == teachertest.Drip {
				config.Timeout = 500 * time.Millisecond
			}
			reply, err := client(t, config).Chat(t.Context(), ask("hello"))
			if err != nil || reply.Message.Content != "You said: hello" || reply.Finish != "stop" || reply.Model != "double" || reply.Cached {
				t.Errorf("%+v, %v", reply, err)
			}
			if n := server.Stats().Faults[fault]; n != 2 {
				t.Errorf("%d faults, want 2", n)
			}

			server = teachertest.Start(t, "", echo, teachertest.Faults{Rate: 1, Kinds: []teachertest.Fault{fault}})
			config.BaseURL, config.Attempts = server.URL, 3
			_, err = client(t, config).Chat(t.Context(), ask("hello"))
			var content *teacher.ContentError
			if err == nil || errors.As(err, &content) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "after 3 attempts") {
				t.Errorf("error %v, want one with %q after 3 attempts", err, says)
			}
			if n := server.Stats().Requests; n != 3 {
				t.Errorf("%d requests, want 3", n)
			}
		})
	}
}

// TestStatuses meets statuses that another attempt would not change.
func TestStatuses(t *testing.T) {
	for _, c := range []struct {
		status  int
		content bool
		says    string
	}{
		{400, true, "too long"}, {422, true, "too long"}, {413, true, "too long"}, {401, false, "check the API key"},
		{403, false, "check the API key"}, {404, false, "mostly ends in /v1"}, {302, false, "302"}, {402, false, "402"},
	} {
		var n atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n.Add(1)
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(`{"error":{"message":"too long, and your key is ` + r.Header.Get("Authorization") + `"}}`))
		}))
		_, err := client(t, teacher.Config{BaseURL: server.URL, Model: "m", APIKey: "very-secret", Pause: time.Millisecond}).Chat(t.Context(), ask("hello"))
		server.Close()
		var content *teacher.ContentError
		if err == nil || errors.As(err, &content) != c.content || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "very-secret") {
			t.Errorf("%d: %v", c.status, err)
		}
		if n.Load() != 1 {
			t.Errorf("%d: %d requests, want one", c.status, n.Load())
		}
	}
}

func TestNothingListens(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	ledger, err := teacher.OpenLedger("", 0)
	if err != nil {
		t.Fatal(err)
	}
	c := teacher.Config{BaseURL: server.URL + "/v1", Model: "m", Pause: time.Millisecond, Attempts: 3, Ledger: ledger, PriceIn: 1}
	if _, err := client(t, c).Chat(t.Context(), ask("hello")); err == nil || !strings.Contains(err.Error(), "3 attempts") {
		t.Error(err)
	}
	if ledger.Spent() != 0 {
		t.Errorf("%v spent on nobody", ledger.Spent())
	}
}

// TestNoKey: without a key none is sent, whatever the environment holds.
func TestNoKey(t *testing.T) {
	for _, name := range []string{"OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"} {
		t.Setenv(name, "ambient")
	}
	t.Setenv("OPENAI_BASE_URL", "http://127.0.0.1:1")
	var sent http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent = r.Header
		_, _ = w.Write([]byte(`{"choices":[{"message":{"content":"hi"}}]}`))
	}))
	defer server.Close()
	if _, err := client(t, teacher.Config{BaseURL: server.URL, Model: "m", Attempts: 1}).Chat(t.Context(), ask("hello")); err != nil {
		t.Fatal(err)
	}
	for name, values := range sent {
		if strings.Contains(strings.Join(values, " "), "ambient") {
			t.Errorf("%s: %v is sent", name, values)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	server := teachertest.Start(t, "", echo, teachertest.Faults{Rate: 1, Kinds: []teachertest.Fault{teachertest.RateLimited}, Most: 1, RetryAfter: 0.4})
	start := time.Now()
	if _, err := client(t, server.Config()).Chat(t.Context(), ask("hello")); err != nil || time.Since(start) < 400*time.Millisecond {
		t.Errorf("after %s: %v", time.Since(start), err)
	}
	server = teachertest.Start(t, "", echo, teachertest.Faults{Rate: 1, Kinds: []teachertest.Fault{teachertest.RateLimited}, RetryAfter: 7200})
	if _, err := client(t, server.Config()).Chat(t.Context(), ask("hello")); err == nil || server.Stats().Requests != 1 {
		t.Errorf("%d requests although the endpoint wants two hours: %v", server.Stats().Requests, err)
	}
}

// TestBreaker finds an endpoint that always fails: the client stops asking it, whoever calls.
func TestBreaker(t *testing.T) {
	server := teachertest.Start(t, "", echo, teachertest.Faults{Rate: 1, Kinds: []teachertest.Fault{teachertest.ServerError}})
	config := server.Config()
	config.Attempts, config.MaxFailures, config.Concurrency = 1000, 12, 4
	m := client(t, config)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := m.Chat(t.Context(), ask("hello")); !errors.Is(err, teacher.ErrDown) || !strings.Contains(err.Error(), "upstream failed") {
				t.Errorf("%v, want that the endpoint is down", err)
			}
		})
	}
	group.Wait()
	if n := server.Stats().Requests; n < 12 || n > 12+8 {
		t.Errorf("%d requests, want 12 and those under way", n)
	}
}

func TestCancel(t *testing.T) {
	server := teachertest.Start(t, "", echo, teachertest.Faults{Rate: 1, Kinds: []teachertest.Fault{teachertest.Hang}})
	config := server.Config()
	config.Timeout = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for server.Stats().Requests == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if _, err := client(t, config).Chat(ctx, ask("hello")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it was cancelled", err)
	}
}

func TestCache(t *testing.T) {
	server := teachertest.Start(t, "", echo, teachertest.Faults{})
	dir := filepath.Join(t.TempDir(), "made", "later")
	config := server.Config()
	config.Cache = teacher.NewCache(dir)
	m := client(t, config)
	chatOnce := func(r teacher.Request, requests int) teacher.Reply {
		t.Helper()
		reply, err := m.Chat(t.Context(), r)
		if n := server.Stats().Requests; err != nil || n != requests {
			t.Fatalf("%d requests, want %d: %v", n, requests, err)
		}
		return reply
	}
	first := chatOnce(ask("a"), 1)
	again := chatOnce(ask("a"), 1)
	if !again.Cached || !cmp.Equal(again.Message, first.Message) || again.Usage != first.Usage || again.Finish != first.Finish {
		t.Errorf("%+v, then %+v", first, again)
	}
	other := ask("a")
	other.Sample = 1
	chatOnce(other, 2)
	other.Temperature = 0.6
	chatOnce(other, 3)

	var paths []string
	_ = filepath.WalkDir(dir, func(path string, e os.DirEntry, _ error) error {
		if !e.IsDir() {
			paths = append(paths, path)
		}
		return nil
	})
	if len(paths) != 3 {
		t.Fatalf("%d entries, want 3", len(paths))
	}
	for i, path := range paths { // each is damaged in another way
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		broken := [][]byte{nil, data[:len(data)/2], []byte(strings.Replace(string(data), "You said", "You lied", 1))}[i]
		if err := os.WriteFile(path, broken, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := chatOnce(ask("a"), 4); got.Cached || got.Message.Content != "You said: a" {
		t.Errorf("from a damaged entry: %+v", got)
	}
	chatOnce(other, 5)
	if got := chatOnce(other, 5); !got.Cached {
		t.Error("the damaged entry was not written anew")
	}

	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			if _, err := m.Chat(t.Context(), ask("b")); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := server.Stats().Requests; n != 6 {
		t.Errorf("%d requests after six equal ones at the same time, want 6", n)
	}
}

// TestWire sends names, ids and bytes that OpenAI would not take or that JSON libraries like to change.
func TestWire(t *testing.T) {
	const schema = `{"type": "object",  "properties": {"z": {"type":"number","minimum":1.0}, "a<b": {"type":"string"}}}`
	const broken = `{"city": "Köln", "days": 1e400,, `
	long := "server.with.dots/" + strings.Repeat("x", 80)
	var got map[string]json.RawMessage
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		var in struct{ Tools []chat.Tool }
		_ = json.Unmarshal(got["tools"], &in.Tools)
		name := in.Tools[0].Name
		args, _ := json.Marshal(broken)
		_, _ = w.Write([]byte(`{"choices":[{"finish_reason":"tool_calls","message":{"content":null,"reasoning_content":"hm","tool_calls":[` +
			`{"id":"x","type":"function","function":{"name":"` + name + `","arguments":` + string(args) + `}},` +
			`{"id":"y","type":"function","function":{"name":"made_up","arguments":{"b": 1,  "a": 2.0}}}]}}]}`))
	}))
	defer server.Close()
	r := ask("weather?")
	r.Tools = []chat.Tool{{Name: long, Description: "d", Parameters: json.RawMessage(schema)}, {Name: "server_with_dots", Parameters: json.RawMessage(`{}`)}}
	id := chat.CallID(long, 0)
	r.Messages = append(r.Messages,
		chat.Message{Role: chat.RoleAssistant, NoLoss: true, ToolCalls: []chat.ToolCall{{ID: id, Name: long, Arguments: json.RawMessage(broken)}}},
		chat.Message{Role: chat.RoleTool, Name: long, ToolCallID: id, Content: "{}"})
	reply, err := client(t, teacher.Config{BaseURL: server.URL, Model: "m"}).Chat(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	want := []chat.ToolCall{{ID: "x", Name: long, Arguments: json.RawMessage(broken)}, {ID: "y", Name: "made_up", Arguments: json.RawMessage(`{"b": 1,  "a": 2.0}`)}}
	if diff := cmp.Diff(want, reply.Message.ToolCalls); diff != "" {
		t.Error(diff)
	}
	if reply.Usage.PromptTokens == 0 {
		t.Error("an endpoint that counts no tokens is free")
	}
	if !strings.Contains(string(got["tools"]), schema) {
		t.Errorf("the schema changed: %s", got["tools"])
	}
	var messages []struct {
		Name, ToolCallID string
		Weight           any
		ToolCalls        []struct {
			ID       string
			Function struct{ Name, Arguments string }
		} `json:"tool_calls"`
	}
	if err := json.Unmarshal(got["messages"], &messages); err != nil {
		t.Fatal(err)
	}
	call := messages[1].ToolCalls[0]
	if len(call.ID) > 40 || len(call.Function.Name) > 64 || strings.ContainsAny(call.Function.Name, "./") || call.Function.Arguments != broken {
		t.Errorf("%+v is sent", call)
	}
	if messages[1].Weight != nil || messages[2].Name != "" || !strings.Contains(string(got["messages"]), `"tool_call_id":"`+call.ID+`"`) {
		t.Errorf("%s is sent", got["messages"])
	}
}

// TestLimits counts the calls at the same time and measures how long a limited client takes at least.
func TestLimits(t *testing.T) {
	var now, most atomic.Int32
	server := teachertest.Start(t, "", func(r teachertest.Request) (chat.Message, error) {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(5 * time.Millisecond)
		return echo(r)
	}, teachertest.Faults{})
	for name, config := range map[string]teacher.Config{
		"requests": {Concurrency: 3, RequestsPerMinute: 1200}, // 20 at once, then 20 a second
		"tokens":   {Concurrency: 3, TokensPerMinute: 6e5},    // 600,000 at once, then 10,000 a second
	} {
		config.BaseURL, config.Model = server.URL, "m"
		m := client(t, config)
		most.Store(0)
		start := time.Now()
		var group sync.WaitGroup
		for i := range 26 {
			group.Go(func() {
				r := ask(strings.Repeat("ab", i))
				r.MaxTokens = 23_300
				if _, err := m.Chat(t.Context(), r); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if took := time.Since(start); took < 250*time.Millisecond {
			t.Errorf("%s: 26 calls in %s", name, took)
		}
		if most.Load() > 3 {
			t.Errorf("%s: %d calls at the same time, want 3", name, most.Load())
		}
	}
}

func TestNew(t *testing.T) {
	for url, says := range map[string]string{
		"": "want one such as", "ftp://host/v1": "want one such as", "http://": "want one such as", "host/v1": "want one such as",
		"https://me:hunter2@host/v1": "keys go into the environment", "https://host/v1?key=hunter2": "keys go into the environment", "http://%zz": "cannot be read",
	} {
		_, err := teacher.New(teacher.Config{BaseURL: url, Model: "m"})
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, want an error with %q", url, err, says)
		}
	}
	if _, err := teacher.New(teacher.Config{BaseURL: "http://host/v1"}); err == nil {
		t.Error("a client without a model")
	}
}
