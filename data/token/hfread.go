package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// fileJSON is the part of a Hugging Face tokenizer.json that decides the ids of a text.
type fileJSON struct {
	AddedTokens  []addedToken  `json:"added_tokens"`
	Normalizer   *typed        `json:"normalizer"`
	PreTokenizer *preTokenizer `json:"pre_tokenizer"`
	Model        *modelJSON    `json:"model"`
}

type typed struct {
	Type string `json:"type"`
}

type addedToken struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

type preTokenizer struct {
	Type          string         `json:"type"`
	PreTokenizers []preTokenizer `json:"pretokenizers"`
	// Split
	Pattern struct {
		Regex  *string `json:"Regex"`
		String *string `json:"String"`
	} `json:"pattern"`
	Behavior string `json:"behavior"`
	Invert   bool   `json:"invert"`
	// ByteLevel
	AddPrefixSpace *bool `json:"add_prefix_space"`
	UseRegex       *bool `json:"use_regex"`
}

type modelJSON struct {
	Type         string           `json:"type"`
	Dropout      *float64         `json:"dropout"`
	Prefix       *string          `json:"continuing_subword_prefix"`
	Suffix       *string          `json:"end_of_word_suffix"`
	ByteFallback bool             `json:"byte_fallback"`
	IgnoreMerges bool             `json:"ignore_merges"`
	Vocab        map[string]int32 `json:"vocab"`
	Merges       []mergeJSON      `json:"merges"`
}

// mergeJSON is "left right", or ["left", "right"] in newer files.
type mergeJSON [2]string

func (m *mergeJSON) UnmarshalJSON(data []byte) error {
	var list []string
	if len(data) > 0 && data[0] == '"' {
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		list = strings.Split(s, " ")
	} else if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	if len(list) != 2 {
		return fmt.Errorf("merge %.80s does not have two parts", data)
	}
	*m = mergeJSON(list)
	return nil
}

// ReadJSON reads a Hugging Face tokenizer.json that holds a byte-level BPE with a pattern known to this
// package. What a post-processor would add to a text ([BOS] and the like) is not read: Encode adds nothing.
func ReadJSON(r io.Reader) (*Tokenizer, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("token: read tokenizer.json: %w", err)
	}
	return parseJSON(data, Roles{})
}

func parseJSON(data []byte, roles Roles) (*Tokenizer, error) {
	var f fileJSON
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("token: tokenizer.json: %w", atLine(data, err))
	}
	def, err := f.definition()
	if err != nil {
		return nil, fmt.Errorf("token: tokenizer.json: %w", err)
	}
	return fromDefinition(def, roles)
}

// atLine adds the line to an error of encoding/json, which knows the offset only.
func atLine(data []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	offset := int64(0)
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset = kind.Offset
	default:
		return err
	}
	before := string(data[:min(max(offset, 0), int64(len(data)))])
	return fmt.Errorf("line %d, column %d: %w", strings.Count(before, "\n")+1, len(before)-strings.LastIndexByte(before, '\n'), err)
}

func (f *fileJSON) definition() (definition, error) {
	var def definition
	m := f.Model
	switch {
	case m == nil:
		return def, errors.New("no model")
	case m.Type != "" && m.Type != "BPE":
		return def, fmt.Errorf("model type %q is not supported, only BPE", m.Type)
	case m.Dropout != nil && *m.Dropout != 0:
		return def, fmt.Errorf("model dropout %g is not supported, only 0", *m.Dropout)
	case m.Prefix != nil && *m.Prefix != "", m.Suffix != nil && *m.Suffix != "":
		return def, errors.New("continuing_subword_prefix and end_of_word_suffix are not supported")
	case m.ByteFallback:
		return def, errors.New("byte_fallback is not supported: this is not a byte-level vocabulary")
	case f.Normalizer != nil:
		return def, fmt.Errorf("normalizer %q is not supported: it would change the bytes of a text", f.Normalizer.Type)
	case f.PreTokenizer == nil:
		return def, errors.New("no pre_tokenizer: this is not a byte-level vocabulary")
	}
	var err error
	if def.pattern, err = f.PreTokenizer.pattern(); err != nil {
		return def, err
	}
	def.wholeWord = m.IgnoreMerges
	if def.specials, err = specialsOf(f.AddedTokens); err != nil {
		return def, err
	}
	if err := m.vocab(&def); err != nil {
		return def, err
	}
	return def, m.merges(&def)
}

