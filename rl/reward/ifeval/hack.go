package ifeval

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Hack is a way in which a response satisfies verifiers but not the person who asked.
type Hack struct {
	Name     string // claimed, empty, gibberish, repeated, stuffed, copied or twins
	Evidence string
}

// Hacks looks for compliance that is claimed but not there, and for compliance that is trivial:
//
//	claimed   the response says that it follows an instruction that it does not follow
//	empty     there are no words outside placeholders and marks, or a single one
//	gibberish hardly any letters, or a dozen words in Latin script of which none is frequent in any language
//	repeated  the same sentences or groups of words over and over
//	stuffed   a wanted keyword or letter several times in a row, or keywords make a third of the words
//	copied    the response is the prompt again, its words in another order, or nothing behind the repetition asked for
//	twins     two responses that are nearly the same
//
// The rules are ours and lean towards letting a response pass: songs repeat themselves, and summaries quote.
func Hacks(p Prompt, response string) []Hack {
	var found []Hack
	for _, look := range []func(Prompt, string) (string, string){claimed, empty, gibberish, repeated, stuffed, copied, twins} {
		if name, evidence := look(p, response); name != "" {
			found = append(found, Hack{Name: name, Evidence: evidence})
		}
	}
	return found
}

// aboutItself marks a sentence in which a response speaks about itself or about the request.
var aboutItself = regexp.MustCompile(`(?i)\b(i have|i've|i did|i made sure|i wrote|i used|i avoided|i kept|i included|` +
	`as (you )?(requested|asked|instructed|required)|` +
	`per your|(this|my|the|above|following) (response|answer|text|reply|message)|` +
	`(this|my) (essay|story|poem|email|letter|post|summary)|your (request|instructions?|requirements?)|` +
	`(it|this|here) is (all )?(written|in)\b)`)

// claims are what responses say about the instructions of a kind.
var claims = map[Kind]*regexp.Regexp{
	KeywordExistence:    regexp.MustCompile(`(?i)\bkeywords?\b`),
	KeywordFrequency:    regexp.MustCompile(`(?i)\b(times|keyword)\b`),
	ForbiddenWords:      regexp.MustCompile(`(?i)\b(avoid(ed|ing|s)?|without|forbidden|excluded|not us(e|ed|ing)) .{0,30}\bwords?\b`),
	LetterFrequency:     regexp.MustCompile(`(?i)\bletter\b.{0,40}\btimes\b`),
	ResponseLanguage:    regexp.MustCompile(`(?i)\b(entirely|only|completely|all|written) in [A-Z][a-z]+`),
	NumberSentences:     regexp.MustCompile(`(?i)\bsentences\b`),
	NumberParagraphs:    regexp.MustCompile(`(?i)\bparagraphs\b`),
	NumberWords:         regexp.MustCompile(`(?i)\b\d+\+? words\b|\bword (count|limit)\b`),
	NthParagraph:        regexp.MustCompile(`(?i)\bparagraphs\b`),
	NumberPlaceholders:  regexp.MustCompile(`(?i)\bplaceholders?\b`),
	Postscript:          regexp.MustCompile(`(?i)\bpostscript\b`),
	NumberBullets:       regexp.MustCompile(`(?i)\bbullet`),
	ConstrainedResponse: regexp.MustCompile(`(?i)\boptions\b`),
	NumberHighlights:    regexp.MustCompile(`(?i)\bhighlight`),
	MultipleSections:    regexp.MustCompile(`(?i)\bsections\b`),
	JSONFormat:          regexp.MustCompile(`(?i)\bjson\b`),
	Title:               regexp.MustCompile(`(?i)\btitle\b`),
	TwoResponses:        regexp.MustCompile(`(?i)\btwo (different )?(responses|versions|answers)\b`),
	RepeatPrompt:        regexp.MustCompile(`(?i)\brepeated (the|your|this)\b`),
	EndPhrase:           regexp.MustCompile(`(?i)\b(end(s|ed|ing)?|finish(es|ed|ing)?) with\b`),
	Quotation:           regexp.MustCompile(`(?i)\b(quotation marks|double quotes)\b`),
	CapitalWords:        regexp.MustCompile(`(?i)\b(capitals|capital letters|capitalized|uppercase|upper case|all caps)\b`),
	EnglishCapital:      regexp.MustCompile(`(?i)\b(capitals|capital letters|uppercase|upper case|all caps)\b`),
	EnglishLowercase:    regexp.MustCompile(`(?i)\b(lowercase|lower case|no capitals?|without (any )?capitals?)\b`),
	NoComma:             regexp.MustCompile(`(?i)\bcommas?\b`),
}

