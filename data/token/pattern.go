package token

import "slices"

// Pattern names the rule that cuts text into pre-tokens, inside which pairs are merged. The zero
// value means PatternK2.
type Pattern string

// The patterns that this package has a scanner for.
const (
	PatternK2     Pattern = "kimi-k2" // Kimi K2, Moonlight
	PatternGPT2   Pattern = "gpt2"    // GPT-2, RoBERTa
	PatternLlama3 Pattern = "llama3"  // cl100k_base, Llama 3
	PatternQwen2  Pattern = "qwen2"   // Qwen 2 and 3: as llama3, but every digit is a pre-token of its own
)

// pattern is a scanner with the regular expressions that mean the same. The first one is written to
// tokenizer.json; all are recognised when one is read.
type pattern struct {
	name        Pattern
	split       splitter
	expressions []string
}

const (
	k2Prefix = `[^\r\n\p{L}\p{N}]?`
	k2Upper  = `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]`
	k2Lower  = `[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]`
	k2Rest   = `|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`

	// JavaScript programs read (?i:...) without the long s, all others with it. Spelt out, it means
	// the same everywhere.
	plainContraction = `(?:'[sS\u017F]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])`
	foldContraction  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)`

	llama3Rest = `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	qwen2Rest  = `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// k2Expression is the pattern of tokenization_kimi.py for given spellings of its parts.
func k2Expression(upper, lower, contraction string) string {
	return `[\p{Han}]+` +
		`|` + k2Prefix + upper + `*` + lower + `+` + contraction + `?` +
		`|` + k2Prefix + upper + `+` + lower + `*` + contraction + `?` +
		k2Rest
}

// patterns lists what can be read and written.
func patterns() []pattern {
	return []pattern{
		{PatternK2, splitK2, []string{
			k2Expression(k2Upper, k2Lower, plainContraction),
			k2Expression(k2Upper, k2Lower, foldContraction),
			// The same without an intersection of classes.
			k2Expression(`(?:(?!\p{Han})[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])`, `(?:(?!\p{Han})[\p{Ll}\p{Lm}\p{Lo}\p{M}])`, foldContraction),
			k2Expression(`[[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]&&[^\p{Han}]]`, `[[\p{Ll}\p{Lm}\p{Lo}\p{M}]&&[^\p{Han}]]`, foldContraction),
		}},
		{PatternGPT2, splitGPT2, []string{`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`}},
		{PatternLlama3, splitLlama3, []string{plainContraction + llama3Rest, foldContraction + llama3Rest}},
		{PatternQwen2, splitQwen2, []string{plainContraction + qwen2Rest, foldContraction + qwen2Rest}},
	}
}

// lookup finds a pattern by name; the empty name is PatternK2.
func (p Pattern) lookup() (pattern, bool) {
	if p == "" {
		p = PatternK2
	}
	all := patterns()
	i := slices.IndexFunc(all, func(q pattern) bool { return q.name == p })
	if i < 0 {
		return pattern{}, false
	}
	return all[i], true
}

// patternOf finds the pattern that a regular expression spells.
func patternOf(expression string) (Pattern, bool) {
	for _, p := range patterns() {
		if slices.Contains(p.expressions, expression) {
			return p.name, true
		}
	}
	return "", false
}
