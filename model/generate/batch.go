package generate

import (
	"context"
	"fmt"
	"slices"

	"muonclip/internal/compute"
)

// Generate completes prompts, Request.Samples times each. Completions that end leave the batch and
// waiting ones take their places at once; a prompt is read once for all its samples. The result is
// ordered by prompt and sample and depends on neither MaxBatch nor the number of threads. ctx is
// looked at before each step; where it has ended or a step fails, Generate returns what there is so
// far with the error.
func (e *Engine[T]) Generate(ctx context.Context, r Request) ([]Completion, error) {
	if err := r.check(e.cfg); err != nil {
		return nil, err
	}
	r.Samples = max(1, r.Samples)
	if r.MaxBatch == 0 {
		r.MaxBatch = defaultBatch
	}
	b := &batch[T]{e: e, req: r, done: make([]Completion, len(r.Prompts)*r.Samples)}
	for i := range b.done {
		b.done[i].Prompt, b.done[i].Sample = i/r.Samples, i%r.Samples
	}
	defer b.release()
	err := b.run(ctx)
	for _, x := range b.running {
		x.to.Text = string(x.out.text)
	}
	return b.done, err
}

// batch is a Generate in progress.
type batch[T compute.Float] struct {
	e       *Engine[T]
	req     Request
	done    []Completion // all completions, finished or not
	next    int          // the first one that has not begun
	running []*sample[T]

	base   *Sequence[T] // the prompt of which samples still wait
	logits []T          // that follow it

	seqs    []*Sequence[T]
	prompts [][]int32
	ids     []int32
	draws   []Draw
}

// sample is one completion in progress.
type sample[T compute.Float] struct {
	to     *Completion
	seq    *Sequence[T]
	seen   Seen
	out    output
	choice Choice // the token drawn last
}

func (b *batch[T]) run(ctx context.Context) error {
	for b.next < len(b.done) || len(b.running) > 0 {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("generate: interrupted: %w", err)
		}
		began := len(b.running)
		if err := b.admit(); err != nil {
			return err
		}
		if began == len(b.running) {
			if err := b.step(); err != nil {
				return err
			}
			began = 0
		}
		for _, x := range b.running[began:] {
			if err := b.accept(x); err != nil {
				return x.to.failed(err)
			}
		}
		b.leave()
	}
	return nil
}

// admit begins completions while there is room. The prompts among them are read together.
func (b *batch[T]) admit() error {
	from, to := b.next, min(len(b.done), b.next+b.req.MaxBatch-len(b.running))
	if from == to {
		return nil
	}
	n := b.req.Samples
	first := ceil(from, n) // the first prompt not yet read
	b.draws = b.draws[:0]
	for i := from; i < to; i++ {
		p := i / n
		b.draws = append(b.draws, Draw{Row: max(0, p-first), U: Uniform(b.req.Sample.Seed, p, i%n, len(b.req.Prompts[p])), Seen: b.seen(p)})
	}
	late := min(first*n, to) - from // samples of a prompt that was read before
	b.e.sample(b.req.Sample, b.logits, b.draws[:late])
	if err := b.read(first, to, b.draws[late:]); err != nil {
		return err
	}
	for ; b.next < to; b.next++ {
		p := b.next / n
		seq := b.base
		if p >= first {
			seq = b.seqs[p-first]
		}
		last := b.next%n == n-1
		if !last && b.next == to-1 { // the others wait for room
			b.base = seq
		}
		if last {
			if seq == b.base {
				b.base = nil
			}
		} else {
			seq = seq.Fork()
		}
		b.begin(&b.done[b.next], seq, b.draws[b.next-from].Choice)
	}
	return nil
}

// read reads the prompts from first on that completions before number to belong to, and draws their first tokens. Of the last
// prompt it keeps the logits where more samples wait for room.
func (b *batch[T]) read(first, to int, draws []Draw) error {
	n, vocab := b.req.Samples, b.e.cfg.VocabSize
	end := ceil(to, n)
	b.seqs, b.prompts = b.seqs[:0], b.prompts[:0]
	for p := first; p < end; p++ {
		b.seqs, b.prompts = append(b.seqs, b.e.NewSequence()), append(b.prompts, b.req.Prompts[p])
	}
	err := b.draw(draws)
	if err == nil && len(b.seqs) > 0 && to < end*n {
		var logits []T
		if logits, err = b.e.Logits(); err == nil {
			b.logits = append(b.logits[:0], logits[(len(b.seqs)-1)*vocab:]...)
		}
	}
	for i := range b.draws {
		if err == nil && b.draws[i].Err != nil {
			err = b.done[b.next+i].failed(b.draws[i].Err)
		}
	}
	if err != nil {
		for _, s := range b.seqs {
			s.Release()
		}
	}
	return err
}

