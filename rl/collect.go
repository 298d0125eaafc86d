package rl

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"muonclip/data/chat"
	"muonclip/data/token"
	"muonclip/internal/rng"
	"muonclip/model/generate"
	"muonclip/rl/env"
	"muonclip/rl/reward"
)

// Arena is an environment with what a run wants of it.
type Arena struct {
	env.Environment
	Rule reward.Rule
	// Ranked says that Rule needs a component that a critic gives to a whole group. Until it has spoken, and where there is
	// none, the mean of the components counts.
	Ranked    bool
	MaxTokens int // of the policy in a rollout, where the episode sets no budget of its own; 0 means 512
}

// Compose is the reward of the components that an episode has by itself.
func (a *Arena) Compose(components []reward.Component) (float64, error) {
	if a.Ranked {
		return reward.Rule{}.Compose(components)
	}
	return a.Rule.Compose(components)
}

// Collector lets the policy act in many episodes at a time, all of them one token further with each pass of the model.
type Collector struct {
	Engine    *generate.Engine[float32]
	Tokenizer *token.Tokenizer
	Format    chat.Format
	Arguments chat.ArgumentValidator // nil leaves the arguments of calls unchecked beyond being an object
	Arenas    map[string]*Arena
	MaxBatch  int // rollouts in progress at a time; 0 means 32; never changes a rollout that ends
	MaxLength int // tokens of a dialogue; 0 means max_position_embeddings
	// CutPenalty is taken from the reward of a rollout that was cut off.
	CutPenalty float64
	EnvTimeout time.Duration // for one answer or score of an environment; 0 means a minute
}

// Sampling says how the tokens of a collection are drawn.
type Sampling struct {
	Temperature float64
	TopP        float64
	Seed        uint64 // with the episode's key, the sample and the position it decides every token
	// Tokens ends the collection early, once the policy has written as many: rollouts in progress wait to be continued
	// (partial rollouts of Kimi K1.5, arXiv 2501.12599, section 2.6.2). 0 means no limit.
	Tokens int
}

// Phases is where the time of a collection went, and what it brought. Prefill and Decode take in the drawing of what follows;
// Draw is what is done with the tokens drawn.
type Phases struct {
	Prefill, Decode, Draw, Environment time.Duration
	Read, Written                      int // tokens of prompts and answers, tokens of the policy
}

func (p *Phases) add(q Phases) {
	p.Prefill, p.Decode, p.Draw, p.Environment = p.Prefill+q.Prefill, p.Decode+q.Decode, p.Draw+q.Draw, p.Environment+q.Environment
	p.Read, p.Written = p.Read+q.Read, p.Written+q.Written
}

// Collect goes on with all unfinished rollouts of the groups until they end or Sampling.Tokens are written. Rollouts
// depend on the weights, their keys and the sampling alone. When ctx ends, so does the collection, with its error.
func (c *Collector) Collect(ctx context.Context, groups []*Group, s Sampling) (Phases, error) {
	c.Engine.Refresh() // the weights have been trained since
	run := &collection{Collector: c, ctx: ctx, sampling: s}
	run.opt = generate.SampleOptions{Temperature: s.Temperature, TopP: s.TopP}
	if err := run.opt.Validate(); err != nil {
		return Phases{}, err
	}
	run.batch = c.MaxBatch
	if run.batch == 0 {
		run.batch = 32
	}
	run.scoring.SetLimit(max(2, runtime.GOMAXPROCS(0)))
	for _, g := range groups {
		if _, ok := c.Arenas[g.Env]; !ok {
			return Phases{}, fmt.Errorf("rl: there is no environment %q", g.Env)
		}
		if !g.Finished() {
			run.waiting = append(run.waiting, g)
		}
	}
	err := run.all()
	for _, l := range run.active {
		if l.seq != nil { // nil where reading its opening failed
			l.seq.Release()
		}
	}
	_ = run.scoring.Wait() // a failing score is written into its rollout
	if err == nil {
		err = ctx.Err()
	}
	return run.phases, err
}

func (c *Collector) context() int {
	limit := c.Engine.Config().MaxPositionEmbeddings
	if c.MaxLength > 0 {
		limit = min(limit, c.MaxLength)
	}
	return limit
}

// limit is the number of tokens that the policy may write in a rollout.
func (c *Collector) limit(r *Rollout) int {
	if r.Info.MaxTokens > 0 {
		return r.Info.MaxTokens
	}
	if n := c.Arenas[r.Env].MaxTokens; n > 0 {
		return n
	}
	return 512
}

// collection is one call of Collect.
type collection struct {
	*Collector
	ctx      context.Context
	sampling Sampling
	opt      generate.SampleOptions
	batch    int
	waiting  []*Group
	active   []*live
	scoring  errgroup.Group
	phases   Phases
}

func (c *collection) all() error {
	for {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		full := c.sampling.Tokens > 0 && c.phases.Written >= c.sampling.Tokens
		if full {
			return nil
		}
		if err := c.admit(); err != nil {
			return err
		}
		if len(c.active) == 0 {
			return nil
		}
		if err := c.read(); err != nil {
			return err
		}
		c.take()
	}
}

