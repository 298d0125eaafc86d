package teacher

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"muonclip/data/chat"
	"muonclip/synth/env"
	"muonclip/synth/task"
)

// StopMark is what a model that plays a user writes when the user is finished. It is not part of what is said.
const StopMark = "###STOP###"

// greeting opens the conversation from the model's point of view. It is not part of the dialogue.
const greeting = "Hello! How can I help you?"

// User is a model that plays the user of a task: it knows the user's manner, requests and values, and nothing of the
// plan, the rubric, the tools or their results. It plays one dialogue.
type User struct {
	model    Model
	sampling Sampling
	task     *task.Task
	prompt   string // made for the first utterance
	leaving  bool
}

var _ env.User = (*User)(nil)

// NewUser returns the user of a task.
func NewUser(m Model, s Sampling, t *task.Task) *User {
	return &User{model: m, sampling: s, task: t}
}

// Say implements env.User. The roles are turned around, because models speak as assistants: what the assistant of the
// dialogue said comes from the model's user.
func (u *User) Say(ctx context.Context, messages []chat.Message) (env.Utterance, error) {
	if u.leaving {
		return env.Utterance{Done: true}, nil
	}
	if u.prompt == "" {
		prompt, err := userPrompt(ctx, u.task)
		if err != nil {
			return env.Utterance{}, err
		}
		u.prompt = prompt
	}
	r := u.sampling.request(PurposeUser, Seed(u.task.Key))
	r.Messages = []chat.Message{{Role: chat.RoleSystem, Content: u.prompt}, {Role: chat.RoleUser, Content: greeting}}
	for _, m := range messages {
		switch {
		case m.Role == chat.RoleUser:
			r.Messages = append(r.Messages, chat.Message{Role: chat.RoleAssistant, Content: m.Content})
		case m.Role == chat.RoleAssistant && len(m.ToolCalls) == 0:
			r.Messages = append(r.Messages, chat.Message{Role: chat.RoleUser, Content: m.Content})
		}
	}
	reply, err := u.model.Chat(ctx, r)
	if err != nil {
		return env.Utterance{}, stop(err)
	}
	if len(reply.Message.ToolCalls) > 0 {
		return env.Utterance{}, &ContentError{"user_out_of_role", "the user calls a tool"}
	}
	if err := usable(reply); err != nil {
		return env.Utterance{}, err
	}
	text, _, over := strings.Cut(reply.Message.Content, StopMark)
	text = strings.TrimSpace(text)
	if err := inRole(text); err != nil {
		return env.Utterance{}, err
	}
	first := len(messages) == 0 || messages[len(messages)-1].Role == chat.RoleSystem
	switch {
	case over && text == "" && first:
		return env.Utterance{}, &ContentError{"user_out_of_role", "the user leaves without a word"}
	case over && text == "":
		return env.Utterance{Done: true}, nil
	}
	u.leaving = over // the assistant answers the last words, and then nobody speaks
	return env.Utterance{Text: text}, nil
}

// leaks are words of the instructions that a user would not say.
var leaks = regexp.MustCompile(`(?i)###|\brubric\b|\bgoal state\b|\bmy (?:instructions|persona|role|character|prompt)\b|\bsystem prompt\b|` +
	`\b(?:i am|i'm) (?:playing|simulating|role-?playing)\b|\bas (?:an ai|a language model)\b|\btool[ _]calls?\b|\(stage direction|<\|`)

// roles are what an assistant says, and labels in front of what others say.
var roles = regexp.MustCompile(`(?i)^\W{0,3}(?:assistant|agent|system|tool|user|customer)\W{0,3}:|\bhow (?:can|may) i (?:help|assist) you\b|` +
	`\bis there anything else i can (?:do|help|assist)\b|\bi(?:'d| would) be (?:happy|glad) to (?:help|assist) you\b|` +
	`\b(?:glad|happy) i could (?:help|assist)\b|\byour request has been\b`)

// inRole refuses what a user would not say: parts of the instructions, and the assistant's words. Whether all that is
// said is right is up to the proof of the dialogue.
func inRole(text string) error {
	if s := leaks.FindString(text); s != "" {
		return &ContentError{"user_leak", fmt.Sprintf("the user says %q, which is of the instructions", s)}
	}
	if s := roles.FindString(text); s != "" {
		return &ContentError{"user_out_of_role", fmt.Sprintf("the user says %q, as the assistant would", s)}
	}
	return nil
}
