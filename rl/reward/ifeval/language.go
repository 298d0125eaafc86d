package ifeval

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode"

	"muonclip/rl/reward"
)

// Guess is what Detect found out about the language of a text.
type Guess struct {
	// Language is the likeliest one (ISO 639-1); empty means none that Detect knows.
	Language string
	// Candidates are all that the evidence leaves, the likeliest first. With more than one nothing is decided.
	Candidates []string
}

// Sure reports whether the evidence leaves one answer.
func (g Guess) Sure() bool { return len(g.Candidates) <= 1 }

// Detect tells the language of a text: by its script where one language alone writes it, and otherwise by frequent words
// and by letters. A word that k languages list counts 1/k for each of them. A language that is at least leadWords behind
// the first is no candidate. The languages are those of Languages and, so as not to be taken for one of these, their
// neighbours nl sv da no cs tr id ro hu zh.
func Detect(text string) Guess {
	script := dominant(text)
	if script == "" {
		return Guess{}
	}
	if l, shared := lexicons()[script]; shared {
		return rank(text, l)
	}
	return Guess{Language: script, Candidates: []string{script}}
}

// Languages lists the codes that instructions may ask for: those of the public checker's registry.
func Languages() []string {
	return []string{"ar", "bg", "bn", "de", "en", "es", "fa", "fi", "fr", "gu", "he", "hi", "it", "ja", "kn", "ko", "ml", "mr", "ne", "pa", "pl",
		"pt",
		"ru", "sw", "ta", "te", "th", "uk", "ur", "vi"}
}

// scripts are named by their one language, or, where several share one, by the list that tells them apart.
var scripts = []struct {
	name  string
	table *unicode.RangeTable
}{
	{"latin", unicode.Latin}, {"cyrillic", unicode.Cyrillic}, {"arabic", unicode.Arabic}, {"devanagari", unicode.Devanagari},
	{"bn", unicode.Bengali}, {"gu", unicode.Gujarati}, {"pa", unicode.Gurmukhi}, {"kn", unicode.Kannada}, {"ml", unicode.Malayalam},
	{"ta", unicode.Tamil}, {"te", unicode.Telugu}, {"th", unicode.Thai}, {"ko", unicode.Hangul}, {"he", unicode.Hebrew}, {"el", unicode.Greek},
	{"zh", unicode.Han}, {"ja", unicode.Hiragana}, {"ja", unicode.Katakana},
}

// dominant is the script of most letters and marks; empty where there are none or where most are of an unknown script.
func dominant(text string) string {
	counts := map[string]int{}
	for _, r := range text {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) {
			continue
		}
		name := ""
		for _, s := range scripts {
			if unicode.Is(s.table, r) {
				name = s.name
				break
			}
		}
		counts[name]++
	}
	if kana := counts["ja"]; kana > 0 && 20*kana >= counts["zh"] { // Japanese mixes both, Chinese has no kana
		counts["ja"] += counts["zh"]
		delete(counts, "zh")
	}
	best := ""
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if counts[name] > counts[best] {
			best = name
		}
	}
	return best
}

const (
	// leadWords is the evidence, in words that only one language has, which decides for it.
	leadWords = 1.0
	// foreignLetter is what a word with a letter that a language does not write counts against it.
	foreignLetter = 0.75
	// strangeWords is the number of words from which on a text without a frequent word is in no known language.
	strangeWords = 20
)

// A lexicon is a list of tongues, made ready for rank.
type lexicon struct {
	tongues []tongue
	words   []map[string]bool  // of each tongue
	share   map[string]float64 // number of tongues that have a word
	beyond  string             // letters of all tongues
}

// lexicons are derived from the lists once.
var lexicons = sync.OnceValue(func() map[string]lexicon {
	made := map[string]lexicon{}
	for script, tongues := range map[string][]tongue{"latin": latin, "cyrillic": cyrillic, "arabic": arabic, "devanagari": devanagari} {
		l := lexicon{tongues: tongues, words: make([]map[string]bool, len(tongues)), share: map[string]float64{}}
		for i, t := range tongues {
			l.words[i] = map[string]bool{}
			for _, w := range Words(t.words) {
				l.words[i][w] = true
			}
			for w := range l.words[i] {
				l.share[w]++
			}
			l.beyond += t.letters
		}
		made[script] = l
	}
	return made
})

// rank scores the languages of one script.
func rank(text string, l lexicon) Guess {
	tongues := l.tongues
	scores := make([]float64, len(tongues))
	words := Words(strings.ToLower(text))
	for _, w := range words {
		special := strings.Map(func(r rune) rune {
			if strings.ContainsRune(l.beyond, r) {
				return r
			}
			return -1
		}, w)
		for i, t := range tongues {
			if l.words[i][w] {
				scores[i] += 1 / l.share[w]
			}
			if special != "" && strings.Trim(special, t.letters) != "" {
				scores[i] -= foreignLetter
			}
		}
	}
	order := make([]int, len(tongues))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	top := scores[order[0]]
	if top < leadWords && len(words) >= strangeWords {
		return Guess{}
	}
	var g Guess
	for _, i := range order {
		if scores[i] > top-leadWords {
			g.Candidates = append(g.Candidates, tongues[i].code)
		}
	}
	g.Language = g.Candidates[0]
	return g
}

// checkLanguage wraps reward.ErrUnavailable where Detect cannot tell the wanted language, and where the evidence leaves
// it as one candidate of several.
func checkLanguage(want, response string) (Verdict, error) {
	if !slices.Contains(Languages(), want) {
		return Verdict{}, fmt.Errorf("ifeval: language %q cannot be recognised, only %s: %w", want, strings.Join(Languages(),
			" "), reward.ErrUnavailable)
	}
	g := Detect(response)
	switch {
	case g.Language == "":
		return Verdict{Evidence: "the language is none of the known ones"}, nil
	case g.Sure() || !slices.Contains(g.Candidates, want):
		return Verdict{Followed: g.Language == want, Evidence: fmt.Sprintf("the language is %s, want %s", g.Language, want)}, nil
	}
	return Verdict{}, fmt.Errorf("ifeval: the language of %s may be any of %v, want %s: %w",
		quote(response), g.Candidates, want, reward.ErrUnavailable)
}

// checkEnglish is lenient where the evidence leaves English as a candidate: these instructions are about the case.
func checkEnglish(response string) Verdict {
	g := Detect(response)
	if g.Sure() && g.Language != "en" || !slices.Contains(g.Candidates, "en") {
		return Verdict{Evidence: fmt.Sprintf("the language is %s, want en", cmp.Or(g.Language, "unknown"))}
	}
	return Verdict{Followed: true, Evidence: "in English and in the right case"}
}
