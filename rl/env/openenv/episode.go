package openenv

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"muonclip/data/chat"
	"muonclip/rl/env"
	"muonclip/rl/reward"
	"muonclip/rl/reward/critic"
)

// Episode is one prompt and one response. It implements env.Episode and critic.Subject.
type Episode struct {
	prompt    critic.Prompt
	maxTokens int
	response  string
	finish    chat.Finish
	stepped   bool
}

var _ critic.Subject = (*Episode)(nil)

// Info is about an open answer; nobody grades how difficult one is.
func (e *Episode) Info() env.Info {
	return env.Info{Kind: "open", Difficulty: 1, MaxTokens: e.maxTokens, MaxTurns: 1}
}

// Opening is the prompt.
func (e *Episode) Opening() chat.Dialogue {
	return chat.Dialogue{Messages: e.prompt}.Clone()
}

// Step takes the response, which ends the episode. Its text counts; calls, which nobody offered, do not.
func (e *Episode) Step(_ context.Context, turn chat.Output) ([]chat.Message, bool, error) {
	if e.stepped {
		return nil, true, errors.New("openenv: the episode is over")
	}
	e.response, e.finish, e.stepped = turn.Content, turn.Finish, true
	return nil, true, nil
}

// Score gives what code decides. It never fails.
func (e *Episode) Score(context.Context) ([]reward.Component, error) {
	answered := reward.Component{Name: "answered", Value: 1}
	switch {
	case strings.TrimSpace(e.response) == "":
		answered = reward.Component{Name: "answered", Evidence: "there is no text"}
	case e.finish == chat.FinishTruncated:
		answered = reward.Component{Name: "answered", Evidence: "the text was cut off"}
	}
	components := []reward.Component{answered}
	for _, r := range critic.Prescriptive() {
		c := reward.Component{Name: r.Name, Value: 1}
		if what, found := r.Detect(e.response); found {
			c.Value, c.Evidence = 0, fmt.Sprintf("says %q", what)
		}
		components = append(components, c)
	}
	return components, nil
}

// Judged is the prompt and the response, for the critic.
func (e *Episode) Judged() (messages []chat.Message, response string) { return e.prompt, e.response }

// Gold is nil: nobody knows the right answer.
func (e *Episode) Gold() env.Policy { return nil }
