package answer

import (
	"regexp"
	"strings"
)

// Source is how a text states its answer.
type Source string

// The sources, from the most to the least trusted. Only the last is a guess: the text states no answer at all.
const (
	Boxed      Source = "boxed"       // \boxed{12}
	Marked     Source = "marked"      // #### 12
	Phrase     Source = "phrase"      // The answer is 12.
	LastNumber Source = "last number" // the last number of the text
)

// Answer is an answer that was found in a text.
type Answer struct {
	Text   string
	Source Source
	Offset int // of the statement in the text, in bytes
}

var (
	phrase  = regexp.MustCompile(`(?i)\banswer(?:\*\*)?(?:[ \t]+is\b[ \t]*:?|[ \t]*[:=])`)
	numeral = regexp.MustCompile(`\d[\d,]*(?:\.\d+)?(?:/\d+)?%?`)
	// separates matches what stands between boxes that are one answer.
	separates = regexp.MustCompile(`^(?:[\s$,;]|\\quad|\\qquad|\\[()\[\] ]|\\text\{\s*(?:and|or)\s*\}|and|or)*$`)
	ending    = regexp.MustCompile(`[.!?](?:\s|$)`)
)

// Extract finds the answer that a text states. The last \boxed{} or #### counts, whichever comes later, so that a text
// which states several has committed to one; without either the last "the answer is", and without that the last
// number. It returns false where there is none of these.
func Extract(text string) (Answer, bool) {
	found, ok := boxed(text)
	if m, has := marked(text); has && (!ok || m.Offset > found.Offset+len(found.Text)) {
		found, ok = m, true
	}
	if !ok {
		found, ok = phrased(text)
	}
	if !ok {
		found, ok = lastNumber(text)
	}
	return found, ok
}

// boxed finds the last \boxed{...} or \fbox{...} that is complete. Boxes with nothing but a comma, "and" or "or" between them
// are one answer with several values.
func boxed(text string) (Answer, bool) {
	var found Answer
	values := 0
	for end, next := len(text), 0; end > 0; {
		at := max(strings.LastIndex(text[:end], `\boxed`), strings.LastIndex(text[:end], `\fbox`))
		if at < 0 {
			break
		}
		end = at
		rest := strings.TrimPrefix(strings.TrimPrefix(text[at:], `\boxed`), `\fbox`)
		rest = strings.TrimLeft(rest, " ")
		if !strings.HasPrefix(rest, "{") {
			continue
		}
		to := closing(rest, 0)
		if to < 0 || strings.TrimSpace(rest[1:to]) == "" {
			continue
		}
		value, behind := strings.TrimSpace(rest[1:to]), len(text)-len(rest)+to+1
		switch {
		case values == 0:
			found = Answer{value, Boxed, at}
		case values <= maxElements && behind <= next && separates.MatchString(text[behind:next]):
			found = Answer{value + ", " + found.Text, Boxed, at}
		default:
			return found, true
		}
		values++
		next = at
	}
	return found, values > 0
}

// marked finds what stands behind the last four hashes, on their line.
func marked(text string) (Answer, bool) {
	for end := len(text); end > 0; {
		at := strings.LastIndex(text[:end], "####")
		if at < 0 {
			break
		}
		end = at
		if at > 0 && text[at-1] == '#' {
			continue
		}
		line, _, _ := strings.Cut(text[at+len("####"):], "\n")
		if line = tidy(line); line != "" {
			return Answer{line, Marked, at}, true
		}
	}
	return Answer{}, false
}

// phrased finds the last "answer is ...", up to the end of the sentence.
func phrased(text string) (Answer, bool) {
	all := phrase.FindAllStringIndex(text, -1)
	for i := len(all) - 1; i >= 0; i-- {
		said, _, _ := strings.Cut(text[all[i][1]:], "\n")
		if e := ending.FindStringIndex(said); e != nil {
			said = said[:e[0]]
		}
		if said = tidy(said); said != "" {
			return Answer{said, Phrase, all[i][0]}, true
		}
	}
	return Answer{}, false
}

// lastNumber finds the last numeral, with a minus sign that is not one of a difference.
func lastNumber(text string) (Answer, bool) {
	all := numeral.FindAllStringIndex(text, -1)
	if len(all) == 0 {
		return Answer{}, false
	}
	from, to := all[len(all)-1][0], all[len(all)-1][1]
	if from > 0 && text[from-1] == '.' && (from == 1 || text[from-2] < '0' || text[from-2] > '9') {
		from-- // .5
	}
	if before := strings.TrimRight(text[:from], "$"); strings.HasSuffix(before, "-") {
		if prior := strings.TrimRight(before[:len(before)-1], " "); prior == "" || strings.ContainsRune("=(:,\n", rune(prior[len(prior)-1])) ||
			prior != before[:len(before)-1] {
			from = len(before) - 1
		}
	}
	return Answer{strings.TrimRight(text[from:to], ","), LastNumber, from}, true
}

// tidy takes Markdown and what ends a sentence off an answer.
func tidy(s string) string {
	s = strings.TrimSpace(s)
	for {
		before := s
		s = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSuffix(s, "."), "**"), "**")
		s = strings.TrimSpace(s)
		for _, mark := range []string{"__", "`", `"`} {
			if inner, ok := strings.CutPrefix(s, mark); ok && strings.HasSuffix(inner, mark) {
				s = strings.TrimSpace(strings.TrimSuffix(inner, mark))
			}
		}
		if s == before {
			return s
		}
	}
}
