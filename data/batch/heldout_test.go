package batch

import (
	"context"
	"errors"
	"io"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestHeldOutCoversOnce puts the held-out batches together again and wants the streams of the
// sources in their own order, every token but the first of each as a target once.
func TestHeldOutCoversOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := Config{
			Rows: rapid.IntRange(1, 4).Draw(rt, "rows"), Cols: rapid.IntRange(1, 9).Draw(rt, "cols"),
			After: []int32{7}, MaskDocuments: rapid.Bool().Draw(rt, "mask"),
		}
		all := []*memDocs{numbered(10, lengths(rt, 2)...), numbered(5000, lengths(rt, 2)...)}
		h, err := NewHeldOut([]Source{source("a", all[0], 0), source("b", all[1], 0)}, cfg)
		if err != nil {
			rt.Fatal(err)
		}
		var wantInputs, wantTargets []int32
		for _, docs := range all {
			var stream []int32
			for i := range docs.NumDocs() {
				stream = append(append(stream, docs.doc(i)...), 7)
			}
			wantInputs = append(wantInputs, stream[:len(stream)-1]...)
			wantTargets = append(wantTargets, stream[1:]...)
		}
		var inputs, targets []int32
		for i := range h.Len() {
			b := mustAt(t, h, i)
			if b.Rows != cfg.Rows || b.Cols != cfg.Cols {
				rt.Fatalf("batch %d is %d x %d", i, b.Rows, b.Cols)
			}
			for p, target := range b.Targets {
				if s := b.DocStart[p]; s < 0 || int(s) > p%b.Cols || !cfg.MaskDocuments && s != 0 {
					rt.Fatalf("DocStart %d at %d", s, p)
				}
				if target == -1 {
					if b.Inputs[p] != 0 {
						rt.Fatalf("filled up with input %d", b.Inputs[p])
					}
					continue
				}
				inputs, targets = append(inputs, b.Inputs[p]), append(targets, target)
			}
		}
		if diff := cmp.Diff(wantInputs, inputs); diff != "" {
			rt.Fatal("inputs:", diff)
		}
		if diff := cmp.Diff(wantTargets, targets); diff != "" {
			rt.Fatal("targets:", diff)
		}
		if h.Targets() != int64(len(targets)) {
			rt.Fatalf("Targets() = %d, counted %d", h.Targets(), len(targets))
		}
	})
	h, err := NewHeldOut([]Source{source("a", numbered(0, 5), 0)}, Config{Rows: 1, Cols: 64})
	if err != nil {
		t.Fatal("held-out data may be shorter than a sequence:", err)
	}
	var b Batch
	wantError(t, h.At(1, &b), nil, "no held-out batch 1")
	_, err = NewHeldOut([]Source{source("a", numbered(0, 1), 0)}, Config{Rows: 1, Cols: 64})
	wantError(t, err, nil, "held-out", `"a"`, "1 tokens")
}

// TestUnigramLoss compares with the formula computed plainly.
func TestSpreadTakesBatchesEvenly(t *testing.T) {
	docs := numbered(0, 7, 20, 13)
	h, err := NewHeldOut([]Source{{Name: "x", Documents: docs}}, Config{Rows: 1, Cols: 3})
	if err != nil {
		t.Fatal(err)
	}
	if got := h.Spread(0).Len(); got != h.Len() {
		t.Errorf("no limit gives %d of %d batches", got, h.Len())
	}
	part := h.Spread(3)
	for i := range part.Len() {
		var got, want Batch
		if err := part.At(i, &got); err != nil {
			t.Fatal(err)
		}
		if err := h.At(i*h.Len()/3, &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("batch %d: %s", i, diff)
		}
	}
}

