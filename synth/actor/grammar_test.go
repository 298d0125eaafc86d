package actor

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"muonclip/internal/rng"
	"muonclip/synth/task"
	"muonclip/synth/task/value"
)

// filled are words for every variable of the templates, none of which an outcome or consent is recognised by.
var filled = vars{"inf": "rename folder F-1", "np": "the title of folder F-1", "v": "blue", "l": "shade", "s": "please rename it", "S": "Please rename it", "f": "red",
	"name": "Ada Berger", "who": "reader", "a": "a ", "title": "folders", "service": "Foldhaven", "n": "9", "tool": "get_folder", "e": "folder", "of": " of the folder", "p": "folders",
	"list": "- F-1", "inline": "red and blue", "t": "folder F-1", "T": "Folder F-1", "say": "Red folders keep their name.", "why": "the folder is locked", "facts": "Shade: blue.", "facts0": "shade: blue.",
	"Facts": "Shade: blue.", "done": "Folders changed: F-1", "failed": "F-2", "scope": "folders of a library", "role": "library assistant", "about": "folders of a library.", "needs": "open"}

// texts expands templates until most of what they can say was said.
func texts(templates []string) []string {
	r := rng.New(1, "grammar")
	var out []string
	for _, t := range templates {
		for range 30 {
			out = append(out, capital(expand(r, t, filled)))
		}
	}
	return out
}

func TestTemplatesExpand(t *testing.T) {
	all := [][]string{farewells, closers, starts, actings, loops, staleWords, partialWords, limitWords, uncertainWords, retryWords, deniedWords, askOne, askMany, askWhich, chooseWords,
		consentQuestions, declinedWords, refusedWords, firmWords, missingWords, stateWords, errorWords, failedWords, partlyWords, noMeansWords, noMeansAsk, policyWords, scopeWords, doneWords, toldWords,
		policyQuestions, scopeQuestions}
	for _, style := range task.Styles() {
		m := reflect.ValueOf(manners[style])
		for i := range m.NumField() {
			var list []string
			for k := range m.Field(i).Len() {
				list = append(list, m.Field(i).Index(k).String())
			}
			if len(list) == 0 {
				t.Errorf("style %s says nothing for %s", style, m.Type().Field(i).Name)
			}
			all = append(all, list)
		}
	}
	for _, templates := range all {
		for _, s := range texts(templates) {
			if strings.ContainsAny(s, "[]{}|") || strings.Contains(s, "  ") {
				t.Errorf("%q is not clean", s)
			}
		}
		for _, x := range templates {
			for i, c := range x {
				if c == '{' {
					if name := x[i+1 : i+strings.IndexByte(x[i:], '}')]; filled[name] == "" {
						t.Errorf("%q: the variable %s is not known", x, name)
					}
				}
			}
		}
	}
}

// TestLexicon holds what the speakers say against how outcomes and consent are recognised.
func TestLexicon(t *testing.T) {
	read := func(s string) *value.Text { return value.Read(s, time.Date(2026, 3, 12, 0, 0, 0, 0, time.UTC)) }
	claims := func(s string) bool {
		for _, x := range strings.SplitAfter(s, ". ") {
			if task.ClaimsSuccess(read(x)) && !task.SaysNo(read(x)) {
				return true
			}
		}
		return false
	}
	for name, list := range map[string][]string{"declined": declinedWords, "refused": refusedWords, "firm": firmWords, "missing": missingWords, "state": stateWords, "error": errorWords, "failed": failedWords, "no means": noMeansWords, "no means for a question": noMeansAsk} {
		for _, s := range texts(list) {
			if !task.SaysNo(read(s)) || claims(s) {
				t.Errorf("%s: %q: bad news %v, claim %v", name, s, task.SaysNo(read(s)), claims(s))
			}
			if questions(s) != "" {
				t.Errorf("%s: %q reads as a question", name, s)
			}
		}
	}
	for _, s := range texts(partlyWords) {
		if !task.SaysNo(read(s)) {
			t.Errorf("partly: %q hides the bad news", s)
		}
	}
	for _, s := range texts(append(append(append([]string{}, doneWords...), toldWords...), scopeWords...)) {
		if task.SaysNo(read(s)) || questions(s) != "" {
			t.Errorf("%q reads as bad news or a question", s)
		}
	}
	for _, s := range texts(append(append([]string{}, closers...), farewells...)) {
		if questions(s) != "" || task.SaysNo(read(s)) || claims(s) {
			t.Errorf("%q is not mere politeness", s)
		}
	}
	for _, s := range texts(consentQuestions) {
		if !strings.Contains(s, "?") || !task.AsksConsent(read(questions(s))) {
			t.Errorf("%q does not ask for consent", s)
		}
	}
	for _, list := range [][]string{askOne, askMany, askWhich, chooseWords} {
		for _, s := range texts(list) {
			if q := questions(s); q == "" || task.AsksConsent(read(q)) {
				t.Errorf("%q is not a plain question", s)
			}
		}
	}
	for style, m := range manners {
		for _, s := range texts(m.yes) {
			if !task.Agrees(read(s)) {
				t.Errorf("%s: %q is no yes", style, s)
			}
		}
		for _, s := range texts(m.no) {
			if !task.Denies(read(s)) || task.Agrees(read(s)) {
				t.Errorf("%s: %q is no no", style, s)
			}
		}
	}
}
