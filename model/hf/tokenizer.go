package hf

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"muonclip/model"
)

// ChatTemplate is the Jinja template of Kimi K2's dialogue format that every export carries.
//
//go:embed chat_template.jinja
var ChatTemplate string

// turnEnd ends a turn of the dialogue format.
const turnEnd = "<|im_end|>"

// turnMarks are the special tokens without which the template means nothing to a model.
var turnMarks = []string{"<|im_system|>", "<|im_user|>", "<|im_assistant|>", "<|im_middle|>", turnEnd}

// tokenizerFiles are the files that TokenizerDir copies where they exist.
var tokenizerFiles = []string{
	"tokenizer.json", "tokenizer_config.json", "tiktoken.model", "special_tokens_map.json", "added_tokens.json",
	"vocab.json", "merges.txt", templateFile,
}

// tokenizerReport is what an export learns from the tokenizer's files.
type tokenizerReport struct {
	turnEnd  int // id of <|im_end|>, -1 for none
	warnings []string
}

// writeTokenizer writes the tokenizer's files and the chat template, and checks that the ids fit
// the embedding.
func writeTokenizer(dir string, opts Options, cfg model.Config) (tokenizerReport, error) {
	r := tokenizerReport{turnEnd: -1}
	if opts.TokenizerDir != "" {
		if err := copyTokenizer(dir, opts.TokenizerDir); err != nil {
			return r, err
		}
	}
	if opts.Tokenizer != nil {
		if err := opts.Tokenizer(dir); err != nil {
			return r, fmt.Errorf("write the tokenizer: %w", err)
		}
	}
	if err := writeTemplate(dir); err != nil {
		return r, err
	}
	return r, r.inspect(filepath.Join(dir, "tokenizer.json"), cfg)
}

func copyTokenizer(dir, from string) error {
	n := 0
	for _, name := range tokenizerFiles {
		text, err := os.ReadFile(filepath.Join(from, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o666)
		}
		if err != nil {
			return fmt.Errorf("copy the tokenizer: %w", err)
		}
		n++
	}
	if n == 0 {
		return fmt.Errorf("copy the tokenizer: %s has no tokenizer files such as tokenizer.json", from)
	}
	return nil
}

// writeTemplate writes the chat template to its own file and into tokenizer_config.json, where
// older programs look for it. A template that the tokenizer brought with it is kept.
func writeTemplate(dir string) error {
	own, configPath := filepath.Join(dir, templateFile), filepath.Join(dir, "tokenizer_config.json")
	config, err := os.ReadFile(configPath)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var fields map[string]json.RawMessage
	if err == nil {
		if err := json.Unmarshal(config, &fields); err != nil {
			return fmt.Errorf("tokenizer_config.json is no JSON object: %w", err)
		}
		if fields == nil {
			return errors.New("tokenizer_config.json is null, not a JSON object")
		}
	}
	template := ChatTemplate
	_ = json.Unmarshal(fields["chat_template"], &template) // stays where there is none, or a list of several
	if text, err := os.ReadFile(own); err == nil {
		template = string(text)
	} else if err := os.WriteFile(own, []byte(template), 0o666); err != nil {
		return err
	}
	if fields == nil || fields["chat_template"] != nil {
		return nil
	}
	return os.WriteFile(configPath, appendField(config, len(fields) == 0, "chat_template", template), 0o666)
}

// appendField adds a text field to the end of a JSON object and leaves its other text as it is.
func appendField(object []byte, isEmpty bool, key, text string) []byte {
	var value bytes.Buffer
	e := json.NewEncoder(&value)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a string never fails
	body := bytes.TrimRight(bytes.TrimSuffix(bytes.TrimSpace(object), []byte("}")), " \t\r\n")
	comma := ","
	if isEmpty {
		comma = ""
	}
	return fmt.Appendf(body, "%s\n  %q: %s\n}\n", comma, key, bytes.TrimSpace(value.Bytes()))
}

// inspect compares tokenizer.json with the config.
func (r *tokenizerReport) inspect(path string, cfg model.Config) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		r.warnings = append(r.warnings, "no tokenizer.json: the folder loads as a model, but text has to be turned into ids elsewhere")
		return nil
	}
	if err != nil {
		return err
	}
	var t struct {
		AddedTokens []struct {
			ID      int    `json:"id"`
			Content string `json:"content"`
		} `json:"added_tokens"`
		Model struct {
			Vocab json.RawMessage `json:"vocab"` // an object for BPE and WordPiece
		} `json:"model"`
	}
	if err := json.Unmarshal(text, &t); err != nil {
		return fmt.Errorf("tokenizer.json: %w", err)
	}
	ids := map[string]int{}
	_ = json.Unmarshal(t.Model.Vocab, &ids) // a list, as Unigram has, leaves only the added tokens
	for _, a := range t.AddedTokens {
		ids[a.Content] = a.ID
	}
	largest := 0
	for _, id := range ids {
		largest = max(largest, id)
	}
	if largest >= cfg.VocabSize {
		return fmt.Errorf("tokenizer.json has ids up to %d, but the model has vocab_size %d: it is the tokenizer of another model", largest, cfg.VocabSize)
	}
	if id, ok := ids[turnEnd]; ok {
		r.turnEnd = id
	}
	var lacking []string
	for _, mark := range turnMarks {
		if _, ok := ids[mark]; !ok {
			lacking = append(lacking, mark)
		}
	}
	if len(lacking) > 0 {
		r.warnings = append(r.warnings, fmt.Sprintf("the tokenizer lacks %s, which the chat template uses: they become ordinary text", strings.Join(lacking, " ")))
	}
	return nil
}