func TestUnigramLoss(t *testing.T) {
	train, val := randomText(20, 30, 40, 1), randomText(5, 30, 50, 2)
	cfg := Config{Rows: 3, Cols: 8, After: []int32{49}}
	const vocab, a = 50, 1.0
	l := mustLoader(t, cfg, source("x", train, 0))
	h, err := NewHeldOut([]Source{source("x", val, 0)}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	u, err := UnigramLoss(t.Context(), l, h, vocab, a)
	if err != nil {
		t.Fatal(err)
	}
	count := map[int32]float64{49: 20}
	total := 20.0
	for _, id := range train.ids {
		count[id]++
		total++
	}
	var stream []int32
	for i := range val.NumDocs() {
		stream = append(append(stream, val.doc(i)...), 49)
	}
	var sum float64
	for _, id := range stream[1:] {
		sum -= math.Log((count[id] + a) / (total + a*vocab))
	}
	want := sum / float64(len(stream)-1)
	if math.Abs(u.Loss-want) > 1e-12 || u.Targets != int64(len(stream)-1) || u.TrainTokens != int64(total) {
		t.Errorf("got %+v, want loss %v over %d targets from %v tokens", u, want, len(stream)-1, total)
	}

	// Two sources of equal content, mixed in any proportion, are one source with twice the counts.
	twice := mustLoader(t, cfg, source("x", train, 0.9), source("y", train, 0.1))
	u2, err := UnigramLoss(t.Context(), twice, h, vocab, 2*a)
	if err != nil || math.Abs(u2.Loss-want) > 1e-12 {
		t.Errorf("mixed: %+v, %v; want loss %v", u2, err, want)
	}
	_, err = UnigramLoss(t.Context(), l, h, 40, a)
	wantError(t, err, ErrTokenRange, "40")
	_, err = UnigramLoss(t.Context(), l, h, 50, 0)
	wantError(t, err, nil, "smoothing 0")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = UnigramLoss(ctx, l, h, 50, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// slowBatches counts, waits where told and fails at one step.
type slowBatches struct {
	Batches
	fail int64
	gate chan struct{} // receives before each batch where not nil
}

func (s slowBatches) At(step int64, dst *Batch) error {
	if s.gate != nil {
		<-s.gate
	}
	if step == s.fail {
		return io.ErrUnexpectedEOF
	}
	return s.Batches.At(step, dst)
}

// TestPrefetcher wants the loader's own batches in order, whatever the number of workers.
func TestPrefetcher(t *testing.T) {
	cfg := Config{Seed: 5, Rows: 2, Cols: 16, MaskDocuments: true}
	l := mustLoader(t, cfg, source("a", randomText(40, 30, 100, 1), 0))
	before := runtime.NumGoroutine()
	for _, pc := range []PrefetchConfig{{End: 50}, {End: 50, First: 13, Workers: 3, Depth: 7}, {End: 9, Workers: 8, Depth: 1}, {First: 20, End: 20}} {
		p, err := NewPrefetcher(l, pc)
		if err != nil {
			t.Fatal(err)
		}
		for want := pc.First; want < pc.End; want++ {
			b, step, err := p.Next(t.Context())
			if err != nil || step != want {
				t.Fatalf("%+v: batch %d, %v; want %d", pc, step, err, want)
			}
			if diff := cmp.Diff(mustAt(t, l, step), *b); diff != "" {
				t.Fatal(stepName(step), diff)
			}
		}
		for range 3 {
			if _, _, err := p.Next(t.Context()); !errors.Is(err, io.EOF) {
				t.Errorf("%+v: after the end: %v", pc, err)
			}
		}
		p.Close()
		p.Close()
		if _, _, err := p.Next(t.Context()); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("after Close: %v", err)
		}
	}
	early, err := NewPrefetcher(l, PrefetchConfig{Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	early.Close() // with work left
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// TestPrefetcherErrors covers a failing batch, an ended context and an impossible configuration.
func TestPrefetcherErrors(t *testing.T) {
	l := mustLoader(t, Config{Rows: 1, Cols: 4}, source("a", numbered(0, 40), 0))
	p, err := NewPrefetcher(slowBatches{Batches: l, fail: 2}, PrefetchConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var errs []bool
	for range 4 {
		_, _, err := p.Next(t.Context())
		errs = append(errs, errors.Is(err, io.ErrUnexpectedEOF))
	}
	if !slices.Equal(errs, []bool{false, false, true, false}) {
		t.Errorf("errors at %v, want at batch 2 only", errs)
	}

	gate := make(chan struct{})
	q, err := NewPrefetcher(slowBatches{l, -1, gate}, PrefetchConfig{Depth: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := q.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
	close(gate)
	b, step, err := q.Next(t.Context())
	if err != nil || step != 0 || !cmp.Equal(mustAt(t, l, 0), *b) {
		t.Errorf("after the ended context: batch %d, %v", step, err)
	}
	q.Close()
	_, err = NewPrefetcher(l, PrefetchConfig{Depth: -1})
	wantError(t, err, nil, "negative")
}
