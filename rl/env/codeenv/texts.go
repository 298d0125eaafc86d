package codeenv

import (
	"fmt"
	"math/rand/v2"
)

// letters are those that texts of tests are full of, so that steps about them change something.
var letters = []string{"a", "e", "o", "n", "r", "s", "t", "b"}

// fromText are the steps that begin with a text.
var fromText = []maker{
	// to a text
	fixed(does("case", text, 1, "make it upper case", "upper", "@.upper()")),
	fixed(does("reverse", text, 1, "reverse it", "reverse", "@[::-1]")),
	func(r *rand.Rand) op {
		k := between(r, 2, 5)
		return pick(r,
			does("slice", text, 1, fmt.Sprintf("keep the first %d characters", k), fmt.Sprintf("first %d", k), fmt.Sprintf("@[:%d]", k)),
			does("slice", text, 1, fmt.Sprintf("remove the first %d characters", k), fmt.Sprintf("drop %d", k), fmt.Sprintf("@[%d:]", k)),
			does("slice", text, 1, fmt.Sprintf("keep the last %d characters", k), fmt.Sprintf("last %d", k), fmt.Sprintf("@[-%d:]", k)),
			does("slice", text, 1, "keep every second character, beginning with the first", "every 2nd", "@[::2]"))
	},
	func(r *rand.Rand) op {
		a, b := pick(r, letters...), pick(r, "x", "z", "*", "_", "")
		say, terse := fmt.Sprintf("replace every %q by %q", a, b), a+" to "+b
		if b == "" {
			say, terse = fmt.Sprintf("remove every %q", a), "drop "+a
		}
		return does("replace", text, 1, say, terse, fmt.Sprintf("@.replace('%s', '%s')", a, b))
	},
	func(r *rand.Rand) op {
		s := pick(r, "!", "ly", "-", "ing", "?", "er", "...")
		return does("suffix", text, 1, fmt.Sprintf("append %q", s), "append "+s, fmt.Sprintf("@ + '%s'", s))
	},
	func(r *rand.Rand) op {
		s := pick(r, "re", "<", "un", "pre", "#", "my ")
		return does("prefix", text, 1, fmt.Sprintf("put %q in front", s), "prepend "+s, fmt.Sprintf("'%s' + @", s))
	},
	func(r *rand.Rand) op {
		k := between(r, 2, 3)
		return does("repeat", text, 1, fmt.Sprintf("write it %d times in a row", k), fmt.Sprintf("times %d", k), fmt.Sprintf("@ * %d", k))
	},
	fixed(does("filter", text, 2, "remove the vowels (a, e, i, o, u)", "drop vowels", "''.join([c for c in @ if c not in 'aeiou'])")),
	fixed(does("filter", text, 2, "keep the letters only", "keep letters", "''.join([c for c in @ if c.isalpha()])")),
	func(r *rand.Rand) op {
		k := between(r, 2, 3)
		return does("stretch", text, 2, fmt.Sprintf("write each character %d times", k), fmt.Sprintf("each char times %d", k),
			fmt.Sprintf("''.join([c * %d for c in @])", k))
	},
	func(r *rand.Rand) op {
		s := pick(r, "-", ".", "+", "/")
		return does("between", text, 2, fmt.Sprintf("put %q between the characters", s), "join with "+s, fmt.Sprintf("'%s'.join(list(@))", s))
	},
	fixed(does("sort", text, 2, "sort its characters", "sort chars", "''.join(sorted(@))")),
	func(r *rand.Rand) op {
		k := between(r, 1, 12)
		return loop("shift", text, 3, fmt.Sprintf("move each lower-case letter %d places on in the alphabet, going round after z", k),
			fmt.Sprintf("caesar %d", k),
			"$ = ''", "for c in @:", "    if c >= 'a' and c <= 'z':", fmt.Sprintf("        c = chr((ord(c) - 97 + %d) %% 26 + 97)", k), "    $ += c")
	},
	fixed(loop("squeeze", text, 3, "keep one of equal characters in a row", "squeeze runs",
		"$ = ''", "for c in @:", "    if $ == '' or $[-1] != c:", "        $ += c")),
	fixed(loop("unique", text, 3, "keep the first of each character", "dedupe chars",
		"$ = ''", "for c in @:", "    if c not in $:", "        $ += c")),
	// to a number
	fixed(does("length", number, 1, "take its length", "len", "len(@)")),
	func(r *rand.Rand) op {
		c := pick(r, letters...)
		return does("count", number, 1, fmt.Sprintf("take how often %q occurs", c), "count "+c, fmt.Sprintf("@.count('%s')", c))
	},
	func(r *rand.Rand) op {
		c := pick(r, letters...)
		return does("find", number, 1, fmt.Sprintf("take the place of the first %q, counted from 0, or -1", c), "find "+c,
			fmt.Sprintf("@.find('%s')", c))
	},
	fixed(does("different", number, 1, "take the number of different characters", "count distinct", "len(set(@))")),
	fixed(does("vowels", number, 2, "take the number of vowels (a, e, i, o, u)", "count vowels", "len([c for c in @ if c in 'aeiou'])")),
	// to a list or a dict
	func(*rand.Rand) op {
		o := does("split", words, 1, "split it into words at the spaces", "split", "@.split()")
		o.first = true // later there may be one word only
		return o
	},
	fixed(loop("letters", counts, 3, "count how often each character occurs, as a dict", "char counts",
		"$ = {}", "for c in @:", "    $[c] = $.get(c, 0) + 1")),
}

