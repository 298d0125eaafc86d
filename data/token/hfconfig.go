package token

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
)

// configJSON is the part of a Hugging Face tokenizer_config.json that this package uses.
type configJSON struct {
	BOS   roleJSON              `json:"bos_token"`
	EOS   roleJSON              `json:"eos_token"`
	PAD   roleJSON              `json:"pad_token"`
	UNK   roleJSON              `json:"unk_token"`
	Added map[string]addedToken `json:"added_tokens_decoder"` // by id
}

// roleJSON is the text of a token, or an object with the text as its content, or null.
type roleJSON string

func (r *roleJSON) UnmarshalJSON(data []byte) error {
	var object struct {
		Content string `json:"content"`
	}
	if len(data) > 0 && data[0] == '{' {
		err := json.Unmarshal(data, &object)
		*r = roleJSON(object.Content)
		return err
	}
	var text *string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	*r = ""
	if text != nil {
		*r = roleJSON(*text)
	}
	return nil
}

// parseConfig reads the special tokens and their roles.
func parseConfig(data []byte) ([]Special, Roles, error) {
	var c configJSON
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, Roles{}, fmt.Errorf("token: tokenizer_config.json: %w", atLine(data, err))
	}
	var added []addedToken
	for key, a := range c.Added {
		id, err := strconv.ParseInt(key, 10, 32)
		if err != nil || id < 0 {
			return nil, Roles{}, fmt.Errorf("token: tokenizer_config.json: added_tokens_decoder has the key %q, want a token id", key)
		}
		a.ID = int32(id)
		added = append(added, a)
	}
	specials, err := specialsOf(added)
	if err != nil {
		return nil, Roles{}, fmt.Errorf("token: tokenizer_config.json: %w", err)
	}
	return specials, Roles{BOS: string(c.BOS), EOS: string(c.EOS), PAD: string(c.PAD), UNK: string(c.UNK)}, nil
}

// WriteConfig writes a Hugging Face tokenizer_config.json: the special tokens and their roles. It holds no chat
// template, which belongs in a file of its own.
func (t *Tokenizer) WriteConfig(w io.Writer) error {
	buf := bufio.NewWriter(w)
	fmt.Fprint(buf, "{\n  \"tokenizer_class\": \"PreTrainedTokenizerFast\",\n  \"clean_up_tokenization_spaces\": false,\n")
	for _, r := range []struct{ key, text string }{
		{"bos_token", t.roles.BOS}, {"eos_token", t.roles.EOS}, {"pad_token", t.roles.PAD}, {"unk_token", t.roles.UNK},
	} {
		value := []byte("null")
		if r.text != "" {
			value = quote(r.text)
		}
		fmt.Fprintf(buf, "  %q: %s,\n", r.key, value)
	}
	fmt.Fprint(buf, "  \"added_tokens_decoder\": {")
	for i, s := range t.def.specials {
		fmt.Fprintf(buf, "%s\n    \"%d\": {\"content\": %s, \"lstrip\": false, \"normalized\": false, \"rstrip\": false, \"single_word\": false, \"special\": %t}",
			comma(i), s.ID, quote(s.Text), !s.Keep)
	}
	fmt.Fprint(buf, "\n  }\n}\n")
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("token: write tokenizer_config.json: %w", err)
	}
	return nil
}
