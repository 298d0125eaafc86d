package mathenv

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"muonclip/data/chat"
	"muonclip/rl/env"
	"muonclip/rl/reward"
	"muonclip/rl/reward/answer"
)

// episode is one question and the turn that answers it.
type episode struct {
	problem Problem
	id      string
	tokens  int
	turn    *chat.Output
}

// Info implements env.Episode.
func (e *episode) Info() env.Info {
	return env.Info{Kind: e.problem.Kind, Difficulty: e.problem.Difficulty, MaxTokens: e.tokens, MaxTurns: 1}
}

// Opening implements env.Episode.
func (e *episode) Opening() chat.Dialogue {
	return chat.Dialogue{ID: e.id, Messages: []chat.Message{{Role: chat.RoleUser, Content: e.problem.Question}}}
}

// Step implements env.Episode: the first turn ends it.
func (e *episode) Step(_ context.Context, turn chat.Output) ([]chat.Message, bool, error) {
	if e.turn != nil {
		return nil, true, errors.New("mathenv: a question has one turn, and it was taken")
	}
	e.turn = &turn
	return nil, true, nil
}

// Score implements env.Episode. A turn that was cut off counts only if it stated an answer before.
func (e *episode) Score(context.Context) ([]reward.Component, error) {
	correct := reward.Component{Name: "correct", Evidence: "no turn was taken"}
	format := reward.Component{Name: "format", Evidence: correct.Evidence}
	if e.turn == nil {
		return []reward.Component{correct, format}, nil
	}
	found, ok := answer.Extract(e.turn.Content)
	switch {
	case !ok:
		correct.Evidence = "no answer was found"
	case found.Source == answer.LastNumber && e.turn.Finish == chat.FinishTruncated:
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
	text := strings.TrimSpace(e.turn.Content)
	last := text[strings.LastIndexByte(text, '\n')+1:]
	stated, ok := strings.CutPrefix(last, "#### ")
	switch {
	case e.turn.Finish == chat.FinishTruncated:
		return "the turn was cut off"
	case len(e.turn.Calls) > 0:
		return "the turn calls tools, and there are none"
	case len(e.turn.Problems) > 0:
		return "the turn is malformed: " + e.turn.Problems[0].Error()
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
func (e *episode) Gold() env.Policy { return gold{e.problem.Solution} }

type gold struct{ text string }

func (g gold) Act(context.Context, []chat.Message, []chat.Tool) (chat.Message, error) {
	return chat.Message{Role: chat.RoleAssistant, Content: g.text}, nil
}
