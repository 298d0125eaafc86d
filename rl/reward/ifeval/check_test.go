package ifeval

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"muonclip/rl/reward"
)

// cases are responses that follow an instruction and responses that do not.
var checkCases = []struct {
	kind Kind
	args Args
	good []string
	bad  []string
}{
	{KeywordExistence, Args{Keywords: []string{"cat", "Dog"}}, []string{"a cat and a DOG", "concatenated dogma"}, []string{"a cat", "dog"}},
	{KeywordFrequency, Args{Keyword: "fake", Frequency: 2, Relation: AtLeast}, []string{"Fake news are fake.", "faked and fakes"},
		[]string{"fake", "none"}},
	{KeywordFrequency, Args{Keyword: "fake", Frequency: 2, Relation: LessThan}, []string{"fake", "none"}, []string{"fake fake"}},
	{ForbiddenWords, Args{ForbiddenWords: []string{"can", "rock"}}, []string{"a candle", "rocks are hard", "cannot"},
		[]string{"I CAN", "can't", "(rock)", "the rock."}},
	{LetterFrequency, Args{Letter: "N", LetFrequency: 3, LetRelation: AtLeast}, []string{"nnn", "No, not now"}, []string{"nn", "a b c"}},
	{LetterFrequency, Args{Letter: "!", LetFrequency: 2, LetRelation: LessThan}, []string{"Go!", "Go"}, []string{"Go!!"}},
	{ResponseLanguage, Args{Language: "de"}, []string{"Heute gehen wir mit den Kindern in den Garten und spielen."},
		[]string{"Today we go to the garden with the children and play.", "Сегодня мы идём в сад.", "12345"}},
	{NumberSentences, Args{NumSentences: 3, Relation: AtLeast}, []string{"One. Two! Three?", "one. two. three. four."},
		[]string{"One. Two", "Dr. Smith met Mr. Jones. Yes."}},
	{NumberSentences, Args{NumSentences: 3, Relation: LessThan}, []string{"One. Two."}, []string{"One. Two. Three."}},
	{NumberParagraphs, Args{NumParagraphs: 2}, []string{"a\n***\nb", "***\na\n***\nb\n***", "a *** b"},
		[]string{"a", "a\n***\nb\n***\nc", "a\n***\n***\nb", "a\n\nb"}},
	{NumberWords, Args{NumWords: 3, Relation: AtLeast}, []string{"one two three", "well-known fact", "don't go"}, []string{"one two", "..."}},
	{NumberWords, Args{NumWords: 3, Relation: LessThan}, []string{"one two", "--"}, []string{"one two three"}},
	{NthParagraph, Args{NumParagraphs: 3, NthParagraph: 2, FirstWord: "president"},
		[]string{"One.\n\nPresident, yes.\n\nThree.", "a\n\n'President' b\n\nc"},
		[]string{"One.\n\nThe president.\n\nThree.", "One.\n\nPresident.", "President", "a\n\npresident\n\nc\n\nd"}},
	{NumberPlaceholders, Args{NumPlaceholders: 2}, []string{"[name] and [address]", "[a][b][c]"}, []string{"[name]", "[na\nme] [b]"}},
	{Postscript, Args{PostscriptMarker: "P.S."}, []string{"Bye.\nP.S. More", "p. s. more"}, []string{"Bye.", "PS: more"}},
	{Postscript, Args{PostscriptMarker: "P.P.S"}, []string{"P.P.S. More", "p. p. s more"}, []string{"P.S. More"}},
	{Postscript, Args{PostscriptMarker: "Note:"}, []string{"end\nnote: x"}, []string{"end"}},
	{NumberBullets, Args{NumBullets: 2}, []string{"* a\n* b", "- a\n- b", "x\n * a\n- b", "* a\n* b\n**bold**"},
		[]string{"* a", "* a\n* b\n* c", "** a\n** b"}},
	{ConstrainedResponse, Args{}, []string{"My answer is yes.", "Well. My answer is maybe."},
		[]string{"yes", "my answer is yes", "My answer is yes"}},
	{NumberHighlights, Args{NumHighlights: 2}, []string{"*a* and *b c*", "**a** and **b**"}, []string{"*a* b", "* a\nb *", "** ** **", "no"}},
	{MultipleSections, Args{SectionSpliter: "SECTION", NumSections: 2}, []string{"SECTION 1\na\nSECTION 2\nb", "SECTION1 SECTION2 SECTION3"},
		[]string{"SECTION 1", "Section 1\nSection 2", "SECTION one SECTION two"}},
	{JSONFormat, Args{}, []string{`{"a": [1, 2]}`, "```json\n{\"a\": 1}\n```", "```\n[]\n```", `"text"`}, []string{"{a: 1}", "text",
		`{"a": 1} and more`}},
	{Title, Args{}, []string{"<<poem of joy>>\ntext", "text <<t>>"}, []string{"<poem>", "<<>>", "<< >>", "<<a\nb>>"}},
	{TwoResponses, Args{}, []string{"a\n******\nb", "******a******b******"}, []string{"a", "a******a", "a******b******c", "a************b", "a***b"}},
	{RepeatPrompt, Args{PromptToRepeat: "Say hello. "}, []string{"Say hello.\nHello!", "  say HELLO. hi"},
		[]string{"Hello!", "Sure: Say hello. Hello"}},
	{EndPhrase, Args{EndPhrase: "Peace! "}, []string{"So be it. Peace!", `"It is so. peace!"`}, []string{"Peace! Bye", "So be it. Peace"}},
	{Quotation, Args{}, []string{`"all of it"`, " \"a\nb\" "}, []string{`"`, `"open`, "“curly”", "none"}},
	{CapitalWords, Args{CapitalFrequency: 2, CapitalRelation: AtLeast}, []string{"I see the USA", "WELL-KNOWN fact, YES", "U.S. and UK"},
		[]string{"I see", "Usa Uk", "none"}},
	{CapitalWords, Args{CapitalFrequency: 2, CapitalRelation: LessThan}, []string{"only ONE"}, []string{"ONE TWO"}},
	{EnglishCapital, Args{}, []string{"THIS IS THE END OF IT, AND WE ARE HAPPY.", "YES"},
		[]string{"This IS", "HEUTE IST EIN SCHÖNER TAG UND WIR GEHEN NICHT", "123"}},
	{EnglishLowercase, Args{}, []string{"this is the end of it, and we are happy.", "ok"},
		[]string{"This is", "heute ist ein schöner tag und wir gehen nicht", "123"}},
	{NoComma, Args{}, []string{"none here", "a; b"}, []string{"a, b", ","}},
}

