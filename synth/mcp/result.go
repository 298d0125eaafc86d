package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Result is what a tool answered. The raw fields are the bytes that the server wrote, with the paths of the scratch
// folder replaced.
type Result struct {
	Content    json.RawMessage `json:"content"`                     // list of parts: text, image, audio, resource_link, resource
	Structured json.RawMessage `json:"structuredContent,omitempty"` // nil when there is none
	IsError    bool            `json:"isError,omitempty"`
}

// part is a piece of content of any type.
type part struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Data     string `json:"data"` // base64
	MIMEType string `json:"mimeType"`
	URI      string `json:"uri"`
	Resource *struct {
		URI      string `json:"uri"`
		MIMEType string `json:"mimeType"`
		Text     string `json:"text"`
		Blob     string `json:"blob"`
	} `json:"resource"`
}

// ParseResult reads the result of tools/call.
func ParseResult(raw []byte) (Result, error) {
	var r Result
	if err := json.Unmarshal(raw, &r); err != nil {
		return Result{}, fmt.Errorf("mcp: the result of a call: %w", err)
	}
	if bytes.Equal(r.Structured, []byte("null")) {
		r.Structured = nil
	}
	if len(r.Content) == 0 || bytes.Equal(r.Content, []byte("null")) {
		if r.Structured == nil && !r.IsError {
			return Result{}, errors.New("mcp: the result of a call has neither content nor structuredContent")
		}
		r.Content = json.RawMessage("[]")
	}
	if _, err := r.parts(); err != nil {
		return Result{}, fmt.Errorf("mcp: the content of a result: %w", err)
	}
	return r, nil
}

// refusal is an error that a tool, or its server, gives to an assistant.
func refusal(text string) Result {
	content, _ := json.Marshal([]map[string]string{{"type": "text", "text": text}}) // cannot fail
	return Result{Content: content, IsError: true}
}

func (r Result) parts() ([]part, error) {
	var list []part
	err := json.Unmarshal(r.Content, &list)
	return list, err
}

// Text is the result as an assistant reads it: the texts of its parts, one after another, and in the place of anything else
// a note of what it is. Where there is no content it is the structured content.
func (r Result) Text() string {
	parts, err := r.parts()
	if err != nil || len(parts) == 0 {
		return string(r.Structured)
	}
	var out []string
	for _, p := range parts {
		switch {
		case p.Type == "text":
			out = append(out, p.Text)
		case p.Type == "resource_link":
			out = append(out, fmt.Sprintf("[resource %s]", p.URI))
		case p.Resource != nil && p.Resource.Blob == "":
			out = append(out, p.Resource.Text)
		case p.Resource != nil:
			out = append(out, fmt.Sprintf("[resource %s, %s, %d bytes]", p.Resource.URI, p.Resource.MIMEType, len(p.Resource.Blob)/4*3))
		default:
			out = append(out, fmt.Sprintf("[%s, %s, %d bytes]", p.Type, p.MIMEType, len(p.Data)/4*3))
		}
	}
	return strings.Join(out, "\n")
}

// JSON is the result as one object: content, structuredContent where there is any, isError where it is true.
func (r Result) JSON() json.RawMessage {
	var b bytes.Buffer
	b.WriteString(`{"content":`)
	b.Write(r.Content)
	if r.Structured != nil {
		b.WriteString(`,"structuredContent":`)
		b.Write(r.Structured)
	}
	if r.IsError {
		b.WriteString(`,"isError":true`)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// Equal reports whether two results have the same bytes.
func (r Result) Equal(o Result) bool {
	return r.IsError == o.IsError && bytes.Equal(r.Content, o.Content) && bytes.Equal(r.Structured, o.Structured)
}
