package teacher

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"muonclip/data/chat"
)

// wireReply is the part of a chat completion that is read. Whatever else a server sends, such as reasoning_content, is
// ignored.
type wireReply struct {
	Model   string `json:"model"`
	Choices []struct {
		Finish  string          `json:"finish_reason"`
		Message json.RawMessage `json:"message"`
	} `json:"choices"`
	Usage *struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
	} `json:"usage"`
	Error json.RawMessage `json:"error"`
}

// decode reads the body of a chat completion. An error is about the endpoint: another attempt may give a proper answer.
func decode(body []byte, n *names) (reply Reply, counted bool, err error) {
	var in wireReply
	if err := json.Unmarshal(body, &in); err != nil {
		return Reply{}, false, fmt.Errorf("the answer is no JSON: %w", err)
	}
	if len(in.Error) > 0 && !bytes.Equal(in.Error, []byte("null")) {
		return Reply{}, false, errors.New("the answer is an error")
	}
	if len(in.Choices) == 0 || len(in.Choices[0].Message) == 0 {
		return Reply{}, false, errors.New("the answer has no choices")
	}
	if reply.Message, err = decodeMessage(in.Choices[0].Message, n); err != nil {
		return Reply{}, false, fmt.Errorf("the message of the answer: %w", err)
	}
	reply.Finish, reply.Model = in.Choices[0].Finish, in.Model
	if in.Usage == nil {
		return reply, false, nil
	}
	if in.Usage.Prompt < 0 || in.Usage.Completion < 0 {
		return Reply{}, false, fmt.Errorf("the answer used %d and %d tokens, want no negative numbers", in.Usage.Prompt, in.Usage.Completion)
	}
	reply.Usage = Usage{PromptTokens: in.Usage.Prompt, CompletionTokens: in.Usage.Completion}
	return reply, in.Usage.Prompt > 0, nil
}

// decodeMessage reads an assistant's message and gives calls the names that the tools have here. Some servers leave out
// the role, and some send fields of old clients, so only what counts is looked at.
func decodeMessage(raw json.RawMessage, n *names) (chat.Message, error) {
	var in struct {
		Content json.RawMessage `json:"content"`
		Calls   []chat.ToolCall `json:"tool_calls"`
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return chat.Message{}, err
	}
	if len(in.Content) == 0 {
		in.Content = json.RawMessage("null")
	}
	var m chat.Message // which knows contents in parts
	if err := json.Unmarshal(slices.Concat([]byte(`{"role":"assistant","content":`), in.Content, []byte("}")), &m); err != nil {
		return chat.Message{}, err
	}
	m.ToolCalls = in.Calls
	for i, c := range m.ToolCalls {
		if local, ok := n.local[c.Name]; ok {
			m.ToolCalls[i].Name = local
		}
	}
	return m, nil
}

// beginning is the first part of a body, on one line and without control characters.
func beginning(body []byte) string {
	const limit = 200
	text := strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(body[:min(len(body), 2*limit)]), "\uFFFD"))
	text = strings.TrimSpace(text)
	if text == "" {
		return "(nothing)"
	}
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}
