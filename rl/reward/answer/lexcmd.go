package answer

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// dropped are the commands that only set type.
var dropped = words(`left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr displaystyle textstyle limits quad qquad , ! ; : ( ) [ ] thinspace
	nonumber hfill`)

// unwrapped are the commands whose argument stands for itself; quoted ones hold ordinary text.
var (
	unwrapped = words(`mathbf boldsymbol bm mathit vec overrightarrow hat mathcal boxed fbox`)
	quoted    = words(`text textbf textrm textit textnormal mathrm mbox hbox operatorname mathsf rm`)
)

// signs are the commands that stand for a sign.
var signs = map[string]string{
	"cdot": "*", "times": "*", "ast": "*", "div": "/", "le": "≤", "leq": "≤", "leqslant": "≤", "ge": "≥", "geq": "≥", "geqslant": "≥",
	"ne": "≠", "neq": "≠", "lt": "<", "gt": ">", "pm": "±", "mp": "∓", "cup": "∪", "in": "∈", "infty": "∞", "circ": "°", "degree": "°",
	"%": "%", "$": "$", "{": "{", "}": "}", "lbrace": "{", "rbrace": "}", "langle": "(", "rangle": ")", "lparen": "(", "rparen": ")",
	"lbrack": "[", "rbrack": "]", "lvert": "|", "rvert": "|", "vert": "|", "mid": "|", "|": "|", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈",
	"rceil": "⌉", "emptyset": "∅", "varnothing": "∅", "\\": `\\`, "&": "&", "colon": ":", "_": "_",
}

// greek are the letters that are variables.
var greek = words(`alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau upsilon phi varphi chi
	psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega ell hbar`)

// functions take an argument, in LaTeX and in plain text.
var functions = words(`sin cos tan cot sec csc arcsin arccos arctan ln log exp abs floor ceil`)

func words(s string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(s) {
		m[w] = true
	}
	return m
}

// command reads a backslash and what belongs to it.
func (l *lexer) command() error {
	end := l.at + 1
	for end < len(l.s) && letter(l.s[end]) {
		end++
	}
	if end == l.at+1 && end < len(l.s) {
		_, size := utf8.DecodeRuneInString(l.s[end:])
		end += size
	}
	name := l.s[l.at+1 : end]
	l.at = end
	switch {
	case name == "" || name == " ":
		l.spaced = true
	case dropped[name]:
		l.spaced = l.spaced || name == ";" || name == "quad" || name == "qquad"
	case unwrapped[name]:
		return l.inline(false)
	case quoted[name]:
		return l.inline(true)
	case name == "mathbb":
		if !strings.HasPrefix(l.s[l.at:], "{R}") {
			return fmt.Errorf(`\mathbb: %w`, errSyntax)
		}
		l.at += len("{R}")
		l.add(token{kind: tWord, text: "reals"})
	case name == "pi" || greek[name]:
		l.add(token{kind: tWord, text: name})
	case name == "dfrac" || name == "tfrac" || name == "cfrac":
		l.add(token{kind: tCmd, text: "frac"})
	case name == "dbinom" || name == "tbinom":
		l.add(token{kind: tCmd, text: "binom"})
	case signs[name] != "":
		if name == "{" || name == "lbrace" || name == "langle" {
			l.depth++
		} else if name == "}" || name == "rbrace" || name == "rangle" {
			l.depth--
		}
		text := signs[name]
		if name == "{" || name == "}" || name == "lbrace" || name == "rbrace" {
			text = `\` + text
		}
		l.sym(text)
	default:
		l.add(token{kind: tCmd, text: name})
	}
	return nil
}

// inline reads a braced argument as if the braces were not there.
func (l *lexer) inline(quoted bool) error {
	rest := strings.TrimLeft(l.s[l.at:], " ")
	if !strings.HasPrefix(rest, "{") {
		return nil // such as \mathbf v, \rm cm: what follows stands for itself
	}
	from := len(l.s) - len(rest)
	to := closing(l.s, from)
	if to < 0 || l.nested > 8 {
		return fmt.Errorf("an argument that does not end: %w", errSyntax)
	}
	inner := lexer{s: l.s[from+1 : to], depth: l.depth, quoted: quoted || l.quoted, spaced: l.spaced, nested: l.nested + 1, out: l.out}
	if err := inner.run(); err != nil {
		return err
	}
	l.at, l.out, l.spaced = to+1, inner.out, inner.spaced
	return nil
}

// closing is the index of the brace that closes the one at from, or -1.
func closing(s string, from int) int {
	depth := 0
	for i := from; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}
