package env

import (
	"context"
	"encoding/json"
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

// RawAgent is an agent that gives its turns as they were parsed, with what is wrong in them, so that a malformed call is
// answered as a service would. Gym.Run prefers it to Act.
type RawAgent interface {
	Turn(ctx context.Context, messages []chat.Message, tools []chat.Tool) (chat.Output, error)
}

// ErrStop is what an agent's error wraps to end the dialogue, for example because it has become longer than a model
// reads. The trajectory is what happened until then.
var ErrStop = errors.New("the agent ends the dialogue")

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
// answers. It reports whether the dialogue is over. The calls get the ids of K2's format.
func (g *Gym) Step(ctx context.Context, a Action) (Observation, bool, error) {
	for i := range a.ToolCalls {
		a.ToolCalls[i].ID = chat.CallID(a.ToolCalls[i].Name, g.counter+i)
	}
	return g.take(ctx, a, nil)
}

// Take is Step for a turn as a model wrote it, which may be malformed: its calls keep the ids that they have, and a
// call that could not be read is not executed but answered with an error, as a service would.
func (g *Gym) Take(ctx context.Context, turn chat.Output) (Observation, bool, error) {
	a := turn.Message()
	for i := range a.ToolCalls {
		if a.ToolCalls[i].ID == "" {
			a.ToolCalls[i].ID = chat.CallID(a.ToolCalls[i].Name, g.counter+i)
		}
	}
	return g.take(ctx, a, turn.Calls)
}

// take takes a turn; parsed says, where it is not nil, what is wrong with the calls of a.
func (g *Gym) take(ctx context.Context, a Action, parsed []chat.Call) (Observation, bool, error) {
	if g.task == nil || g.done {
		return Observation{}, true, ErrDone
	}
	g.turns++
	a.Role = chat.RoleAssistant
	at := len(g.dialog.Messages)
	g.counter += len(a.ToolCalls)
	g.dialog.Messages = append(g.dialog.Messages, a)
	for i, c := range a.ToolCalls {
		var result json.RawMessage
		if parsed != nil && unreadable(parsed[i].Err) {
			result = g.service.Reject(at, c.Name, c.Arguments, parsed[i].Err)
		} else {
			result = g.service.Call(at, c.Name, c.Arguments)
		}
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

// unreadable reports whether a call is so malformed that no service would execute it. Of arguments and names that are
// wrong the service itself says so.
func unreadable(err error) bool {
	return errors.Is(err, chat.ErrStructure) || errors.Is(err, chat.ErrCallID) || errors.Is(err, chat.ErrTruncated)
}

// Trajectory is a finished dialogue with its task and record.
type Trajectory struct {
	Task     *task.Task
	Dialogue chat.Dialogue
	Record   *Record
	Ended    string       // "user": by the user; "limit": too many turns; "agent": by an agent that stopped
	World    *world.World // the final state
}

// Calls lists what was called since Reset; do not modify.
func (g *Gym) Calls() []Call { return g.service.Calls() }

// Trajectory returns what happened since Reset.
func (g *Gym) Trajectory() *Trajectory {
	return &Trajectory{Task: g.task, Dialogue: g.dialog, Record: g.service.Record(), Ended: g.ended, World: g.service.world}
}

// Run lets an agent speak until the dialogue is over.
func (g *Gym) Run(ctx context.Context, t *task.Task, agent Agent) (*Trajectory, error) {
	if _, err := g.Begin(ctx, t); err != nil {
		return nil, err
	}
	raw, isRaw := agent.(RawAgent)
	for !g.done {
		var turn chat.Output
		var a Action
		var err error
		if isRaw {
			turn, err = raw.Turn(ctx, g.dialog.Messages, g.dialog.Tools)
		} else {
			a, err = agent.Act(ctx, g.dialog.Messages, g.dialog.Tools)
		}
		switch {
		case errors.Is(err, ErrStop):
			g.done, g.ended = true, "agent"
			continue
		case err != nil:
			return nil, fmt.Errorf("env: agent: %w", err)
		case isRaw:
			_, _, err = g.Take(ctx, turn)
		default:
			_, _, err = g.Step(ctx, a)
		}
		if err != nil {
			return nil, err
		}
	}
	return g.Trajectory(), nil
}

// Score judges the dialogue since Reset by the task's rubric.
func (g *Gym) Score() Score { return Judge(g.Trajectory()) }