func TestCheck(t *testing.T) {
	tested := map[Kind]bool{}
	for _, c := range checkCases {
		tested[c.kind] = true
		i := Instruction{Kind: c.kind, Args: c.args}
		for want, responses := range map[bool][]string{true: c.good, false: append(c.bad, "", " \n")} {
			for _, r := range responses {
				v, err := i.Check(r)
				if err != nil || v.Followed != want || v.Evidence == "" {
					t.Errorf("%s %q: %+v, %v, want %t", c.kind, r, v, err, want)
				}
			}
		}
	}
	for _, k := range Kinds() {
		if !tested[k] {
			t.Errorf("%s is not tested", k)
		}
	}
}

func TestCheckLoose(t *testing.T) {
	for _, c := range []struct {
		i        Instruction
		response string
		want     bool
	}{
		{Instruction{Kind: EnglishLowercase}, "Sure! Here it is:\nthe cat is on the table and it is happy.", true},
		{Instruction{Kind: Quotation}, "Here:\n\"all of it\"\nThat was it.", true},
		{Instruction{Kind: EndPhrase, Args: Args{EndPhrase: "Bye."}}, "Good day. *Bye.*", true},
		{Instruction{Kind: EndPhrase, Args: Args{EndPhrase: "Bye."}}, "Bye.\nAnd more.", true},
		{Instruction{Kind: NoComma}, "a, b\nc, d\ne, f", false},
		{Instruction{Kind: NoComma}, "one line, with a comma", false},
		{Instruction{Kind: NoComma}, "Sure,\nfine", true},
	} {
		if v, err := c.i.CheckLoose(c.response); err != nil || v.Followed != c.want {
			t.Errorf("%s %q: %+v, %v, want %t", c.i.Kind, c.response, v, err, c.want)
		}
	}
}

