// Package teachertest is a double of an OpenAI-compatible endpoint for tests: it answers chat completions over HTTP by a
// function, and on demand it fails in the ways in which endpoints fail. Which request fails how depends on a seed and
// on the request alone.
package teachertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/zeebo/xxh3"

	"muonclip/data/chat"
	"muonclip/synth/teacher"
)

// Request is the part of a request that answers may depend on.
type Request struct {
	Model       string         `json:"model"`
	Messages    []chat.Message `json:"messages"`
	Tools       []chat.Tool    `json:"tools"`
	Temperature float64        `json:"temperature"`
	MaxTokens   int            `json:"max_tokens"`
	Seed        int64          `json:"seed"`
}

// Answer answers requests. It is called from several goroutines. An error becomes the status 400.
type Answer func(Request) (chat.Message, error)

// Server is a running endpoint.
type Server struct {
	URL    string // base URL for clients
	answer Answer
	faults Faults
	key    string

	mu       sync.Mutex
	tries    map[uint64]int // of each body
	answered map[uint64]int // 200s with a whole body
	stats    Stats
	quit     chan struct{}
}

// Stats counts what a server saw.
type Stats struct {
	Requests int
	Answered int // properly
	Repeated int // proper answers to a request that had got one before
	Faults   map[Fault]int
	Tokens   int64 // of the proper answers
}

// Start starts a server that lives as long as the test. key is the API key that it wants; "" takes all.
func Start(t testing.TB, key string, answer Answer, faults Faults) *Server {
	t.Helper()
	s := &Server{answer: answer, faults: faults, key: key, tries: map[uint64]int{}, answered: map[uint64]int{}, quit: make(chan struct{})}
	s.stats.Faults = map[Fault]int{}
	h := httptest.NewServer(s)
	s.URL = h.URL + "/v1"
	t.Cleanup(func() {
		close(s.quit)
		h.CloseClientConnections()
		h.Close()
	})
	return s
}

// Stats is what the server saw so far.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.stats
	out.Faults = map[Fault]int{}
	for k, v := range s.stats.Faults {
		out.Faults[k] = v
	}
	return out
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	switch {
	case s.key != "" && r.Header.Get("Authorization") != "Bearer "+s.key:
		fail(w, http.StatusUnauthorized, fmt.Sprintf("Incorrect API key provided: %s", r.Header.Get("Authorization")))
		return
	case r.Method != http.MethodPost || r.URL.Path != "/v1/chat/completions":
		fail(w, http.StatusNotFound, "no such path "+r.URL.Path)
		return
	}
	hash := xxh3.Hash(body)
	s.mu.Lock()
	fault := s.faults.pick(hash, s.tries[hash])
	s.tries[hash]++
	s.stats.Requests++
	if fault != None {
		s.stats.Faults[fault]++
	}
	s.mu.Unlock()
	if fault.early(w, r, s.quit, s.faults) {
		return
	}
	reply, tokens, err := s.reply(body)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	if fault.late(w, r, s.quit, reply) {
		return
	}
	s.mu.Lock()
	s.stats.Answered++
	if s.answered[hash] > 0 {
		s.stats.Repeated++
	}
	s.answered[hash]++
	s.stats.Tokens += tokens
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(reply)
}

// reply makes the body of a completion. A token is four bytes here.
func (s *Server) reply(body []byte) ([]byte, int64, error) {
	var in Request
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, 0, err
	}
	if len(in.Messages) == 0 {
		return nil, 0, errors.New("no messages")
	}
	m, err := s.answer(in)
	if err != nil {
		return nil, 0, err
	}
	m.Role = chat.RoleAssistant
	finish := "stop"
	if len(m.ToolCalls) > 0 {
		finish = "tool_calls"
	}
	for i := range m.ToolCalls {
		m.ToolCalls[i].ID = fmt.Sprintf("chatcmpl-tool-%d", i)
	}
	text := m.AppendJSON(nil)
	prompt, completion := (len(body)+3)/4, (len(text)+3)/4
	out := fmt.Appendf(nil, `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":%q,"choices":[{"index":0,"message":%s,"finish_reason":%q}],`+
		`"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}}`, in.Model, text, finish, prompt, completion, prompt+completion)
	return out, int64(prompt + completion), nil
}

// fail writes an error in OpenAI's shape.
func fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"message": message, "type": "invalid_request_error", "param": nil, "code": nil}})
}

// Config is the configuration of a client for the server, with pauses that suit a test.
func (s *Server) Config() teacher.Config {
	return teacher.Config{BaseURL: s.URL, Model: "double", APIKey: s.key, Pause: testPause, Timeout: testTimeout, MaxBody: 1 << 20}
}
