package synth

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"muonclip/data/chatshard"
	"muonclip/data/dialogue"
	"muonclip/internal/minhash"
	"muonclip/synth/dataset"
	"muonclip/synth/dataset/screen"
)

// window is how many candidates a worker may be ahead of the one that is needed next: the slowest dialogue of a hundred
// takes a good deal longer than the others.
const window = 16

// candidate is a dialogue on its way through the pipeline, with everything that can be made of it without knowing the
// others.
type candidate struct {
	index   int64
	done    chan struct{} // closed when the rest is set
	row     *dataset.Row
	refusal *Refusal
	err     error

	dialogue, record []byte // lines of JSON
	digest           dataset.Digest
	signature        *minhash.Signature // nil where near-duplicates are not looked for
	grams            []uint64
	tokens           chatshard.Dialogue
	matches          []screen.Match
}

// pipeline makes candidates in parallel and gives them in order.
type pipeline struct {
	sampler Sampler
	config  dataset.Config
	options Options
	overlap *screen.Overlap // nil without benchmarks
}

// run calls take with the candidates from index first on, in order, until take has kept as many as are wanted or fails.
// No more candidates are begun than may be needed, because a model may have to be paid for each.
func (p *pipeline) run(ctx context.Context, first int64, wanted int, take func(*candidate) (kept bool, err error)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	work := make(chan *candidate)
	queue := make(chan *candidate, window*p.options.Workers)
	missing := make(chan struct{}, wanted) // one for each candidate that may be begun
	for range wanted {
		missing <- struct{}{}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(work)
		defer close(queue)
		for index := first; ; index++ {
			select {
			case <-missing:
			case <-ctx.Done():
				return nil
			}
			c := &candidate{index: index, done: make(chan struct{})}
			select {
			case queue <- c:
			case <-ctx.Done():
				return nil
			}
			select {
			case work <- c:
			case <-ctx.Done():
				return nil
			}
		}
	})
	for range p.options.Workers {
		group.Go(func() error {
			for c := range work {
				p.make(ctx, c)
				close(c.done)
			}
			return nil
		})
	}
	group.Go(func() error {
		defer cancel()
		for c := range queue {
			select {
			case <-c.done:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			if c.err != nil {
				return fmt.Errorf("synth: candidate %d: %w", c.index, c.err)
			}
			kept, err := take(c)
			switch {
			case err != nil:
				return err
			case !kept:
				missing <- struct{}{}
				continue
			}
			if wanted--; wanted == 0 {
				return nil
			}
		}
		return context.Cause(ctx)
	})
	return group.Wait()
}

// make fills in a candidate. A panic in the sampler refuses the candidate instead of ending the run: what one world
// does must not cost the others.
func (p *pipeline) make(ctx context.Context, c *candidate) {
	defer func() {
		if r := recover(); r != nil {
			c.row, c.err = nil, nil
			c.refusal = &Refusal{ReasonPanic, fmt.Sprintf("candidate %d: %v in %s", c.index, r, panicked())}
		}
	}()
	row, refusal, err := p.sampler.Dialogue(ctx, c.index)
	switch {
	case err != nil:
		c.err = err
		return
	case refusal != nil:
		c.refusal = refusal
		return
	case row == nil:
		c.err = fmt.Errorf("the sampler gave neither a dialogue nor a refusal")
		return
	}
	row.Index = c.index
	row.Dialogue.ID = dataset.RowID(row.Key)
	if c.err = row.Validate(); c.err != nil {
		return
	}
	if p.overlap != nil {
		if c.matches = p.overlap.Find(row.Dialogue); len(c.matches) > 0 {
			c.refusal = &Refusal{ReasonContaminated, c.matches[0].String()}
			c.row = row
			return
		}
	}
	if p.config.NearDuplicate > 0 {
		c.signature = screen.Sign(row.Dialogue)
	}
	c.row = row
	c.dialogue = dataset.AppendDialogue(nil, row)
	if c.record, c.err = dataset.AppendRecord(nil, row); c.err != nil {
		return
	}
	c.grams = dataset.GramsOf(row.Dialogue)
	c.digest = dataset.DigestOf(row)
	if p.config.Has(Arrow) {
		c.err = p.encode(c)
	}
}

// encode makes the token ids and the loss mask.
func (p *pipeline) encode(c *candidate) error {
	d, err := dialogue.Encode(p.options.Tokenizer, p.options.ChatFormat, c.row.Dialogue)
	if err != nil {
		return err
	}
	if len(c.row.Kinds) > 0 {
		d.Kind = c.row.Kinds[0]
	}
	c.tokens, c.digest.Tokens, c.digest.Trained = d, len(d.IDs), d.Trained()
	return nil
}

// panicked names the function that panicked and its callers, as it is called in a deferred function.
func panicked() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	var names []string
	for thrown := false; len(names) < 3; {
		f, more := frames.Next()
		if thrown && !strings.HasPrefix(f.Function, "runtime.") {
			names = append(names, fmt.Sprintf("%s (%s:%d)", strings.TrimPrefix(f.Function, "muonclip/"), filepath.Base(f.File), f.Line))
		}
		thrown = thrown || f.Function == "runtime.gopanic"
		if !more {
			break
		}
	}
	return strings.Join(names, ", called by ")
}