// specialsOf takes every added token as special: all of them are cut out of text before anything else.
func specialsOf(added []addedToken) ([]Special, error) {
	var specials []Special
	for _, a := range added {
		if a.LStrip || a.RStrip || a.SingleWord {
			return nil, fmt.Errorf("added token %q has lstrip, rstrip or single_word, which are not supported", a.Content)
		}
		specials = append(specials, Special{Text: a.Content, ID: a.ID, Keep: !a.Special})
	}
	// Ids are given, even a single special token with id 0, so numberSpecials must not run.
	return sortSpecials(specials), nil
}

// vocab fills the tokens. A special token may be listed in the vocabulary too.
func (m *modelJSON) vocab(def *definition) error {
	size := 0
	special := map[string]int32{}
	for _, s := range def.specials {
		special[s.Text] = s.ID
		size = max(size, int(s.ID)+1)
	}
	for _, id := range m.Vocab {
		size = max(size, int(id)+1)
	}
	if size > maxVocab {
		return fmt.Errorf("the largest token id %d is above the limit of %d", size-1, maxVocab-1)
	}
	def.tokens = make([][]byte, size)
	chars := newByteLevel()
	for text, id := range m.Vocab {
		if id < 0 {
			return fmt.Errorf("token %q has the negative id %d", text, id)
		}
		if sid, ok := special[text]; ok && sid == id {
			continue
		}
		b, err := chars.decode(text)
		if err != nil {
			return fmt.Errorf("token %d: %w", id, err)
		}
		if def.tokens[id] != nil {
			return fmt.Errorf("two tokens have the id %d: %q and %q", id, chars.encode(def.tokens[id]), text)
		}
		def.tokens[id] = b
	}
	return nil
}

func (m *modelJSON) merges(def *definition) error {
	def.merges = make([]pair, len(m.Merges))
	for i, parts := range m.Merges {
		var ids [2]int32
		for k, part := range parts {
			id, ok := m.Vocab[part]
			if !ok || def.tokens[id] == nil {
				return fmt.Errorf("merge %d, %q and %q: %q is not an ordinary token of the vocabulary", i, parts[0], parts[1], part)
			}
			ids[k] = id
		}
		def.merges[i] = pair{ids[0], ids[1]}
	}
	return nil
}

// pattern finds which known pattern a pre-tokenizer stands for. It is ByteLevel with its own pattern,
// that of GPT-2, or a Split followed by ByteLevel without one.
func (p *preTokenizer) pattern() (Pattern, error) {
	steps := []preTokenizer{*p}
	if p.Type == "Sequence" {
		steps = p.PreTokenizers
	}
	last := preTokenizer{}
	if len(steps) > 0 {
		last = steps[len(steps)-1]
	}
	if last.Type != "ByteLevel" {
		return "", fmt.Errorf("pre_tokenizer ends with %q, not with ByteLevel: this is not a byte-level vocabulary", last.Type)
	}
	if last.AddPrefixSpace == nil || *last.AddPrefixSpace {
		return "", errors.New("pre_tokenizer ByteLevel with add_prefix_space is not supported: it would change the bytes of a text")
	}
	regex := last.UseRegex == nil || *last.UseRegex
	switch {
	case len(steps) == 1 && regex:
		return PatternGPT2, nil
	case len(steps) != 2 || regex || steps[0].Type != "Split":
		return "", errors.New("pre_tokenizer is not supported: want one Split with a Regex and then ByteLevel with use_regex false, or ByteLevel alone")
	}
	split := steps[0]
	if split.Pattern.Regex == nil {
		return "", errors.New("pre_tokenizer Split has no Regex pattern")
	}
	if !(split.Behavior == "Isolated" && !split.Invert || split.Behavior == "Removed" && split.Invert) {
		return "", fmt.Errorf("pre_tokenizer Split with behavior %q and invert %t is not supported, only Isolated", split.Behavior, split.Invert)
	}
	found, ok := patternOf(*split.Pattern.Regex)
	if !ok {
		return "", fmt.Errorf("split pattern is not supported: %s (known are those of Kimi K2, GPT-2 and Llama 3)", *split.Pattern.Regex)
	}
	return found, nil
}
