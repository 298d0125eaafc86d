package generate

import (
	"context"
	"fmt"
	"slices"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
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
	spare   []*sample[T]

	base   *Sequence[T] // the prompt of which samples still wait
	logits []T          // that follow it

	seqs    []*Sequence[T]
	prompts [][]int32
	ids     []int32
}

// sample is one completion in progress.
type sample[T compute.Float] struct {
	to      *Completion
	seq     *Sequence[T]
	logits  []T // from which to draw next
	sampler *Sampler[T]
	seen    Seen
	out     output
	choice  Choice
	err     error
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
		if err := b.draw(b.running[began:]); err != nil {
			return err
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
	b.seqs, b.prompts = b.seqs[:0], b.prompts[:0]
	for p := first; p*n < to; p++ {
		b.seqs, b.prompts = append(b.seqs, b.e.NewSequence()), append(b.prompts, b.req.Prompts[p])
	}
	var logits []T
	if len(b.seqs) > 0 {
		var err error
		if logits, err = b.e.Prefill(b.seqs, b.prompts...); err != nil {
			return err
		}
	}
	vocab := b.e.cfg.VocabSize
	for ; b.next < to; b.next++ {
		p := b.next / n
		seq, row := b.base, b.logits
		if p >= first {
			seq, row = b.seqs[p-first], logits[(p-first)*vocab:(p-first+1)*vocab]
		}
		last := b.next%n == n-1
		if !last && b.next == to-1 { // the others wait for room
			b.base, b.logits = seq, slices.Clone(row) // a sample that begins now may still point to the old ones
		}
		if last {
			if seq == b.base {
				b.base = nil
			}
		} else {
			seq = seq.Fork()
		}
		b.begin(&b.done[b.next], seq, row)
	}
	return nil
}

// begin adds a completion of a sequence that holds the prompt.
func (b *batch[T]) begin(to *Completion, seq *Sequence[T], logits []T) {
	var x *sample[T]
	if n := len(b.spare); n > 0 {
		x, b.spare = b.spare[n-1], b.spare[:n-1]
	} else {
		x = &sample[T]{sampler: NewSampler[T](b.req.Sample)}
	}
	x.to, x.seq, x.logits = to, seq, logits
	x.out = output{stops: b.req.StopStrings}
	if b.req.Text != nil {
		x.out.stream = b.req.Text()
	}
	if p := b.req.Sample.RepetitionPenalty; p != 0 && p != 1 {
		x.seen = NewSeen(b.e.cfg.VocabSize)
		for _, id := range b.req.Prompts[to.Prompt] {
			x.seen.Add(id)
		}
	}
	b.running = append(b.running, x)
}

// step advances all completions by the token drawn last.
func (b *batch[T]) step() error {
	b.seqs, b.ids = b.seqs[:0], b.ids[:0]
	for _, x := range b.running {
		b.seqs, b.ids = append(b.seqs, x.seq), append(b.ids, x.choice.ID)
	}
	logits, err := b.e.Step(b.seqs, b.ids)
	if err != nil {
		return err
	}
	vocab := b.e.cfg.VocabSize
	for i, x := range b.running {
		x.logits = logits[i*vocab : (i+1)*vocab]
	}
	return nil
}

// draw takes the next token of each of the samples.
func (b *batch[T]) draw(samples []*sample[T]) error {
	b.e.be.For(len(samples), func(_ *cpu.Worker[T], i int) {
		x := samples[i]
		position := len(b.req.Prompts[x.to.Prompt]) + len(x.to.IDs)
		u := Uniform(b.req.Sample.Seed, x.to.Prompt, x.to.Sample, position)
		x.choice, x.err = x.sampler.Sample(x.logits, x.seen, u)
	})
	for _, x := range samples {
		if err := x.err; err == nil {
			x.err = b.accept(x)
		}
		if x.err != nil {
			return fmt.Errorf("prompt %d, sample %d, token %d: %w", x.to.Prompt, x.to.Sample, len(x.to.IDs), x.err)
		}
	}
	return nil
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
		x.to, x.seq, x.logits, x.seen = nil, nil, nil, nil
		b.spare = append(b.spare, x)
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
