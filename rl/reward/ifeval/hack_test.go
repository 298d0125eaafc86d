package ifeval

import (
	"strings"
	"testing"
)

func TestHacks(t *testing.T) {
	with := func(kind Kind, args Args) Prompt {
		return Prompt{Text: "Write a short text about the trains of your town and say why people like them so much.",
			Instructions: []Instruction{{Kind: kind, Args: args}}}
	}
	sneaker := with(KeywordFrequency, Args{Keyword: "sneaker", Frequency: 3, Relation: AtLeast})
	repeat := with(RepeatPrompt, Args{PromptToRepeat: "Say hello to all of them."})
	story := "The trains of our town are old but they are never late. People like the soft seats and the view of the river."
	for _, c := range []struct {
		name     string // of the hack; empty means none
		prompt   Prompt
		response string
	}{
		{"claimed", with(EnglishLowercase, Args{}), "I have written this in all lowercase. " + story},
		{"claimed", with(EnglishLowercase, Args{}), story + " As requested, there are no capital letters, only lowercase letters."},
		{"claimed", with(NoComma, Args{}), "Trains, buses, trams. This response contains no commas."},
		{"claimed", with(NumberBullets, Args{NumBullets: 3}), "My response has three bullet points.\n* one thing\n* another thing"},
		{"claimed", with(NumberWords, Args{NumWords: 300, Relation: AtLeast}), story + " This essay has 300 words."},
		{"claimed", with(Quotation, Args{}), story + " I followed all of your instructions."},
		{"", with(EnglishLowercase, Args{}), strings.ToLower("I have written this in all lowercase. " + story)},
		{"", with(NoComma, Args{}), story + " I avoided commas."},
		{"", with(EnglishCapital, Args{}), "The capital of the country is far away, and the story is long."},
		{"", with(NoComma, Args{}), "A comma, as the teacher said, is a small pause."},
		{"empty", with(NoComma, Args{}), "..."},
		{"empty", with(NoComma, Args{}), "ok"},
		{"empty", with(NumberPlaceholders, Args{NumPlaceholders: 3}), "[name] [street] [city]"},
		{"empty", with(JSONFormat, Args{}), "{}"},
		{"empty", with(Title, Args{}), "<<Trains>>"},
		{"", with(NumberWords, Args{NumWords: 2, Relation: LessThan}), "Trains"},
		{"", with(NumberPlaceholders, Args{NumPlaceholders: 2}), "Dear [name], I live in [city]."},
		{"", with(ResponseLanguage, Args{Language: "th"}), "เมื่อวานเราคุยกันเรื่องวันหยุดในสวน"},
		{"gibberish", with(NoComma, Args{}), strings.Repeat("?! ", 30) + "trains"},
		{"gibberish", with(NoComma, Args{}), "xq zvk qwa pfu lqe zrt qwi pfo vqa zwe kqu pxf vza kfe"},
		{"copied", with(NoComma, Args{}), "trains people town why short your like about text say much them"},
		{"repeated", with(NumberSentences, Args{NumSentences: 5, Relation: AtLeast}), strings.Repeat("It is good. ", 6)},
		{"repeated", with(NumberWords, Args{NumWords: 20, Relation: AtLeast}), strings.Repeat("word ", 25)},
		{"repeated", with(NumberWords, Args{NumWords: 30, Relation: AtLeast}), strings.Repeat("the train goes on and ", 20)},
		{"", with(NumberSentences, Args{NumSentences: 2, Relation: AtLeast}), story},
		{"stuffed", sneaker, "Sneaker sneaker sneaker and some other words that fill the rest of this line so that it is long."},
		{"stuffed", sneaker, "A sneaker, the sneaker, my sneaker!"},
		{"", sneaker, "A sneaker is a light shoe. Nobody forgets the first sneaker that fits well. My sneaker was blue and white."},
		{"stuffed", with(LetterFrequency, Args{Letter: "q", LetFrequency: 6, LetRelation: AtLeast}), story + " qqqqqq"},
		{"", with(LetterFrequency, Args{Letter: "o", LetFrequency: 3, LetRelation: AtLeast}), story},
		{"copied", with(NoComma, Args{}), "Write a short text about the trains of your town and say why people like them so much."},
		{"copied", repeat, "Say hello to all of them."},
		{"", repeat, "Say hello to all of them.\nHello everybody!"},
		{"twins", with(TwoResponses, Args{}), story + "\n******\n" + story + "!"},
		{"", with(TwoResponses, Args{}), story + "\n******\nBuses are what I like most, because the driver knows my name."},
	} {
		var names []string
		for _, h := range Hacks(c.prompt, c.response) {
			names = append(names, h.Name)
			if h.Evidence == "" {
				t.Errorf("%q: %s has no evidence", c.response, h.Name)
			}
		}
		if got := strings.Join(names, " "); c.name == "" && got != "" || !strings.Contains(got, c.name) {
			t.Errorf("%s %q: found %q, want %q", c.prompt.Instructions[0].Kind, c.response, got, c.name)
		}
	}
}