// claimsAll is the claim to have followed everything.
var claimsAll = regexp.MustCompile(`(?i)\b(followed|met|satisfied|fulfilled|complied with|meets|satisfies|follows) (all|every|each)\b`)

func claimed(p Prompt, response string) (string, string) {
	own := ownText(p, response)
	for _, s := range Sentences(own) {
		everything := claimsAll.MatchString(s)
		if !everything && !aboutItself.MatchString(s) {
			continue
		}
		for _, i := range p.Instructions {
			if !everything && !claims[i.Kind].MatchString(s) {
				continue
			}
			if v, err := i.CheckLoose(response); err == nil && !v.Followed {
				return "claimed", fmt.Sprintf("says %s, but %s: %s", quote(s), i.Kind, v.Evidence)
			}
		}
	}
	return "", ""
}

var marks = regexp.MustCompile(`\[.*?\]|<<|>>|(?i)\bp\.\s?(p\.\s?)?s\b`)

func empty(p Prompt, response string) (string, string) {
	body := marks.ReplaceAllString(response, " ")
	words, least := 0, 2
	for _, w := range Words(body) {
		if strings.ContainsFunc(w, unicode.IsLetter) {
			words++
		}
	}
	for _, i := range p.Instructions {
		if i.Kind == NumberWords && i.Args.Relation == LessThan && i.Args.NumWords <= 2 {
			least = 1
		}
	}
	if script := dominant(body); (script == "th" || script == "zh" || script == "ja") && words > 0 {
		return "", "" // written without spaces
	}
	if words < least {
		return "empty", fmt.Sprintf("%d words outside placeholders and marks", words)
	}
	return "", ""
}

func gibberish(_ Prompt, response string) (string, string) {
	letters, others := 0, 0
	for _, r := range response {
		switch {
		case unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r):
			letters++
		case r != ' ' && r != '\n':
			others++
		}
	}
	if others > 20 && 2*letters < others {
		return "gibberish", fmt.Sprintf("%d letters and digits, %d other signs", letters, others)
	}
	words := Words(strings.ToLower(response))
	if dominant(response) != "latin" || len(words) < 12 {
		return "", ""
	}
	frequent := lexicons()["latin"].share
	if !slices.ContainsFunc(words, func(w string) bool { return frequent[w] > 0 }) {
		return "gibberish", fmt.Sprintf("none of %d words is frequent in a known language", len(words))
	}
	return "", ""
}

func repeated(_ Prompt, response string) (string, string) {
	sentences := Sentences(response)
	distinct := map[string]bool{}
	for _, s := range sentences {
		distinct[strings.Join(Words(strings.ToLower(s)), " ")] = true
	}
	if n := len(sentences); n >= 4 && 2*len(distinct) < n {
		return "repeated", fmt.Sprintf("%d different sentences of %d", len(distinct), n)
	}
	words := Words(strings.ToLower(response))
	if len(words) < 8 {
		return "", ""
	}
	counts, top := map[string]int{}, ""
	for _, w := range words {
		counts[w]++
		if counts[w] > counts[top] {
			top = w
		}
	}
	if 2*counts[top] > len(words) {
		return "repeated", fmt.Sprintf("%d of %d words are %s", counts[top], len(words), quote(top))
	}
	if len(words) >= 30 {
		grams := map[string]bool{}
		for i := 0; i+3 <= len(words); i++ {
			grams[strings.Join(words[i:i+3], " ")] = true
		}
		if n := len(words) - 2; 10*len(grams) < 4*n {
			return "repeated", fmt.Sprintf("%d different groups of three words of %d", len(grams), n)
		}
	}
	return "", ""
}

