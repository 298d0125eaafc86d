package teachertest

import (
	"context"
	"fmt"
	"sync"

	"muonclip/data/chat"
	"muonclip/synth/actor"
	"muonclip/synth/env"
	"muonclip/synth/task"
	"muonclip/synth/teacher"
)

// Script answers as the scripted expert and the scripted user of the tasks of one seed do, so that a dialogue over HTTP is
// the one that is played without. It knows a task by the seed that requests carry, and who is asked by the
// tools: users have none.
type Script struct {
	Seed   uint64
	Sample func(task.Key) (*task.Task, error)

	mu    sync.Mutex
	keys  map[int64]task.Key
	next  uint64
	tasks sync.Map // task.Key to *task.Task
}

// Answer is an Answer.
func (s *Script) Answer(r Request) (chat.Message, error) {
	t, err := s.task(r.Seed)
	if err != nil {
		return chat.Message{}, err
	}
	if len(r.Tools) > 0 {
		return asExpert(t, r.Messages)
	}
	return asUser(t, r.Messages)
}

// task finds the task of a seed among the first hundred thousand.
func (s *Script) task(seed int64) (*task.Task, error) {
	s.mu.Lock()
	key, found := s.keys[seed]
	for ; !found && s.next < 100_000; s.next++ {
		if s.keys == nil {
			s.keys = map[int64]task.Key{}
		}
		k := task.Key{Seed: s.Seed, Index: s.next}
		s.keys[teacher.Seed(k)] = k
		if teacher.Seed(k) == seed {
			key, found = k, true
		}
	}
	s.mu.Unlock()
	if !found {
		return nil, fmt.Errorf("no task has the seed %d", seed)
	}
	if t, ok := s.tasks.Load(key); ok {
		return t.(*task.Task), nil
	}
	t, err := s.Sample(key)
	if err == nil {
		s.tasks.Store(key, t)
	}
	return t, err
}

// asExpert lets an expert read the dialogue up to its present turn.
func asExpert(t *task.Task, messages []chat.Message) (chat.Message, error) {
	// The wire has no names of results and other ids of calls: running the calls again restores them.
	messages = env.Rerun(t, messages).Dialogue.Messages
	e := actor.NewExpert(t)
	for i, m := range messages {
		if m.Role != chat.RoleAssistant {
			continue
		}
		if _, err := e.Act(context.Background(), messages[:i], nil); err != nil {
			return chat.Message{}, err
		}
	}
	return e.Act(context.Background(), messages, nil)
}

// asUser turns the roles back and lets a user read the dialogue up to their present turn. The first two messages are the
// instructions and the greeting.
func asUser(t *task.Task, messages []chat.Message) (chat.Message, error) {
	var dialogue []chat.Message
	u := actor.NewUser(t)
	for _, m := range messages[min(2, len(messages)):] {
		if m.Role == chat.RoleUser {
			dialogue = append(dialogue, chat.Message{Role: chat.RoleAssistant, Content: m.Content})
			continue
		}
		if _, err := u.Say(context.Background(), dialogue); err != nil {
			return chat.Message{}, err
		}
		dialogue = append(dialogue, chat.Message{Role: chat.RoleUser, Content: m.Content})
	}
	said, err := u.Say(context.Background(), dialogue)
	if err != nil {
		return chat.Message{}, err
	}
	if said.Done {
		said.Text += teacher.StopMark
	}
	return chat.Message{Content: said.Text}, nil
}

// Model is a teacher.Model made of a function, for tests that need no wire.
type Model func(ctx context.Context, r teacher.Request) (teacher.Reply, error)

// Chat implements teacher.Model.
func (m Model) Chat(ctx context.Context, r teacher.Request) (teacher.Reply, error) { return m(ctx, r) }
