// Package actor holds those who speak in a dialogue: scripted users with goals, knowledge, patience and a manner of
// writing, and a scripted expert that plans, asks, recovers and explains. Both speak through small grammars,
// so that two of them hardly ever say the same sentence. Whoever else can act, such as a model, satisfies the same
// interfaces of package env.
package actor

import (
	"math/rand/v2"
	"strings"
)

// vars are the words to put into a template.
type vars map[string]string

// expand writes one of the sentences that a template stands for: [a|b|c] is one of its alternatives, which may
// be empty and may nest, and {x} is the variable x. What a variable holds is not expanded further.
func expand(r *rand.Rand, template string, v vars) string {
	var b strings.Builder
	b.Grow(2 * len(template))
	expandTo(&b, r, template, v)
	return b.String()
}

func expandTo(b *strings.Builder, r *rand.Rand, t string, v vars) {
	for i := 0; i < len(t); {
		switch t[i] {
		case '[':
			end := closing(t, i)
			alternatives := split(t[i+1 : end])
			expandTo(b, r, alternatives[r.IntN(len(alternatives))], v)
			i = end + 1
		case '{':
			end := i + strings.IndexByte(t[i:], '}')
			b.WriteString(v[t[i+1:end]])
			i = end + 1
		default:
			end := strings.IndexAny(t[i:], "[{")
			if end < 0 {
				end = len(t) - i
			}
			b.WriteString(t[i : i+end])
			i += end
		}
	}
}

// closing finds the bracket that closes the one at i. Templates are constants, and a test expands them all.
func closing(t string, i int) int {
	depth := 0
	for ; i < len(t); i++ {
		switch t[i] {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	panic("actor: a bracket is not closed in " + t)
}

// split cuts alternatives at the bars outside inner brackets.
func split(t string) []string {
	var out []string
	depth, from := 0, 0
	for i := 0; i < len(t); i++ {
		switch t[i] {
		case '[':
			depth++
		case ']':
			depth--
		case '|':
			if depth == 0 {
				out = append(out, t[from:i])
				from = i + 1
			}
		}
	}
	return append(out, t[from:])
}

// say expands one of several templates and begins it with a capital.
func say(r *rand.Rand, templates []string, v vars) string {
	return capital(expand(r, templates[r.IntN(len(templates))], v))
}

// capital writes the first letter in upper case.
func capital(s string) string {
	if s != "" && s[0] >= 'a' && s[0] <= 'z' {
		return string(s[0]-'a'+'A') + s[1:]
	}
	return s
}

// uncapital writes the first letter in lower case unless the word is an abbreviation or a name with digits.
func uncapital(s string) string {
	if strings.HasPrefix(s, "I ") || strings.HasPrefix(s, "I'") {
		return s
	}
	if len(s) > 1 && s[0] >= 'A' && s[0] <= 'Z' && (s[1] >= 'a' && s[1] <= 'z' || s[1] == ' ') {
		return string(s[0]-'A'+'a') + s[1:]
	}
	return s
}

func pick(r *rand.Rand, options ...string) string { return options[r.IntN(len(options))] }
