package ifeval

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrCompose says that Compose found no text.
var ErrCompose = errors.New("ifeval: no text was found that follows all instructions")

// Compose writes a text about a topic, which it names, that follows all instructions of the prompt strictly and shows no hack. It serves
// the combinations that Draw makes and many others; where it fails, the error wraps ErrCompose.
func Compose(rng *rand.Rand, topic string, p Prompt) (string, error) {
	c := composer{rng: rng, topic: topic, args: map[Kind]Args{}, used: map[string]bool{}}
	most := 12
	for _, i := range p.Instructions {
		if err := i.Validate(); err != nil {
			return "", err
		}
		if _, twice := c.args[i.Kind]; twice {
			return "", fmt.Errorf("%w: %s is there twice", ErrCompose, i.Kind)
		}
		c.args[i.Kind] = i.Args
		most += i.Args.NumParagraphs + i.Args.NumSections
		if i.Args.Relation == AtLeast {
			most += i.Args.NumSentences + i.Args.NumWords/3
		}
		if i.Kind == LetterFrequency && i.Args.LetRelation == AtLeast {
			most += i.Args.LetFrequency
		}
	}
	must, err := c.required()
	if err != nil {
		return "", err
	}
	bullets := make([]string, c.args[NumberBullets].NumBullets)
	for i := range bullets {
		if bullets[i] = c.sentence(""); bullets[i] == "" {
			return "", fmt.Errorf("%w: too few sentences", ErrCompose)
		}
	}
	last := ""
	if _, ok := c.args[Postscript]; ok {
		last = c.sentence("")
	}
	body := must
	for range most {
		if text, ok := c.layout(body, bullets, last); ok && perfect(p, text) {
			return text, nil
		}
		s := c.sentence("")
		if s == "" {
			break
		}
		body = append(body, s)
	}
	return "", fmt.Errorf("%w (%d of them, topic %s)", ErrCompose, len(p.Instructions), topic)
}

// perfect reports whether a text follows everything and shows no hack.
func perfect(p Prompt, text string) bool {
	for _, i := range p.Instructions {
		if v, err := i.Check(text); err != nil || !v.Followed {
			return false
		}
	}
	return len(Hacks(p, text)) == 0
}

type composer struct {
	rng   *rand.Rand
	topic string
	args  map[Kind]Args
	used  map[string]bool
}

// required are the sentences that carry what has to be in the text.
func (c *composer) required() ([]string, error) {
	var about []string
	if a, ok := c.args[KeywordExistence]; ok {
		about = append(about, a.Keywords...)
	}
	if a, ok := c.args[KeywordFrequency]; ok && a.Relation == AtLeast {
		about = append(about, slices.Repeat([]string{a.Keyword}, a.Frequency)...)
	}
	for i := range c.args[NumberPlaceholders].NumPlaceholders {
		about = append(about, "["+blanks[i%len(blanks)]+"]")
	}
	for i := range c.args[NumberHighlights].NumHighlights {
		about = append(about, "*"+nouns[i%len(nouns)]+"*")
	}
	if a, ok := c.args[LetterFrequency]; ok && a.LetRelation == AtLeast {
		letter, _ := utf8.DecodeRuneInString(strings.ToLower(a.Letter))
		if words := letterWords[letter]; words != nil {
			for i := range (a.LetFrequency + 1) / 2 {
				about = append(about, words[i%len(words)])
			}
		}
	}
	var all []string
	if !c.has(ResponseLanguage) {
		all = append(all, c.sentence(c.topic))
	}
	if _, ok := c.args[ConstrainedResponse]; ok {
		all = append(all, options[c.rng.IntN(len(options))])
	}
	for _, object := range about {
		all = append(all, c.sentence(object))
	}
	if a, ok := c.args[CapitalWords]; ok && a.CapitalRelation == AtLeast {
		for range a.CapitalFrequency {
			s := c.sentence("")
			at := strings.LastIndex(s, " ") + 1
			all = append(all, s[:at]+strings.ToUpper(s[at:]))
		}
	}
	if slices.Contains(all, "") {
		return nil, fmt.Errorf("%w: a sentence that has to be there breaks another instruction", ErrCompose)
	}
	return all, nil
}

