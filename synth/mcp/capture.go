package mcp

import (
	"bytes"
	"encoding/json"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
)

// capture is where the bytes of a result go beside the way through the SDK, which would sort the keys of schemas and
// round numbers. It travels in the context of a request.
type capture struct {
	mu     sync.Mutex
	result json.RawMessage // nil until there is one
	bodies []*bytes.Buffer // of HTTP responses
	failed error           // what the web did to the last request, which the SDK words too vaguely
}

type captureKey struct{}

func (c *capture) set(result json.RawMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.result = bytes.Clone(result)
}

// body makes a place for the body of a response.
func (c *capture) body() *bytes.Buffer {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := new(bytes.Buffer)
	c.bodies = append(c.bodies, b)
	return b
}

// note remembers the first failure of a request; nil begins a new one. Nobody may be listening.
func (c *capture) note(err error) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil || c.failed == nil {
		c.failed = err
	}
}

func (c *capture) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}

// get returns the last result that was seen.
func (c *capture) get() json.RawMessage {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.bodies {
		for _, m := range bodyMessages(b.Bytes()) {
			if r, ok := m.(*jsonrpc.Response); ok && r.Error == nil {
				c.result = bytes.Clone(r.Result)
			}
		}
	}
	c.bodies = nil
	return c.result
}

// captors are the captures that wait for answers, by the ids of their requests.
type captors struct {
	mu      sync.Mutex
	waiting map[any]*capture
}

// wait makes c the place of the answer to a request. The answers to requests that were given up are forgotten when the
// connection ends.
func (c *captors) wait(id jsonrpc.ID, to *capture) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		c.waiting = map[any]*capture{}
	}
	c.waiting[id.Raw()] = to
}

func (c *captors) answer(r *jsonrpc.Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if to := c.waiting[r.ID.Raw()]; to != nil {
		delete(c.waiting, r.ID.Raw())
		if r.Error == nil {
			to.set(r.Result)
		}
	}
}

// elements splits a JSON array.
func elements(data []byte) ([][]byte, bool) {
	var list []json.RawMessage
	if json.Unmarshal(data, &list) != nil {
		return nil, false
	}
	out := make([][]byte, len(list))
	for i := range list {
		out[i] = list[i]
	}
	return out, len(out) > 0
}

// bodyMessages reads the messages of an HTTP body: JSON, or server-sent events whose data are JSON.
func bodyMessages(body []byte) []jsonrpc.Message {
	body = bytes.TrimSpace(body)
	if len(body) > 0 && (body[0] == '{' || body[0] == '[') {
		return decode(body)
	}
	var out []jsonrpc.Message
	var data []byte
	for line := range bytes.Lines(append(bytes.Clone(body), "\n\n"...)) {
		line = bytes.TrimRight(line, "\r\n")
		if rest, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			data = append(data, bytes.TrimPrefix(rest, []byte(" "))...)
			data = append(data, '\n')
		}
		if len(line) == 0 && len(data) > 0 {
			out = append(out, decode(bytes.TrimSpace(data))...)
			data = nil
		}
	}
	return out
}