func TestUnknownLanguageIsUnavailable(t *testing.T) {
	for language, response := range map[string]string{"xx": "Some text.", "nl": "Een kleine tekst over de stad.", "no": "Dette er en tekst.",
		"de": "Hallo"} {
		_, err := Instruction{Kind: ResponseLanguage, Args: Args{Language: language}}.Check(response)
		if !errors.Is(err, reward.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", language, err)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, i := range []Instruction{
		{Kind: "keywords:other"}, {Kind: KeywordExistence}, {Kind: KeywordExistence, Args: Args{Keywords: []string{" "}}},
		{Kind: KeywordFrequency, Args: Args{Keyword: "a", Frequency: 1, Relation: "about"}}, {Kind: NumberWords, Args: Args{Relation: AtLeast}},
		{Kind: LetterFrequency, Args: Args{Letter: "ab", LetFrequency: 1, LetRelation: AtLeast}}, {Kind: NumberBullets},
		{Kind: NthParagraph, Args: Args{NumParagraphs: 2, NthParagraph: 3, FirstWord: "a"}}, {Kind: MultipleSections, Args: Args{NumSections: 2}},
	} {
		if err := i.Validate(); err == nil || !strings.Contains(err.Error(), string(i.Kind)) {
			t.Errorf("%+v: %v", i, err)
		}
		if _, err := i.Check("text"); err == nil {
			t.Errorf("%+v was checked", i)
		}
	}
}

func TestTally(t *testing.T) {
	p := Prompt{Text: "x", Instructions: []Instruction{{Kind: NoComma}, {Kind: Quotation}}}
	var tally Tally
	for _, r := range []string{`"all good"`, "Here:\n\"all good\"", "no, nothing", ""} {
		if err := tally.Add(p, r); err != nil {
			t.Fatal(err)
		}
	}
	if tally.Prompts != 4 || tally.StrictPrompts != 1 || tally.LoosePrompts != 2 || tally.Instructions != 8 || tally.StrictInstructions != 3 ||
		tally.LooseInstructions != 4 {
		t.Errorf("%+v", tally)
	}
	if k := tally.Kinds[Quotation]; k != (KindTally{Total: 4, Strict: 1, Loose: 2}) {
		t.Errorf("quotation: %+v", k)
	}
	p.Instructions = append(p.Instructions, Instruction{Kind: ResponseLanguage, Args: Args{Language: "xx"}})
	if err := tally.Add(p, "text"); !errors.Is(err, reward.ErrUnavailable) || tally.Unavailable != 1 || tally.Prompts != 4 {
		t.Errorf("%v, %+v", err, tally)
	}
}

func FuzzCheck(f *testing.F) {
	for _, c := range checkCases {
		f.Add(c.good[0])
	}
	f.Fuzz(func(t *testing.T, response string) {
		for _, c := range checkCases {
			i := Instruction{Kind: c.kind, Args: c.args}
			strict, err := i.Check(response)
			if err != nil && (c.kind != ResponseLanguage || !errors.Is(err, reward.ErrUnavailable)) {
				t.Fatalf("%s: %v", c.kind, err)
			}
			loose, looseErr := i.CheckLoose(response)
			if strict.Followed && !loose.Followed {
				t.Fatalf("%s on %q: strictly but not loosely", c.kind, response)
			}
			if looseErr == nil && utf8.ValidString(response) && !utf8.ValidString(loose.Evidence) {
				t.Fatalf("%s: evidence %q", c.kind, loose.Evidence)
			}
			Hacks(Prompt{Text: "Say something.", Instructions: []Instruction{i}}, response)
		}
	})
}