// sentence writes a sentence that was not used before and that breaks none of the instructions on words and letters;
// empty where it finds none. With an empty object it is about the topic or anything.
func (c *composer) sentence(object string) string {
	if a, ok := c.args[ResponseLanguage]; ok {
		for _, l := range stock {
			for _, s := range l.sentences {
				if l.code == a.Language && c.take(s) {
					return s
				}
			}
		}
		return ""
	}
	pick := func(from []string) string { return from[c.rng.IntN(len(from))] }
	for range 300 {
		about, tail := object, ""
		if about == "" {
			if about = c.topic; c.rng.IntN(2) == 0 {
				about = pick(objects)
			}
		}
		if c.rng.IntN(3) > 0 && !c.short() {
			tail = " " + pick(tails)
		}
		if s := pick(subjects) + " " + pick(verbs) + " " + about + tail + "."; c.take(s) {
			return s
		}
	}
	if object == "" {
		for _, i := range c.rng.Perm(len(lipograms)) {
			if c.take(lipograms[i]) {
				return lipograms[i]
			}
		}
	}
	return ""
}

// short says that there is little room.
func (c *composer) short() bool {
	a, ok := c.args[NumberWords]
	return ok && a.Relation == LessThan
}

func (c *composer) take(s string) bool {
	if c.used[s] {
		return false
	}
	for _, w := range c.args[ForbiddenWords].ForbiddenWords {
		if containsWord(s, w) {
			return false
		}
	}
	if a, ok := c.args[KeywordFrequency]; ok && a.Relation == LessThan && countFold(s, a.Keyword) > 0 {
		return false
	}
	if a, ok := c.args[LetterFrequency]; ok && a.LetRelation == LessThan && countFold(s, a.Letter) > 0 {
		return false
	}
	c.used[s] = true
	return true
}

// layout makes a text of sentences. It reports false where they are too few.
func (c *composer) layout(body, bullets []string, last string) (string, bool) {
	blocks, separator := 1, "\n"
	first := map[int]string{}
	switch {
	case c.has(NumberParagraphs):
		blocks, separator = c.args[NumberParagraphs].NumParagraphs, "\n***\n"
	case c.has(NthParagraph):
		a := c.args[NthParagraph]
		blocks, separator = a.NumParagraphs, "\n\n"
		first[a.NthParagraph-1] = capitalized(a.FirstWord) + " is one word for it."
	case c.has(MultipleSections):
		a := c.args[MultipleSections]
		blocks = a.NumSections
		for i := range blocks {
			first[i] = fmt.Sprintf("%s %d\n", a.SectionSpliter, i+1)
		}
	case c.has(TwoResponses):
		blocks, separator = 2, "\n******\n"
	}
	if len(body) < blocks || len(body) == 0 {
		return "", false
	}
	parts := make([]string, blocks)
	for i := range parts {
		share := strings.Join(body[i*len(body)/blocks:(i+1)*len(body)/blocks], " ")
		parts[i] = strings.TrimPrefix(strings.ReplaceAll(first[i]+" "+share, "\n ", "\n"), " ")
	}
	for _, b := range bullets {
		parts[blocks-1] += "\n* " + b
	}
	text := strings.Join(parts, separator)
	if c.has(Title) {
		text = "<<" + c.title(body[0]) + ">>\n" + text
	}
	if last != "" {
		text += "\n" + strings.TrimSuffix(c.args[Postscript].PostscriptMarker, ".") + ". " + last
	}
	if c.has(EndPhrase) {
		text += "\n" + c.args[EndPhrase].EndPhrase
	}
	return c.finish(text), true
}

// finish does what concerns the whole text: case, repetition, quotes, JSON.
func (c *composer) finish(text string) string {
	if c.has(RepeatPrompt) {
		text = c.args[RepeatPrompt].PromptToRepeat + "\n" + text
	}
	key := "answer"
	switch {
	case c.has(EnglishCapital):
		text, key = strings.ToUpper(text), "ANSWER"
	case c.has(EnglishLowercase):
		text = strings.ToLower(text)
	}
	if c.has(Quotation) {
		text = `"` + text + `"`
	}
	if c.has(JSONFormat) {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(map[string]string{key: strings.ReplaceAll(text, "\n", " ")}); err != nil {
			return "" // text is UTF-8, so this does not happen
		}
		text = strings.TrimSpace(b.String())
	}
	return text
}

func (c *composer) has(k Kind) bool {
	_, ok := c.args[k]
	return ok
}

// title is the topic, or the beginning of a sentence in a language in which the topic has no name.
func (c *composer) title(sentence string) string {
	if words := strings.Fields(sentence); c.has(ResponseLanguage) {
		return strings.Join(words[:min(2, len(words))], " ")
	}
	return capitalized(c.topic)
}

func capitalized(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}
