package ifeval

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind is the id of a kind of instruction.
type Kind string

// The kinds of IFEval.
const (
	KeywordExistence    Kind = "keywords:existence"
	KeywordFrequency    Kind = "keywords:frequency"
	ForbiddenWords      Kind = "keywords:forbidden_words"
	LetterFrequency     Kind = "keywords:letter_frequency"
	ResponseLanguage    Kind = "language:response_language"
	NumberSentences     Kind = "length_constraints:number_sentences"
	NumberParagraphs    Kind = "length_constraints:number_paragraphs"
	NumberWords         Kind = "length_constraints:number_words"
	NthParagraph        Kind = "length_constraints:nth_paragraph_first_word"
	NumberPlaceholders  Kind = "detectable_content:number_placeholders"
	Postscript          Kind = "detectable_content:postscript"
	NumberBullets       Kind = "detectable_format:number_bullet_lists"
	ConstrainedResponse Kind = "detectable_format:constrained_response"
	NumberHighlights    Kind = "detectable_format:number_highlighted_sections"
	MultipleSections    Kind = "detectable_format:multiple_sections"
	JSONFormat          Kind = "detectable_format:json_format"
	Title               Kind = "detectable_format:title"
	TwoResponses        Kind = "combination:two_responses"
	RepeatPrompt        Kind = "combination:repeat_prompt"
	EndPhrase           Kind = "startend:end_checker"
	Quotation           Kind = "startend:quotation"
	CapitalWords        Kind = "change_case:capital_word_frequency"
	EnglishCapital      Kind = "change_case:english_capital"
	EnglishLowercase    Kind = "change_case:english_lowercase"
	NoComma             Kind = "punctuation:no_comma"
)

// Kinds lists all kinds.
func Kinds() []Kind {
	return []Kind{
		KeywordExistence, KeywordFrequency, ForbiddenWords, LetterFrequency, ResponseLanguage, NumberSentences, NumberParagraphs,
		NumberWords, NthParagraph, NumberPlaceholders, Postscript, NumberBullets, ConstrainedResponse, NumberHighlights,
		MultipleSections, JSONFormat, Title, TwoResponses, RepeatPrompt, EndPhrase, Quotation, CapitalWords, EnglishCapital,
		EnglishLowercase, NoComma,
	}
}

// The two relations between a count and its bound.
const (
	AtLeast  = "at least"
	LessThan = "less than"
)

// Args are the arguments of an instruction, by the names of the data file. Each kind uses its own; the others stay zero.
type Args struct {
	Keywords         []string `json:"keywords,omitempty"`
	Keyword          string   `json:"keyword,omitempty"`
	Frequency        int      `json:"frequency,omitempty"`
	ForbiddenWords   []string `json:"forbidden_words,omitempty"`
	Letter           string   `json:"letter,omitempty"`
	LetFrequency     int      `json:"let_frequency,omitempty"`
	LetRelation      string   `json:"let_relation,omitempty"`
	Language         string   `json:"language,omitempty"` // ISO 639-1
	NumSentences     int      `json:"num_sentences,omitempty"`
	NumParagraphs    int      `json:"num_paragraphs,omitempty"`
	NumWords         int      `json:"num_words,omitempty"`
	NthParagraph     int      `json:"nth_paragraph,omitempty"` // counted from 1
	FirstWord        string   `json:"first_word,omitempty"`
	NumPlaceholders  int      `json:"num_placeholders,omitempty"`
	PostscriptMarker string   `json:"postscript_marker,omitempty"`
	NumBullets       int      `json:"num_bullets,omitempty"`
	NumHighlights    int      `json:"num_highlights,omitempty"`
	SectionSpliter   string   `json:"section_spliter,omitempty"` // spelled as in the data
	NumSections      int      `json:"num_sections,omitempty"`
	PromptToRepeat   string   `json:"prompt_to_repeat,omitempty"`
	EndPhrase        string   `json:"end_phrase,omitempty"`
	CapitalFrequency int      `json:"capital_frequency,omitempty"`
	CapitalRelation  string   `json:"capital_relation,omitempty"`
	Relation         string   `json:"relation,omitempty"` // of frequency, num_sentences and num_words
}

// Instruction is one verifiable instruction.
type Instruction struct {
	Kind Kind
	Args Args
}

// Validate reports an unknown kind and arguments that are missing or without meaning. The public checker draws missing
// arguments at random, so a verdict on them would mean nothing.
func (i Instruction) Validate() error {
	a := i.Args
	count := func(name string, n int) error {
		if n < 1 {
			return fmt.Errorf("ifeval: %s: %s is %d, want at least 1", i.Kind, name, n)
		}
		return nil
	}
	related := func(name string, n int, relation string) error {
		if relation != AtLeast && relation != LessThan {
			return fmt.Errorf("ifeval: %s: the relation is %q, want %q or %q", i.Kind, relation, AtLeast, LessThan)
		}
		return count(name, n)
	}
	text := func(name string, all ...string) error {
		blank := func(s string) bool { return strings.TrimSpace(s) == "" }
		if len(all) == 0 || slices.ContainsFunc(all, blank) {
			return fmt.Errorf("ifeval: %s: %s is missing or blank", i.Kind, name)
		}
		return nil
	}
	switch i.Kind {
	case KeywordExistence:
		return text("keywords", a.Keywords...)
	case KeywordFrequency:
		return first(text("keyword", a.Keyword), related("frequency", a.Frequency, a.Relation))
	case ForbiddenWords:
		return text("forbidden_words", a.ForbiddenWords...)
	case LetterFrequency:
		if utf8.RuneCountInString(a.Letter) != 1 {
			return fmt.Errorf("ifeval: %s: letter is %q, want one letter", i.Kind, a.Letter)
		}
		return first(text("letter", a.Letter), related("let_frequency", a.LetFrequency, a.LetRelation))
	case ResponseLanguage:
		return text("language", a.Language)
	case NumberSentences:
		return related("num_sentences", a.NumSentences, a.Relation)
	case NumberParagraphs:
		return count("num_paragraphs", a.NumParagraphs)
	case NumberWords:
		return related("num_words", a.NumWords, a.Relation)
	case NthParagraph:
		if a.NthParagraph > a.NumParagraphs {
			return fmt.Errorf("ifeval: %s: nth_paragraph is %d of %d", i.Kind, a.NthParagraph, a.NumParagraphs)
		}
		return first(count("nth_paragraph", a.NthParagraph), text("first_word", a.FirstWord))
	case NumberPlaceholders:
		return count("num_placeholders", a.NumPlaceholders)
	case Postscript:
		return text("postscript_marker", a.PostscriptMarker)
	case NumberBullets:
		return count("num_bullets", a.NumBullets)
	case NumberHighlights:
		return count("num_highlights", a.NumHighlights)
	case MultipleSections:
		return first(text("section_spliter", a.SectionSpliter), count("num_sections", a.NumSections))
	case RepeatPrompt:
		return text("prompt_to_repeat", a.PromptToRepeat)
	case EndPhrase:
		return text("end_phrase", a.EndPhrase)
	case CapitalWords:
		return related("capital_frequency", a.CapitalFrequency, a.CapitalRelation)
	case ConstrainedResponse, JSONFormat, Title, TwoResponses, Quotation, EnglishCapital, EnglishLowercase, NoComma:
		return nil
	}
	return fmt.Errorf("ifeval: unknown kind of instruction %q", i.Kind)
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