// textTests are conditions on a text.
var textTests = []maker{
	func(r *rand.Rand) op {
		c := pick(r, letters...)
		return does("has", truth, 1, fmt.Sprintf("%q occurs in it", c), "has "+c, fmt.Sprintf("'%s' in @", c))
	},
	func(r *rand.Rand) op {
		k := between(r, 4, 10)
		return does("length test", truth, 1, fmt.Sprintf("it has more than %d characters", k), fmt.Sprintf("len > %d", k),
			fmt.Sprintf("len(@) > %d", k))
	},
	func(r *rand.Rand) op {
		c := pick(r, letters...)
		k := between(r, 1, 2)
		return does("often", truth, 1, fmt.Sprintf("%q occurs more than %d times in it", c, k), fmt.Sprintf("count %s > %d", c, k),
			fmt.Sprintf("@.count('%s') > %d", c, k))
	},
	fixed(does("space", truth, 1, "it has a space", "has space", "' ' in @")),
	fixed(does("vowel", truth, 1, "it begins with a vowel (a, e, i, o, u)", "starts with vowel", "@[:1] in ['a', 'e', 'i', 'o', 'u']")),
	fixed(does("repeats", truth, 1, "one of its characters occurs twice", "has repeats", "len(set(@)) < len(@)")),
}

// fromWords are the steps that begin with a list of words.
var fromWords = []maker{
	func(r *rand.Rand) op {
		s := pick(r, " ", "-", ", ", "", "/")
		say, terse := fmt.Sprintf("join them with %q between", s), "join "+s
		if s == "" {
			say, terse = "join them without anything between", "concat"
		}
		return does("join", text, 1, say, terse, fmt.Sprintf("'%s'.join(@)", s))
	},
	fixed(does("size", number, 1, "take the number of words", "len", "len(@)")),
	fixed(does("different", number, 1, "take the number of different words", "count distinct", "len(set(@))")),
	func(r *rand.Rand) op {
		w := pick(r, vocabulary...)
		if r.IntN(2) == 0 {
			return does("append", words, 1, fmt.Sprintf("put %q in front of the list", w), "prepend "+w, fmt.Sprintf("['%s'] + @", w))
		}
		return does("append", words, 1, fmt.Sprintf("append %q to the list", w), "append "+w, fmt.Sprintf("@ + ['%s']", w))
	},
	fixed(does("reverse", words, 1, "put them in reverse order", "reverse", "@[::-1]")),
	fixed(does("sort", words, 1, "sort them", "sort", "sorted(@)")),
	fixed(does("sort", words, 2, "sort them by length, words of equal length staying in order", "sort by len", "sorted(@, key=len)")),
	func(r *rand.Rand) op {
		k := between(r, 2, 4)
		return pick(r,
			does("slice", words, 1, fmt.Sprintf("remove the first %d", k), fmt.Sprintf("drop %d", k), fmt.Sprintf("@[%d:]", k)),
			does("slice", words, 1, fmt.Sprintf("remove the last %d", k), fmt.Sprintf("drop last %d", k), fmt.Sprintf("@[:-%d]", k)),
			does("slice", words, 1, fmt.Sprintf("keep the first %d", k), fmt.Sprintf("first %d", k), fmt.Sprintf("@[:%d]", k)),
			does("slice", words, 1, fmt.Sprintf("keep the last %d", k), fmt.Sprintf("last %d", k), fmt.Sprintf("@[-%d:]", k)))
	},
	func(r *rand.Rand) op {
		k, c := between(r, 2, 4), pick(r, letters...)
		return pick(r,
			does("filter", words, 2, fmt.Sprintf("keep those with more than %d letters", k), fmt.Sprintf("keep len > %d", k),
				fmt.Sprintf("[w for w in @ if len(w) > %d]", k)),
			does("filter", words, 2, fmt.Sprintf("keep those with %q in them", c), "keep with "+c, fmt.Sprintf("[w for w in @ if '%s' in w]", c)),
			does("filter", words, 2, fmt.Sprintf("remove those that end with %q", c), "drop ending "+c,
				fmt.Sprintf("[w for w in @ if not w.endswith('%s')]", c)))
	},
	func(r *rand.Rand) op {
		s := pick(r, "s", "ed", "!")
		return pick(r,
			does("map", words, 2, "make each upper case", "each upper", "[w.upper() for w in @]"),
			does("map", words, 2, "reverse each", "each reversed", "[w[::-1] for w in @]"),
			does("map", words, 2, fmt.Sprintf("append %q to each", s), "each + "+s, fmt.Sprintf("[w + '%s' for w in @]", s)),
			does("map", words, 2, "keep the first letter of each", "first letters", "[w[:1] for w in @]"))
	},
	fixed(does("lengths", numbers, 2, "take the length of each", "lengths", "[len(w) for w in @]")),
	fixed(does("longest", text, 2, "take the first of the longest words, or an empty text if there is none", "longest",
		"max(@, key=len) if @ else ''")),
	fixed(loop("unique", words, 3, "keep the first of equal ones", "dedupe",
		"$ = []", "for w in @:", "    if w not in $:", "        $.append(w)")),
	fixed(loop("tally", counts, 3, "count how often each occurs, as a dict", "counts",
		"$ = {}", "for w in @:", "    $[w] = $.get(w, 0) + 1")),
	fixed(loop("initials", counts, 3, "count how many begin with each letter, as a dict", "initial counts",
		"$ = {}", "for w in @:", "    if w:", "        $[w[0]] = $.get(w[0], 0) + 1")),
}
