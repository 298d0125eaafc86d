package chat

// The marks of the Hermes format.
const (
	imStart       = "<|im_start|>"
	toolCallOpen  = "<tool_call>"
	toolCallClose = "</tool_call>"
	responseOpen  = "<tool_response>"
	responseClose = "</tool_response>"
)

// What stands before and after the list of tools in a system message.
const (
	hermesToolsHead = "\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n" +
		"You are provided with function signatures within <tools></tools> XML tags:\n<tools>"
	hermesToolsTail = "\n</tools>\n\nFor each function call, return a json object with function name and arguments " +
		"within <tool_call></tool_call> XML tags:\n" +
		"<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>"
)

// Hermes is ChatML with tool calls as in the Hermes models and Qwen2.5:
//
//	<|im_start|>assistant
//	Let me see.
//	<tool_call>
//	{"name": "get_weather", "arguments": {"city": "Beijing"}}
//	</tool_call><|im_end|>
//	<|im_start|>user
//	<tool_response>
//	{"weather": "Sunny"}
//	</tool_response><|im_end|>
//
// Tools are listed in the system message; neighbouring results share a turn. The format has no place for the ids of
// calls and for names of speakers. <tool_call> and <tool_response> are single tokens only if the tokenizer has them;
// otherwise they are text, and content that spells them cannot be told from them.
type Hermes struct{}

// Name is hermes.
func (Hermes) Name() string { return "hermes" }

// Render implements Format.
func (Hermes) Render(d Dialogue, opts RenderOptions) []Segment {
	var b builder
	if opts.From == 0 && (len(d.Messages) > 0 || len(d.Tools) > 0) {
		b.hermesSystem(d)
	}
	for i, m := range d.Messages {
		if i < opts.From || i == 0 && m.Role == RoleSystem {
			continue
		}
		if i > 0 && i == opts.From {
			b.text("\n", false) // it follows the token that ended the turn before
		}
		switch m.Role {
		case RoleAssistant:
			b.hermesAssistant(m)
		case RoleTool:
			if i == 0 || i == opts.From || d.Messages[i-1].Role != RoleTool {
				b.hermesHeader(string(RoleUser))
			} else {
				b.text("\n", false)
			}
			b.mark(responseOpen, false)
			b.text("\n"+m.Content+"\n", false)
			b.mark(responseClose, false)
			if i+1 < len(d.Messages) && d.Messages[i+1].Role == RoleTool {
				continue
			}
			b.special(imEnd, false)
			b.text("\n", false)
		default:
			b.hermesHeader(string(m.Role))
			b.text(m.Content, false)
			b.special(imEnd, false)
			b.text("\n", false)
		}
	}
	if opts.GenerationPrompt {
		if opts.From > 0 && opts.From >= len(d.Messages) {
			b.text("\n", false)
		}
		b.hermesHeader(string(RoleAssistant))
	}
	return b.segments
}

func (b *builder) hermesHeader(role string) {
	b.special(imStart, false)
	b.text(role+"\n", false)
}

// hermesSystem adds the system message with the tools.
func (b *builder) hermesSystem(d Dialogue) {
	text := DefaultSystem
	if len(d.Messages) > 0 && d.Messages[0].Role == RoleSystem {
		text = d.Messages[0].Content
	}
	b.hermesHeader(string(RoleSystem))
	b.text(text, false)
	if len(d.Tools) > 0 {
		b.text(hermesToolsHead, false)
		for _, t := range d.Tools {
			b.text("\n"+string(appendCanonical(nil, t.AppendJSON(nil), spaced)), false)
		}
		b.text(hermesToolsTail, false)
	}
	b.special(imEnd, false)
	b.text("\n", false)
}

func (b *builder) hermesAssistant(m Message) {
	trained := !m.NoLoss
	b.hermesHeader(string(RoleAssistant))
	b.text(m.Content, trained)
	for i, c := range m.ToolCalls {
		if i > 0 || m.Content != "" {
			b.text("\n", trained)
		}
		b.mark(toolCallOpen, trained)
		b.text("\n"+string(appendHermesCall(nil, c))+"\n", trained)
		b.mark(toolCallClose, trained)
	}
	b.special(imEnd, trained)
	b.text("\n", false)
}

// appendHermesCall appends {"name": ..., "arguments": ...} with the arguments as they are.
func appendHermesCall(dst []byte, c ToolCall) []byte {
	dst = appendString(append(dst, `{"name": `...), c.Name)
	dst = append(dst, `, "arguments": `...)
	return append(append(dst, c.Arguments...), '}')
}
