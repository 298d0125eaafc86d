package mathenv

import (
	"context"
	"fmt"
	"strings"

	"muonclip/data/chat"
	"muonclip/rl/env"
	"muonclip/rl/reward"
	"muonclip/rl/reward/answer"
)

// episode is one question and the turn that answers it.
type episode struct {
	env.OneTurn
	problem Problem
}

// Score implements env.Episode. A turn that was cut off counts only if it stated an answer before.
func (e *episode) Score(context.Context) ([]reward.Component, error) {
	correct := reward.Component{Name: "correct", Evidence: "no turn was taken"}
	format := reward.Component{Name: "format", Evidence: correct.Evidence}
	if e.Turn == nil {
		return []reward.Component{correct, format}, nil
	}
	found, ok := answer.Extract(e.Turn.Content)
	switch {
	case !ok:
		correct.Evidence = "no answer was found"
	case found.Source == answer.LastNumber && e.Turn.Finish == chat.FinishTruncated:
		correct.Evidence = "the turn was cut off before it stated an answer"
	default:
		v := answer.Equal(e.problem.Gold, found.Text, answer.Options{Question: e.problem.Question})
		if v.Correct {
			correct.Value = 1
		}
		correct.Evidence = fmt.Sprintf("%s %q, gold %q: %s (%s)", found.Source, short(found.Text), short(e.problem.Gold), v.Why, v.Rule)
	}
	format.Evidence = e.form()
	if format.Evidence == "" {
		format.Value, format.Evidence = 1, "the last line states the answer"
	}
	return []reward.Component{correct, format}, nil
}

// form says what is wrong with how the answer is stated, or nothing.
func (e *episode) form() string {
	text := strings.TrimSpace(e.Turn.Content)
	last := text[strings.LastIndexByte(text, '\n')+1:]
	stated, ok := strings.CutPrefix(last, "#### ")
	switch {
	case e.Turn.Finish == chat.FinishTruncated:
		return "the turn was cut off"
	case len(e.Turn.Calls) > 0:
		return "the turn calls tools, and there are none"
	case len(e.Turn.Problems) > 0:
		return "the turn is malformed: " + e.Turn.Problems[0].Error()
	case !ok || strings.TrimSpace(stated) == "":
		return "the last line does not state an answer after ####"
	case strings.Count(text, "####") > 1:
		return "several answers are stated after ####"
	}
	return ""
}

// short is a text for people.
func short(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "..."
	}
	return s
}

// Gold implements env.Episode: it writes the worked solution.
func (e *episode) Gold() env.Policy { return env.Say(e.problem.Solution) }
