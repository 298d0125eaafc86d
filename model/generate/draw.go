package generate

import (
	"fmt"
	"sync"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
)

// Draw is a token to be drawn after a sequence of the last Read.
type Draw struct {
	Row  int     // which sequence
	U    float64 // random number in [0, 1)
	Seen Seen    // tokens that the repetition penalty applies to; nil for none
	// Choice is the token, unless Err says why there is none.
	Choice Choice
	Err    error
}

// Draw draws tokens from the logits that the last Read left; several may be drawn after one sequence. It fails as a
// whole where the options are wrong or a device fails.
func (e *Engine[T]) Draw(o SampleOptions, draws []Draw) (err error) {
	if err := o.Validate(); err != nil {
		return err
	}
	for i, d := range draws {
		if d.Row < 0 || d.Row >= e.outputs {
			return fmt.Errorf("generate: draw %d is from row %d of the %d that were read", i, d.Row, e.outputs)
		}
	}
	if e.dev != nil {
		defer compute.Guard(&err)
		if o.plain() {
			e.dev.draw(o, draws)
			return nil
		}
		e.dev.bring(e.outputs)
	}
	e.sample(o, e.buf.logits, draws)
	return nil
}

// plain reports whether nothing but the temperature changes the model's distribution.
func (o SampleOptions) plain() bool {
	cut := o.Temperature > 0 && (o.TopK > 0 || o.TopP > 0 && o.TopP < 1 || o.MinP > 0)
	return !cut && (o.RepetitionPenalty == 0 || o.RepetitionPenalty == 1)
}

// sample draws from rows of logits on the host.
func (e *Engine[T]) sample(o SampleOptions, logits []T, draws []Draw) {
	if len(e.samplers) > 0 && e.samplers[0].made != o {
		e.samplers = nil
	}
	for len(e.samplers) < len(draws) {
		e.samplers = append(e.samplers, NewSampler[T](o))
	}
	vocab := e.cfg.VocabSize
	e.together(len(draws), func(i int) {
		d := &draws[i]
		d.Choice, d.Err = e.samplers[i].Sample(logits[d.Row*vocab:(d.Row+1)*vocab], d.Seen, d.U)
	})
}

// together runs f for 0 to n-1 at the same time.
func (e *Engine[T]) together(n int, f func(i int)) {
	if e.dev == nil {
		e.be.For(n, func(_ *cpu.Worker[T], i int) { f(i) })
		return
	}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}
