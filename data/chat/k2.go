package chat

// The special tokens of Kimi K2's format.
const (
	imSystem    = "<|im_system|>"
	imUser      = "<|im_user|>"
	imAssistant = "<|im_assistant|>"
	imMiddle    = "<|im_middle|>"
	imEnd       = "<|im_end|>"

	sectionBegin  = "<|tool_calls_section_begin|>"
	sectionEnd    = "<|tool_calls_section_end|>"
	callBegin     = "<|tool_call_begin|>"
	argumentBegin = "<|tool_call_argument_begin|>"
	callEnd       = "<|tool_call_end|>"
)

// K2 is the format of Kimi K2: what its chat template, exported with every model, renders.
//
//	<|im_system|>tool_declare<|im_middle|>[tools]<|im_end|>
//	<|im_system|>system<|im_middle|>...<|im_end|>
//	<|im_user|>user<|im_middle|>...<|im_end|>
//	<|im_assistant|>assistant<|im_middle|>...<|tool_calls_section_begin|>
//	<|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": "Beijing"}<|tool_call_end|>
//	<|tool_calls_section_end|><|im_end|>
//	<|im_system|>get_weather<|im_middle|>## Return of functions.get_weather:0
//	{"weather": "Sunny"}<|im_end|>
//
// There is no whitespace between the tokens and neither [BOS] nor [EOS]. A header names the message's Name, or its
// role. A call without an ID gets CallID with the number of calls before it in the dialogue.
type K2 struct{}

// Name is kimi-k2.
func (K2) Name() string { return "kimi-k2" }

// Render implements Format.
func (K2) Render(d Dialogue, opts RenderOptions) []Segment {
	var b builder
	if opts.From == 0 && len(d.Tools) > 0 {
		b.k2Header(imSystem, "tool_declare")
		b.text(string(appendCanonical(nil, AppendTools(nil, d.Tools), compact)), false)
		b.special(imEnd, false)
	}
	calls := 0
	for i, m := range d.Messages {
		first := calls
		if m.Role == RoleAssistant {
			calls += len(m.ToolCalls)
		}
		if i < opts.From {
			continue
		}
		if i == 0 && m.Role != RoleSystem {
			b.k2Header(imSystem, string(RoleSystem))
			b.text(DefaultSystem, false)
			b.special(imEnd, false)
		}
		b.k2Message(m, first)
	}
	if opts.GenerationPrompt {
		b.k2Header(imAssistant, string(RoleAssistant))
	}
	return b.segments
}

func (b *builder) k2Header(opener, name string) {
	b.special(opener, false)
	b.text(name, false)
	b.special(imMiddle, false)
}

// k2Message adds a message; first is the number of calls before it.
func (b *builder) k2Message(m Message, first int) {
	name := m.Name
	if name == "" {
		name = string(m.Role)
	}
	trained := false
	switch m.Role {
	case RoleUser:
		b.k2Header(imUser, name)
	case RoleAssistant:
		b.k2Header(imAssistant, name)
		trained = !m.NoLoss
	default:
		b.k2Header(imSystem, name)
	}
	if m.Role == RoleTool {
		b.text("## Return of "+m.ToolCallID+"\n", false)
	}
	b.text(m.Content, trained)
	if m.Role == RoleAssistant && len(m.ToolCalls) > 0 {
		b.special(sectionBegin, trained)
		for i, c := range m.ToolCalls {
			id := c.ID
			if id == "" {
				id = CallID(c.Name, first+i)
			}
			b.special(callBegin, trained)
			b.text(id, trained)
			b.special(argumentBegin, trained)
			b.text(string(c.Arguments), trained)
			b.special(callEnd, trained)
		}
		b.special(sectionEnd, trained)
	}
	b.special(imEnd, trained)
}
