package teacher

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	"muonclip/data/chat"
)

const (
	// maxName is the longest name of a function that OpenAI takes.
	maxName = 64
	// maxID is the longest id of a call that OpenAI takes.
	maxID = 40
)

// names maps the names of tools to such as OpenAI takes, letters, digits, hyphens and underscores, at most 64, and back.
// Names that are fine stay as they are.
type names struct {
	wire  map[string]string
	local map[string]string
}

// newNames maps the names of all tools and calls of a request.
func newNames(r Request) *names {
	n := &names{wire: map[string]string{}, local: map[string]string{}}
	var odd []string
	add := func(name string) {
		if _, seen := n.wire[name]; seen {
			return
		}
		if plainName(name) {
			n.wire[name], n.local[name] = name, name
			return
		}
		n.wire[name] = ""
		odd = append(odd, name)
	}
	for _, t := range r.Tools {
		add(t.Name)
	}
	for _, m := range r.Messages {
		for _, c := range m.ToolCalls {
			add(c.Name)
		}
	}
	for _, name := range odd { // after the plain ones, which must not be taken from them
		wire := respell(name, 0)
		for try := 1; ; try++ {
			if _, taken := n.local[wire]; !taken {
				break
			}
			wire = respell(name, try)
		}
		n.wire[name], n.local[wire] = wire, name
	}
	return n
}

func plainName(s string) bool {
	return s != "" && len(s) <= maxName && !strings.ContainsFunc(s, func(r rune) bool { return !plainRune(r) })
}

func plainRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-'
}

// respell makes a plain name that is close to the given one and ends in a hash of it.
func respell(name string, try int) string {
	sum := sha256.Sum256([]byte(name + "#" + strconv.Itoa(try)))
	tail := "_" + hex.EncodeToString(sum[:4])
	head := strings.Map(func(r rune) rune {
		if plainRune(r) {
			return r
		}
		return '_'
	}, name)
	return head[:min(len(head), maxName-len(tail))] + tail
}

// wireRequest is a request as it is sent.
type wireRequest struct {
	body  []byte
	names *names
}

// encode writes the body of a request. Fields stand in a fixed order and schemas and arguments keep their bytes, so equal
// requests have equal bodies. max_tokens is used rather than max_completion_tokens because all servers know it.
func encode(model string, r Request) wireRequest {
	w := wireRequest{names: newNames(r)}
	b := append(appendText([]byte(`{"model":`), model), `,"messages":`...)
	b = chat.AppendMessages(b, wireMessages(r.Messages, w.names))
	if len(r.Tools) > 0 {
		tools := make([]chat.Tool, len(r.Tools))
		for i, t := range r.Tools {
			t.Name = w.names.wire[t.Name]
			tools[i] = t
		}
		b = chat.AppendTools(append(b, `,"tools":`...), tools)
	}
	b = strconv.AppendFloat(append(b, `,"temperature":`...), r.Temperature, 'g', -1, 64)
	if r.TopP != 0 {
		b = strconv.AppendFloat(append(b, `,"top_p":`...), r.TopP, 'g', -1, 64)
	}
	if r.MaxTokens > 0 {
		b = strconv.AppendInt(append(b, `,"max_tokens":`...), int64(r.MaxTokens), 10)
	}
	b = strconv.AppendInt(append(b, `,"seed":`...), r.Seed, 10)
	if r.JSON {
		b = append(b, `,"response_format":{"type":"json_object"}`...)
	}
	w.body = append(b, '}')
	return w
}

// wireMessages maps names and ids, and drops what OpenAI's messages do not have.
func wireMessages(messages []chat.Message, n *names) []chat.Message {
	out := make([]chat.Message, len(messages))
	ids := map[string]string{}
	count := 0
	for i, m := range messages {
		m.NoLoss = false
		if m.Role == chat.RoleTool {
			m.Name = ""
			if id, ok := ids[m.ToolCallID]; ok {
				m.ToolCallID = id
			}
		}
		calls := make([]chat.ToolCall, len(m.ToolCalls))
		for k, c := range m.ToolCalls {
			id := c.ID
			if id == "" || len(id) > maxID {
				id = "call_" + strconv.Itoa(count)
			}
			ids[c.ID] = id
			calls[k] = chat.ToolCall{ID: id, Name: n.wire[c.Name], Arguments: c.Arguments}
			count++
		}
		if len(calls) > 0 {
			m.ToolCalls = calls
		}
		out[i] = m
	}
	return out
}

func appendText(dst []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings always have a form
	}
	return append(dst, text...)
}
