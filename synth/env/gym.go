package env

import (
	"context"
	"errors"
	"fmt"

	"muonclip/data/chat"
	"muonclip/synth/task"
	"muonclip/synth/world"
)

// Agent is who is trained or shown: messages and tools in, content and calls out. A scripted expert, a model behind an
// endpoint and our own checkpoint all have this form. The ids of calls may be left empty.
type Agent interface {
	Act(ctx context.Context, messages []chat.Message, tools []chat.Tool) (chat.Message, error)
}

// User answers the assistant. The first utterance is asked for with nothing but the system message.
type User interface {
	Say(ctx context.Context, messages []chat.Message) (Utterance, error)
}

// Utterance is what a user says.
type Utterance struct {
	Text string
	Done bool // the user is finished: nobody speaks after this, and an empty text is not added
}

// Action is the assistant's turn.
type Action = chat.Message

// Observation is what followed the assistant's last turn.
type Observation struct {
	Messages []chat.Message // new ones: results of tools or a user's message; after Reset the beginning
	Tools    []chat.Tool    // after Reset only
}

// Gym runs dialogues one after another: Reset, then Step until done, then Score. It is not safe for concurrent use.
type Gym struct {
	Sample  func(task.Key) (*task.Task, error)
	NewUser func(*task.Task) (User, error)
	// MaxTurns ends a dialogue after so many turns of the assistant; 0 means 400.
	MaxTurns int

	task    *task.Task
	user    User
	service *Service
	dialog  chat.Dialogue
	turns   int
	done    bool
	ended   string
	counter int
}

// Reset begins the dialogue of a key.
func (g *Gym) Reset(ctx context.Context, key task.Key) (Observation, error) {
	t, err := g.Sample(key)
	if err != nil {
		return Observation{}, err
	}
	return g.Begin(ctx, t)
}

// Begin begins the dialogue of a task.
func (g *Gym) Begin(ctx context.Context, t *task.Task) (Observation, error) {
	user, err := g.NewUser(t)
	if err != nil {
		return Observation{}, err
	}
	g.task, g.user, g.service = t, user, NewService(t)
	g.turns, g.counter, g.done, g.ended = 0, 0, false, ""
	g.dialog = Opening(t)
	u, err := user.Say(ctx, g.dialog.Messages)
	if err != nil {
		return Observation{}, fmt.Errorf("env: user: %w", err)
	}
	g.dialog.Messages = append(g.dialog.Messages, chat.Message{Role: chat.RoleUser, Content: u.Text})
	return Observation{Messages: g.dialog.Messages, Tools: g.dialog.Tools}, nil
}

// Opening is a task's dialogue before anybody has spoken.
func Opening(t *task.Task) chat.Dialogue {
	d := chat.Dialogue{ID: t.ID(), Tools: make([]chat.Tool, len(t.Tools)), Messages: make([]chat.Message, 0, 16)}
	for i, x := range t.Tools {
		d.Tools[i] = chat.Tool{Name: x.Name, Description: x.Description, Parameters: x.Parameters}
	}
	d.Messages = append(d.Messages, chat.Message{Role: chat.RoleSystem, Content: t.System})
	return d
}

// ErrDone says that the dialogue is over.
var ErrDone = errors.New("env: the dialogue is over, call Reset")

// Step takes the assistant's turn. With calls it executes them and the assistant is on again; without, the user
// answers. It reports whether the dialogue is over.
func (g *Gym) Step(ctx context.Context, a Action) (Observation, bool, error) {
	if g.task == nil || g.done {
		return Observation{}, true, ErrDone
	}
	g.turns++
	a.Role = chat.RoleAssistant
	at := len(g.dialog.Messages)
	for i := range a.ToolCalls {
		a.ToolCalls[i].ID = chat.CallID(a.ToolCalls[i].Name, g.counter)
		g.counter++
	}
	g.dialog.Messages = append(g.dialog.Messages, a)
	for _, c := range a.ToolCalls {
		result := g.service.Call(at, c.Name, c.Arguments)
		g.dialog.Messages = append(g.dialog.Messages, chat.Message{Role: chat.RoleTool, Name: c.Name, ToolCallID: c.ID, Content: string(result)})
	}
	if len(a.ToolCalls) == 0 {
		u, err := g.user.Say(ctx, g.dialog.Messages)
		if err != nil {
			return Observation{}, false, fmt.Errorf("env: user: %w", err)
		}
		if u.Text != "" {
			g.dialog.Messages = append(g.dialog.Messages, chat.Message{Role: chat.RoleUser, Content: u.Text})
		}
		if u.Done {
			g.done, g.ended = true, "user"
		}
	}
	limit := g.MaxTurns
	if limit == 0 {
		limit = 400
	}
	if !g.done && g.turns >= limit {
		g.done, g.ended = true, "limit"
	}
	return Observation{Messages: g.dialog.Messages[at+1:]}, g.done, nil
}

// Trajectory is a finished dialogue with its task and record.
type Trajectory struct {
	Task     *task.Task
	Dialogue chat.Dialogue
	Record   *Record
	Ended    string       // "user": by the user; "limit": too many turns
	World    *world.World // the final state
}

// Trajectory returns what happened since Reset.
func (g *Gym) Trajectory() *Trajectory {
	return &Trajectory{Task: g.task, Dialogue: g.dialog, Record: g.service.Record(), Ended: g.ended, World: g.service.world}
}

// Run lets an agent speak until the dialogue is over.
func (g *Gym) Run(ctx context.Context, t *task.Task, agent Agent) (*Trajectory, error) {
	if _, err := g.Begin(ctx, t); err != nil {
		return nil, err
	}
	for !g.done {
		a, err := agent.Act(ctx, g.dialog.Messages, g.dialog.Tools)
		if err != nil {
			return nil, fmt.Errorf("env: agent: %w", err)
		}
		if _, _, err := g.Step(ctx, a); err != nil {
			return nil, err
		}
	}
	return g.Trajectory(), nil
}

// Score judges the dialogue since Reset by the task's rubric.
func (g *Gym) Score() Score { return Judge(g.Trajectory()) }
