package hf

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"muonclip/internal/safetensors"
)

// tokenizerDir makes a folder with the files of a tokenizer of 12 ids.
func tokenizerDir(t *testing.T) string {
	dir := t.TempDir()
	put(t, dir, map[string]string{
		"tokenizer.json": `{"added_tokens":[{"id":6,"content":"<|im_end|>"},{"id":7,"content":"<|im_system|>"},{"id":8,"content":"<|im_user|>"},
			{"id":9,"content":"<|im_assistant|>"},{"id":11,"content":"<|im_middle|>"}],"model":{"type":"BPE","vocab":{"a":0,"b":1}}}`,
		"tokenizer_config.json": "{\n  \"z_first\": 1,\n  \"a_last\": {}\n}\n",
		"secret.txt":            "not a tokenizer file",
	})
	return dir
}

func TestExportedTokenizer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "m")
	r, err := Export(dir, Options{TokenizerDir: tokenizerDir(t)}, small(), tensorsOf(small()))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Warnings) > 0 || strings.Contains(strings.Join(r.Files, " "), "secret") {
		t.Errorf("%+v, want no warnings and no other files", r)
	}
	text := get(t, dir, "tokenizer_config.json")
	if !strings.HasPrefix(text, "{\n  \"z_first\": 1,\n  \"a_last\": {},\n  \"chat_template\": ") {
		t.Errorf("tokenizer_config.json was rearranged: %s", text)
	}
	var c struct {
		ChatTemplate string `json:"chat_template"`
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	if c.ChatTemplate != ChatTemplate || get(t, dir, templateFile) != ChatTemplate {
		t.Error("the chat template is not the same everywhere")
	}
	if g := get(t, dir, generationFile); !strings.Contains(strings.Join(strings.Fields(g), ""), `"eos_token_id":[1,6]`) {
		t.Errorf("generation does not stop at the end of a turn: %s", g)
	}
}

func TestTokenizersThatDoNotFit(t *testing.T) {
	write := func(name, text string) func(string) error {
		return func(dir string) error {
			put(t, dir, map[string]string{name: text})
			return nil
		}
	}
	cases := map[string]struct {
		tokenizer     func(string) error
		err, warnings string
	}{
		"none":             {nil, "", "no tokenizer.json"},
		"id beyond":        {write("tokenizer.json", `{"model":{"vocab":{"a":64}}}`), "ids up to 64, but the model has vocab_size 64", ""},
		"added id beyond":  {write("tokenizer.json", `{"added_tokens":[{"id":99,"content":"x"}]}`), "ids up to 99", ""},
		"last id":          {write("tokenizer.json", `{"model":{"vocab":{"a":63}}}`), "", "lacks <|im_system|> <|im_user|>"},
		"list as vocab":    {write("tokenizer.json", `{"model":{"vocab":[["a",0.5]]}}`), "", "lacks"},
		"no JSON":          {write("tokenizer.json", `{`), "tokenizer.json", ""},
		"config no JSON":   {write("tokenizer_config.json", `[]`), "tokenizer_config.json", ""},
		"config null":      {write("tokenizer_config.json", `null`), "tokenizer_config.json", ""},
		"config is empty":  {write("tokenizer_config.json", `{}`), "", "no tokenizer.json"},
		"own template":     {write(templateFile, `own`), "", ""},
		"template in JSON": {write("tokenizer_config.json", `{"chat_template":"own"}`), "", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "m")
			r, err := Export(dir, Options{DType: safetensors.BF16, Tokenizer: c.tokenizer}, small(), tensorsOf(small()))
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(r.Warnings, "\n"); !strings.Contains(got, c.warnings) || !strings.Contains(get(t, dir, cardFile), c.warnings) {
				t.Errorf("warnings %q, want %q there and in the card", got, c.warnings)
			}
			switch name {
			case "own template":
				if get(t, dir, templateFile) != "own" {
					t.Error("the tokenizer's template was replaced")
				}
			case "template in JSON":
				if get(t, dir, "tokenizer_config.json") != `{"chat_template":"own"}` || get(t, dir, templateFile) != "own" {
					t.Error("the tokenizer's template was replaced")
				}
			case "config is empty":
				if !json.Valid([]byte(get(t, dir, "tokenizer_config.json"))) {
					t.Error("tokenizer_config.json is no JSON any more")
				}
			}
		})
	}
}
