package rl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"muonclip/data/chat"
	"muonclip/model/generate"
	"muonclip/rl/env"
	"muonclip/rl/reward"
)

// live is a rollout in progress.
type live struct {
	to       *Rollout
	episode  env.Episode
	dialogue chat.Dialogue
	parser   *chat.TokenParser // of the turn in progress
	seq      *generate.Sequence[float32]
	unread   int             // tokens at the end of IDs that the cache does not hold
	written  int             // tokens of the policy
	choice   generate.Choice // the token drawn last
	over     bool            // nothing more is to be generated
}

// begin makes the live form of a rollout that is new, or of one that was interrupted: then its turns are taken
// again.
func (c *Collector) begin(ctx context.Context, e env.Environment, r *Rollout) *live {
	l := &live{to: r}
	type first struct {
		episode env.Episode
		info    env.Info
		opening chat.Dialogue
	}
	f, err := guard(ctx, c.EnvTimeout, func(ctx context.Context) (f first, err error) {
		if f.episode, err = e.Reset(ctx, r.Key); err == nil {
			f.info, f.opening = f.episode.Info(), f.episode.Opening()
		}
		return f, err
	})
	if err != nil {
		l.fail(fmt.Errorf("%s %s cannot begin: %w", r.Env, r.Key, err))
		return l
	}
	l.episode, l.dialogue, r.Info = f.episode, f.opening, f.info
	if len(r.IDs) == 0 {
		if r.IDs, _, err = chat.Encode(c.Tokenizer, c.Format, l.dialogue, chat.RenderOptions{GenerationPrompt: true}); err != nil {
			l.fail(err)
			return l
		}
		if len(r.IDs) >= c.context() {
			l.fail(fmt.Errorf("the opening of %s %s has %d tokens, the model reads %d: leave out such episodes or raise max_position_embeddings",
				r.Env, r.Key, len(r.IDs), c.context()))
			return l
		}
		r.Turns = append(r.Turns, Turn{Start: len(r.IDs)})
	}
	l.unread = len(r.IDs)
	for i, t := range r.Turns {
		l.written += len(t.LogProbs)
		l.parser = c.parser(l.dialogue)
		for _, id := range r.IDs[t.Start : t.Start+len(t.LogProbs)] {
			if _, err := l.parser.Next(nil, id); err != nil {
				l.fail(err)
				return l
			}
		}
		if i == len(r.Turns)-1 {
			break
		}
		done, err := c.step(ctx, l)
		if err == nil && done {
			err = errors.New("it was over earlier")
		}
		if err != nil {
			l.fail(fmt.Errorf("%s %s took another way when its turns were taken again: %w", r.Env, r.Key, err))
			return l
		}
	}
	return l
}

// parser reads the next turn of a dialogue.
func (c *Collector) parser(d chat.Dialogue) *chat.TokenParser {
	return chat.NewTokenParser(c.Tokenizer, c.Format, chat.ParseOptions{Tools: d.Tools, Arguments: c.Arguments, FirstCall: d.Calls()})
}

// step hands the finished turn to the episode and adds what follows to the dialogue.
func (c *Collector) step(ctx context.Context, l *live) (done bool, err error) {
	out := l.parser.Output()
	l.dialogue.Messages = append(l.dialogue.Messages, out.Message())
	type answer struct {
		messages []chat.Message
		done     bool
	}
	a, err := guard(ctx, c.EnvTimeout, func(ctx context.Context) (a answer, err error) {
		a.messages, a.done, err = l.episode.Step(ctx, out)
		return a, err
	})
	l.dialogue.Messages = append(l.dialogue.Messages, a.messages...)
	return a.done, err
}

// turnEnded goes on after the policy has ended a turn.
func (c *Collector) turnEnded(ctx context.Context, l *live) {
	l.parser.Close(nil)
	answered := len(l.dialogue.Messages) + 1
	done, err := c.step(ctx, l)
	switch {
	case err != nil:
		l.fail(fmt.Errorf("%s %s: %w", l.to.Env, l.to.Key, err))
		return
	case done:
		l.end(Done)
		return
	case len(l.to.Turns) >= max(1, l.to.Info.MaxTurns):
		l.end(Turns)
		return
	case l.written >= c.limit(l.to):
		l.end(Budget)
		return
	}
	more, _, err := chat.Encode(c.Tokenizer, c.Format, l.dialogue, chat.RenderOptions{From: answered, GenerationPrompt: true})
	if err != nil {
		l.fail(err)
		return
	}
	if len(l.to.IDs)+len(more) >= c.context() {
		l.end(Context)
		return
	}
	l.to.IDs = append(l.to.IDs, more...)
	l.unread += len(more)
	l.to.Turns = append(l.to.Turns, Turn{Start: len(l.to.IDs)})
	l.parser = c.parser(l.dialogue)
}

// accept takes the drawn token. It reports whether the policy ended its turn with it.
func (c *Collector) accept(l *live, limit int) (ended bool) {
	r := l.to
	turn := &r.Turns[len(r.Turns)-1]
	r.IDs = append(r.IDs, l.choice.ID)
	turn.LogProbs = append(turn.LogProbs, l.choice.LogProb)
	l.unread++
	l.written++
	if int(l.choice.ID) >= c.Tokenizer.VocabSize() {
		l.end(Foreign)
		return false
	}
	events, err := l.parser.Next(nil, l.choice.ID)
	switch {
	case err != nil:
		l.fail(err)
	case slices.ContainsFunc(events, func(e chat.Event) bool { return e.Kind == chat.EventEnd }):
		turn.Ended = true
		return true
	case l.written >= limit:
		l.end(Budget)
	case len(r.IDs) >= c.context():
		l.end(Context)
	}
	return false
}

func (l *live) end(f Finish) { l.to.Finish, l.over = f, true }

// fail ends a rollout that the policy is not to blame for.
func (l *live) fail(err error) {
	l.to.Error = err.Error()
	l.end(Failed)
}

// score composes the reward of an ended rollout.
func (c *Collector) score(ctx context.Context, l *live, a *Arena) {
	if l.to.Finish == Failed {
		return
	}
	components, err := guard(ctx, c.EnvTimeout, l.episode.Score)
	if err == nil {
		l.to.Reward, err = a.Compose(components)
	}
	if err != nil {
		l.to.Error = err.Error()
		return
	}
	l.to.Components = components
	if l.to.Finish.Cut() {
		l.to.Reward -= c.CutPenalty
	}
}

// guard runs a call of an environment and gives up on it after a while, also where it does not listen to its context:
// then its goroutine is left behind, and nothing it does later is looked at. A timeout of 0 means a minute.
func guard[R any](ctx context.Context, timeout time.Duration, call func(context.Context) (R, error)) (R, error) {
	type result struct {
		value R
		err   error
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(timeout, time.Minute))
	defer cancel()
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if p := recover(); p != nil {
				r.err = fmt.Errorf("the environment panicked: %v: %w", p, reward.ErrUnavailable)
			}
			done <- r
		}()
		r.value, r.err = call(ctx)
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none R
		return none, fmt.Errorf("the environment did not answer in time: %w: %w", context.Cause(ctx), reward.ErrUnavailable)
	}
}
