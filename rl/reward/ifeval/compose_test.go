package ifeval

import (
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const request = "Write a short text about trains."

// breakIt makes the smallest change to a text that follows an instruction after which it does not.
func breakIt(i Instruction, text string) string {
	a := i.Args
	repeat := func(piece string, n int) string { return text + strings.Repeat(piece, n) }
	remove := func(piece string, n int) string {
		for range n {
			at := strings.Index(strings.ToLower(text), strings.ToLower(piece))
			if at < 0 {
				break
			}
			text = text[:at] + text[at+len(piece):]
		}
		return text
	}
	switch i.Kind {
	case KeywordExistence:
		return remove(a.Keywords[0], 1000)
	case KeywordFrequency:
		if a.Relation == LessThan {
			return repeat(" "+a.Keyword, a.Frequency-countFold(text, a.Keyword))
		}
		return remove(a.Keyword, countFold(text, a.Keyword)-a.Frequency+1)
	case ForbiddenWords:
		return text + " " + strings.ToUpper(a.ForbiddenWords[0])
	case LetterFrequency:
		if a.LetRelation == LessThan {
			return repeat(a.Letter, a.LetFrequency-countFold(text, a.Letter))
		}
		return remove(a.Letter, countFold(text, a.Letter)-a.LetFrequency+1)
	case ResponseLanguage:
		return "The people of this town think that they have been here for all of the day, and it was not so good for them."
	case NumberSentences:
		if a.Relation == LessThan {
			return repeat(" Go on.", a.NumSentences-len(Sentences(text)))
		}
		return strings.Join(Sentences(text)[:a.NumSentences-1], " ")
	case NumberParagraphs:
		return text + "\n***\nmore"
	case NumberWords:
		if a.Relation == LessThan {
			return repeat(" word", a.NumWords-len(Words(text)))
		}
		return strings.Join(Words(text)[:a.NumWords-1], " ")
	case NthParagraph:
		parts := strings.Split(text, "\n\n")
		parts[a.NthParagraph-1] = "The " + parts[a.NthParagraph-1]
		return strings.Join(parts, "\n\n")
	case NumberPlaceholders:
		return strings.Replace(text, "[", "", strings.Count(text, "[")-a.NumPlaceholders+1)
	case Postscript:
		return remove(a.PostscriptMarker, 1)
	case NumberBullets:
		return text + "\n* One more."
	case ConstrainedResponse:
		return strings.Replace(text, "My answer", "The answer", 1)
	case NumberHighlights:
		return strings.Replace(text, "*", "", 2*(countHighlights(text)-a.NumHighlights+1))
	case MultipleSections:
		return strings.Replace(text, a.SectionSpliter+" 1", "", 1)
	case JSONFormat:
		return strings.TrimSuffix(text, "}")
	case Title:
		return strings.Replace(text, ">>", ">", 1)
	case TwoResponses:
		return strings.Replace(text, "******", "*****", 1)
	case RepeatPrompt:
		return "Sure. " + text
	case EndPhrase:
		return text + " Bye"
	case Quotation:
		return text[1:]
	case CapitalWords:
		n := len(capitalWords(text))
		if a.CapitalRelation == LessThan {
			return repeat(" WORD", a.CapitalFrequency-n)
		}
		for _, w := range capitalWords(text)[:n-a.CapitalFrequency+1] {
			text = strings.Replace(text, w, strings.ToLower(w), 1)
		}
		return text
	case EnglishCapital:
		return text + "n"
	case EnglishLowercase:
		return text + "N"
	case NoComma:
		return text + ","
	}
	return text
}

func TestComposeFollowsAndBreakingFails(t *testing.T) {
	for _, kind := range Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
				i := Instruction{Kind: kind, Args: DrawArgs(rng, kind, request)}
				p := Prompt{Text: request + " " + i.Describe(), Instructions: []Instruction{i}}
				text, err := Compose(rng, "trains", p)
				if err != nil {
					t.Fatalf("%+v: %v", i, err)
				}
				if v, err := i.Check(text); err != nil || !v.Followed {
					t.Fatalf("%+v on %q: %+v, %v", i, text, v, err)
				}
				if h := Hacks(p, text); len(h) > 0 {
					t.Fatalf("%+v on %q: %+v", i, text, h)
				}
				broken := breakIt(i, text)
				if v, err := i.Check(broken); err != nil || v.Followed {
					t.Fatalf("%+v on %q, broken: %+v, %v", i, broken, v, err)
				}
				if v, err := i.Check(""); err != nil || v.Followed {
					t.Fatalf("%+v on nothing: %+v, %v", i, v, err)
				}
			})
		})
	}
}

func TestDrawnCombinationsCanBeFollowed(t *testing.T) {
	failed := 0
	const all = 300
	for seed := range uint64(all) {
		rng := rand.New(rand.NewPCG(seed, 2))
		n := 1 + int(seed%5)
		p := Prompt{Text: request, Instructions: Draw(rng, n, request)}
		if len(p.Instructions) < min(n, 4) {
			t.Errorf("seed %d: %d instructions of %d", seed, len(p.Instructions), n)
		}
		if _, err := Compose(rng, "trains", p); err != nil {
			failed++
		}
	}
	if failed > all/5 {
		t.Errorf("%d of %d combinations have no text", failed, all)
	}
	t.Logf("%d of %d combinations have no text", failed, all)
}

func TestComposeIsDeterministic(t *testing.T) {
	make := func() string {
		rng := rand.New(rand.NewPCG(5, 6))
		p := Prompt{Text: request, Instructions: []Instruction{{Kind: NoComma}, {Kind: NumberWords, Args: Args{NumWords: 60, Relation: AtLeast}}}}
		text, err := Compose(rng, "trains", p)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if a, b := make(), make(); a != b {
		t.Errorf("%q and %q", a, b)
	}
}

func TestComposeRefusesContradictions(t *testing.T) {
	p := Prompt{Text: request, Instructions: []Instruction{{Kind: EnglishCapital}, {Kind: EnglishLowercase}}}
	if text, err := Compose(rand.New(rand.NewPCG(1, 1)), "trains", p); err == nil {
		t.Errorf("%q is in capitals and in lower case", text)
	}
}
