package token

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// WriteJSON writes a Hugging Face tokenizer.json. Merges are written even where they follow from the ids,
// as its readers need them; ignore_merges is set as tiktoken means it.
func (t *Tokenizer) WriteJSON(w io.Writer) error {
	p, _ := t.def.pattern.lookup()
	buf := bufio.NewWriter(w)
	fmt.Fprint(buf, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n  \"added_tokens\": [")
	for i, s := range t.def.specials {
		fmt.Fprintf(buf, "%s\n    %s", comma(i), quote(addedToken{ID: s.ID, Content: s.Text, Special: !s.Keep}))
	}
	fmt.Fprintf(buf, `
  ],
  "normalizer": null,
  "pre_tokenizer": {
    "type": "Sequence",
    "pretokenizers": [
      {"type": "Split", "pattern": {"Regex": %s}, "behavior": "Isolated", "invert": false},
      {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}
    ]
  },
  "post_processor": null,
  "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
  "model": {
    "type": "BPE",
    "dropout": null,
    "unk_token": null,
    "continuing_subword_prefix": null,
    "end_of_word_suffix": null,
    "fuse_unk": false,
    "byte_fallback": false,
    "ignore_merges": %t,
    "vocab": {`, quote(p.expressions[0]), t.def.wholeWord)
	chars := newByteLevel()
	n := 0
	for id, b := range t.def.tokens {
		if b != nil {
			fmt.Fprintf(buf, "%s\n      %s: %d", comma(n), quote(chars.encode(b)), id)
			n++
		}
	}
	fmt.Fprint(buf, "\n    },\n    \"merges\": [")
	for i, m := range t.mergeList() {
		fmt.Fprintf(buf, "%s\n      %s", comma(i), quote(chars.encode(t.def.tokens[m.left])+" "+chars.encode(t.def.tokens[m.right])))
	}
	fmt.Fprint(buf, "\n    ]\n  }\n}\n")
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("token: write tokenizer.json: %w", err)
	}
	return nil
}

// mergeList lists the merges, best first.
func (t *Tokenizer) mergeList() []pair {
	if t.def.merges != nil {
		return t.def.merges
	}
	_, list := rankedPairs(t.def.tokens, t.ids, t.byteIDs)
	return list
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}

// quote is v as JSON on one line, with <, > and & as they are.
func quote(v any) []byte {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // strings and plain structs always encode
	}
	return bytes.TrimSpace(buf.Bytes())
}
