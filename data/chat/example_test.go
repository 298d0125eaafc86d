package chat_test

import (
	"encoding/json"
	"fmt"

	"muonclip/data/chat"
)

func ExampleRenderText() {
	d := chat.Dialogue{Messages: []chat.Message{
		{Role: chat.RoleSystem, Content: "Be brief."},
		{Role: chat.RoleUser, Content: "Weather in Rome?"},
		{Role: chat.RoleAssistant, ToolCalls: []chat.ToolCall{{Name: "get_weather", Arguments: json.RawMessage(`{"city": "Rome"}`)}}},
	}}
	fmt.Println(chat.RenderText(chat.K2{}, d, chat.RenderOptions{From: 1}))
	// Output:
	// <|im_user|>user<|im_middle|>Weather in Rome?<|im_end|><|im_assistant|>assistant<|im_middle|><|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": "Rome"}<|tool_call_end|><|tool_calls_section_end|><|im_end|>
}

func ExampleParseText() {
	out := chat.ParseText(chat.K2{}, `Let me see.<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0`+
		`<|tool_call_argument_begin|>{"city": "Rome"<|tool_call_end|><|tool_calls_section_end|><|im_end|>`, chat.ParseOptions{})
	fmt.Println(out.Content, out.Calls[0].Name, string(out.Calls[0].Arguments))
	fmt.Println(out.Err())
	// Output:
	// Let me see. get_weather {"city": "Rome"
	// call 0: arguments are no JSON object: unexpected end of JSON input
}
