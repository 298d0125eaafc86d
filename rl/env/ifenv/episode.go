package ifenv

import (
	"context"
	"fmt"
	"strings"
	"time"

	"muonclip/data/chat"
	"muonclip/rl/env"
	"muonclip/rl/reward"
	"muonclip/rl/reward/ifeval"
)

// Episode is one request with its instructions. It implements env.Episode.
type Episode struct {
	env.OneTurn
	prompt ifeval.Prompt
	topic  string // of a generated task
	gold   string // a response that does it, of a generated task
}

// newEpisode names the kind of a single instruction, and several otherwise. The difficulty is the number of instructions. The
// budget of tokens is ours: three for each word that is asked for, and 256 (generated) or 1024 (file) beside.
func newEpisode(p ifeval.Prompt, topic, gold string) *Episode {
	info := env.Info{Kind: "several", Difficulty: min(5, len(p.Instructions)), MaxTokens: 1024, MaxTurns: 1}
	if topic != "" {
		info.MaxTokens = 256
	}
	if len(p.Instructions) == 1 {
		info.Kind = string(p.Instructions[0].Kind)
	}
	for _, i := range p.Instructions {
		if i.Kind == ifeval.NumberWords && i.Args.Relation == ifeval.AtLeast {
			info.MaxTokens += 3 * i.Args.NumWords
		}
	}
	return &Episode{OneTurn: env.OneTurn{Task: info, Question: env.Ask("", p.Text)}, prompt: p, topic: topic, gold: gold}
}

// Prompt is the request with its instructions.
func (e *Episode) Prompt() ifeval.Prompt { return e.prompt }

// Score judges the response; without one, nothing is followed. The error wraps reward.ErrUnavailable where the language of
// the response cannot be told.
func (e *Episode) Score(_ context.Context) ([]reward.Component, error) {
	var components []reward.Component
	start := time.Now()
	add := func(name string, good bool, evidence string) {
		c := reward.Component{Name: name, Evidence: evidence, Seconds: time.Since(start).Seconds()}
		if good {
			c.Value = 1
		}
		components = append(components, c)
		start = time.Now()
	}
	_, response := e.Judged()
	followed := 0
	for _, i := range e.prompt.Instructions {
		v, err := i.Check(response)
		if err != nil {
			return nil, fmt.Errorf("ifenv: %w", err)
		}
		if v.Followed {
			followed++
		}
		add("followed", v.Followed, string(i.Kind)+": "+v.Evidence)
	}
	add("all", followed == len(e.prompt.Instructions), fmt.Sprintf("%d of %d", followed, len(e.prompt.Instructions)))
	if e.topic != "" {
		add("topic", e.onTopic(response), "about "+e.topic)
	}
	hacks := ifeval.Hacks(e.prompt, response)
	var evidence []string
	for _, h := range hacks {
		evidence = append(evidence, h.Name+": "+h.Evidence)
	}
	add("honest", len(hacks) == 0, strings.Join(evidence, "; "))
	return components, nil
}

// onTopic looks for the topic, in the singular or the plural. A response in another language cannot name it in English.
func (e *Episode) onTopic(response string) bool {
	for _, i := range e.prompt.Instructions {
		if i.Kind == ifeval.ResponseLanguage {
			return response != ""
		}
	}
	return strings.Contains(strings.ToLower(response), strings.TrimSuffix(e.topic, "s"))
}

// Judged is the request and the response, for a critic. Calls, which nobody offered, do not count.
func (e *Episode) Judged() (messages []chat.Message, response string) {
	if e.Turn != nil {
		response = e.Turn.Content
	}
	return e.Question.Messages, response
}

// Gold writes a text that follows everything, for generated tasks; nobody knows one for the file's.
func (e *Episode) Gold() env.Policy {
	if e.gold == "" {
		return nil
	}
	return env.Say(e.gold)
}
