// Package openenv is the environment of open answers, which no program can verify: prompts from a file or from a small list
// of topics. Its own components are only those that code decides:
//
//	answered               1 where there is a response that was not cut off
//	no_initial_praise      1 where the response does not begin with a compliment
//	no_self_justification  1 where it does not say how good it is
//
// The rest is the group's: a trainer ranks the K responses of one key with critic.Critic, for which an episode is a
// critic.Subject, appends Ranking.Component(i) to the components of episode i, and composes them with Rule.
package openenv

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"muonclip/data/chat"
	"muonclip/internal/rng"
	"muonclip/rl/env"
	"muonclip/rl/reward"
	"muonclip/rl/reward/critic"
)

// Options configure an environment. The zero value makes prompts from the built-in topics, for training and evaluation
// alike.
type Options struct {
	// File has one prompt a line: {"messages": [...]} in OpenAI's shape, ending with the user, or {"prompt": "..."}. Empty
	// takes the built-in topics.
	File      string
	Part      env.Part
	MaxTokens int // of a response; 0 means 512
}

// Env implements env.Environment.
type Env struct {
	prompts   []critic.Prompt
	maxTokens int
}

var _ env.Environment = (*Env)(nil)

// New reads the prompts. A bad line is an error.
func New(o Options) (*Env, error) {
	if err := o.Part.Check(); err != nil {
		return nil, fmt.Errorf("openenv: %w", err)
	}
	all := builtIn()
	if o.File != "" {
		var err error
		if all, err = read(o.File); err != nil {
			return nil, err
		}
	}
	e := &Env{maxTokens: o.MaxTokens}
	if e.maxTokens == 0 {
		e.maxTokens = 512
	}
	for _, p := range all {
		if o.Part.Has(string(chat.AppendMessages(nil, p))) {
			e.prompts = append(e.prompts, p)
		}
	}
	if len(e.prompts) == 0 {
		return nil, fmt.Errorf("openenv: there is no prompt in the part %q", o.Part)
	}
	return e, nil
}

// Rule is the reward meant for this environment once the critic's component is there: the critic's score, gated by what
// code decides. Without the component, composing is an error that wraps reward.ErrUnavailable.
func (e *Env) Rule() reward.Rule {
	return reward.Rule{Weights: map[string]float64{"critic": 1}, Gates: []string{"answered", "no_initial_praise", "no_self_justification"}}
}

// Name is open.
func (e *Env) Name() string { return "open" }

// Len is the number of prompts.
func (e *Env) Len() uint64 { return uint64(len(e.prompts)) }

// Reset begins the episode of a key. Index goes through the prompts in an order that the seed shuffles anew in each round.
func (e *Env) Reset(_ context.Context, key env.Key) (env.Episode, error) {
	n := e.Len()
	order := rng.New(key.Seed, "open", key.Index/n).Perm(len(e.prompts))
	// Nobody grades how difficult an open answer is.
	return &Episode{env.OneTurn{
		Task:     env.Info{Kind: "open", Difficulty: 1, MaxTokens: e.maxTokens, MaxTurns: 1},
		Question: chat.Dialogue{Messages: e.prompts[order[key.Index%n]]},
	}}, nil
}

// read reads a file of prompts.
func read(path string) ([]critic.Prompt, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("openenv: %w", err)
	}
	defer f.Close()
	var all []critic.Prompt
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for n := 1; lines.Scan(); n++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		p, err := ParsePrompt(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("openenv: %s: line %d: %w", path, n, err)
		}
		all = append(all, p)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("openenv: %s: %w", path, err)
	}
	return all, nil
}

// ParsePrompt reads one line of a file of prompts. Other fields are ignored. A last message of the assistant, as files of
// whole dialogues have it, is left out.
func ParsePrompt(line []byte) (critic.Prompt, error) {
	var raw struct {
		Prompt   string         `json:"prompt"`
		Messages []chat.Message `json:"messages"`
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return nil, err
	}
	p := critic.Prompt(raw.Messages)
	if len(p) == 0 && strings.TrimSpace(raw.Prompt) != "" {
		p = critic.Prompt{{Role: chat.RoleUser, Content: raw.Prompt}}
	}
	if n := len(p); n > 1 && p[n-1].Role == chat.RoleAssistant {
		p = p[:n-1]
	}
	if len(p) == 0 || p[len(p)-1].Role != chat.RoleUser || strings.TrimSpace(p[len(p)-1].Content) == "" {
		return nil, errors.New("there is neither a prompt nor messages that end with the user")
	}
	if err := chat.Validate(chat.Dialogue{Messages: p}, nil); err != nil {
		return nil, err
	}
	return p, nil
}
