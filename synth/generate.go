package synth

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"muonclip/internal/minhash"
	"muonclip/internal/progress"
	"muonclip/synth/dataset"
	"muonclip/synth/dataset/screen"
)

// Generate writes a data set of o.N dialogues. Candidates are made in parallel and judged in the order of their
// numbers, so the bytes depend on the options and the sampler alone and not on the number of workers. A run that
// was killed goes on after its last whole part and ends with the same bytes; a finished one is left as it is.
func Generate(ctx context.Context, sampler Sampler, o Options) (*Result, error) {
	if o.Dir == "" {
		return nil, usage("no folder to write to")
	}
	var benchmarks []*screen.Benchmark
	for _, path := range o.Benchmarks {
		b, err := screen.ReadBenchmark(path)
		if err != nil {
			return nil, &UsageError{err}
		}
		benchmarks = append(benchmarks, b)
	}
	abs, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("synth: %w", err)
	}
	config, err := o.config(sampler.Describe(), benchmarks, filepath.Base(abs))
	if err != nil {
		return nil, err
	}
	if done, err := finished(o.Dir, config); done != nil || err != nil {
		return done, err
	}
	if err := empty(o.Dir); err != nil {
		return nil, err
	}
	held, err := lock(o.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = held.Close() }() // which frees the lock
	if err := prepare(o.Dir, config); err != nil {
		return nil, err
	}
	run := &run{options: o, config: config, print: fingerprint(config)}
	if len(benchmarks) > 0 {
		run.overlap = screen.NewOverlap(benchmarks)
	}
	if err := run.resume(); err != nil {
		return nil, err
	}
	if err := run.generate(ctx, sampler); err != nil {
		return nil, err
	}
	manifest, err := run.finish()
	if err != nil {
		return nil, err
	}
	return &Result{Manifest: manifest, Resumed: run.resumed}, nil
}

// finished finds out whether the folder holds the whole data set already. Another one there is an error.
func finished(dir string, c dataset.Config) (*Result, error) {
	m, err := dataset.ReadManifest(dir)
	if errors.Is(err, dataset.ErrUnfinished) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if fingerprint(m.Config) != fingerprint(c) {
		return nil, usage("%s holds a data set made with other options (%s): give another folder", dir, difference(m.Config, c))
	}
	if err := os.RemoveAll(filepath.Join(dir, StateDir)); err != nil { // left where a run was killed at its very end
		return nil, fmt.Errorf("synth: %w", err)
	}
	return &Result{Manifest: m, Resumed: m.Rows, Finished: true}, nil
}

// run is one call of Generate.
type run struct {
	options Options
	config  dataset.Config
	print   string          // fingerprint of config
	overlap *screen.Overlap // nil without benchmarks
	near    *minhash.Index  // nil where near-duplicates are not looked for
	keys    []string        // of the rows kept, for messages about duplicates
	states  []*partState    // of the parts that are written
	rows    int             // kept so far
	resumed int
}

// resume takes over the parts of an earlier run.
func (r *run) resume() error {
	if r.config.NearDuplicate > 0 {
		r.near = minhash.NewIndex(r.config.NearDuplicate)
	}
	r.states = loadStates(r.options.Dir, r.print)
	for i, s := range r.states {
		for _, raw := range s.Signatures {
			sign := new(minhash.Signature)
			if err := sign.UnmarshalBinary(raw); err != nil {
				return fmt.Errorf("synth: %s: %w; remove it", statePath(r.options.Dir, i), err)
			}
			r.near.Keep(sign)
		}
		for _, d := range s.Digests {
			r.keys = append(r.keys, d.ID)
		}
		r.rows += s.Part.Rows
	}
	r.resumed = r.rows
	return nil
}

// generate makes the rows that are missing. Parts are written in the background, one after the other, while the
// next is made.
func (r *run) generate(ctx context.Context, sampler Sampler) error {
	if r.rows >= r.config.N {
		return nil
	}
	task := r.options.Progress.Start(progress.Spec{Name: "dialogues", Unit: "dialogues", Total: int64(r.config.N), Done: int64(r.rows)})
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	parts, written := make(chan *part, 1), make(chan error, 1)
	go func() { written <- r.writeParts(parts, cancel) }()

	now := newPart(len(r.states), r.print)
	refused, inRow := int64(0), 0
	first := int64(0)
	if len(r.states) > 0 {
		first = r.states[len(r.states)-1].Part.Next
	}
	send := func() error {
		select {
		case parts <- now:
			now = newPart(now.number+1, r.print)
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	p := &pipeline{sampler: sampler, config: r.config, options: r.options, overlap: r.overlap}
	err := p.run(ctx, first, r.config.N-r.rows, func(c *candidate) (bool, error) {
		if refusal := r.judge(c); refusal != nil {
			now.refuse(c, *refusal)
			if refused++; refused%64 == 0 {
				task.Set(int64(r.rows), progress.Field{Name: "refused", Value: fmt.Sprint(refused)})
			}
			if inRow++; inRow == r.options.GiveUp {
				return false, fmt.Errorf("synth: %d candidates in a row were refused, the last for %s (%s): the sampler has nothing more to give", inRow, refusal.Reason, refusal.Detail)
			}
			return false, nil
		}
		inRow = 0
		now.add(c)
		r.rows++
		task.Set(int64(r.rows))
		if len(now.rows) == r.config.PartRows || r.rows == r.config.N {
			if err := send(); err != nil {
				return false, err
			}
		}
		return true, nil
	})
	close(parts)
	if writeErr := <-written; writeErr != nil {
		err = writeErr
	}
	if err != nil {
		task.Fail(err)
		return err
	}
	task.Done(fmt.Sprintf("%d refused", refused))
	return nil
}

// judge decides in the order of the candidates what only the order can decide.
func (r *run) judge(c *candidate) *Refusal {
	if c.refusal != nil {
		return c.refusal
	}
	if r.near != nil {
		if n, similarity, found := r.near.Find(c.signature); found {
			return &Refusal{ReasonDuplicate, fmt.Sprintf("%s is %.2f similar to %s", c.row.Dialogue.ID, similarity, r.keys[n])}
		}
		r.near.Keep(c.signature)
	}
	r.keys = append(r.keys, c.digest.ID)
	return nil
}

// writeParts writes parts as they come. After an error it stops the run and only drains the channel.
func (r *run) writeParts(parts <-chan *part, stop context.CancelCauseFunc) error {
	var failed error
	for p := range parts {
		if failed != nil {
			continue
		}
		if failed = p.write(r.options.Dir, r.config); failed == nil {
			failed = p.state.save(r.options.Dir, p.number)
		}
		if failed != nil {
			stop(failed)
			continue
		}
		r.states = append(r.states, &p.state)
	}
	return failed
}
