package hf

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nikolalohinski/gonja/v2"
	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
)

// render renders the chat template. The tojson filter of the engine knows no separators, so one
// that keeps the raw text of a tool takes its place.
func render(t *testing.T, data map[string]any) string {
	t.Helper()
	filters := exec.NewFilterSet(map[string]exec.FilterFunction{})
	filters.Update(builtins.Filters)
	if err := filters.Replace("tojson", func(_ *exec.Evaluator, in *exec.Value, _ *exec.VarArgs) *exec.Value {
		b, err := json.Marshal(in.ToGoSimpleType(false))
		if err != nil {
			return exec.AsValue(err)
		}
		return exec.AsSafeValue(string(b))
	}); err != nil {
		t.Fatal(err)
	}
	loader, err := loaders.NewShiftedLoader("/chat", strings.NewReader(ChatTemplate), loaders.MustNewMemoryLoader(nil))
	if err != nil {
		t.Fatal(err)
	}
	template, err := exec.NewTemplate("/chat", config.New(), loader, &exec.Environment{
		Filters: filters, Tests: builtins.Tests, ControlStructures: builtins.ControlStructures, Methods: builtins.Methods, Context: gonja.DefaultContext,
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := template.ExecuteToString(exec.NewContext(data))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// dialogues pair an input of the template with the text of Kimi K2's format.
var dialogues = map[string]struct {
	input string
	want  string
}{
	"one question": {
		`{"messages":[{"role":"user","content":"Hi <b>&\"you\"</b>"}],"add_generation_prompt":true}`,
		"<|im_system|>system<|im_middle|>You are a helpful assistant<|im_end|>" +
			"<|im_user|>user<|im_middle|>Hi <b>&\"you\"</b><|im_end|><|im_assistant|>assistant<|im_middle|>",
	},
	"names, parts and null content": {
		`{"messages":[{"role":"system","content":"Be brief."},{"role":"user","name":"Ada","content":[{"type":"text","text":"a\n"},{"type":"image","url":"x"},{"type":"text","text":"b"}]},
		 {"role":"assistant","content":null},{"role":"assistant","content":" x "}]}`,
		"<|im_system|>system<|im_middle|>Be brief.<|im_end|><|im_user|>Ada<|im_middle|>a\nb<|im_end|>" +
			"<|im_assistant|>assistant<|im_middle|><|im_end|><|im_assistant|>assistant<|im_middle|> x <|im_end|>",
	},
	"tools": {
		`{"tools":[{"type":"function"}],"messages":[
		 {"role":"user","content":"Weather?"},
		 {"role":"assistant","content":"Let me see.","tool_calls":[
		   {"id":"functions.get_weather:0","type":"function","function":{"name":"get_weather","arguments":"{\"city\": \"Beijing\"}"}},
		   {"type":"function","function":{"name":"get_time","arguments":{"zone":8}}}]},
		 {"role":"tool","name":"get_weather","tool_call_id":"functions.get_weather:0","content":"{\"weather\": \"Sunny\"}"},
		 {"role":"tool","tool_call_id":"functions.get_time:1","content":"noon"},
		 {"role":"assistant","content":"","tool_calls":[{"function":{"name":"get_time","arguments":"{}"}}]}]}`,
		`<|im_system|>tool_declare<|im_middle|>[{"type":"function"}]<|im_end|>` +
			"<|im_system|>system<|im_middle|>You are a helpful assistant<|im_end|>" +
			"<|im_user|>user<|im_middle|>Weather?<|im_end|>" +
			"<|im_assistant|>assistant<|im_middle|>Let me see.<|tool_calls_section_begin|>" +
			`<|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": "Beijing"}<|tool_call_end|>` +
			`<|tool_call_begin|>functions.get_time:1<|tool_call_argument_begin|>{"zone":8}<|tool_call_end|><|tool_calls_section_end|><|im_end|>` +
			"<|im_system|>get_weather<|im_middle|>## Return of functions.get_weather:0\n{\"weather\": \"Sunny\"}<|im_end|>" +
			"<|im_system|>tool<|im_middle|>## Return of functions.get_time:1\nnoon<|im_end|>" +
			"<|im_assistant|>assistant<|im_middle|><|tool_calls_section_begin|>" +
			"<|tool_call_begin|>functions.get_time:2<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|><|im_end|>",
	},
	"no tools, no messages": {`{"tools":[],"messages":[]}`, ""},
}

func TestChatTemplate(t *testing.T) {
	for name, d := range dialogues {
		t.Run(name, func(t *testing.T) {
			var data map[string]any
			if err := json.Unmarshal([]byte(d.input), &data); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(d.want, render(t, data)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
