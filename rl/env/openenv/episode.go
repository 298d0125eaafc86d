package openenv

import (
	"context"
	"fmt"
	"strings"

	"muonclip/data/chat"
	"muonclip/rl/env"
	"muonclip/rl/reward"
	"muonclip/rl/reward/critic"
)

// Episode is one prompt and one response. It implements env.Episode and critic.Subject.
type Episode struct{ env.OneTurn }

var _ critic.Subject = (*Episode)(nil)

// Score gives what code decides. It never fails.
func (e *Episode) Score(context.Context) ([]reward.Component, error) {
	answered := reward.Component{Name: "answered", Value: 1}
	_, response := e.Judged()
	switch {
	case strings.TrimSpace(response) == "":
		answered = reward.Component{Name: "answered", Evidence: "there is no text"}
	case e.Turn.Finish == chat.FinishTruncated:
		answered = reward.Component{Name: "answered", Evidence: "the text was cut off"}
	}
	components := []reward.Component{answered}
	for _, r := range critic.Prescriptive() {
		c := reward.Component{Name: r.Name, Value: 1}
		if what, found := r.Detect(response); found {
			c.Value, c.Evidence = 0, fmt.Sprintf("says %q", what)
		}
		components = append(components, c)
	}
	return components, nil
}

// Judged is the prompt and the response, for the critic. Calls, which nobody offered, do not count.
func (e *Episode) Judged() (messages []chat.Message, response string) {
	if e.Turn != nil {
		response = e.Turn.Content
	}
	return e.Question.Messages, response
}

// Gold is nil: nobody knows the right answer.
func (e *Episode) Gold() env.Policy { return nil }
