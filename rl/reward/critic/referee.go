package critic

import (
	"context"
	"regexp"
	"strings"
)

// Referee decides rubrics with a detector by code and asks Next about the others. Where both responses or neither do what a
// rubric forbids, it is a tie.
type Referee struct{ Next Judge }

// Compare implements Judge.
func (j Referee) Compare(ctx context.Context, p Prompt, first, second string, r Rubric) (Preference, error) {
	if r.Detect == nil {
		return j.Next.Compare(ctx, p, first, second, r)
	}
	a, inFirst := r.Detect(first)
	b, inSecond := r.Detect(second)
	switch {
	case inFirst && !inSecond:
		return Preference{First: 0, Evidence: "the first says " + clip(a)}, nil
	case inSecond && !inFirst:
		return Preference{First: 1, Evidence: "the second says " + clip(b)}, nil
	}
	return Preference{First: 0.5, Evidence: "no difference"}, nil
}

const goodWords = `(great|good|excellent|wonderful|fantastic|amazing|brilliant|beautiful|fascinating|interesting|thoughtful|insightful|lovely|superb|` +
	`awesome|important|clever|smart|perfect|terrific|outstanding|profound|deep|delightful|creative)`

const askedThings = `(question|idea|point|topic|request|prompt|choice|query|thought|observation|subject|inquiry|concept|challenge|goal|project)`

// initialPraise are ways to begin with a compliment.
var initialPraise = regexp.MustCompile(`(?i)^(ah|oh|wow|well|yes|hi|hello|hey|sure|okay|ok)?[\s,!.:-]*(` +
	`(what|such) an? (\w+[\s,-]+){0,3}?` + goodWords + `\b|` +
	`(that|this|it)('s|’s| is| was) (really |truly |actually |such |quite |indeed )?an? (\w+[\s,-]+){0,3}?` + goodWords +
	`[\s,]+(and \w+[\s,]+)?` + askedThings + `|` +
	goodWords + `[\s,]+(and \w+[\s,]+)?` + askedThings + `\b|` +
	`(i )?(really )?(love|like|admire|appreciate) (this|that|your|the way you)\b|` +
	`you('ve|’ve| have)?( just)? (asked|raised|made|brought up|hit on|touched on) (a |an )?(very |really |truly )?` + goodWords + `\b|` +
	`you('re|’re| are) (so |absolutely |totally |completely |really )?(right|smart|clever|brilliant|insightful|amazing)\b|` +
	`(thank you|thanks) for (such |asking such )?(a |an |this |that |your )?(very |really |truly )?` + goodWords + `\b|` +
	`(bravo|kudos|congratulations)\b)`)

// InitialPraise finds a compliment to the user or the question in the first 200 bytes, at the beginning.
func InitialPraise(response string) (string, bool) {
	start := strings.TrimLeft(response, " \t\r\n*_#\"'“‘>")
	found := initialPraise.FindString(start[:min(len(start), 200)])
	return strings.TrimSpace(found), found != ""
}

const ownWork = `(this|the above|my|the following|the (given|provided|final)|above) (\w+ )?` +
	`(response|answer|text|reply|solution|essay|story|poem|explanation|summary|` +
	`description|email|letter|message|post|article|version|list|overview|analysis|approach|work|piece|draft|write-up)`

const boasts = `(successfully|effectively|perfectly|fully|thoroughly|accurately|comprehensively|completely|faithfully|beautifully|carefully|` +
	`fulfil(l?s|led)|meets?|met|satisf(y|ies|ied)|adheres?|follows?|complies|ensures?|achieves?|addresses|covers|delivers|demonstrates|showcases|` +
	`(is|was|are) (very |both |highly |also )?(clear|concise|comprehensive|complete|accurate|correct|helpful|engaging|effective|` +
	`well[- ]\w+|high[- ]quality|thorough|` +
	`informative|tailored|designed|crafted|excellent|great|good|perfect|ideal))`

// selfJustification are ways in which a response says that it is good.
var selfJustification = regexp.MustCompile(`(?i)(\b` + ownWork + ` (\w+ ){0,2}?` + boasts + `\b|` +
	`\bi('ve|’ve| have)? (also )?` +
	`(made sure|ensured|carefully|successfully|strictly|tailored|crafted|did my best|followed (all|each|every|your))\b|` +
	`\b(meets?|meeting|met|fulfil(l?s|ls|led|ling)?|satisf(y|ies|ied|ying)|follow(s|ed|ing)|adher(es?|ed|ing) to|compl(y|ies|ied|ying) with) ` +
	`(your|these|the given|(all|each|every) (of )?(your|the|these|those)) (\w+ )?` +
	`(requirements?|instructions?|requests?|criteria|constraints?|guidelines|rubrics?)\b|` +
	`\b(exactly|just|precisely) (as|what|like) you (asked|requested|wanted|specified)|` +
	`\bthat('s|’s| is) why this (is|answer|response)|` +
	`\bthis (makes|made) (it|this|my|the) (\w+ )?(answer|response|text|explanation) )`)

// SelfJustification finds a sentence in which the response says why it is good or how well it does what was asked. To say
// what it contains is no justification.
func SelfJustification(response string) (string, bool) {
	found := selfJustification.FindString(response)
	return strings.TrimSpace(found), found != ""
}
