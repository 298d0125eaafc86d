package chat

// AppendJSON appends the dialogue as a JSON object with the fields id (where there is one), messages and tools
// (where there are any), on one line. json.Marshal gives the same but escapes <, > and & and drops the whitespace
// of schemas.
func (d Dialogue) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	if d.ID != "" {
		dst = append(dst, `"id":`...)
		dst = append(appendString(dst, d.ID), ',')
	}
	dst = AppendMessages(append(dst, `"messages":`...), d.Messages)
	if len(d.Tools) > 0 {
		dst = AppendTools(append(dst, `,"tools":`...), d.Tools)
	}
	return append(dst, '}')
}

// AppendMessages appends a JSON array of messages.
func AppendMessages(dst []byte, messages []Message) []byte {
	dst = append(dst, '[')
	for i, m := range messages {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = m.AppendJSON(dst)
	}
	return append(dst, ']')
}

// AppendTools appends a JSON array of tools.
func AppendTools(dst []byte, tools []Tool) []byte {
	dst = append(dst, '[')
	for i, t := range tools {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = t.AppendJSON(dst)
	}
	return append(dst, ']')
}

// AppendJSON appends the message as a JSON object in OpenAI's shape.
func (m Message) AppendJSON(dst []byte) []byte {
	dst = appendString(append(dst, `{"role":`...), string(m.Role))
	if m.ToolCallID != "" || m.Role == RoleTool {
		dst = appendString(append(dst, `,"tool_call_id":`...), m.ToolCallID)
	}
	if m.Name != "" {
		dst = appendString(append(dst, `,"name":`...), m.Name)
	}
	dst = appendString(append(dst, `,"content":`...), m.Content)
	for i, c := range m.ToolCalls {
		if i == 0 {
			dst = append(dst, `,"tool_calls":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = c.AppendJSON(dst)
	}
	if len(m.ToolCalls) > 0 {
		dst = append(dst, ']')
	}
	if m.NoLoss {
		dst = append(dst, `,"weight":0`...)
	}
	return append(dst, '}')
}

// AppendJSON appends the call as a JSON object in OpenAI's shape: the arguments are a string.
func (c ToolCall) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	if c.ID != "" {
		dst = append(appendString(append(dst, `"id":`...), c.ID), ',')
	}
	dst = appendString(append(dst, `"type":"function","function":{"name":`...), c.Name)
	dst = appendString(append(dst, `,"arguments":`...), string(c.Arguments))
	return append(dst, "}}"...)
}

// AppendJSON appends the tool as a JSON object in OpenAI's shape. The schema keeps its bytes, without line breaks.
func (t Tool) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"type":"function","function":`...)
	return append(t.appendFunction(dst), '}')
}

// appendFunction appends name, description and parameters alone.
func (t Tool) appendFunction(dst []byte) []byte {
	dst = appendString(append(dst, `{"name":`...), t.Name)
	dst = appendString(append(dst, `,"description":`...), t.Description)
	if len(t.Parameters) > 0 {
		dst = appendRaw(append(dst, `,"parameters":`...), t.Parameters)
	}
	return append(dst, '}')
}

// MarshalJSON is AppendJSON for package json.
func (d Dialogue) MarshalJSON() ([]byte, error) { return d.AppendJSON(nil), nil }

// MarshalJSON is AppendJSON for package json.
func (m Message) MarshalJSON() ([]byte, error) { return m.AppendJSON(nil), nil }

// MarshalJSON is AppendJSON for package json.
func (c ToolCall) MarshalJSON() ([]byte, error) { return c.AppendJSON(nil), nil }

// MarshalJSON is AppendJSON for package json.
func (t Tool) MarshalJSON() ([]byte, error) { return t.AppendJSON(nil), nil }
