package generate

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/model"
)

// wide is a variant with enough tokens for single bytes.
func wide(name string) model.Config {
	c := variants()[name]
	c.VocabSize = 128
	return c
}

func letters() TextStream { return &bytesStream{} }

func textRequest() Request {
	r := Request{Samples: 3, MaxTokens: 40, Stop: []int32{7}, Text: letters, StopStrings: []string{"q", "XY"}}
	r.Sample = SampleOptions{Temperature: 1.5, TopK: 60, TopP: 0.98, RepetitionPenalty: 1.1, Seed: 11}
	for i := range 7 {
		r.Prompts = append(r.Prompts, someIDs(uint64(i), 1+31*i%90, 128))
	}
	return r
}

func TestContinuousBatchingEqualsOneByOne(t *testing.T) {
	for _, name := range []string{"yarn", "grouped, sparse, yarn"} {
		t.Run(name, func(t *testing.T) {
			r := textRequest()
			var want []Completion
			for _, batch := range []int{1, 2, 5, 0} {
				_, e := build[float32](t, wide(name), 1+batch)
				r.MaxBatch = batch
				got, err := e.Generate(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				if want == nil {
					want = got
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("batch of %d (-one by one +got):\n%s", batch, d)
				}
				if len(e.pool.free) != e.pool.made {
					t.Errorf("batch of %d: %d of %d pages came back", batch, len(e.pool.free), e.pool.made)
				}
			}
			reasons := map[Finish]int{}
			for i, c := range want {
				reasons[c.Finish]++
				if c.Prompt != i/3 || c.Sample != i%3 {
					t.Errorf("completion %d is that of prompt %d, sample %d", i, c.Prompt, c.Sample)
				}
			}
			if reasons[FinishStop] == 0 || reasons[FinishLength] == 0 || len(reasons) != 2 {
				t.Errorf("the test should see both reasons, got %v", reasons)
			}
			if cmp.Equal(want[3].IDs, want[4].IDs) {
				t.Error("two samples of a prompt are the same")
			}
		})
	}
}

// The training forward, argmax and nothing else gives the greedy tokens and their log-probabilities.
func TestGreedyEqualsTrainingForward(t *testing.T) {
	m, e := build[float64](t, variants()["sparse"], 2)
	vocab := m.Config.VocabSize
	ids := someIDs(2, 9, vocab)
	got, err := e.Generate(t.Context(), Request{Prompts: [][]int32{ids}, MaxTokens: 30})
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range got[0].IDs {
		logits := m.Logits(model.Input{Rows: 1, Cols: len(ids), IDs: ids})
		last := logits[(len(ids)-1)*vocab:]
		if best := largest(last); int32(best) != id {
			t.Fatalf("token %d is %d, want %d", i, id, best)
		}
		targets := make([]int32, len(ids))
		for j := range targets {
			targets[j] = -1
		}
		targets[len(ids)-1] = id
		loss := m.Losses(model.Input{Rows: 1, Cols: len(ids), IDs: ids, Targets: targets})[len(ids)-1]
		if d := loss + got[0].LogProbs[i]; d > 1e-9 || d < -1e-9 {
			t.Fatalf("token %d has log-probability %g and loss %g", i, got[0].LogProbs[i], loss)
		}
		if got[0].SampledLogProbs[i] != 0 {
			t.Fatalf("greedy token %d has sampling log-probability %g", i, got[0].SampledLogProbs[i])
		}
		ids = append(ids, id)
	}
	if c := got[0]; len(c.IDs) != 30 || c.Finish != FinishLength || c.Text != "" {
		t.Errorf("%d tokens, finish %q, text %q", len(c.IDs), c.Finish, c.Text)
	}
}

func TestStreaming(t *testing.T) {
	_, e := build[float32](t, wide("latent"), 2)
	r := textRequest()
	r.MaxBatch = 4
	streamed := make([]Completion, len(r.Prompts)*r.Samples)
	for i := range streamed {
		streamed[i].Prompt, streamed[i].Sample = i/r.Samples, i%r.Samples
	}
	r.OnToken = func(tok Token) {
		c := &streamed[tok.Prompt*r.Samples+tok.Sample]
		if tok.Index != len(c.IDs) || c.Finish != "" {
			t.Errorf("prompt %d, sample %d: token %d after %d tokens, finish %q", tok.Prompt, tok.Sample, tok.Index, len(c.IDs), c.Finish)
		}
		c.IDs, c.Text, c.Finish = append(c.IDs, tok.ID), c.Text+tok.Text, tok.Finish
		c.LogProbs, c.SampledLogProbs = append(c.LogProbs, tok.LogProb), append(c.SampledLogProbs, tok.SampledLogProb)
	}
	got, err := e.Generate(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(got, streamed); d != "" {
		t.Errorf("the stream differs (-result +stream):\n%s", d)
	}
	for i, c := range got {
		text := c.Text
		for _, id := range c.IDs {
			if id == 7 {
				continue
			}
			if text == "" || text[0] != byte(id) {
				break
			}
			text = text[1:]
		}
		if text != "" || strings.Contains(c.Text, "q") || strings.Contains(c.Text, "XY") {
			t.Errorf("completion %d: text %q of tokens %v", i, c.Text, c.IDs)
		}
	}
}

// A completion goes on where another one was cut: draws depend on the position, not on the request.
func TestResume(t *testing.T) {
	_, e := build[float32](t, wide("latent"), 2)
	r := Request{Prompts: [][]int32{{1, 2, 3}}, MaxTokens: 30, Sample: SampleOptions{Temperature: 1, Seed: 3}}
	whole, err := e.Generate(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	r.Prompts, r.MaxTokens = [][]int32{append(r.Prompts[0], whole[0].IDs[:12]...)}, 18
	rest, err := e.Generate(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(whole[0].IDs[12:], rest[0].IDs); d != "" {
		t.Error(d)
	}
}

func TestContextLimitEndsCompletion(t *testing.T) {
	c := variants()["latent"]
	_, e := build[float32](t, c, 1)
	prompt := someIDs(1, c.MaxPositionEmbeddings-3, c.VocabSize)
	got, err := e.Generate(t.Context(), Request{Prompts: [][]int32{prompt}})
	if err != nil || len(got[0].IDs) != 3 || got[0].Finish != FinishLength {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestInterrupt(t *testing.T) {
	_, e := build[float32](t, wide("latent"), 1)
	ctx, cancel := context.WithCancel(t.Context())
	r := Request{Prompts: [][]int32{{1}, {2}, {3}}, Samples: 2, MaxTokens: 50, MaxBatch: 3, Text: letters}
	n := 0
	r.OnToken = func(Token) {
		if n++; n == 9 {
			cancel()
		}
	}
	got, err := e.Generate(ctx, r)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	tokens := 0
	for _, c := range got {
		tokens += len(c.IDs)
		if c.Finish != "" {
			t.Errorf("interrupted, yet finished: %+v", c)
		}
	}
	if tokens != 9 || got[0].Text == "" || len(e.pool.free) != e.pool.made {
		t.Errorf("%d tokens, text %q, %d of %d pages back", tokens, got[0].Text, len(e.pool.free), e.pool.made)
	}
}

func TestRequestErrors(t *testing.T) {
	c := wide("latent")
	_, e := build[float32](t, c, 1)
	_, err := e.Generate(t.Context(), Request{
		Prompts: [][]int32{nil, {1, 128}, make([]int32, c.MaxPositionEmbeddings)},
		Samples: -1, MaxTokens: -2, MaxBatch: -3, Stop: []int32{-4}, StopStrings: []string{"", "a\xff"}, Sample: SampleOptions{TopP: 2},
	})
	for _, want := range []string{
		"prompt 0: no tokens", "prompt 1: token id 128 at position 1 is outside the vocabulary of 128", "prompt 2: 256 tokens leave no room",
		"samples is -1", "max tokens is -2", "max batch is -3", "stop token -4", `stop string ""`, `stop string "a\xff"`, "need a decoder", "top-p 2",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
	if got, err := e.Generate(t.Context(), Request{}); err != nil || len(got) != 0 {
		t.Errorf("no prompts: %v, %v", got, err)
	}
}

// Weights that are no numbers end in an error that says so.
func TestBrokenWeights(t *testing.T) {
	m, e := build[float32](t, wide("latent"), 1)
	w := m.Param("model.norm.weight").Value
	w[0] /= float32(0 * w[1])
	w[0] -= w[0]
	if _, err := e.Generate(t.Context(), Request{Prompts: [][]int32{{1}}}); err == nil || !strings.Contains(err.Error(), "not finite") {
		t.Errorf("error %v", err)
	}
}
