package answer

import (
	"fmt"
	"slices"
	"strings"
)

// parse reads a whole answer: one value, or several with commas, "or" or "and" between them. What is not understood as
// mathematics becomes a text. trusted is set for gold answers; a prediction may get another reading in alt.
func parse(s string, trusted bool) (*node, error) {
	if len(s) > maxBytes {
		return nil, fmt.Errorf("%d bytes, the limit is %d: %w", len(s), maxBytes, errLarge)
	}
	if isoDate.MatchString(strings.TrimSpace(s)) {
		return &node{op: opText, name: strings.TrimSpace(s)}, nil
	}
	toks, err := lex(s)
	if err != nil {
		return &node{op: opText, name: plainText(s)}, nil
	}
	if len(toks) == 0 {
		return nil, fmt.Errorf("an empty answer: %w", errSyntax)
	}
	if special := named(toks); special != nil { // before "and" separates: one hundred and five
		return special, nil
	}
	items := split(toks, func(t token) bool {
		return t.is(",") || t.is(";") || t.kind == tWord && (strings.EqualFold(t.text, "or") || strings.EqualFold(t.text, "and"))
	})
	items = slices.DeleteFunc(items, func(i []token) bool { return len(i) == 0 }) // ", and" separates once
	switch {
	case len(items) == 0:
		return nil, fmt.Errorf("an answer of nothing but separators: %w", errSyntax)
	case len(items) > maxElements:
		return nil, fmt.Errorf("%d answers: %w", len(items), errLarge)
	}
	list := &node{op: opList}
	for _, toks := range items {
		n := *item(toks, trusted)
		n.said = textNode(toks).name
		if n.contains(func(x *node) bool { return x.op == opPlusMinus }) {
			list.args = append(list.args, n.signs(true), n.signs(false))
		} else {
			list.args = append(list.args, &n)
		}
	}
	if len(list.args) == 1 {
		return list.args[0], nil
	}
	return list, nil
}

// split cuts tokens at separators outside of brackets.
func split(toks []token, sep func(token) bool) [][]token {
	var out [][]token
	depth, from := 0, 0
	for i, t := range toks {
		if t.kind == tSym {
			switch t.text {
			case "(", "[", "{", `\{`:
				depth++
			case ")", "]", "}", `\}`:
				depth--
			}
		}
		if depth == 0 && sep(t) {
			out, from = append(out, toks[from:i]), i+1
		}
	}
	return append(out, toks[from:])
}

// cutLabel takes away what says which quantity the answer is: "f(x) =", "x ∈", or a short text with = or a colon.
func cutLabel(toks []token) (label *node, rest []token) {
	n := 0
	for n < len(toks) && toks[n].kind == tWord && n < 5 {
		n++
	}
	after := func(i int) bool { return i < len(toks)-1 }
	switch {
	case n == 1 && after(4) && len(toks[0].text) == 1 && toks[1].is("(") && toks[2].kind == tWord && toks[3].is(")") && toks[4].is("="):
		return &node{op: opVar, name: toks[0].text + "(" + toks[2].text + ")"}, toks[5:]
	case n == 1 && after(1) && toks[1].is("∈"):
		return nil, toks[2:]
	case n > 0 && after(n) && toks[n].is("=") && (n > 1 || len(toks[0].text) > 1 && !greek[toks[0].text]):
		return &node{op: opVar, name: joined(toks[:n])}, toks[n+1:]
	}
	return nil, toks
}

// named recognises answers that words name: the real numbers, the empty set, and numbers.
func named(toks []token) *node {
	switch text := joined(toks); text {
	case "reals", "allrealnumbers", "allreals", "realnumbers", "allrealx":
		return &node{op: opTuple, name: "()", args: []*node{{op: opNeg, args: []*node{{op: opInf}}}, {op: opInf}}}
	case "nosolution", "nosolutions", "norealsolution", "norealsolutions", "emptyset", "theemptyset":
		return &node{op: opSet}
	}
	return numberWords(toks)
}

// item reads one value: a union, a relation, a ratio or an expression, else a text.
func item(toks []token, trusted bool) *node {
	whole := toks
	label, toks := cutLabel(toks)
	if label != nil {
		n := item(toks, trusted)
		if n.op == opRel {
			return textNode(whole)
		}
		return &node{op: opRel, rels: []string{"="}, args: []*node{label, n}}
	}
	if special := named(toks); special != nil {
		return special
	}
	if based := basedNumeral(toks); based != nil {
		return based
	}
	if parts := split(toks, func(t token) bool { return t.is("∪") }); len(parts) > 1 {
		return parts2node(toks, parts, &node{op: opUnion}, trusted)
	}
	rel := &node{op: opRel}
	parts := split(toks, func(t token) bool {
		if t.kind != tSym || !slices.Contains([]string{"=", "≠", "<", "≤", ">", "≥"}, t.text) {
			return false
		}
		rel.rels = append(rel.rels, t.text)
		return true
	})
	if len(parts) > 1 {
		return parts2node(toks, parts, rel, trusted)
	}
	if parts := split(toks, func(t token) bool { return t.is(":") }); len(parts) > 1 {
		return parts2node(toks, parts, &node{op: opRatio}, trusted)
	}
	expr, err := parseExpr(toks)
	if err != nil {
		expr = nil
	}
	amount := quantity(toks)
	switch {
	case expr == nil && amount == nil:
		return textNode(toks)
	case expr == nil || amount != nil && trusted && certain(toks):
		return amount
	case amount != nil && !trusted:
		both := *expr
		both.alt = amount
		return &both
	}
	return expr
}

// certain reports whether the word at the end of a gold answer is a unit rather than a variable: it stands in \text{},
// apart, or is longer than variables are.
func certain(toks []token) bool {
	for _, t := range toks[unitStart(toks):] {
		if t.kind == tWord && (t.quoted || t.spaced || len(t.text) > 1) || t.kind == tSym && known[t.text].dim != "" {
			return true
		}
	}
	first := toks[0]
	if first.is("-") && len(toks) > 1 {
		first = toks[1]
	}
	return first.kind == tSym && known[first.text].dim != ""
}

// parts2node reads the parts of a union, a relation or a ratio; where one is not understood, the whole is a text.
func parts2node(whole []token, parts [][]token, into *node, trusted bool) *node {
	for _, part := range parts {
		if len(part) == 0 {
			return textNode(whole)
		}
		n := item(part, trusted)
		if n.op == opText || n.op == opRel || into.op == opUnion && n.op != opTuple && n.op != opSet {
			return textNode(whole)
		}
		into.args = append(into.args, n)
	}
	return into
}

// basedNumeral reads 1A_{16}, a numeral with its base.
func basedNumeral(toks []token) *node {
	n := len(toks)
	if n >= 4 && toks[n-1].is("}") && toks[n-3].is("{") {
		toks = append(slices.Clone(toks[:n-3]), toks[n-2])
		n = len(toks)
	}
	if n < 3 || !toks[n-2].is("_") || toks[n-1].kind != tNum || !toks[n-1].num.IsInt() {
		return nil
	}
	base := toks[n-1].num.Num()
	if !base.IsInt64() || base.Int64() < 2 || base.Int64() > 36 {
		return nil
	}
	digits, numerals := "", false
	for i, t := range toks[:n-2] {
		if t.kind != tNum && t.kind != tWord || i > 0 && t.spaced {
			return nil
		}
		numerals = numerals || t.kind == tNum
		digits += strings.ToUpper(t.text)
	}
	if !numerals {
		return nil
	}
	return &node{op: opBased, name: digits, base: int(base.Int64())}
}
