package env

import (
	"context"
	"errors"

	"muonclip/data/chat"
)

// OneTurn is what all episodes have in common that are a question and one turn. They embed it and add Score and Gold.
type OneTurn struct {
	Task     Info
	Question chat.Dialogue
	Turn     *chat.Output // nil until it is taken
}

// Info implements Episode.
func (o *OneTurn) Info() Info { return o.Task }

// Opening implements Episode.
func (o *OneTurn) Opening() chat.Dialogue { return o.Question.Clone() }

// Step implements Episode: the first turn ends it.
func (o *OneTurn) Step(_ context.Context, turn chat.Output) ([]chat.Message, bool, error) {
	if o.Turn != nil {
		return nil, true, errors.New("env: the episode has one turn, and it was taken")
	}
	o.Turn = &turn
	return nil, true, nil
}

// Ask is a dialogue of one message of the user.
func Ask(id, question string) chat.Dialogue {
	return chat.Dialogue{ID: id, Messages: []chat.Message{{Role: chat.RoleUser, Content: question}}}
}

// Say is a policy that says the same whatever it is asked, such as a known solution.
type Say string

// Act implements Policy.
func (s Say) Act(context.Context, []chat.Message, []chat.Tool) (chat.Message, error) {
	return chat.Message{Role: chat.RoleAssistant, Content: string(s)}, nil
}
