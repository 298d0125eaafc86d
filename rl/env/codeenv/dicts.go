package codeenv

import (
	"fmt"
	"math/rand/v2"
)

// vocabulary is where words and keys of tests come from.
var vocabulary = []string{
	"ant", "bear", "boat", "corn", "ears", "east", "eon", "lamp", "nest", "note", "oats", "onion", "rain", "rose", "sand", "tea",
	"toast", "tent", "ab", "stone", "salt", "noon", "bee", "train", "root",
}

// fromCounts are the steps that begin with a dict from words to whole numbers.
var fromCounts = []maker{
	fixed(does("size", number, 1, "take the number of keys", "len", "len(@)")),
	fixed(does("sum", number, 1, "take the sum of the values", "sum values", "sum(@.values())")),
	func(r *rand.Rand) op {
		key, k := pick(r, vocabulary[:8]...), between(r, -1, 5)
		return does("get", number, 1, fmt.Sprintf("take the value of %q, or %d if there is none", key, k), fmt.Sprintf("get %s or %d", key, k),
			fmt.Sprintf("@.get('%s', %d)", key, k))
	},
	fixed(does("largest", number, 2, "take the largest value, or 0 if there is none", "max value or 0", "max(@.values()) if @ else 0")),
	fixed(does("sort", words, 1, "take its keys, sorted", "sorted keys", "sorted(@)")),
	fixed(does("sort", numbers, 1, "take its values, sorted", "sorted values", "sorted(@.values())")),
	fixed(does("sort", words, 2, "take its keys, sorted by value from large to small, keys of equal value in alphabetical order",
		"keys by value desc",
		"sorted(@, key=lambda k: (-@[k], k))")),
	func(r *rand.Rand) op {
		k, c := between(r, 1, 5), pick(r, letters...)
		return pick(r,
			does("filter", counts, 2, fmt.Sprintf("keep the entries with a value greater than %d", k), fmt.Sprintf("keep value > %d", k),
				fmt.Sprintf("{k: v for k, v in @.items() if v > %d}", k)),
			does("filter", counts, 2, "keep the entries with an even value", "keep even values", "{k: v for k, v in @.items() if v % 2 == 0}"),
			does("filter", counts, 2, fmt.Sprintf("keep the entries with %q in the key", c), "keep keys with "+c,
				fmt.Sprintf("{k: v for k, v in @.items() if '%s' in k}", c)))
	},
	func(r *rand.Rand) op {
		k := between(r, 2, 6)
		return pick(r,
			does("map", counts, 2, fmt.Sprintf("add %d to each value", k), fmt.Sprintf("values + %d", k),
				fmt.Sprintf("{k: v + %d for k, v in @.items()}", k)),
			does("map", counts, 2, fmt.Sprintf("multiply each value by %d", k), fmt.Sprintf("values * %d", k),
				fmt.Sprintf("{k: v * %d for k, v in @.items()}", k)),
			does("map", counts, 2, "square each value", "values squared", "{k: v * v for k, v in @.items()}"),
			does("map", counts, 2, fmt.Sprintf("replace each value by its remainder by %d", k), fmt.Sprintf("values mod %d", k),
				fmt.Sprintf("{k: v %% %d for k, v in @.items()}", k)))
	},
	fixed(does("rename", counts, 2, "make the keys upper case", "upper keys", "{k.upper(): v for k, v in @.items()}")),
	fixed(loop("heads", counts, 3, "add up the values of keys that begin with the same letter, under that letter", "sum by first letter",
		"$ = {}", "for k, v in @.items():", "    $[k[:1]] = $.get(k[:1], 0) + v")),
	func(r *rand.Rand) op {
		key, k := pick(r, vocabulary[:8]...), between(r, 1, 5)
		return loop("set", counts, 3, fmt.Sprintf("add %d to the value of %q, which is 0 if there is none", k, key), fmt.Sprintf("%s += %d", key, k),
			"$ = dict(@)", fmt.Sprintf("$['%s'] = $.get('%s', 0) + %d", key, key, k))
	},
	fixed(loop("best", text, 3, "take the key with the largest value, the alphabetically first of several, or an empty text if there is none",
		"key of max",
		"$ = ''", "for k in sorted(@):", "    if $ == '' or @[k] > @[$]:", "        $ = k")),
}

// ofTwoDicts begin a program with two dicts.
var ofTwoDicts = []maker{
	func(r *rand.Rand) op {
		o := pick(r,
			loop("two", counts, 3, "add the values of others, under the same keys", "x + y by key",
				"$ = dict(@)", "for k, v in #.items():", "    $[k] = $.get(k, 0) + v"),
			does("two", counts, 2, "keep the entries whose key is in others, too", "keep keys in y", "{k: v for k, v in @.items() if k in #}"),
			does("two", counts, 2, "remove the entries whose key is in others", "drop keys in y", "{k: v for k, v in @.items() if k not in #}"))
		o.second = true
		return o
	},
}
