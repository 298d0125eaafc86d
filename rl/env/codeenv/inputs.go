package codeenv

import (
	"math/rand/v2"
	"strings"
)

// input draws an argument of a type. Domains narrow it: natural (0 to 30), positive (1 to 60; lists of 1 to 12), small
// (0 to 12), large (100 to 99999), short (texts of one word) and brackets.
func input(r *rand.Rand, t typ, domain string) any {
	switch t {
	case number:
		switch domain {
		case "natural":
			return between(r, 0, 30)
		case "positive":
			return between(r, 1, 60)
		case "small":
			return between(r, 0, 12)
		case "large":
			return between(r, 100, 99_999)
		}
		if r.IntN(4) == 0 {
			return between(r, -80, 200)
		}
		return between(r, -15, 60)
	case text:
		switch domain {
		case "brackets":
			return brackets(r)
		case "short":
			return word(r)
		}
		parts := make([]string, between(r, 1, 3))
		for i := range parts {
			parts[i] = word(r)
		}
		return strings.Join(parts, " ")
	case numbers:
		low, high := -6, 15
		if domain == "positive" {
			low, high = 1, 12
		}
		list := make([]any, between(r, 0, 8))
		for i := range list {
			list[i] = between(r, low, high)
		}
		return list
	case words:
		list := make([]any, between(r, 0, 7))
		first := r.IntN(len(vocabulary) - 10)
		for i := range list { // of few words, so that some are equal
			list[i] = vocabulary[first+r.IntN(10)]
		}
		return list
	case counts:
		d := map[string]any{}
		for range between(r, 0, 6) {
			d[vocabulary[r.IntN(14)]] = between(r, 0, 9)
		}
		return d
	}
	return r.IntN(2) == 0
}

// word is one to seven letters, some of them doubled.
func word(r *rand.Rand) string {
	if r.IntN(3) == 0 {
		return vocabulary[r.IntN(len(vocabulary))]
	}
	var out string
	for range between(r, 1, 5) {
		c := letters[r.IntN(len(letters))]
		if r.IntN(4) == 0 {
			c += c
		}
		out += c
	}
	return out
}

// brackets are balanced in about half of the cases.
func brackets(r *rand.Rand) string {
	out := ""
	for range between(r, 1, 4) {
		b := pick(r, "()", "[]")
		switch r.IntN(3) {
		case 0:
			out += b
		case 1:
			out = b[:1] + out + b[1:]
		default:
			out = b + out
		}
	}
	if r.IntN(2) == 0 {
		at := r.IntN(len(out))
		out = out[:at] + pick(r, "(", ")", "[", "]", "") + out[at+1:]
	}
	return out
}
