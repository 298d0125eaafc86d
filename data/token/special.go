package token

import (
	"cmp"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Special is a token that stands for a mark in a dialogue or a document and never comes from ordinary text.
type Special struct {
	Text string
	ID   int32
	// Keep makes Hugging Face decoders that skip special tokens keep this one ("special": false), as K2
	// does for the marks around tool calls.
	Keep bool
}

// Roles names the special tokens with a fixed purpose; empty means none.
type Roles struct {
	BOS, EOS, PAD, UNK string
}

// K2Specials lists the special tokens of Kimi K2 in the order of their ids, without the ids
// (tokenizer_config.json of moonshotai/Kimi-K2-Instruct).
func K2Specials() []Special {
	return []Special{
		{Text: "[BOS]"},
		{Text: "[EOS]"},
		{Text: "<|im_end|>"},
		{Text: "<|im_user|>"},
		{Text: "<|im_assistant|>"},
		{Text: "<|start_header_id|>"},
		{Text: "<|end_header_id|>"},
		{Text: "[EOT]"},
		{Text: "<|im_system|>"},
		{Text: "<|tool_calls_section_begin|>", Keep: true},
		{Text: "<|tool_calls_section_end|>", Keep: true},
		{Text: "<|tool_call_begin|>", Keep: true},
		{Text: "<|tool_call_argument_begin|>", Keep: true},
		{Text: "<|tool_call_end|>", Keep: true},
		{Text: "<|im_middle|>"},
		{Text: "[UNK]"},
		{Text: "[PAD]"},
	}
}

// withDefaults fills roles that are empty with the K2 names, where those tokens exist.
func (r Roles) withDefaults(specials []Special) Roles {
	for _, s := range specials {
		for _, d := range []struct {
			role *string
			name string
		}{{&r.BOS, "[BOS]"}, {&r.EOS, "[EOS]"}, {&r.PAD, "[PAD]"}, {&r.UNK, "[UNK]"}} {
			if *d.role == "" && s.Text == d.name {
				*d.role = d.name
			}
		}
	}
	return r
}

// numberSpecials gives ids from first on, in order, to special tokens when none of them has an id,
// and returns a copy by rising id.
func numberSpecials(specials []Special, first int) []Special {
	out := slices.Clone(specials)
	if !slices.ContainsFunc(out, func(s Special) bool { return s.ID != 0 }) {
		for i := range out {
			out[i].ID = int32(first + i)
		}
	}
	return sortSpecials(out)
}

// sortSpecials sorts in place by rising id.
func sortSpecials(s []Special) []Special {
	slices.SortStableFunc(s, func(a, b Special) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Text, b.Text)) })
	return s
}

// specialSet finds special tokens in text.
type specialSet struct {
	ids     map[string]int32
	texts   map[int32]string
	byFirst [256][]Special // by first byte, longest first
}

func newSpecialSet(def definition) (specialSet, error) {
	set := specialSet{ids: map[string]int32{}, texts: map[int32]string{}}
	for _, s := range def.specials {
		if s.Text == "" {
			return set, fmt.Errorf("token: special token %d has no text", s.ID)
		}
		if !utf8.ValidString(s.Text) {
			return set, fmt.Errorf("token: special token %q is not valid UTF-8", s.Text)
		}
		if s.ID < 0 || int(s.ID) >= len(def.tokens) {
			return set, fmt.Errorf("token: special token %q has id %d, outside [0, %d)", s.Text, s.ID, len(def.tokens))
		}
		if b := def.tokens[s.ID]; b != nil {
			return set, fmt.Errorf("token: id %d is both the special token %q and the ordinary token %q", s.ID, s.Text, b)
		}
		if other, twice := set.ids[s.Text]; twice {
			return set, fmt.Errorf("token: special token %q has two ids, %d and %d", s.Text, other, s.ID)
		}
		if other, twice := set.texts[s.ID]; twice {
			return set, fmt.Errorf("token: id %d is both special tokens %q and %q", s.ID, other, s.Text)
		}
		set.ids[s.Text], set.texts[s.ID] = s.ID, s.Text
		set.byFirst[s.Text[0]] = append(set.byFirst[s.Text[0]], s)
	}
	for _, list := range set.byFirst {
		slices.SortFunc(list, func(a, b Special) int { return cmp.Compare(len(b.Text), len(a.Text)) })
	}
	return set, nil
}

// next finds the first special token in s at or after i, the longest where several start together. It
// returns start len(s) when there is none.
func (set *specialSet) next(s string, i int) (start int, found Special) {
	for ; i < len(s); i++ {
		for _, sp := range set.byFirst[s[i]] {
			if len(s)-i >= len(sp.Text) && s[i:i+len(sp.Text)] == sp.Text {
				return i, sp
			}
		}
	}
	return len(s), Special{}
}