// draw reads the prompts at hand, if any, and draws from what follows them.
func (b *batch[T]) draw(draws []Draw) error {
	if len(b.seqs) == 0 {
		return nil
	}
	if err := b.e.Read(b.seqs, b.prompts...); err != nil {
		return err
	}
	return b.e.Draw(b.req.Sample, draws)
}

// seen is the tokens of a prompt, nil where there is no repetition penalty.
func (b *batch[T]) seen(prompt int) Seen {
	if p := b.req.Sample.RepetitionPenalty; p == 0 || p == 1 {
		return nil
	}
	seen := NewSeen(b.e.cfg.VocabSize)
	for _, id := range b.req.Prompts[prompt] {
		seen.Add(id)
	}
	return seen
}

// begin adds a completion of a sequence that holds the prompt, and its first token.
func (b *batch[T]) begin(to *Completion, seq *Sequence[T], first Choice) {
	x := &sample[T]{to: to, seq: seq, seen: b.seen(to.Prompt), out: output{stops: b.req.StopStrings}, choice: first}
	if b.req.Text != nil {
		x.out.stream = b.req.Text()
	}
	b.running = append(b.running, x)
}

// step advances all completions by the token drawn last, and draws the next one of each.
func (b *batch[T]) step() error {
	b.seqs, b.ids, b.draws = b.seqs[:0], b.ids[:0], b.draws[:0]
	for i, x := range b.running {
		b.seqs, b.ids = append(b.seqs, x.seq), append(b.ids, x.choice.ID)
		position := len(b.req.Prompts[x.to.Prompt]) + len(x.to.IDs)
		b.draws = append(b.draws, Draw{Row: i, U: Uniform(b.req.Sample.Seed, x.to.Prompt, x.to.Sample, position), Seen: x.seen})
	}
	if err := b.e.Advance(b.seqs, b.ids); err != nil {
		return err
	}
	if err := b.e.Draw(b.req.Sample, b.draws); err != nil {
		return err
	}
	for i, x := range b.running {
		if err := b.draws[i].Err; err != nil {
			return x.to.failed(err)
		}
		x.choice = b.draws[i].Choice
	}
	return nil
}

// failed says where a completion came to an end.
func (c *Completion) failed(err error) error {
	return fmt.Errorf("prompt %d, sample %d, token %d: %w", c.Prompt, c.Sample, len(c.IDs), err)
}

// accept records the drawn token and decides whether the completion ends with it.
func (b *batch[T]) accept(x *sample[T]) error {
	c, id := x.to, x.choice.ID
	c.IDs = append(c.IDs, id)
	c.LogProbs, c.SampledLogProbs = append(c.LogProbs, x.choice.LogProb), append(c.SampledLogProbs, x.choice.SampledLogProb)
	if x.seen != nil {
		x.seen.Add(id)
	}
	var piece string
	if slices.Contains(b.req.Stop, id) {
		c.Finish, piece = FinishStop, x.out.finish()
	} else {
		text, stopped, err := x.out.add(id)
		if err != nil {
			return fmt.Errorf("generate: decode token id %d: %w", id, err)
		}
		piece = text
		full := len(c.IDs) == b.req.MaxTokens || len(b.req.Prompts[c.Prompt])+len(c.IDs) >= b.e.cfg.MaxPositionEmbeddings
		switch {
		case stopped:
			c.Finish = FinishStop
		case full:
			c.Finish, piece = FinishLength, piece+x.out.finish()
		}
	}
	if b.req.OnToken != nil {
		b.req.OnToken(Token{Prompt: c.Prompt, Sample: c.Sample, Index: len(c.IDs) - 1, Choice: x.choice, Text: piece, Finish: c.Finish})
	}
	return nil
}

// leave removes the completions that have ended.
func (b *batch[T]) leave() {
	stay := b.running[:0]
	for _, x := range b.running {
		if x.to.Finish == "" {
			stay = append(stay, x)
			continue
		}
		x.to.Text = string(x.out.text)
		x.seq.Release()
	}
	clear(b.running[len(stay):])
	b.running = stay
}

// release gives all pages back.
func (b *batch[T]) release() {
	for _, x := range b.running {
		x.seq.Release()
	}
	if b.base != nil {
		b.base.Release()
	}
}
