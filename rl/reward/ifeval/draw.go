package ifeval

import (
	"math/rand/v2"
	"slices"
)

// Draw picks n instructions of different kinds that do not contradict each other; request is what RepeatPrompt repeats.
// Bounds are small, so that short texts follow them. There may be fewer than n where the first ones leave no room.
// Compose may still fail on a combination; callers draw again.
func Draw(rng *rand.Rand, n int, request string) []Instruction {
	var drawn []Instruction
	kinds := Kinds()
	rng.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	for _, k := range kinds {
		if len(drawn) == n {
			break
		}
		if !slices.ContainsFunc(drawn, func(d Instruction) bool { return conflict(d.Kind, k) }) {
			drawn = append(drawn, Instruction{Kind: k, Args: DrawArgs(rng, k, request)})
		}
	}
	return drawn
}

// DrawArgs draws the arguments of a kind.
func DrawArgs(rng *rand.Rand, k Kind, request string) Args {
	relation := AtLeast
	if rng.IntN(2) == 0 {
		relation = LessThan
	}
	pick := func(from []string, n int) []string {
		picked := slices.Clone(from)
		rng.Shuffle(len(picked), func(i, j int) { picked[i], picked[j] = picked[j], picked[i] })
		return picked[:n]
	}
	var a Args
	switch k {
	case KeywordExistence:
		a.Keywords = pick(nouns, 1+rng.IntN(3))
	case KeywordFrequency:
		a.Keyword, a.Frequency, a.Relation = pick(nouns, 1)[0], 1+rng.IntN(4), relation
	case ForbiddenWords:
		a.ForbiddenWords = pick([]string{"people", "families", "children", "teachers", "friends", "about", "think", "read", "morning", "school",
			"home", "river", "stories", "good", "old", "winter"}, 1+rng.IntN(4))
	case LetterFrequency:
		a.LetFrequency, a.LetRelation = 1+rng.IntN(8), relation
		letters := "abcdefghijklmnopqrstuvwxyz"
		if relation == LessThan {
			letters, a.LetFrequency = "bcfgjkmpquvwxyz", 1+rng.IntN(4)
		}
		a.Letter = string(letters[rng.IntN(len(letters))])
	case ResponseLanguage:
		a.Language = stock[rng.IntN(len(stock))].code
	case NumberSentences:
		a.NumSentences, a.Relation = 2+rng.IntN(5), relation
	case NumberParagraphs:
		a.NumParagraphs = 2 + rng.IntN(3)
	case NumberWords:
		a.NumWords, a.Relation = 10+5*rng.IntN(9), relation
	case NthParagraph:
		a.NumParagraphs = 2 + rng.IntN(3)
		a.NthParagraph, a.FirstWord = 1+rng.IntN(a.NumParagraphs), pick(nouns, 1)[0]
	case NumberPlaceholders:
		a.NumPlaceholders = 1 + rng.IntN(4)
	case Postscript:
		a.PostscriptMarker = pick([]string{"P.S.", "P.P.S"}, 1)[0]
	case NumberBullets:
		a.NumBullets = 1 + rng.IntN(4)
	case NumberHighlights:
		a.NumHighlights = 1 + rng.IntN(4)
	case MultipleSections:
		a.NumSections, a.SectionSpliter = 2+rng.IntN(3), pick([]string{"Section", "SECTION", "Part", "Day"}, 1)[0]
	case RepeatPrompt:
		a.PromptToRepeat = request
	case EndPhrase:
		a.EndPhrase = pick([]string{"That is all for today.", "What do you think?", "Let us hope for the best.", "Many thanks for your time."}, 1)[0]
	case CapitalWords:
		a.CapitalFrequency, a.CapitalRelation = 1+rng.IntN(5), relation
	}
	return a
}

var (
	// structures lay out the whole response, so that there is one of them.
	structures = []Kind{NumberParagraphs, NthParagraph, MultipleSections, TwoResponses, JSONFormat, ConstrainedResponse}
	cases      = []Kind{CapitalWords, EnglishCapital, EnglishLowercase}
	// besideLanguage go with a response in a language of which only stock sentences are known.
	besideLanguage = []Kind{NumberSentences, NumberWords, NumberParagraphs, NumberBullets, NoComma, Quotation, Title}
	// besideJSON are what can be told of a text inside a JSON string.
	besideJSON = []Kind{KeywordExistence, KeywordFrequency, ForbiddenWords, LetterFrequency, NumberSentences, NumberWords, NumberPlaceholders,
		NumberHighlights, Title, CapitalWords, EnglishCapital, EnglishLowercase, NoComma, Postscript}
)

func conflict(a, b Kind) bool {
	both := func(group []Kind) bool { return slices.Contains(group, a) && slices.Contains(group, b) }
	outside := func(k Kind, group []Kind) bool {
		return a == k && !slices.Contains(group, b) || b == k && !slices.Contains(group, a)
	}
	pair := func(k Kind, others ...Kind) bool {
		return a == k && slices.Contains(others, b) || b == k && slices.Contains(others, a)
	}
	return a == b || both(structures) || both(cases) || outside(ResponseLanguage, besideLanguage) || outside(JSONFormat, besideJSON) ||
		pair(ConstrainedResponse, EnglishCapital, EnglishLowercase, LetterFrequency) || pair(RepeatPrompt, Quotation, NumberWords)
}