func stuffed(p Prompt, response string) (string, string) {
	words := Words(strings.ToLower(ownText(p, response)))
	var keywords []string
	for _, i := range p.Instructions {
		switch {
		case i.Kind == KeywordExistence:
			keywords = append(keywords, i.Args.Keywords...)
		case i.Kind == KeywordFrequency && i.Args.Relation == AtLeast:
			keywords = append(keywords, i.Args.Keyword)
		case i.Kind == LetterFrequency && i.Args.LetRelation == AtLeast:
			if l := strings.ToLower(i.Args.Letter); unicode.IsLetter([]rune(l)[0]) &&
				strings.Contains(strings.ToLower(response), strings.Repeat(l, 4)) {
				return "stuffed", fmt.Sprintf("%s stands four times in a row", quote(l))
			}
		}
	}
	wanted := map[string]bool{}
	for _, k := range keywords {
		for _, w := range Words(strings.ToLower(k)) {
			wanted[w] = true
		}
	}
	if len(wanted) == 0 {
		return "", ""
	}
	total, run := 0, 0
	for n, w := range words {
		if !wanted[w] {
			run = 0
			continue
		}
		total++
		if n > 0 && words[n-1] == w {
			run++
		} else {
			run = 1
		}
		if run == 3 {
			return "stuffed", fmt.Sprintf("%s stands three times in a row", quote(w))
		}
	}
	if total >= 2 && 3*total > len(words) {
		return "stuffed", fmt.Sprintf("%d of %d words are keywords", total, len(words))
	}
	return "", ""
}

// ownText is the response without the repetition of the request that was asked for.
func ownText(p Prompt, response string) string {
	for _, i := range p.Instructions {
		if i.Kind != RepeatPrompt {
			continue
		}
		body, request := []rune(strings.TrimSpace(response)), []rune(strings.TrimSpace(i.Args.PromptToRepeat))
		if len(body) >= len(request) && strings.EqualFold(string(body[:len(request)]), string(request)) {
			return string(body[len(request):])
		}
	}
	return response
}

func copied(p Prompt, response string) (string, string) {
	own := Words(strings.ToLower(ownText(p, response)))
	if asked := slices.ContainsFunc(p.Instructions, func(i Instruction) bool { return i.Kind == RepeatPrompt }); asked && len(own) == 0 {
		return "copied", "nothing follows the repeated request"
	}
	const gram = 5
	if len(own) < 8 {
		return "", ""
	}
	source := Words(strings.ToLower(p.Text))
	vocabulary, known := map[string]bool{}, map[string]bool{}
	for _, w := range source {
		vocabulary[w] = true
	}
	mine := 0
	for _, w := range own {
		if !vocabulary[w] {
			mine++
		}
	}
	if 20*mine < len(own) {
		return "copied", fmt.Sprintf("%d of %d words are not the prompt's", mine, len(own))
	}
	for i := 0; i+gram <= len(source); i++ {
		known[strings.Join(source[i:i+gram], " ")] = true
	}
	n, hits := len(own)-gram+1, 0
	for i := range n {
		if known[strings.Join(own[i:i+gram], " ")] {
			hits++
		}
	}
	if 10*hits > 8*n {
		return "copied", fmt.Sprintf("%d of %d groups of five words are the prompt's", hits, n)
	}
	return "", ""
}

func twins(p Prompt, response string) (string, string) {
	if !slices.ContainsFunc(p.Instructions, func(i Instruction) bool { return i.Kind == TwoResponses }) {
		return "", ""
	}
	parts := strings.Split(strings.Trim(strings.TrimSpace(ownText(p, response)), "*"), "******")
	if len(parts) != 2 {
		return "", ""
	}
	a, b := Words(strings.ToLower(parts[0])), Words(strings.ToLower(parts[1]))
	left := map[string]int{}
	for _, w := range a {
		left[w]++
	}
	same := 0
	for _, w := range b {
		if left[w] > 0 {
			left[w]--
			same++
		}
	}
	if longer := max(len(a), len(b)); longer >= 4 && 10*same > 9*longer {
		return "twins", fmt.Sprintf("%d of %d words of the two responses are the same", same, longer)
	}
	return "", ""
}
