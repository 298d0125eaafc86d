package token

// splitGPT2 is the GPT-2 pattern:
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func splitGPT2(t *classes, s string, i int) int {
	if end := lowerContraction(s, i); end > i {
		return end
	}
	q := i
	if s[i] == ' ' && i+1 < len(s) {
		q++
	}
	c, n := t.at(s, q)
	switch {
	case c.letter():
		return t.letters(s, q+n)
	case c&isNumber != 0:
		return t.run(s, q+n, isNumber)
	case c&isSymbol != 0:
		return t.run(s, q+n, isSymbol)
	}
	return t.blank(s, i)
}

// splitLlama3 is the pattern of cl100k_base and of Llama 3:
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
func splitLlama3(t *classes, s string, i int) int {
	if end := contraction(s, i); end > i {
		return end
	}
	c, n := t.at(s, i)
	if c.letter() {
		return t.letters(s, i+n)
	}
	if c&isPrefix != 0 {
		if end := t.letters(s, i+n); end > i+n {
			return end
		}
	}
	if c&isNumber != 0 {
		return t.digits(s, i+n)
	}
	if end := t.symbols(s, i); end > 0 {
		return end
	}
	return t.space(s, i)
}

// splitQwen2 is the pattern of Qwen2Tokenizer: that of Llama 3 with \p{N} instead of \p{N}{1,3}.
func splitQwen2(t *classes, s string, i int) int {
	if c, n := t.at(s, i); c&isNumber != 0 {
		return i + n
	}
	return splitLlama3(t, s, i)
}

// letters is \p{L}* at s[i].
func (t *classes) letters(s string, i int) int {
	for i < len(s) {
		c, n := t.at(s, i)
		if !c.letter() {
			break
		}
		i += n
	}
	return i
}

// lowerContraction is contraction for lower-case ASCII only.
func lowerContraction(s string, i int) int {
	end := contraction(s, i)
	for k := i + 1; k < end; k++ {
		if s[k] < 'a' || s[k] > 'z' {
			return i
		}
	}
	return end
}
