package ifeval

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

var (
	placeholder     = regexp.MustCompile(`\[.*?\]`)
	starBullet      = regexp.MustCompile(`(?m)^\s*\*[^*].*$`)
	dashBullet      = regexp.MustCompile(`(?m)^\s*-.*$`)
	highlight       = regexp.MustCompile(`\*[^\n*]*\*`)
	doubleHighlight = regexp.MustCompile(`\*\*[^\n*]*\*\*`)
	divider         = regexp.MustCompile(`\s?\*\*\*\s?`)
	title           = regexp.MustCompile(`<<[^\n]+>>`)
	postscript      = regexp.MustCompile(`p\.\s?s\.`)
	postPostscript  = regexp.MustCompile(`p\.\s?p\.\s?s`)
)

// options are the answers that ConstrainedResponse allows.
var options = []string{"My answer is yes.", "My answer is no.", "My answer is maybe."}

func countBullets(response string) int {
	return len(starBullet.FindAllString(response, -1)) + len(dashBullet.FindAllString(response, -1))
}

// countHighlights counts *such* and **such** sections that are not blank.
func countHighlights(response string) int {
	n := 0
	for _, h := range highlight.FindAllString(response, -1) {
		if strings.TrimSpace(strings.Trim(h, "*")) != "" {
			n++
		}
	}
	for _, h := range doubleHighlight.FindAllString(response, -1) {
		if strings.TrimSpace(h[2:len(h)-2]) != "" {
			n++
		}
	}
	return n
}

// countSections counts the marks of sections: the splitter and a number.
func countSections(a Args, response string) int {
	mark := regexp.MustCompile(regexp.QuoteMeta(strings.TrimSpace(a.SectionSpliter)) + `\s?\d+`)
	return len(mark.FindAllString(response, -1))
}

// checkParagraphs counts paragraphs between *** dividers. A blank one is allowed at the beginning and at the end.
func checkParagraphs(a Args, response string) Verdict {
	parts := divider.Split(response, -1)
	n := len(parts)
	for i, p := range parts {
		if strings.TrimSpace(p) != "" {
			continue
		}
		if i != 0 && i != len(parts)-1 {
			return Verdict{Evidence: "a paragraph is blank"}
		}
		n--
	}
	return Verdict{Followed: n == a.NumParagraphs, Evidence: fmt.Sprintf("%d paragraphs, want %d", n, a.NumParagraphs)}
}

// checkNthParagraph counts paragraphs between blank lines and looks at the first word of one of them. As in the public
// checker, blank paragraphs do not count but have an index.
func checkNthParagraph(a Args, response string) Verdict {
	parts := strings.Split(response, "\n\n")
	n := 0
	for _, p := range parts {
		if strings.TrimSpace(p) != "" {
			n++
		}
	}
	if n != a.NumParagraphs {
		return Verdict{Evidence: fmt.Sprintf("%d paragraphs, want %d", n, a.NumParagraphs)}
	}
	fields := strings.Fields(parts[a.NthParagraph-1])
	if len(fields) == 0 {
		return Verdict{Evidence: fmt.Sprintf("paragraph %d is blank", a.NthParagraph)}
	}
	word := strings.TrimLeft(strings.TrimLeft(fields[0], "'"), `"`)
	if at := strings.IndexAny(word, `.,?!'"`); at >= 0 {
		word = word[:at]
	}
	ok := strings.EqualFold(word, a.FirstWord)
	return Verdict{Followed: ok, Evidence: fmt.Sprintf("paragraph %d begins with %s", a.NthParagraph, quote(word))}
}

// checkPostscript looks for the marker anywhere, as the public checker does; the two usual ones may contain spaces.
func checkPostscript(a Args, response string) Verdict {
	text, marker := strings.ToLower(response), strings.TrimSpace(a.PostscriptMarker)
	found := false
	switch marker {
	case "P.S.":
		found = postscript.MatchString(text)
	case "P.P.S":
		found = postPostscript.MatchString(text)
	default:
		found = strings.Contains(text, strings.ToLower(marker))
	}
	return verdict(found, "there is a postscript", "there is no "+quote(marker))
}

func checkOptions(response string) Verdict {
	for _, o := range options {
		if strings.Contains(response, o) {
			return Verdict{Followed: true, Evidence: "answers " + quote(o)}
		}
	}
	return Verdict{Evidence: "answers with none of the options"}
}

// checkJSON allows a fence of backticks around the value.
func checkJSON(response string) Verdict {
	body := strings.TrimSpace(response)
	for _, fence := range []string{"```json", "```Json", "```JSON", "```"} {
		body = strings.TrimPrefix(body, fence)
	}
	body = strings.TrimSpace(strings.TrimSuffix(body, "```"))
	return verdict(json.Valid([]byte(body)), "is JSON", "is no JSON")
}

func checkTitle(response string) Verdict {
	for _, t := range title.FindAllString(response, -1) {
		if strings.TrimSpace(strings.TrimRight(strings.TrimLeft(t, "<"), ">")) != "" {
			return Verdict{Followed: true, Evidence: "the title is " + quote(t)}
		}
	}
	return Verdict{Evidence: "there is no title in <<angular brackets>>"}
}

// checkTwo wants two different responses between six asterisks. A blank one is allowed at the beginning and at the end.
func checkTwo(response string) Verdict {
	parts := strings.Split(response, "******")
	var found []string
	for i, p := range parts {
		p = strings.TrimSpace(p)
		if p != "" {
			found = append(found, p)
		} else if i != 0 && i != len(parts)-1 {
			return Verdict{Evidence: "a response is blank"}
		}
	}
	if len(found) != 2 {
		return Verdict{Evidence: fmt.Sprintf("%d responses, want 2", len(found))}
	}
	return verdict(found[0] != found[1], "there are two responses", "both responses are the same")
}
