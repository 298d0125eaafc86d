package ifeval

import (
	"fmt"
	"strings"
)

// Describe says the instruction in English, for prompts that are generated.
func (i Instruction) Describe() string {
	a := i.Args
	switch i.Kind {
	case KeywordExistence:
		return fmt.Sprintf("Use the words %s.", listed(a.Keywords))
	case KeywordFrequency:
		return fmt.Sprintf("The word %q should appear %s %s.", a.Keyword, a.Relation, times(a.Frequency))
	case ForbiddenWords:
		return fmt.Sprintf("Do not use the words %s.", listed(a.ForbiddenWords))
	case LetterFrequency:
		return fmt.Sprintf("The letter %q should appear %s %s.", a.Letter, a.LetRelation, times(a.LetFrequency))
	case ResponseLanguage:
		name := a.Language
		for _, l := range stock {
			if l.code == a.Language {
				name = l.name
			}
		}
		return fmt.Sprintf("Write in %s only.", name)
	case NumberSentences:
		return fmt.Sprintf("Write %s %d sentences.", a.Relation, a.NumSentences)
	case NumberParagraphs:
		return fmt.Sprintf("Write exactly %d paragraphs and put the divider *** between them.", a.NumParagraphs)
	case NumberWords:
		return fmt.Sprintf("Write %s %d words.", a.Relation, a.NumWords)
	case NthParagraph:
		return fmt.Sprintf("Write exactly %d paragraphs with a blank line between them. Paragraph %d must begin with the word %q.",
			a.NumParagraphs, a.NthParagraph, a.FirstWord)
	case NumberPlaceholders:
		return fmt.Sprintf("Use at least %d placeholders in square brackets, such as [name].", a.NumPlaceholders)
	case Postscript:
		return fmt.Sprintf("Add a postscript at the end that begins with %s", a.PostscriptMarker)
	case NumberBullets:
		return fmt.Sprintf("Write exactly %d bullet points, each on a line that begins with an asterisk.", a.NumBullets)
	case ConstrainedResponse:
		return fmt.Sprintf("Answer with one of these options: %s", strings.Join(options, " "))
	case NumberHighlights:
		return fmt.Sprintf("Highlight at least %d parts with asterisks, such as *this part*.", a.NumHighlights)
	case MultipleSections:
		return fmt.Sprintf("Write %d sections. Begin each with %s and its number, such as %s 1.", a.NumSections, a.SectionSpliter, a.SectionSpliter)
	case JSONFormat:
		return "Put the whole answer into JSON."
	case Title:
		return "Give it a title in double angular brackets, such as <<title>>."
	case TwoResponses:
		return "Give two different answers with six asterisks (******) between them."
	case RepeatPrompt:
		return fmt.Sprintf("Before your answer, repeat this request without any change: %s", a.PromptToRepeat)
	case EndPhrase:
		return fmt.Sprintf("End with exactly this phrase: %q Nothing may follow it.", a.EndPhrase)
	case Quotation:
		return "Put the whole answer between double quotation marks."
	case CapitalWords:
		return fmt.Sprintf("Words in capital letters should appear %s %s.", a.CapitalRelation, times(a.CapitalFrequency))
	case EnglishCapital:
		return "Write in English and in capital letters only."
	case EnglishLowercase:
		return "Write in English and in lowercase letters only."
	case NoComma:
		return "Do not use any commas."
	}
	return string(i.Kind)
}

func listed(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	if n := len(quoted); n > 1 {
		return strings.Join(quoted[:n-1], ", ") + " and " + quoted[n-1]
	}
	return strings.Join(quoted, "")
}

func times(n int) string {
	if n == 1 {
		return "1 time"
	}
	return fmt.Sprintf("%d times", n)
}