// admit begins the rollouts of waiting groups while there is room. The samples of a group begin together, so that
// their common opening is read once.
func (c *collection) admit() error {
	var seqs []*generate.Sequence[float32]
	var ids [][]int32
	var owners [][]*live // of seqs: those that begin with the same tokens
	for len(c.waiting) > 0 {
		g := c.waiting[0]
		var open []*Rollout
		for _, r := range g.Rollouts {
			if r.Finish == "" {
				open = append(open, r)
			}
		}
		if len(c.active) > 0 && len(c.active)+len(open) > c.batch {
			break
		}
		c.waiting = c.waiting[1:]
		began := make([]*live, len(open))
		c.together(len(open), func(i int) { began[i] = c.begin(c.ctx, c.Arenas[g.Env], open[i]) })
		var fresh []*live
		for _, l := range began {
			if l.over {
				continue
			}
			c.active = append(c.active, l)
			if l.written == 0 {
				fresh = append(fresh, l)
				continue
			}
			seqs, ids, owners = append(seqs, c.Engine.NewSequence()), append(ids, l.to.IDs), append(owners, []*live{l})
		}
		if len(fresh) > 0 {
			seqs, ids, owners = append(seqs, c.Engine.NewSequence()), append(ids, fresh[0].to.IDs), append(owners, fresh)
		}
	}
	if len(seqs) == 0 {
		return nil
	}
	begun := time.Now()
	if err := c.Engine.Read(seqs, ids...); err != nil {
		return err
	}
	for i, lives := range owners {
		c.phases.Read += len(ids[i])
		for j, l := range lives {
			l.seq = seqs[i]
			if j > 0 {
				l.seq = seqs[i].Fork()
			}
		}
	}
	err := c.draw(owners)
	c.phases.Prefill += time.Since(begun)
	return err
}

// read takes into the caches what was written and answered since the last pass, and draws what follows.
func (c *collection) read() error {
	var short, long []*live
	for _, l := range c.active {
		switch {
		case l.unread == 1:
			short = append(short, l)
		case l.unread > 1:
			long = append(long, l)
		}
	}
	for _, l := range long {
		c.phases.Read += l.unread
	}
	if err := c.advance(long, &c.phases.Prefill); err != nil {
		return err
	}
	return c.advance(short, &c.phases.Decode)
}

// advance reads what rollouts have not read yet, and draws what follows.
func (c *collection) advance(lives []*live, took *time.Duration) error {
	if len(lives) == 0 {
		return nil
	}
	begun := time.Now()
	seqs, ids, owners := make([]*generate.Sequence[float32], len(lives)), make([][]int32, len(lives)), make([][]*live, len(lives))
	for i, l := range lives {
		seqs[i], ids[i], owners[i] = l.seq, l.to.IDs[len(l.to.IDs)-l.unread:], lives[i:i+1]
	}
	if err := c.Engine.Read(seqs, ids...); err != nil {
		return err
	}
	err := c.draw(owners)
	*took += time.Since(begun)
	return err
}

// draw draws the next token of rollouts; owners are those that go on from each row of what was read.
func (c *collection) draw(owners [][]*live) error {
	var draws []generate.Draw
	var of []*live
	for row, lives := range owners {
		for _, l := range lives {
			r := l.to
			u := rng.New(c.sampling.Seed, "rollout "+r.Env, r.Key.Seed, r.Key.Index, uint64(r.Sample), uint64(len(r.IDs))).Float64()
			draws, of = append(draws, generate.Draw{Row: row, U: u}), append(of, l)
		}
	}
	if err := c.Engine.Draw(c.opt, draws); err != nil {
		return err
	}
	for i, l := range of {
		if err := draws[i].Err; err != nil {
			return fmt.Errorf("rl: %s %s, sample %d, token %d: %w", l.to.Env, l.to.Key, l.to.Sample, len(l.to.IDs), err)
		}
		l.choice, l.unread = draws[i].Choice, 0
	}
	return nil
}

// take takes the drawn token of every rollout and lets the environments answer the turns that ended.
func (c *collection) take() {
	begun := time.Now()
	var ended []*live
	for _, l := range c.active {
		if c.accept(l, c.limit(l.to)) {
			ended = append(ended, l)
		}
	}
	c.phases.Written += len(c.active)
	c.phases.Draw += time.Since(begun)

	begun = time.Now()
	c.together(len(ended), func(i int) { c.turnEnded(c.ctx, ended[i]) })
	c.phases.Environment += time.Since(begun)
	stay := c.active[:0]
	for _, l := range c.active {
		if !l.over {
			stay = append(stay, l)
			continue
		}
		l.seq.Release()
		c.scoring.Go(func() error { c.score(c.ctx, l, c.Arenas[l.to.Env]); return nil })
	}
	clear(c.active[len(stay):])
	c.active = stay
}

// together runs f for 0 to n-1 at the same time.
func (c *collection) together(n int, f func(i int)) {
	if n == 1 {
		f(0)
		return
	}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}
