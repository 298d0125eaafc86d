package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

const httpSchema = `{"type":"object","required":["text"],"properties":{"text":{"type":"string"},"a":{"type":"integer"}}}`

// httpServer serves two tools by the SDK behind a handler that breaks things.
func httpServer(t *testing.T, stateless, asJSON bool, breaks func(http.ResponseWriter, *http.Request, http.Handler)) Server {
	t.Helper()
	server := sdk.NewServer(&sdk.Implementation{Name: "web", Version: "3"}, nil)
	server.AddTool(&sdk.Tool{Name: "say.it", Description: "Says it", InputSchema: json.RawMessage(httpSchema)}, func(_ context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: string(r.Params.Arguments)}}}, nil
	})
	server.AddTool(&sdk.Tool{Name: "huge", InputSchema: json.RawMessage(`{"type":"object"}`)}, func(context.Context, *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: strings.Repeat("h", 4<<20)}}}, nil
	})
	handler := http.Handler(sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return server }, &sdk.StreamableHTTPOptions{Stateless: stateless, JSONResponse: asJSON}))
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if breaks == nil {
			handler.ServeHTTP(w, r)
			return
		}
		breaks(w, r, handler)
	}))
	t.Cleanup(func() {
		web.CloseClientConnections()
		web.Close()
	})
	return Server{Name: "web", URL: web.URL, Limits: Limits{Message: 1 << 20, Grace: 500 * time.Millisecond}}
}

func TestHTTP(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		for _, stateless := range []bool{false, true} {
			s, err := Connect(t.Context(), httpServer(t, stateless, asJSON, nil))
			if err != nil {
				t.Fatal(err)
			}
			l, err := s.Tools(t.Context())
			if err != nil || len(l.Tools) != 2 || string(l.Tool("say.it").Parameters) != httpSchema {
				t.Errorf("%+v %v", l, err)
			}
			r, err := s.Call(t.Context(), "say.it", json.RawMessage(`{"text":"hi","a":12345678901234567890}`))
			if err != nil || r.Text() != `{"text":"hi","a":12345678901234567890}` {
				t.Errorf("%s %v", r.JSON(), err)
			}
			if r, err := s.Call(t.Context(), "nothing", json.RawMessage(`{}`)); err != nil || !r.IsError || !strings.Contains(r.Text(), "MCP error") {
				t.Errorf("%s %v", r.JSON(), err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestHTTPFaults holds that every failure of the web gives a clear error, that requests which were turned away are
// repeated, and that the next session works.
func TestHTTPFaults(t *testing.T) {
	before := runtime.NumGoroutine()
	hijack := func(w http.ResponseWriter, text string) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			fmt.Fprint(conn, text)
			conn.Close()
		}
	}
	for _, c := range []struct {
		name   string
		want   error
		text   string
		breaks func(w http.ResponseWriter, r *http.Request)
	}{
		{"500", ErrHTTP, "500 Internal Server Error", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oops", 500) }},
		{"500 in JSON", ErrHTTP, "500 Internal", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			fmt.Fprint(w, `{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"Internal server error"}}`)
		}},
		{"429 for good", ErrHTTP, "429 Too Many Requests, 4 times", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "0")
			http.Error(w, "slow down", http.StatusTooManyRequests)
		}},
		{"429 for long", ErrHTTP, "429 Too Many Requests", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			http.Error(w, "slow down", http.StatusTooManyRequests)
		}},
		{"disconnect", ErrHTTP, "EOF", func(w http.ResponseWriter, _ *http.Request) { hijack(w, "") }},
		{"half a body", ErrHTTP, "breaks off", func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"jsonrpc\"")
		}},
		{"half a stream", ErrHTTP, "", func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nevent: message\r\ndata: {\"jso")
		}},
		{"no JSON", ErrHTTP, "", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, "<html>")
		}},
		{"a page", ErrHTTP, "text/html", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>")
		}},
		{"elsewhere", ErrHTTP, "307", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/steal")
			w.WriteHeader(307)
		}},
		{"slow", ErrTimeout, "(700ms)", func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body) // only then is the end of the client seen
			<-r.Context().Done()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var broken atomic.Bool
			server := httpServer(t, true, true, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if broken.Load() && r.Method == http.MethodPost {
					c.breaks(w, r)
					return
				}
				next.ServeHTTP(w, r)
			})
			server.Limits.Call = 20 * time.Second
			if errors.Is(c.want, ErrTimeout) {
				server.Limits.Call = 700 * time.Millisecond
			}
			p, err := NewPool(server, 1, "")
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			e, err := p.Episode(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			broken.Store(true)
			_, err = e.Call(t.Context(), "say.it", json.RawMessage(`{"text":"hi"}`))
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), "server web: tools/call say.it") {
				t.Errorf("%v, want %v with %q", err, c.want, c.text)
			}
			e.Close()
			broken.Store(false)
			if e, err = p.Episode(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			if _, err := e.Call(t.Context(), "say.it", json.RawMessage(`{"text":"hi"}`)); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("huge", func(t *testing.T) {
		for _, asJSON := range []bool{true, false} {
			s, err := Connect(t.Context(), httpServer(t, true, asJSON, nil))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Call(t.Context(), "huge", json.RawMessage(`{}`)); !errors.Is(err, ErrTooLarge) {
				t.Errorf("%v", err)
			}
			s.Close()
		}
	})
	t.Run("refused", func(t *testing.T) {
		for status, want := range map[int]string{401: "401 Unauthorized", 500: "500 Internal"} {
			server := httpServer(t, true, true, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { http.Error(w, "no", status) })
			if _, err := Connect(t.Context(), server); !errors.Is(err, ErrHTTP) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "server web: initialize") {
				t.Errorf("%v", err)
			}
		}
		if _, err := Connect(t.Context(), Server{Name: "nobody", URL: "http://127.0.0.1:1/mcp"}); !errors.Is(err, ErrHTTP) || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%v", err)
		}
	})
	settle(t, before+2) // the idle connections of closed test servers may take their time
}

// TestHTTPRetry holds that a server which is busy is asked again, with the headers of the configuration.
func TestHTTPRetry(t *testing.T) {
	var turned atomic.Int32
	server := httpServer(t, true, true, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Header.Get("Authorization") != "Bearer top-secret" {
			http.Error(w, "who are you", http.StatusUnauthorized)
			return
		}
		if n := turned.Add(1); n%3 != 0 {
			w.Header().Set("Retry-After", "0")
			http.Error(w, "busy", []int{429, 503}[n%2])
			return
		}
		next.ServeHTTP(w, r)
	})
	server.Headers = map[string]string{"Authorization": "Bearer top-secret"}
	s, err := Connect(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if r, err := s.Call(t.Context(), "say.it", json.RawMessage(`{"text":"hi"}`)); err != nil || r.IsError {
		t.Errorf("%s %v", r.JSON(), err)
	}
	server.Headers = map[string]string{"Authorization": "Bearer stolen"}
	if _, err := Connect(t.Context(), server); err == nil || strings.Contains(err.Error(), "stolen") {
		t.Errorf("%v", err)
	}
}
