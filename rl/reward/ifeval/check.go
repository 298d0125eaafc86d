package ifeval

import (
	"fmt"
	"strings"
)

// Verdict says whether an instruction was followed, and what was found.
type Verdict struct {
	Followed bool
	Evidence string
}

// Check judges a response as it is. A blank response follows nothing. The error is about an instruction that is not
// valid, or wraps reward.ErrUnavailable where the language of the response cannot be told.
func (i Instruction) Check(response string) (Verdict, error) {
	if err := i.Validate(); err != nil {
		return Verdict{}, err
	}
	if strings.TrimSpace(response) == "" {
		return Verdict{Evidence: "the response is blank"}, nil
	}
	a := i.Args
	switch i.Kind {
	case KeywordExistence:
		return checkKeywords(a, response), nil
	case KeywordFrequency:
		return related("occurrences of "+quote(a.Keyword), countFold(response, strings.TrimSpace(a.Keyword)), a.Relation, a.Frequency), nil
	case ForbiddenWords:
		return checkForbidden(a, response), nil
	case LetterFrequency:
		return related("occurrences of "+quote(a.Letter), countFold(response, a.Letter), a.LetRelation, a.LetFrequency), nil
	case ResponseLanguage:
		return checkLanguage(a.Language, response)
	case NumberSentences:
		return related("sentences", len(Sentences(response)), a.Relation, a.NumSentences), nil
	case NumberParagraphs:
		return checkParagraphs(a, response), nil
	case NumberWords:
		return related("words", len(Words(response)), a.Relation, a.NumWords), nil
	case NthParagraph:
		return checkNthParagraph(a, response), nil
	case NumberPlaceholders:
		return related("placeholders", len(placeholder.FindAllString(response, -1)), AtLeast, a.NumPlaceholders), nil
	case Postscript:
		return checkPostscript(a, response), nil
	case NumberBullets:
		n := countBullets(response)
		return Verdict{Followed: n == a.NumBullets, Evidence: fmt.Sprintf("%d bullets, want %d", n, a.NumBullets)}, nil
	case ConstrainedResponse:
		return checkOptions(response), nil
	case NumberHighlights:
		return related("highlighted sections", countHighlights(response), AtLeast, a.NumHighlights), nil
	case MultipleSections:
		return related("section marks", countSections(a, response), AtLeast, a.NumSections), nil
	case JSONFormat:
		return checkJSON(response), nil
	case Title:
		return checkTitle(response), nil
	case TwoResponses:
		return checkTwo(response), nil
	case RepeatPrompt:
		repeated := strings.HasPrefix(strings.ToLower(strings.TrimSpace(response)), strings.ToLower(strings.TrimSpace(a.PromptToRepeat)))
		return verdict(repeated, "begins with the request", "does not begin with the request"), nil
	case EndPhrase:
		body := strings.ToLower(strings.Trim(strings.TrimSpace(response), `"`))
		ends := strings.HasSuffix(body, strings.ToLower(strings.TrimSpace(a.EndPhrase)))
		return verdict(ends, "ends with the phrase", "ends with "+quote(tail(body))), nil
	case Quotation:
		body := strings.TrimSpace(response)
		quoted := len(body) > 1 && body[0] == '"' && body[len(body)-1] == '"'
		return verdict(quoted, "stands in double quotation marks", "does not stand in double quotation marks"), nil
	case CapitalWords:
		return related("words in capitals", len(capitalWords(response)), a.CapitalRelation, a.CapitalFrequency), nil
	case EnglishCapital:
		if !upper(response) {
			return Verdict{Evidence: "there are lower-case letters, or no capitals"}, nil
		}
		return checkEnglish(response), nil
	case EnglishLowercase:
		if !lower(response) {
			return Verdict{Evidence: "there are capitals, or no lower-case letters"}, nil
		}
		return checkEnglish(response), nil
	case NoComma:
		return related("commas", strings.Count(response, ","), LessThan, 1), nil
	}
	panic("ifeval: Validate let through " + string(i.Kind))
}

// CheckLoose judges a response and its variants with the first line, the last line, both, and all asterisks left out, and
// takes the best verdict: an upper bound of compliance (section 2.3 of the paper).
func (i Instruction) CheckLoose(response string) (Verdict, error) {
	strict, err := i.Check(response)
	if err != nil || strict.Followed {
		return strict, err
	}
	for _, variant := range looseVariants(response) {
		if v, err := i.Check(variant); err == nil && v.Followed {
			v.Evidence = "loosely: " + v.Evidence
			return v, nil
		}
	}
	return strict, nil
}

func looseVariants(response string) []string {
	lines := strings.Split(response, "\n")
	join := func(part []string) string { return strings.TrimSpace(strings.Join(part, "\n")) }
	variants := []string{response, join(lines[1:]), join(lines[:len(lines)-1])}
	if len(lines) > 2 {
		variants = append(variants, join(lines[1:len(lines)-1]))
	}
	for _, v := range variants[:len(variants):len(variants)] {
		variants = append(variants, strings.ReplaceAll(v, "*", ""))
	}
	return variants
}

func related(what string, n int, relation string, bound int) Verdict {
	ok := n >= bound
	if relation == LessThan {
		ok = n < bound
	}
	return Verdict{Followed: ok, Evidence: fmt.Sprintf("%d %s, want %s %d", n, what, relation, bound)}
}

func verdict(ok bool, yes, no string) Verdict {
	if ok {
		return Verdict{Followed: true, Evidence: yes}
	}
	return Verdict{Evidence: no}
}

// quote shows at most 40 runes of a text.
func quote(s string) string {
	if r := []rune(s); len(r) > 40 {
		s = string(r[:40]) + "..."
	}
	return fmt.Sprintf("%q", s)
}

// tail is the last 40 runes of a text.
func tail(s string) string {
	r := []rune(s)
	return string(r[max(0, len(r)-40):])
}
